"""Trajectories of one's own: a run from a file that `orrery generate` wrote is the run from the simulator."""
import json
import os
import struct

from program import SMOKE, equal, expect, findings, load, main, read, run


def smoke_from(scratch, name, data, simulator=""):
    """The smoke recipe with other data, in the scratch directory."""
    recipe = read(SMOKE).decode()
    begin, end = recipe.index("simulator:"), recipe.index("model:")
    path = os.path.join(scratch, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(recipe[:begin] + simulator + "data: {%s, train_fraction: 0.5, context: 4}\n\n" % data + recipe[end:])
    return path


def tensors(path):
    """The bytes of a .safetensors after its header."""
    data = read(path)
    [length] = struct.unpack("<Q", data[:8])
    return data[8 + length:]


def without_unit(rows):
    return [{key: value for key, value in row.items() if key != "unit"} for row in rows]


def a_file_gives_the_same_run(scratch):
    expect(run("run", SMOKE, "--out", os.path.join(scratch, "simulated"), "--set", "data.seed=3", "-q"), 0)
    expected = findings(os.path.join(scratch, "simulated"))
    data = {"orbits.safetensors": "file: orbits.safetensors",
            "orbits.csv": "file: orbits.csv, observed: [x, y], seed: 3"}  # fmt: skip
    for name, keys in data.items():
        made = run("generate", SMOKE, "--set", "data.seed=3", "--out", os.path.join(scratch, name))
        expect(made, 0)
        out = os.path.join(scratch, name + ".out")
        expect(run("run", smoke_from(scratch, name + ".yaml", keys), "--out", out, "-q"), 0)
        equal(without_unit(findings(out)), without_unit(expected), "findings from " + name)
        checkpoint = os.path.join("checkpoints", "step-00000040.safetensors")
        if tensors(os.path.join(out, checkpoint)) != tensors(os.path.join(scratch, "simulated", checkpoint)):
            raise AssertionError("%s: the last checkpoint has other bits than the simulator's" % name)
    equal(findings(os.path.join(scratch, "orbits.safetensors.out")), expected, "findings with their units")


def a_run_remembers_where_its_data_come_from(scratch):
    expect(run("generate", SMOKE, "--set", "data.seed=3", "--out", os.path.join(scratch, "orbits.safetensors")), 0)
    out = os.path.join(scratch, "out")
    recipe = smoke_from(scratch, "r.yaml", "file: orbits.safetensors")
    expect(run("run", recipe, "--out", out, "-q"), 0)
    origin = load(out, "origin.json")
    equal((origin["simulator"], origin["data_simulator"], origin["data_seed"]), ("file", "kepler", "3"), "origin")
    equal(json.loads(origin["data_parameters"])["e_max"], 0.8, "a parameter")
    [session] = load(out, "env.json")["sessions"]
    equal(session["data"]["file"], os.path.realpath(os.path.join(scratch, "orbits.safetensors")), "file")
    equal((session["data"]["simulator"], session["data"]["seed"]), ("kepler", 3), "simulator")
    equal(session["data"]["checksum"], origin["data_checksum"], "checksum")

    # What the run resolved is a recipe that gives the same run from anywhere, and resuming finds it finished.
    again = os.path.join(scratch, "again")
    expect(run("run", os.path.join(out, "recipe.yaml"), "--out", again, "-q", cwd="/"), 0)
    equal(findings(again), findings(out), "findings of the resolved recipe")
    expect(run("run", recipe, "--out", out, "--resume", "-q"), 0)

    # Another file under the same name is another experiment.
    expect(run("generate", SMOKE, "--set", "data.seed=3", "--set", "simulator.e_max=0.7", "--out",
               os.path.join(scratch, "orbits.safetensors")), 0)  # fmt: skip
    expect(run("run", recipe, "--out", out, "--resume", "-q"), 2, "data.checksum")


def a_sweep_is_resumed_by_its_own_recipe_from_anywhere(scratch):
    expect(run("generate", SMOKE, "--out", os.path.join(scratch, "orbits.safetensors")), 0)
    out = os.path.join(scratch, "out")
    short = ["--set", "train.steps=4", "--seeds", "1,2", "--out", out, "-q"]
    recipe = smoke_from(scratch, "r.yaml", "file: orbits.safetensors")
    expect(run("run", recipe, *short), 0)
    before = findings(out)
    os.remove(os.path.join(out, "seed=2", "summary.json"))
    expect(run("run", os.path.join(out, "recipe.yaml"), "--out", out, "--resume", "-q", cwd="/"), 0)
    equal(findings(out), before, "findings of the resumed sweep")
    expect(run("run", recipe, *short, "--resume"), 0)


def a_file_is_generated_into_another_format(scratch):
    for name in ["one.csv", "two.csv"]:
        source = SMOKE if name == "one.csv" else smoke_from(scratch, "r.yaml", "file: one.safetensors")
        expect(run("generate", source, "--out", os.path.join(scratch, name)), 0)
        expect(run("generate", source, "--out", os.path.join(scratch, "one.safetensors")), 0)
    equal(read(scratch, "two.csv"), read(scratch, "one.csv"), "the table")


def faults_of_a_file_are_wrong_input(scratch):
    with open(os.path.join(scratch, "bad.csv"), "w", encoding="utf-8") as file:
        file.write("trajectory,step,x\n0,0,1\n0,1,?\n")
    recipe = smoke_from(scratch, "r.yaml", "file: bad.csv")
    expect(run("run", recipe, "--out", os.path.join(scratch, "out")), 2, "r.yaml", "bad.csv", "line 3", '"?"')
    recipe = smoke_from(scratch, "r.yaml", "file: none.csv")
    expect(run("run", recipe, "--out", os.path.join(scratch, "out")), 2, "none.csv", "No such file")
    if os.path.exists(os.path.join(scratch, "out")):
        raise AssertionError("a refused run left a directory")


if __name__ == "__main__":
    main([a_file_gives_the_same_run, a_run_remembers_where_its_data_come_from,
          a_sweep_is_resumed_by_its_own_recipe_from_anywhere, a_file_is_generated_into_another_format,
          faults_of_a_file_are_wrong_input])  # fmt: skip
