"""Catalogue of Gaussian noise and alpha dropout."""

import numpy as np
from catalogue import Entry, normal
from catalogue_dropout import COUNTER, KEY, kept

from dlcore._kernels import binary, dropout, mathtest, noise

M = -1.0507009873554804934 * 1.6732632423543772848


def alpha(rate, noise_shape=None):
    def drop(x):
        shape = [n if k is None else k for n, k in zip(x.shape, noise_shape or [None] * x.ndim, strict=True)]
        mask = kept(int(np.prod(shape)), rate).reshape(shape)
        a = ((1 - rate) * (1 + rate * M**2)) ** -0.5
        return a * np.where(mask, x, M) - a * rate * M

    return drop


def numbers(x):
    """What is drawn for x. float32 and float64 draw other numbers, see test_rng.py."""
    return mathtest.random("normal64" if x.dtype == np.float64 else "normal32", KEY, COUNTER, 0, x.size).reshape(x.shape)


def less_noise(x):
    """The op, minus the noise by another way: the identity up to rounding, in either dtype."""
    y = noise.gaussian_noise(x, 0.5, KEY, COUNTER)
    return y if type(x).__name__ == "KerasTensor" else binary.subtract(y, (0.5 * numbers(x.numpy())).astype(x.dtype))


def less_factor(x):
    y = noise.gaussian_dropout(x, 0.2, KEY, COUNTER)
    return y if type(x).__name__ == "KerasTensor" else binary.divide(y, (1 + 0.5 * numbers(x.numpy())).astype(x.dtype))


ENTRIES = [
    Entry(
        op="Dropout", name=f"alpha {rate} {shape}", fn=lambda x, rate=rate, shape=shape: dropout.alpha_dropout(x, rate, KEY, COUNTER, shape),
        inputs=normal((4, 5, 6)), reference=alpha(rate, shape), large=normal((30, 40, 50)), empty=None if shape else normal((0, 3)),
    )
    for rate, shape in ((0.1, None), (0.6, None), (0.4, (None, 1, None)))
] + [
    Entry(
        op="Noise", name=name, fn=fn, inputs=normal((5, 31)), reference=lambda x: x, tol=1e-5,
        cases=(normal((2, 3, 64)), normal((1000,)), normal(())), empty=normal((0, 3)), large=normal((3, 40000)),
    )
    for name, fn in (("added", less_noise), ("multiplied", less_factor))
]  # fmt: skip
