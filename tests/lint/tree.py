"""What the lint checks share: the files of the tree, C text without comments and strings, and how a check reports.

A check is a module with check(root), which yields findings as text ("path:line: what is wrong"). Its main runs it on
the tree: exit status 0 without findings, 1 with; self_test.py runs it on trees with planted faults.
"""
import os
import re
import sys

SKIPPED_DIRECTORIES = {".git", "runs", "out", "__pycache__"}
COMMENT_OR_TEXT = re.compile(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)


def files(root, *endings, under=("",)):
    """Paths relative to root, sorted, of the files below the directories `under` with one of the endings (all: none).

    Build directories (build*) and what version control ignores are left out."""
    found = set()
    for top in under:
        for directory, names, entries in os.walk(os.path.join(root, top)):
            names[:] = [n for n in names if n not in SKIPPED_DIRECTORIES and not n.startswith("build")]
            for entry in entries:
                if not endings or entry.endswith(endings):
                    found.add(os.path.relpath(os.path.join(directory, entry), root))
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as text:
        return text.read()


def _blank(match):
    """Spaces for a comment; an empty pair of quotes for a text; lines stay where they are."""
    text = match.group(0)
    if text[0] in "\"'":
        return text[0] + " " * (len(text) - 2) + text[0]
    return re.sub(r"[^\n]", " ", text)


def code(text):
    """C text of the same length and lines, its comments and the insides of its strings blanked."""
    return COMMENT_OR_TEXT.sub(_blank, text)


def without_comments(text):
    """C text with comments blanked and strings kept."""
    return COMMENT_OR_TEXT.sub(lambda m: m.group(0) if m.group(0)[0] in "\"'" else _blank(m), text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def main(check):
    """Run check on the tree given as first argument and report."""
    if len(sys.argv) < 2:
        sys.exit("usage: %s ROOT" % sys.argv[0])
    findings = list(check(sys.argv[1]))
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
