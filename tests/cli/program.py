"""Running the built program, and reporting in TAP: shared by the tests of this directory."""
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

PROGRAM = os.environ["ORRERY_TEST_PROGRAM"]
RECIPES = os.path.join(os.environ["ORRERY_TEST_SOURCE"], "recipes")
SMOKE = os.path.join(RECIPES, "smoke.yaml")


def is_sanitized():
    """A sanitized program, or one under valgrind, is several times slower."""
    return "libasan" in os.popen("ldd '%s'" % PROGRAM).read() or bool(os.environ.get("LD_PRELOAD"))


class Skip(Exception):
    """This test cannot run here; the text says why."""


def run(*words, env=None, **options):
    """Run the program with these words and return what it did, output as text."""
    return subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, **(env or {})), check=False, **options)  # fmt: skip


def expect(result, code, *fragments):
    """The exit code, and every fragment somewhere on stderr; one line of it names the program."""
    if result.returncode != code:
        raise AssertionError("exit code %d, expected %d\n%s%s" % (result.returncode, code, result.stdout, result.stderr))
    for fragment in fragments:
        if fragment not in result.stderr:
            raise AssertionError("no %r in:\n%s" % (fragment, result.stderr))
    return result


def equal(value, expected, what):
    if value != expected:
        raise AssertionError("%s: %r, expected %r" % (what, value, expected))


def read(*path):
    with open(os.path.join(*path), "rb") as file:
        return file.read()


def findings(directory):
    with open(os.path.join(directory, "findings.csv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def emitted(directory):
    """What probes found, without the scores that are made of it."""
    return [row for row in findings(directory) if row["quantity"] not in ("newtonian", "keplerian")]


def load(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def tree(directory):
    """Every file below a directory, without env.json, metrics.jsonl, log.txt and report.html, which hold times."""
    found = {}
    for place, _, names in os.walk(directory):
        for name in names:
            if name not in ("env.json", "metrics.jsonl", "log.txt", "report.html"):
                path = os.path.join(place, name)
                found[os.path.relpath(path, directory)] = read(path)
    return found


def same_tree(one, other):
    a, b = tree(one), tree(other)
    equal(sorted(a), sorted(b), "files")
    for name in sorted(a):
        if a[name] != b[name]:
            raise AssertionError("%s differs" % name)
    if not a:
        raise AssertionError("%s is empty" % one)


def main(tests):
    """Run every test with a scratch directory of its own, as TAP; returns the number that failed."""
    failed = 0
    print("1..%d" % len(tests))
    for number, test in enumerate(tests, 1):
        scratch = tempfile.mkdtemp(prefix="orrery-cli-")
        verdict, after = "ok", ""
        try:
            test(scratch)
        except Skip as reason:
            print("SKIP: %s" % reason)
            after = " # SKIP"
        except Exception:  # pylint: disable=broad-except
            verdict, failed = "not ok", failed + 1
            print("# " + traceback.format_exc().replace("\n", "\n# "))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        print("%s %d - %s%s" % (verdict, number, test.__name__, after), flush=True)
    sys.exit(failed)
