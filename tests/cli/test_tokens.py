"""Studies of models on tokens: losses, their control, probes, and maps planted into an embedding."""
import json
import math
import os
import random

from program import RECIPES, SMOKE, emitted, equal, expect, findings, main, read, run
from tensor_files import read_npy, read_safetensors, write_npy, write_safetensors

SINE = os.path.join(RECIPES, "sine-spatial-map.yaml")
TEST = ["--size", "test", "--device", "reference", "-q"]

# Losses of a device in float32 beside sums in double: some ten roundings of 2^-24 of numbers of this size.
SINGLE = 1e-6


def near(value, expected, tolerance, what):
    if not abs(value - expected) <= tolerance:
        raise AssertionError("%s: %.17g, expected %.17g within %g" % (what, value, expected, tolerance))


def lines(*path):
    return [json.loads(line) for line in read(*path).splitlines()]


def values(rows, **wanted):
    """The values of all rows that have these fields."""
    return [float(row["value"]) for row in rows if all(row[key] == text for key, text in wanted.items())]


def value(rows, **wanted):
    [found] = values(rows, **wanted)
    return found


def the_recipe_of_the_spatial_map_runs(scratch):
    out = os.path.join(scratch, "out")
    result = expect(run("run", SINE, *TEST, "--out", out), 0)
    rows = findings(out)
    losses = {(row["network"], row["quantity"], row["split"], row["unit"])
              for row in rows if row["probe"] == "loss"}  # fmt: skip
    clean = {(network, "clean_cross_entropy", split, "nat")
             for network in ("trained", "untrained", "none") for split in ("train", "held_out")}  # fmt: skip
    seen = {(network, "cross_entropy", "train", "nat") for network in ("trained", "none")}
    equal(losses, clean | seen, "losses")
    for fragment in ("Cross-entropy of one column", "shares"):
        if fragment not in result.stdout:
            raise AssertionError("no %r in:\n%s" % (fragment, result.stdout))
    evaluated = lines(out, "evaluations.jsonl")
    equal([line["step"] for line in evaluated], [0, 1, 3, 12], "evaluated steps")
    for line in evaluated:
        step = {"network": "trained", "step": str(line["step"])}
        for split in "train", "held_out":
            equal(value(rows, quantity="clean_cross_entropy", split=split, **step), line[split + "_loss"], "loss")
            equal(len(values(rows, probe="spatial_map", target="x", split=split, **step)), 1, "maps of a step")
    kind, (shape, pairs) = read_npy(os.path.join(out, "arrays", "trained", "spatial_map", "map_x.npy"))
    equal((kind, shape), ("f64", (20, 2)), "saved map")
    equal([round(x, 9) for x in pairs[::2]], [round(-0.95 + 0.1 * k, 9) for k in range(20)], "centres of the bins")


def a_loss_is_that_of_training(scratch):
    """All windows are probed, so that an evaluation is the loss of the next step, by other code on another path."""
    for name, words in ("whole", []), ("cut", ["--set", "data.context=7", "--set", "study.windows=80"]):
        out = os.path.join(scratch, name)
        expect(run("run", SINE, *TEST, "--out", out, "--set", "train.log_every=1", *words,
                   "--set", "probes.1.networks=[none]"), 0)  # fmt: skip
        steps = {line["step"]: line["last_loss"] for line in lines(out, "metrics.jsonl")}
        evaluated = {line["step"]: line["train_loss"] for line in lines(out, "evaluations.jsonl")}
        for step in 0, 1, 3:
            near(evaluated[step], steps[step + 1], SINGLE * steps[step + 1], "%s, loss after step %d" % (name, step))


# Trajectories of one's own whose tokens are known: the centres of three bins of every four.
BINS, TRAJECTORIES, STEPS = 200, 40, 40
USED = [token for token in range(BINS) if token % 4 != 1]


def centre(token):
    return -1 + (token + 0.5) * 2 / BINS


