"""The sound reading from beginning to end: what it is paired with, whom it keeps apart, and by what it was judged."""
import hashlib
import os

from program import RECIPES, SMOKE, equal, expect, findings, load, main, read, run
from test_run import npy

ANALYSIS = os.path.join(RECIPES, "kepler-newton.analysis.yaml")
SHUFFLED = "sound-shuffled"


def sound(scratch, *settings):
    out = os.path.join(scratch, "out")
    words = ["run", SMOKE, "--out", out, "-q", "--set", "analysis=" + ANALYSIS]
    for setting in settings:
        words += ["--set", setting]
    expect(run(*words), 0)
    return out


def a_network_that_learns_nothing_gains_nothing(scratch):
    """At a learning rate of 0 the trained network is the untrained one: the pair has the same initial bits."""
    rows = findings(sound(scratch, "train.learning_rate=0"))
    found = {network: [(row["quantity"], row["site"], row["target"], row["split"], row["value"], row["uncertainty"])
                       for row in rows if row["network"] == network and row["probe"] == "sound"]
             for network in ["trained", "untrained"]}  # fmt: skip
    equal(found["trained"], found["untrained"], "readings")
    gains = [float(row["value"]) for row in rows if row["network"] == "trained-untrained" and row["probe"] == "sound"]
    equal(gains, [0.0] * 6, "gains: two scores and a contrast, of two splits")


def a_gain_is_the_difference_of_the_pair(scratch):
    out = sound(scratch)
    value = {(m["quantity"], m["network"], m["split"]): m["value"]
             for m in load(out, "summary.json")["measures"] if m["probe"] == "sound"}  # fmt: skip
    for split in ["train", "held_out"]:
        for score in ["newtonian", "keplerian"]:
            gain = value[score, "trained", split] - value[score, "untrained", split]
            equal(value[score, "trained-untrained", split], gain, "gain of " + score)
            if not abs(gain) > 0:
                raise AssertionError("training changed nothing of %s, %s" % (score, split))
        contrast = value["keplerian", "trained", split] - value["newtonian", "trained", split]
        equal(value["keplerian_minus_newtonian", "trained", split], contrast, "contrast")
    uncertain = [row for row in findings(out) if row["network"] == "trained-untrained" and row["split"] == "held_out"
                 and row["probe"] == "sound"]  # fmt: skip
    equal(len(uncertain), 3, "gains")
    for row in uncertain:
        if not float(row["uncertainty"]) > 0:
            raise AssertionError(row)


def no_orbit_is_in_two_sets(scratch):
    """Windows are cut at random places of every orbit: of one orbit all lie in one split."""
    out = sound(scratch, "study.windows=100")
    orbits = {split: set(npy(os.path.join(out, "activations", "columns", split, "trajectory.npy"))[1])
              for split in ["train", "held_out"]}  # fmt: skip
    equal(orbits["train"] & orbits["held_out"], set(), "orbits of both splits")
    if not max(len(orbits["train"]), len(orbits["held_out"])) < 100:
        raise AssertionError("no orbit has two windows: the test shows nothing")
    # Of 60 training orbits every fifth chooses; the rows that choose and those that fit are all there are.
    rows = findings(out)
    choosing = {int(row["n"]) for row in rows if row["probe"] == "sound" and row["quantity"] == "r2"
                and row["split"] == "train"}  # fmt: skip
    every_fifth = [k for k in npy(os.path.join(out, "activations", "columns", "train", "trajectory.npy"))[1] if k % 5 == 4]
    equal(choosing, {len(every_fifth)}, "rows that choose")


def shuffled_targets_score_nothing(scratch):
    """With n rows to fit, p features and m rows to score: four deviations of a chi-square of p over n, and over m."""
    out = sound(scratch, "data.trajectories=2000", "study.windows=2000", "train.steps=2", "train.log_every=1")
    allowance = 4 * (2 * 32) ** 0.5 * (1 / 1600 + 1 / 2000)
    for row in findings(out):
        if row["probe"] == SHUFFLED and row["split"] == "held_out" and row["quantity"] in ["newtonian", "keplerian"]:
            if not float(row["value"]) < allowance:
                raise AssertionError("%s, allowed are %g" % (row, allowance))
            break
    else:
        raise AssertionError("no score of shuffled targets")


def the_analysis_is_in_the_record(scratch):
    out = sound(scratch)
    digest = hashlib.sha256(read(ANALYSIS)).hexdigest()
    recipe = read(out, "recipe.yaml").decode()
    for fragment in ["sha256: " + digest, "first_seed: 100", "as: sound\n", "keplerian_minus_newtonian"]:
        if fragment not in recipe:
            raise AssertionError("no %r in recipe.yaml" % fragment)


def an_analysis_that_cannot_be_read_is_refused(scratch):
    path = os.path.join(scratch, "recipe.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(read(SMOKE).decode() + "analysis: nowhere.yaml\n")
    expect(run("run", path, "--out", os.path.join(scratch, "out"), "-q"), 2, "recipe.yaml:", "nowhere.yaml")


if __name__ == "__main__":
    main([
        a_network_that_learns_nothing_gains_nothing,
        a_gain_is_the_difference_of_the_pair,
        no_orbit_is_in_two_sets,
        shuffled_targets_score_nothing,
        the_analysis_is_in_the_record,
        an_analysis_that_cannot_be_read_is_refused,
    ])  # fmt: skip
