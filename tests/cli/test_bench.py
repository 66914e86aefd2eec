"""Measuring: what bench and explain print and write, and what they refuse. Figures are not judged, only their kind."""
import json
import os
import re
import sys

from program import SMOKE, Skip, equal, expect, load, main, run

sys.path.insert(0, os.path.join(os.environ["ORRERY_TEST_SOURCE"], "tests", "bench"))
import peer  # noqa: E402  # pylint: disable=wrong-import-position

SHORT = ("--repeats", "2", "--device", "reference")


def operations():
    """The name of every row of ops.def."""
    path = os.path.join(os.environ["ORRERY_TEST_SOURCE"], "include", "orrery", "ops.def")
    with open(path, encoding="utf-8") as file:
        return re.findall(r'^ORR_OP\( ?\d+, \w+, *"(\w+)"', file.read(), re.MULTILINE)


def every_operation_is_timed(scratch):
    path = os.path.join(scratch, "bench.json")
    text = expect(run("bench", SMOKE, "--ops", "--gemm", "--json", path, *SHORT), 0).stdout
    found = load(path)
    equal(found["format"], "orrery-bench-1", "format")
    point, limits = found["points"][0], found["limits"]
    equal((point["point"], point["batch"], point["context"], point["calls"]), ("smoke", 32, 4, 87), "the point")
    equal(point["seconds"]["repeats"], 2, "repeats")
    for key in ("least", "median", "most"):
        if not 0 < point["seconds"][key] < 60:
            raise AssertionError(point["seconds"])
    equal(sorted({c["operation"] for c in point["table"]}), sorted(operations()), "timed operations")
    equal(sum(c["a_step"] for c in point["table"]), point["calls"], "calls of a step")
    work = sum(c["a_step"] * c["flop"] for c in point["table"])
    if abs(work - point["flop"]) > 1e-9 * point["flop"]:
        raise AssertionError("%g operations in the table, %g in a step" % (work, point["flop"]))
    products = [c for c in point["table"] if "product" in c and c["a_step"]]
    for c in products:
        p = c["product"]
        # A linear operation also adds its bias.
        bias = p["m"] * p["n"] if c["operation"] == "linear" else 0
        equal(c["flop"], 2 * p["m"] * p["n"] * p["k"] * p["batch"] + bias, "arithmetic of %r" % p)
        if c["flop"] / c["seconds"]["median"] > limits["flops"] * 1.000001:
            raise AssertionError("a product is quicker than the limit")
    equal(len(products), 17, "shapes of products")
    for fragment in ("% of the best product", "launches     not counted", "beyond caches", "multiply-adds"):
        if fragment not in text:
            raise AssertionError("no %r in:\n%s" % (fragment, text))
    equal(point["work"]["launches"], None, "launches of a backend that does not count")


def without_tables_only_the_step(scratch):
    path = os.path.join(scratch, "bench.json")
    settings = ("--set", "data.context=2,3", "--set", "train.batch_tokens=24")
    expect(run("bench", SMOKE, "--repeats", "1", "--device", "null", "--json", path, *settings), 0)
    points = load(path)["points"]
    equal([(p["point"], p["batch"], p["table"]) for p in points], [("context=2", 12, []), ("context=3", 8, [])], "points")


def a_workload_is_built_in(_):
    text = expect(run("bench", "--device", "null", "--repeats", "1"), 0).stdout
    if "workload: 12800 tokens a step (128 windows of 100)" not in text:
        raise AssertionError(text)
    expect(run("bench", "--set", "model.n_embd=8"), 2, "--set changes a recipe: name one")


def wrong_words_are_refused(scratch):
    expect(run("bench", SMOKE, "--repeats", "0"), 2, '--repeats "0"', "1 to 1000")
    expect(run("bench", SMOKE, SMOKE), 2, "one word too many")
    expect(run("bench", SMOKE, "--device", "none"), 2, "--device none")
    expect(run("bench", os.path.join(scratch, "none.yaml"), "--device", "null"), 2, "none.yaml")
    missing = os.path.join(scratch, "none", "bench.json")
    expect(run("bench", SMOKE, "--device", "null", "--repeats", "1", "--json", missing), 1, "bench.json")


def a_device_without_a_clock_gives_no_trace(scratch):
    """Refused before a run begins, so that nothing is computed in vain."""
    trace, out = os.path.join(scratch, "trace.json"), os.path.join(scratch, "run")
    for words in (("run", SMOKE, "--out", out), ("explain", SMOKE), ("bench", SMOKE, "--repeats", "1")):
        expect(run(*words, "--device", "null", "--trace", trace), 2, "does not tell how long", "elapsed")
    equal(os.path.exists(out) or os.path.exists(trace), False, "something was written")


