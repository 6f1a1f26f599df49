"""Catalogue of depthwise convolution."""

import itertools

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels.depthwise import depthwise_convolve


def convolution(x, kernel, bias=0.0, scale=1.0, strides=1, padding="valid", dilation=1):
    """The definition, tap by tap."""
    rank = x.ndim - 2
    strides, dilation = (np.broadcast_to(v, rank) for v in (strides, dilation))
    sizes = []
    widths = [(0, 0)]
    for n, k, s, d in zip(x.shape[1:-1], kernel.shape, strides, dilation, strict=False):
        reach = (k - 1) * d + 1
        out = (n - reach) // s + 1 if padding == "valid" else -(-n // s)
        total = 0 if padding == "valid" else reach - 1 if padding == "causal" else max(0, (out - 1) * s + reach - n)
        sizes.append(out)
        widths.append((total, 0) if padding == "causal" else (total // 2, total - total // 2 + s))
    x = np.pad(x, (*widths, (0, 0)))
    channels, times = kernel.shape[-2:]
    y = np.zeros((x.shape[0], *sizes, channels * times))
    for tap in itertools.product(*[range(k) for k in kernel.shape[:-2]]):
        at = tuple(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, sizes, strides, strict=True))
        y += np.repeat(x[(slice(None), *at)], times, axis=-1) * kernel[tap].ravel()
    return y * scale + bias


ENTRIES = []


def add(name, shape, kernel, *, act=None, bias=True, large=None, cases=(), empty=None, single=None, **options):
    """Entries take x, kernel and, if there is one, bias; other shapes and kernels of the same rank are cases."""
    reference = {None: lambda z: z, "relu": lambda z: np.maximum(z, 0), "silu": lambda z: z / (1 + np.exp(-z)), "tanh": np.tanh}[act]

    def arrays(shape, kernel):
        return normal(shape, kernel, *([(kernel[-1] * kernel[-2],)] if bias else []))

    ENTRIES.append(Entry(
        op="Depthwise", name=name,
        fn=lambda x, k, b=None: depthwise_convolve(x, k, b, options.get("strides", 1), options.get("padding", "valid"), options.get("dilation", 1), act),
        inputs=arrays(shape, kernel), reference=lambda x, k, b=0.0: reference(convolution(x, k, b, **options)),
        cases=tuple(arrays(*c) for c in cases), large=large and arrays(*large), empty=empty and arrays(*empty), single=single and arrays(*single), tol=5e-6,
    ))  # fmt: skip


# Sizes around those of tiles (4 and 8 pixels) and vectors (2 to 16 channels).
add("1D", (2, 9, 3), (3, 3, 1), padding="same", single=((1, 1, 1), (1, 1, 1)), empty=((0, 5, 2), (2, 2, 1)),
    cases=[((2, 40, 1), (5, 1, 1)), ((1, 3, 5), (7, 5, 1)), ((2, 20, 16), (2, 16, 1)), ((1, 130, 33), (4, 33, 1))],
    large=((3, 9000, 24), (5, 24, 1)))  # fmt: skip
add("1D causal", (2, 9, 3), (3, 3, 2), padding="causal", dilation=2, act="tanh")
add("1D long", (1, 200, 2), (70, 2, 1), padding="same", cases=[((1, 90, 16), (71, 16, 1))])
add("2D", (2, 5, 6, 4), (3, 3, 4, 1), padding="same", large=((4, 20, 20, 64), (3, 3, 64, 1)), empty=((0, 5, 5, 2), (2, 2, 2, 1)),
    cases=[((1, 9, w, c), (k, k, c, 1)) for w, c, k in [(4, 16, 3), (7, 32, 5), (8, 20, 2), (13, 18, 7), (17, 130, 3), (3, 16, 5), (14, 35, 1)]])  # fmt: skip
add("2D strides", (2, 7, 6, 3), (3, 3, 3, 1), padding="same", strides=2, large=((4, 40, 40, 32), (3, 3, 32, 1)),
    cases=[((1, 9, w, c), (k, k, c, 1)) for w, c, k in [(8, 16, 3), (15, 32, 5), (24, 20, 2), (21, 130, 7), (6, 16, 5), (9, 5, 4)]])  # fmt: skip
add("2D strides 3 1", (2, 7, 6, 3), (2, 4, 3, 1), strides=(1, 3), cases=[((1, 9, 30, 17), (4, 2, 17, 1))])
add("2D dilation", (1, 7, 9, 3), (3, 2, 3, 1), padding="same", dilation=(2, 3), cases=[((1, 9, 40, 16), (3, 3, 16, 1))])
add("2D strides and dilation", (1, 7, 9, 3), (3, 2, 3, 1), padding="same", strides=(2, 3), dilation=(3, 2), cases=[((1, 9, 33, 16), (3, 3, 16, 1))])
add("2D multiplier", (2, 5, 6, 3), (3, 3, 3, 2), padding="same", strides=(2, 1), large=((4, 20, 20, 12), (3, 3, 12, 3)),
    cases=[((1, 5, 20, c), (3, 3, c, m)) for c, m in [(1, 5), (7, 3), (16, 2), (40, 4), (2, 30)]])  # fmt: skip
add("3D", (1, 3, 4, 5, 2), (2, 3, 2, 2, 1), padding="same", strides=(1, 2, 1), cases=[((2, 4, 3, 12, 16), (3, 2, 3, 16, 2))])
add("no bias", (2, 5, 6, 4), (3, 3, 4, 1), bias=False)
add("relu", (2, 5, 6, 4), (3, 3, 4, 1), act="relu", large=((4, 20, 20, 64), (3, 3, 64, 1)))
add("silu", (2, 5, 6, 4), (3, 3, 4, 1), act="silu", padding="same", large=((4, 20, 20, 64), (3, 3, 64, 1)))     # its derivative needs what was before
