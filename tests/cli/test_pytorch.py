"""The program and PyTorch on one model, weights going either way. Skipped where no interpreter has PyTorch."""
import os
import subprocess

from interpreter import interpreter
from program import SMOKE, Skip, equal, expect, load, main, run
from tensor_files import VALUE, close, close_gradient, close_parameter, read_npy, read_safetensors, write_npy


def torch_model(*words):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_model.py")
    result = subprocess.run([interpreter("torch"), script, *words], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise AssertionError(result.stderr)
    for line in result.stdout.splitlines():
        print("# " + line)


def compare(out, expected, kind):
    for name, (_, (shape, theirs)) in expected.items():
        part, _, rest = name.partition("/")
        if part == "act" or name == "output":
            path = os.path.join(out, "activations", rest + ".npy") if rest else os.path.join(out, "output.npy")
            found, (our_shape, ours) = read_npy(path)
            equal((found, our_shape), (kind, shape), "type and shape of " + path)
            close(name, ours, theirs, kind, VALUE)
    close("loss", [load(out, "loss.json")["loss"]], expected["loss"][1][1], kind, VALUE)
    _, gradients = read_safetensors(os.path.join(out, "gradients.safetensors"))
    _, parameters = read_safetensors(os.path.join(out, "parameters.safetensors"))
    for name, (_, (_, theirs)) in expected.items():
        part, _, rest = name.partition("/")
        if part == "grad":
            close_gradient(rest, gradients[rest][1][1], theirs, kind)
        if part == "step":
            close_parameter(rest, parameters[rest][1][1], theirs, kind)


def check(scratch, model, devices):
    torch_model("make", model, scratch)
    file = {name: os.path.join(scratch, name) for name in ("weights.safetensors", "x.npy", "y.npy")}
    _, expected = read_safetensors(os.path.join(scratch, "expected.safetensors"))
    for kind, device in devices:
        out = os.path.join(scratch, kind + device)
        expect(run("forward", file["weights.safetensors"], "--input", file["x.npy"], "--targets", file["y.npy"],
                   "--capture", "*", "--gradients", "--adamw-steps", "3", "--lr", "1e-3", "--weight-decay", "0.05",
                   "--dtype", kind, "--device", device, "--out", out), 0)  # fmt: skip
        compare(out, expected, kind)


def opencl():
    """Nothing where there is no such device: other tests say so."""
    return [("f32", "opencl")] if "opencl:0 " in expect(run("devices"), 0).stdout else []


def numbers_of_other_sizes(scratch):
    check(scratch, "numbers", [("f64", "reference"), ("f32", "reference")] + opencl())


def tokens_of_other_sizes(scratch):
    check(scratch, "tokens", [("f64", "reference"), ("f32", "reference")] + opencl())


def tokens_of_two_columns(scratch):
    """Not on OpenCL: one gradient here is so small a difference that PyTorch's own float32 is off by 1.5e-6, and other
    orders of summing by twice that."""
    check(scratch, "columns", [("f64", "reference"), ("f32", "reference")])


def a_checkpoint_loads_into_pytorch(scratch):
    out, inputs, theirs = (os.path.join(scratch, name) for name in ("run", "x.npy", "theirs.safetensors"))
    expect(run("run", SMOKE, "-q", "--out", out), 0)
    checkpoint = os.path.join(out, "checkpoints", "step-00000040.safetensors")
    write_npy(inputs, ((1, 4, 2), [0.5, 0.1, 0.4, 0.2, 0.3, 0.3, 0.1, 0.4]), "f64")
    torch_model("load", checkpoint, inputs, theirs)
    ours = os.path.join(scratch, "ours")
    expect(run("forward", checkpoint, "--input", inputs, "--dtype", "f64", "--out", ours), 0)
    _, (_, values) = read_npy(os.path.join(ours, "output.npy"))
    close("output", values, read_safetensors(theirs)[1]["output"][1][1], "f64", VALUE)


def files_open_with_the_safetensors_package(scratch):
    out = os.path.join(scratch, "run")
    expect(run("run", SMOKE, "-q", "--out", out), 0)
    checkpoint = os.path.join(out, "checkpoints", "step-00000040.safetensors")
    script = ("import sys; from safetensors import safe_open; file = safe_open(sys.argv[1], framework='numpy'); "
              "print(file.metadata()['n_embd'], *sorted('%s %s' % (name, list(file.get_slice(name).get_shape())) "
              "for name in file.keys()), sep='\\n')")  # fmt: skip
    result = subprocess.run([interpreter("safetensors"), "-c", script, checkpoint], capture_output=True, text=True,
                            check=False)  # fmt: skip
    equal(result.returncode, 0, result.stderr)
    lines = result.stdout.splitlines()
    metadata, tensors = read_safetensors(checkpoint)
    equal(lines, [metadata["n_embd"]] + sorted("%s %s" % (name, list(tensor[0])) for name, (_, tensor) in tensors.items()),
          "what the package sees")  # fmt: skip


if __name__ == "__main__":
    main([numbers_of_other_sizes, tokens_of_other_sizes, tokens_of_two_columns, a_checkpoint_loads_into_pytorch,
          files_open_with_the_safetensors_package])  # fmt: skip
