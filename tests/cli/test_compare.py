"""orrery diff and orrery run --check: how far two runs, and two devices, are apart."""
import os
import re

from program import PROGRAM, SMOKE, equal, expect, main, run

FAULTY = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "tests", "mutation", "orrery-backend-faulty.so")


def smoke(scratch, name, *more):
    out = os.path.join(scratch, name)
    expect(run("run", SMOKE, "--device", "reference", "--out", out, "-q", *more), 0)
    return out


def equal_runs_are_equal(scratch):
    a, b = smoke(scratch, "a"), smoke(scratch, "b")
    result = expect(run("diff", a, b), 0)
    if "losses of 40 steps: the same bits" not in result.stdout or "33 tensors, 33 with the same bits" not in result.stdout:
        raise AssertionError(result.stdout)


def other_runs_are_apart(scratch):
    a, b = smoke(scratch, "a"), smoke(scratch, "b", "--set", "train.seed=2")
    result = expect(run("diff", a, b, "--all"), 1, "apart")
    if "the first other bits at step 0" not in result.stdout or "transformer.h.0.attn.c_attn.weight" not in result.stdout:
        raise AssertionError(result.stdout)
    expect(run("diff", a, b, "--tolerance", "1e9"), 0)


def points_of_a_sweep_are_compared_by_name(scratch):
    a, b = (smoke(scratch, name, "--set", "data.context=2,4") for name in ["a", "b"])
    equal(expect(run("diff", a, b), 0).stdout.count("losses of 40 steps"), 2, "points")


def a_point_of_one_run_only_is_a_difference(scratch):
    a = smoke(scratch, "a", "--set", "data.context=2,4")
    b = smoke(scratch, "b", "--set", "data.context=2,4,8")
    for pair in [(a, b), (b, a)]:
        result = expect(run("diff", *pair), 1, "in one run only")
        equal(result.stdout.count("is only in " + b), 1, "points of b only")


def other_shapes_are_listed(scratch):
    a, b = smoke(scratch, "a"), smoke(scratch, "b", "--set", "data.context=8")
    result = expect(run("diff", a, b), 1, "inf apart")
    if not re.search(r"^  \S+ +inf$", result.stdout, re.MULTILINE):
        raise AssertionError(result.stdout)


def nothing_to_compare(scratch):
    a = smoke(scratch, "a")
    expect(run("diff", a, scratch), 2, "no checkpoints of the same point")
    expect(run("diff", a), 2, "two run directories")
    expect(run("diff", a, a, "--tolerance", "much"), 2, "much")


def a_device_is_checked_step_by_step(scratch):
    result = expect(run("run", SMOKE, "--device", "reference", "--check", "reference"), 0)
    for fragment in ["3 steps,", "layernorm_grad"]:
        if fragment not in result.stdout:
            raise AssertionError(result.stdout)
    expect(run("run", SMOKE, "--device", "null", "--check", "reference"), 1, "step 0: the first value beyond", "random_int")
    # 12 bits of 24: little, and far more than rounding.
    expect(run("run", SMOKE, "--device", FAULTY, "--check", "reference", env={"ORRERY_FAULT": "silu_rounded"}), 1,
           "step 0: the first value beyond", "silu")  # fmt: skip
    expect(run("run", SMOKE, "--device", "reference", "--check", "no_such_device"), 2, "no_such_device")
    expect(run("run", SMOKE, "--device", "reference", "--check", "reference", "--check-steps", "0"), 2, "--check-steps")
    expect(run("run", SMOKE, "--check-steps", "2", "--out", os.path.join(scratch, "none")), 2, "--check DEVICE")


if __name__ == "__main__":
    main([equal_runs_are_equal, other_runs_are_apart, points_of_a_sweep_are_compared_by_name,
          a_point_of_one_run_only_is_a_difference, other_shapes_are_listed, nothing_to_compare,
          a_device_is_checked_step_by_step])  # fmt: skip
