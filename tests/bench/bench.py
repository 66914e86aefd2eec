#!/usr/bin/env python3
"""Times the program on the main workload: start, orbits, and a training step on every device.

usage: bench.py PROGRAM RECIPE [REPETITIONS]

12,800 points a step, two layers, n_embd 32, contexts 2, 10 and 100. Prints minimum, median and maximum of several
repetitions; the devices take turns within a repetition, so that a machine which slows down slows all of them.
"""
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

CONTEXTS = (2, 10, 100)
SKIPPED = ("null",)  # computes nothing: its steps are the overhead of calls, not a device


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def step_milliseconds(program, recipe, device, context):
    command = [program, "explain", recipe, "--device", device, "--set", "data.context=%d" % context, "-q"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"time\s+([0-9.]+) ms a step", text)
    if not found:
        raise SystemExit("bench: no step time in the output of %s:\n%s" % (" ".join(command), text))
    return float(found.group(1))


def report(what, unit, samples):
    print("%-34s %9.2f %9.2f %9.2f  %s" % (what, min(samples), statistics.median(samples), max(samples), unit))


def main(program, recipe, repetitions="5"):
    count = int(repetitions)
    listing = subprocess.run([program, "devices", "--json"], check=True, capture_output=True, text=True).stdout
    devices = ["%s:%d" % (d["backend"], d["index"]) for d in json.loads(listing) if d["backend"] not in SKIPPED]
    version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
    print("%s, %d cores, %d repetitions" % (version, os.cpu_count(), count))
    print("%-34s %9s %9s %9s" % ("", "minimum", "median", "maximum"))
    report("orrery --version", "ms", [1e3 * seconds([program, "--version"]) for _ in range(count)])
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "orbits.npy")
        orbits = [program, "generate", "kepler", "--trajectories", "20000", "--steps", "100", "--out", out, "-q"]
        report("20,000 orbits of 100 points", "ms", [1e3 * seconds(orbits) for _ in range(count)])
    for context in CONTEXTS:
        samples = {device: [] for device in devices}
        for _ in range(count):
            for device in devices:
                samples[device].append(step_milliseconds(program, recipe, device, context))
        for device in devices:
            report("step, context %d, %s" % (context, device), "ms", samples[device])


if __name__ == "__main__":
    main(*sys.argv[1:])
