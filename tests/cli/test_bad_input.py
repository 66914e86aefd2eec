"""Bad input is refused with a sentence that says where and what to do, and nothing is lost or left half done."""
import os
import re
import resource
import subprocess

from program import SMOKE, Skip, equal, expect, main, read, run, same_tree, tree


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


def missing_plugin_by_path(scratch):
    refused(scratch, "name: rollout", "name: %s/x.so" % scratch, "probes.2.name", "x.so")


def mistakes_of_probes_show_before_training(scratch):
    for number, (old, new, *fragments) in enumerate([
            ("condition: 8", "condition: 80", "probe rollout", "80"),
            ("split: both", "split: sideways", "probes.2", "sideways"),
            ("targets: Fx,Fy", "targets: Fx,Fz", "probe linear-single", "Fz"),
            ("sites: '*hook_resid_post'", "sites: '*hook_resid_pots'", "probe linear-single", "hook_resid_pots"),
            ("networks: [trained, untrained]", "networks: [trained]\n    positions: lst", "lst"),
            ("quantity: rollout_error", "quantity: rollout_eror", "expect.0.quantity", 'did you mean "rollout_error"'),
            ("quantity: rollout_error", "quantity: r2\n    probe: linear", "no", "probe linear emits"),
            ("newtonian:", "rollout_error:", "scores.rollout_error", "a probe emits")]):  # fmt: skip
        out = os.path.join(scratch, "out%d" % number)
        fragments = [fragment for fragment in fragments if fragment != "no"]
        expect(run("run", with_line(scratch, old, new), "--out", out, "-q"), 2, *fragments)
        if os.path.exists(os.path.join(out, "checkpoints")):
            raise AssertionError("%s was found after training" % new)


def a_probe_of_the_trained_network_alone_is_tried_before_training(scratch):
    path = with_line(scratch, "networks: [trained, untrained]\n", "networks: [trained]\n")
    text = read(path).decode().replace("targets: Fx,Fy", "targets: Fx,Fz", 1)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    expect(run("run", path, "--out", os.path.join(scratch, "out"), "-q"), 2, "probe linear-single", "Fz")
    if os.path.exists(os.path.join(scratch, "out", "checkpoints")):
        raise AssertionError("it was found after training")


def other_probes_do_not_train_again(scratch):
    """A run with other probes, claims and scores goes on from what was trained, and ends as if it had begun with them."""
    out, whole = os.path.join(scratch, "out"), os.path.join(scratch, "whole")
    path = with_line(scratch, "cut: 1e-2", "cut: 1e-3")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    [last] = [entry for entry in os.scandir(os.path.join(out, "checkpoints")) if entry.name.endswith("40.safetensors")]
    before = last.stat().st_mtime_ns
    expect(run("run", path, "--out", out, "-q", "--resume"), 0)
    equal(os.stat(last.path).st_mtime_ns, before, "time of the checkpoint")
    expect(run("run", path, "--out", whole, "-q"), 0)
    same_tree(whole, out)


def points_that_are_the_same(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "--set", "train.seed=1,01"), 2, "seed=01", "the same experiment")
    expect(run("run", SMOKE, "--out", out, "--seeds", "1,01"), 2, "train.seed", "1 twice")
    equal(os.listdir(scratch), [], "files of a refused run")


def damaged_results_are_made_again(scratch):
    out, whole = os.path.join(scratch, "out"), os.path.join(scratch, "whole")
    expect(run("run", SMOKE, "--out", whole, "-q"), 0)
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    with open(os.path.join(out, "summary.json"), "r+", encoding="utf-8") as file:
        file.truncate(100)
    expect(run("run", SMOKE, "--out", out, "--resume"), 0, "summary.json", "probing again")
    same_tree(whole, out)
    os.unlink(os.path.join(out, "findings.csv"))
    expect(run("run", SMOKE, "--out", out, "-q", "--resume"), 0)
    same_tree(whole, out)


def leftovers_of_a_killed_run_are_removed(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    before = tree(out)
    for name in ["findings.csv.123-0.tmp", "activations/none/train/raw_inputs.npy.123-4.tmp"]:
        with open(os.path.join(out, name), "w", encoding="utf-8") as file:
            file.write("a part")
    expect(run("run", SMOKE, "--out", out, "-q", "--resume"), 0)
    equal(sorted(tree(out)), sorted(before), "files")


def fewer_windows_than_asked_for_are_told(scratch):
    expect(run("run", SMOKE, "--out", os.path.join(scratch, "out"), "--set", "study.windows=5000"), 0, "study.windows",
           "5000", "training", "held-out")  # fmt: skip


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
    expect(run("run", SMOKE, "--out", blocked), 2, blocked, "not a directory")
    equal(read(blocked), b"not a directory", "the file")


def mounted(scratch, options):
    """A small file system of its own, where this process may mount one."""
    place = os.path.join(scratch, "mounted")
    os.makedirs(place, exist_ok=True)
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True,
                            check=False)  # fmt: skip
    if result.returncode != 0:
        raise Skip("no file system can be mounted here: " + result.stderr.strip())
    return place


