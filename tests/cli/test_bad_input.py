"""Bad input is refused with a sentence that says where and what to do, and nothing is lost or left half done."""
import os
import resource

from program import SMOKE, equal, expect, main, read, run, tree


def with_line(scratch, old, new):
    """The smoke recipe with one text exchanged."""
    text = read(SMOKE).decode()
    if old not in text:
        raise AssertionError("the smoke recipe has no %r" % old)
    path = os.path.join(scratch, "recipe.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new, 1))
    return path


def refused(scratch, old, new, *fragments):
    out = os.path.join(scratch, "out")
    expect(run("run", with_line(scratch, old, new), "--out", out), 2, *fragments)
    if os.path.exists(out):
        raise AssertionError("a refused run made its directory")


def unknown_key(scratch):
    line = read(SMOKE).decode().splitlines().index("  batch_tokens: 128") + 1
    refused(scratch, "  batch_tokens: 128", "  batch_token: 128", "recipe.yaml:%d:3" % line, "batch_token", "batch_tokens")


def wrong_type(scratch):
    refused(scratch, "steps: 40", "steps: forty", "recipe.yaml:", "train.steps", '"forty"')


def out_of_range(scratch):
    refused(scratch, "learning_rate: 3e-3", "learning_rate: -3", "train.learning_rate", "-3")
    refused(scratch, "name: kepler", "name: kepler\n  e_max: 2", "simulator.e_max", "2")


def missing_plugin(scratch):
    refused(scratch, "name: rollout", "name: rolout", "rolout", "orrery-probe-rolout.so")


def context_too_long(scratch):
    refused(scratch, "context: 4", "context: 120", "context 120 is longer than a trajectory (16 steps): lower data.context "
            "or raise data.steps")  # fmt: skip


def sizes_that_do_not_divide(scratch):
    refused(scratch, "batch_tokens: 128", "batch_tokens: 130", "130 tokens do not divide into windows of data.context 4")
    refused(scratch, "n_head: 2", "n_head: 3", "n_embd 8 does not divide into 3 heads")


def not_yaml(scratch):
    refused(scratch, "label: smoke test", "label: [smoke", "recipe.yaml:")
    expect(run("run", os.path.join(scratch, "nosuch.yaml")), 2, "nosuch.yaml")


def unknown_target_of_a_score(scratch):
    path = with_line(scratch, "newtonian: [F_magnitude, Fx, Fy]", "newtonian: [F_magnitude, Fx, Fz]")
    expect(run("run", path, "--out", os.path.join(scratch, "out")), 2, "scores", '"Fz" is not a column', "did you mean")


def directory_that_holds_a_run(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    before = tree(out)
    expect(run("run", SMOKE, "--out", out), 2, "already holds a run", "--resume")
    expect(run("run", SMOKE, "--out", out, "--resume", "--set", "train.steps=41"), 2, "another recipe", "train.steps",
           "is 40 there and 41 here")  # fmt: skip
    equal(tree(out), before, "files after refusals")


def finished_run_is_only_reported_again(scratch):
    out = os.path.join(scratch, "out")
    first = expect(run("run", SMOKE, "--out", out, "-q"), 0)
    before = {name: os.stat(os.path.join(out, name)).st_mtime_ns for name in ["summary.json", "findings.csv"]}
    again = expect(run("run", SMOKE, "--out", out, "-q", "--resume"), 0)
    equal(again.stdout, first.stdout, "report")
    for name, time in before.items():
        equal(os.stat(os.path.join(out, name)).st_mtime_ns, time, "time of " + name)


def unwritable_directory(scratch):
    blocked = os.path.join(scratch, "file")
    with open(blocked, "w", encoding="utf-8") as file:
        file.write("not a directory")
    expect(run("run", SMOKE, "--out", os.path.join(blocked, "out")), 1, blocked)
    equal(read(blocked), b"not a directory", "the file")


def files_that_may_not_grow_are_whole_or_absent(scratch):
    """A limit on the size of files stands for a full disk: the first checkpoint does not fit any more."""
    out = os.path.join(scratch, "out")
    limit = 6000

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    expect(run("run", SMOKE, "--out", out, "-q", preexec_fn=lower), 1, "checkpoint")
    for name, data in tree(out).items():
        if name != "recipe.yaml" or len(data) > limit:
            raise AssertionError("%s was left behind" % name)
    expect(run("run", SMOKE, "--out", out, "-q", "--resume"), 0)


def checkpoint_survives_a_disk_that_fills_up(scratch):
    out, whole = os.path.join(scratch, "out"), os.path.join(scratch, "whole")
    expect(run("run", SMOKE, "--out", whole, "-q"), 0)
    # Checkpoints fit, findings.csv (40 kB) does not.
    limit = max(os.path.getsize(os.path.join(whole, "checkpoints", name))
                for name in os.listdir(os.path.join(whole, "checkpoints")))  # fmt: skip
    if limit >= os.path.getsize(os.path.join(whole, "findings.csv")):
        raise AssertionError("the smoke recipe's checkpoints are larger than its findings: choose another limit")

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    expect(run("run", SMOKE, "--out", out, "-q", preexec_fn=lower), 1, "findings.csv")
    equal(sorted(os.listdir(os.path.join(out, "checkpoints"))), sorted(os.listdir(os.path.join(whole, "checkpoints"))),
          "checkpoints")  # fmt: skip
    if os.path.exists(os.path.join(out, "findings.csv")):
        raise AssertionError("a part of findings.csv was left behind")
    expect(run("run", SMOKE, "--out", out, "-q", "--resume"), 0)
    equal(tree(out), tree(whole), "files")


def loss_that_is_not_finite(scratch):
    result = run("run", SMOKE, "--out", os.path.join(scratch, "out"), "-q", "--set", "train.learning_rate=1e3",
                 "--set", "train.noise=1e6", "--set", "train.schedule=constant", "--set", "train.beta2=0",
                 "--set", "train.eps=1e-30", "--set", "train.weight_decay=1000")  # fmt: skip
    expect(result, 1, "not finite")


def more_than_the_device_has(scratch):
    """A terabyte of parameters: refused by the plan, before anything is allocated."""
    huge = ["--set", "model.n_embd=16384", "--set", "model.n_layer=40"]
    expect(run("explain", SMOKE, *huge), 1, "this needs", "the device has")
    expect(run("run", SMOKE, "--out", os.path.join(scratch, "out"), "-q", *huge), 1, "this needs", "the device has")


if __name__ == "__main__":
    main([unknown_key, wrong_type, out_of_range, missing_plugin, context_too_long, sizes_that_do_not_divide, not_yaml,
          unknown_target_of_a_score, directory_that_holds_a_run, finished_run_is_only_reported_again,
          unwritable_directory, files_that_may_not_grow_are_whole_or_absent, checkpoint_survives_a_disk_that_fills_up,
          loss_that_is_not_finite, more_than_the_device_has])  # fmt: skip
