"""What a plugin author does: orrery new, make against installed headers by pkg-config alone, and then the plugin is used.

The build is installed to a scratch directory first; nothing of the source tree is on any path. The documents
docs/adding-a-*.md show these files whole.
"""
import atexit
import glob
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.environ["ORRERY_TEST_SOURCE"]
BUILD = os.environ["ORRERY_TEST_BUILD"]
sys.path.insert(0, os.path.join(SOURCE, "tests", "cli"))

from program import SMOKE, Skip, equal, expect, findings, main, read, run  # noqa: E402

INSTALLED = {}
# The engine's own compiler: a sanitizer's runtime is the compiler's.
COMPILER = os.environ["ORRERY_TEST_CC"]
SMALL = ["--trajectories", "2", "--steps", "3"]


def install():
    """Install once; the environment in which pkg-config finds what was installed."""
    if INSTALLED:
        return INSTALLED
    for tool in ["make", "pkg-config", "meson"]:
        if not shutil.which(tool):
            raise Skip("no %s" % tool)
    root = tempfile.mkdtemp(prefix="orrery-sdk-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", root], check=True,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    found = [place for place, _, names in os.walk(root) if "orrery-plugin.pc" in names]
    equal(len(found), 1, "directories with orrery-plugin.pc")
    INSTALLED.update({"PKG_CONFIG_PATH": found[0], "PKG_CONFIG_SYSROOT_DIR": root})
    return INSTALLED


def build(scratch, kind, before="", insert=""):
    """The path of orrery-<kind>-mine.so, made from its template, with a line of code more before `before`."""
    env = install()
    directory = os.path.join(scratch, kind)
    expect(run("new", kind, "mine", "--out", directory), 0)
    source = os.path.join(directory, "mine", "mine.c")
    text = read(source).decode()
    equal(before in text, True, "%r in the template" % before)
    with open(source, "w", encoding="utf-8") as file:
        file.write(text.replace(before, insert + before, 1))
    flags = "-O2 -Wall -Wextra -Werror " + os.environ.get("ORRERY_TEST_SANITIZE_FLAGS", "")
    made = subprocess.run(["make", "-C", os.path.join(directory, "mine"), "CC=" + COMPILER, "CFLAGS=" + flags],
                          capture_output=True, text=True, env=dict(os.environ, **env), check=False)  # fmt: skip
    if made.returncode != 0:
        raise AssertionError(made.stdout + made.stderr)
    return os.path.join(directory, "mine", "orrery-%s-mine.so" % kind)


def a_tree_that_is_not_installed(scratch):
    """Make says what it lacks, and takes the headers from the source tree."""
    expect(run("new", "probe", "mine", cwd=scratch), 0)
    env = dict(os.environ, PKG_CONFIG_PATH="", PKG_CONFIG_LIBDIR=scratch)
    command = ["make", "-C", os.path.join(scratch, "mine"), "CC=" + COMPILER]
    failed = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    equal((failed.returncode != 0, "ORRERY=" in failed.stderr), (True, True), "make without headers, " + failed.stderr)
    flags = "CFLAGS=-O1 " + os.environ.get("ORRERY_TEST_SANITIZE_FLAGS", "")
    made = subprocess.run([*command, "ORRERY=" + SOURCE, flags], capture_output=True, text=True, env=env, check=False)
    equal((made.returncode, os.listdir(os.path.join(scratch, "mine")).count("orrery-probe-mine.so")), (0, 1), made.stderr)


def a_backend_builds_and_is_right(scratch):
    path = build(scratch, "backend")
    result = expect(run("validate", path, cwd=scratch), 0)
    if "lowered" not in result.stdout or "missing" in re.sub("wrong or missing", "", result.stdout):
        raise AssertionError(result.stdout)


def a_simulator_and_a_probe_build_and_run(scratch):
    places = [os.path.dirname(build(scratch, kind)) for kind in ["simulator", "probe"]]
    env = {"ORRERY_PLUGIN_PATH": ":".join(places + [os.environ["ORRERY_PLUGIN_PATH"]])}
    listed = expect(run("plugins", "mine", env=env), 0).stdout
    for word in ["simulator", "probe", "frequency_min", "target"]:
        if word not in listed:
            raise AssertionError("no %r in:\n%s" % (word, listed))
    recipe = os.path.join(scratch, "mine.yaml")
    with open(SMOKE, encoding="utf-8") as text:
        lines = text.read()
    lines = lines[: lines.index("probes:")].replace("name: kepler", "name: mine")
    with open(recipe, "w", encoding="utf-8") as text:
        text.write(lines + "probes:\n  - name: mine\n    target: frequency\n")
    out = os.path.join(scratch, "out")
    expect(run("run", recipe, "--device", "reference", "--out", out, "-q", env=env), 0)
    mine = [row for row in findings(out) if row["quantity"] == "best_neuron_r2"]
    if not mine or not all(0 <= float(row["value"]) <= 1 for row in mine):
        raise AssertionError("findings of the probe: %r" % mine)


