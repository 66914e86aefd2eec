"""Runs a test under Oclgrind and fails on anything that it reports: races, wild accesses, values never written.

usage: oclgrind.py OCLGRIND TEST
Oclgrind's own exit code is the test's, whatever it has found; its reports name a kernel each.
"""
import subprocess
import sys


def main(oclgrind, test):
    command = [oclgrind, "--data-races", "--uninitialized", test]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    reports = result.stdout.count("\tKernel: ")
    print(result.stdout[-20000:] if result.returncode or reports else result.stdout)
    print("# %d reports" % reports)
    return result.returncode or (1 if reports else 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
