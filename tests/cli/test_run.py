"""The smoke recipe from beginning to end, and what is left on the disk."""
import ast
import fcntl
import json
import math
import os
import pty
import struct
import subprocess
import termios

from program import PROGRAM, SMOKE, emitted, equal, expect, findings, load, main, read, run, same_tree


def npy(path):
    """Shape and numbers of a float64 .npy file of version 1.0, read by the format's description."""
    data = read(path)
    equal(data[:8], b"\x93NUMPY\x01\x00", "magic")
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:10 + length].decode())
    equal((header["descr"], header["fortran_order"]), ("<f8", False), "type and order")
    body = data[10 + length:]
    return header["shape"], struct.unpack("<%dd" % (len(body) // 8), body)


def smoke_run_leaves_everything_behind(scratch):
    out = os.path.join(scratch, "out")
    result = expect(run("run", SMOKE, "--out", out, "--device", "cpu"), 0)
    for name in ["recipe.yaml", "env.json", "metrics.jsonl", "findings.csv", "summary.json", "report.md", "checkpoints"]:
        if not os.path.exists(os.path.join(out, name)):
            raise AssertionError("%s is missing" % name)
    if read(out, "report.md").decode() not in result.stdout:
        raise AssertionError("the report was not printed")
    [environment] = load(out, "env.json")["sessions"]
    equal(environment["device"]["backend"], "cpu", "backend")
    equal({one["name"] for one in environment["plugins"]}, {"cpu", "kepler", "linear", "rollout"}, "plugins")
    equal(environment["command"][1], "run", "command")
    for line in result.stderr.splitlines():
        json.loads(line)
    steps = [json.loads(line) for line in result.stderr.splitlines() if '"step"' in line]
    equal([one["step"] for one in steps], [10, 20, 30, 40], "steps told")
    equal(len(read(out, "metrics.jsonl").splitlines()), 4, "lines of metrics")


def a_batch_of_many_slices_trains_as_on_the_reference(scratch):
    """So large that the processor's backend takes several slices one after another into one sum of gradients."""
    losses = []
    for device in ["cpu", "reference"]:
        out = os.path.join(scratch, device)
        expect(run("run", SMOKE, "--out", out, "-q", "--device", device, "--set", "train.batch_tokens=7680",
                   "--set", "data.context=2", "--set", "model.n_embd=32", "--set", "train.steps=3",
                   "--set", "train.log_every=1"), 0)  # fmt: skip
        losses.append([json.loads(line)["loss"] for line in read(out, "metrics.jsonl").splitlines()])
    for ours, theirs in zip(*losses):
        # Single precision: two updates leave it some roundings apart, and a lost or doubled slice a tenth.
        if not math.isclose(ours, theirs, rel_tol=1e-4):
            raise AssertionError("losses %r, on the reference %r" % tuple(losses))


def every_probe_sees_every_network(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    rows = emitted(out)
    equal({row["network"] for row in rows}, {"trained", "untrained", "none"}, "networks")
    # 13 sites and 7 targets, 2 splits; 2 sites for the control; single: 2 sites, 2 targets on two networks.
    count = {}
    for row in rows:
        key = (row["network"], row["probe"])
        count[key] = count.get(key, 0) + 1
    equal(count, {("trained", "loss"): 3, ("untrained", "loss"): 2, ("none", "loss"): 3,
                  ("trained", "linear"): 182, ("untrained", "linear"): 182, ("none", "linear"): 28,
                  ("trained", "linear-single"): 8, ("untrained", "linear-single"): 8,
                  ("trained", "rollout"): 8, ("untrained", "rollout"): 8, ("none", "rollout"): 8}, "findings")  # fmt: skip
    for row in rows:
        if row["quantity"].startswith("r2") and not float(row["value"]) <= 1:
            raise AssertionError(row)
        if row["quantity"].startswith("rollout") and not float(row["value"]) >= 0:
            raise AssertionError(row)


def summary_holds_scores_made_from_the_findings(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    rows = [row for row in findings(out) if row["network"] == "trained" and row["probe"] == "linear"]
    expected = {"train": 0.0, "held_out": 0.0}
    for target in ["F_magnitude", "Fx", "Fy"]:
        train = {row["site"]: float(row["value"]) for row in rows if row["target"] == target and row["split"] == "train"}
        held_out = {row["site"]: float(row["value"]) for row in rows
                    if row["target"] == target and row["split"] == "held_out"}  # fmt: skip
        best = max(train, key=train.get)
        expected["train"] += train[best] / 3
        expected["held_out"] += held_out[best] / 3
    summary = load(out, "summary.json")
    for split, value in expected.items():
        here = [m["value"] for m in summary["measures"] if (m["quantity"], m["network"], m["probe"], m["split"])
                == ("newtonian", "trained", "linear", split)]  # fmt: skip
        equal(len(here), 1, "newtonian scores")
        # Three numbers are summed in the same order: a few roundings.
        if not math.isclose(here[0], value, rel_tol=1e-14):
            raise AssertionError("newtonian %s is %.17g, expected %.17g" % (split, here[0], value))
    equal([claim["claim"] for claim in summary["claims"]], ["repeating the last point does not look ahead"], "claims")


def directories_that_are_not_utf8(scratch):
    out = os.fsencode(scratch) + b"/caf\xe9"
    expect(run("run", SMOKE, "--out", out, "-q", errors="surrogateescape"), 0)
    with open(os.path.join(out, b"env.json"), encoding="utf-8") as file:
        [session] = json.load(file)["sessions"]
    equal(session["command"][4], scratch + "/caf\\xe9", "the directory on record")


def warnings_are_json_lines_too(scratch):
    result = expect(run("run", SMOKE, "--out", os.path.join(scratch, "out"), "--set", "study.windows=5000"), 0)
    events = [json.loads(line) for line in result.stderr.splitlines()]
    logs = [event for event in events if event["event"] == "log"]
    equal([(log["level"], log["area"]) for log in logs], [("warn", "study")] * 2, "warnings")


def a_terminal_keeps_its_lines(scratch):
    """Progress is cut to the width of the terminal, and a warning has a line of its own."""
    width = 40
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    words = [PROGRAM, "run", SMOKE, "--out", os.path.join(scratch, "out"), "--set", "study.windows=5000"]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        try:
            while True:
                piece = os.read(ours, 65536)
                if not piece:
                    break
                text += piece
        except OSError:  # the other end was closed
            pass
    os.close(ours)
    equal(process.returncode, 0, "exit code")
    lines = [line for line in text.decode().replace("\n", "\r").split("\r") if line]
    warnings = [line for line in lines if "study.windows" in line]
    equal([line.startswith("warn study: study.windows asks") for line in warnings], [True, True], "beginnings of warnings")
    others = [line for line in lines if line not in warnings]
    if len(others) < 5 or max(len(line) for line in others) != width - 1:
        raise AssertionError(others)


def every_session_is_on_record(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q", "--seeds", "1,2"), 0)
    [first] = load(out, "env.json")["sessions"]
    equal([one["point"] for one in first["points"]], ["seed=1", "seed=2"], "points")
    if not (first["seconds"] > 0 and all(one["seconds"] > 0 for one in first["points"])):
        raise AssertionError(first)
    expect(run("run", SMOKE, "--out", out, "-q", "--seeds", "1,2", "--resume"), 0)
    sessions = load(out, "env.json")["sessions"]
    equal(len(sessions), 2, "sessions")
    equal(sessions[0], first, "the first session")
    equal((sessions[1]["points"], "--resume" in sessions[1]["command"]), ([], True), "points and command of the second")


def saved_activations_give_the_loss_back(scratch):
    """The loss of repeating the last point, from the saved arrays and the simulator's points alone."""
    out, points = os.path.join(scratch, "out"), os.path.join(scratch, "points.npy")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    expect(run("generate", SMOKE, "--out", points), 0)
    (_, steps, width), point = npy(points)
    place = os.path.join(out, "activations")
    (rows, channels), inputs = npy(os.path.join(place, "none/held_out/raw_inputs.npy"))
    trajectory, step = (npy(os.path.join(place, "columns/held_out", name + ".npy"))[1] for name in ["trajectory", "step"])
    total = 0.0
    for row in range(rows):
        after = int(trajectory[row] * steps + step[row] + 1) * width
        for i in range(width):
            total += (inputs[(row + 1) * channels - width + i] - point[after + i]) ** 2 / (rows * width)
    [loss] = [float(row["value"]) for row in findings(out)
              if (row["network"], row["quantity"], row["split"]) == ("none", "clean_loss", "held_out")]  # fmt: skip
    # Points of size 2 are rounded to float by 1.2e-7 at most, and differ by 0.4 in the mean.
    if not math.isclose(total, loss, rel_tol=1e-6):
        raise AssertionError("%.9g from the arrays, %.9g in findings.csv" % (total, loss))


def saved_activations_belong_to_the_columns(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    shape, inputs = npy(os.path.join(out, "activations/none/held_out/raw_inputs.npy"))
    equal(shape, (100, 8), "shape")
    x_shape, x = npy(os.path.join(out, "activations/columns/held_out/x.npy"))
    equal(x_shape, (100, 1), "shape")
    for row in range(100):
        # The network's inputs are rounded to float.
        if abs(inputs[8 * row + 6] - x[row]) > 1e-6:
            raise AssertionError("row %d: the last input is %g, the column says %g" % (row, inputs[8 * row + 6], x[row]))
    shape, _ = npy(os.path.join(out, "activations/trained/train/blocks.1.mlp.hook_post.npy"))
    equal(shape, (100, 32), "shape")


def same_seed_same_bytes_and_another_seed_others(scratch):
    one, two, other = (os.path.join(scratch, name) for name in ["one", "two", "other"])
    expect(run("run", SMOKE, "--out", one, "-q"), 0)
    expect(run("run", SMOKE, "--out", two, "-q"), 0)
    expect(run("run", SMOKE, "--out", other, "-q", "--seeds", "2"), 0)
    same_tree(one, two)
    if read(one, "findings.csv") == read(other, "findings.csv"):
        raise AssertionError("another seed gave the same findings")


def sweep_makes_a_directory_for_each_point(scratch):
    out = os.path.join(scratch, "out")
    result = expect(run("run", SMOKE, "--out", out, "-q", "--set", "data.context=2,16", "--set", "train.batch_tokens=64",
                        "--seeds", "0,1"), 0)  # fmt: skip
    names = ["context=16,seed=0", "context=16,seed=1", "context=2,seed=0", "context=2,seed=1"]
    equal(sorted(name for name in os.listdir(out) if "=" in name), names, "directories")
    equal(sorted({row["point"] for row in findings(out)}), names, "points")
    equal(len(findings(out)), sum(len(findings(os.path.join(out, name))) for name in names), "findings")
    equal(len(load(out, "summary.json")["points"]), 4, "summaries")
    if "+-" not in result.stdout or "context=16" not in result.stdout:
        raise AssertionError(result.stdout)
    # What was written is a recipe: the same run again from it.
    again = os.path.join(scratch, "again")
    expect(run("run", os.path.join(out, "recipe.yaml"), "--out", again, "-q"), 0)
    equal(read(out, "findings.csv"), read(again, "findings.csv"), "findings of the resolved recipe")


def explain_prints_a_plan_and_a_graph(scratch):
    graph, dot = os.path.join(scratch, "graph.txt"), os.path.join(scratch, "graph.dot")
    text = expect(run("explain", SMOKE, "--graph", graph, "--dot", dot), 0).stdout
    for fragment in ["adamw", "MB kept", "without sharing", "ms a step", "linear"]:
        if fragment not in text:
            raise AssertionError("no %r in:\n%s" % (fragment, text))
    if b"adamw" not in read(graph) or not read(dot).lstrip().startswith(b"digraph"):
        raise AssertionError("the graph was not written")


def generate_writes_trajectories(scratch):
    table, array = os.path.join(scratch, "a.csv"), os.path.join(scratch, "a.npy")
    expect(run("generate", "kepler", "--trajectories", "3", "--steps", "5", "--set", "e_max=0.1", "--out", table), 0)
    lines = read(table).decode().splitlines()
    equal(len(lines), 16, "lines")
    header = lines[0].split(",")
    if not all(float(line.split(",")[header.index("e")]) <= 0.1 for line in lines[1:]):
        raise AssertionError("e_max was not obeyed")
    expect(run("generate", SMOKE, "--out", array), 0)
    equal(npy(array)[0], (120, 16, 2), "shape")
    expect(run("generate", "kepler", "--trajectories", "3", "--steps", "5", "--out", table, "--set", "e_maks=1"), 2, "e_max")
    expect(run("generate", "kepler", "--trajectories", "3", "--out", table), 2, "--steps is missing")
    expect(run("generate", SMOKE, "--out", os.path.join(scratch, "a.txt")), 2, "a.txt")


if __name__ == "__main__":
    main([smoke_run_leaves_everything_behind, a_batch_of_many_slices_trains_as_on_the_reference,
          every_probe_sees_every_network,
          summary_holds_scores_made_from_the_findings, directories_that_are_not_utf8, warnings_are_json_lines_too,
          a_terminal_keeps_its_lines, every_session_is_on_record, saved_activations_give_the_loss_back,
          saved_activations_belong_to_the_columns,
          same_seed_same_bytes_and_another_seed_others, sweep_makes_a_directory_for_each_point,
          explain_prints_a_plan_and_a_graph, generate_writes_trajectories])  # fmt: skip
