"""`orrery forward` on the golden models: activations, loss, gradients and AdamW steps that PyTorch computed."""
import json
import os

from program import Skip, equal, expect, load, main, run
from tensor_files import (VALUE, close, close_gradient, close_parameter, read_golden, read_npy, read_safetensors,
                          write_npy, write_safetensors)  # fmt: skip

SIZES = {"n_layer": "2", "n_head": "2", "n_embd": "8", "block_size": "6"}
COLUMNS = {"input_dim": "2"}
VOCABULARY = {"vocab_size": "11"}

HOOKS = {"after_pos_emb": "hook_pos_embed", "after_ln_f": "ln_final.hook_normalized"}
BLOCK_HOOKS = {"ln_1": "ln1.hook_normalized", "att_probs": "attn.hook_pattern",
               "attn_heads": "attn.hook_z", "attn_output": "hook_attn_out", "resid_mid": "hook_resid_mid",
               "ln_2": "ln2.hook_normalized", "mlp_fc": "mlp.hook_pre", "mlp_hidden": "mlp.hook_post",
               "mlp_output": "hook_mlp_out", "out": "hook_resid_post"}  # fmt: skip
HOOKS.update({"block_%d_%s" % (block, ours): "blocks.%d.%s" % (block, theirs)
              for block in range(2) for ours, theirs in BLOCK_HOOKS.items()})  # fmt: skip


class Golden:
    """A golden model as files: weights, inputs, targets."""

    def __init__(self, scratch, name, kind="f64"):
        self.numbers = name == "cv_model.txt"
        self.tensors = read_golden(name)
        self.parameters = {key[6:]: value for key, value in self.tensors.items() if key.startswith("param/")}
        self.metadata = dict(SIZES, **(COLUMNS if self.numbers else VOCABULARY))
        self.hooks = dict(HOOKS, **{"input_embed" if self.numbers else "token_embed": "hook_embed"})
        self.scratch = scratch
        self.weights = os.path.join(scratch, "weights.safetensors")
        write_safetensors(self.weights, self.parameters, kind, self.metadata)
        whole = "f64" if self.numbers else "i64"
        self.input = self.array("x.npy", self.tensors["data/x" if self.numbers else "data/idx"], whole)
        self.targets = self.array("y.npy", self.tensors["data/y" if self.numbers else "data/targets"], whole)

    def array(self, name, tensor, kind):
        path = os.path.join(self.scratch, name)
        write_npy(path, tensor, kind)
        return path

    def forward(self, out, *words, **options):
        """The directory that the program wrote."""
        directory = os.path.join(self.scratch, out)
        expect(run("forward", self.weights, "--input", self.input, "--out", directory, *words, **options), 0)
        return directory


def check_values(golden, out, kind):
    files = {hook: os.path.join("activations", hook + ".npy") for hook in golden.hooks.values()}
    files["hook_output"] = "output.npy"
    for theirs, hook in dict(golden.hooks, output="hook_output").items():
        shape, values = golden.tensors["act/" + theirs]
        found, (our_shape, ours) = read_npy(os.path.join(out, files[hook]))
        equal((found, our_shape), (kind, shape), "type and shape of " + files[hook])
        close(files[hook], ours, values, kind, VALUE)
    close("loss", [load(out, "loss.json")["loss"]], golden.tensors["loss"][1], kind, VALUE)


def check_heads(golden, out, kind):
    """Queries, keys and values are thirds of the rows of c_attn's output, heads side by side."""
    for block in range(2):
        _, rows = golden.tensors["act/block_%d_qkv" % block]
        for part, name in enumerate("qkv"):
            hook = "blocks.%d.attn.hook_%s" % (block, name)
            _, (shape, ours) = read_npy(os.path.join(out, "activations", hook + ".npy"))
            equal(shape, (3, 6, 2, 4), "shape of " + hook)
            theirs = [x for row in range(18) for x in rows[24 * row + 8 * part:24 * row + 8 * part + 8]]
            close(hook, ours, theirs, kind, VALUE)


