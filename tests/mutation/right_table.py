#!/usr/bin/env python3
"""Runs `orrery validate` on every backend that is right but otherwise (variants.def), and prints what it made of each.

usage: right_table.py DIFFERENT.so ASK_F64 PROGRAM [VARIANT...] [--OPTION VALUE...]
The options are for `orrery validate`: another seed, another level.
Exit status 0: none is flagged, and each was seen to work otherwise than the plain backend.
"""
import os
import sys
import tempfile
import time

import validation

VARIANT = r'^VARIANT\((\w+),\s*(NUMBERS|ACTS),\s*"([^"]+)"\)'
LEAST = 16


def fractions(verdict):
    """{check: its worst error as a share of what is allowed}."""
    return {name: verdict.checks[name]["worst_fraction"] for name in verdict.checks}


def acts(path):
    """How often the backend acted otherwise, as its processes wrote it down."""
    if not os.path.exists(path):
        return 0
    with open(path, encoding="utf-8") as text:
        return sum(int(line) for line in text)


def run_variant(name, paths, directory, *options):
    different, ask_f64, program = paths
    acted = os.path.join(directory, "acted")
    bench = validation.Bench(program, different, directory, ORRERY_VARIANT=name, ORRERY_ACTED=acted)
    answer = bench.run([ask_f64, different]).stdout.split() if name in ("none", "f32_only") else []
    return bench.validate(*options), answer, acts(acted)


def main():
    paths = [os.path.abspath(path) for path in sys.argv[1:4]]
    first = next((i for i, word in enumerate(sys.argv) if word.startswith("--")), len(sys.argv))
    asked, options = sys.argv[4:first], sys.argv[first:]
    rows = [row for row in validation.rows("variants.def", VARIANT) if not asked or row[0] in asked]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        plain, answer, count = run_variant("none", paths, directory, *options)
    good = plain.status == 0 and answer == ["supported", "run"] and count == 0 and len(rows) >= (len(asked) or LEAST)
    if not good:
        print("the plain backend: exit status %d, f64 %s, %d acts\n%s" % (plain.status, answer, count, plain.text))

    def judge(row, directory):
        return row, *run_variant(row[0], paths, directory, *options)

    flagged = alike = 0
    for (name, proof, sentence), verdict, answer, count in validation.each(rows, judge):
        other = [check for check in plain.checks if fractions(verdict).get(check) != fractions(plain)[check]]
        worst = max((fraction or 0.0, check) for check, fraction in fractions(verdict).items())
        differs = bool(other) if proof == "NUMBERS" else count > 0
        if name == "f32_only":
            differs = differs and answer == ["refused", "failed"]
        print("%-7s %-19s worst %.2f of allowed (%s), %s, %.2f s: %s" % (
            "FLAGGED" if verdict.status else "passed", name, *worst,
            "other numbers in %d checks" % len(other) if proof == "NUMBERS" else "%d acts" % count,
            verdict.seconds, sentence))  # fmt: skip
        if not differs:
            alike += 1
            print("        it was not seen to work otherwise than the plain backend", answer)
        if verdict.status:
            flagged += 1
            print(verdict.text)
    print("%d of %d right backends flagged, %d not seen to be different, %.0f s" % (flagged, len(rows), alike,
                                                                                  time.monotonic() - start))  # fmt: skip
    sys.exit(0 if good and not flagged and not alike else 1)


if __name__ == "__main__":
    main()
