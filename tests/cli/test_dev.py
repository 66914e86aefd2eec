"""./dev orrery: the command lines that the program prints and records can be pasted, without any environment."""
import os
import shlex
import shutil
import subprocess

from program import PROGRAM, SMOKE, equal, load, main

SOURCE = os.environ["ORRERY_TEST_SOURCE"]
BUILD = os.path.dirname(os.path.dirname(PROGRAM))


def command_that_can_be_pasted(scratch):
    """A tree whose build is this one, in a place whose name a shell would take apart."""
    tree, out = os.path.join(scratch, "a $HOME's tree"), os.path.join(scratch, "out")
    os.makedirs(os.path.join(tree, "build", "core"))
    shutil.copy(os.path.join(SOURCE, "dev"), tree)
    for name in ["backends", "plugins", os.path.join("core", "orrery")]:
        os.symlink(os.path.join(BUILD, name), os.path.join(tree, "build", name))
    env = {name: value for name, value in os.environ.items() if name != "ORRERY_PLUGIN_PATH"}
    subprocess.run([os.path.join(tree, "dev"), "orrery", "run", SMOKE, "--out", out, "-q"], check=True, env=env,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    recorded = load(out, "env.json")["sessions"][-1]["command"]
    recorded[recorded.index(out)] = out + " again"
    again = subprocess.run(["sh", "-c", shlex.join(recorded)], env=env, capture_output=True, text=True, check=False)
    equal((again.returncode, again.stderr), (0, ""), "%r" % recorded)
    # Directories of plugins that the user names are searched too.
    listed = subprocess.run([recorded[0], "plugins"], env=dict(env, ORRERY_PLUGIN_PATH=os.path.join(scratch, "no:", scratch)),
                            capture_output=True, text=True, check=True)  # fmt: skip
    equal("kepler" in listed.stdout, True, "the built plugins in\n" + listed.stdout)


if __name__ == "__main__":
    main([command_that_can_be_pasted])