def check_gradients(golden, out, kind, prefix="grad/"):
    metadata, ours = read_safetensors(os.path.join(out, "gradients.safetensors"))
    equal(set(ours), set(golden.parameters), "names of gradients")
    equal({key: metadata[key] for key in golden.metadata}, golden.metadata, "sizes")
    for name, (dtype, (shape, values)) in ours.items():
        if prefix + name not in golden.tensors:
            continue
        their_shape, theirs = golden.tensors[prefix + name]
        equal((dtype, shape), ({"f64": "F64", "f32": "F32"}[kind], their_shape), "type and shape of " + name)
        close_gradient(name, values, theirs, kind)


def check_parameters(golden, out, kind, step):
    _, ours = read_safetensors(os.path.join(out, "parameters.safetensors"))
    equal(set(ours), set(golden.parameters), "names of parameters")
    for name, (_, (shape, values)) in ours.items():
        their_shape, theirs = golden.tensors["step%d/%s" % (step, name)]
        equal(shape, their_shape, "shape of " + name)
        close_parameter(name, values, theirs, kind)


def check_model(scratch, name, kind, device):
    golden = Golden(scratch, name)
    words = ["--targets", golden.targets, "--dtype", kind, "--device", device]
    out = golden.forward("out", "--capture", "*", "--gradients", *words)
    check_values(golden, out, kind)
    check_heads(golden, out, kind)
    check_gradients(golden, out, kind)
    for step in (1, 2, 10):
        out = golden.forward("step%d" % step, "--adamw-steps", str(step), "--lr", "1e-3", "--weight-decay", "0.1", *words)
        check_parameters(golden, out, kind, step)
    equal(sorted(os.listdir(out)), ["loss.json", "output.npy", "parameters.safetensors"], "files that were asked for")


def need_opencl():
    if "opencl:0 " not in expect(run("devices"), 0).stdout:
        raise Skip("no OpenCL device")


def numbers_in_double(scratch):
    check_model(scratch, "cv_model.txt", "f64", "reference")


def numbers_in_single(scratch):
    check_model(scratch, "cv_model.txt", "f32", "reference")


def tokens_in_double(scratch):
    check_model(scratch, "token_model.txt", "f64", "reference")


def tokens_in_single(scratch):
    check_model(scratch, "token_model.txt", "f32", "reference")


def numbers_in_single_on_opencl(scratch):
    need_opencl()
    check_model(scratch, "cv_model.txt", "f32", "opencl")


def tokens_in_single_on_opencl(scratch):
    need_opencl()
    check_model(scratch, "token_model.txt", "f32", "opencl")


def a_device_without_double_says_so(scratch):
    need_opencl()
    golden = Golden(scratch, "cv_model.txt")
    refused(golden, ["--device", "opencl", "--dtype", "f64"], "does not compute in f64: give --dtype f32")


def fewer_targets_are_of_the_last_positions(scratch):
    golden = Golden(scratch, "cv_model.txt")
    _, y = golden.tensors["data/y"]
    golden.targets = golden.array("last.npy", ((3, 1, 2), [y[12 * b + 10 + i] for b in range(3) for i in range(2)]), "f64")
    out = golden.forward("out", "--targets", golden.targets, "--gradients")
    close("loss", [load(out, "loss.json")["loss"]], golden.tensors["loss_last_only"][1], "f64", VALUE)
    check_gradients(golden, out, "f64", "grad_last_only/")


def targets_of_minus_one_are_ignored(scratch):
    golden = Golden(scratch, "token_model.txt")
    golden.targets = golden.array("ignore.npy", golden.tensors["targets_with_ignore"], "i32")
    out = golden.forward("out", "--targets", golden.targets, "--gradients")
    close("loss", [load(out, "loss.json")["loss"]], golden.tensors["loss_with_ignore"][1], "f64", VALUE)
    check_gradients(golden, out, "f64", "grad_with_ignore/")


def tokens_of_any_whole_type(scratch):
    golden = Golden(scratch, "token_model.txt")
    expected = read_npy(os.path.join(golden.forward("i64"), "output.npy"))
    for kind in ("i8", "i16", "i32", "u8", "u16", "u32", "u64"):
        golden.input = golden.array(kind + ".npy", golden.tensors["data/idx"], kind)
        equal(read_npy(os.path.join(golden.forward(kind), "output.npy")), expected, "output from " + kind)
    shape, values = golden.tensors["data/idx"]
    golden.input = golden.array("column.npy", (shape + (1,), values), "i64")
    kind, (shape, values) = read_npy(os.path.join(golden.forward("column"), "output.npy"))
    equal((kind, shape, values), ("f64", (3, 6, 1, 11), expected[1][1]), "output with an axis for the column")


