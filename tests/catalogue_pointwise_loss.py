"""Catalogue of pointwise_loss, but for the binary cross-entropies, which are in catalogue_loss.py."""

from functools import partial

import catalogue_loss
import numpy as np
import scipy.special as special
from catalogue_loss import SHAPES, VARIANTS, binary, normal, probabilities, smoothed, two

from dlcore._kernels import pointwise_loss as k

ENTRIES = []
loss = partial(catalogue_loss.loss, "PointwiseLoss", entries=ENTRIES)
SOME = [VARIANTS[1], VARIANTS[-2]]


def positive(shape):
    return lambda rng, dtype: (rng.uniform(0.1, 0.9, shape).astype(dtype), rng.uniform(0.1, 0.9, shape).astype(dtype))


def far_from_0(shape):
    """Targets of both signs, not near 0, and predictions that differ from them."""
    return lambda rng, dtype: tuple(x.astype(dtype) for x in (rng.choice([-1, 1], shape) * rng.uniform(1, 2, shape), rng.uniform(2.5, 4, shape)))


def hinges(shape):
    """Labels -1 and 1, some in between, and predictions on both sides of the kink, not near it."""

    def inputs(rng, dtype):
        t = rng.choice([-1, -0.5, 0.5, 1], shape)
        t.flat[0] = -1                                      # so that labels of one element are not 0 or 1 either
        return t.astype(dtype), (rng.choice([-1.5, 0.3, 3.5], shape) + rng.uniform(-0.2, 0.2, shape)).astype(dtype)

    return inputs


loss("squared", k.mean_squared_error, two, lambda t, p: ((t - p) ** 2).mean(-1), SHAPES)
loss("absolute", k.mean_absolute_error, two, lambda t, p: np.abs(t - p).mean(-1), SHAPES)
loss("percentage", k.mean_absolute_percentage_error, far_from_0, lambda t, p: 100 * np.abs((t - p) / t).mean(-1), SHAPES, tol=5e-6)
loss("squared logarithmic", k.mean_squared_logarithmic_error, positive, lambda t, p: ((np.log1p(t) - np.log1p(p)) ** 2).mean(-1), SHAPES, tol=1e-5)
loss("log cosh", k.log_cosh, two, lambda t, p: np.log(np.cosh(t - p)).mean(-1), SHAPES, tol=1e-5)
loss("poisson", k.poisson, positive, lambda t, p: (p - t * np.log(p + 1e-7)).mean(-1), SHAPES)
loss("divergence", k.kl_divergence, positive, lambda t, p: (t * np.log(t / p)).sum(-1), SHAPES, tol=1e-5)
loss("hinge", k.hinge, hinges, lambda t, p: np.maximum(1 - t * p, 0).mean(-1), SHAPES)
loss("squared hinge", k.squared_hinge, hinges, lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1), SHAPES)
loss("hinge, 0 and 1", k.hinge, binary(normal), lambda t, p: np.maximum(1 - (2 * t - 1) * p, 0).mean(-1), SHAPES, variants=SOME)
for _delta in (1.0, 0.4):
    loss(
        f"huber, delta {_delta}", lambda t, p, w, r, d=_delta: k.huber(t, p, w, r, d), two,
        lambda t, p, d=_delta: np.where(abs(p - t) <= d, (p - t) ** 2 / 2, d * abs(p - t) - d * d / 2).mean(-1), SHAPES, tol=5e-6,
    )  # fmt: skip


def focal(t, p, gamma, s, balanced):
    t = smoothed(t, s, 2)
    weight = t * 0.3 + (1 - t) * 0.7 if balanced else 1
    cross_entropy = -(special.xlogy(t, p) + special.xlog1py(1 - t, -p))
    return (weight * (1 - t * p - (1 - t) * (1 - p)) ** gamma * cross_entropy).mean(-1)


for _gamma, _s, _balanced in ((2.0, 0.0, False), (2.0, 0.2, True), (1.5, 0.1, False), (1.0, 0.0, True), (0.0, 0.0, False)):
    loss(
        f"focal, gamma {_gamma}, smoothing {_s}, balanced {_balanced}",
        lambda t, p, w, r, a=(_balanced, 0.3, _gamma, False, _s): k.binary_focal_crossentropy_loss(t, p, w, r, *a),
        binary(probabilities), lambda t, p, a=(_gamma, _s, _balanced): focal(t, p, *a), SHAPES, variants=SOME, tol=5e-6,
    )  # fmt: skip
    loss(
        f"focal from logits, gamma {_gamma}, smoothing {_s}, balanced {_balanced}",
        lambda t, p, w, r, a=(_balanced, 0.3, _gamma, True, _s): k.binary_focal_crossentropy_loss(t, p, w, r, *a),
        binary(normal), lambda t, x, a=(_gamma, _s, _balanced): focal(t, special.expit(x), *a), SHAPES, variants=SOME, tol=5e-6,
    )  # fmt: skip
