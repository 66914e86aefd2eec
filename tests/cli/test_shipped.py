"""The weights that ship: trained by the recipe as it is, and worth what the run that trained them found."""
import csv
import math
import os

from program import RECIPES, Skip, expect, findings, is_sanitized, main, read, run
from tensor_files import SINGLE, read_npy, read_safetensors, write_npy
from test_weights import fnv

RECIPE = os.path.join(RECIPES, "kepler-newton.yaml")
CONTEXTS = ["2", "100"]
# What a number may differ by from that of the run that trained the weights, by probe. Activations differ by some
# roundings of float32 between instruction sets and backends, and a fit divides them by its smallest singular values.
# The largest differences that were seen, with vectors of 4, 8 and 16 floats and on the backend reference: of losses
# 8e-10, of rollouts 6e-8; of `sound`, which cuts at 1e-6 or above, 1.0e-4; of `linear-single`, which as published keeps
# whatever float32 holds, 0.011.
TOLERANCE = {"loss": 1e-8, "rollout": 1e-6, "sound": 1e-3, "linear-single": 0.03}
AGAIN = "train them again and write them with `orrery export` (docs/reproducing-the-paper.md), or take the change back"


def weights(context):
    return os.path.join(RECIPES, "weights", "kepler-newton-context-%s.safetensors" % context)


def keys(recipe):
    """{"train: steps": "20001", ...} of a resolved recipe's text, as far as its maps go; a list counts as its lines."""
    found, section, key = {}, "", ""
    for line in recipe.splitlines():
        name, _, value = line.strip().partition(":")
        if line.startswith("  ") and not line.startswith("   ") and ":" in line:
            key = "%s: %s" % (section, name)
        elif not line.startswith(" "):
            section = key = name
        else:
            value = found[key] + line.strip()
        found[key] = value.strip()
    return found


def shipped_run(scratch):
    """What a newcomer types; the figures are not looked at here."""
    out = os.path.join(scratch, "out")
    expect(run("run", RECIPE, "--size", "shipped", "-q", "--out", out), 0)
    return out


def golden():
    with open(os.path.join(os.environ["ORRERY_TEST_GOLDEN"], "kepler_newton_shipped.csv"), encoding="ascii") as file:
        return list(csv.DictReader(file))


def name_of(row):
    return tuple(row[key] for key in ("point", "network", "probe", "quantity", "split"))


def check_training(context, recipe):
    """Every key that trained the weights is still in the recipe; one that came later has its default."""
    metadata, tensors = read_safetensors(weights(context))
    if fnv(metadata["training"]) != metadata["recipe"]:
        raise AssertionError("%s: metadata `training` is not what the checkpoint was made with" % weights(context))
    if any(name.startswith("optimizer") or name == "losses" for name in tensors):
        raise AssertionError("%s holds more than weights" % weights(context))
    now = keys(recipe)
    for key, value in keys(metadata["training"]).items():
        if key not in ("title", "label") and now.get(key) != value:
            raise AssertionError("%s: was trained with %s %s, and size shipped of the recipe has %s: %s"
                                 % (weights(context), key, value, now.get(key), AGAIN))  # fmt: skip


def check_scores(out):
    found = {name_of(row): float(row["value"]) for row in findings(out) if not row["site"] and not row["target"]}
    wrong = []
    for row in golden():
        value = found[name_of(row)]
        if not abs(value - float(row["value"])) <= TOLERANCE[row["probe"]]:
            wrong.append("%s: %.9g, the run that trained them had %s" % (", ".join(name_of(row)), value, row["value"]))
    if wrong:
        raise AssertionError("\n".join(wrong))


def they_are_what_the_recipe_trains_and_score_as_they_did(scratch):
    """The command of the README."""
    if is_sanitized():
        raise Skip("its probes take minutes in a sanitized program")
    out = shipped_run(scratch)
    for context in CONTEXTS:
        check_training(context, read(out, "context=" + context, "recipe.yaml").decode())
    check_scores(out)


def the_reference_predicts_the_same(scratch):
    """One window; SINGLE is what float32 results of two backends may be apart (tensor_files.py)."""
    for context in CONTEXTS:
        points = [[1.2 * math.cos(0.2 * t) - 0.3, 1.1 * math.sin(0.2 * t)] for t in range(int(context))]
        x = os.path.join(scratch, "x.npy")
        write_npy(x, ((1, len(points), 2), sum(points, [])), "f32")
        outputs = []
        for device in [[], ["--device", "reference"]]:
            out = os.path.join(scratch, "%s-%d" % (context, len(device)))
            expect(run("forward", weights(context), "--input", x, "--out", out, *device), 0)
            outputs.append(read_npy(os.path.join(out, "output.npy"))[1][1])
        apart = math.dist(*outputs) / math.hypot(*outputs[1])
        if not apart <= SINGLE:
            raise AssertionError("context %s: predictions are %g apart, allowed are %g" % (context, apart, SINGLE))


if __name__ == "__main__":
    main([they_are_what_the_recipe_trains_and_score_as_they_did, the_reference_predicts_the_same])
