"""Catalogue of row_loss, and of the generalized cross-entropy of loss."""

from functools import partial

import catalogue_loss
import numpy as np
import scipy.special as special
from catalogue import Entry, distinct, normal
from catalogue_loss import MANY, VARIANTS, at, classes, one_hot, probabilities, smoothed

from dlcore._kernels import loss as ck
from dlcore._kernels import row_loss as k

ENTRIES = []
loss = partial(catalogue_loss.loss, entries=ENTRIES)


def pair(shape):
    return normal(shape, shape)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def hinge(t, p):
    return np.maximum(((1 - t) * p).max(-1) - (t * p).sum(-1) + 1, 0)


def focal(t, q, gamma, s, alpha):
    q = np.clip(q / q.sum(axis=-1, keepdims=True), 1e-7, 1 - 1e-7)
    return -(alpha * smoothed(t, s, t.shape[-1]) * (1 - q) ** gamma * np.log(q)).sum(-1)


loss("RowLoss", "cosine", k.cosine_similarity, pair, lambda t, p: -(unit(t) * unit(p)).sum(-1), [*MANY, (5, 3000)])
loss("RowLoss", "categorical hinge", k.categorical_hinge, one_hot(distinct), hinge, MANY, tol=4e-6)
for _gamma, _s, _alpha in ((2.0, 0.0, 0.25), (2.0, 0.2, 1.0), (1.5, 0.1, 0.5), (1.0, 0.0, 0.5), (0.0, 0.0, 1.0)):
    loss(
        "RowLoss", f"focal, gamma {_gamma}, smoothing {_s}",
        lambda t, p, w, r, a=(_alpha, _gamma, False, _s): k.categorical_focal_crossentropy(t, p, w, r, *a), one_hot(probabilities),
        lambda t, p, a=(_gamma, _s, _alpha): focal(t, p, *a), MANY, tol=5e-6, variants=VARIANTS[1::3],
    )  # fmt: skip
    loss(
        "RowLoss", f"focal from logits, gamma {_gamma}, smoothing {_s}",
        lambda t, x, w, r, a=(_alpha, _gamma, True, _s): k.categorical_focal_crossentropy(t, x, w, r, *a), one_hot(normal),
        lambda t, x, a=(_gamma, _s, _alpha): focal(t, special.softmax(x, -1), *a), MANY, tol=5e-6, variants=VARIANTS[1::3],
    )  # fmt: skip
loss(
    "SparseCategoricalCrossentropy", "generalized", ck.categorical_generalized_cross_entropy, classes(probabilities),
    lambda t, p: (1 - at(p, t) ** 0.5) / 0.5, MANY,
)  # fmt: skip
ENTRIES += [
    Entry(
        op="RowLoss", name="cosine, axis 1", fn=lambda t, p: k.cosine_similarity(t, p, None, "none", 1), inputs=normal((3, 4, 5), (3, 4, 5)),
        reference=lambda t, p: -(t * p).sum(1) / np.linalg.norm(t, axis=1) / np.linalg.norm(p, axis=1),
    ),
    Entry(
        op="RowLoss", name="categorical hinge of any numbers", fn=k.categorical_hinge, inputs=normal((6, 4), (6, 4)),
        reference=lambda t, p: hinge(t, p).mean(),
    ),
    Entry(
        op="RowLoss", name="focal, alpha for each class", fn=lambda t, p: k.categorical_focal_crossentropy(t, p, None, "none", [0.1, 0.2, 0.5, 1.0]),
        inputs=one_hot(probabilities)((6, 4)), reference=lambda t, p: focal(t, p, 2.0, 0.0, np.array([0.1, 0.2, 0.5, 1.0])),
    ),
]  # fmt: skip
