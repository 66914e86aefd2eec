#!/usr/bin/env python3
"""Writes the templates of `orrery new` into a C file: for each an array of lines, NULL last.

usage: embed.py OUTPUT FILE ...
One literal a line keeps every literal below the 4,095 bytes that C11 guarantees.
"""
import os
import sys


def literal(line):
    return '"%s\\n"' % line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")


def main(output, *paths):
    with open(output, "w", encoding="utf-8") as out:
        out.write('/* Written by templates/embed.py. */\n#include "cli/templates.h"\n\n')
        for path in paths:
            name = os.path.splitext(os.path.basename(path))[0].lower()
            out.write("const char *const orr_template_%s[] = {\n" % name)
            with open(path, encoding="utf-8") as text:
                for line in text.read().rstrip("\n").split("\n"):
                    out.write("    %s,\n" % literal(line))
            out.write("    NULL,\n};\n\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
