#!/usr/bin/env python3
"""Runs `orrery validate` on every planted fault, or on every variant that is right, and prints what it made of each.

usage: kill_table.py faults|variants TABLE.def PROGRAM FAULTY.so DIFFERENT.so
Exit status 0: every fault is caught by the check that its row names, and no other operation is blamed; or no variant
is flagged.
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

FAULT = re.compile(r'^FAULT\((\w+),\s*"([^"]+)",\s*(\d),\s*"([^"]+)"\)', re.MULTILINE)
VARIANT = re.compile(r'^VARIANT\((\w+),\s*"([^"]+)"\)', re.MULTILINE)
# Faults that other numbers could hide: they are caught whatever the seed.
SEEDS = {"sum_in_float": ("1", "2", "3")}
# Checks that are none of the list: they are met by running another.
RUN_FOR = {"interface/close": "add"}
BAD = ("WRONG", "missing", "CRASHED", "HUNG")


def validate(program, backend, variable, name, checks, directory, limit="60", seed="1"):
    """(exit status, {check: state}, seconds) of one run."""
    report = os.path.join(directory, "report.json")
    if os.path.exists(report):
        os.remove(report)
    command = [program, "validate", backend, "-q", "--json", report, "--time-limit", limit, "--seed", seed]
    if checks:
        command += ["--op", checks]
    start = time.monotonic()
    done = subprocess.run(
        command, cwd=directory, env=dict(os.environ, **{variable: name}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=170, check=False,
    )  # fmt: skip
    states = {}
    if os.path.exists(report):
        with open(report, encoding="utf-8") as text:
            states = {check["name"]: check for check in json.load(text)["checks"]}
    return done, states, time.monotonic() - start


def is_operation(name):
    return "/" not in name


def judge_fault(check, wanted, done, states):
    """What is wrong with the validator's verdict, or None."""
    crashed = any(states[name]["state"] in ("CRASHED", "HUNG") for name in states if name != check)
    # What writes out of bounds may also bring a graph down.
    if done.returncode != wanted and not (crashed and done.returncode == 3):
        return "exit status %d, expected %d" % (done.returncode, wanted)
    if states.get(check, {}).get("state") not in BAD:
        return "%s is %s" % (check, states.get(check, {}).get("state", "absent"))
    others = [name for name in states if is_operation(name) and states[name]["state"] in BAD and name != check]
    if is_operation(check) and others:
        return "also blamed: " + ", ".join(others)
    return None


def run_faults(text, program, faulty, directory):
    failed = 0
    rows = FAULT.findall(text)
    for name, check, wanted, sentence in rows:
        family = RUN_FOR.get(check, check) + ("" if check.startswith("interface/") else ",graph/*")
        limit = "2" if wanted == "3" else "60"  # a hang costs that much for each check
        for seed in SEEDS.get(name, ("1",)):
            done, states, seconds = validate(program, faulty, "ORRERY_FAULT", name, family, directory, limit, seed)
            reason = judge_fault(check, int(wanted), done, states)
            if reason:
                break
        seen = states.get(check, {}).get("state", "-")
        graphs = sum(states[n]["state"] in BAD for n in states if n.startswith("graph/"))
        print("%-8s %-24s %-22s %-8s %d graphs %5.2f s  %s" % ("MISSED" if reason else "killed", name, check, seen,
                                                             graphs, seconds, sentence))  # fmt: skip
        if reason:
            failed += 1
            print("         %s\n%s" % (reason, done.stdout))
    print("%d of %d faults caught" % (len(rows) - failed, len(rows)))
    return failed == 0 and len(rows) >= 40


def run_variants(text, program, different, directory):
    flagged = 0
    rows = VARIANT.findall(text)
    for name, sentence in rows:
        done, states, seconds = validate(program, different, "ORRERY_VARIANT", name, None, directory)
        worst = max((states[n]["worst_fraction"] or 0.0, n) for n in states) if states else (0.0, "-")
        print("%-8s %-20s worst %.2f of allowed (%s) %5.2f s  %s" % ("FLAGGED" if done.returncode else "passed", name,
                                                                     worst[0], worst[1], seconds, sentence))  # fmt: skip
        if done.returncode:
            flagged += 1
            print(done.stdout)
    print("%d of %d right backends flagged" % (flagged, len(rows)))
    return flagged == 0 and len(rows) >= 12


def main():
    table = sys.argv[1]
    path, program, faulty, different = (os.path.abspath(name) for name in sys.argv[2:6])
    with open(path, encoding="utf-8") as rows:
        text = rows.read()
    with tempfile.TemporaryDirectory() as directory:
        if table == "faults":
            good = run_faults(text, program, faulty, directory)
        else:
            good = run_variants(text, program, different, directory)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
