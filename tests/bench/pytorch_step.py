#!/usr/bin/env python3
"""One training step in PyTorch: the peer that ./dev bench times beside ours.

The main workload is a transformer that predicts the next point of a trajectory of two coordinates: linear embedding,
learned positions, blocks of causal attention and a SiLU MLP of four times the width, both after a layer norm; mean
squared error over all positions, AdamW, fresh noise on the inputs and a random batch each step. With --vocab it
predicts tokens: their table is the head too, the activation is GELU, the loss the cross-entropy. With --kind mlp it is
layers of SiLU on the points up to each, side by side. Prints one line of JSON: seconds of every repetition of some
steps, and what was asked for.
"""
import argparse
import json
import math
import time

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """(batch, time, width) to the same; `sdpa` asks for torch 2's fused kernel."""

    def __init__(self, width, heads, context, sdpa):
        super().__init__()
        self.heads, self.sdpa = heads, sdpa
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.register_buffer("hidden", torch.ones(context, context, dtype=torch.bool).triu(1))

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        if self.sdpa:
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
            y = scores.masked_fill(self.hidden, -math.inf).softmax(-1) @ v
        return self.out(y.transpose(1, 2).reshape(batch, length, width))


class Block(nn.Module):
    def __init__(self, width, heads, context, sdpa, activation):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, context, sdpa)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), activation(), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.before_attention(x))
        return x + self.mlp(self.before_mlp(x))


class Transformer(nn.Module):
    def __init__(self, asked):
        super().__init__()
        width = asked.n_embd
        tokens = asked.vocab > 0
        self.embed = nn.Embedding(asked.vocab, width) if tokens else nn.Linear(2, width)
        self.position = nn.Parameter(0.02 * torch.randn(asked.context, width))
        activation = nn.GELU if tokens else nn.SiLU
        blocks = (Block(width, asked.n_head, asked.context, asked.sdpa, activation) for _ in range(asked.n_layer))
        head = nn.Linear(width, asked.vocab or 2, bias=not tokens)
        if tokens:
            head.weight = self.embed.weight
        self.rest = nn.Sequential(*blocks, nn.LayerNorm(width), head)

    def forward(self, x):
        return self.rest(self.embed(x) + self.position)


class Mlp(nn.Module):
    """At every point, of all points up to it; those to come are zeros."""

    def __init__(self, asked):
        super().__init__()
        width, inputs = asked.n_embd, 2 * asked.context
        widths = [inputs] + [width] * asked.n_layer
        layers = [part for a, b in zip(widths, widths[1:]) for part in (nn.Linear(a, b), nn.SiLU())]
        self.layers = nn.Sequential(*layers, nn.Linear(width, 2))
        self.register_buffer("known", torch.ones(asked.context, asked.context).tril().repeat_interleave(2, 1))

    def forward(self, x):
        return self.layers(x.flatten(1).unsqueeze(1) * self.known)


def make_step(asked):
    """A function that does one step."""
    model = Mlp(asked) if asked.kind == "mlp" else Transformer(asked)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.0, foreach=asked.foreach)
    forward = torch.compile(model) if asked.compile else model
    points = (2000, asked.context + 1)
    data = torch.randint(0, asked.vocab, points) if asked.vocab else torch.randn(*points, 2)

    def loss_of(inputs, targets):
        if asked.vocab:
            return functional.cross_entropy(forward(inputs).flatten(0, 1), targets.flatten())
        return functional.mse_loss(forward(inputs + 0.1 * torch.randn_like(inputs)), targets)

    def step():
        window = data[torch.randint(0, len(data), (asked.batch,))]
        loss = loss_of(window[:, :-1], window[:, 1:])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        return loss

    return step


def time_steps(step, seconds, repeats):
    """Seconds a step, of `repeats` repetitions that last about `seconds` each, after some that are not timed."""
    for _ in range(5):
        step()
    began = time.perf_counter()
    step()
    count = max(1, int(seconds / (time.perf_counter() - began)))
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        for _ in range(count):
            loss = step()
        found.append((time.perf_counter() - began) / count)
    if not math.isfinite(loss.item()):
        raise SystemExit("the loss is not finite: these steps did not do the work")
    return found, count


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("n-layer", 2), ("n-embd", 32), ("n-head", 1), ("context", 100), ("batch", 128)):
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--kind", choices=("transformer", "mlp"), default="transformer")
    parser.add_argument("--vocab", type=int, default=0, help="tokens; 0: numbers")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one repetition")
    parser.add_argument("--repeats", type=int, default=5)
    for name in ("foreach", "sdpa", "compile"):
        parser.add_argument("--" + name, action="store_true")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(1)
    seconds, count = time_steps(make_step(asked), asked.seconds, asked.repeats)
    print(json.dumps(dict(vars(asked), torch=torch.__version__, seconds=seconds, steps=count)))


if __name__ == "__main__":
    main()
