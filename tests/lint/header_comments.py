"""Every function declared in a header of core/ or include/ stands in a block (lines without a gap) with a comment."""
import re

import tree

# At the outermost level: a name of ours, an opening parenthesis, and before it only type words and attributes.
FUNCTION = re.compile(r"^(?!#|typedef\b)[A-Za-z_][\w \t*]*?\b(orr_\w+)[ \t]*\(", re.MULTILINE)


def outermost(text):
    """The code with everything inside braces blanked; extern "C" opens no level."""
    text = re.sub(r'extern[ \t]+"[ ]*"[ \t]*\{', "", text)
    kept, depth = [], 0
    for character in text:
        depth += character == "{"
        kept.append(character if depth == 0 or character == "\n" else " ")
        depth -= character == "}"
    return "".join(kept)


def check(root):
    for path in tree.files(root, ".h", under=("core", "include")):
        text = tree.read(root, path)
        lines = text.split("\n")
        bare = outermost(tree.code(text))
        for match in FUNCTION.finditer(bare):
            first = last = tree.line_of(bare, match.start()) - 1
            while first > 0 and lines[first - 1].strip():
                first -= 1
            while last + 1 < len(lines) and ";" not in bare.split("\n")[last] and "{" not in lines[last]:
                last += 1
            if "*/" not in "\n".join(lines[first : last + 1]):
                yield "%s:%d: %s has no comment" % (path, tree.line_of(bare, match.start()), match.group(1))


if __name__ == "__main__":
    tree.main(check)
