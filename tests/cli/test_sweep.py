"""Sweeps: points in processes of their own, several at a time; what a kill or Ctrl-C leaves; and orrery report."""
import fcntl
import glob
import json
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time

from program import PROGRAM, SMOKE, equal, expect, findings, load, main, read, run, same_tree, tree

# The slowest backend, which every build has.
os.environ["ORRERY_DEVICE"] = "reference"

# Long enough to be met in the middle, with checkpoints every few steps.
LONG = ["--set", "train.steps=800", "--set", "train.checkpoint_every=20", "--set", "train.log_every=20",
        "--set", "study.save_activations=false"]  # fmt: skip
QUICK = ["--set", "train.steps=12", "--set", "study.save_activations=false", "-q"]


def start(out, *more):
    """In a process group of its own, as a shell starts it."""
    return subprocess.Popen([PROGRAM, "run", "--out", out, *more, "--", SMOKE], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)  # fmt: skip


def children(process):
    with open("/proc/%d/task/%d/children" % (process.pid, process.pid), encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, process, what):
    deadline = time.monotonic() + 60
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("%s was not seen: %r" % (what, process.communicate()))
        time.sleep(0.005)


def checkpoints(out, point):
    return glob.glob(os.path.join(glob.escape(os.path.join(out, point)), "checkpoints", "*.safetensors"))


def wait_for_both(process, out):
    wait_for(lambda: all(checkpoints(out, "seed=%d" % seed) for seed in (1, 2)), process, "a checkpoint of each point")


def gone(pids):
    deadline = time.monotonic() + 10
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise AssertionError("processes are left: %r" % [pid for pid in pids if is_alive(pid)])
        time.sleep(0.01)


def jobs_change_no_bit(scratch):
    sweep = [*QUICK, "--set", "data.context=2,4", "--seeds", "1..2"]
    one, two = os.path.join(scratch, "one"), os.path.join(scratch, "two")
    expect(run("run", SMOKE, "--out", one, "--jobs", "1", *sweep), 0)
    expect(run("run", SMOKE, "--out", two, "--jobs", "2", *sweep), 0)
    same_tree(one, two)
    equal(len([name for name in tree(one) if name.endswith(".safetensors")]), 4, "checkpoints")
    # And those of the point alone: only its name in findings differs.
    alone = os.path.join(scratch, "alone")
    expect(run("run", SMOKE, "--out", alone, *QUICK, "--set", "data.context=2", "--seeds", "2"), 0)
    point = os.path.join(one, "context=2,seed=2")
    equal(read(alone, "checkpoints/step-00000012.safetensors"), read(point, "checkpoints/step-00000012.safetensors"),
          "checkpoints")  # fmt: skip
    equal([dict(row, point="") for row in findings(point)], findings(alone), "findings")


def several_points_run_at_a_time(scratch):
    out = os.path.join(scratch, "out")
    with start(out, *LONG, "-q", "--seeds", "1..3", "--jobs", "2") as process:
        wait_for(lambda: len(children(process)) == 2, process, "two processes at a time")
        process.kill()


def one_and_two_points(scratch):
    for seeds, names in [("4..4", []), ("4..5", ["seed=4", "seed=5"]), ("4,6..6", ["seed=4", "seed=6"])]:
        out = os.path.join(scratch, seeds)
        expect(run("run", SMOKE, "--out", out, *QUICK, "--seeds", seeds), 0)
        equal(sorted(name for name in os.listdir(out) if "=" in name), names, "points of --seeds %s" % seeds)
    # A recipe may sweep over one value.
    recipe, out = os.path.join(scratch, "recipe.yaml"), os.path.join(scratch, "single")
    with open(SMOKE, encoding="utf-8") as smoke, open(recipe, "w", encoding="utf-8") as file:
        file.write(smoke.read() + "\nsweep: {data.context: [2]}\n")
    expect(run("run", recipe, "--out", out, *QUICK), 0)
    equal({row["point"] for row in findings(out)}, {"context=2"}, "points")


def callers_that_leave_little(scratch):
    """SIGCHLD ignored, and standard streams closed, as some supervisors leave them."""
    sweep = [*QUICK, "--seeds", "1,2"]
    whole = os.path.join(scratch, "whole")
    expect(run("run", SMOKE, "--out", whole, *sweep), 0)

    def ignore():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def close():
        for descriptor in (0, 1):
            os.close(descriptor)

    for name, before, code in [("ignored", ignore, 0), ("closed", close, 1)]:
        out = os.path.join(scratch, name)
        result = run("run", SMOKE, "--out", out, *sweep, preexec_fn=before)
        # What cannot be printed is told, and all the same computed and logged.
        expect(result, code, *(["standard output"] if code else []))
        same_tree(whole, out)
        if b'"event":"step"' not in read(out, "seed=1", "log.txt"):
            raise AssertionError("nothing was logged with " + name)


