"""`orrery probe`: a run's checkpoint gives the run's findings again, and a model from elsewhere gives its own."""
import os
import shutil

from program import SMOKE, emitted, equal, expect, findings, load, main, read, run
from tensor_files import read_golden, read_safetensors, write_safetensors


def run_smoke(scratch):
    out = os.path.join(scratch, "run")
    expect(run("run", SMOKE, "-q", "--out", out), 0)
    return out


def probe(scratch, name, *words):
    out = os.path.join(scratch, name)
    return out, expect(run("probe", *words, "-q", "--out", out), 0)


def without_step(rows):
    """Findings of given weights do not know how long they were trained, nor the loss in that training."""
    return [{key: value for key, value in row.items() if key != "step"} for row in rows if row["quantity"] != "loss"
            or row["network"] != "trained"]  # fmt: skip


def a_run_gives_its_findings_again(scratch):
    ours = run_smoke(scratch)
    expected = without_step(findings(ours))
    checkpoint = os.path.join(ours, "checkpoints", "step-00000040.safetensors")
    for name, word in ("directory", ours), ("checkpoint", checkpoint):
        out, result = probe(scratch, name, word)
        equal(without_step(findings(out)), expected, "findings from the " + name)
        for fragment in ('"trained" are the weights in ' + checkpoint, "nothing was trained", "newtonian held-out"):
            if fragment not in result.stdout:
                raise AssertionError("no %r in:\n%s" % (fragment, result.stdout))
        if read(out, "report.md").decode() not in result.stdout:
            raise AssertionError("the report was not kept")
        if os.path.exists(os.path.join(out, "checkpoints")):
            raise AssertionError("something was trained")
    out, _ = probe(scratch, "earlier", os.path.join(ours, "checkpoints", "step-00000015.safetensors"))
    if without_step(findings(out)) == expected:
        raise AssertionError("an earlier checkpoint gave the findings of the last")


def one_probe_alone(scratch):
    ours = run_smoke(scratch)
    rows = [row for row in without_step(findings(ours)) if row["probe"] in ("loss", "linear-single")]
    out, _ = probe(scratch, "again", ours, "--probe", "linear-single")
    equal(without_step(findings(out)), rows, "findings of the recipe's probe")
    out, _ = probe(scratch, "two", ours, "--probe", "rollout", "--probe", "linear-single")
    equal({row["probe"] for row in findings(out)}, {"loss", "rollout", "linear-single"}, "probes")
    out, _ = probe(scratch, "set", ours, "--probe", "linear-single", "--set", "probes.1.targets=Fx")
    equal({row["target"] for row in findings(out)}, {"", "Fx"}, "targets")
    expect(run("probe", ours, "-q", "--probe", "absent", "--out", os.path.join(scratch, "none")), 2, "absent")


def a_model_from_elsewhere(scratch):
    """The golden model, of other sizes than the recipe's and a longer context than its windows."""
    weights = os.path.join(scratch, "weights.safetensors")
    golden = {name[6:]: value for name, value in read_golden("cv_model.txt").items() if name.startswith("param/")}
    one_layer = {name: value for name, value in golden.items() if ".h.1." not in name}
    sizes = {"n_layer": "1", "n_head": "2", "n_embd": "8", "block_size": "6", "input_dim": "2"}
    write_safetensors(weights, one_layer, "f64", sizes)
    out, _ = probe(scratch, "out", weights, "--recipe", SMOKE)
    rows = emitted(out)
    equal({row["network"] for row in rows}, {"trained", "untrained", "none"}, "networks")
    equal({row["site"] for row in rows if ".1." in row["site"]}, set(), "sites of a second block")
    recipe = read(out, "recipe.yaml").decode()
    if "n_layer: 1" not in recipe:
        raise AssertionError(recipe)
    # What the network repeats of its inputs is in its embedding: the probe does look at these weights.
    write_safetensors(weights, dict(one_layer, **{"input_embedding.weight": ((8, 2), [0.0] * 16)}), "f64", sizes)
    blind, _ = probe(scratch, "blind", weights, "--recipe", SMOKE)
    best = max(float(row["value"]) for row in findings(blind)
               if (row["network"], row["probe"], row["split"], row["quantity"]) == ("trained", "linear", "train", "r2"))
    # Activations without inputs are one point, and a constant explains nothing.
    if not abs(best) < 1e-9:
        raise AssertionError("R2 %g from a network that sees nothing" % best)


def mistakes_are_named(scratch):
    ours, none = run_smoke(scratch), os.path.join(scratch, "none")
    checkpoint = os.path.join(ours, "checkpoints", "step-00000040.safetensors")
    metadata, tensors = read_safetensors(checkpoint)
    weights = os.path.join(scratch, "weights.safetensors")
    parameters = {name: tensor for name, (_, tensor) in tensors.items() if not name.startswith(("optimizer", "losses"))}
    sizes = {key: metadata[key] for key in ("n_layer", "n_head", "n_embd", "block_size", "input_dim")}
    write_safetensors(weights, parameters, "f32", sizes)
    wide, name = os.path.join(scratch, "wide.safetensors"), "input_embedding.weight"
    shape, values = parameters[name]
    write_safetensors(wide, dict(parameters, **{name: (shape, values[:3] + [1e300] + values[4:])}), "f64", sizes)
    # Not the checkpoints of a run, whatever lies beside them.
    not_a_run = os.path.join(ours, "mycheckpoints")
    os.mkdir(not_a_run)
    shutil.copy(checkpoint, os.path.join(not_a_run, "w.safetensors"))
    tokens = os.path.join(scratch, "tokens.safetensors")
    write_safetensors(tokens, parameters, "f32", dict(sizes, vocab_size="11"))
    for words, fragment in [([weights], "--recipe is missing"), ([tokens, "--recipe", SMOKE], "--set data.bins=11"), ([scratch], "holds no checkpoint"),
                            ([weights, "--recipe", SMOKE, "--set", "data.context=8"], "lower data.context"),
                            ([ours, "--set", "data.context=2,4"], "has 2 points"),
                            ([ours, "--set", "model.n_layer=1"], "is no parameter"),
                            ([ours, "--n_head", "7"], "--n_head is for weights"),
                            ([checkpoint, "--window", "0"], "--window is for weights"),
                            ([wide, "--recipe", SMOKE], "element 3 is 1e+300, which f32"),
                            ([os.path.join(not_a_run, "w.safetensors")], "--recipe is missing"),
                            ([os.path.join(scratch, "absent.safetensors"), "--recipe", SMOKE], "absent.safetensors")]:  # fmt: skip
        expect(run("probe", *words, "-q", "--out", none), 2, fragment)
    expect(run("probe", ours, "-q", "--out", ours), 2, "already holds results")


def a_run_does_not_take_these_findings_for_its_own(scratch):
    ours = run_smoke(scratch)
    out, _ = probe(scratch, "out", os.path.join(ours, "checkpoints", "step-00000015.safetensors"))
    expect(run("run", SMOKE, "-q", "--out", out, "--resume"), 0)
    equal(findings(out), findings(ours), "findings of a run in the same directory")
    equal(load(out, "summary.json"), load(ours, "summary.json"), "its summary")


if __name__ == "__main__":
    main([a_run_gives_its_findings_again, one_probe_alone, a_model_from_elsewhere, mistakes_are_named,
          a_run_does_not_take_these_findings_for_its_own])  # fmt: skip
