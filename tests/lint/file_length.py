"""No file of code is longer than 600 lines."""
import tree

LIMIT = 600
ENDINGS = (".c", ".h", ".cl", ".py", ".sh", ".build", ".def", "dev", "run")
GENERATED = {"include/orrery/normal_table.def"}


def check(root):
    for path in tree.files(root, *ENDINGS):
        lines = tree.read(root, path).count("\n")
        if lines > LIMIT and path not in GENERATED:
            yield "%s: %d lines, at most %d: what would it split into?" % (path, lines, LIMIT)


if __name__ == "__main__":
    tree.main(check)