def explain_tells_launches_and_bytes(_):
    text = expect(run("explain", SMOKE, "--device", "reference"), 0).stdout
    for fragment in ("  launches     not counted by this backend\n", "  host bytes   0 written, 0 read a step\n"):
        if fragment not in text:
            raise AssertionError("no %r in:\n%s" % (fragment, text))


def explain_plans_once_for_all_seeds(_):
    seconds = r"^  time .* about (\d+) s for"
    for seeds, told in [("7", ""), ("7,8,9", ",seed=7, and so 2 more with other seeds")]:
        text = expect(run("explain", SMOKE, "--device", "reference", "--set", "data.context=2,4", "--seeds", seeds,
                          "--set", "train.steps=100000"), 0).stdout  # fmt: skip
        points = [line for line in text.splitlines() if line.startswith("context=")]
        equal(points, ["context=2" + told, "context=4" + told], "points")
        n = len(seeds.split(","))
        [all_points, total] = re.search(r"^all (\d+) points: about (\d+) s", text, re.M).groups()
        equal(int(all_points), 2 * n, "points in all")
        each = sum(map(int, re.findall(seconds, text, re.M)))
        # Each is rounded to a second.
        if each == 0 or abs(int(total) - n * each) > n * 1 + 1:
            raise AssertionError("%d seeds of %d s make %s s in\n%s" % (n, each, total, text))


def a_run_records_what_the_device_did(scratch):
    out = os.path.join(scratch, "run")
    expect(run("run", SMOKE, "--device", "reference", "--out", out), 0)
    work = load(out, "env.json")["sessions"][-1]["work"]
    equal((work["launches"], work["products"]), (None, None), "work of a backend that does not count")
    # The data set, 60 trajectories of 16 points of two floats, goes up; activations for the probes come down.
    if work["bytes_written"] < 60 * 16 * 2 * 4 or work["bytes_read"] < 1000:
        raise AssertionError(work)


def events(path):
    """The slices of a trace, by category."""
    found = {}
    for event in load(path)["traceEvents"]:
        if event["ph"] == "X" and event["tid"] != 1:
            found.setdefault(event["cat"], []).append(event)
    return found


def opencl_traces_its_own_clock(scratch):
    listed = json.loads(expect(run("devices", "--json"), 0).stdout)
    if not [d for d in listed if d["backend"] == "opencl"]:
        raise Skip("no OpenCL device")
    path = os.path.join(scratch, "trace.json")
    done = run("explain", SMOKE, "--device", "opencl", "--trace", path)
    if done.returncode == 2 and "elapsed" in done.stderr:
        raise Skip("the OpenCL backend keeps no time")
    expect(done, 0)
    found = events(path)
    equal((len(found["step"]), len(found["program"]), len(found["call"])), (5, 10, 5 * 87), "slices")
    whole, parts = (sum(e["dur"] for e in found[kind]) for kind in ("step", "call"))
    # Both are sums of whole nanoseconds, in microseconds as doubles.
    if not 0 < whole < 60e6 or abs(whole - parts) > 1e-3:
        raise AssertionError("steps take %g us, their calls %g" % (whole, parts))
    if not any(e["name"] == "mse loss" for e in found["call"]):
        raise AssertionError(sorted({e["name"] for e in found["call"]}))
    if "  device ms" not in done.stdout:
        raise AssertionError(done.stdout)


def pytorch_takes_the_same_step(_):
    """The peer of ./dev bench runs, and its best setting is one that was tried."""
    python, version = peer.find()
    if not python:
        raise Skip(version)
    shape = {"n_embd": 8, "context": 3, "batch": 4, "n_layer": 1, "n_head": 1}
    theirs = peer.Peer(python, version)
    found = theirs.run(shape, peer.Setting(), 0.001, 2)
    equal((len(found), min(found) > 0), (2, True), "repetitions")
    equal(theirs.run(dict(shape, n_head=3), peer.Setting(), 0.001, 1), None, "what PyTorch cannot do")


if __name__ == "__main__":
    main([every_operation_is_timed, without_tables_only_the_step, a_workload_is_built_in, wrong_words_are_refused,
          a_device_without_a_clock_gives_no_trace, explain_tells_launches_and_bytes,
          explain_plans_once_for_all_seeds,
          a_run_records_what_the_device_did, opencl_traces_its_own_clock, pytorch_takes_the_same_step])  # fmt: skip
