#!/usr/bin/env python3
"""Counts test results: reads Meson's testlog.json files, prints what failed and what was skipped, then one line
"N passed, N failed".

A program that speaks TAP (every cmocka program does) counts once for each of its tests; one that dies, or stops before
the end of its plan, counts as one more failure. Any other program counts once, by its exit status (77: skipped). The
reason of a skip is the last line "SKIP: reason" printed before it, or else the last line.

usage: summary.py [LABEL=]TESTLOG...
Exits 0 when something passed and nothing failed, otherwise 1.
"""
import json
import re
import sys

PLAN = re.compile(r"^1\.\.(\d+)")
RESULT = re.compile(r"^(ok|not ok)\b\s*\d*\s*(?:-\s*)?(.*)$")
SKIP = re.compile(r"#\s*SKIP\b", re.IGNORECASE)
REASON = re.compile(r"\bSKIP(?:PED)?:? (.*)")
SKIPPED_STATUS = 77


class Tally:
    """What became of every test: passed is a count, failed and skipped are lists of (name, reason)."""

    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []


def reason_of(lines):
    """Why a test was skipped that printed these lines before."""
    given = [REASON.search(line).group(1) for line in lines if REASON.search(line)]
    return (given or lines or ["no reason given"])[-1]


def count_tap(tally, program, output):
    """Count one program's TAP output, line by line; returns (tests that failed, complaint about the plan or "")."""
    planned, seen, failures, told = 0, 0, 0, []
    for line in output.splitlines():
        plan, result = PLAN.match(line), RESULT.match(line)
        if plan:
            planned += int(plan.group(1))
        elif result:
            seen += 1
            text = result.group(2)
            name = program + "." + SKIP.sub("", text).strip()
            if SKIP.search(text):
                tally.skipped.append((name, reason_of(told)))
            elif result.group(1) == "ok":
                tally.passed += 1
            else:
                failures += 1
                tally.failed.append((name, "failed"))
            told = []
        elif line.strip() and not line.startswith("#"):
            told.append(line.strip())
    return failures, "" if seen == planned else "%d results where %d were planned" % (seen, planned)


def count_program(tally, label, entry):
    """Count one entry of a test log."""
    program = label + entry["name"].split(" / ")[-1]
    output = (entry.get("stdout") or "") + "\n" + (entry.get("stderr") or "")
    status, died = entry["returncode"], entry["result"] == "TIMEOUT" and "timed out"
    if any(PLAN.match(line) for line in output.splitlines()):
        failures, complaint = count_tap(tally, program, output)
        # A status that the failed tests do not explain is a crash or a leak.
        if status < 0 or bool(status) != bool(failures):
            complaint = "exit status %d after %d failed tests" % (status, failures)
        if died or complaint:
            tally.failed.append((program, died or complaint))
    elif status == SKIPPED_STATUS:
        tally.skipped.append((program, reason_of([line.strip() for line in output.splitlines() if line.strip()])))
    elif status == 0 and not died:
        tally.passed += 1
    else:
        tally.failed.append((program, died or "exit status %d" % status))


def main(arguments):
    tally = Tally()
    for argument in arguments:
        label, _, path = argument.rpartition("=")
        try:
            with open(path, encoding="utf-8") as log:
                entries = [json.loads(line) for line in log if line.strip()]
        except (OSError, ValueError) as error:
            tally.failed.append((label or path, "no readable test log: %s" % error))
            continue
        if not entries:
            tally.failed.append((label or path, "no test ran"))
        for entry in entries:
            count_program(tally, label + ":" if label else "", entry)
    for name, reason in tally.failed:
        print("FAILED %s: %s" % (name, reason))
    for name, reason in tally.skipped:
        print("SKIPPED %s: %s" % (name, reason))
    print("%d passed, %d failed" % (tally.passed, len(tally.failed)))
    return 0 if tally.passed and not tally.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
