"""Library and plugins never end the process and never write to stdout: they return a status and fill in an error."""
import re

import tree

# core/cli is the program: it ends itself and its children, and prints. core/conform and the one that starts gnuplot fork
# children, which end themselves.
ALLOWED = {"core/cli/": {"exit", "_exit", "kill", "printf", "puts", "putchar", "vprintf", "stdout"}, "core/conform/": {"_exit", "kill"},
           "core/study/gnuplot.c": {"_exit"}}  # fmt: skip
FORBIDDEN = re.compile(
    r"(?<![\w.>])(abort|exit|_exit|_Exit|quick_exit|assert|raise|kill|printf|vprintf|puts|putchar)[ \t]*\(|\b(stdout)\b"
)


def check(root):
    for path in tree.files(root, ".c", ".h", under=("core", "backends", "plugins")):
        allowed = next((names for top, names in ALLOWED.items() if path.startswith(top)), set())
        text = tree.code(tree.read(root, path))
        for match in FORBIDDEN.finditer(text):
            name = match.group(1) or match.group(2)
            if name not in allowed:
                yield "%s:%d: %s: return an orr_status instead" % (path, tree.line_of(text, match.start()), name)


if __name__ == "__main__":
    tree.main(check)