def a_log_goes_on_over_sessions(scratch):
    out = os.path.join(scratch, "out")
    words = ["run", SMOKE, "--out", out, *QUICK, "--seeds", "1,2"]
    expect(run(*words), 0)
    before = read(out, "seed=1", "log.txt")
    os.remove(os.path.join(out, "seed=1", "summary.json"))
    expect(run(*words, "--resume"), 0)
    after = read(out, "seed=1", "log.txt")
    if not after.startswith(before) or len(after) == len(before):
        raise AssertionError("%r\ndoes not go on from\n%r" % (after, before))


def words_that_are_no_seeds_or_jobs(scratch):
    out = os.path.join(scratch, "out")
    for words, fragments in [(["--seeds", "5..1"], ["5..1", "write 1..5"]), (["--seeds", "1.."], ["--seeds 1..", "100..109"]),
                             (["--seeds", ""], ["--seeds"]), (["--seeds", "1..3,2"], ["train.seed", "2 twice"]),
                             (["--seeds", "1,2", "--jobs", "0"], ["--jobs", "1 or more"]),
                             (["--seeds", "1,2", "--jobs", "x"], ["--jobs", "1 or more"]),
                             (["--seeds", "1,2", "--point", "x"], ["--point", "one point"])]:  # fmt: skip
        expect(run("run", SMOKE, "--out", out, "-q", *words), 2, *fragments)
        equal(os.path.exists(out), False, "%r made the directory; that" % words)


def progress_is_one_line_for_all(scratch):
    result = expect(run("run", SMOKE, "--out", os.path.join(scratch, "out"), *QUICK[:-1], "--seeds", "1,2"), 0)
    events = [json.loads(line) for line in result.stderr.splitlines()]
    last = [event for event in events if event["event"] == "points"][-1]
    equal([last[key] for key in ["points", "done", "running", "failed"]], [2, 2, 0, 0], "the last line of progress")
    if not last["steps_per_second"] > 0:
        raise AssertionError(last)
    equal(sorted((event["point"], event["what"]) for event in events if event["event"] == "notice"),
          [("seed=1", "begun"), ("seed=1", "finished"), ("seed=2", "begun"), ("seed=2", "finished")], "notices")  # fmt: skip
    log = read(scratch, "out/seed=1/log.txt").decode()
    if '"event":"step"' not in log or "All results" not in log or '"level":"warn"' in log:
        raise AssertionError(log)


def killed_child_fails_alone_and_resumes(scratch):
    whole, out = os.path.join(scratch, "whole"), os.path.join(scratch, "out")
    sweep = [*LONG, "--seeds", "1,2", "--jobs", "2"]
    expect(run("run", SMOKE, "--out", whole, *sweep), 0)
    with start(out, *sweep) as process:
        wait_for_both(process, out)
        victim = [pid for pid in children(process) if "seed=1" in read("/proc/%d/cmdline" % pid).decode()]
        equal(len(victim), 1, "processes of seed=1")
        os.kill(victim[0], signal.SIGKILL)
        text = process.communicate(timeout=60)
    equal(process.returncode, 1, "exit code")
    for fragment in ["point seed=1 failed", "signal 9", os.path.join(out, "seed=1", "log.txt"), "1 of 2 points failed",
                     "--resume"]:  # fmt: skip
        if fragment not in text[1]:
            raise AssertionError("no %r in:\n%s" % (fragment, text[1]))
    if "1 of 2 points finished" not in text[0] or "seed=1" not in text[0].split("## Missing")[1].splitlines()[2]:
        raise AssertionError(text[0])
    equal({row["point"] for row in findings(out)}, {"seed=2"}, "points in findings.csv")
    second = os.path.join(out, "seed=2", "findings.csv")
    before = os.stat(second).st_mtime_ns
    expect(run("run", SMOKE, "--out", out, *sweep, "--resume"), 0)
    equal(os.stat(second).st_mtime_ns, before, "time of the finished point's findings")
    same_tree(whole, out)