def sizes_beside_the_file(scratch):
    golden = Golden(scratch, "cv_model.txt")
    expected = read_npy(os.path.join(golden.forward("with"), "output.npy"))
    write_safetensors(golden.weights, golden.parameters, "f64")
    expect(run("forward", golden.weights, "--input", golden.input, "--out", os.path.join(scratch, "none")), 2,
           "has no metadata n_layer", "--n_layer N")  # fmt: skip
    words = [word for key, value in golden.metadata.items() for word in ("--" + key, value)]
    equal(read_npy(os.path.join(golden.forward("beside", *words), "output.npy")), expected, "output")
    write_safetensors(golden.weights, golden.parameters, "f64", golden.metadata)
    result = run("forward", golden.weights, "--input", golden.input, "--out", os.path.join(scratch, "none"),
                 "--n_head", "4")  # fmt: skip
    expect(result, 2, golden.weights + " says n_head 2, but 4 was given")


def the_type_of_the_weights_is_the_default(scratch):
    for kind, ours in ("f16", "f32"), ("f32", "f32"), ("f64", "f64"):
        golden = Golden(scratch, "cv_model.txt", kind)
        equal(read_npy(os.path.join(golden.forward(kind), "output.npy"))[0], ours, "type of the output")
    # Half has 11 bits: outputs of size 1 from weights of size 1, a few hundred roundings of 2^-12 each.
    close("output from f16", read_npy(os.path.join(scratch, "f16", "output.npy"))[1][1],
          golden.tensors["act/output"][1], "f64", 1e-2)  # fmt: skip


def what_is_written_is_read_again(scratch):
    golden = Golden(scratch, "cv_model.txt")
    golden.weights = os.path.join(golden.forward("one", "--targets", golden.targets, "--adamw-steps", "1"),
                                  "parameters.safetensors")  # fmt: skip
    out = golden.forward("two", "--targets", golden.targets)
    before, after = golden.tensors["loss_before_each_step"][1][:2]
    # Without weight decay the second loss is not that of the golden file, but the step went down.
    loss = load(out, "loss.json")["loss"]
    if not after - 1e-3 < loss < before:
        raise AssertionError("loss %.9g after a step, %.9g before" % (loss, before))
    zero = golden.forward("zero", "--targets", golden.targets, "--adamw-steps", "0")
    equal(read_safetensors(os.path.join(zero, "parameters.safetensors")), read_safetensors(golden.weights), "no steps")


def refused(golden, words, *fragments):
    out = os.path.join(golden.scratch, "refused")
    expect(run("forward", golden.weights, "--input", golden.input, "--out", out, *words), 2, *fragments)
    if os.path.exists(out):
        raise AssertionError("%s was left behind: %s" % (out, os.listdir(out)))


def wrong_tensors_are_named(scratch):
    golden = Golden(scratch, "cv_model.txt")
    name, short = "transformer.h.1.attn.c_attn.weight", "transformer.h.1.attn.c_attn.bias"

    def write(change, kind="f64"):
        tensors = dict(golden.parameters)
        change(tensors)
        write_safetensors(golden.weights, tensors, kind, golden.metadata)

    write(lambda t: t.pop(short))
    refused(golden, [], golden.weights, "tensor %s is missing" % short, "[24]")
    write(lambda t: t.update({name: ((8, 24), t[name][1])}))
    refused(golden, [], golden.weights, "tensor %s has shape [8, 24], expected [24, 8]" % name)
    write(lambda t: t.update(extra=((2, 3), [0.0] * 6)))
    refused(golden, [], golden.weights, "tensor extra [2, 3] is no parameter")
    write(lambda t: t.update({short: ((24,), [0] * 24)}), dict.fromkeys(golden.parameters, "f64") | {short: "i64"})
    refused(golden, [], "tensor %s holds whole numbers" % short)
    for key, value, fragment in [("n_layer", "two", "metadata n_layer is \"two\""), ("n_head", "3", "model.n_head"),
                                 ("n_layer", "1", "transformer.h.1."), ("n_layer", "3", "transformer.h.2.ln_1.weight"),
                                 ("block_size", "7", "transformer.wpe.weight has shape [6, 8], expected [7, 8]"),
                                 ("n_embd", "99999999999999999999", "n_embd")]:  # fmt: skip
        write_safetensors(golden.weights, golden.parameters, "f64", dict(golden.metadata, **{key: value}))
        refused(golden, [], golden.weights, fragment)


