"""Checks for your own operations."""

import inspect

import numpy as np

from dlcore._kernels import tensor
from dlcore._kernels.tape import Tape

__all__ = ["check_gradient"]


def check_gradient(fn, inputs, *, eps=1e-6, tol=1e-6, seed=0):
    """Compares the gradients of a function with finite differences, in float64.

    For random weights w of the outputs and a random direction d of one input at a time, the derivative of
    ``sum(w * fn(x + t d))`` at t = 0 is taken twice: from a central difference, and as ``sum(g * d)`` from the gradient
    g that a tape computes. Three directions per input: a wrong gradient does not stay hidden in all of them.

    Args:
        fn: Function of tensors, composed of ``dlcore.ops``; returns a tensor or a tuple of tensors.
        inputs: Arrays, one for each argument. Floating ones are converted to float64 and checked, others are passed on.
        eps: Step of the differences, relative to elements larger than 1.
        tol: Largest relative difference.
        seed: Seed of the weights and directions.

    Raises:
        AssertionError: If a gradient is wrong. The message names the input, what was expected and what was received.
        ValueError: If no input or an output is not floating.

    Example:
        >>> import dlcore
        >>> from dlcore.testing import check_gradient
        >>> check_gradient(dlcore.ops.exp, [[0.1, 0.2]])
    """
    rng = np.random.default_rng(seed)
    arrays = [np.array(x, dtype=np.float64) if np.asarray(x).dtype.kind == "f" else np.asarray(x) for x in inputs]
    floating = [i for i, x in enumerate(arrays) if x.dtype == np.float64]
    if not floating:
        raise ValueError(f"check_gradient: expected at least one floating input; received dtypes {[str(x.dtype) for x in arrays]}")

    tensors = [tensor.convert(x.copy()) for x in arrays]
    with Tape() as tape:
        tape.watch([tensors[i] for i in floating])
        outputs = _as_list(fn(*tensors))
    for y in outputs:
        if y.dtype != "float64":
            raise ValueError(f"check_gradient: every output must be float64; received {y.dtype} of shape {y.shape}. Do not cast inside the function")
    weights = [rng.standard_normal(y.shape) for y in outputs]
    gradients = tape.gradient(outputs, [tensors[i] for i in floating], output_gradients=weights)

    def value(changed, step):
        moved = [tensor.convert(x + step if i == changed else x.copy()) for i, x in enumerate(arrays)]
        return sum(float(np.sum(w * y.numpy())) for w, y in zip(weights, _as_list(fn(*moved)), strict=True))

    for i, gradient in zip(floating, gradients, strict=True):
        g = np.zeros_like(arrays[i]) if gradient is None else gradient.numpy()
        if g.shape != arrays[i].shape:
            raise AssertionError(f"the gradient of {_name(fn, i)} has shape {g.shape}; expected {arrays[i].shape}")
        for _ in range(3):
            direction = rng.standard_normal(g.shape) * np.maximum(1, np.abs(arrays[i]))
            expected = (value(i, eps * direction) - value(i, -eps * direction)) / (2 * eps)
            received = float(np.sum(g * direction))
            # Terms may cancel in the sum, so the size of the terms counts as well.
            scale = max(abs(expected), abs(received), float(np.sqrt(np.sum((g * direction) ** 2))), 1e-3)
            if not abs(expected - received) <= tol * scale:
                raise AssertionError(
                    f"wrong gradient of {_name(fn, i)}, shape {g.shape}: along a random direction expected {expected:.9g} "
                    f"(central difference), received {received:.9g} (tape{', None: no path from the input' if gradient is None else ''}), "
                    f"relative difference {abs(expected - received) / scale:.2e}, allowed {tol:.0e}"
                )


def _as_list(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _name(fn, i):
    try:
        names = list(inspect.signature(fn).parameters)
        return f"input {i} ({names[i]})"
    except (TypeError, ValueError, IndexError):
        return f"input {i}"
