"""docs/reading-results.py on a run of one point and on a sweep. Skipped where no interpreter has numpy and safetensors."""
import os
import subprocess

from interpreter import interpreter
from program import SMOKE, equal, expect, load, main, run

SCRIPT = os.path.join(os.environ["ORRERY_TEST_SOURCE"], "docs", "reading-results.py")


def read_any(directory):
    return subprocess.run([interpreter("numpy", "safetensors"), SCRIPT, directory], capture_output=True, text=True,
                          check=False)  # fmt: skip


def read_results(directory):
    result = read_any(directory)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    return result.stdout


def check_measures(text, directory):
    """Every measure of the summary stands in the text, by name and value."""
    measures = load(directory, "summary.json")["measures"]
    lines = [line.split() for line in text.splitlines()]
    for one in measures:
        wanted = [str(one[key]) for key in ("quantity", "probe", "network", "split", "value")]
        if wanted not in lines:
            raise AssertionError("no line %s in\n%s" % (wanted, text))
    if not measures:
        raise AssertionError("the run has no measures")


def a_run_of_one_point(scratch):
    out = os.path.join(scratch, "run")
    interpreter("numpy", "safetensors")
    expect(run("run", SMOKE, "--out", out, "-q"), 0)
    text = read_results(out)
    check_measures(text, out)
    for fragment in ("loss ", "step-00000040.safetensors: ", "rollout_curve.npy: ", " R2 "):
        if fragment not in text:
            raise AssertionError("no %r in\n%s" % (fragment, text))


def sites_are_not_chosen_by_what_is_quoted(scratch):
    """A site that is best held out alone is not taken, nor one of an earlier step."""
    rows = ["one,train,0.9", "one,held_out,0.1", "two,train,0.2", "two,held_out,0.8"]
    with open(os.path.join(scratch, "findings.csv"), "w", encoding="utf-8") as file:
        file.write("network,probe,quantity,target,step,site,split,value\n")
        file.writelines("trained,linear,r2,Fx,40,%s\n" % row for row in rows)
        file.writelines("trained,linear,r2,Fx,20,%s\n" % row for row in ["one,train,0", "one,held_out,0.3"])
    with open(os.path.join(scratch, "summary.json"), "w", encoding="utf-8") as file:
        file.write('{"measures": []}')
    lines = [line.split() for line in read_results(scratch).splitlines()]
    equal(lines[1:], [["linear", "Fx", "R2", "0.1000", "at", "one"]], "lines")


def what_was_not_trained_or_not_finished(scratch):
    interpreter("numpy", "safetensors")
    out, probed = os.path.join(scratch, "run"), os.path.join(scratch, "probed")
    expect(run("run", SMOKE, "--out", out, "-q", "--set", "train.steps=4"), 0)
    expect(run("probe", out, "--out", probed, "-q"), 0)
    check_measures(read_results(probed), probed)
    os.remove(os.path.join(out, "summary.json"))
    result = read_any(out)
    equal((result.returncode, result.stderr), (1, "%s holds no finished run\n" % out), "an unfinished run")


def a_sweep(scratch):
    out = os.path.join(scratch, "run")
    interpreter("numpy", "safetensors")
    expect(run("run", SMOKE, "--out", out, "-q", "--seeds", "3,4", "--set", "train.steps=4"), 0)
    text = read_results(out)
    for seed in (3, 4):
        check_measures(text, os.path.join(out, "seed=%d" % seed))


if __name__ == "__main__":
    main([a_run_of_one_point, a_sweep, sites_are_not_chosen_by_what_is_quoted, what_was_not_trained_or_not_finished])
