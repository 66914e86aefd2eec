"""OpenCL as a user meets it: what is missing is named with its remedy, nothing falls back in silence, and a run gives
the reference's findings."""
import os
import re
import shutil
import subprocess

from program import RECIPES, SMOKE, Skip, expect, findings, main, read, run, same_tree, tree

# Findings of f32 trainings that drift apart by rounding; scores and errors of the smoke recipe are of size 0.1 to 2.
BAND = 1e-3
# Most launches of a step of two layers: small ones cost about the same, whatever they do.
LAUNCHES = 60


def devices(env=None):
    return expect(run("devices", env=env), 0).stdout


def need_device():
    if "opencl:0 " not in devices():
        raise Skip("no OpenCL device")


def without(library, directory):
    """An environment in which the dynamic linker finds only a broken file of this name."""
    with open(os.path.join(directory, library), "w", encoding="utf-8") as file:
        file.write("not a library")
    return {"LD_LIBRARY_PATH": directory}


def nothing_else_is_lost(env):
    if "reference:0 " not in devices(env):
        raise AssertionError("the reference is not listed any more")


def no_driver_exits_2_and_points_to_the_doctor(_):
    env = {"OCL_ICD_VENDORS": "/nonexistent"}
    expect(run("run", SMOKE, "--device", "opencl", env=env), 2, "no OpenCL device", "orrery doctor")
    nothing_else_is_lost(env)


def no_loader_says_what_to_install(directory):
    env = without("libOpenCL.so.1", directory)
    expect(run("run", SMOKE, "--device", "opencl", env=env), 2, "apt install ocl-icd-libopencl1", "dnf", "pacman")
    nothing_else_is_lost(env)


def without_clblast_own_kernels_compute(directory):
    need_device()
    env = without("libclblast.so.1", directory)
    expect(run("validate", "opencl", "--op", "matmul", env=env), 0)
    expect(run("validate", "opencl", "--op", "matmul", env=dict(env, ORRERY_GEMM="clblast")), 2,
           "apt install libclblast1", "dnf", "pacman")  # fmt: skip
    nothing_else_is_lost(env)


def the_doctor_finds_what_is_missing(directory):
    # Without CLBlast our own kernels compute, so nothing is wrong; on a GPU it may be missed.
    result = expect(run("doctor", env=without("libclblast.so.1", directory)), 0)
    for fragment in ("note     CLBlast: ", "own kernels compute every matrix product", "libclblast1"):
        if fragment not in result.stdout:
            raise AssertionError(result.stdout)
    if "PROBLEM  CLBlast" in result.stdout:
        raise AssertionError("a missing CLBlast is no problem:\n%s" % result.stdout)
    result = expect(run("doctor", env={"OCL_ICD_VENDORS": "/nonexistent"}), 2)
    if "PROBLEM  OCL_ICD_VENDORS=/nonexistent" not in result.stdout:
        raise AssertionError(result.stdout)


def the_doctor_is_content_with_a_device(_):
    need_device()
    result = expect(run("doctor"), 0)
    if "ok       opencl:0: " not in result.stdout or "OpenCL works" not in result.stdout:
        raise AssertionError(result.stdout)


def need_pocl():
    """An environment with PoCL and nothing else."""
    # The leak checker of sanitized programs crashes where it reads thread-local storage of the driver's threads.
    env = {"OCL_ICD_VENDORS": "pocl.icd", "LSAN_OPTIONS": os.environ.get("LSAN_OPTIONS", "") + ":use_tls=0"}
    if "opencl:0 " not in devices(env):
        raise Skip("no PoCL")
    return env


def the_doctor_computes(_):
    env = dict(need_pocl(), ORRERY_GEMM="cublas")
    result = expect(run("doctor", env=env), 2)
    for fragment in ("PROBLEM  opencl:0: ", "ORRERY_GEMM is 'cublas'", "no OpenCL device can be used"):
        if fragment not in result.stdout:
            raise AssertionError("no %r in:\n%s" % (fragment, result.stdout))


def small_work_groups_are_enough(_):
    """CLBlast wants groups of 64 and says so; own kernels take over, with a word about it."""
    env = dict(need_pocl(), POCL_MAX_WORK_GROUP_SIZE="32")
    expect(run("doctor", env=env), 0)
    for provider in ("own", "clblast"):
        result = expect(run("validate", "opencl", "--op", "matmul", env=dict(env, ORRERY_GEMM=provider)), 0)
        told = result.stderr.count("CLBlast fails at products of (64, 32) and (32, 96)")
        if told != (provider == "clblast"):
            raise AssertionError("told %d times that CLBlast fails:\n%s" % (told, result.stderr))


def the_doctor_names_what_shows_no_device(directory):
    vendor = os.path.join(directory, "empty.icd")
    with open(vendor, "w", encoding="utf-8"):
        pass
    result = expect(run("doctor", env={"OCL_ICD_VENDORS": vendor}), 2)
    for fragment in ("PROBLEM  vendor file %s: it is empty" % vendor, "PROBLEM  the drivers show no device"):
        if fragment not in result.stdout:
            raise AssertionError("no %r in:\n%s" % (fragment, result.stdout))


def the_doctor_says_what_rusticl_wants(_):
    if not os.path.exists("/etc/OpenCL/vendors/rusticl.icd") or "RUSTICL_ENABLE" in os.environ:
        raise Skip("no rusticl, or it is enabled")
    result = expect(run("doctor", env={"OCL_ICD_VENDORS": "rusticl.icd"}), 2)
    for fragment in ("PROBLEM  ", "export RUSTICL_ENABLE=radeonsi"):
        if fragment not in result.stdout:
            raise AssertionError("no %r in:\n%s" % (fragment, result.stdout))


