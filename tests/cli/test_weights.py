"""Weights apart from their training: what `orrery export` writes, and recipes that name weights instead of training."""
import json
import os

from program import SMOKE, equal, expect, findings, load, main, read, run, tree
from tensor_files import read_safetensors
from test_probe import without_step

SEEDS = ["--seeds", "1,2"]


def train(scratch, *words):
    out = os.path.join(scratch, "run")
    expect(run("run", SMOKE, "-q", "--out", out, *words), 0)
    return out


def fnv(text):
    """FNV-1a, 64 bits (RFC 9923)."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return "%016x" % value


def an_exported_file_says_what_made_it(scratch):
    ours, out = train(scratch), os.path.join(scratch, "w.safetensors")
    expect(run("export", ours, "--out", out, "--metadata", "licence=MIT"), 0)
    metadata, tensors = read_safetensors(out)
    before, state = read_safetensors(os.path.join(ours, "checkpoints", "step-00000040.safetensors"))
    names = [name for name in state if not name.startswith("optimizer") and name != "losses"]
    equal(tensors, {name: state[name] for name in names}, "tensors")
    for key in "model", "n_layer", "n_head", "n_embd", "block_size", "input_dim", "seed", "step", "recipe":
        equal(metadata[key], before[key], key)
    equal((metadata["format"], metadata["licence"]), ("orrery-weights-1", "MIT"), "metadata")
    equal(json.loads(metadata["origin"]), load(ours, "origin.json"), "origin")
    # The part of the recipe that trained them is there, and is what the checkpoint was made with.
    equal(fnv(metadata["training"]), metadata["recipe"], "hash of the training")
    recipe = read(ours, "recipe.yaml").decode().splitlines()
    equal([line for line in metadata["training"].splitlines() if line not in recipe], [], "lines of no recipe")
    # An earlier checkpoint, by its name.
    expect(run("export", os.path.join(ours, "checkpoints", "step-00000015.safetensors"), "--out", out), 0)
    equal(read_safetensors(out)[0]["step"], "15", "step")


def a_recipe_that_names_weights_probes_them(scratch):
    """A sweep of exported weights finds what the sweep that trained them found."""
    ours = train(scratch, *SEEDS)
    for seed in "1", "2":
        weights = os.path.join(scratch, seed + ".safetensors")
        expect(run("export", os.path.join(ours, "seed=" + seed), "--out", weights), 0)
    words = ["--set", "weights.file=" + os.path.join(scratch, "{train.seed}.safetensors"), *SEEDS, "-q"]
    out = os.path.join(scratch, "out")
    result = expect(run("run", SMOKE, *words, "--out", out), 0)
    equal(without_step(findings(out)), without_step(findings(ours)), "findings")
    for seed in "1", "2":
        point = os.path.join(out, "seed=" + seed)
        equal(os.path.exists(os.path.join(point, "checkpoints")), False, "checkpoints of %s" % seed)
        weights = load(point, "env.json")["sessions"][0]["weights"]
        equal(weights, os.path.join(scratch, seed + ".safetensors"), "weights")
    if "1.safetensors and 1 more; nothing was trained" not in result.stdout:
        raise AssertionError(result.stdout)
    # The same points one by one, and their report.
    ones = []
    for seed in "1", "2":
        ones.append(os.path.join(scratch, "one-" + seed))
        weights = os.path.join(scratch, seed + ".safetensors")
        expect(run("probe", weights, "--recipe", SMOKE, "--set", "train.seed=" + seed, "-q", "--out", ones[-1]), 0)
    expect(run("report", *ones, "--out", os.path.join(scratch, "report")), 0)
    equal(findings(os.path.join(scratch, "report")), findings(out), "findings of two probings")
    # Nothing is done twice.
    expect(run("run", SMOKE, *words, "--resume", "--out", out), 0)
    equal(len(load(out, "seed=1", "env.json")["sessions"]), 1, "sessions of a finished point")
    text = expect(run("explain", SMOKE, *words, "--device", "reference"), 0).stdout
    if "no step is done" not in text or "all 2 points: about 0 s of training" not in text:
        raise AssertionError(text)
    # A run directory is moved with its files named from the root: its own recipe gives the same again.
    again = os.path.join(scratch, "again")
    expect(run("run", os.path.join(out, "recipe.yaml"), "-q", "--out", again), 0)
    equal(findings(again), findings(out), "findings by the resolved recipe")


def mistakes_are_named(scratch):
    ours, out = train(scratch), os.path.join(scratch, "w.safetensors")
    expect(run("export", ours, "--out", out), 0)
    none = os.path.join(scratch, "none")
    os.symlink(os.path.join(ours, "checkpoints", "step-00000040.safetensors"), os.path.join(scratch, "link"))
    for words, fragment in [([ours], "--out is missing"), ([ours, "--out", ""], "--out is missing"),
                            (["--out", none], "is missing"), ([scratch, "--out", none], "holds no checkpoint"),
                            ([out, "--out", none], "is no checkpoint of a run"),
                            ([ours, "--out", os.path.join(ours, "..", "link")], "is the checkpoint itself"),
                            ([ours, "--out", none, "--metadata", "MIT"], "write KEY=TEXT"),
                            ([ours, "--out", none, "--metadata", "=MIT"], "write KEY=TEXT"),
                            ([ours, "--out", none, "--metadata", "seed=3"], "choose another key")]:  # fmt: skip
        expect(run("export", *words), 2, fragment)
    for words, fragment in [(["--set", "train.seed=2"], "trained from seed 1, and train.seed is 2"),
                            (["--set", "weights.checksum=00"], "it is another file"),
                            (["--set", "weights.fil=x"], 'did you mean "file"'),
                            (["--set", "model.n_embd=16"], "w.safetensors: tensor")]:  # fmt: skip
        expect(run("run", SMOKE, "--set", "weights.file=" + out, *words, "-q", "--out", none), 2, fragment)
    expect(run("run", SMOKE, "--set", "weights.file=" + out[:-1], "-q", "--out", none), 2, out[:-1])
    # A run that was trained is not gone on with by weights from elsewhere, nor one of weights by others.
    given, before = ["--set", "weights.file=" + out, "-q", "--resume", "--out"], tree(ours)
    expect(run("run", SMOKE, *given, ours), 2, "holds a run of another recipe: weights.file is not set")
    equal(tree(ours), before, "files of a run that was refused")
    expect(run("run", SMOKE, *given, os.path.join(scratch, "probed")), 0)
    os.replace(out, out + "2")
    expect(run("export", os.path.join(ours, "checkpoints", "step-00000015.safetensors"), "--out", out), 0)
    expect(run("run", SMOKE, *given, os.path.join(scratch, "probed")), 2, "another recipe: weights.checksum is")
    # What was trained otherwise than its recipe says is not exported as made by it.
    recipe = os.path.join(ours, "recipe.yaml")
    text = read(recipe).decode()
    with open(recipe, "w", encoding="utf-8") as file:
        file.write(text.replace("learning_rate: 3e-3", "learning_rate: 4e-3"))
    target = os.path.join(scratch, "target.safetensors")
    expect(run("export", ours, "--out", target), 2, "is not the recipe that trained")
    equal(os.path.exists(target), False, "a file after a failure")


if __name__ == "__main__":
    main([an_exported_file_says_what_made_it, a_recipe_that_names_weights_probes_them, mistakes_are_named])
