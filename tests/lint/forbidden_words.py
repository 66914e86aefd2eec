"""No promise for later, no path of somebody's machine, and no compiler flag that changes arithmetic."""
import re

import tree

ENDINGS = (".c", ".h", ".cl", ".def", ".py", ".sh", ".build", ".txt", ".yaml", "dev", "run")
# Written in pieces, so that this file does not contain them.
PROMISES = ["TO" "DO", "FIX" "ME", "XX" "X", "HA" "CK", "place" "holder", "not " "implemented", "for " "now"]
PATHS = ["/ho" "me/", "/ro" "ot/", "/wo" "rk/", "/Us" "ers/"]
FLAGS = ["-ffast" "-math", "-Of" "ast", "-funsafe" "-math-optimizations", "-cl-fast" "-relaxed-math"]
FORBIDDEN = re.compile(
    r"\b(?:%s)\b|%s" % ("|".join(PROMISES), "|".join(re.escape(text) for text in PATHS + FLAGS))
)


def check(root):
    for path in tree.files(root, *ENDINGS):
        text = tree.read(root, path)
        for match in FORBIDDEN.finditer(text):
            yield "%s:%d: '%s'" % (path, tree.line_of(text, match.start()), match.group(0))


if __name__ == "__main__":
    tree.main(check)
