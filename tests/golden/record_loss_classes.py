"""Records loss_classes.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_loss_classes.py``.

Each case is a loss with arguments, targets and predictions, sample weights and a mask or none. Kept are the value for
each reduction and the gradient with respect to the predictions.
"""

import json
import pathlib

import numpy as np

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none")

# class, arguments, data (see `data`), weights: none, one per sample, or one per sample and step; whether there is a mask
CASES = [
    (name, arguments, kind, weights, mask)
    for name, arguments, kinds in [
        ("MeanSquaredError", {}, ["real", "real3", "column"]),
        ("MeanAbsoluteError", {}, ["real", "real3", "column"]),
        ("BinaryCrossentropy", {}, ["binary", "column_binary"]),
        ("BinaryCrossentropy", {"label_smoothing": 0.2}, ["binary"]),
        ("BinaryCrossentropy", {"from_logits": True}, ["binary_logits", "column_binary"]),
        ("CategoricalCrossentropy", {}, ["one_hot", "one_hot3"]),
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ["one_hot"]),
        ("CategoricalCrossentropy", {"from_logits": True}, ["one_hot_logits"]),
        ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.3}, ["one_hot_logits"]),
        ("SparseCategoricalCrossentropy", {}, ["sparse", "sparse_column", "sparse3"]),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, ["sparse_logits", "sparse3_logits"]),
        ("SparseCategoricalCrossentropy", {"ignore_class": 1}, ["sparse", "sparse3"]),
        ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, ["sparse3_logits"]),
    ]
    for kind in kinds
    for weights in ("none", "sample") + (("step",) if "3" in kind else ())
    for mask in ((False, True) if "3" in kind else (False,))
    if not (weights == "sample" and "3" in kind)
]


def data(kind):
    """y_true and y_pred."""
    rng = np.random.default_rng(len(kind))
    rank3 = "3" in kind
    shape = (4, 5, 3) if rank3 else (6, 1) if kind.startswith("column") else (6, 4)
    logits = rng.normal(size=shape).astype("float32") * 2
    if kind.startswith(("real", "column")) and "binary" not in kind:
        return rng.normal(size=shape).astype("float32"), logits
    if "binary" in kind:
        y_true = rng.integers(0, 2, size=shape).astype("float32")
        return y_true, logits if "logits" in kind else (1 / (1 + np.exp(-logits))).astype("float32")
    labels = rng.integers(0, shape[-1], size=shape[:-1])
    y_true = np.eye(shape[-1], dtype="float32")[labels] if kind.startswith("one_hot") else labels[..., None] if "column" in kind else labels
    if "logits" in kind:
        return y_true, logits
    e = np.exp(logits)
    return y_true, (e / e.sum(-1, keepdims=True) * 0.9).astype("float32")      # not normalised: that is the loss's business


def weights_and_mask(case):
    _, _, kind, weights, mask = case
    rng = np.random.default_rng(3)
    shape = data(kind)[1].shape[:-1]
    w = None if weights == "none" else rng.uniform(0, 2, size=shape[:1] if weights == "sample" else shape).astype("float32")
    if w is not None:
        w.flat[0] = 0                                                              # counts as a value all the same
    return w, rng.uniform(size=shape) < 0.7 if mask else None


def main():
    import keras
    import torch

    out = {"cases": json.dumps(CASES)}
    for i, case in enumerate(CASES):
        name, arguments, kind, _, _ = case
        y_true, y_pred = data(kind)
        w, mask = weights_and_mask(case)
        for reduction in REDUCTIONS:
            p = torch.tensor(y_pred, requires_grad=True)
            if mask is not None:
                keras.src.backend.set_keras_mask(p, torch.tensor(mask))
            value = getattr(keras.losses, name)(reduction=reduction, **arguments)(y_true, p, w)
            value.sum().backward()
            out[f"{i}/{reduction}"] = value.detach().numpy()
            out[f"{i}/{reduction}/gradient"] = p.grad.numpy()
    np.savez_compressed(pathlib.Path(__file__).with_name("loss_classes.npz"), **out)


if __name__ == "__main__":
    main()