def weights_that_are_not_finite_are_named(scratch):
    name = "transformer.h.1.mlp.c_fc.weight"
    for number in (float("nan"), float("inf"), float("-inf")):
        golden = Golden(scratch, "cv_model.txt")
        shape, values = golden.parameters[name]
        golden.parameters[name] = (shape, values[:7] + [number] + values[8:])
        write_safetensors(golden.weights, golden.parameters, "f64", golden.metadata)
        refused(golden, [], golden.weights, "tensor %s, element 7 is %g: finite" % (name, number))
    golden.parameters[name] = (shape, values[:7] + [1e300] + values[8:])
    write_safetensors(golden.weights, golden.parameters, "f64", golden.metadata)
    golden.forward("wide")
    refused(golden, ["--dtype", "f32"], golden.weights, "tensor %s, element 7 is 1e+300, which f32" % name)


def nanogpt_extras_are_understood(scratch):
    golden = Golden(scratch, "token_model.txt")
    expected = read_npy(os.path.join(golden.forward("plain"), "output.npy"))
    table = golden.parameters["transformer.wte.weight"]
    mask = ((1, 1, 6, 6), [float(key <= query) for query in range(6) for key in range(6)])
    more = dict(golden.parameters, **{"lm_head.weight": table, "transformer.h.0.attn.bias": mask})
    write_safetensors(golden.weights, more, "f64", golden.metadata)
    out = golden.forward("more", "--targets", golden.targets, "--adamw-steps", "1")
    equal(read_npy(os.path.join(out, "output.npy")), expected, "output beside a tied matrix and a mask")
    _, stepped = read_safetensors(os.path.join(out, "parameters.safetensors"))
    equal(stepped["lm_head.weight"], stepped["transformer.wte.weight"], "the tied matrix after a step")
    only = {name: value for name, value in more.items() if name != "transformer.wte.weight"}
    write_safetensors(golden.weights, only, "f64", golden.metadata)
    equal(read_npy(os.path.join(golden.forward("only"), "output.npy")), expected, "output from lm_head.weight alone")
    write_safetensors(golden.weights, dict(more, **{"lm_head.weight": (table[0], [0.0] + table[1][1:])}), "f64",
                      golden.metadata)  # fmt: skip
    refused(golden, [], "tensor lm_head.weight [11, 8] is not equal to transformer.wte.weight")
    mask[1][1] = 1.0
    write_safetensors(golden.weights, more, "f64", golden.metadata)
    refused(golden, [], "tensor transformer.h.0.attn.bias [1, 1, 6, 6] is no parameter")


def wrong_arrays_are_named(scratch):
    golden = Golden(scratch, "cv_model.txt")
    right = golden.input
    for name, tensor, kind, fragment in [
            ("rank.npy", ((3, 12), [0.0] * 36), "f64", "(batch, time, 2)"),
            ("columns.npy", ((3, 6, 3), [0.0] * 54), "f64", "(batch, time, 2)"),
            ("whole.npy", ((3, 6, 2), [0] * 36), "i64", "float32 or float64 was expected"),
            ("long.npy", ((1, 7, 2), [0.0] * 14), "f64", "block_size, 6"),
            ("empty.npy", ((0, 6, 2), []), "f64", "batch 0"),
            ("nan.npy", ((1, 1, 2), [0.0, float("nan")]), "f64", "element 1 is")]:  # fmt: skip
        golden.input = golden.array(name, tensor, kind)
        refused(golden, [], golden.input, fragment)
    golden.input = right
    for name, tensor, fragment in [("batch.npy", ((2, 6, 2), [0.0] * 24), "expected batch 3"),
                                   ("columns.npy", ((3, 6, 1), [0.0] * 18), "(batch, time, 2)")]:  # fmt: skip
        refused(golden, ["--targets", golden.array(name, tensor, "f64")], fragment)
    tokens = Golden(scratch, "token_model.txt")
    for value, fragment in [(11, "element 5 is 11: tokens 0 to 10"), (-1, "element 5 is -1")]:
        tokens.input = tokens.array("token.npy", ((1, 6), [0] * 5 + [value]), "i64")
        refused(tokens, [], tokens.input, fragment)
    tokens.input = tokens.array("token.npy", ((1, 6), [0] * 6), "i64")
    refused(tokens, ["--targets", tokens.array("none.npy", ((1, 6), [-1] * 6), "i64")], "every target is -1")


