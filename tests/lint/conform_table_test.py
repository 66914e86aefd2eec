"""The table of ./dev conform can be trusted: tests/conform_table.py on made-up reports, each with what it must come to."""
import contextlib
import io
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import conform_table  # noqa: E402


def check(name, share, exceeded=False):
    return {"name": name, "worst_fraction": share, "worst_case": 3, "exceeded": exceeded}


def report(tested, wrong, crashed, checks, device="a device"):
    return {"tested": tested, "wrong": wrong, "crashed": crashed, "seconds": 1.25, "level": "full", "checks": checks,
            "device": device and {"name": device}}  # fmt: skip


PASSED = [check("exp", 0.125), check("sum", 0.5), check("copy", 0.0), check("interface/free_order", None)]
# (name of the case, reports, what the line of the last one must hold, exit status)
CASES = [
    ("all passed", [report(4, 0, 0, PASSED)], "full   4       0      0        0           1.2      0.5    sum case 3", 0),
    ("one is wrong", [report(4, 1, 0, [*PASSED, check("log", 7.5, True)])], "7.5    log case 3", 1),
    ("beyond any number", [report(4, 1, 0, [*PASSED, check("log", None, True)])], "over 1  log case 3", 1),
    ("one crashed", [report(4, 0, 1, PASSED)], " 3       0      1 ", 1),
    ("nothing was tested", [report(0, 0, 0, [check("exp", None)])], "0       0      0        1 ", 1),
    ("no device", [report(0, 0, 0, [], None)], "not opened", 1),
    ("no report", [None], "no report: ", 1),
    ("a failure stays one", [report(4, 1, 0, PASSED), report(4, 0, 0, PASSED)], "sum case 3", 1),
    ("nothing at hand", [], "", 1),
]


def printed(reports):
    with tempfile.TemporaryDirectory() as directory:
        words = ["--absent", "a driver"]
        for number, content in enumerate(reports):
            path = os.path.join(directory, "%d.json" % number)
            words.append("run %d=%s" % (number, path))
            if content is not None:
                with open(path, "w", encoding="utf-8") as file:
                    json.dump(content, file)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = conform_table.main(words)
    return out.getvalue().splitlines(), status


def main():
    wrong = 0
    for name, reports, expected, status in CASES:
        lines, found = printed(reports)
        if lines[-1] != "not at hand: a driver" or expected not in lines[-2] or found != status:
            print("%s: expected %r and status %d, got %d and\n%s" % (name, expected, status, found, "\n".join(lines)))
            wrong += 1
    print("%d tables, %d wrong" % (len(CASES), wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
