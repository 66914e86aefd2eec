"""What kill_table.py and right_table.py share: running `orrery validate` on a backend, and the tables beside this file."""
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
WORKERS = 2
LONGEST = 600  # seconds for one run of the program


class Verdict:
    """What one run of the validator said: exit status, text, checks by name, seconds."""

    def __init__(self, done, report, seconds):
        self.status = done.returncode
        self.text = done.stdout
        self.checks = {check["name"]: check for check in report.get("checks", [])}
        self.seconds = seconds

    def state(self, name):
        return self.checks.get(name, {}).get("state", "absent")

    def bad(self):
        return [name for name in self.checks if self.state(name) in ("WRONG", "missing", "CRASHED", "HUNG")]


class Bench:
    """A directory of its own, the program, and the environment that chooses a fault or a variant."""

    def __init__(self, program, backend, directory, **variables):
        self.program, self.backend, self.directory = program, backend, directory
        self.environment = dict(os.environ, **variables)

    def run(self, command, directory=None):
        return subprocess.run(
            command, cwd=directory or self.directory, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=LONGEST, check=False,
        )  # fmt: skip

    def validate(self, *options):
        report = os.path.join(self.directory, "report.json")
        if os.path.exists(report):
            os.remove(report)
        start = time.monotonic()
        done = self.run([self.program, "validate", self.backend, "-q", "--json", report, *options])
        seconds = time.monotonic() - start
        if not os.path.exists(report):
            return Verdict(done, {}, seconds)
        with open(report, encoding="utf-8") as text:
            return Verdict(done, json.load(text), seconds)

    def repeat(self, command, *options):
        """The command that a report gives for repeating a failure, as a user would paste it, where nothing ran before."""
        with tempfile.TemporaryDirectory() as directory:
            return self.run([self.program, *shlex.split(command)[1:], *options], directory)


def rows(file, pattern):
    with open(os.path.join(HERE, file), encoding="utf-8") as text:
        return re.findall(pattern, text.read(), re.MULTILINE)


def operations():
    """{NAME: name} of every row of ops.def."""
    with open(os.path.join(TREE, "include", "orrery", "ops.def"), encoding="utf-8") as text:
        return dict(re.findall(r'^ORR_OP\(\s*\d+,\s*(\w+),\s*"(\w+)"', text.read(), re.MULTILINE))


def families():
    """{operation: operations of its family}: those that one file of the reference backend implements.

    The operations that have a file to themselves are one family, so that each has another beside it.
    """
    names, found = operations(), {}
    directory = os.path.join(TREE, "backends", "reference")
    for file in sorted(os.listdir(directory)):
        if not file.endswith("_tmpl.c"):
            continue
        with open(os.path.join(directory, file), encoding="utf-8") as text:
            family = [names[word] for word in re.findall(r"^[A-Z]+\((\w+)", text.read(), re.MULTILINE) if word in names]
        found.update((name, family) for name in family)
    alone = [name for name, family in found.items() if len(family) == 1]
    found.update((name, alone) for name in alone)
    missing = set(names.values()) - set(found)
    if missing:
        raise SystemExit("no file of the reference backend implements " + ", ".join(sorted(missing)))
    return found


def each(rows_, judge):
    """judge(row, directory) for each row, two at a time, each in a directory of its own; results in order."""

    def alone(row):
        with tempfile.TemporaryDirectory() as directory:
            return judge(row, directory)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(alone, rows_)
