#!/usr/bin/env python3
"""Writes the kernels into a C file: for each family an array of lines, NULL last, in the order of the arguments.

usage: embed.py OUTPUT INCLUDE_DIRECTORY FILE.cl ...
`#include "..."` is resolved here, beside the file or below INCLUDE_DIRECTORY, each header once a family: a driver is
handed one self-contained text. One literal a line keeps every literal below the 4,095 bytes that C11 guarantees.
"""
import os
import re
import sys

INCLUDE = re.compile(r'^#include "([^"]+)"')


def lines_of(path, directories, seen):
    """The lines of a file with what it includes in their place."""
    for line in open(path, encoding="utf-8").read().split("\n"):
        match = INCLUDE.match(line)
        if not match:
            yield line
            continue
        found = [os.path.join(d, match.group(1)) for d in [os.path.dirname(path), *directories]]
        found = [f for f in found if os.path.exists(f)]
        if not found:
            sys.exit("%s: no file %s" % (path, match.group(1)))
        if found[0] not in seen:
            seen.add(found[0])
            yield from lines_of(found[0], directories, seen)


def literal(line):
    return '"%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"')


def main(output, directory, *paths):
    with open(output, "w", encoding="utf-8") as out:
        out.write("/* Written by kernels/embed.py. */\n#include <stddef.h>\n\n")
        for path in paths:
            family = os.path.splitext(os.path.basename(path))[0]
            out.write("extern const char *const opencl_source_%s[];\n" % family)
            out.write("const char *const opencl_source_%s[] = {\n" % family)
            for line in lines_of(path, [directory], set()):
                out.write("    %s,\n" % literal(line))
            out.write("    NULL,\n};\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