def failing_child_tells_its_own_error(scratch):
    """A claim about a number that no probe emits is found only when the point has been probed."""
    recipe, out = os.path.join(scratch, "recipe.yaml"), os.path.join(scratch, "out")
    with open(SMOKE, encoding="utf-8") as smoke, open(recipe, "w", encoding="utf-8") as file:
        file.write(smoke.read() + "\n  - {claim: x, quantity: nonesuch, value: 1, source: here, where: {train.seed: 2}}\n")
    result = expect(run("run", recipe, "--out", out, *QUICK, "--seeds", "1,2"), 2, "nonesuch", "log.txt")
    if result.stderr.count("neither a score of this recipe") < 1 or "failed" not in result.stderr:
        raise AssertionError(result.stderr)


def saved_themselves(out, points, text):
    """Each goes on from the step at which it was stopped, and none is told as one that failed."""
    if " failed: " in text:
        raise AssertionError(text)
    for point in points:
        log = read(out, point, "log.txt").decode()
        stopped = [line for line in log.splitlines() if "stopped at step" in line]
        equal(len(stopped), 1, "stops of %s in:\n%s" % (point, log))
        step = int(stopped[0].split("stopped at step ")[1].split()[0].strip(",:"))
        if not any(path.endswith("step-%08d.safetensors" % step) for path in checkpoints(out, point)):
            raise AssertionError("%s: no checkpoint of step %d: %r" % (point, step, checkpoints(out, point)))


def stopped_sweep_says_how_to_go_on_and_resumes(scratch):
    whole, out = os.path.join(scratch, "whole"), os.path.join(scratch, "the out")
    sweep = [*LONG, "--seeds", "1..3", "--jobs", "2"]
    expect(run("run", SMOKE, "--out", whole, *sweep), 0)
    with start(out, *sweep) as process:
        wait_for_both(process, out)
        pids = children(process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, text = process.communicate(timeout=60)
    equal(process.returncode, 130, "exit code")
    gone(pids)
    if "stopped with 0 of 3 points finished" not in text:
        raise AssertionError(text)
    saved_themselves(out, ["seed=1", "seed=2"], text)
    [command] = [line.split("go on with: ")[1] for line in text.splitlines() if line.startswith("go on with: ")]
    words = shlex.split(command)
    equal(words.count("--resume"), 1, "--resume in the command that resumes")
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    equal(result.returncode, 0, "exit code of the command that resumes (%s)" % result.stderr)
    same_tree(whole, out)


def supervisor_that_signals_every_process(scratch):
    """Points are told by it and by their parent: they save themselves all the same."""
    out = os.path.join(scratch, "out")
    with start(out, *LONG, "--seeds", "1,2", "--jobs", "2") as process:
        wait_for_both(process, out)
        pids = children(process)
        equal(len(pids), 2, "processes")
        for pid in pids:
            # Held, so that no signal comes before the others; two of one kind would be one.
            for number in [signal.SIGSTOP, signal.SIGTERM, signal.SIGINT]:
                os.kill(pid, number)
        process.send_signal(signal.SIGTERM)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        _, text = process.communicate(timeout=60)
    equal(process.returncode, 130, "exit code")
    saved_themselves(out, ["seed=1", "seed=2"], text)


def point_that_cannot_save_itself_is_told(scratch):
    """A stop that lost steps does not look like one that saved them."""
    out = os.path.join(scratch, "out")
    # Saved at the end alone: a point that is stopped just after a checkpoint has nothing to save.
    with start(out, *LONG, "--set", "train.checkpoint_every=0", "--seeds", "1,2", "--jobs", "2") as process:
        metrics = [os.path.join(out, "seed=%d" % seed, "metrics.jsonl") for seed in (1, 2)]
        wait_for(lambda: all(os.path.exists(m) and os.path.getsize(m) for m in metrics), process, "a step of each point")
        pids = children(process)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        shutil.rmtree(os.path.join(out, "seed=1", "checkpoints"), ignore_errors=True)
        with open(os.path.join(out, "seed=1", "checkpoints"), "w", encoding="ascii"):
            pass
        process.send_signal(signal.SIGTERM)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        _, text = process.communicate(timeout=60)
    equal(process.returncode, 130, "exit code")
    for fragment in ["point seed=1 failed", "cannot be created", "stopped with 0 of 2 points finished", "go on with"]:
        if fragment not in text:
            raise AssertionError("no %r in:\n%s" % (fragment, text))
    equal("point seed=2 failed" in text, False, "seed=2 failed")


def resume_on_another_device_computes_nothing(scratch):
    """Also where no point is finished: those that were not begun would be of the other device."""
    out = os.path.join(scratch, "out")
    sweep = [*LONG, "--seeds", "1,2", "--jobs", "1"]
    with start(out, *sweep) as process:
        wait_for(lambda: checkpoints(out, "seed=1"), process, "a checkpoint")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    equal(process.returncode, 130, "exit code")
    before = tree(out)
    expect(run("run", SMOKE, "--out", out, *sweep, "--resume", "--device", "null"), 2, "seed=1", "origin.json", '"null"')
    equal(tree(out), before, "files")


def time_that_is_left(scratch):
    """On a narrow terminal too; and while points are probed nobody knows it."""
    out, controller, terminal = os.path.join(scratch, "wide"), *pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 40, 0, 0))
    process = subprocess.Popen([PROGRAM, "run", SMOKE, "--out", out, *LONG, "--seeds", "1,2", "--jobs", "2"],
                               stdout=subprocess.DEVNULL, stderr=terminal)  # fmt: skip
    os.close(terminal)
    text = b""
    while not re.search(rb"\r0/2 done, 2 running  \d+:\d\d left", text):
        text += os.read(controller, 4096)
    process.kill()
    process.wait()
    os.close(controller)
    equal([line for line in text.split(b"\r") if len(line) > 39], [], "lines that a terminal of 40 columns wraps")

    out = os.path.join(scratch, "probing")
    more = ["--set", "train.steps=12", "--set", "study.windows=700", "--seeds", "1,2", "--jobs", "2"]
    with start(out, *more) as process:
        log = os.path.join(out, "seed=2", "log.txt")
        wait_for(lambda: os.path.exists(log) and b"on network trained" in read(log), process, "a probe of seed=2")
        [held] = [pid for pid in children(process) if "seed=2" in read("/proc/%d/cmdline" % pid).decode()]
        os.kill(held, signal.SIGSTOP)
        for line in process.stderr:
            event = json.loads(line)
            if event["event"] == "points" and (event["running"], event["done"]) == (1, 1):
                break
        os.kill(held, signal.SIGCONT)
        process.communicate(timeout=60)
    if not event["seconds_left"] < 0:
        raise AssertionError(event)