def read_only_file_system(scratch):
    place = mounted(scratch, "ro")
    try:
        expect(run("run", SMOKE, "--out", os.path.join(place, "out")), 1, place, "Read-only")
    finally:
        subprocess.run(["umount", place], check=True)


def full_file_system(scratch):
    """The checkpoints do not fit; what is there is whole, and the run goes on when there is room."""
    place, whole = mounted(scratch, "size=64k"), os.path.join(scratch, "whole")
    plain = ["-q", "--set", "study.save_activations=false"]
    out = os.path.join(place, "out")
    try:
        expect(run("run", SMOKE, "--out", out, *plain), 1, "checkpoint", "No space left")
        subprocess.run(["mount", "-o", "remount,size=8m", place], check=True)
        expect(run("run", SMOKE, "--out", out, *plain, "--resume"), 0)
        expect(run("run", SMOKE, "--out", whole, *plain), 0)
        same_tree(whole, out)
    finally:
        subprocess.run(["umount", place], check=True)


def files_that_may_not_grow_are_whole_or_absent(scratch):
    """A limit on the size of files stands for a full disk: the first checkpoint does not fit any more."""
    out, whole = os.path.join(scratch, "out"), os.path.join(scratch, "whole")
    plain = ["-q", "--set", "study.save_activations=false"]
    expect(run("run", SMOKE, "--out", whole, *plain), 0)
    limit = 6000

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    expect(run("run", SMOKE, "--out", out, *plain, preexec_fn=lower), 1, "checkpoint")
    complete = tree(whole)
    for name, data in tree(out).items():
        equal(data, complete[name], name)
    equal(os.listdir(os.path.join(out, "checkpoints")), [], "checkpoints")
    expect(run("run", SMOKE, "--out", out, *plain, "--resume"), 0)
    same_tree(whole, out)


def checkpoint_survives_a_disk_that_fills_up(scratch):
    out, whole = os.path.join(scratch, "out"), os.path.join(scratch, "whole")
    # Checkpoints fit; findings.csv, with a second probe of every column at every site, does not.
    many = ["-q", "--set", "probes.1.sites='*'", "--set", "probes.1.targets='*'"]
    expect(run("run", SMOKE, "--out", whole, *many), 0)
    limit = max(os.path.getsize(os.path.join(whole, "checkpoints", name))
                for name in os.listdir(os.path.join(whole, "checkpoints")))  # fmt: skip
    if limit >= os.path.getsize(os.path.join(whole, "findings.csv")):
        raise AssertionError("the smoke recipe's checkpoints are larger than its findings: choose another limit")

    def lower():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    expect(run("run", SMOKE, "--out", out, *many, preexec_fn=lower), 1, "findings.csv")
    equal(sorted(os.listdir(os.path.join(out, "checkpoints"))), sorted(os.listdir(os.path.join(whole, "checkpoints"))),
          "checkpoints")  # fmt: skip
    if os.path.exists(os.path.join(out, "findings.csv")):
        raise AssertionError("a part of findings.csv was left behind")
    expect(run("run", SMOKE, "--out", out, *many, "--resume"), 0)
    equal(tree(out), tree(whole), "files")


def loss_that_is_not_finite(scratch):
    result = run("run", SMOKE, "--out", os.path.join(scratch, "out"), "-q", "--set", "train.learning_rate=1e3",
                 "--set", "train.noise=1e6", "--set", "train.schedule=constant", "--set", "train.beta2=0",
                 "--set", "train.eps=1e-30", "--set", "train.weight_decay=1000")  # fmt: skip
    expect(result, 1, "the loss (nan) is not finite in step")
    # A site has its name, any other value its number: which of them overflows first is the device's.
    value = r"(%[0-9]+|blocks\.[0-9]\.[a-z0-9_.]+)"
    if not re.search(r"the first value that is not: " + value + r" \([a-z_]+ f32\[[0-9,]+\]\) holds \S+ at element [0-9]+", result.stderr):
        raise AssertionError(result.stderr)


def more_than_the_device_has(scratch):
    """A terabyte of parameters: refused by the plan, before anything is allocated."""
    huge = ["--set", "model.n_embd=16384", "--set", "model.n_layer=40"]
    expect(run("explain", SMOKE, *huge), 1, "this needs", "the device has")
    expect(run("run", SMOKE, "--out", os.path.join(scratch, "out"), "-q", *huge), 1, "this needs", "the device has")


if __name__ == "__main__":
    main([unknown_key, wrong_type, out_of_range, missing_plugin, missing_plugin_by_path,
          mistakes_of_probes_show_before_training, a_probe_of_the_trained_network_alone_is_tried_before_training,
          other_probes_do_not_train_again, points_that_are_the_same, damaged_results_are_made_again,
          leftovers_of_a_killed_run_are_removed, fewer_windows_than_asked_for_are_told, context_too_long, sizes_that_do_not_divide, not_yaml,
          unknown_target_of_a_score, directory_that_holds_a_run, finished_run_is_only_reported_again,
          unwritable_directory, read_only_file_system, full_file_system,
          files_that_may_not_grow_are_whole_or_absent, checkpoint_survives_a_disk_that_fills_up,
          loss_that_is_not_finite, more_than_the_device_has])  # fmt: skip
