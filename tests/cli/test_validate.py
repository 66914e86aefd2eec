"""orrery validate and orrery new as a user meets them: exit codes, the report, its files, the command that repeats."""
import json
import os
import re
import shlex
import time
import xml.etree.ElementTree

from program import PROGRAM, equal, expect, is_sanitized, main, run

MUTATION = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "tests", "mutation")
FAULTY = os.path.join(MUTATION, "orrery-backend-faulty.so")
# The quick level on the reference is to take at most this long; sanitized builds are several times slower.
QUICK_SECONDS = 15


def fault(name):
    return {"ORRERY_FAULT": name}


def the_reference_passes(scratch):
    started = time.monotonic()
    result = expect(run("validate", "reference", cwd=scratch), 0)
    seconds = time.monotonic() - started
    if "0 wrong or missing, 0 crashed or hung, 0 not tested" not in result.stdout or "WRONG" in result.stdout:
        raise AssertionError(result.stdout)
    if not is_sanitized() and seconds > QUICK_SECONDS:
        raise AssertionError("the quick level took %.1f s, allowed %d" % (seconds, QUICK_SECONDS))


def nothing_computed_is_wrong(scratch):
    result = expect(run("validate", "null", cwd=scratch), 1, "checks are wrong")
    if not re.search(r"^matmul +WRONG", result.stdout, re.MULTILINE):
        raise AssertionError(result.stdout)


def what_is_not_there(scratch):
    expect(run("validate", "no-such-thing", cwd=scratch), 2, "no-such-thing")
    expect(run("validate", "./no-such-thing.so", cwd=scratch), 2, "no-such-thing.so")
    expect(run("validate", "reference:7", cwd=scratch), 2, "no device '7'")
    expect(run("validate", "reference", "--op", "no_such_operation", cwd=scratch), 2, "no_such_operation")
    expect(run("validate", "reference", "--op", "matmul", "--case", "999999", cwd=scratch), 2, "cases of matmul are 0 to")
    expect(run("validate", "reference", "--op", "add,matmull", cwd=scratch), 2, "matmull")
    expect(run("validate", "reference", "--op", "graph/random", "--case", "999999", cwd=scratch), 2, "no chosen check has a case 999999")
    expect(run("validate", "reference", "--graph", "absent.graph", cwd=scratch), 2, "absent.graph")
    empty = os.path.join(scratch, "empty.graph")
    with open(empty, "w", encoding="utf-8") as text:
        text.write("graph f32\n%0 = input : f32[3]\n")
    expect(run("validate", "reference", "--graph", empty, cwd=scratch), 2, "nothing was tested")
    expect(run("validate", cwd=scratch), 2, "backend is missing")
    expect(run("validate", "reference", "--level", "thorough", cwd=scratch), 2, "thorough")
    expect(run("validate", "reference", "--time-limit", "0", cwd=scratch), 2, "--time-limit")


def crash_hang_and_exit(scratch):
    for name, operation, word in [("rmsnorm_crashes", "rmsnorm", "CRASHED"), ("softmax_grad_hangs", "softmax_grad", "HUNG"),
                                  ("gelu_grad_exits", "gelu_grad", "CRASHED")]:  # fmt: skip
        result = expect(run("validate", FAULTY, "--op", operation + ",silu", "--time-limit", "2", env=fault(name),
                            cwd=scratch), 3, "crash or a hang")  # fmt: skip
        if not re.search(r"^%s +%s" % (operation, word), result.stdout, re.MULTILINE):
            raise AssertionError(result.stdout)
        # The checks after it still run.
        if not re.search(r"^silu +native", result.stdout, re.MULTILINE):
            raise AssertionError(result.stdout)


def a_device_that_is_lost_keeps_the_verdict(scratch):
    junit = os.path.join(scratch, "r.xml")
    result = expect(run("validate", FAULTY, "--op", "rmsnorm,interface/device,interface/errors", "--junit", junit,
                        env=fault("rmsnorm_loses_device"), cwd=scratch), 3, "crash or a hang")  # fmt: skip
    if "could not be opened again: " not in result.stdout or "the device is lost" not in result.stdout:
        raise AssertionError(result.stdout)
    equal(xml.etree.ElementTree.parse(junit).getroot().get("failures"), "2", "failures")
    if not re.search(r"^interface/errors +not tested", result.stdout, re.MULTILINE):
        raise AssertionError(result.stdout)


def a_crash_while_closing_has_an_entry(scratch):
    out = [os.path.join(scratch, name) for name in ["r.json", "r.xml"]]
    result = expect(run("validate", FAULTY, "--op", "add,silu", "--json", out[0], "--junit", out[1],
                        env=fault("close_crashes"), cwd=scratch), 3, "crash or a hang")  # fmt: skip
    if not re.search(r"^interface/close +CRASHED", result.stdout, re.MULTILINE) or "--op 'add,silu'" not in result.stdout:
        raise AssertionError(result.stdout)
    with open(out[0], encoding="utf-8") as text:
        states = {check["name"]: check["state"] for check in json.load(text)["checks"]}
    equal(states, {"add": "native", "silu": "native", "interface/close": "CRASHED"}, "states")
    equal(xml.etree.ElementTree.parse(out[1]).getroot().get("failures"), "1", "failures")