def second_interrupt_and_a_killed_parent_leave_no_process(scratch):
    for number in [signal.SIGINT, signal.SIGKILL]:
        out = os.path.join(scratch, "out%d" % number)
        with start(out, *LONG, "-q", "--seeds", "1,2", "--jobs", "2") as process:
            wait_for_both(process, out)
            pids = children(process)
            equal(len(pids), 2, "processes")
            if number == signal.SIGINT:
                for pid in pids:
                    os.kill(pid, signal.SIGSTOP)  # they cannot obey the first
                process.send_signal(signal.SIGTERM)
                time.sleep(0.1)
            process.send_signal(number)
            process.communicate(timeout=60)
        equal(process.returncode, 130 if number == signal.SIGINT else -signal.SIGKILL, "exit code")
        gone(pids)
        # Nor did they only come to their own end.
        equal([os.path.exists(os.path.join(out, point, "summary.json")) for point in ("seed=1", "seed=2")],
              [False, False], "finished points")  # fmt: skip


def resumed_at_once_after_a_kill(scratch):
    whole, out = os.path.join(scratch, "whole"), os.path.join(scratch, "out")
    sweep = [*LONG, "-q", "--seeds", "1,2", "--jobs", "2"]
    expect(run("run", SMOKE, "--out", whole, *sweep), 0)
    with start(out, *sweep) as process:
        wait_for_both(process, out)
        process.kill()
        process.wait()
        expect(run("run", SMOKE, "--out", out, *sweep, "--resume"), 0)
    same_tree(whole, out)


def finished_sweep_is_left_alone(scratch):
    out = os.path.join(scratch, "out")
    sweep = [*QUICK, "--seeds", "1,2"]
    expect(run("run", SMOKE, "--out", out, *sweep), 0)
    before = tree(out)
    times = {path: os.stat(path).st_mtime_ns for path in glob.glob(os.path.join(out, "seed=*", "env.json"))}
    expect(run("run", SMOKE, "--out", out, *sweep), 2, "already holds a run")
    expect(run("run", SMOKE, "--out", out, *QUICK, "--seeds", "1..3", "--resume"), 2, "another --out", "orrery report")
    expect(run("run", SMOKE, "--out", out, *sweep, "--resume", "--device", "null"), 2, "origin.json", "seed=1")
    expect(run("run", SMOKE, "--out", out, *sweep, "--resume"), 0)
    equal({path: os.stat(path).st_mtime_ns for path in times}, times, "times of the points' env.json")
    equal(tree(out), before, "files")


