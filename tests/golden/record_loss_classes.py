"""Records loss_classes.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_loss_classes.py``.

Each case is a loss with arguments, targets and predictions, sample weights and a mask or none. Kept are the value for
each reduction and the gradient with respect to the predictions.
"""

import json
import pathlib

import numpy as np

PATH = pathlib.Path(__file__).with_name("loss_classes.npz")
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
        ("MeanAbsolutePercentageError", {}, ["real", "real3"]),
        ("MeanSquaredLogarithmicError", {}, ["counts", "real3"]),
        ("LogCosh", {}, ["real"]),
        ("Huber", {"delta": 0.7}, ["real", "real3"]),
        ("CosineSimilarity", {}, ["real", "real3"]),
        ("CosineSimilarity", {"axis": 1}, ["real3"]),
        ("Hinge", {}, ["signs", "binary_logits"]),
        ("SquaredHinge", {}, ["signs", "binary_logits"]),
        ("CategoricalHinge", {}, ["one_hot_logits", "one_hot3"]),
        ("KLDivergence", {}, ["one_hot", "one_hot3"]),
        ("Poisson", {}, ["counts"]),
        ("BinaryFocalCrossentropy", {}, ["binary"]),
        ("BinaryFocalCrossentropy", {"from_logits": True, "apply_class_balancing": True, "label_smoothing": 0.1, "gamma": 1.5}, ["binary_logits"]),
        ("CategoricalFocalCrossentropy", {}, ["one_hot", "one_hot3"]),
        ("CategoricalFocalCrossentropy", {"from_logits": True, "alpha": 0.6, "label_smoothing": 0.1, "gamma": 1.5}, ["one_hot_logits"]),
        ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, ["sparse"]),
        ("Dice", {}, ["binary"]),
        ("Dice", {"axis": (1, 2)}, ["one_hot3"]),
        ("Tversky", {"alpha": 0.3, "beta": 0.8, "axis": 0}, ["one_hot3"]),
        ("Circle", {"gamma": 10.0}, ["embedding"]),
        ("CTC", {}, ["sequence"]),
    ]
    for kind in kinds
    for weights in ("none", "sample") + (("step",) if "3" in kind else ())
    for mask in ((False, True) if "3" in kind and name not in ("Dice", "Tversky") and "axis" not in arguments else (False,))
    if not (weights == "step" and (name in ("Dice", "Tversky") or "axis" in arguments))
    if not (weights == "sample" and "3" in kind)
]


def data(kind):
    """y_true and y_pred."""
    rng = np.random.default_rng(len(kind))
    rank3 = "3" in kind
    shape = (4, 5, 3) if rank3 else (6, 1) if kind.startswith("column") else (6, 4)
    logits = rng.normal(size=shape).astype("float32") * 2
    if kind == "counts":
        return rng.integers(0, 5, size=shape), np.exp(logits / 2)
    if kind == "signs":
        return rng.choice([-1, 1], size=shape), logits
    if kind == "embedding":
        return np.array([0, 1, 0, 1, 2, 0]), logits / np.linalg.norm(logits, axis=1, keepdims=True)
    if kind == "sequence":
        return np.array([[1, 2, 0], [2, 2, 1], [1, 1, 0], [2, 0, 0], [0, 0, 0], [1, 2, 1]]), rng.normal(size=(6, 7, 3)).astype("float32") * 2
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
    shape = data(kind)[1].shape[: 1 if kind == "sequence" else -1]
    w = None if weights == "none" else rng.uniform(0, 2, size=shape[:1] if weights == "sample" else shape).astype("float32")
    if w is not None:
        w.flat[0] = 0                                                              # counts as a value all the same
    return w, rng.uniform(size=shape) < 0.7 if mask else None


def load():
    """The cases, and what was recorded of them."""
    file = np.load(PATH)
    numbers, at, out = file["numbers"], 0, {}
    for key, shape in json.loads(str(file["index"])).items():
        n = int(np.prod(shape))
        out[key] = numbers[at : at + n].reshape(shape)
        at += n
    return json.loads(str(file["cases"])), out


def main():
    import keras
    import torch

    out = {}
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
    # One array: each of its own would take more room for its header than for its numbers.
    index = {key: value.shape for key, value in out.items()}
    numbers = np.concatenate([value.ravel() for value in out.values()])
    np.savez_compressed(PATH, cases=json.dumps(CASES), index=json.dumps(index), numbers=numbers)


if __name__ == "__main__":
    main()
