"""The top level holds what the README names and nothing else, and the README gives each of them a line."""
import os

import tree

ALLOWED = {
    "core", "backends", "plugins", "kernels", "tests", "include", "recipes", "docs", "meson.build", "meson_options.txt",
    "dev", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md",
}  # fmt: skip


def check(root):
    readme = tree.read(root, "README.md") if os.path.exists(os.path.join(root, "README.md")) else ""
    for name in sorted(os.listdir(root)):
        if name.startswith((".", "build")) or name in tree.SKIPPED_DIRECTORIES:
            continue
        if name not in ALLOWED:
            yield "%s: not one of the names of the top level" % name
        elif "`%s" % name not in readme:
            yield "%s: the README does not name it" % name


if __name__ == "__main__":
    tree.main(check)
