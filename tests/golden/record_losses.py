"""Records losses.npz: values and gradients of Keras' losses and accuracies, for test_losses_kernel.py.

Run it with Keras and PyTorch installed: ``python tests/golden/record_losses.py``.
"""

import itertools
import json
import os
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"

import keras
import numpy as np
import torch

keras.config.set_floatx("float64")

CLASSES = {
    "mean_squared_error": keras.losses.MeanSquaredError,
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "categorical_crossentropy": keras.losses.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
}
REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight", "none"]
rng = np.random.default_rng(20)


def predictions(shape, from_logits, axis=-1, binary=False):
    x = (rng.normal(size=shape) * 3).round(2)
    if from_logits:
        return x
    p = (1 / (1 + np.exp(-x))).round(3)
    if binary:
        p.flat[:4] = [0.0, 1.0, 1e-8, 1 - 1e-8][: p.size]          # the clip acts
    else:
        p = np.moveaxis(p, axis, -1)
        p[(0,) * (p.ndim - 1)] = 0.0
        p[(0,) * p.ndim] = 1.0
        p = np.moveaxis(p, -1, axis)
    return p


def cases():
    """(name, arguments of the loss, y_true, y_pred, sample_weight)"""
    weights = [None, (5,), (5, 1)]
    for name in ("mean_squared_error", "mean_absolute_error"):
        for true, pred in [((5, 3), (5, 3)), ((5,), (5, 1)), ((5, 1), (5, 1)), ((5, 1), (5,)), ((3, 1100), (3, 1100)), ((5,), (5,))]:
            yield name, {}, rng.normal(size=true), rng.normal(size=pred), None
        yield name, {}, rng.integers(0, 5, (5, 3)), rng.normal(size=(5, 3)), rng.uniform(size=5)
        yield name, {}, rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 4, 3)), rng.uniform(size=(5, 4))
        yield name, {}, rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 4, 3)), rng.uniform(size=(5, 1))
        yield name, {}, rng.normal(size=(5, 4)), rng.normal(size=(5, 4, 1)), rng.uniform(size=5)
        yield name, {}, rng.normal(size=(1, 3)), rng.normal(size=(5, 3)), rng.uniform(size=(5, 1))
    for logits, smoothing, weight in itertools.product([False, True], [0.0, 0.2], weights):
        w = None if weight is None else rng.uniform(size=weight)
        kwargs = {"from_logits": logits, "label_smoothing": smoothing}
        yield "binary_crossentropy", kwargs, rng.integers(0, 2, 5), predictions((5, 1), logits, binary=True), w
        yield "binary_crossentropy", kwargs, rng.uniform(size=(5, 3)), predictions((5, 3), logits, binary=True), w
        for k in (3, 100):
            one_hot = np.eye(k)[rng.integers(0, k, 5)]
            yield "categorical_crossentropy", kwargs, one_hot, predictions((5, k), logits), w
        if w is None:                                             # more than the kernels compute at a time
            yield "categorical_crossentropy", kwargs, rng.uniform(size=(2, 1100)).round(2), predictions((2, 1100), logits), w
    for logits, weight in itertools.product([False, True], weights):
        w = None if weight is None else rng.uniform(size=weight)
        for k in (3, 100):
            yield "sparse_categorical_crossentropy", {"from_logits": logits}, rng.integers(0, k, 5), predictions((5, k), logits), w
        yield "sparse_categorical_crossentropy", {"from_logits": logits}, rng.integers(0, 3, (5, 1)).astype("float64"), predictions((5, 3), logits), w
        yield "sparse_categorical_crossentropy", {"from_logits": logits, "ignore_class": 1}, rng.integers(0, 3, 5), predictions((5, 3), logits), w
    for logits in (False, True):
        for axis in (1, -2):
            kwargs = {"from_logits": logits, "axis": axis}
            yield "binary_crossentropy", kwargs, rng.uniform(size=(5, 3, 4)), predictions((5, 3, 4), logits, binary=True), rng.uniform(size=(5, 4))
            yield "categorical_crossentropy", kwargs, rng.uniform(size=(5, 3, 4)), predictions((5, 3, 4), logits, 1), rng.uniform(size=(5, 4))
            yield "sparse_categorical_crossentropy", kwargs, rng.integers(0, 3, (5, 4)), predictions((5, 3, 4), logits, 1), rng.uniform(size=(5, 4))
        yield "sparse_categorical_crossentropy", {"from_logits": logits}, rng.integers(0, 3, (5, 4, 1)), predictions((5, 4, 3), logits), rng.uniform(size=(5, 4))


