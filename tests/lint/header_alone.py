"""Each public header compiles alone: an empty file that includes it, with every warning an error.

usage: header_alone.py INCLUDE_DIRECTORY HEADER LANGUAGE STANDARD COMPILER...
"""
import subprocess
import sys


def main(include, header, language, standard, *compiler):
    flags = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I", include]
    source = '#include "orrery/%s"\n' % header
    command = [*compiler, "-x", language, "-std=" + standard, *flags, "-"]
    return subprocess.run(command, input=source, text=True).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
