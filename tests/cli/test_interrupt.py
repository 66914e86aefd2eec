"""A run that is killed, or stopped by Ctrl-C, goes on with --resume and ends with the bytes it would have had."""
import fcntl
import os
import signal
import subprocess
import time

from program import PROGRAM, SMOKE, equal, expect, main, run, same_tree, tree

# Long enough to be met in the middle, with checkpoints every few steps.
SETTINGS = ["--set", "train.steps=3000", "--set", "train.checkpoint_every=100", "--set", "train.log_every=50", "-q",
            "--set", "study.save_activations=false"]  # fmt: skip


def start(out, *more):
    return subprocess.Popen([PROGRAM, "run", SMOKE, "--out", out, *SETTINGS, *more], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)  # fmt: skip


def checkpoints(out):
    directory = os.path.join(out, "checkpoints")
    names = os.listdir(directory) if os.path.isdir(directory) else []
    return [name for name in names if name.endswith(".safetensors")]


def wait_for_a_checkpoint(process, out):
    deadline = time.monotonic() + 60
    while not checkpoints(out):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("no checkpoint was seen while the run went on: %r" % (process.communicate(),))
        time.sleep(0.002)


def uninterrupted(scratch):
    whole = os.path.join(scratch, "whole")
    expect(run("run", SMOKE, "--out", whole, *SETTINGS), 0)
    return whole


def killed_run_resumes_to_the_same_bytes(scratch):
    whole, out = uninterrupted(scratch), os.path.join(scratch, "out")
    process = start(out)
    wait_for_a_checkpoint(process, out)
    process.kill()
    process.communicate()
    equal(process.returncode, -signal.SIGKILL, "the run was still going on when it was killed; exit code")
    if os.path.exists(os.path.join(out, "summary.json")):
        raise AssertionError("the run had finished")
    expect(run("run", SMOKE, "--out", out, *SETTINGS, "--resume"), 0)
    same_tree(whole, out)


def stopped_run_saves_says_how_to_go_on_and_resumes(scratch):
    whole = uninterrupted(scratch)
    for number in [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]:
        out = os.path.join(scratch, "out%d" % number)
        process = start(out)
        wait_for_a_checkpoint(process, out)
        process.send_signal(number)
        _, text = process.communicate(timeout=60)
        equal(process.returncode, 130, "exit code")
        for fragment in ["stopped at step", "--resume", "once more to quit at once"]:
            if fragment not in text:
                raise AssertionError("no %r in:\n%s" % (fragment, text))
        expect(run("run", SMOKE, "--out", out, *SETTINGS, "--resume"), 0)
        same_tree(whole, out)


def run_whose_terminal_goes_away_saves_itself(scratch):
    """The shell tells of it and so does the kernel, and what reads the run's output is gone by then."""
    out = os.path.join(scratch, "out")
    process = start(out, "--set", "train.checkpoint_every=0")
    metrics = os.path.join(out, "metrics.jsonl")
    while process.poll() is None and not (os.path.exists(metrics) and os.path.getsize(metrics)):
        time.sleep(0.002)
    process.stdout.close()
    process.stderr.close()
    for _ in range(2):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.001)  # two at once would be one
    equal(process.wait(timeout=60), 130, "exit code")
    equal((len(checkpoints(out)), os.path.exists(os.path.join(out, "summary.json"))), (1, False), "checkpoints, finished")


