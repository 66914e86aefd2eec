"""Runs a test under Oclgrind and fails on anything that it reports: races, wild accesses, values never written.

usage: oclgrind.py OCLGRIND TEST
Oclgrind's own exit code is the test's, whatever it has found; its reports name a kernel each. A test that ran on
another device, or in part, fails.
"""
import subprocess
import sys

# Oclgrind 21.10 takes element 11 of a shuffle for one that was never written (docs/vendors.md). Its compiler makes
# shuffles of plain code unless it is told not to improve any.
OPTIONS = ("--build-options", "-cl-opt-disable")


def main(oclgrind, test):
    command = [oclgrind, *OPTIONS, "--data-races", "--uninitialized", "--max-errors", "1000000", test]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    reports = result.stdout.count("\tKernel: ")
    ran = "# device: Oclgrind" in result.stdout
    print(result.stdout[-20000:] if result.returncode or reports else result.stdout)
    print("# %d reports%s" % (reports, "" if ran else "; it did not run to its end on Oclgrind"))
    return result.returncode or (1 if reports or not ran else 0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
