"""Records compile_utils.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_compile_utils.py``.

Kept are the total loss and the trackers of its parts, and the names and values of metrics, for what `compile` may be given.
"""

import json
import pathlib

import numpy as np

A = np.array([[1.0], [2.0]], "float32")
B = np.array([[0.0], [5.0]], "float32")
ONE_HOT = np.eye(3, dtype="float32")[[0, 2]]
P = np.array([[0.7, 0.2, 0.1], [0.3, 0.5, 0.2]], "float32")
W = np.array([1.0, 3.0], "float32")
INDEX = np.array([0, 2])
LISTS = ([A, A], [B, A + 1])
DICTS = ({"p": A, "q": A}, {"p": B, "q": A + 1})
N = ["p", "q"]
M = ["x", "y", "z"]


def tree(x, y, z):
    return {"a": x, "b": {"c": y, "d": z}}


def lists(x, y, z):
    return [x, (y, z)]


TREES = (tree(A, A, A), tree(B, A + 1, B))
NESTED_LISTS = (lists(A, A, A), lists(B, A + 1, B))

# loss, loss_weights, output names, (y_true, y_pred), sample_weight
LOSSES = {
    "one": ("mse", None, None, (A, B), None),
    "one weighted samples": ("mse", None, None, (A, B), W),
    "one with weight": ("mse", 2.0, None, (A, B), None),
    "one with weight in list": ("mse", [2.0], ["p"], (A, B), None),
    "one in list": (["mse"], None, ["p"], (A, B), None),
    "one in dict": ({"p": "mse"}, None, ["p"], (A, B), None),
    "ce binary": ("crossentropy", None, None, (np.array([[0.0], [1.0]], "float32"), np.array([[0.2], [0.6]], "float32")), None),
    "ce sparse": ("ce", None, None, (INDEX, P), None),
    "ce sparse column": ("ce", None, None, (INDEX[:, None], P), None),
    "ce categorical": ("ce", None, None, (ONE_HOT, P), None),
    "same for two": ("mse", None, N, LISTS, None),
    "list": (["mse", "mae"], None, N, LISTS, None),
    "list without names": (["mse", "mae"], None, None, LISTS, None),
    "list with weights": (["mse", "mae"], [1.0, 2.0], N, LISTS, None),
    "list with weights by name": (["mse", "mae"], {"q": 10.0, "p": 1.0}, N, LISTS, None),
    "list with none": (["mse", None], None, N, LISTS, None),
    "list with none, one target": (["mse", None], None, N, ([A], LISTS[1]), None),
    "list with none and weights": (["mse", None], [2.0, 1.0], N, LISTS, None),
    "dict for list": ({"q": "mae", "p": "mse"}, {"p": 1.0, "q": 0.5}, N, LISTS, None),
    "dict for dict": ({"q": "mae", "p": "mse"}, {"p": 1.0, "q": 0.5}, N, DICTS, None),
    "dict for dict without names": ({"q": "mae", "p": "mse"}, None, None, DICTS, None),
    "dict for part of dict": ({"q": "mae"}, None, N, DICTS, None),
    "same for dict": ("mse", None, None, DICTS, None),
    "targets by name": ("mse", None, N, ({"q": A, "p": A - 1}, LISTS[1]), None),
    "sample weights": ("mse", None, N, LISTS, W),
    "sample weights in list": (["mse", "mae"], [1.0, 0.5], N, LISTS, [W, W[::-1].copy()]),
    "same for nested": ("mse", None, M, TREES, None),
    "nested dict": (tree("mae", "mse", "mae"), None, M, TREES, None),
    "nested dict without names": (tree("mae", "mse", "mae"), None, None, TREES, None),
    "list for nested dict": (["mae", "mse", "mae"], None, M, TREES, None),
    "nested lists": (lists("mae", "mse", "mae"), None, M, NESTED_LISTS, None),
    "dict of names for nested lists": ({"x": "mae", "y": "mse", "z": "mse"}, None, M, NESTED_LISTS, None),
    "sample weights in dict": ("mse", None, N, DICTS, {"p": W, "q": W[::-1].copy()}),
}

# metrics, weighted metrics, output names, (y_true, y_pred), sample_weight
METRICS = {
    "one": (["mae", "mse"], ["mae"], None, (A, B), W),
    "nested": ([["mae", "mse"]], ["mae", "mae"], None, (A, B), W),
    "repeated": (["mae", "mae", "mae"], ["mae", "mae"], None, (A, B), None),
    "dict for one": ({"p": ["mae", "mse"]}, None, ["p"], (A, B), None),
    "accuracy binary": (["accuracy"], ["acc"], None, (np.array([[0.0], [1.0]], "float32"), np.array([[0.2], [0.4]], "float32")), W),
    "accuracy sparse": (["acc"], ["accuracy"], None, (INDEX, P), W),
    "accuracy sparse column": (["Accuracy"], None, None, (INDEX[:, None], P), None),
    "accuracy categorical": (["accuracy"], None, None, (ONE_HOT, P), None),
    "list for two": (["mae", "mse"], ["mae", ["mse"]], N, LISTS, W),
    "nested for two": ([["mae", "mse"], None], [["mae"], None], N, LISTS, [W, W]),
    "dict for two": ({"q": ["mae", "mse"]}, None, N, LISTS, None),
    "nested outputs": (tree("mae", ["mse", "mae"], None), tree(["mse"], "mae", "mae"), M, TREES, None),
    "nested outputs without names": (tree("mae", "mse", "mae"), None, None, TREES, None),
    "nested lists of outputs": (lists("mae", ["mse"], ["mae", "mse"]), None, M, NESTED_LISTS, None),
    "without names": (["mae", "mae"], ["mae", "mae"], None, LISTS, W),
    "dict for dict": ({"q": ["mae"], "p": "acc"}, None, None, DICTS, None),
    "dict for dict in order of the model": ({"p": ["mae"], "q": "mse"}, None, ["q", "p"], DICTS, None),
}


def as_tensors(structure, convert):
    if isinstance(structure, dict):
        return {k: as_tensors(v, convert) for k, v in structure.items()}
    if isinstance(structure, tuple):
        return tuple(as_tensors(v, convert) for v in structure)
    if isinstance(structure, list):
        return [as_tensors(v, convert) for v in structure]
    return None if structure is None else convert(structure)


def run_loss(module, convert, case):
    """Total of two calls, and the trackers."""
    loss, weights, names, (y_true, y_pred), w = case
    compiled = module.CompileLoss(loss, weights, output_names=names)
    arguments = as_tensors([y_true, y_pred, w], convert)
    return [float(compiled(*arguments)), float(compiled(*arguments))], {m.name: float(m.result()) for m in compiled.metrics}


def run_metrics(module, convert, case):
    """Names and values after two updates."""
    metrics, weighted, names, (y_true, y_pred), w = case
    compiled = module.CompileMetrics(metrics, weighted, output_names=names)
    arguments = as_tensors([y_true, y_pred, w], convert)
    compiled.update_state(*arguments)
    compiled.update_state(*arguments)
    return [(name, float(value)) for name, value in compiled.result().items()]


def main():
    import keras
    from keras.src.trainers import compile_utils

    convert = keras.ops.convert_to_tensor
    found = {
        "losses": {name: run_loss(compile_utils, convert, case) for name, case in LOSSES.items()},
        "metrics": {name: run_metrics(compile_utils, convert, case) for name, case in METRICS.items()},
    }
    np.savez_compressed(pathlib.Path(__file__).with_name("compile_utils.npz"), found=json.dumps(found))


if __name__ == "__main__":
    main()
