"""OpenCL as a user meets it: what is missing is named with its remedy, nothing falls back in silence, and a run gives
the reference's findings."""
import os

from program import SMOKE, Skip, expect, findings, main, run

# Findings of f32 trainings that drift apart by rounding; scores and errors of the smoke recipe are of size 0.1 to 2.
BAND = 1e-3


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


def no_clblast_says_what_to_install(directory):
    need_device()
    env = without("libclblast.so.1", directory)
    expect(run("run", SMOKE, "--device", "opencl", env=env), 2, "apt install libclblast1", "dnf", "pacman")
    nothing_else_is_lost(env)


def the_doctor_finds_what_is_missing(directory):
    result = expect(run("doctor", env=without("libclblast.so.1", directory)), 2)
    for fragment in ("PROBLEM  CLBlast", "libclblast1"):
        if fragment not in result.stdout:
            raise AssertionError(result.stdout)
    result = expect(run("doctor", env={"OCL_ICD_VENDORS": "/nonexistent"}), 2)
    if "PROBLEM  OCL_ICD_VENDORS=/nonexistent" not in result.stdout:
        raise AssertionError(result.stdout)


def the_doctor_is_content_with_a_device(_):
    need_device()
    result = expect(run("doctor"), 0)
    if "ok       opencl:0: " not in result.stdout or "OpenCL works" not in result.stdout:
        raise AssertionError(result.stdout)


def unknown_devices_exit_2(_):
    need_device()
    expect(run("run", SMOKE, "--device", "opencl:99.9"), 2, "has no device '99.9'")


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
    main([no_driver_exits_2_and_points_to_the_doctor, no_loader_says_what_to_install, no_clblast_says_what_to_install,
          the_doctor_finds_what_is_missing, the_doctor_is_content_with_a_device, unknown_devices_exit_2,
          smoke_gives_the_findings_of_the_reference])  # fmt: skip
