"""Evaluations during training: their file, the checkpoints and findings of earlier steps, and other kinds of training."""
import json
import os

from program import SMOKE, equal, expect, findings, main, read, run

EVERY = ["--set", "train.evaluate=log", "--set", "train.evaluations=4", "--set", "train.keep_evaluated=true",
         "--set", "study.every_evaluation=true"]  # fmt: skip


def evaluations(directory):
    return [json.loads(line) for line in read(directory, "evaluations.jsonl").splitlines()]


def clean_losses(rows, split):
    return {(row["network"], row["step"]): float(row["value"])
            for row in rows if row["quantity"] == "clean_loss" and row["split"] == split}  # fmt: skip


def every_evaluated_step_is_measured_and_probed(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q", *EVERY), 0)
    lines, rows = evaluations(out), findings(out)
    steps = [0, 1, 3, 12, 40]  # 40^(k/3): 1, 3.4, 11.7, 40
    equal([line["step"] for line in lines], steps, "evaluated steps")
    # The parameters in a checkpoint are those that were measured in training.
    for split in ["train", "held_out"]:
        losses = clean_losses(rows, split)
        for line in lines:
            equal(losses["trained", str(line["step"])], line[split + "_loss"], "loss after step %d" % line["step"])
        equal(losses["untrained", "0"], lines[0][split + "_loss"], "loss of the untrained network")
        equal(("none", "") in losses, True, "the control has no step")
    probed = {row["step"] for row in rows if row["network"] == "trained" and row["probe"] == "linear"}
    equal(probed, {str(step) for step in steps}, "probed steps")
    equal(os.path.exists(os.path.join(out, "evaluations", "step-00000012", "arrays", "trained", "rollout")), True,
          "arrays of an earlier step")  # fmt: skip
    files = os.listdir(os.path.join(out, "checkpoints"))
    for step in steps[1:]:
        equal("step-%08d.safetensors" % step in files, True, "checkpoint of step %d" % step)
    # A score has its greatest value over all of them.
    best = [row for row in rows if row["quantity"] == "newtonian_best"]
    equal(sorted(row["split"] for row in best), ["held_out", "train"], "splits of the greatest score")
    for row in best:
        values = {other["step"]: float(other["value"]) for other in rows if other["quantity"] == "newtonian" and
                  all(other[key] == row[key] for key in ["network", "probe", "split"])}  # fmt: skip
        equal(set(values), {str(step) for step in steps}, "steps with a score")
        equal(float(row["value"]), max(values.values()), "greatest score")
        equal(values[row["step"]], max(values.values()), "score at step " + row["step"])
    # Without them the same network comes out, and the same findings of it.
    plain = os.path.join(scratch, "plain")
    expect(run("run", SMOKE, "--out", plain, "-q"), 0)
    equal(findings(plain), [row for row in rows if row["quantity"] != "newtonian_best" and
                            (row["network"] != "trained" or row["step"] == "40")], "findings")  # fmt: skip


def earlier_steps_can_be_probed_again(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q", *EVERY), 0)
    before = read(out, "evaluations.jsonl")
    expect(run("run", SMOKE, "--out", out, "-q", *EVERY, "--set", "probes.0.targets=Fx", "--set", "scores={}",
               "--set", "expect=[]", "--resume"), 0)  # fmt: skip
    equal(read(out, "evaluations.jsonl"), before, "evaluations")
    equal({row["target"] for row in findings(out) if row["probe"] == "linear" and row["step"] == "12"}, {"Fx"}, "targets")


def a_lost_checkpoint_costs_its_own_findings(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q", *EVERY), 0)
    os.remove(os.path.join(out, "checkpoints", "step-00000003.safetensors"))
    with open(os.path.join(out, "checkpoints", "step-00000012.safetensors"), "r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)[0]
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last ^ 1]))
    os.remove(os.path.join(out, "findings.csv"))
    result = expect(run("run", SMOKE, "--out", out, *EVERY, "--resume"), 0)
    for fragment in ("step 3 is left out", "step-00000012.safetensors is damaged", "step 12 is left out"):
        equal(fragment in result.stderr, True, "%r in:\n%s" % (fragment, result.stderr))
    steps = {row["step"] for row in findings(out) if row["network"] == "trained" and row["probe"] == "linear"}
    equal(steps, {"0", "1", "40"}, "probed steps")


def what_does_not_fit_is_refused(scratch):
    out = os.path.join(scratch, "out")
    for words, parts in [
            (["study.every_evaluation=true"], ["study.every_evaluation", "train.keep_evaluated"]),
            (["train.keep_evaluated=true"], ["train.keep_evaluated", "train.evaluate"]),
            (["train.batch=full"], ["train.batch", "leave batch_tokens"]),
            (["train.batch=ful"], ["train.batch", 'did you mean "full"']),
            (["train.momentum=0.9"], ["train.momentum", "for train.optimiser sgd", "leave it out"]),
            (["train.optimiser=sgd", "train.beta2=0.99"], ["train.beta2", "for train.optimiser adamw"]),
            (["train.evaluations=1001"], ["train.evaluations", "1000"]),
            (["train.optimiser=sdg"], ["train.optimiser", 'did you mean "sgd"']),
            (["train.evaluate=logs"], ["train.evaluate", 'did you mean "log"']),
            (["train.schedule=linear"], ['"constant", "step_drop", "cosine", "linear_tail"']),
    ]:  # fmt: skip
        options = [part for word in words for part in ("--set", word)]
        expect(run("run", SMOKE, "--out", out, "-q", *options), 2, *parts)


def other_kinds_of_training_run(scratch):
    for i, words in enumerate([
            ["train.optimiser=sgd", "train.momentum=0.9", "train.schedule=linear_tail", "train.warmup_steps=5"],
            ["train.fresh=true"],
            ["train.batch=full", "train.batch_tokens=0"],
    ]):  # fmt: skip
        out = os.path.join(scratch, str(i))
        options = [part for word in words for part in ("--set", word)]
        expect(run("run", SMOKE, "--out", out, "-q", *options), 0)
        lines = [json.loads(line) for line in read(out, "metrics.jsonl").splitlines()]
        equal(lines[-1]["loss"] < lines[0]["loss"], True, "the loss of %s falls" % words)


if __name__ == "__main__":
    main([every_evaluated_step_is_measured_and_probed, earlier_steps_can_be_probed_again,
          a_lost_checkpoint_costs_its_own_findings, what_does_not_fit_is_refused, other_kinds_of_training_run])  # fmt: skip
