"""Every C file is as clang-format leaves it (.clang-format of the tree). Skipped where clang-format is missing."""
import os
import re
import shutil
import subprocess
import sys

import tree

DIRECTORIES = ("core", "include", "backends", "plugins", "kernels", "tests")


def check(root):
    paths = tree.files(root, ".c", ".h", ".cl", under=DIRECTORIES)
    command = ["clang-format", "--dry-run", "-Werror", *paths]
    result = subprocess.run(command, cwd=root, capture_output=True, text=True) if paths else None
    if result and result.returncode:
        named = sorted(set(re.findall(r"^([^\s:][^:\n]*):\d+:\d+: error", result.stderr, re.MULTILINE)))
        for path in named or [result.stderr]:
            yield "%s: not formatted: ./dev format mends it" % path


if __name__ == "__main__":
    if not shutil.which("clang-format"):
        print("SKIP: clang-format is not installed")
        sys.exit(77)
    tree.main(check)
