"""What was forgotten: every row of ops.def has its rule, its reference kernel and a test."""
import os
import re

import tree

ROW = re.compile(r"^[ \t]*ORR_OP\(\s*(\d+)\s*,\s*(\w+)\s*,\s*\"(\w+)\"", re.MULTILINE)
OPERATIONS = "include/orrery/ops.def"
RULES = "core/graph/rules.def"


def rows(root):
    """(NAME, "name") of every operation."""
    return [(m.group(2), m.group(3)) for m in ROW.finditer(tree.without_comments(tree.read(root, OPERATIONS)))]


def text_of(root, *tops):
    """The C code and tables below these directories, comments blanked."""
    paths = tree.files(root, ".c", ".h", ".def", under=tops)
    return "\n".join(tree.without_comments(tree.read(root, path)) for path in paths)


def check(root):
    found = rows(root)
    if not found:
        yield "%s: no rows" % OPERATIONS
    rules_path = os.path.join(root, RULES)
    rules = tree.without_comments(tree.read(root, RULES)) if os.path.exists(rules_path) else ""
    kernels = text_of(root, "backends/reference")
    tests = text_of(root, "tests/unit", "core/conform")
    for name, lower in found:
        # As an enumerator, or as an argument of a table's macro.
        written = r"\bORR_OP_%s\b|[(,]\s*%s\s*[,)]" % (name, name)
        # A test may also name it as the graph's text does, or call its builder.
        tested = written + r'|"%s"|\borr_%s\s*\(' % (lower, lower)
        if not re.search(r"^[ \t]*\w+\(\s*%s\b" % name, rules, re.MULTILINE):
            yield "%s: %s: no row in %s" % (OPERATIONS, name, RULES)
        if not re.search(written, kernels):
            yield "%s: %s: no kernel in backends/reference" % (OPERATIONS, name)
        if not re.search(tested, tests):
            yield "%s: %s: no test in tests/unit and no case in core/conform" % (OPERATIONS, name)


if __name__ == "__main__":
    tree.main(check)
