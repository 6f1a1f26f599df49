"""Records metric_classes.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_metric_classes.py``.

Each case updates a metric with two batches; kept are the result after each and the state at the end.
"""

import json
import pathlib

import numpy as np

# class, arguments, data (see `data`), weights: none, one per sample, one per sample and step; whether y_pred has a mask
CASES = [
    (name, arguments, kind, weights, mask)
    for name, arguments, kinds in [
        ("Accuracy", {}, ["integers", "integers2"]),
        ("BinaryAccuracy", {}, ["binary", "binary_column", "binary_flat", "binary3"]),
        ("BinaryAccuracy", {"threshold": 0.3}, ["binary"]),
        ("CategoricalAccuracy", {}, ["one_hot", "one_hot3"]),
        ("SparseCategoricalAccuracy", {}, ["sparse", "sparse_column", "sparse3"]),
        ("MeanSquaredError", {}, ["real", "real_column", "real3"]),
        ("MeanAbsoluteError", {}, ["real", "real_column", "real3"]),
        ("BinaryCrossentropy", {}, ["binary", "binary_column"]),
        ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ["real01"]),
        ("CategoricalCrossentropy", {}, ["one_hot", "one_hot3"]),
        ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ["one_hot"]),
        ("SparseCategoricalCrossentropy", {}, ["sparse", "sparse3"]),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, ["sparse"]),
        ("SparseCategoricalCrossentropy", {"ignore_class": 1}, ["sparse"]),
    ]
    for kind in kinds
    for weights in ("none", "sample") + (("step",) if "3" in kind else ())
    for mask in ((False, True) if "3" in kind else (False,))
    if not (mask and weights == "sample")
]
VALUES = [((5,), None), ((5,), (5,)), ((4, 3), None), ((4, 3), (4,)), ((4, 3), (4, 3)), ((4, 3), (4, 1)), ((), None), ((), ()), ((2, 3, 2), (2, 3))]


def data(kind, batch):
    """y_true and y_pred of batch 0 or 1; the second is shorter, as the last batch of an epoch."""
    rng = np.random.default_rng([len(kind), batch])
    n = 6 - 2 * batch
    shape = (n, 4, 3) if "3" in kind else (n, 1) if "column" in kind and not kind.startswith("sparse") else (n,) if "flat" in kind else (n, 4)
    probabilities = rng.uniform(0.05, 0.95, size=shape).astype("float32")
    if kind.startswith("integers"):
        shape = (n, 3) if "2" in kind else (n,)
        return rng.integers(0, 2, size=shape), rng.integers(0, 2, size=shape).astype("float32")
    if kind.startswith("binary"):
        return rng.integers(0, 2, size=shape), probabilities
    if kind.startswith("real"):
        y_true = rng.integers(0, 2, size=shape) if "01" in kind else rng.normal(size=shape)
        return y_true.astype("float32"), rng.normal(size=shape).astype("float32")
    labels = rng.integers(0, shape[-1], size=shape[:-1])
    if kind.startswith("one_hot"):
        return np.eye(shape[-1], dtype="float32")[labels], probabilities
    return labels[..., None] if "column" in kind else labels, probabilities


def weights_and_mask(case, batch):
    _, _, kind, weights, mask = case
    rng = np.random.default_rng([11, batch])
    shape = data(kind, batch)[1].shape
    shape = shape[:2] if "3" in kind else shape[:1]
    w = None if weights == "none" else rng.uniform(0, 2, size=shape[:1] if weights == "sample" else shape).astype("float32")
    return w, rng.uniform(size=shape) < 0.6 if mask else None


def values(i):
    """Values and weights of case i of Mean and Sum."""
    rng = np.random.default_rng(i)
    shape, weights = VALUES[i]
    return rng.normal(size=shape).astype("float32"), None if weights is None else rng.uniform(size=weights).astype("float32")


def main():
    import keras
    import torch

    out = {"cases": json.dumps(CASES)}
    for i, case in enumerate(CASES):
        name, arguments, kind, _, _ = case
        metric = getattr(keras.metrics, name)(**arguments)
        for batch in (0, 1):
            y_true, y_pred = data(kind, batch)
            w, mask = weights_and_mask(case, batch)
            y_pred = torch.tensor(y_pred)
            if mask is not None:
                keras.src.backend.set_keras_mask(y_pred, torch.tensor(mask))
            metric.update_state(y_true, y_pred, w)
            out[f"{i}/{batch}"] = float(metric.result())
        out[f"{i}/state"] = np.array([float(v) for v in metric.variables])
    for i in range(len(VALUES)):
        for name in ("Mean", "Sum"):
            metric = getattr(keras.metrics, name)()
            metric.update_state(*values(i))
            out[f"{name}{i}"] = np.array([float(v) for v in metric.variables])
    np.savez_compressed(pathlib.Path(__file__).with_name("metric_classes.npz"), **out)


if __name__ == "__main__":
    main()
