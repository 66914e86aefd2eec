"""Every size of every recipe that is delivered runs, cut down to a few steps of little data, and measures what its claims
are about: a claim whose quantity, probe, network or split is misspelt would only ever say that it was not measured."""
import os
import re

from program import RECIPES, equal, expect, load, main, run

# What makes a point small, and of whatever a recipe or a size sweeps one point.
SMALL = {
    "train.steps": "3",
    "train.log_every": "1",
    "train.checkpoint_every": "0",
    "train.seed": "100",
    "data.trajectories": "100",
    "study.windows": "60",
    "model.n_embd": "8",
}
GIVEN = {"data.context": "100", "data.bins": "20", "train.noise": "0.1", "model.window": "2", "train.batch_tokens": "300",
         "train.batch_size": "4"}  # fmt: skip


def source(name):
    with open(os.path.join(RECIPES, name), encoding="utf-8") as file:
        return file.read()


def recipes():
    return sorted(name for name in os.listdir(RECIPES) if name.endswith(".yaml") and not name.endswith(".analysis.yaml"))


def sizes(text):
    """What stands below each size; below None, the recipe without a size, where there are none. Sizes that only probe
    weights are left out: test_shipped.py has those."""
    block = re.search(r"^sizes:\n((?:  .*\n|\n)+)", text, re.M)
    parts = re.split(r"^  ([\w-]+):", block.group(1), flags=re.M) if block else [""]
    found = {name: below for name, below in zip(parts[1::2], parts[2::2]) if "weights.file" not in below}
    return found or {None: ""}


def claims(text):
    """Quantity, network, probe (None: any) and split of every claim, which are written one a line."""
    found = []
    for line in re.findall(r"^  - \{claim: (.*)\}$", text, re.M):
        key = dict(re.findall(r"(\w+): ([\w-]+)", re.sub(r"\{.*?\}|\[.*?\]|\".*?\"", "", line)))
        found.append((key["quantity"], key.get("network", "trained"), key.get("probe"), key.get("split", "held_out")))
    equal(len(found), text.count("{claim: "), "claims, one a line")
    return found


def settings(text, below):
    given = {key: value for key, value in GIVEN.items() if re.search(r"\b%s:" % key.split(".")[1], text)}
    if "train.batch: full" in below:
        del given["train.batch_size"]
    if "data.context: [" not in text:
        del given["data.context"]
    return [word for key, value in {**SMALL, **given}.items() for word in ("--set", "%s=%s" % (key, value))]


def every_size_runs_and_measures_its_claims(scratch):
    for name in recipes():
        text = source(name)
        for size, below in sizes(text).items():
            out = os.path.join(scratch, "%s-%s" % (name, size))
            words = ["--size", size] if size else []
            result = expect(run("run", os.path.join(RECIPES, name), *words, *settings(text, below), "--device", "reference",
                                "--out", out, "-q"), 0)  # fmt: skip
            summary = load(out, "summary.json")
            measured = {(m["quantity"], m["network"], m["probe"], m["split"]) for m in summary["measures"]}
            print("# %s %s: %d measures" % (name, size, len(measured)))
            for quantity, network, probe, split in claims(text):
                if not any(m[:2] == (quantity, network) and probe in (None, m[2]) and split == m[3] for m in measured):
                    raise AssertionError("%s, size %s: no %s of %s, probe %s, split %s, in\n%s"
                                         % (name, size, quantity, network, probe, split, result.stdout))


if __name__ == "__main__":
    main([every_size_runs_and_measures_its_claims])