def wrong_words_are_named(scratch):
    golden = Golden(scratch, "cv_model.txt")
    refused(golden, ["--capture", "hook_emned"], "matches no hook point", "did you mean hook_embed")
    refused(golden, ["--gradients"], "--targets is missing")
    refused(golden, ["--adamw-steps", "1"], "--targets is missing")
    refused(golden, ["--targets", golden.targets, "--adamw-steps", "-1"], "--adamw-steps -1")
    refused(golden, ["--targets", golden.targets, "--lr", "1"], "--adamw-steps N, which is missing")
    refused(golden, ["--dtype", "f16"], "f32 or f64")
    refused(golden, ["--input", os.path.join(scratch, "absent.npy")], "absent.npy")
    expect(run("forward", golden.weights, "--out", os.path.join(scratch, "none")), 2, "--input is missing")
    expect(run("forward", golden.weights, "--input", golden.input), 2, "--out is missing")


def results_are_not_overwritten(scratch):
    golden = Golden(scratch, "cv_model.txt")
    out = golden.forward("out")
    expect(run("forward", golden.weights, "--input", golden.input, "--out", out), 2, "already holds results (output.npy)")
    expect(run("forward", golden.weights, "--input", golden.input, "--out", golden.input), 2, "is not a directory")


def nothing_is_left_of_a_failure(scratch):
    """A step so large that float32 overflows, after everything else was written."""
    golden = Golden(scratch, "cv_model.txt")
    out = os.path.join(scratch, "there")
    os.mkdir(out)
    with open(os.path.join(out, "note"), "w", encoding="ascii"):
        pass
    result = run("forward", golden.weights, "--input", golden.input, "--targets", golden.targets, "--capture", "*",
                 "--gradients", "--adamw-steps", "9", "--lr", "1e200", "--out", out)  # fmt: skip
    expect(result, 1, "steps of AdamW", "lower --lr")
    equal(os.listdir(out), ["note"], "files after a failure")


def activations_are_those_that_match(scratch):
    golden = Golden(scratch, "cv_model.txt")
    out = golden.forward("out", "--capture", "*.hook_resid_post", "--capture", "hook_e*")
    equal(sorted(os.listdir(os.path.join(out, "activations"))),
          ["blocks.0.hook_resid_post.npy", "blocks.1.hook_resid_post.npy", "hook_embed.npy"], "activations")  # fmt: skip
    equal(sorted(os.listdir(out)), ["activations", "output.npy"], "files")


def losses_are_json(scratch):
    golden = Golden(scratch, "cv_model.txt")
    out = golden.forward("out", "--targets", golden.targets)
    with open(os.path.join(out, "loss.json"), encoding="ascii") as file:
        equal(list(json.load(file)), ["loss"], "keys")


if __name__ == "__main__":
    main([numbers_in_double, numbers_in_single, tokens_in_double, tokens_in_single, numbers_in_single_on_opencl,
          tokens_in_single_on_opencl, a_device_without_double_says_so,
          fewer_targets_are_of_the_last_positions, targets_of_minus_one_are_ignored, tokens_of_any_whole_type,
          sizes_beside_the_file, the_type_of_the_weights_is_the_default, what_is_written_is_read_again,
          wrong_tensors_are_named, weights_that_are_not_finite_are_named, nanogpt_extras_are_understood, wrong_arrays_are_named, wrong_words_are_named,
          results_are_not_overwritten, nothing_is_left_of_a_failure, activations_are_those_that_match,
          losses_are_json])  # fmt: skip
