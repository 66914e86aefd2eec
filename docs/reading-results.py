#!/usr/bin/env python3
"""Read a finished run with numpy and safetensors, without Orrery.

usage: reading-results.py RUN_DIRECTORY

Works on a run of one point, and on one of a sweep, with a directory for each point. Prints the scores, how the loss
fell, the quantities that the best site holds, and what is in the newest checkpoint. docs/file-formats.md says what each
file holds.
"""
import csv
import glob
import json
import os
import sys

import numpy
from safetensors.numpy import load_file


def points(run):
    """The directories of the finished points of a run: those with a summary and a recipe of their own."""
    found = sorted(glob.glob(os.path.join(run, "*", "summary.json")))
    return [os.path.dirname(path) for path in found] or [run]


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def read_losses(point):
    """(steps, losses) of metrics.jsonl; a loss that was not finite is NaN."""
    with open(os.path.join(point, "metrics.jsonl"), encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    return (numpy.array([line["step"] for line in lines]),
            numpy.array([numpy.nan if line["loss"] is None else line["loss"] for line in lines]))


def read_findings(point):
    with open(os.path.join(point, "findings.csv"), encoding="utf-8", newline="") as file:
        return [dict(row, value=float(row["value"])) for row in csv.DictReader(file)]


def best_sites(findings):
    """{(probe, target): (site, R2)} of the trained network: the site that is best in training, its R2 held out.

    A site that is chosen by the R2 that is then quoted would look better than it is.
    """
    rows = [row for row in findings if (row["quantity"], row["network"]) == ("r2", "trained")]
    last = max([row["step"] for row in rows], key=lambda step: int(step or 0), default="")  # empty: not known
    value = {(row["probe"], row["target"], row["site"], row["split"]): row["value"]
             for row in rows if row["step"] == last}  # fmt: skip
    best = {}
    for probe, target, site, split in value:
        if split == "train" and (probe, target, site, "held_out") in value:
            old = best.get((probe, target))
            if old is None or value[probe, target, site, "train"] > value[probe, target, old, "train"]:
                best[probe, target] = site
    return {key: (site, value[(*key, site, "held_out")]) for key, site in best.items()}


def read_point(point):
    print(os.path.basename(os.path.abspath(point)))
    for measure in read_json(point, "summary.json")["measures"]:
        print("  %-22s %-14s %-10s %-9s %s" % tuple(
            measure[key] for key in ("quantity", "probe", "network", "split", "value")))
    for (probe, target), (site, value) in sorted(best_sites(read_findings(point)).items()):
        print("  %-18s %-12s R2 %7.4f at %s" % (probe, target, value, site))
    for path in sorted(glob.glob(os.path.join(point, "arrays", "trained", "*", "*.npy"))):
        print("  %s: %s" % (os.path.relpath(path, point), numpy.load(path).shape))


def read_training(point):
    steps, losses = read_losses(point)
    print("  loss %.4g at step %d, %.4g at step %d" % (losses[0], steps[0], losses[-1], steps[-1]))
    newest = max(glob.glob(os.path.join(point, "checkpoints", "step-*.safetensors")))
    tensors = load_file(newest)
    weights = {name: value for name, value in tensors.items() if name.startswith(("transformer.", "input_", "output_"))}
    print("  %s: %d tensors, %d numbers of parameters, the largest %.3f" % (
        os.path.basename(newest), len(weights), sum(value.size for value in weights.values()),
        max(numpy.abs(value).max() for value in weights.values())))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for point in points(sys.argv[1]):
        if not os.path.exists(os.path.join(point, "summary.json")):
            sys.exit("%s holds no finished run" % point)
        read_point(point)
        # Of weights that were only probed there is no training to read.
        if os.path.exists(os.path.join(point, "metrics.jsonl")):
            read_training(point)


if __name__ == "__main__":
    main()
