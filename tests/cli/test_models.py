"""Every kind of model through the program: an MLP, a graph from a file, tokens; and the mistakes one can make."""
import os
import re

from program import SMOKE, emitted, equal, expect, load, main, read, run

SOURCE = os.environ["ORRERY_TEST_SOURCE"]


def example(scratch):
    """The graph of docs/models.md as a file beside a copy of the smoke recipe; the path of the recipe."""
    text = read(SOURCE, "docs", "models.md").decode()
    graph = re.search(r"```graph\n(.*?)```", text, re.DOTALL).group(1)
    recipe = os.path.join(scratch, "recipe.yaml")
    lines = read(SMOKE).decode()
    lines = lines.replace("model:\n", "model:\n  kind: graph\n  graph: my.graph\n")
    lines = lines.replace("'*.c_*.weight'", "'*.weight'").replace("'*hook_resid_post'", "'*hook_*'")
    with open(os.path.join(scratch, "my.graph"), "w", encoding="utf-8") as file:
        file.write(graph)
    with open(recipe, "w", encoding="utf-8") as file:
        file.write(lines)
    return recipe


def sites(out):
    return {row["site"] for row in emitted(out) if row["probe"] == "linear" and row["network"] == "trained"}


def loss(out, quantity="clean_loss"):
    found = [m["value"] for m in load(out, "summary.json")["measures"]
             if (m["quantity"], m["network"]) == (quantity, "trained")]  # fmt: skip
    return found[0]


def an_mlp_is_trained_and_probed(scratch):
    out = os.path.join(scratch, "out")
    settings = ["--set", "model.kind=mlp", "--set", "train.decay=['layers.*.weight']",
                "--set", "probes.1.sites='*hook_post'"]  # fmt: skip
    expect(run("run", SMOKE, *settings, "--out", out, "-q"), 0)
    equal(sites(out), {"layers.0.hook_post", "layers.1.hook_post"}, "sites")
    if not loss(out) < 2:
        raise AssertionError("a mean squared error of %g of coordinates near 1" % loss(out))


def a_graph_from_a_file_is_trained_and_probed(scratch):
    out = os.path.join(scratch, "out")
    expect(run("run", example(scratch), "--out", out, "-q"), 0)
    equal(sites(out), {"hook_embed", "hook_pos_embed", "hook_attention", "hook_normalized", "hook_output"}, "sites")


def the_run_does_not_need_the_file_again(scratch):
    out, again = os.path.join(scratch, "out"), os.path.join(scratch, "again")
    recipe = example(scratch)
    expect(run("run", recipe, "--out", out, "-q"), 0)
    os.remove(os.path.join(scratch, "my.graph"))
    expect(run("run", os.path.join(out, "recipe.yaml"), "--out", again, "-q"), 0)
    equal(read(out, "findings.csv"), read(again, "findings.csv"), "findings")


def another_text_is_another_recipe(scratch):
    out = os.path.join(scratch, "out")
    recipe = example(scratch)
    expect(run("run", recipe, "--out", out, "-q"), 0)
    with open(os.path.join(scratch, "my.graph"), "a", encoding="utf-8") as file:
        file.write("%23 = silu %22 : f32[batch,time,n_output]\n")
    expect(run("run", recipe, "--out", out, "--resume", "-q"), 2, "model.graph")


def mistakes_name_the_file_and_the_line(scratch):
    recipe, out = example(scratch), os.path.join(scratch, "out")
    expect(run("run", recipe, "--set", "model.graph=no.graph", "--out", out), 2, "model.graph", "no.graph")
    with open(os.path.join(scratch, "my.graph"), "a", encoding="utf-8") as file:
        file.write("%23 = sillu %22 : f32[batch,time,n_output]\n")
    expect(run("run", recipe, "--out", out), 2, "my.graph:24", "an operation", "sillu")
    with open(os.path.join(scratch, "my.graph"), "wb") as file:
        file.write(b"graph f32\n\0")
    expect(run("run", recipe, "--out", out), 2, "my.graph", "zero byte")
    expect(run("run", SMOKE, "--set", "data.bins=9", "--out", out), 2, "train.noise")
    expect(run("run", SMOKE, "--set", "model.kind=mlp", "--set", "data.bins=9", "--set", "train.noise=0",
               "--out", out), 2, "data.bins")  # fmt: skip


def tokens_and_the_others_are_planned_and_checked(scratch):
    """One training step on the device against the same on the reference in double, value by value."""
    tokens = ["--set", "data.bins=20", "--set", "train.noise=0"]
    for words in [[SMOKE, *tokens], [SMOKE, "--set", "model.kind=mlp", "--set", "train.decay=[]"], [example(scratch)]]:
        expect(run("explain", *words), 0)
        result = expect(run("run", *words, "--check", "reference"), 0)
        if "furthest apart" not in result.stdout:
            raise AssertionError(result.stdout)
    if "xent" not in expect(run("explain", SMOKE, *tokens), 0).stdout:
        raise AssertionError("no cross-entropy")


main([
    an_mlp_is_trained_and_probed,
    a_graph_from_a_file_is_trained_and_probed,
    the_run_does_not_need_the_file_again,
    another_text_is_another_recipe,
    mistakes_name_the_file_and_the_line,
    tokens_and_the_others_are_planned_and_checked,
])  # fmt: skip