def a_case_that_is_not_there(scratch):
    for checks in ["graph/training", "graph/gradient", "interface/errors", "add,graph/lowering"]:
        expect(run("validate", "reference", "--op", checks, "--case", "999999", cwd=scratch), 2, "case 999999")
    expect(run("validate", "reference", "--op", "add,mul", "--case", "999999", cwd=scratch), 2, "the chosen operations")
    for text in ["1x", "first", "", "-1", "1.5"]:
        expect(run("validate", "reference", "--op", "add", "--case", text, cwd=scratch), 2, "--case")
    result = expect(run("validate", "reference", "--op", "graph/training,put", "--case", "150", cwd=scratch), 0)
    for line in [r"^put +not tested +0 ", r"^graph/training +passed +1 "]:
        if not re.search(line, result.stdout, re.MULTILINE):
            raise AssertionError(result.stdout)


def the_repeat_command_repeats(scratch):
    first = expect(run("validate", FAULTY, "--op", "layernorm", env=fault("layernorm_variance"), cwd=scratch), 1)
    command = shlex.split(re.search(r"repeat: orrery (.*)", first.stdout).group(1))
    again = expect(run(*command, env=fault("layernorm_variance"), cwd=scratch), 1)
    wrong = re.compile(r"^WRONG .*\n.*", re.MULTILINE)
    equal(wrong.search(again.stdout).group(0), wrong.search(first.stdout).group(0), "the failure when repeated")
    if not re.search(r"^layernorm +WRONG +1 ", again.stdout, re.MULTILINE):
        raise AssertionError("more than one case was repeated\n" + again.stdout)


def a_failing_graph_is_written_and_repeats(scratch):
    result = expect(run("validate", FAULTY, "--op", "graph/random", env=fault("program_order"), cwd=scratch), 1)
    path = re.search(r"--graph (\S+\.graph)", result.stdout).group(1)
    expect(run("validate", FAULTY, "--graph", path, env=fault("program_order"), cwd=scratch), 1)
    expect(run("validate", "reference", "--graph", path, cwd=scratch), 0)


def other_seeds_are_other_numbers(scratch):
    texts = [expect(run("validate", "reference", "--op", "exp,attention", "--seed", seed, cwd=scratch), 0).stdout
             for seed in ["1", "2"]]  # fmt: skip
    # Without the seconds. The worst of one operation may be a case of fixed numbers, hence two.
    worst = [re.findall(r"^(?:exp|attention) .*(?= [\d.]+$)", text, re.MULTILINE) for text in texts]
    if "seed 2" not in texts[1] or len(worst[0]) != 2 or worst[0] == worst[1]:
        raise AssertionError("".join(texts))


def files_for_machines(scratch):
    out = [os.path.join(scratch, name) for name in ["r.json", "r.xml"]]
    expect(run("validate", "null", "--op", "add,interface/transfer", "--json", out[0], "--junit", out[1], cwd=scratch), 1)
    with open(out[0], encoding="utf-8") as text:
        report = json.load(text)
    states = {check["name"]: check["state"] for check in report["checks"]}
    equal(states, {"add": "WRONG", "interface/transfer": "passed"}, "states")
    suite = xml.etree.ElementTree.parse(out[1]).getroot()
    counts = [suite.get(name) for name in ["tests", "failures", "errors", "skipped"]]
    equal(counts, ["3", "1", "1", "0"], "counts of the suite, with the verdict")
    expect(run("validate", "no-such-thing", "--junit", out[1], cwd=scratch), 2)
    errors = xml.etree.ElementTree.parse(out[1]).getroot().findall("testcase/error")
    equal(len(errors), 1, "errors of a backend that is not there")
    expect(run("validate", "reference", "--op", "add", "--junit", out[1], cwd=scratch), 0)
    equal(xml.etree.ElementTree.parse(out[1]).getroot().findall("testcase/error"), [], "errors where all passed")
    expect(run("validate", "reference", "--op", "add", "--json", "/no/such/place.json", cwd=scratch), 2, "/no/such")


def what_did_not_run_is_not_passed(scratch):
    result = expect(run("validate", "null", "--fail-fast", cwd=scratch), 1)
    if not re.search(r"^matmul +not tested +0 ", result.stdout, re.MULTILINE):
        raise AssertionError(result.stdout)


def new_refuses_what_it_cannot_make(scratch):
    expect(run("new", "backend", cwd=scratch), 2, "a kind and a name")
    expect(run("new", "planet", "mine", cwd=scratch), 2, "planet")
    expect(run("new", "backend", "My-Backend", cwd=scratch), 2, "My-Backend")
    expect(run("new", "probe", "mine", cwd=scratch), 0)
    expect(run("new", "probe", "mine", cwd=scratch), 2, "exists already")
    equal(sorted(os.listdir(os.path.join(scratch, "mine"))), ["Makefile", "mine.c"], "files")


if __name__ == "__main__":
    main([the_reference_passes, nothing_computed_is_wrong, what_is_not_there, crash_hang_and_exit,
          a_device_that_is_lost_keeps_the_verdict, a_crash_while_closing_has_an_entry,
          a_case_that_is_not_there, the_repeat_command_repeats, a_failing_graph_is_written_and_repeats, other_seeds_are_other_numbers,
          files_for_machines, what_did_not_run_is_not_passed, new_refuses_what_it_cannot_make])  # fmt: skip
