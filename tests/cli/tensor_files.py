"""The file formats of tensors in plain Python: golden text, .npy, .safetensors; and how far tensors are apart.

A tensor is (shape, flat list).
"""
import ast
import json
import math
import os
import struct

NPY = {"f64": ("<f8", "d"), "f32": ("<f4", "f"), "i64": ("<i8", "q"), "i32": ("<i4", "i"), "i16": ("<i2", "h"),
       "i8": ("|i1", "b"), "u8": ("|u1", "B"), "u16": ("<u2", "H"), "u32": ("<u4", "I"), "u64": ("<u8", "Q")}  # fmt: skip
SAFE = {"f64": ("F64", "d"), "f32": ("F32", "f"), "i64": ("I64", "q"), "i32": ("I32", "i"), "f16": ("F16", "e")}

# The bounds of the engine's own golden tests. float64 within 1e-12 (values) and 1e-10 (gradients) of the largest
# magnitude; float32 within 2e-6 in relative distance, about 30 roundings of 2^-24. Parameters after AdamW steps:
# absolute; PyTorch's own float32 differs from its float64 by up to 1e-6 on the golden models, and each side may.
VALUE, GRADIENT, SINGLE = 1e-12, 1e-10, 2e-6
STEPPED, STEPPED_KEYS, STEPPED_SINGLE = 1e-12, 1e-10, 2e-6


def count(shape):
    return math.prod(shape)


def read_golden(name):
    """All tensors of a file of tests/golden by name."""
    with open(os.path.join(os.environ["ORRERY_TEST_GOLDEN"], name), encoding="ascii") as file:
        words = file.read().split()
    at, tensors = 0, {}
    while words[at] != "end":
        name, kind, rank = words[at + 1], words[at + 2], int(words[at + 3])
        shape = tuple(int(word) for word in words[at + 4:at + 4 + rank])
        at += 4 + rank
        number = float if kind == "f64" else int
        tensors[name] = (shape, [number(word) for word in words[at:at + count(shape)]])
        at += count(shape)
    return tensors


def write_npy(path, tensor, kind):
    shape, values = tensor
    descr, code = NPY[kind]
    header = "{'descr': '%s', 'fortran_order': False, 'shape': %r, }" % (descr, tuple(shape))
    header += " " * (-(len(header) + 11) % 64) + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack("<%d%s" % (len(values), code), *values))


def read_npy(path):
    """(kind, tensor)."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:10 + length].decode())
    kind, code = next((kind, code) for kind, (descr, code) in NPY.items() if descr == header["descr"])
    if header["fortran_order"]:
        raise AssertionError("%s is in Fortran order" % path)
    return kind, (header["shape"], list(struct.unpack("<%d%s" % (count(header["shape"]), code), data[10 + length:])))


def write_safetensors(path, tensors, kind, metadata=None):
    """tensors: name -> tensor. kind: of all, or name -> kind."""
    header, body = {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (shape, values) in tensors.items():
        dtype, code = SAFE[kind if isinstance(kind, str) else kind[name]]
        data = struct.pack("<%d%s" % (len(values), code), *values)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def read_safetensors(path):
    """(metadata, name -> (dtype, tensor))."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + length]), data[8 + length:]
    metadata, tensors = header.pop("__metadata__", {}), {}
    for name, row in header.items():
        code = next(code for dtype, code in SAFE.values() if dtype == row["dtype"])
        begin, end = row["data_offsets"]
        values = list(struct.unpack("<%d%s" % (count(row["shape"]), code), body[begin:end]))
        tensors[name] = (row["dtype"], (tuple(row["shape"]), values))
    return metadata, tensors


def largest_difference(ours, theirs):
    """The largest |ours - theirs|, infinite where one is not a number, and the largest |theirs|."""
    if len(ours) != len(theirs) or not theirs:
        raise AssertionError("%d numbers, expected %d" % (len(ours), len(theirs)))
    worst = max(abs(a - b) if a == a else math.inf for a, b in zip(ours, theirs))
    return worst, max(abs(b) for b in theirs)


def relative_distance(ours, theirs):
    """||ours - theirs|| / ||theirs||."""
    if len(ours) != len(theirs) or not theirs:
        raise AssertionError("%d numbers, expected %d" % (len(ours), len(theirs)))
    difference = math.fsum((a - b) ** 2 for a, b in zip(ours, theirs))
    return math.sqrt(difference / math.fsum(b * b for b in theirs))


def close(name, ours, theirs, kind, bound):
    """Values of one tensor: float64 within `bound` of the largest magnitude, at least 1; float32 within SINGLE."""
    worst, largest = largest_difference(ours, theirs)
    if kind == "f64" and not worst <= bound * max(1.0, largest):
        raise AssertionError("%s: largest difference %.3g, allowed %.3g of %.3g" % (name, worst, bound, largest))
    if kind == "f32" and not relative_distance(ours, theirs) <= SINGLE:
        raise AssertionError("%s: relative distance %.3g, allowed %.3g" % (name, relative_distance(ours, theirs), SINGLE))


def close_gradient(name, ours, theirs, kind):
    """float64 within GRADIENT of the largest; float32 within SINGLE, without what is rounding only."""
    worst, largest = largest_difference(ours, theirs)
    if kind == "f64" and not worst <= GRADIENT * largest:
        raise AssertionError("gradient of %s: difference %.3g beside %.3g" % (name, worst, largest))
    if kind == "f32":
        close("gradient of " + name, without_keys(name, ours), without_keys(name, theirs), kind, None)


def close_parameter(name, ours, theirs, kind):
    """After AdamW steps of 1e-3 or so: absolute, the key part of c_attn.bias more loosely or in float32 not at all."""
    worst, _ = largest_difference(without_keys(name, ours), without_keys(name, theirs))
    bound = STEPPED if kind == "f64" else STEPPED_SINGLE
    if not worst <= bound:
        raise AssertionError("%s after steps: difference %.3g, allowed %.3g" % (name, worst, bound))
    worst, _ = largest_difference(ours, theirs)
    if kind == "f64" and not worst <= STEPPED_KEYS:
        raise AssertionError("%s after steps: difference %.3g in the key part" % (name, worst))


def without_keys(name, values):
    """The key part of c_attn.bias has a gradient of zero but for rounding, which Adam's division by its own size turns
    into steps (tests/golden/README.md)."""
    third = len(values) // 3
    return values[:third] + values[2 * third:] if name.endswith("c_attn.bias") else values
