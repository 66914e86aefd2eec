"""Starts a program twice at once with a driver cache that is empty: both must do their work as if they were alone.

usage: two_starts.py PROGRAM ARGUMENT ...
Exit code 77 (skipped) where the program says that there is no device.
"""
import os
import subprocess
import sys
import tempfile

NO_DEVICE = 2


def main(*command):
    with tempfile.TemporaryDirectory() as cache:
        where = {name: cache for name in ("POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR", "XDG_CACHE_HOME")}
        env = {**os.environ, **where}
        runs = [
            subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(2)
        ]
        said = [run.communicate()[0] for run in runs]
    codes = [run.returncode for run in runs]
    if codes == [NO_DEVICE, NO_DEVICE]:
        return 77
    for number, (code, text) in enumerate(zip(codes, said)):
        print("# process %d: exit code %d" % (number, code))
        if code:
            print(text[-4000:])
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
