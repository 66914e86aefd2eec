"""docs/reading-results.py on a run of one point and on a sweep. Skipped where no interpreter has numpy and safetensors."""
import os
import subprocess

from interpreter import interpreter
from program import SMOKE, expect, load, main, run

SCRIPT = os.path.join(os.environ["ORRERY_TEST_SOURCE"], "docs", "reading-results.py")


def read_results(directory):
    result = subprocess.run([interpreter("numpy", "safetensors"), SCRIPT, directory], capture_output=True, text=True,
                            check=False)  # fmt: skip
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


def a_sweep(scratch):
    out = os.path.join(scratch, "run")
    interpreter("numpy", "safetensors")
    expect(run("run", SMOKE, "--out", out, "-q", "--seeds", "3,4", "--set", "train.steps=4"), 0)
    text = read_results(out)
    for seed in (3, 4):
        check_measures(text, os.path.join(out, "seed=%d" % seed))


if __name__ == "__main__":
    main([a_run_of_one_point, a_sweep])
