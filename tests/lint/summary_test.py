"""The counting of tests can be trusted: tests/summary.py on made-up logs, each with the line it must end with."""
import contextlib
import io
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import summary  # noqa: E402

# (name of the case, entries as (output, exit status, Meson's verdict) or None for no log, lines that must be printed)
CASES = [
    ("no log", None, ["0 passed, 1 failed"]),
    ("nothing ran", [], ["0 passed, 1 failed"]),
    ("one plain pass", [("fine\n", 0, "OK")], ["1 passed, 0 failed"]),
    ("one plain failure", [("", 3, "FAIL")], ["FAILED t: exit status 3", "0 passed, 1 failed"]),
    ("a plain skip is no pass", [("SKIP: no device\n", 77, "SKIP")], ["SKIPPED t: no device", "0 passed, 0 failed"]),
    ("two tests", [("1..2\nok 1 - a\nok 2 - b\n", 0, "OK")], ["2 passed, 0 failed"]),
    ("one of two fails", [("1..2\nok 1 - a\nnot ok 2 - b\n", 1, "FAIL")], ["FAILED t.b: failed", "1 passed, 1 failed"]),
    ("a skipped test", [("1..2\nok 1 - a\nSKIP: why\nnot ok 2 # SKIP b\n", 0, "OK")], ["SKIPPED t.b: why", "1 passed, 0 failed"]),
    ("two groups", [("1..1\nok 1 - a\n1..1\nok 1 - b\n", 0, "OK")], ["2 passed, 0 failed"]),
    ("died half way", [("1..2\nok 1 - a\n", -11, "FAIL")], ["1 passed, 1 failed"]),
    ("ended early with status 0", [("1..2\nok 1 - a\n", 0, "OK")], ["1 passed, 1 failed"]),
    ("a leak at the end", [("1..1\nok 1 - a\n", 99, "FAIL")], ["1 passed, 1 failed"]),
    ("timed out", [("1..2\nok 1 - a\n", -15, "TIMEOUT")], ["FAILED t: timed out", "1 passed, 1 failed"]),
]  # fmt: skip


def printed(entries):
    """What summary prints about a log of these entries, and its exit status."""
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "log.json")
        if entries is not None:
            with open(path, "w", encoding="utf-8") as log:
                for output, status, verdict in entries:
                    log.write(json.dumps({"name": "unit / t", "stdout": output, "returncode": status, "result": verdict}))
                    log.write("\n")
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = summary.main([path])
    return out.getvalue().splitlines(), status


def main():
    wrong = 0
    for name, entries, expected in CASES:
        lines, status = printed(entries)
        good = expected[-1].endswith(" 0 failed") and not expected[-1].startswith("0 passed")
        if lines[-1] != expected[-1] or not set(expected) <= set(lines) or (status == 0) != good:
            print("%s: expected %s, got %s and status %d" % (name, expected, lines, status))
            wrong += 1
    print("%d logs, %d counted wrongly" % (len(CASES), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