def kernels_of_vectors_are_refused_where_compiling_them_hangs(_):
    env = {"OCL_ICD_VENDORS": "rusticl.icd", "RUSTICL_ENABLE": "llvmpipe", "ORRERY_KERNELS": "rows"}
    if "opencl:0 " not in devices(env):
        raise Skip("no rusticl")
    expect(run("validate", "opencl", "--op", "attention", env=env), 2, "ORRERY_KERNELS is rows", "say groups")


def the_doctor_survives_a_driver_that_crashes(directory):
    compiler = shutil.which("cc")
    if not compiler:
        raise Skip("no C compiler")
    library, vendor = os.path.join(directory, "crash.so"), os.path.join(directory, "crash.icd")
    code = "__attribute__((constructor)) static void crash(void) { __builtin_trap(); }"
    subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-o", library, "-"], input=code, text=True, check=True)
    with open(vendor, "w", encoding="utf-8") as file:
        file.write(library + "\n")
    result = expect(run("doctor", env={"OCL_ICD_VENDORS": vendor}), 1)
    for fragment in ("PROBLEM  vendor file %s: it crashes" % vendor, "PROBLEM  a driver crashed"):
        if fragment not in result.stdout:
            raise AssertionError("no %r in:\n%s" % (fragment, result.stdout))


def devices_are_chosen_by_number_kind_and_name(directory):
    env = need_pocl()
    given = {name: ["--device", name] for name in ("opencl:0", "opencl:0.0", "opencl:cpu", "opencl:pthread")}
    given["variable"] = []
    env["ORRERY_DEVICE"] = "opencl:cpu"
    for name, words in given.items():
        out = os.path.join(directory, name)
        expect(run("run", SMOKE, "-q", *words, "--out", out, env=env), 0)
        if "Portable Computing Language" not in read(out, "env.json").decode():
            raise AssertionError("%s ran on another device: %s" % (name, read(out, "env.json")))


def a_processor_is_no_gpu_whoever_made_it(_):
    env = need_pocl()
    for which in ("gpu", "amd", "Intel", "nvidia"):
        expect(run("run", SMOKE, "--device", "opencl:" + which, env=env), 2, "has no device '%s'" % which, "pthread")
    expect(run("run", SMOKE, "--device", "opencl:amd", env=env), 2, "opencl:cpu takes a processor")


def one_and_two_threads_give_the_same_bits(directory):
    """And two runs: every file, checkpoints among them."""
    env = need_pocl()
    for name, threads in (("one", "1"), ("two", "2"), ("again", "2")):
        out = os.path.join(directory, name)
        expect(run("run", SMOKE, "-q", "--device", "opencl", "--out", out,
                   env=dict(env, POCL_MAX_PTHREAD_COUNT=threads)), 0)  # fmt: skip
        if not any(path.endswith(".safetensors") for path in tree(out)):
            raise AssertionError("no checkpoint in %s" % sorted(tree(out)))
    for name in ("one", "again"):
        same_tree(os.path.join(directory, "two"), os.path.join(directory, name))


def unknown_devices_exit_2(_):
    need_device()
    expect(run("run", SMOKE, "--device", "opencl:99.9"), 2, "has no device '99.9'")


def a_step_is_few_launches(_):
    """Of the paper's model at its shortest and longest context, and of one whose products are large enough to be
    divided along the inner axis."""
    recipe = os.path.join(RECIPES, "kepler-newton.yaml")
    for width, contexts in (("32", "2,100"), ("128", "100")):
        text = expect(run("explain", recipe, "--size", "demo", "--set", "model.n_embd=" + width, "--set",
                          "data.context=" + contexts, "--device", "opencl", env=need_pocl()), 0).stdout  # fmt: skip
        launches = [int(count) for count in re.findall(r"^  launches +(\d+) a step", text, re.MULTILINE)]
        if len(launches) != contexts.count(",") + 1 or not all(0 < count <= LAUNCHES for count in launches):
            raise AssertionError("n_embd %s: %s launches a step, expected at most %d" % (width, launches, LAUNCHES))


def smoke_gives_the_findings_of_the_reference(directory):
    need_device()
    found = {}
    for device in ("reference", "opencl"):
        out = os.path.join(directory, device)
        expect(run("run", SMOKE, "-q", "--device", device, "--out", out), 0)
        found[device] = findings(out)
    if len(found["reference"]) != len(found["opencl"]) or not found["reference"]:
        raise AssertionError("%d and %d findings" % (len(found["reference"]), len(found["opencl"])))
    worst = 0.0
    for theirs, ours in zip(found["reference"], found["opencl"]):
        off = abs(float(ours["value"]) - float(theirs["value"]))
        if not off <= BAND * max(1.0, abs(float(theirs["value"]))):
            raise AssertionError("%r\nbut on the reference %r" % (ours, theirs))
        worst = max(worst, off)
    print("# %d findings, the largest difference %.2g" % (len(found["opencl"]), worst))


if __name__ == "__main__":
    main([no_driver_exits_2_and_points_to_the_doctor, no_loader_says_what_to_install, without_clblast_own_kernels_compute,
          the_doctor_finds_what_is_missing, the_doctor_is_content_with_a_device, unknown_devices_exit_2,
          the_doctor_computes, small_work_groups_are_enough, the_doctor_names_what_shows_no_device, the_doctor_says_what_rusticl_wants,
          kernels_of_vectors_are_refused_where_compiling_them_hangs,
          the_doctor_survives_a_driver_that_crashes, devices_are_chosen_by_number_kind_and_name,
          a_processor_is_no_gpu_whoever_made_it, one_and_two_threads_give_the_same_bits, a_step_is_few_launches,
          smoke_gives_the_findings_of_the_reference])  # fmt: skip
