"""Finding PyTorch, and the settings with which it is quickest here."""
import json
import os
import statistics
import subprocess
import sys

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pytorch_step.py")
# Threads of PyTorch's own (OpenMP) and of OpenBLAS get into each other's way; binding helps or harms by machine.
ENVIRONMENTS = (
    {},
    {"OMP_PROC_BIND": "close"},
    {"OPENBLAS_NUM_THREADS": "1"},
    {"OMP_PROC_BIND": "close", "OPENBLAS_NUM_THREADS": "1"},
)
THREADS = sorted({1, os.cpu_count() or 1})


def find():
    """(interpreter, version) of the first Python that has torch, or (None, why not)."""
    tried = []
    for python in dict.fromkeys((os.environ.get("ORRERY_TEST_PYTHON"), sys.executable, "/usr/bin/python3")):
        if not python or not os.path.exists(python):
            continue
        done = subprocess.run([python, "-c", "import torch; print(torch.__version__)"],
                              capture_output=True, text=True, check=False)  # fmt: skip
        if done.returncode == 0:
            return python, done.stdout.strip()
        tried.append(python)
    return None, "no torch in " + ", ".join(tried)


class Setting:
    """Threads, environment and switches of one way to run PyTorch."""

    def __init__(self, threads=1, environment=None, switches=()):
        self.threads, self.environment, self.switches = threads, dict(environment or {}), tuple(switches)

    def changed(self, threads=None, environment=None, switch=None):
        return Setting(threads or self.threads, self.environment if environment is None else environment,
                       self.switches + ((switch,) if switch else ()))  # fmt: skip

    def __str__(self):
        words = ["%d thread%s" % (self.threads, "s" * (self.threads > 1))]
        words += ["%s=%s" % pair for pair in sorted(self.environment.items())]
        return ", ".join(words + list(self.switches))


class Peer:
    def __init__(self, python, version):
        self.python, self.version = python, version

    def run(self, shape, setting, seconds, repeats):
        """Seconds a step of every repetition; None where PyTorch cannot do it with this setting."""
        command = [self.python, SCRIPT, "--threads", str(setting.threads), "--seconds", str(seconds),
                   "--repeats", str(repeats)]  # fmt: skip
        for key, value in shape.items():
            command += ["--" + key.replace("_", "-"), str(value)]
        command += ["--" + switch for switch in setting.switches]
        inherited = {k: v for k, v in os.environ.items() if k not in ("OMP_PROC_BIND", "OPENBLAS_NUM_THREADS")}
        done = subprocess.run(command, env=dict(inherited, **setting.environment), capture_output=True, text=True,
                              check=False)  # fmt: skip
        if done.returncode != 0:
            print("  PyTorch with %s: %s" % (setting, (done.stderr.strip().splitlines() or ["failed"])[-1]))
            return None
        return json.loads(done.stdout.splitlines()[-1])["seconds"]

    def best_setting(self, shape, seconds):
        """The quickest setting found: threads and binding first, then each switch on top of what was best so far."""
        best, least = Setting(), None
        switches = ("foreach", "sdpa", "compile") if int(self.version.split(".")[0]) >= 2 else ("foreach",)
        for switch in (None,) + switches:
            threads = [best.changed(threads=n, environment=e) for n in THREADS for e in ENVIRONMENTS]
            for setting in [best.changed(switch=switch)] if switch else threads:
                found = self.run(shape, setting, seconds, 3)
                if found and (least is None or statistics.median(found) < least):
                    best, least = setting, statistics.median(found)
        return best
