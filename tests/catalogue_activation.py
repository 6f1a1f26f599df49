"""Catalogue of activation and softmax."""

import numpy as np
import scipy.special as special
from catalogue import Entry, normal, uniform

from dlcore._kernels import activation as k
from dlcore._kernels import glu as gated
from dlcore._kernels import softmax as s

ENTRIES = []


def sigmoid(x):
    return special.expit(x)


def away_from(*kinks, low=-4, high=4):
    """A factory of uniform arrays that keep a distance from the kinks."""

    def make(shape):
        def inputs(rng, dtype):
            x = rng.uniform(low, high, shape)
            for kink in kinks:
                x = np.where(np.abs(x - kink) < 0.01, kink + 0.02, x)
            return (x.astype(dtype),)

        return inputs

    return make


def elementwise(name, reference, *kinks, tol=2e-6, label="", **kwargs):
    make = away_from(*kinks)
    fn = getattr(k, name)
    ENTRIES.append(
        Entry(
            op="Activation",
            name=label or name,
            fn=lambda x: fn(x, **kwargs),
            inputs=make((3, 37)),
            reference=reference,
            tol=tol,
            cases=(make((2, 3, 5)), make((500,))),
            single=make(()),
            empty=make((0, 3)),
            large=make((3, 40000)),
        )
    )


def relu(x, slope, top, threshold):
    return np.where(x > threshold, np.minimum(x, top), slope * (x - threshold))


def exp_unit(x, alpha, rate=1.0, scale=1.0):
    return np.where(x > 0, scale * x, alpha * np.expm1(np.minimum(x, 0) * rate))


elementwise("relu", lambda x: np.maximum(x, 0), 0)
elementwise("relu", lambda x: relu(x, 0.3, 2, 0.5), 0.5, 2, label="relu with everything", negative_slope=0.3, max_value=2, threshold=0.5)
elementwise("relu", lambda x: relu(x, 0.3, np.inf, 0), 0, label="relu with slope", negative_slope=0.3)
elementwise("relu", lambda x: relu(x, 0, 1.5, 0), 0, 1.5, label="relu with max_value", max_value=1.5)
elementwise("relu", lambda x: np.where(x > -0.5, x, 0), -0.5, label="relu with negative threshold", threshold=-0.5)
elementwise("relu6", lambda x: np.clip(x, 0, 6), 0)
elementwise("leaky_relu", lambda x: np.where(x > 0, x, 0.2 * x), 0)
elementwise("leaky_relu", lambda x: np.where(x > 0, x, -0.7 * x), 0, label="leaky_relu that falls", negative_slope=-0.7)
elementwise("elu", lambda x: exp_unit(x, 1), 0)
elementwise("elu", lambda x: exp_unit(x, -0.4), 0, label="elu that falls", alpha=-0.4)
elementwise("celu", lambda x: exp_unit(x, 1), 0)
elementwise("celu", lambda x: exp_unit(x, 0.6, 1 / 0.6), 0, label="celu with alpha", alpha=0.6)
elementwise("selu", lambda x: exp_unit(x, 1.0507009873554805 * 1.6732632423543772, 1, 1.0507009873554805), 0)
elementwise("gelu", lambda x: x * special.ndtr(x), approximate=False)
elementwise("gelu", lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), label="gelu approximate")
elementwise("silu", lambda x: x * sigmoid(x))
elementwise("mish", lambda x: x * np.tanh(np.log1p(np.exp(x))))
elementwise("softplus", lambda x: np.log1p(np.exp(x)))
elementwise("softsign", lambda x: x / (1 + np.abs(x)))
elementwise("sigmoid", sigmoid)
elementwise("hard_sigmoid", lambda x: np.clip(x + 3, 0, 6) / 6, -3, 3)
elementwise("hard_silu", lambda x: x * np.clip(x + 3, 0, 6) / 6, -3, 3)
elementwise("log_sigmoid", lambda x: -np.log1p(np.exp(-x)))
elementwise("tanh", np.tanh)
elementwise("hard_tanh", lambda x: np.clip(x, -1, 1), -1, 1)
elementwise("tanh_shrink", lambda x: x - np.tanh(x))
elementwise("soft_shrink", lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0), -0.5, 0.5)
elementwise("hard_shrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), -0.5, 0.5)
elementwise("squareplus", lambda x: (x + np.sqrt(x * x + 4)) / 2)
elementwise("squareplus", lambda x: (x + np.sqrt(x * x + 0.3)) / 2, label="squareplus with b", b=0.3)
elementwise("sparse_plus", lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)), -1, 1)
elementwise("sparse_sigmoid", lambda x: np.clip((x + 1) / 2, 0, 1), -1, 1)
elementwise("exponential", np.exp)
elementwise("threshold", lambda x: np.where(x > 0.3, x, -2), 0.3, threshold=0.3, default_value=-2.0)


# --------------------------------------------------------------------------------------------------- along an axis

def along(op, fn, reference, axes, tol=4e-6, inputs=normal):
    for axis in axes:
        ENTRIES.append(
            Entry(
                op=op,
                name=f"axis {axis}",
                fn=lambda x, axis=axis: fn(x, axis=axis),
                inputs=inputs((3, 4, 6)),
                reference=lambda x, axis=axis: reference(x, axis),
                tol=tol,
                cases=(inputs((2, 130, 2)), inputs((2, 2, 300)), inputs((1, 2, 2))),
                empty=inputs((0, 4, 6)) if axis in (-1, 1) else None,
                large=inputs((40, 50, 60)) if axis is not None else None,
            )
        )


def sparsemax(x, axis):
    z = np.sort(np.moveaxis(x, axis, -1))[..., ::-1]
    sums = np.cumsum(z, axis=-1)
    n = np.arange(1, z.shape[-1] + 1)
    size = np.sum(1 + n * z > sums, axis=-1, keepdims=True)
    tau = (np.take_along_axis(sums, size - 1, -1) - 1) / size
    return np.maximum(x - np.moveaxis(tau, -1, axis), 0)


def glu(x, axis):
    a, b = np.split(x, 2, axis=axis)
    return a * sigmoid(b)


AXES = (-1, 0, 1, (0, 1), (0, 2), None)
along("Softmax", s.softmax, lambda x, axis: special.softmax(x, axis=axis), AXES)
along("LogSoftmax", s.log_softmax, lambda x, axis: special.log_softmax(x, axis=axis), AXES)
along("Sparsemax", s.sparsemax, sparsemax, (-1, 0, 1))
along("Glu", gated.glu, glu, (-1, 1))
ENTRIES.append(Entry(op="Glu", name="axis 0", fn=lambda x: gated.glu(x, axis=0), inputs=uniform(-3, 3, (4, 5)), reference=lambda x: glu(x, 0)))
