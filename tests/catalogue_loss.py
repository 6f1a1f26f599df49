"""Catalogue of loss and of the binary cross-entropies; helpers for other losses. The numbers of Keras are in test_losses_kernel.py."""

import numpy as np
import scipy.special as special
from catalogue import Entry, normal, uniform

from dlcore._kernels import loss as k
from dlcore._kernels import pointwise_loss as pk

ENTRIES = []
EPS = 1e-7


def weights(n):
    return np.linspace(0.2, 2.0, n)


def reduced(values, weight, reduction):
    if weight is not None:
        values = values * weight
    if reduction == "none":
        return values
    if reduction == "sum":
        return values.sum()
    return values.sum() / (weight.sum() if reduction == "mean_with_sample_weight" and weight is not None else values.size)


VARIANTS = [(False, "sum_over_batch_size"), (True, "sum_over_batch_size"), (True, "sum"), (True, "mean_with_sample_weight"), (True, "none"), (False, "none")]


def loss(op, name, fn, inputs, values, shapes, tol=2e-6, variants=VARIANTS, entries=ENTRIES):
    """Entries for a loss with and without weights and reduction; the first axis of the inputs has the rows."""
    for weighted, reduction in variants:
        def call(t, p, weighted=weighted, reduction=reduction):
            return fn(t, p, weights(p.shape[0]) if weighted and p.shape[0] else None, reduction)

        def reference(t, p, weighted=weighted, reduction=reduction):
            return reduced(values(t, p), weights(p.shape[0]) if weighted else None, reduction)

        entries.append(
            Entry(
                op=op,
                name=f"{name}, {'weighted, ' if weighted else ''}{reduction}",
                fn=call,
                inputs=inputs(shapes[0]),
                reference=reference,
                tol=tol,
                cases=tuple(map(inputs, shapes[1:])),
                large=inputs((4000, 30)),
            )
        )


def two(shape):
    """Targets and predictions, never equal."""

    def inputs(rng, dtype):
        t = rng.standard_normal(shape)
        d = rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape)
        return t.astype(dtype), (t + d).astype(dtype)

    return inputs


def binary(make):
    def of(shape):
        return lambda rng, dtype: (rng.integers(0, 2, shape), *make(shape)(rng, dtype))

    return of


def one_hot(make):
    def of(shape):
        def inputs(rng, dtype):
            return np.eye(shape[1], dtype="int64")[rng.permutation(np.arange(shape[0]) % shape[1])], *make(shape)(rng, dtype)

        return inputs

    return of


def classes(make):
    def of(shape):
        return lambda rng, dtype: (rng.permutation(np.arange(shape[0]) % shape[1]), *make(shape)(rng, dtype))

    return of


def smoothed(t, s, k):
    return t * (1 - s) + s / k


def logs(p):
    return np.log(np.clip(p / p.sum(axis=-1, keepdims=True), EPS, 1 - EPS))


def at(x, labels):
    return np.take_along_axis(x, labels[:, None], -1)[:, 0]


SHAPES = [(7, 4), (3, 1500), (40, 1)]
MANY = [(7, 4), (3, 1500), (300, 10)]


def probabilities(shape):
    return uniform(0.05, 0.95, shape)


for _s in (0.0, 0.3):
    loss(
        "PointwiseLoss", f"binary, smoothing {_s}",
        lambda t, p, w, r, s=_s: pk.binary_crossentropy_loss(t, p, w, r, label_smoothing=s), binary(probabilities),
        lambda t, p, s=_s: -(special.xlogy(smoothed(t, s, 2), p) + special.xlog1py(1 - smoothed(t, s, 2), -p)).mean(-1), SHAPES,
    )  # fmt: skip
    loss(
        "PointwiseLoss", f"binary from logits, smoothing {_s}",
        lambda t, x, w, r, s=_s: pk.binary_crossentropy_loss(t, x, w, r, True, s), binary(normal),
        lambda t, x, s=_s: (np.logaddexp(0, x) - x * smoothed(t, s, 2)).mean(-1), SHAPES,
    )  # fmt: skip
    loss(
        "CategoricalCrossentropy", f"smoothing {_s}",
        lambda t, p, w, r, s=_s: k.categorical_crossentropy_loss(t, p, w, r, label_smoothing=s), one_hot(probabilities),
        lambda t, p, s=_s: -(smoothed(t, s, t.shape[1]) * logs(p)).sum(-1), MANY, tol=4e-6,
    )  # fmt: skip
    loss(
        "CategoricalCrossentropy", f"from logits, smoothing {_s}",
        lambda t, x, w, r, s=_s: k.categorical_crossentropy_loss(t, x, w, r, True, s), one_hot(normal),
        lambda t, x, s=_s: -(smoothed(t, s, t.shape[1]) * special.log_softmax(x, -1)).sum(-1), MANY, tol=4e-6,
    )  # fmt: skip
loss("SparseCategoricalCrossentropy", "", k.sparse_categorical_crossentropy_loss, classes(probabilities), lambda t, p: -at(logs(p), t), MANY, tol=4e-6)
loss(
    "SparseCategoricalCrossentropy", "from logits", lambda t, x, w, r: k.sparse_categorical_crossentropy_loss(t, x, w, r, True), classes(normal),
    lambda t, x: -at(special.log_softmax(x, -1), t), MANY, tol=4e-6,
)  # fmt: skip
loss(
    "SparseCategoricalCrossentropy", "ignoring class 1", lambda t, x, w, r: k.sparse_categorical_crossentropy_loss(t, x, w, r, True, -1, 1),
    classes(normal), lambda t, x: np.where(t == 1, 0, -at(special.log_softmax(x, -1), t)), MANY, tol=4e-6,
    variants=[(True, "sum"), (True, "none")],
)  # fmt: skip

# Along another axis, and element by element
ENTRIES += [
    Entry(
        op="PointwiseLoss", name="binary, axis 1", fn=lambda t, x: pk.binary_crossentropy_loss(t, x, None, "none", True, 0.0, 1),
        inputs=binary(normal)((3, 4, 5)), reference=lambda t, x: (np.logaddexp(0, x) - x * t).mean(1),
    ),
    Entry(
        op="PointwiseLoss", name="binary, each", fn=pk.binary_crossentropy, inputs=binary(probabilities)((3, 4)),
        reference=lambda t, p: -(special.xlogy(t, p) + special.xlog1py(1 - t, -p)), cases=(binary(probabilities)((5,)),),
    ),
    Entry(
        op="CategoricalCrossentropy", name="axis 1", fn=lambda t, p: k.categorical_crossentropy(t, p, axis=1),
        inputs=binary(probabilities)((3, 4, 5)), reference=lambda t, p: -(t * np.log(p / p.sum(1, keepdims=True))).sum(1), tol=4e-6,
    ),
    Entry(
        op="SparseCategoricalCrossentropy", name="axis 1", fn=lambda t, x: k.sparse_categorical_crossentropy(t, x, True, axis=1),
        inputs=lambda rng, dtype: (rng.integers(0, 4, (3, 5)), rng.standard_normal((3, 4, 5)).astype(dtype)),
        reference=lambda t, x: -np.take_along_axis(special.log_softmax(x, 1), t[:, None], 1)[:, 0], tol=4e-6,
    ),
]  # fmt: skip
