#!/usr/bin/env python3
"""Times the program on the main workload, beside PyTorch where there is one.

usage: bench.py PROGRAM RECIPES [--all] [--repeats N] [--seconds S] [--only DEVICE] [--part PART]

12,800 points a step, two layers, one head: n_embd 32 at contexts 2, 10 and 100, and 128 at context 100; then other
models. Every engine takes its turn within a repetition, so that a machine which slows down slows all of them; figures
are medians of the repetitions, with least and most. Then how the cost of a step grows with batch and layers.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import peer

TOKENS = 12800
SIMPLEST = {"kind": "transformer", "vocab": 0, "n_layer": 2, "n_head": 1, "n_embd": 32, "context": 100}
WORKLOADS = ({"context": 2}, {"context": 10}, {}, {"n_embd": 128})
MODELS = ({"kind": "mlp", "n_embd": 128, "context": 10}, {"vocab": 100}, {"vocab": 7000}, {"n_head": 4, "n_embd": 128},
          {"n_layer": 6}, {"context": 512})  # fmt: skip
SWEEP_TOKENS = (3200, 6400, 12800, 25600)
SWEEP_LAYERS = (1, 2, 4, 8)
SKIPPED = ("null",)  # computes nothing: its steps are the overhead of calls, not a device
SLOW = ("reference",)  # written for exactness: only with --all
PARTS = ("start", "peer", "models", "sweep")


class Program:
    def __init__(self, path, recipes):
        self.path, self.recipes = path, recipes
        # One core a thread: PoCL leaves that to the kernel otherwise. OpenBLAS is not used in a step.
        self.environment = dict(os.environ, POCL_AFFINITY=os.environ.get("POCL_AFFINITY", "1"))

    def run(self, *words):
        done = subprocess.run([self.path, *words], capture_output=True, text=True, env=self.environment, check=False)
        if done.returncode != 0:
            raise SystemExit("bench: orrery %s\n%s" % (" ".join(words), done.stderr.strip()))
        return done.stdout

    def seconds(self, *words):
        start = time.perf_counter()
        self.run(*words)
        return time.perf_counter() - start

    def devices(self, everything):
        """("opencl:0", what it is) of every device to be timed."""
        skipped = SKIPPED if everything else SKIPPED + SLOW
        return [("%s:%d" % (d["backend"], d["index"]), "%s, %s" % (d["name"], d["driver"]))
                for d in json.loads(self.run("devices", "--json")) if d["backend"] not in skipped]  # fmt: skip

    def step(self, device, shape):
        """Seconds a step, and what the device did in one. The windows are whole trajectories: a loss at every point."""
        settings = {"model." + key: shape[key] for key in ("kind", "n_layer", "n_head", "n_embd")}
        recipe = os.path.join(self.recipes, "sine-spatial-map.yaml" if shape["vocab"] else "kepler-newton.yaml")
        settings.update({"data.context": shape["context"], "data.steps": shape["context"] + 1,
                         "data.trajectories": 2000, "data.bins": shape["vocab"],
                         "train.batch": "random", "train.batch_size": shape["batch"],
                         "train.batch_tokens": 0, "train.evaluate": "none", "train.keep_evaluated": "false",
                         "study.every_evaluation": "false"})  # fmt: skip
        words = [word for pair in settings.items() for word in ("--set", "%s=%s" % pair)]
        with tempfile.TemporaryDirectory() as directory:
            found = os.path.join(directory, "bench.json")
            self.run("bench", recipe, "--device", device, "--repeats", "1", "--json", found, *words)
            with open(found, encoding="utf-8") as file:
                point = json.load(file)["points"][0]
        if (point["batch"], point["context"]) != (shape["batch"], shape["context"]):
            raise SystemExit("bench: %d windows of %d points, not %s" % (point["batch"], point["context"], shape))
        return point["seconds"]["median"], point["work"]


def line(what, unit, samples, more=""):
    print("%-68s %9.2f %9.2f %9.2f  %s%s" % (what, min(samples), statistics.median(samples), max(samples), unit, more),
          flush=True)  # fmt: skip


def head(title):
    print("\n%-68s %9s %9s %9s" % (title, "least", "median", "most"))


def describe_work(work):
    if work["launches"] is None:
        return "launches not counted"
    all_work = sum(p["multiply_adds"] for p in work["products"]) or 1
    shares = ["%s %.0f %%" % (p["by"], 100 * p["multiply_adds"] / all_work) for p in work["products"] if p["products"]]
    return "%d launches and %d library calls a step, %d host bytes; products: %s" % (
        work["launches"], work["library_calls"], work["bytes_written"] + work["bytes_read"],
        ", ".join(shares) or "none")  # fmt: skip


def bench_start(program, repeats):
    head("start")
    line("orrery --version", "ms", [1e3 * program.seconds("--version") for _ in range(repeats)])
    with tempfile.TemporaryDirectory() as directory:
        orbits = ("generate", "kepler", "--trajectories", "20000", "--steps", "100", "--out",
                  os.path.join(directory, "orbits.npy"), "-q")  # fmt: skip
        line("20,000 orbits of 100 points", "ms", [1e3 * program.seconds(*orbits) for _ in range(repeats)])


def whole_shape(changes, tokens=TOKENS):
    shape = dict(SIMPLEST, **changes)
    return dict(shape, batch=tokens // shape["context"])


def describe_shape(shape):
    kind = "tokens of %d" % shape["vocab"] if shape["vocab"] else shape["kind"]
    return "%s, %d layers, %d heads, n_embd %d, context %d, batch %d" % (
        kind, shape["n_layer"], shape["n_head"], shape["n_embd"], shape["context"], shape["batch"])  # fmt: skip


def bench_workload(program, devices, torch, asked, shape):
    """One row an engine; ratios are of medians."""
    head(describe_shape(shape))
    best = torch.best_setting(shape, asked.seconds) if torch else None
    samples, work, theirs = {device: [] for device, _ in devices}, {}, []
    for _ in range(asked.repeats):
        for device, _ in devices:
            seconds, work[device] = program.step(device, shape)
            samples[device].append(1e3 * seconds)
        if best:
            theirs.append(1e3 * statistics.median(torch.run(shape, best, asked.seconds, 1) or [float("nan")]))
    if best:
        line("PyTorch %s" % torch.version, "ms", theirs, "  (%s)" % best)
    for device, _ in devices:
        ratio = statistics.median(theirs) / statistics.median(samples[device]) if best else None
        line(device, "ms", samples[device], "  PyTorch takes %.2f times as long" % ratio if ratio else "")
        print("  " + describe_work(work[device]))


def bench_sweep(program, devices, repeats, title, values, step):
    """Cost against the size: 1.00 in the last column where it grows in proportion to the first row's."""
    for device, _ in devices:
        head("%s: %s" % (device, title))
        samples = {value: [] for value in values}
        for _ in range(repeats):
            for value in values:
                samples[value].append(1e3 * step(device, value))
        first = statistics.median(samples[values[0]]) / values[0]
        for value in values:
            line(format(value, ","), "ms", samples[value],
                 "  %.2f" % (statistics.median(samples[value]) / value / first))  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("recipes", help="their directory")
    parser.add_argument("--all", action="store_true", help="also the reference backend, which is slow")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one repetition of PyTorch")
    parser.add_argument("--only", help="one device, such as opencl:0")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this; may be given again")
    asked = parser.parse_args()
    parts = asked.part or PARTS
    program = Program(asked.program, asked.recipes)
    devices = [d for d in program.devices(asked.all or asked.only) if asked.only in (None, d[0])]
    python, version = peer.find()
    torch = peer.Peer(python, version) if python else None
    print("%s, %d processors, %d alternating repetitions" % (
        program.run("--version").strip(), os.cpu_count(), asked.repeats))  # fmt: skip
    for device in devices:
        print("%s: %s" % device)
    if not devices:
        print("NO DEVICE TO TIME: only the reference is here; --all times it")
    print("PyTorch %s" % version if torch else "NO PYTORCH (%s): nothing is compared with it" % version)
    if "start" in parts:
        bench_start(program, asked.repeats)
    for part, shapes in (("peer", WORKLOADS), ("models", MODELS)):
        for changes in shapes if part in parts and (devices or torch) else ():
            bench_workload(program, devices, torch, asked, whole_shape(changes))
    if "sweep" in parts:
        bench_sweep(program, devices, asked.repeats, "points a step, n_embd 32, context 100", SWEEP_TOKENS,
                    lambda device, n: program.step(device, whole_shape({}, tokens=n))[0])  # fmt: skip
        bench_sweep(program, devices, asked.repeats, "layers, n_embd 32, context 100", SWEEP_LAYERS,
                    lambda device, n: program.step(device, whole_shape({"n_layer": n}))[0])  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
