"""A Python that has what a test needs beside the standard library."""
import functools
import os
import subprocess
import sys

from program import Skip


@functools.lru_cache(maxsize=None)
def interpreter(*modules):
    """A Python that has these modules: ORRERY_TEST_PYTHON, the one that runs this, or the system's."""
    for candidate in (os.environ.get("ORRERY_TEST_PYTHON"), sys.executable, "/usr/bin/python3"):
        if candidate and os.path.exists(candidate):
            found = subprocess.run([candidate, "-c", "import " + ", ".join(modules)], capture_output=True, check=False)
            if found.returncode == 0:
                return candidate
    raise Skip("no Python has %s: install them (apt install python3-torch, pip install safetensors), or name an "
               "interpreter that has them by ORRERY_TEST_PYTHON" % " and ".join(modules))  # fmt: skip