def what_any_plugin_says_is_heard(scratch):
    """Level info without being asked, debug with -v, nothing of either with -q."""
    said = 'host->log(ORR_LOG_INFO, "mine", "a word"); host->log(ORR_LOG_DEBUG, "mine", "a detail");\n'
    place = os.path.dirname(build(scratch, "simulator", "    **out = wanted;", said))
    env = {"ORRERY_PLUGIN_PATH": place, "ORRERY_LOG": ""}
    for flags, heard in [([], "info mine: a word"), (["-v"], "debug mine: a detail"), (["-q"], "")]:
        out = os.path.join(scratch, "out%s.npy" % "".join(flags))
        result = expect(run("generate", "mine", "--out", out, *SMALL, *flags, env=env), 0, heard)
    equal(" mine: " in result.stderr, False, "a word with -q")


def documents_show_the_templates_whole(scratch):
    del scratch
    for kind in ["backend", "simulator", "probe"]:
        with open(os.path.join(SOURCE, "core", "cli", "templates", kind + ".c"), encoding="utf-8") as text:
            template = text.read()
        with open(os.path.join(SOURCE, "docs", "adding-a-%s.md" % kind), encoding="utf-8") as text:
            blocks = re.findall(r"^```c\n(.*?)^```", text.read(), re.MULTILINE | re.DOTALL)
        if template not in blocks:
            raise AssertionError("docs/adding-a-%s.md does not show core/cli/templates/%s.c as it is" % (kind, kind))


def the_first_headers_still_do(scratch):
    """A backend that was compiled against the headers of interface 1.0, kept in tests/abi/first."""
    path = os.path.join(scratch, "orrery-backend-example.so")
    flags = os.environ.get("ORRERY_TEST_SANITIZE_FLAGS", "").split()
    template = sys.argv[1]
    subprocess.run([*shlex.split(COMPILER), "-std=c11", "-fPIC", "-shared", "-O2", "-ffp-contract=off",
                    "-fvisibility=hidden", "-I" + os.path.dirname(template), template, "-o", path, "-lm", *flags],
                   check=True)  # fmt: skip
    os.chmod(path, 0o755)
    expect(run("validate", path, cwd=scratch), 0)


def the_cpu_backend_builds_out_of_the_tree(scratch):
    """Its directory alone, elsewhere, with the installed headers, the C library and threads."""
    if not os.path.isdir(os.path.join(SOURCE, "backends", "cpu")):
        raise Skip("no backends/cpu")
    env = dict(os.environ, **install())
    flags = subprocess.run(["pkg-config", "--cflags", "orrery-plugin"], capture_output=True, text=True, env=env,
                           check=True).stdout.split()  # fmt: skip
    flags += os.environ.get("ORRERY_TEST_SANITIZE_FLAGS", "").split()
    place = os.path.join(scratch, "cpu")
    shutil.copytree(os.path.join(SOURCE, "backends", "cpu"), place)
    sources = sorted(glob.glob(os.path.join(place, "*.c")) + glob.glob(os.path.join(place, "kernels", "*.c")))
    path = os.path.join(place, "orrery-backend-cpu.so")
    subprocess.run([*shlex.split(COMPILER), "-std=c11", "-D_GNU_SOURCE", "-O1", "-ffp-contract=off", "-fPIC", "-shared",
                    "-fvisibility=hidden", "-Wno-psabi", "-DCPU_HAVE_BASELINE", "-DCPU_ISA=baseline", "-DCPU_LANES=4",
                    *flags, *sources, "-o", path, "-pthread"], check=True)  # fmt: skip
    os.chmod(path, 0o755)
    result = expect(run("validate", path, "--op", "linear,attention*,graph/*,interface/*", cwd=scratch), 0)
    equal("(baseline)" in result.stdout, True, "kernels in\n" + result.stdout)


if __name__ == "__main__":
    main([a_tree_that_is_not_installed, a_backend_builds_and_is_right, a_simulator_and_a_probe_build_and_run, what_any_plugin_says_is_heard,
          documents_show_the_templates_whole, the_first_headers_still_do, the_cpu_backend_builds_out_of_the_tree])  # fmt: skip
