"""The models of the paper in PyTorch, for test_pytorch.py, which runs this file with an interpreter that has PyTorch.

make KIND DIR: a model of sizes that no golden file has, its weights and what it computes, in float64.
load CHECKPOINT X.npy OUT.safetensors: a run's checkpoint in the same module, and what it computes from X.
"""
import math
import os
import sys

import torch
from tensor_files import read_npy, read_safetensors, write_npy, write_safetensors
from torch import nn
from torch.nn import functional

SIZES = {"numbers": {"n_layer": 3, "n_head": 4, "n_embd": 20, "block_size": 9, "input_dim": 3},
         "tokens": {"n_layer": 1, "n_head": 3, "n_embd": 12, "block_size": 5, "vocab_size": 17},
         "columns": {"n_layer": 2, "n_head": 1, "n_embd": 6, "block_size": 5, "vocab_size": 17, "input_dim": 2}}  # fmt: skip
# A forward hook on the module gives the value of the hook point.
HOOKS = {"ln_1": "ln1.hook_normalized", "attn.c_proj": "hook_attn_out", "ln_2": "ln2.hook_normalized",
         "mlp.c_fc": "mlp.hook_pre", "mlp.c_proj": "hook_mlp_out", "": "hook_resid_post"}  # fmt: skip


class Attention(nn.Module):
    def __init__(self, n_head, n_embd):
        super().__init__()
        self.n_head = n_head
        self.c_attn = nn.Linear(n_embd, 3 * n_embd)
        self.c_proj = nn.Linear(n_embd, n_embd)

    def forward(self, x):
        batch, time, width = x.shape
        q, k, v = (part.view(batch, time, self.n_head, -1).transpose(1, 2) for part in self.c_attn(x).split(width, 2))
        score = q @ k.transpose(2, 3) / math.sqrt(width // self.n_head)
        mask = torch.ones(time, time, dtype=torch.bool).tril()
        z = score.masked_fill(~mask, -math.inf).softmax(3) @ v
        return self.c_proj(z.transpose(1, 2).reshape(batch, time, width))


class Mlp(nn.Module):
    def __init__(self, n_embd, activation):
        super().__init__()
        self.c_fc = nn.Linear(n_embd, 4 * n_embd)
        self.c_proj = nn.Linear(4 * n_embd, n_embd)
        self.activation = activation

    def forward(self, x):
        return self.c_proj(self.activation(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, n_head, n_embd, activation):
        super().__init__()
        self.ln_1, self.attn = nn.LayerNorm(n_embd), Attention(n_head, n_embd)
        self.ln_2, self.mlp = nn.LayerNorm(n_embd), Mlp(n_embd, activation)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Columns(nn.Module):
    """Tokens of several columns: a table each, of which the rows are added."""

    def __init__(self, columns, vocab_size, n_embd):
        super().__init__()
        for column in range(columns):
            self.add_module(str(column), nn.Embedding(vocab_size, n_embd))

    def forward(self, x):
        return sum(table(x[..., column]) for column, table in enumerate(self.children()))


class Heads(nn.Module):
    """A head each, without bias: logits (batch, time, column, token)."""

    def __init__(self, columns, vocab_size, n_embd):
        super().__init__()
        for column in range(columns):
            self.add_module(str(column), nn.Linear(n_embd, vocab_size, bias=False))

    def forward(self, x):
        return torch.stack([head(x) for head in self.children()], 2)


class Model(nn.Module):
    def __init__(self, n_layer, n_head, n_embd, block_size, input_dim=0, vocab_size=0):
        super().__init__()
        activation = functional.gelu if vocab_size else functional.silu
        parts = {"wpe": nn.Embedding(block_size, n_embd),
                 "h": nn.ModuleList([Block(n_head, n_embd, activation) for _ in range(n_layer)]),
                 "ln_f": nn.LayerNorm(n_embd)}  # fmt: skip
        if vocab_size and input_dim:
            parts["wte"] = Columns(input_dim, vocab_size, n_embd)
            self.output_head = Heads(input_dim, vocab_size, n_embd)
        elif vocab_size:
            parts["wte"] = nn.Embedding(vocab_size, n_embd)
            self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
            self.lm_head.weight = parts["wte"].weight
        else:
            self.input_embedding = nn.Linear(input_dim, n_embd)
            self.output_head = nn.Linear(n_embd, input_dim)
        self.transformer = nn.ModuleDict(parts)
        self.tokens = vocab_size > 0

    def forward(self, x):
        embed = self.transformer["wte"] if self.tokens else self.input_embedding
        x = embed(x) + self.transformer["wpe"](torch.arange(x.shape[1]))
        for block in self.transformer["h"]:
            x = block(x)
        x = self.transformer["ln_f"](x)
        return self.lm_head(x) if hasattr(self, "lm_head") else self.output_head(x)

    def loss(self, x, y):
        if self.tokens:
            return functional.cross_entropy(self(x).flatten(0, -2), y.flatten(), ignore_index=-1)
        return functional.mse_loss(self(x), y)


def plain(tensor):
    return tuple(tensor.shape), tensor.detach().flatten().tolist()


def watch(model, seen):
    """Keep what modules give in `seen`, until the hooks that are returned are removed."""

    def keep(module, name):
        return module.register_forward_hook(lambda module, inputs, output: seen.__setitem__(name, plain(output)))

    hooks = [keep(block.get_submodule(path), "act/blocks.%d.%s" % (layer, hook))
             for layer, block in enumerate(model.transformer["h"]) for path, hook in HOOKS.items()]  # fmt: skip
    return hooks + [keep(model.transformer["ln_f"], "act/ln_final.hook_normalized"), keep(model, "output")]


def make(kind, directory):
    sizes = SIZES[kind]
    torch.manual_seed(7)
    model = Model(**sizes).double()
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.3 if parameter.dim() == 1 else 0.0, 0.3)
    if kind == "numbers":
        x, y = torch.randn(2, 7, 3).double(), torch.randn(2, 7, 3).double()
    else:
        shape = (4, 5, 2) if kind == "columns" else (4, 5)
        x, y = torch.randint(17, shape), torch.randint(-1, 17, shape)
    metadata = {key: str(value) for key, value in sizes.items()}
    path = os.path.join(directory, "weights.safetensors")
    try:
        from safetensors.torch import save_file  # pylint: disable=import-outside-toplevel

        save_file({name: value.clone() for name, value in model.state_dict().items()}, path, metadata)
        print("written by the safetensors package")
    except ImportError:
        write_safetensors(path, {name: plain(value) for name, value in model.state_dict().items()}, "f64", metadata)
    for name, tensor in ("x.npy", x), ("y.npy", y):
        write_npy(os.path.join(directory, name), plain(tensor), "f64" if kind == "numbers" else "i64")
    seen = {}
    hooks = watch(model, seen)
    loss = model.loss(x, y)
    loss.backward()
    for hook in hooks:
        hook.remove()
    seen["loss"] = plain(loss)
    seen.update({"grad/" + name: plain(value.grad) for name, value in model.named_parameters()})
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        model.loss(x, y).backward()
        optimizer.step()
    seen.update({"step/" + name: plain(value) for name, value in model.named_parameters()})
    write_safetensors(os.path.join(directory, "expected.safetensors"), seen, "f64")


def load(checkpoint, inputs, out):
    try:
        from safetensors import safe_open  # pylint: disable=import-outside-toplevel

        with safe_open(checkpoint, framework="pt") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        print("read by the safetensors package")
    except ImportError:
        metadata, found = read_safetensors(checkpoint)
        tensors = {name: torch.tensor(values, dtype=torch.float32 if dtype == "F32" else torch.float64).reshape(shape)
                   for name, (dtype, (shape, values)) in found.items()}  # fmt: skip
    model = Model(**{key: int(metadata[key]) for key in SIZES["numbers"]})
    model.load_state_dict({name: value for name, value in tensors.items() if name in model.state_dict()})
    _, (shape, values) = read_npy(inputs)
    with torch.no_grad():
        output = model.double()(torch.tensor(values, dtype=torch.float64).reshape(shape))
    write_safetensors(out, {"output": plain(output)}, "f64")


if __name__ == "__main__":
    {"make": make, "load": load}[sys.argv[1]](*sys.argv[2:])
