"""Pages show pictures that are there; those of docs/figures are what gnuplot makes of script and numbers beside."""
import os
import re
import shutil
import subprocess

import tree

SHOWN = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
MADE_BY = re.compile(r"Produced by (GNUPLOT [0-9.]+ patchlevel \S+)", re.IGNORECASE)
COPY = "copy .svg, .gp and .dat anew from figures/ of a report (docs/reproducing-the-paper.md)"


def gnuplot_version():
    """As it signs pictures, or None."""
    if not shutil.which("gnuplot"):
        return None
    said = subprocess.run(["gnuplot", "--version"], capture_output=True, text=True, check=False).stdout
    return said.strip().upper().replace("PATCHLEVEL", "patchlevel")


def redraw(root, script):
    """What the script makes in its directory, of which a copy is used."""
    directory = os.path.join(root, os.path.dirname(script))
    drawn = subprocess.run(["gnuplot", os.path.basename(script)], cwd=directory, capture_output=True, check=False)
    return drawn.stdout.decode(errors="replace")


def check_drawn(root, picture):
    stem = picture[: -len(".svg")]
    missing = [stem + ending for ending in (".gp", ".dat") if not os.path.exists(os.path.join(root, stem + ending))]
    for name in missing:
        yield "%s: %s is missing: %s" % (picture, name, COPY)
    text = tree.read(root, picture)
    made_by = MADE_BY.search(text)
    if not made_by:
        yield "%s: was not made by gnuplot: %s" % (picture, COPY)
    # Another version draws otherwise.
    elif not missing and made_by.group(1) == gnuplot_version() and redraw(root, stem + ".gp") != text:
        yield "%s: is not what %s.gp makes of %s.dat: %s" % (picture, stem, stem, COPY)


def check(root):
    shown = set()
    for page in tree.files(root, ".md"):
        for name in SHOWN.findall(tree.read(root, page)):
            path = os.path.normpath(os.path.join(os.path.dirname(page), name))
            shown.add(path)
            if "://" not in name and not os.path.exists(os.path.join(root, path)):
                yield "%s: %s is not there" % (page, name)
    for picture in tree.files(root, ".svg", under=(os.path.join("docs", "figures"),)):
        if picture not in shown:
            yield "%s: no page shows it" % picture
        yield from check_drawn(root, picture)


if __name__ == "__main__":
    tree.main(check)