def run_under_nohup_outlives_its_terminal(scratch):
    out = os.path.join(scratch, "out")
    with subprocess.Popen(["nohup", PROGRAM, "run", SMOKE, "--out", out, *SETTINGS], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # fmt: skip
        wait_for_a_checkpoint(process, out)
        process.send_signal(signal.SIGHUP)
        _, text = process.communicate(timeout=300)
    equal(process.returncode, 0, "exit code (%r)" % text)


def killed_sweep_keeps_its_finished_points(scratch):
    whole, out = os.path.join(scratch, "whole"), os.path.join(scratch, "out")
    sweep = [*SETTINGS, "--seeds", "1,2", "--jobs", "1"]
    expect(run("run", SMOKE, "--out", whole, *sweep), 0)
    process = subprocess.Popen([PROGRAM, "run", SMOKE, "--out", out, *sweep], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)  # fmt: skip
    wait_for_a_checkpoint(process, os.path.join(out, "seed=2"))
    process.kill()
    process.wait()
    first = os.path.join(out, "seed=1", "findings.csv")
    before = os.stat(first).st_mtime_ns
    expect(run("run", SMOKE, "--out", out, *sweep, "--resume"), 0)
    equal(os.stat(first).st_mtime_ns, before, "time of the finished point's findings")
    same_tree(whole, out)


def two_runs_in_one_directory(scratch):
    """Started together, one is refused, and what lies there is the other's."""
    for attempt in range(6):
        out = os.path.join(scratch, "out%d" % attempt)
        both = [subprocess.Popen([PROGRAM, "run", SMOKE, "--out", out, "-q", "--seeds", seed], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True) for seed in ["1", "2"]]  # fmt: skip
        texts = [one.communicate(timeout=60)[1] for one in both]
        codes = [one.returncode for one in both]
        equal(sorted(codes), [0, 2], "exit codes (%r)" % texts)
        with open(os.path.join(out, "recipe.yaml"), encoding="utf-8") as file:
            seed = file.read().split("train:")[1].split("seed: ")[1].split()[0]
        equal(seed, ["1", "2"][codes.index(0)], "the seed in recipe.yaml")


def locked_directory_is_refused_also_for_resume(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    before = tree(out)
    with open(os.path.join(out, ".lock"), "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        expect(run("run", SMOKE, "--out", out, "-q", "--resume"), 2, ".lock", "another process")
        os.unlink(os.path.join(out, ".lock"))
    equal(tree(out), before, "files")


def resume_on_another_device_is_refused(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q", "--device", "reference"), 0)
    before = tree(out)
    expect(run("run", SMOKE, "--out", out, "-q", "--device", "null", "--resume"), 2, "origin.json", '"reference"', '"null"',
           "--device")  # fmt: skip
    equal(tree(out), before, "files")


def end_while_probing(scratch, number, expected):
    whole, out = os.path.join(scratch, "whole"), os.path.join(scratch, "out")
    slow = ["--set", "study.windows=700"]
    expect(run("run", SMOKE, "--out", whole, *slow, "-q"), 0)
    with subprocess.Popen([PROGRAM, "run", SMOKE, "--out", out, *slow], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True) as process:  # fmt: skip
        for line in process.stderr:
            if "probe linear on network trained" in line:
                process.send_signal(number)
                break
        else:
            raise AssertionError("the run ended before it probed")
        text = process.stderr.read()
    equal(process.returncode, expected, "exit code")
    expect(run("run", SMOKE, "--out", out, *slow, "-q", "--resume"), 0)
    same_tree(whole, out)
    return text


def killed_while_probing_resumes_to_the_same_bytes(scratch):
    end_while_probing(scratch, signal.SIGKILL, -signal.SIGKILL)


def stopped_while_probing_says_how_to_go_on(scratch):
    text = end_while_probing(scratch, signal.SIGINT, 130)
    for fragment in ["stopped while probing", os.path.join(scratch, "out"), "--resume"]:
        if fragment not in text:
            raise AssertionError("no %r in:\n%s" % (fragment, text))


if __name__ == "__main__":
    main([killed_run_resumes_to_the_same_bytes, stopped_run_saves_says_how_to_go_on_and_resumes,
          run_whose_terminal_goes_away_saves_itself, run_under_nohup_outlives_its_terminal,
          killed_sweep_keeps_its_finished_points, two_runs_in_one_directory,
          locked_directory_is_refused_also_for_resume, resume_on_another_device_is_refused,
          killed_while_probing_resumes_to_the_same_bytes, stopped_while_probing_says_how_to_go_on])  # fmt: skip
