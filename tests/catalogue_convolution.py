"""Catalogue of convolution and transposed convolution."""

import itertools

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels.conv import convolve, convolve_transpose

ACTIVATIONS = {
    None: lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "silu": lambda z: z / (1 + np.exp(-z)),
}


def everywhere(value, rank):
    return tuple(np.broadcast_to(value, rank).tolist())


def taps(kernel, strides, dilation, sizes):
    """Each tap of a kernel, and the places under it when it lies at each of `sizes` positions."""
    for tap in itertools.product(*map(range, kernel.shape[:-2])):
        yield tap, (slice(None), *(slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilation, sizes, strides, strict=True)))


def groups_of(x, groups):
    return x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)


def field_sizes(sizes, kernel, strides, dilation, padding):
    """Of a convolution of images of these sizes, and the padding before them."""
    fields, befores = [], []
    for n, k, s, d in zip(sizes, kernel.shape, strides, dilation, strict=False):
        reach = (k - 1) * d + 1
        field = (n - reach) // s + 1 if padding == "valid" else -(-n // s)
        fields.append(field)
        befores.append({"valid": 0, "same": max(0, (field - 1) * s + reach - n) // 2, "causal": reach - 1}[padding])
    return fields, befores


def padded(x, kernel, strides, dilation, fields, befores):
    """Zeros around images, so that every tap at every position of the field is inside."""
    room = [max(b + n, (f - 1) * s + (k - 1) * d + 1)
            for n, f, k, s, d, b in zip(x.shape[1:-1], fields, kernel.shape, strides, dilation, befores, strict=False)]  # fmt: skip
    wide = np.zeros((x.shape[0], *room, x.shape[-1]))
    inside = (slice(None), *(slice(b, b + n) for b, n in zip(befores, x.shape[1:-1], strict=True)))
    wide[inside] = x
    return wide, inside


def correlate(x, kernel, strides, dilation, fields, befores):
    """The definition, tap by tap."""
    groups = x.shape[-1] // kernel.shape[-2] if kernel.shape[-2] else 1
    x, _ = padded(x, kernel, strides, dilation, fields, befores)
    y = np.zeros((x.shape[0], *fields, kernel.shape[-1]))
    for tap, at in taps(kernel, strides, dilation, fields):
        y += np.einsum("...gi,igo->...go", groups_of(x[at], groups), groups_of(kernel[tap], groups)).reshape(y.shape)
    return y


def gradients(x, kernel, g, strides, dilation, befores):
    """By x and by the kernel, of sum(g * correlate(x, kernel))."""
    groups = x.shape[-1] // kernel.shape[-2] if kernel.shape[-2] else 1
    wide, inside = padded(x, kernel, strides, dilation, g.shape[1:-1], befores)
    dx, dk = np.zeros(wide.shape), np.zeros(kernel.shape)
    for tap, at in taps(kernel, strides, dilation, g.shape[1:-1]):
        parts, out = groups_of(wide[at], groups), groups_of(g, groups)
        dk[tap] = np.einsum("ngi,ngo->igo", parts.reshape(-1, *parts.shape[-2:]), out.reshape(-1, *out.shape[-2:])).reshape(kernel.shape[-2:])
        dx[at] += np.einsum("...go,igo->...gi", out, groups_of(kernel[tap], groups)).reshape(wide[at].shape)
    return dx[inside], dk


def pooled(y, window):
    """Maxima over windows side by side."""
    for axis, size in enumerate(window, 1):
        n = y.shape[axis] // size
        y = np.take(y, np.arange(n * size), axis).reshape(*y.shape[:axis], n, size, *y.shape[axis + 1 :]).max(axis + 1)
    return y


def convolution(x, kernel, bias=0.0, strides=1, padding="valid", dilation=1, act=None, scale=1.0, pool=()):
    strides, dilation = everywhere(strides, x.ndim - 2), everywhere(dilation, x.ndim - 2)
    fields, befores = field_sizes(x.shape[1:-1], kernel, strides, dilation, padding)
    return pooled(ACTIVATIONS[act](correlate(x, kernel, strides, dilation, fields, befores) * scale + bias), pool)


def transposed_sizes(sizes, kernel, strides, dilation, padding, more):
    """Of the images whose convolution is a field of these sizes, and the padding before them."""
    images, befores = [], []
    for n, k, s, d in zip(sizes, kernel.shape, strides, dilation, strict=False):
        reach = (k - 1) * d + 1
        valid = padding == "valid"
        images.append((n - 1) * s + reach + (max(s - reach, 0) if more is None else more) if valid else n * s)
        befores.append(0 if valid else max(reach - s, 0) // 2)
    return images, befores


def transposed(x, kernel, bias=0.0, strides=1, padding="valid", more=None, dilation=1, act=None):
    """The gradient of a convolution by its images, at x."""
    strides, dilation = everywhere(strides, x.ndim - 2), everywhere(dilation, x.ndim - 2)
    images, befores = transposed_sizes(x.shape[1:-1], kernel, strides, dilation, padding, more)
    dx, _ = gradients(np.zeros((x.shape[0], *images, kernel.shape[-2])), kernel, x, strides, dilation, befores)
    return ACTIVATIONS[act](dx + bias)


ENTRIES = []


def add(name, shape, kernel, *, act=None, bias=True, cases=(), large=None, empty=None, single=None, **options):
    """x, kernel and, if there is one, bias; other shapes and kernels of the same rank are cases."""

    def inputs(shapes):
        return shapes and normal(*shapes, *([shapes[1][-1:]] if bias else []))

    def fn(x, k, b=None):
        return convolve(x, k, b, options.get("strides", 1), options.get("padding", "valid"), options.get("dilation", 1), act, pool=options.get("pool"))

    ENTRIES.append(Entry(
        op="Conv", name=name, fn=fn, inputs=inputs((shape, kernel)), reference=lambda x, k, b=0.0: convolution(x, k, b, act=act, **options),
        cases=tuple(map(inputs, cases)), large=inputs(large), empty=inputs(empty), single=inputs(single), tol=1e-5,
    ))  # fmt: skip


def add_transposed(name, shape, kernel, *, act=None, bias=True, cases=(), large=None, empty=None, single=None, **options):
    def inputs(shapes):
        return shapes and normal(*shapes, *([shapes[1][-2:-1]] if bias else []))

    def fn(x, k, b=None):
        return convolve_transpose(x, k, b, options.get("strides", 1), options.get("padding", "valid"), options.get("more"), options.get("dilation", 1), act)

    ENTRIES.append(Entry(
        op="ConvTranspose", name=name, fn=fn, inputs=inputs((shape, kernel)), reference=lambda x, k, b=0.0: transposed(x, k, b, act=act, **options),
        cases=tuple(map(inputs, cases)), large=inputs(large), empty=inputs(empty), single=inputs(single), tol=1e-5,
    ))  # fmt: skip


# Sizes around those of tiles (6 or 14 pixels; 7 where rows are short) and of panels of channels (1, 2 or 4 vectors of 2 to 16).
add("1D", (2, 9, 3), (3, 3, 4), single=((1, 1, 1), (1, 1, 1)), empty=((0, 5, 2), (2, 2, 3)), large=((4, 3000, 16), (5, 16, 24)),
    cases=[((1, 3, 5), (3, 5, 2)), ((2, 29, 1), (7, 1, 17)), ((1, 16, 16), (2, 16, 33)), ((1, 5, 3), (1, 3, 70))])  # fmt: skip
add("1D same", (2, 9, 3), (4, 3, 2), padding="same", cases=[((1, 2, 3), (9, 3, 2)), ((1, 15, 8), (3, 8, 8)), ((1, 400, 1), (3, 1, 2))])
add("1D causal", (2, 9, 3), (3, 3, 2), padding="causal", dilation=2, act="tanh", cases=[((1, 40, 8), (2, 8, 8))])
add("1D strides", (2, 11, 3), (3, 3, 2), padding="same", strides=3, cases=[((1, 3, 2), (2, 2, 2)), ((1, 1, 2), (2, 2, 2)), ((1, 30, 2), (1, 2, 5))])
add("1D strides and dilation", (2, 17, 2), (4, 2, 3), padding="same", strides=2, dilation=3, cases=[((1, 30, 2), (3, 2, 5))])
add("1D large stride", (2, 9, 2), (3, 2, 2), strides=1000, padding="same")
add("2D", (2, 5, 6, 4), (3, 3, 4, 5), large=((4, 30, 31, 12), (3, 3, 12, 40)), empty=((0, 5, 5, 2), (2, 2, 2, 3)), single=((1, 1, 1, 1), (1, 1, 1, 1)),
    cases=[((1, 9, w, c), (k, k, c, f)) for w, c, k, f in [(5, 3, 4, 9), (7, 2, 5, 33), (16, 1, 3, 18), (18, 5, 2, 66)]])  # fmt: skip
add("2D same", (2, 5, 6, 4), (3, 3, 4, 5), padding="same", large=((6, 20, 20, 32), (3, 3, 32, 32)),
    cases=[((1, h, w, c), (k, m, c, f)) for h, w, c, k, m, f in [(3, 2, 3, 5, 5, 70), (1, 9, 3, 3, 4, 2), (13, 13, 8, 3, 3, 8), (7, 6, 8, 5, 5, 16)]])  # fmt: skip
add("2D strides", (2, 7, 6, 3), (3, 3, 3, 2), padding="same", strides=2, large=((4, 40, 40, 8), (3, 3, 8, 16)),
    cases=[((1, 8, 9, 2), (2, 4, 2, 3)), ((2, 7, 6, 3), (1, 1, 3, 40))])  # fmt: skip
add("2D strides 3 1", (2, 7, 6, 3), (2, 4, 3, 2), strides=(3, 1), cases=[((1, 9, 9, 2), (3, 1, 2, 3))])
add("2D patches", (2, 8, 12, 3), (4, 4, 3, 5), strides=4, cases=[((1, 9, 10, 3), (4, 4, 3, 5))])
add("2D dilation", (1, 7, 9, 3), (3, 2, 3, 2), padding="same", dilation=(2, 3), cases=[((1, 2, 2, 2), (3, 3, 2, 2))])
add("2D strides and dilation", (1, 7, 9, 3), (3, 2, 3, 2), padding="same", strides=(2, 3), dilation=(3, 2), cases=[((1, 9, 9, 2), (2, 3, 2, 3))])
add("2D groups", (2, 5, 6, 6), (3, 3, 2, 9), padding="same", large=((4, 20, 20, 32), (3, 3, 8, 64)),
    cases=[((1, 4, 4, 4), (2, 2, 1, 8)), ((1, 4, 4, 6), (2, 2, 3, 36)), ((1, 4, 5, 6), (1, 1, 2, 3))])  # fmt: skip
add("2D groups and strides", (2, 5, 6, 6), (3, 3, 2, 9), padding="same", strides=2, act="relu")
add("1x1", (2, 5, 6, 4), (1, 1, 4, 5), act="silu", large=((4, 20, 20, 32), (1, 1, 32, 40)), cases=[((1, 4, 5, 3), (1, 1, 3, 40))])
add("3D", (1, 3, 4, 5, 2), (2, 3, 2, 2, 3), padding="same", strides=(1, 2, 1), large=((2, 8, 9, 10, 8), (3, 3, 3, 8, 16)),
    cases=[((2, 4, 3, 6, 3), (3, 2, 3, 3, 2)), ((1, 2, 2, 2, 2), (4, 4, 4, 2, 2))])  # fmt: skip
add("3D valid", (2, 3, 4, 5, 2), (2, 3, 2, 2, 3), dilation=(1, 1, 2), act="relu", cases=[((1, 5, 4, 6, 2), (2, 1, 1, 2, 3))])
add("no bias", (2, 5, 6, 4), (3, 3, 4, 2), bias=False)
add("no bias relu", (2, 5, 6, 4), (3, 3, 4, 5), bias=False, act="silu", padding="same")
add("relu", (2, 5, 6, 4), (3, 3, 4, 5), act="relu", padding="same", large=((6, 20, 20, 32), (3, 3, 32, 32)))
add("silu", (2, 5, 6, 4), (3, 3, 4, 5), act="silu", padding="same", large=((6, 20, 20, 32), (3, 3, 32, 32)))    # its derivative needs what was before
add("pool", (2, 5, 7, 3), (3, 3, 3, 4), padding="same", pool=(2, 2), large=((6, 21, 20, 8), (3, 3, 8, 32)), cases=[((1, 6, 6, 2), (2, 2, 2, 33))])
add("pool relu", (2, 5, 7, 3), (3, 3, 3, 4), padding="same", act="relu", pool=(2, 2), large=((6, 21, 20, 32), (3, 3, 32, 32)), empty=((0, 5, 5, 2), (2, 2, 2, 3)))
add("pool 3x2", (2, 8, 7, 3), (2, 2, 3, 4), act="relu", pool=(3, 2), strides=(1, 2))
add("pool rows", (1, 8, 7, 3), (2, 2, 3, 2), pool=(1, 3), padding="same", bias=False)
add("pool 1D", (2, 13, 3), (3, 3, 4), padding="causal", act="relu", pool=(3,), large=((4, 2000, 8), (3, 8, 16)))

add_transposed("1D", (2, 5, 3), (3, 4, 3), single=((1, 1, 1), (1, 1, 1)), empty=((0, 5, 2), (2, 3, 2)), large=((4, 2000, 16), (5, 24, 16)),
    cases=[((1, 3, 5), (3, 2, 5)), ((2, 19, 1), (7, 17, 1)), ((1, 16, 16), (2, 33, 16))])  # fmt: skip
add_transposed("1D same", (2, 5, 3), (4, 2, 3), padding="same", strides=3, act="tanh", cases=[((2, 5, 3), (2, 2, 3)), ((1, 4, 3), (7, 2, 3))])
add_transposed("1D dilation", (2, 5, 3), (4, 2, 3), dilation=3, act="silu", cases=[((2, 5, 3), (2, 2, 3))])
add_transposed("1D more", (2, 5, 3), (3, 2, 3), strides=3, more=2, act="relu", cases=[((2, 4, 3), (2, 2, 3))])
add_transposed("2D", (2, 4, 5, 3), (3, 3, 4, 3), large=((4, 20, 20, 32), (3, 3, 32, 32)), empty=((0, 5, 5, 2), (2, 2, 3, 2)),
    cases=[((1, 3, 2, 2), (4, 2, 40, 2)), ((1, 7, 8, 8), (3, 3, 8, 8))])  # fmt: skip
add_transposed("2D strides", (2, 4, 5, 3), (3, 4, 2, 3), padding="same", strides=2, act="relu", large=((4, 20, 20, 16), (4, 4, 16, 16)),
    cases=[((1, 3, 2, 2), (2, 2, 3, 2)), ((1, 3, 4, 2), (5, 1, 3, 2))])  # fmt: skip
add_transposed("2D strides and gaps", (2, 3, 4, 3), (2, 2, 2, 3), strides=(3, 5))
add_transposed("2D no bias", (2, 3, 4, 3), (2, 3, 2, 3), strides=(1, 2), bias=False, act="relu")
add_transposed("3D", (1, 2, 3, 4, 2), (2, 3, 2, 3, 2), padding="same", strides=(2, 1, 2), act="silu", cases=[((2, 2, 2, 2, 2), (3, 3, 3, 2, 2))])
