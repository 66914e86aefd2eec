"""Who may include whom: never upwards, never sideways; backends and plugins see the public headers only."""
import os
import re

import tree

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# A layer includes itself and everything of a lower rank. Layers of one rank do not know one another.
RANK = {
    "base": 0, "io": 1, "data": 2, "graph": 2, "plan": 3, "run": 4, "model": 5, "train": 6, "study": 7, "conform": 7,
    "cli": 8,
}  # fmt: skip
C11_HEADERS = {
    "assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math", "setjmp",
    "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn",
    "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype",
}  # fmt: skip
# The tables and headers that backends/ and plugins/ may name without a directory: those beside the including file.
PUBLIC = "include/orrery"


def core_fault(root, path, name):
    """Why a file of core/ may not include "name", or None."""
    own = path.split(os.sep)[1]
    if name.startswith("orrery/"):
        return None
    if "/" not in name:
        return 'is written from core/: "%s/%s"' % (own, name)
    other = name.split("/")[0]
    if other not in RANK or own not in RANK:
        return "is in no layer of core/"
    if other != own and RANK[other] >= RANK[own]:
        return "looks %s: %s may not include %s" % ("up" if RANK[other] > RANK[own] else "sideways", own, other)
    return None


def plugin_fault(root, path, name):
    """Why a file of backends/ or plugins/ may not include "name", or None."""
    # What host and kernels share is in kernels/.
    if path.startswith("backends/opencl/") and re.fullmatch(r"kernels/\w+\.h", name):
        return None
    if name.startswith("orrery/") or os.path.exists(os.path.join(root, os.path.dirname(path), name)) and ".." not in name:
        return None
    return "is neither orrery/*.h nor beside this file"


def public_fault(root, path, name):
    if os.path.exists(os.path.join(root, PUBLIC, name)):
        return None
    return "is not beside this header"


def check(root):
    rules = (("core", core_fault), ("backends", plugin_fault), ("plugins", plugin_fault), (PUBLIC, public_fault))
    for top, fault in rules:
        for path in tree.files(root, ".c", ".h", under=(top,)):
            text = tree.without_comments(tree.read(root, path))
            for match in INCLUDE.finditer(text):
                where = "%s:%d: " % (path, tree.line_of(text, match.start()))
                bracket, name = match.groups()
                if bracket == '"':
                    reason = fault(root, path, name)
                    if reason:
                        yield '%s"%s" %s' % (where, name, reason)
                elif name.startswith("orrery/"):
                    yield "%s<%s> is ours: write it in quotes" % (where, name)
                elif top == PUBLIC and name[:-2] not in C11_HEADERS:
                    yield "%s<%s> is not a C11 header" % (where, name)


if __name__ == "__main__":
    tree.main(check)
