"""Long contexts, many heads, wide models and large vocabularies on OpenCL: a training step of each, by the smallest
batch, against the reference in double, and a few steps of a whole run."""
import json
import os

from program import RECIPES, SMOKE, Skip, equal, expect, main, run

SINE = os.path.join(RECIPES, "sine-spatial-map.yaml")
STEPS = 3


def settings(pairs):
    return [word for pair in pairs.items() for word in ("--set", "%s=%s" % pair)]


def losses(directory):
    with open(os.path.join(directory, "metrics.jsonl"), encoding="utf-8") as file:
        return [line["loss"] for line in map(json.loads, file) if "loss" in line]


def check(scratch, recipe, shape, words=()):
    """The recipe with this shape: its step is validated as a graph, then it runs."""
    if "opencl:0 " not in expect(run("devices"), 0).stdout:
        raise Skip("no OpenCL device")
    words = [*words, *settings(shape)]
    graph, out = os.path.join(scratch, "step.graph"), os.path.join(scratch, "out")
    expect(run("explain", recipe, "--device", "opencl", "-q", "--graph", graph, *words), 0)
    result = expect(run("validate", "opencl", "--graph", graph, "--time-limit", "250"), 0)
    if "\n1 passed" not in result.stdout:
        raise AssertionError(result.stdout)
    expect(run("run", recipe, "--device", "opencl", "-q", "--out", out, *words,
               *settings({"train.steps": STEPS, "train.log_every": 1, "study.windows": 4})), 0)  # fmt: skip
    found = losses(out)
    equal(len(found) >= STEPS, True, "%d losses of %d steps" % (len(found), STEPS))
    print("# %s: losses %s" % (shape, found))


def long_context(scratch, context):
    check(scratch, SMOKE, {"data.context": context, "data.steps": context + 7, "data.trajectories": 4, "model.n_embd": 32,
                           "model.n_head": 1, "train.batch_tokens": context})  # fmt: skip


def context_512(scratch):
    long_context(scratch, 512)


def context_4096(scratch):
    long_context(scratch, 4096)


def eight_heads(scratch):
    check(scratch, SMOKE, {"model.n_head": 8, "model.n_embd": 64, "train.batch_tokens": 4})


def n_embd_256(scratch):
    check(scratch, SMOKE, {"model.n_embd": 256, "train.batch_tokens": 4})


def vocabulary_7000(scratch):
    check(scratch, SINE, {"data.bins": 7000, "data.context": 10, "data.steps": 11, "data.trajectories": 2,
                          "train.evaluate": "none", "train.keep_evaluated": "false",
                          "study.every_evaluation": "false", "probes": "[{name: spatial_map}]"})  # fmt: skip


if __name__ == "__main__":
    main([context_512, context_4096, eight_heads, n_embd_256, vocabulary_7000])
