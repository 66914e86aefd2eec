#!/usr/bin/env python3
"""Writes include/orrery/normal_table.def: the inverse normal distribution as cubic pieces.

The lower tail p in (0, 1/2) is cut into octaves [2^-(k+2), 2^-(k+1)), each octave into eight equal pieces, and each
piece is a cubic in t in [0, 1) through the four Chebyshev points (hierarchical segmentation; Lee, Luk, Villasenor
and Cheung 2005). Coefficients are rounded to float and written as hexadecimal literals, constant term first.
"""
import math
import statistics
import struct
import sys

OCTAVES, PIECES = 32, 8
inverse = statistics.NormalDist().inv_cdf


def refined(p):
    """inv_cdf, then one Newton step on the log of the distribution function: full double precision in the tail."""
    x = inverse(p)
    cdf = 0.5 * math.erfc(-x / math.sqrt(2.0))
    pdf = math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    return x - (cdf - p) / pdf


def cubic(low, width):
    """Newton's divided differences through the Chebyshev points, expanded into powers of t."""
    nodes = [0.5 - 0.5 * math.cos(math.pi * (2 * i + 1) / 8) for i in range(4)]
    table = [refined(low + width * t) for t in nodes]
    for order in range(1, 4):
        for i in range(3, order - 1, -1):
            table[i] = (table[i] - table[i - 1]) / (nodes[i] - nodes[i - order])
    power = [0.0] * 4
    for i in range(3, -1, -1):
        power = [table[i] - nodes[i] * power[0]] + [power[j - 1] - nodes[i] * power[j] for j in range(1, 4)]
    return power


def hexadecimal(value):
    single = struct.unpack("f", struct.pack("f", value))[0]
    mantissa, exponent = single.hex().split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent + "f"


def main():
    print("/* Written by core/base/normal_table.py: NORMAL(c0, c1, c2, c3), octave by octave, eight pieces each. */")
    for octave in range(OCTAVES):
        start = 2.0 ** -(octave + 2)
        for piece in range(PIECES):
            width = start / PIECES
            print("NORMAL(%s)" % ", ".join(hexadecimal(c) for c in cubic(start + piece * width, width)))


if __name__ == "__main__":
    sys.exit(main())