def report_is_that_of_the_run(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, *QUICK, "--seeds", "1..2"), 0)
    before = tree(out)
    for name in ["report.md", "findings.csv", "summary.json"]:
        os.unlink(os.path.join(out, name))
    # Neither plugins nor a device are needed.
    result = expect(run("report", out, env={"ORRERY_PLUGIN_PATH": "", "ORRERY_DEVICE": "nonesuch"}), 0)
    equal(tree(out), before, "files")
    if read(out, "report.md").decode() not in result.stdout or "## Every seed" not in result.stdout:
        raise AssertionError(result.stdout)
    point = os.path.join(out, "seed=1")
    text = expect(run("report", point, "--out", os.path.join(scratch, "elsewhere")), 0).stdout
    if "1 of 1 points finished" not in text:
        raise AssertionError(text)
    equal(sorted(os.listdir(os.path.join(scratch, "elsewhere"))), ["figures", "report.html", "report.md"],
          "files of a report of one point")  # fmt: skip


def report_gathers_runs_of_different_times(scratch):
    first, second, both = (os.path.join(scratch, name) for name in ["first", "second", "both"])
    expect(run("run", SMOKE, "--out", first, *QUICK, "--set", "data.context=2,4", "--seeds", "1..2"), 0)
    expect(run("run", SMOKE, "--out", second, *QUICK, "--set", "data.context=4", "--seeds", "7"), 0)
    text = expect(run("report", second, first, "--out", both), 0).stdout
    equal(sorted({row["point"] for row in findings(both)}),
          ["context=2,seed=1", "context=2,seed=2", "context=4,seed=1", "context=4,seed=2", "context=4,seed=7"],
          "points")  # fmt: skip
    equal([point["point"] for point in load(both, "summary.json")["points"]],
          ["context=2,seed=1", "context=2,seed=2", "context=4,seed=1", "context=4,seed=2", "context=4,seed=7"],
          "summaries")  # fmt: skip
    if "5 of 5 points finished" not in text:
        raise AssertionError(text)
    # Of the two seeds of context 2, and the three of context 4, the mean is that of the findings.
    rows = [row for row in findings(both) if (row["network"], row["quantity"], row["split"]) ==
            ("trained", "rollout_error", "held_out") and row["point"].startswith("context=4")]  # fmt: skip
    mean = sum(float(row["value"]) for row in rows) / len(rows)
    equal(len(rows), 3, "seeds of context 4")
    if "%.4g +- " % mean not in text:
        raise AssertionError("no %.4g in:\n%s" % (mean, text))
    expect(run("report", first, second, "--out", first), 2, "holds a run")
    expect(run("report", first, first), 2, "the same point")
    other = os.path.join(scratch, "other")
    expect(run("run", SMOKE, "--out", other, *QUICK, "--set", "data.context=4", "--set", "train.noise=0.2"), 0)
    expect(run("report", first, other), 2, "different recipes", "train.noise is 0.05 there and 0.2 here")


def report_of_what_is_not_finished(scratch):
    out = os.path.join(scratch, "out")
    expect(run("report", scratch), 2, "holds no run")
    expect(run("report"), 2, "missing")
    with start(out, *LONG, "-q", "--seeds", "1,2", "--jobs", "1") as process:
        wait_for(lambda: checkpoints(out, "seed=1"), process, "a checkpoint")
        expect(run("report", out), 2, "none of the 2 points", "--resume")
        wait_for(lambda: checkpoints(out, "seed=2"), process, "the second point")
        text = expect(run("report", out), 0).stdout
        for fragment in ["1 of 2 points finished", "seed=2: ", "of 800 steps saved", "Not written: a run goes on"]:
            if fragment not in text:
                raise AssertionError("no %r in:\n%s" % (fragment, text))
        equal(os.path.exists(os.path.join(out, "report.md")), False, "a report was written while the run went on; that")
        process.kill()


if __name__ == "__main__":
    main([jobs_change_no_bit, several_points_run_at_a_time, one_and_two_points, callers_that_leave_little,
          a_log_goes_on_over_sessions, words_that_are_no_seeds_or_jobs,
          progress_is_one_line_for_all, killed_child_fails_alone_and_resumes, failing_child_tells_its_own_error,
          stopped_sweep_says_how_to_go_on_and_resumes, second_interrupt_and_a_killed_parent_leave_no_process,
          supervisor_that_signals_every_process, point_that_cannot_save_itself_is_told,
          resume_on_another_device_computes_nothing, time_that_is_left,
          resumed_at_once_after_a_kill, finished_sweep_is_left_alone, report_is_that_of_the_run,
          report_gathers_runs_of_different_times, report_of_what_is_not_finished])  # fmt: skip
