#!/usr/bin/env python3
"""Runs one target of the fuzzer and says what came of it: executions, edges, lines reached, findings.

usage: run.py PROGRAM --corpus DIRECTORY --work DIRECTORY [--dictionary FILE] [--covers SOURCE]...

FUZZ_SECONDS says how long: 5 without it. With it, what the fuzzer learns is kept in WORK/corpus and the next such run
begins there. A finding is an input in WORK/findings; it belongs into the corpus once it is mended.
Exits 0 without findings, otherwise 1.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

QUICK_SECONDS = 5
LIMITS = [
    "-timeout=20",  # seconds for one input, sanitized, on a busy machine
    "-malloc_limit_mb=256",  # no input of the corpus has more than some KiB
    "-rss_limit_mb=2048",
    "-print_final_stats=1",
]


def tool(name):
    """The path of an LLVM tool, or None; distributions add the version to its name."""
    return next((path for path in map(shutil.which, [name] + ["%s-%d" % (name, v) for v in range(22, 10, -1)]) if path), None)


def fuzz(options, corpus, seconds):
    """Run the fuzzer; returns (its output, exit status)."""
    findings = os.path.join(options.work, "findings")
    os.makedirs(findings, exist_ok=True)
    command = [options.program, "-max_total_time=%d" % seconds, "-artifact_prefix=%s/" % findings] + LIMITS
    if options.dictionary:
        command.append("-dict=" + options.dictionary)
    environment = dict(os.environ, LLVM_PROFILE_FILE=os.path.join(options.work, "run.profraw"))
    run = subprocess.run(command + [corpus, options.corpus], env=environment, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, check=False)
    return run.stdout.decode("utf-8", "replace"), run.returncode


def last(pattern, output, fallback="?"):
    found = re.findall(pattern, output)
    return found[-1] if found else fallback


def grouped(number):
    return "{:,}".format(int(number)) if number.isdigit() else number


def spans(lines):
    """[1, 2, 3, 7] as "1-3, 7"."""
    found = []
    for line in lines:
        if found and found[-1][1] == line - 1:
            found[-1][1] = line
        else:
            found.append([line, line])
    return ", ".join("%d" % a if a == b else "%d-%d" % (a, b) for a, b in found)


def coverage(options):
    """One line for each covered file: how many of its lines ran, and which did not."""
    profdata, cov = tool("llvm-profdata"), tool("llvm-cov")
    raw, merged = os.path.join(options.work, "run.profraw"), os.path.join(options.work, "run.profdata")
    if not profdata or not cov or not os.path.exists(raw):
        return ["lines: not counted (llvm-profdata or llvm-cov is missing)"]
    subprocess.run([profdata, "merge", "-o", merged, raw], check=True)
    export = subprocess.run([cov, "export", "-format=lcov", options.program, "-instr-profile=" + merged], check=True,
                            stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
    ran = {}
    for record in export.split("end_of_record"):
        source = re.search(r"^SF:(.*)$", record, re.MULTILINE)
        if source:
            ran[os.path.realpath(source.group(1))] = [(int(line), int(count)) for line, count in
                                                      re.findall(r"^DA:(\d+),(\d+)", record, re.MULTILINE)]
    told = []
    for source in options.covers:
        lines = ran.get(os.path.realpath(source), [])
        missed = [line for line, count in lines if count == 0]
        told.append("%s: %d of %d lines%s" % (os.path.join(*source.split(os.sep)[-3:]), len(lines) - len(missed), len(lines),
                                             "; not " + spans(missed) if missed else ""))
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("program")
    parser.add_argument("--corpus", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--dictionary")
    parser.add_argument("--covers", action="append", default=[])
    options = parser.parse_args()
    seconds = int(os.environ.get("FUZZ_SECONDS") or QUICK_SECONDS)
    keep = os.environ.get("FUZZ_SECONDS")
    name = os.path.basename(options.program)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = os.path.join(options.work, "corpus") if keep else scratch
        os.makedirs(corpus, exist_ok=True)
        output, status = fuzz(options, corpus, seconds)
    executions = last(r"stat::number_of_executed_units: +(\d+)", output, "0")
    print("%s: %s executions, %s a second, %s of %s edges, seed %s: %s" % (
        name, grouped(executions), grouped(last(r"stat::average_exec_per_sec: +(\d+)", output)),
        grouped(last(r"\bcov: (\d+)", output)), grouped(last(r"\((\d+) inline 8-bit counters\)", output)),
        last(r"INFO: Seed: (\d+)", output), "no finding" if status == 0 else "A FINDING"))
    if status == 0 and int(executions) > 0:
        if keep:
            print("\n".join("  " + line for line in coverage(options)))
        return 0
    print(output[-6000:])
    print("%s: exit status %d; the input, if there is one: %s" % (name, status, last(r"Test unit written to (\S+)", output, "none")))
    return 1


if __name__ == "__main__":
    sys.exit(main())
