"""A library exports orr_* only, a plugin orr_plugin_query only.

usage: exported_symbols.py NM LIBRARY PLUGIN_DIRECTORY...
"""
import glob
import os
import re
import subprocess
import sys

# What the linker and the sanitizers add to any shared object.
LINKER = re.compile(r"_init|_fini|_edata|_end|__bss_start|__(asan|ubsan|lsan|odr_asan).*")


def faults(name, symbols):
    """Findings for a module of this file name that exports these symbols."""
    plugin = re.match(r"orrery-(backend|simulator|probe)-", name)
    ours = [s for s in symbols if not LINKER.fullmatch(s)]
    if plugin and "orr_plugin_query" not in ours:
        yield "%s: does not export orr_plugin_query" % name
    for symbol in ours:
        if plugin and symbol != "orr_plugin_query":
            yield "%s: exports %s: make it static or hidden" % (name, symbol)
        elif not symbol.startswith("orr_"):
            yield "%s: exports %s, which does not begin with orr_" % (name, symbol)


def exported(nm, path):
    listing = subprocess.run([nm, "-D", "--defined-only", path], check=True, capture_output=True, text=True).stdout
    return [line.split()[-1].split("@")[0] for line in listing.splitlines()]


def main(nm, library, *directories):
    plugins = [path for d in directories for path in sorted(glob.glob(os.path.join(d, "orrery-*.so")))]
    findings = [f for path in [library, *plugins] for f in faults(os.path.basename(path), exported(nm, path))]
    if not plugins:
        findings.append("no plugin in %s" % " ".join(directories))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
