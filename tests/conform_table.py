#!/usr/bin/env python3
"""One line for each report of `orrery validate --json`, then what was not at hand: the end of ./dev conform.

usage: conform_table.py LABEL=REPORT... [--absent TEXT]...
Exits 0 when every report tested something and found nothing wrong, otherwise 1.
"""
import json
import sys

HEAD = ("implementation", "device", "level", "passed", "wrong", "crashed", "not tested", "seconds", "worst", "in")


def worst_of(checks):
    """(share of what is allowed, name and case) of the check that comes nearest to its bound; beyond it: over 1."""
    judged = [c for c in checks if c["exceeded"] or c["worst_fraction"] is not None]
    if not judged:
        return "-", "-"
    worst = max(judged, key=lambda c: float("inf") if c["worst_fraction"] is None else c["worst_fraction"])
    share = "over 1" if worst["worst_fraction"] is None else "%.3g" % worst["worst_fraction"]
    return share, "%s case %s" % (worst["name"], worst["worst_case"])


def row_of(label, report):
    """The cells of a report, and whether it is good."""
    device = (report["device"] or {}).get("name", "not opened")
    found = report["tested"] - report["wrong"] - report["crashed"]
    counts = [found, report["wrong"], report["crashed"], len(report["checks"]) - report["tested"]]
    cells = [label, device[:36], report["level"], *counts, "%.1f" % report["seconds"], *worst_of(report["checks"])]
    return cells, found > 0 and report["wrong"] == report["crashed"] == 0


def main(arguments):
    rows, absent, all_good = [HEAD], [], True
    words = iter(arguments)
    for word in words:
        if word == "--absent":
            absent.append(next(words))
            continue
        label, _, path = word.rpartition("=")
        try:
            with open(path, encoding="utf-8") as file:
                cells, good = row_of(label, json.load(file))
        except (OSError, ValueError, KeyError) as error:
            cells, good = [label, "no report: %s" % error], False
        rows.append([str(cell) for cell in cells])
        all_good = all_good and good
    widths = [max(len(row[k]) for row in rows if len(row) > k + 1) for k in range(len(HEAD) - 1)] + [0]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    for text in absent:
        print("not at hand: %s" % text)
    return 0 if all_good and len(rows) > 1 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
