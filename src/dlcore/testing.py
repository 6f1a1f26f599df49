"""Checks for your own operations."""

import copy
import inspect
import pickle

import numpy as np

from dlcore import config, models, ops, tree, utils
from dlcore._kernels import tensor
from dlcore._kernels.tape import Tape
from dlcore.layers import Input, Layer

__all__ = ["check_gradient", "check_layer"]


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


def check_layer(make, inputs, *, gradient=True, tol=1e-6, custom_objects=None):
    """Checks what Keras promises of every layer on one of yours.

    - Built once, its variables have names, and they are all in ``weights``.
    - It computes in ``float32`` and ``float64``, and gives the same for the same input (in inference).
    - The shape that it announces, with the batch unknown too, is that of the output, for this batch and for one row.
    - ``get_config`` and ``from_config`` give a layer that, with the same weights, does the same; so do pickle and deepcopy.
    - In a functional model and in a Sequential it does what it does when called.
    - Its gradients by inputs and weights are those of finite differences.
    - One step of training a model with it gives a finite loss.

    Args:
        make: Function without arguments that gives a new layer.
        inputs: Array with the batch first, or a list of arrays for a layer of several inputs.
        gradient: Whether the layer is differentiable (in inference).
        tol: Largest relative difference of the gradients.
        custom_objects: Classes and functions that its configuration names.

    Raises:
        AssertionError: If one of these does not hold; the message says which.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.testing.check_layer(lambda: dlcore.layers.Dense(3, activation="tanh"), np.ones((2, 4), "float32"))
    """
    inputs = tree.map_structure(np.asarray, inputs)
    layer = make()
    if not isinstance(layer, Layer):
        raise AssertionError(f"check_layer: make must give a Layer; received {layer!r}")
    what = type(layer).__name__
    symbolic = layer(_symbols(inputs))
    names = [w.name for w in layer.weights]
    expected = layer(inputs)
    _claim(layer.built, f"{what} is not built after a call")
    _claim([w.name for w in layer.weights] == names, f"{what} makes variables when it is called again: {names} became {[w.name for w in layer.weights]}")
    _compare(layer(inputs), expected, f"{what} called again")
    for rows in (1, None):
        part = tree.map_structure(lambda x, rows=rows: x[:rows], inputs)
        for y, spec in zip(tree.flatten(layer(part)), tree.flatten(symbolic), strict=True):
            fits = len(y.shape) == len(spec.shape) and all(d is None or d == n for n, d in zip(y.shape, spec.shape, strict=True))
            _claim(fits and y.dtype == spec.dtype, f"{what} announced {spec.shape}, {spec.dtype}; it gave {y.shape}, {y.dtype}")
    announced = layer.compute_output_shape(tree.map_structure(lambda x: tuple(x.shape), inputs))
    _claim(_shapes(announced) == [tuple(y.shape) for y in tree.flatten(expected)], f"{what}.compute_output_shape gave {announced} for an output of {_shapes(expected)}")

    with utils.custom_object_scope(custom_objects):
        other = type(layer).from_config(layer.get_config())
        written = utils.deserialize_keras_object(utils.serialize_keras_object(layer)) if _public(layer) else other
    for name, twin in (("from_config", other), ("deserialize", written), ("deepcopy", copy.deepcopy(layer)), ("pickle", pickle.loads(pickle.dumps(layer)) if _public(layer) else layer)):
        twin(inputs)
        twin.set_weights(layer.get_weights())
        _compare(twin(inputs), expected, f"{what} after {name}")
        _claim([w.name for w in twin.weights] == names, f"{what} after {name} has weights {[w.name for w in twin.weights]}; expected {names}")

    symbols = _symbols(inputs)
    model = models.Model(symbols, layer(symbols))
    _compare(model(inputs), expected, f"{what} in a functional model")
    if not isinstance(inputs, (list, dict)):
        _compare(models.Sequential([layer])(inputs), expected, f"{what} in a Sequential")
    _check_numbers(make, inputs, layer, expected, gradient, tol)
    if gradient and all(y.dtype == config.floatx() for y in tree.flatten(expected)):
        model.compile("sgd", loss=[_square] * len(tree.flatten(expected)))
        loss = model.train_on_batch(inputs, tree.flatten(expected))
        _claim(np.isfinite(np.asarray(loss, dtype="float64")).all(), f"{what}: the loss of a training step is {loss}")


