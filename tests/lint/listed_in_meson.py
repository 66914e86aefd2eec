"""Every source file is named in a meson.build on the way up from it, so that none is left out of the build."""
import os
import re

import tree

DIRECTORIES = ("core", "backends", "plugins", "kernels", "tests")


def check(root):
    for path in tree.files(root, ".c", ".cl", under=DIRECTORIES):
        name, directory = os.path.basename(path), os.path.dirname(path)
        # A test is listed as its directory and the name between test_ and .c.
        test = re.fullmatch(r"test_(\w+)\.c", name)
        wanted = [name] + (["%s/%s" % (directory.rsplit("/", 1)[-1], test.group(1))] if test else [])
        while directory:
            build = os.path.join(directory, "meson.build")
            if os.path.exists(os.path.join(root, build)):
                text = re.sub(r"#.*", "", tree.read(root, build))
                if any(re.search(r"(?<![\w])%s(?![\w])" % re.escape(want), text) for want in wanted):
                    break
            directory = os.path.dirname(directory)
        else:
            yield "%s: in no meson.build" % path


if __name__ == "__main__":
    tree.main(check)
