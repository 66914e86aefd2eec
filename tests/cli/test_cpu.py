"""The CPU backend as a user meets it: right with the kernels of each instruction set and with any number of threads, and
it says which of them it uses."""
from program import SMOKE, equal, expect, main, run

OTHER = {"ORRERY_CPU_ISA": "no-such-set"}


def sets():
    """What ORRERY_CPU_ISA may be here, as the refusal of another name lists it."""
    words = expect(run("validate", "cpu", env=OTHER), 2, "ORRERY_CPU_ISA", "no instruction set").stderr
    return words.split(": expected ")[1].split(", or nothing")[0].split(", ")


def every_instruction_set_is_right(scratch):
    for name in sets():
        result = expect(run("validate", "cpu", cwd=scratch, env={"ORRERY_CPU_ISA": name, "OMP_NUM_THREADS": "2"}), 0)
        equal("(%s)" % name in result.stdout, True, "%s in\n%s" % (name, result.stdout))


def every_number_of_threads_is_right(scratch):
    for threads in ["1", "3"]:
        expect(run("validate", "cpu", "--threads", threads, "--op", "sum,linear,layernorm_grad,graph/*,interface/*",
                   cwd=scratch), 0)  # fmt: skip


def a_set_that_cannot_be_had_is_no_device(_):
    listed = expect(run("devices", env=OTHER), 0)
    equal("cpu:0 " in listed.stdout, False, "cpu:0 in the list")
    equal("ORRERY_CPU_ISA" in listed.stderr, True, "the reason, which is: " + listed.stderr)
    equal("reference:0 " in listed.stdout, True, "reference:0 in the list")


def explain_tells_what_became_of_a_step(_):
    told = expect(run("explain", SMOKE, "--device", "cpu", "--threads", "3"), 0).stdout
    for words in ["made of step", "made of update", " 3 threads, kernels for ", "    segment of ", " groups in "]:
        equal(words in told, True, "%r in\n%s" % (words, told))


if __name__ == "__main__":
    main([every_instruction_set_is_right, every_number_of_threads_is_right, a_set_that_cannot_be_had_is_no_device,
          explain_tells_what_became_of_a_step])  # fmt: skip