def metric_cases():
    """(class, arguments, y_true, y_pred, sample_weight); y_true is None for Mean."""
    for shape, weights in [
        ((6,), [None, (6,), (6, 1), (1,), ()]), ((6, 4), [None, (6,), (6, 4), (6, 1), ()]), ((6, 1), [None, (6,), (6, 1)]),
        ((6, 4, 3), [None, (6,), (6, 4), (6, 4, 1), (6, 4, 3), (6, 1)]), ((), [None, ()]),
    ]:  # fmt: skip
        for weight in weights:
            w = None if weight is None else rng.uniform(size=weight)
            yield "Mean", {}, None, rng.normal(size=shape), w
            if len(shape) > 1:
                for name in ("MeanSquaredError", "MeanAbsoluteError"):
                    if weight is None or len(weight) < len(shape):
                        yield name, {}, rng.normal(size=shape), rng.normal(size=shape), w
                yield "BinaryAccuracy", {"threshold": 0.3}, rng.integers(0, 2, shape), rng.uniform(size=shape), w
                if shape[-1] > 1 and (weight is None or len(weight) < len(shape)):
                    yield "CategoricalAccuracy", {}, rng.integers(0, 2, shape), rng.integers(0, 3, shape).astype(float), w
                    yield "SparseCategoricalAccuracy", {}, rng.integers(0, shape[-1], shape[:-1]), rng.normal(size=shape), w
    for name in ("MeanSquaredError", "MeanAbsoluteError", "BinaryAccuracy", "Accuracy"):
        for true, pred in [((6,), (6, 1)), ((6, 1), (6,)), ((6,), (6,)), ((6, 4), (6, 4, 1)), ((6, 4, 1), (6, 4))]:
            yield name, {}, rng.integers(0, 2, true), rng.integers(0, 2, pred).astype(float), None
    yield "SparseCategoricalAccuracy", {}, rng.integers(0, 40, (6, 1)).astype(float), rng.integers(0, 2, (6, 40)).astype(float), None
    yield "SparseCategoricalAccuracy", {}, rng.integers(0, 3, (6, 4, 1)), rng.normal(size=(6, 4, 3)), None
    yield "BinaryAccuracy", {}, np.array([1, 0, 1]), np.array([0.5, 0.5, 0.51]), None


def metrics(arrays):
    meta = []
    for name, kwargs, y_true, y_pred, weight in metric_cases():
        metric = getattr(keras.metrics, name)(**kwargs)
        y = y_pred.astype("float32")
        metric.update_state(*([y] if y_true is None else [y_true, y]), sample_weight=weight)
        i = len(meta)
        meta.append([name, kwargs, y_true is not None, weight is not None])
        state = [float(metric.total.value), float(metric.count.value)]
        arrays |= {f"m{i}_pred": y, f"m{i}_state": state}
        if y_true is not None:
            arrays[f"m{i}_true"] = y_true
        if weight is not None:
            arrays[f"m{i}_weight"] = weight
    return meta


def main():
    meta, arrays = [], {}
    for name, kwargs, y_true, y_pred, weight in cases():
        for reduction in REDUCTIONS:
            loss = CLASSES[name](reduction=reduction, dtype="float64", **kwargs)
            x = torch.tensor(y_pred, requires_grad=True)
            value = loss(y_true, x, weight)
            seed = torch.linspace(0.5, 1.5, value.numel(), dtype=torch.float64).reshape(value.shape)
            value.backward(seed)
            i = len(meta)
            meta.append([name, kwargs, reduction, weight is not None])
            arrays |= {f"{i}_true": y_true, f"{i}_pred": y_pred, f"{i}_loss": value.detach().numpy(), f"{i}_grad": x.grad.numpy()}
            if y_pred.size > 1000:                                # a part will do
                arrays[f"{i}_grad"] = x.grad.numpy().ravel()[::97]
            if weight is not None:
                arrays[f"{i}_weight"] = weight
    # Inputs repeat for each reduction: keep one copy.
    for i in range(len(meta)):
        for part in ("true", "pred", "weight"):
            key, first = f"{i}_{part}", f"{i - i % len(REDUCTIONS)}_{part}"
            if i % len(REDUCTIONS) and key in arrays and np.array_equal(arrays[key], arrays[first]):
                del arrays[key]
    metric_meta = metrics(arrays)
    np.savez_compressed(Path(__file__).with_name("losses.npz"), meta=json.dumps(meta), metric_meta=json.dumps(metric_meta), **arrays)
    print(len(meta), "losses,", len(metric_meta), "metrics")


if __name__ == "__main__":
    main()
