"""The program's words: version, help, lists, and what it says to words it does not know."""
import json
import os
import time

from program import PROGRAM, SMOKE, Skip, equal, expect, is_sanitized, main, run

VERBS = ["run", "generate", "explain", "bench", "plugins", "devices"]


def version_in_under_20_ms(_):
    if is_sanitized():
        raise Skip("a sanitized program starts slowly")
    best = 1.0
    for _attempt in range(20):
        started = time.perf_counter()
        result = run("--version")
        best = min(best, time.perf_counter() - started)
        expect(result, 0)
    if not result.stdout.startswith("orrery "):
        raise AssertionError(result.stdout)
    if best >= 0.020:
        raise AssertionError("the best of 20 took %.1f ms" % (1e3 * best))


def help_names_every_verb(_):
    text = expect(run("--help"), 0).stdout
    for verb in VERBS:
        if "\n  %s " % verb not in text:
            raise AssertionError("%s is not in:\n%s" % (verb, text))
        own = expect(run(verb, "--help"), 0).stdout
        if not own.startswith("usage: orrery " + verb) or "--help" not in own:
            raise AssertionError(own)


def no_words_print_the_help_and_fail(_):
    result = expect(run(), 2)
    if "usage:" not in result.stdout:
        raise AssertionError(result.stdout)


def unknown_words_are_met_with_the_nearest(_):
    expect(run("explane"), 2, 'unknown verb "explane"', 'did you mean "explain"')
    expect(run("run", SMOKE, "--sise", "quick"), 2, "unknown option --sise", "did you mean --size")
    expect(run("run", SMOKE, "--out"), 2, "--out needs an argument")
    bogus = expect(run("run", SMOKE, "--bogus"), 2, "unknown option --bogus")
    equal("did you mean" in bogus.stderr, False, "a suggestion for --bogus")
    expect(run("devices", "--json=yes"), 2, "--json takes no argument")
    expect(run("run"), 2, "recipe is missing")
    expect(run("run", SMOKE, "another"), 2, '"another" is one word too many')


def plugins_as_json(_):
    listed = json.loads(expect(run("plugins", "--json"), 0).stdout)
    kinds = {(one["kind"], one["name"]) for one in listed if one["usable"]}
    for wanted in [("backend", "reference"), ("simulator", "kepler"), ("probe", "linear"), ("probe", "rollout")]:
        if wanted not in kinds:
            raise AssertionError("%r is not in %r" % (wanted, kinds))
    kepler = [one for one in listed if one.get("name") == "kepler"][0]
    equal([p["max"] for p in kepler["parameters"] if p["key"] == "e_max"], [0.999999], "e_max's range")


def one_plugin_shows_its_parameters(_):
    text = expect(run("plugins", "kepler"), 0).stdout
    for fragment in ["e_max", "Largest eccentricity", "default 0.8", "orrery-simulator-kepler.so"]:
        if fragment not in text:
            raise AssertionError("no %r in:\n%s" % (fragment, text))
    expect(run("plugins", "keplr"), 2, '"keplr"', 'did you mean "kepler"')


def devices_as_json(_):
    listed = json.loads(expect(run("devices", "--json"), 0).stdout)
    names = ["%s:%d" % (one["backend"], one["index"]) for one in listed]
    if "reference:0" not in names:
        raise AssertionError(names)
    if "reference:0" not in expect(run("devices"), 0).stdout:
        raise AssertionError("devices does not name reference:0")


def nothing_found_is_an_error(scratch):
    empty = {"ORRERY_PLUGIN_PATH": scratch}
    equal(json.loads(expect(run("devices", "--json", env=empty), 0).stdout), [], "devices")
    expect(run("devices", env=empty), 2, "no backend offers a device")
    expect(run("run", SMOKE, env=empty, cwd=scratch), 2, "smoke.yaml:", 'simulator "kepler"', "orrery-simulator-kepler.so")


def device_by_option_and_environment(scratch):
    expect(run("run", SMOKE, "--device", "nosuch", cwd=scratch), 2, "--device nosuch", "orrery-backend-nosuch.so")
    expect(run("run", SMOKE, cwd=scratch, env={"ORRERY_DEVICE": "reference:9"}), 2, "ORRERY_DEVICE reference:9")
    equal(os.listdir(scratch), [], "files made by refused runs")


def log_level_is_checked(_):
    expect(run("devices", env={"ORRERY_LOG": "lout"}), 2, "ORRERY_LOG", "lout")


def closed_output_is_a_failure(_):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full here")
    for words in ["devices", "--version", "--help", "run --help"]:
        code = os.spawnv(os.P_WAIT, "/bin/sh", ["sh", "-c", "'%s' %s >/dev/full 2>/dev/null" % (PROGRAM, words)])
        equal(code, 1, "exit code of " + words)


if __name__ == "__main__":
    main([version_in_under_20_ms, help_names_every_verb, no_words_print_the_help_and_fail,
          unknown_words_are_met_with_the_nearest, plugins_as_json, one_plugin_shows_its_parameters, devices_as_json,
          nothing_found_is_an_error, device_by_option_and_environment, log_level_is_checked,
          closed_output_is_a_failure])  # fmt: skip