def chosen_tokens():
    """(TRAJECTORIES, STEPS) tokens. The first half is trained on and has all that are used."""
    draw = random.Random(1)
    tokens = (USED * 6)[:TRAJECTORIES // 2 * STEPS]
    draw.shuffle(tokens)
    tokens += [draw.choice(range(BINS)) for _ in range(TRAJECTORIES // 2 * STEPS)]
    return [tokens[k * STEPS:(k + 1) * STEPS] for k in range(TRAJECTORIES)]


def run_of_known_tokens(scratch):
    tokens = chosen_tokens()
    data = [centre(token) for row in tokens for token in row]
    write_npy(os.path.join(scratch, "data.npy"), ((TRAJECTORIES, STEPS, 1), data), "f64")
    recipe = os.path.join(scratch, "recipe.yaml")
    with open(recipe, "w", encoding="utf-8") as file:
        file.write("name: known\ndata: {file: data.npy, columns: [x], train_fraction: 0.5, context: %d, bins: %d, "
                   "bin_range: [-1, 1]}\nmodel: {n_layer: 1, n_embd: 8}\ntrain: {steps: 2, batch_size: 2}\n"
                   "study: {windows: %d}\nprobes: [{name: spatial_map, as: map}]\n"
                   % (STEPS, BINS, TRAJECTORIES // 2))  # fmt: skip
    out = os.path.join(scratch, "out")
    expect(run("run", recipe, "--out", out, "--device", "reference", "-q"), 0)
    return tokens, out


def the_control_knows_the_shares_of_tokens(scratch):
    tokens, out = run_of_known_tokens(scratch)
    half = TRAJECTORIES // 2
    seen = [token for row in tokens[:half] for token in row]
    for split, part in ("train", tokens[:half]), ("held_out", tokens[half:]):
        targets = [token for row in part for token in row[1:]]
        expected = -math.fsum(math.log((seen.count(token) + 1) / (len(seen) + BINS)) for token in targets) / len(targets)
        # Hundreds of terms summed one by one.
        near(value(findings(out), network="none", quantity="clean_cross_entropy", split=split), expected, 1e-12 * expected,
             "control, " + split)  # fmt: skip


def planted_maps_are_found(scratch):
    _, run_directory = run_of_known_tokens(scratch)
    metadata, tensors = read_safetensors(os.path.join(run_directory, "checkpoints", "step-00000002.safetensors"))
    model = {name: tensor for name, (_, tensor) in tensors.items() if name.startswith("transformer.")}
    direction = [0.3, -1.2, 0.7, 0.1, -0.4, 0.9, 2.0, -0.6]
    line = {token: [centre(token) * d + 0.5 for d in direction] for token in USED}
    order = USED[:]
    random.Random(2).shuffle(order)
    shuffled = {token: line[other] for token, other in zip(USED, order)}
    found = {}
    for name, rows in ("line", line), ("shuffled", shuffled):
        # What the training data never use would spoil any map.
        table = [x for token in range(BINS) for x in rows.get(token, [1e3 * (-1) ** token] * 8)]
        weights = os.path.join(scratch, name + ".safetensors")
        write_safetensors(weights, dict(model, **{"transformer.wte.weight": ((BINS, 8), table)}), "f32", metadata)
        out = os.path.join(scratch, name)
        expect(run("probe", weights, "--recipe", os.path.join(scratch, "recipe.yaml"), "--out", out, "-q",
                   "--device", "reference"), 0)  # fmt: skip
        rows = [row for row in findings(out) if row["probe"] == "map" and row["network"] == "trained"]
        equal([(row["target"], row["site"], row["split"], row["n"]) for row in rows],
              [("x", "transformer.wte.weight", "train", "150"), ("x", "transformer.wte.weight", "held_out", "30")],
              "findings")  # fmt: skip
        found[name] = {row["split"]: float(row["value"]) for row in rows}
    # The table is rounded to float32: relative errors of 2^-24, of which R2 has the square.
    near(found["line"]["train"], 1, 1e-12, "R2 in sample")
    near(found["line"]["held_out"], 1, 1e-12, "R2 held out")
    # Chance: 8 / 149 in sample with 8 free channels (mean of a beta distribution, deviation 0.026), four deviations up.
    if not 0 <= found["shuffled"]["train"] <= 8 / 149 + 4 * 0.026:
        raise AssertionError("R2 %g in sample from shuffled rows" % found["shuffled"]["train"])
    if not found["shuffled"]["held_out"] <= 4 * 0.026:
        raise AssertionError("R2 %g held out from shuffled rows" % found["shuffled"]["held_out"])


def two_columns_have_two_maps(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q", "--device", "reference", "--set", "data.bins=32", "--set",
               "train.noise=0", "--set", "probes.1={name: spatial_map}"), 0)  # fmt: skip
    rows = emitted(out)
    maps = {(row["network"], row["site"], row["target"], row["split"]) for row in rows if row["probe"] == "spatial_map"}
    equal(maps, {(network, "transformer.wte.%d.weight" % k, column, split)
                 for network in ("trained", "untrained") for k, column in enumerate("xy")
                 for split in ("train", "held_out")}, "maps")  # fmt: skip
    equal({row["network"] for row in rows if row["probe"] in ("linear", "rollout")}, {"trained", "untrained", "none"},
          "networks")  # fmt: skip
    before, after = [value(rows, network=network, quantity="clean_cross_entropy", split="held_out")
                     for network in ("untrained", "trained")]  # fmt: skip
    # 40 steps take some tenths of a nat off ln 32 = 3.47; an untrained model is at about that.
    near(before, math.log(32), 0.1, "loss before training")
    if not after < before - 0.1:
        raise AssertionError("loss %g after training, %g before" % (after, before))


def a_vocabulary_of_7000_trains(scratch):
    out = os.path.join(scratch, "out")
    words = ["data.bins=7000", "data.steps=100", "data.context=100", "model.n_embd=32", "train.steps=20", "train.batch=random",
             "train.batch_size=2", "train.learning_rate=3e-3", "train.log_every=1", "train.evaluate=none",
             "train.keep_evaluated=false", "study.every_evaluation=false", "study.windows=2",
             "probes=[{name: spatial_map}]"]  # fmt: skip
    expect(run("run", SINE, *TEST, "--out", out, *[part for word in words for part in ("--set", word)]), 0)
    losses = [line["last_loss"] for line in lines(out, "metrics.jsonl")]
    # An untrained model is at about ln 7000 = 8.85; 20 steps at a batch of 4 took off 0.39.
    near(losses[0], math.log(7000), 0.1, "first loss")
    if not sum(losses[-5:]) / 5 < losses[0] - 0.1:
        raise AssertionError("losses %r" % losses)
    [maps] = {row["n"] for row in findings(out) if row["split"] == "train" and row["probe"] == "spatial_map"}
    # 20 waves of 100 points have no more tokens than that.
    equal(10 <= int(maps) <= 2000, True, "%s tokens that occur" % maps)


def a_table_from_elsewhere(scratch):
    """Nothing but a table, as docs/bring-your-own.md writes it: rows on a line, and on one with every third row moved across it."""
    tokens, channels = 60, 4
    line = [[(2 * i + 1) / tokens - 1] * channels for i in range(tokens)]
    bent = [[x * (-1) ** k + (0.5 if i % 3 == 0 else 0) for k, x in enumerate(row)] for i, row in enumerate(line)]
    sizes = {"n_layer": "0", "n_head": "1", "n_embd": str(channels), "block_size": "1", "vocab_size": str(tokens)}
    rest = {"transformer.wpe.weight": ([1, channels], [0.0] * channels),
            "transformer.ln_f.weight": ([channels], [1.0] * channels),
            "transformer.ln_f.bias": ([channels], [0.0] * channels)}  # fmt: skip
    for name, table in [("line", line), ("bent", bent)]:
        weights, out = os.path.join(scratch, name + ".safetensors"), os.path.join(scratch, name)
        tensors = {"transformer.wte.weight": ([tokens, channels], [x for row in table for x in row]), **rest}
        write_safetensors(weights, tensors, "f64", sizes)
        expect(run("probe", weights, "--recipe", os.path.join(RECIPES, "spatial-map.yaml"), "--set", "data.bins=60",
                   "--set", "data.trajectories=2000", "--device", "reference", "--out", out, "-q"), 0)  # fmt: skip
        for split in ["train", "held_out"]:
            # The table is rounded to float32, 6e-8 of its numbers, and R2 squares that.
            near(value(findings(out), network="trained", quantity="r2", split=split), 1, 1e-12, name + ", " + split)


def what_does_not_fit_is_refused(scratch):
    numbers = ["probes=[{name: spatial_map}]", "scores={}", "expect=[]"]
    for i, (recipe, words, parts) in enumerate([
            ([SMOKE], numbers, ["spatial_map", "data.bins"]),
            ([SINE, *TEST], ["probes.0.parameter=transformer.wpe.wieght"], ["did you mean", "transformer.wpe.weight"]),
            ([SINE, *TEST], ["probes.0.parameter=transformer.wpe.weight", "data.bins=40"], ["30 x 8", "40 tokens"]),
            ([SINE, *TEST], ["probes.0.parameter=''"], ["spatial_map", "parameter"]),
            ([SINE, *TEST], ["data.bins=8"], ["8 of 8 tokens", "raise data.bins"]),
            ([SINE, *TEST], ["data.bins=16777216"], ["16777216 bins x 29 points x 1 columns", "lower data.bins"]),
            ([SINE, *TEST], ["scores={cross_entropy: [x]}"], ["every run has a number of this name"]),
    ]):  # fmt: skip
        options = [part for word in words for part in ("--set", word)]
        expect(run("run", *recipe, "--out", os.path.join(scratch, str(i)), "-q", *options), 2, *parts)


if __name__ == "__main__":
    main([
        the_recipe_of_the_spatial_map_runs,
        a_loss_is_that_of_training,
        the_control_knows_the_shares_of_tokens,
        planted_maps_are_found,
        two_columns_have_two_maps,
        a_vocabulary_of_7000_trains,
        a_table_from_elsewhere,
        what_does_not_fit_is_refused,
    ])
