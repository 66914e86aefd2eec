#!/usr/bin/env python3
"""Runs `orrery validate` on every planted fault (faults.def) and prints what it made of each.

usage: kill_table.py FAULTY.so PROGRAM [FAULT...]
For a fault in an operation the operations of its family run and the graphs; for one in the interface, the interface.
Exit status 0: every fault is caught by the check that its row names; of the operations nothing else is blamed; every
check ran; a random graph that fails is cut to one with the operation in it; the command that the report gives fails
again; and every operation has a fault.
"""
import os
import re
import sys
import time

import validation

FAULT = r'^FAULT\((\w+),\s*"([^"]+)",\s*(QUICK|FULL),\s*(\d), "([^"]+)"\)'
LEAST = 40
# Faults that other numbers could hide: they are caught whatever the seed.
SEEDS = {"sum_in_float": ("1", "2", "3")}


def planted_in(fault, names):
    """The operation whose name begins that of the fault, the longest; None: the fault is in no operation."""
    return max((name for name in names if fault.startswith(name + "_")), key=len, default=None)


def chosen(operation, check, families):
    """What is run for a fault, as --op takes it."""
    if check == "interface/close":  # which every run ends with
        return ["add"]
    if check.startswith("interface/"):
        return ["interface/*"]
    return [*(families[operation] if operation else []), "graph/*"]


def cut_graph(verdict, directory):
    """The text of the shortest failing beginning of a random graph; None: none failed."""
    found = re.search(r"; as text in (\S+)$", verdict.checks.get("graph/random", {}).get("failure", ""))
    if not found:
        return None
    with open(os.path.join(directory, found.group(1)), encoding="utf-8") as text:
        return text.read()


def judge(row, operation, verdict, families, graph):
    """What is wrong with the validator's verdict, or None."""
    _, check, _, wanted, _ = row
    bad = verdict.bad()
    others = [name for name in bad if name in families and name not in (check, operation)]
    # A device that is lost with its process is told of at the check that comes next.
    others = [name for name in others if "could not be opened again" not in verdict.checks[name].get("failure", "")]
    untested = [name for name in verdict.checks if verdict.state(name) == "not tested"]
    crashed = any(verdict.state(name) in ("CRASHED", "HUNG") for name in bad if name != check)
    # What writes out of bounds may also bring a graph down.
    if verdict.status != int(wanted) and not (crashed and verdict.status == 3):
        return "exit status %d, expected %s" % (verdict.status, wanted)
    if check not in bad:
        return "%s is %s" % (check, verdict.state(check))
    if others:
        return "also blamed: " + ", ".join(others)
    # Where the device cannot be opened again nothing more can be said.
    if untested and wanted != "3":
        return "not tested: " + ", ".join(untested)
    if operation and graph and not re.search(r"= %s\b" % operation, graph):
        return "graph/random is cut to a graph without %s:\n%s" % (operation, graph)
    return None


def repeats(bench, verdict, check, wanted, limit):
    """The printed command fails again: None, or what it did instead."""
    command = verdict.checks[check].get("repeat")
    if not command:
        return "no command repeats %s" % check
    done = bench.repeat(command, "--time-limit", limit)
    if done.returncode == int(wanted):
        return None
    return "%s: exit status %d, expected %s\n%s" % (command, done.returncode, wanted, done.stdout)


def run_fault(row, directory, paths, families):
    name, check, level, wanted, _ = row
    operation = planted_in(name, families)
    bench = validation.Bench(paths[1], paths[0], directory, ORRERY_FAULT=name)
    limit = "5" if wanted == "3" else "60"  # a hang costs that much for each check
    reason = again = None
    for seed in SEEDS.get(name, ("1",)):
        verdict = bench.validate("--op", ",".join(chosen(operation, check, families)), "--time-limit", limit,
                                 "--seed", seed, "--level", level.lower())  # fmt: skip
        reason = reason or judge(row, operation, verdict, families, cut_graph(verdict, directory))
    if not reason:
        again = repeats(bench, verdict, check, wanted, limit)
    return row, operation, verdict, reason, again


def main():
    paths = [os.path.abspath(path) for path in sys.argv[1:3]]
    families = validation.families()
    asked = sys.argv[3:]
    rows = [row for row in validation.rows("faults.def", FAULT) if not asked or row[0] in asked]
    start = time.monotonic()
    missed = lost = 0
    for row, operation, verdict, reason, again in validation.each(
        rows, lambda row, directory: run_fault(row, directory, paths, families)
    ):
        name, check, level, _, sentence = row
        ran = sum(check_name in families for check_name in verdict.checks)
        graphs = sum(check_name.startswith("graph/") for check_name in verdict.bad())
        print("%-7s %-28s in %-16s by %-22s %-8s %-5s %2d operations, %d graphs, %s, %.2f s: %s" % (
            "MISSED" if reason else "caught", name, operation or "the interface", check, verdict.state(check), level.lower(),
            ran, graphs, "not repeated" if again or reason else "repeated", verdict.seconds, sentence))  # fmt: skip
        if reason or again:
            print("        %s\n%s" % (reason or again, verdict.text))
        missed += bool(reason)
        lost += bool(again)
    unplanted = set(families) - {planted_in(row[0], families) for row in rows}
    incomplete = not asked and (bool(unplanted) or len(rows) < LEAST)
    if incomplete and unplanted:
        print("no fault is planted in " + ", ".join(sorted(unplanted)))
    print("%d of %d faults caught, %d not repeated by the printed command, %.0f s" % (len(rows) - missed, len(rows), lost,
                                                                                    time.monotonic() - start))  # fmt: skip
    sys.exit(1 if missed or lost or incomplete or not rows else 0)


if __name__ == "__main__":
    main()