def _check_numbers(make, inputs, layer, expected, gradient, tol):
    """The layer in float64: the same numbers, and its gradients."""
    before = config.floatx()
    config.set_floatx("float64")
    try:
        precise = make()
        wide = tree.map_structure(lambda x: x.astype("float64") if x.dtype.kind == "f" else x, inputs)
        result = precise(wide)
        precise.set_weights(layer.get_weights())
        result = precise(wide)
        _compare(result, expected, f"{type(layer).__name__} in float64", 2e-4)
        if not gradient:
            return
        flat, count = tree.flatten(wide), len(tree.flatten(wide))
        weights = precise.trainable_weights

        def function(*tensors):
            for w, value in zip(weights, tensors[count:], strict=True):
                w.assign(value)
            return tuple(tree.flatten(precise(tree.pack_as(wide, tensors[:count]))))

        if any(x.dtype.kind == "f" for x in flat):
            check_gradient(lambda *tensors: function(*tensors, *[np.array(w) for w in weights]), flat, tol=tol)
        for w in weights:
            _check_weight(precise, wide, w, tol)
    finally:
        config.set_floatx(before)


def _check_weight(layer, inputs, weight, tol, eps=1e-6):
    """The gradient by one variable, along a random direction."""
    rng = np.random.default_rng(1)
    start = np.array(weight)

    def total():
        return sum(float(np.sum(c * y.numpy())) for c, y in zip(coefficients, tree.flatten(layer(inputs)), strict=True))

    coefficients = [rng.standard_normal(y.shape) for y in tree.flatten(layer(inputs))]
    direction = rng.standard_normal(start.shape)
    with Tape() as tape:
        outputs = tree.flatten(layer(inputs))
    g = tape.gradient(outputs, weight, output_gradients=coefficients)
    received = 0.0 if g is None else float(np.sum(np.asarray(g) * direction))
    values = []
    for step in (eps, -eps):
        weight.assign(start + step * direction)
        values.append(total())
    weight.assign(start)
    expected = (values[0] - values[1]) / (2 * eps)
    scale = max(abs(expected), abs(received), 1e-3)
    _claim(abs(expected - received) <= max(tol, 1e-5) * scale, f"{type(layer).__name__}: wrong gradient of the weight {weight.name!r}: expected {expected:.9g}, received {received:.9g}")


def _square(y_true, y_pred):
    return ops.mean(y_pred**2, axis=-1)


def _symbols(inputs):
    return tree.map_structure(lambda x: Input(x.shape[1:], dtype=x.dtype.name if x.dtype.kind in "iub" else None), inputs)


def _shapes(structure):
    found = []
    tree.map_shape(found.append, structure) if not hasattr(structure, "shape") else found.append(structure.shape)
    return [tuple(s) for s in found]


def _public(layer):
    return utils.serialization.public_module(type(layer)) is not None


def _claim(holds, message):
    if not holds:
        raise AssertionError(message)


def _compare(found, expected, what, tol=0.0):
    for a, b in zip(tree.flatten(found), tree.flatten(expected), strict=True):
        np.testing.assert_allclose(np.asarray(a, "float64"), np.asarray(b, "float64"), rtol=tol, atol=tol, err_msg=f"check_layer: {what}")


def _as_list(outputs):
    return list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]


def _name(fn, i):
    try:
        names = list(inspect.signature(fn).parameters)
        return f"input {i} ({names[i]})"
    except (TypeError, ValueError, IndexError):
        return f"input {i}"
