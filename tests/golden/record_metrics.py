"""Records metrics.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_metrics.py``.

A case is a metric with random arguments that sees a few random batches. Kept are the result after each batch and the
state at the end.
"""

import json
import pathlib
import zlib

import numpy as np

SEEDS = 6               # cases of each metric in the file


def _pick(rng, *options):
    return options[rng.integers(len(options))]


def _some(rng, **options):
    """A random part of the arguments."""
    return {name: _pick(rng, *values) for name, values in options.items() if rng.integers(2)}


def _thresholds(rng):
    return _pick(rng, None, 0.3, 0, [0.5, 0.2], [0.1, 0.1, 0.9, 0.4], [0.0, 0.25, 0.5, 0.75, 1.0], sorted(rng.uniform(size=12).round(2).tolist()))


def _share(rng):
    kind = _pick(rng, "binary", "labels", "labels")
    arguments = {"thresholds": _thresholds(rng)} if rng.integers(2) else {}
    if kind == "labels":
        arguments |= _some(rng, top_k=[1, 2, 3], class_id=[0, 2])
    return arguments, kind


def _at(argument):
    def case(rng):
        kind = _pick(rng, "binary", "labels")
        options = {"class_id": [0, 1]} if kind == "labels" else {}
        return {argument: round(rng.uniform(), 2), **_some(rng, num_thresholds=[1, 2, 3, 17, 100], **options)}, kind

    return case


def _auc(rng):
    arguments = _some(
        rng,
        num_thresholds=[2, 3, 10, 57],
        curve=["ROC", "PR", "PRGAIN", "pr"],
        summation_method=["interpolation", "minoring", "majoring"],
        thresholds=[[0.5], [0.7, 0.2, 0.4], [0.25, 0.5, 0.75]],
        from_logits=[True],
    )
    kind = _pick(rng, "binary", "labels")
    if kind == "labels":
        arguments |= _some(rng, label_weights=[[0.5, 1.0, 0.0, 2.0]], multi_label=[True])
        if arguments.get("multi_label") and rng.integers(2):
            arguments["num_labels"] = 4
    return arguments, kind


def _f_score(rng):
    return _some(rng, average=["micro", "macro", "weighted"], threshold=[0.5, 0.25, 1.0]), _pick(rng, "labels", "one_hot")


def _iou(rng):
    sparse = _pick(rng, True, False)
    arguments = {"num_classes": 4, "sparse_y_true": sparse, "sparse_y_pred": sparse, **_some(rng, ignore_class=[1, 255])}
    return arguments, "segments" if sparse else "one_hot"


METRICS = {
    "Accuracy": lambda rng: ({}, _pick(rng, "pairs", "segments")),
    "BinaryAccuracy": lambda rng: (_some(rng, threshold=[0.2, 0.5]), _pick(rng, "binary", "labels")),
    "CategoricalAccuracy": lambda rng: ({}, _pick(rng, "one_hot", "one_hot3")),
    "SparseCategoricalAccuracy": lambda rng: ({}, _pick(rng, "sparse", "sparse3")),
    "TopKCategoricalAccuracy": lambda rng: ({"k": _pick(rng, 1, 2, 3)}, _pick(rng, "one_hot", "one_hot3")),
    "SparseTopKCategoricalAccuracy": lambda rng: ({"k": _pick(rng, 1, 2, 4)}, _pick(rng, "sparse", "sparse3")),
    "TruePositives": lambda rng: ({"thresholds": _thresholds(rng)}, _pick(rng, "binary", "labels")),
    "FalsePositives": lambda rng: ({"thresholds": _thresholds(rng)}, _pick(rng, "binary", "labels")),
    "TrueNegatives": lambda rng: ({"thresholds": _thresholds(rng)}, _pick(rng, "binary", "labels")),
    "FalseNegatives": lambda rng: ({"thresholds": _thresholds(rng)}, _pick(rng, "binary", "labels")),
    "Precision": _share,
    "Recall": _share,
    "SensitivityAtSpecificity": _at("specificity"),
    "SpecificityAtSensitivity": _at("sensitivity"),
    "PrecisionAtRecall": _at("recall"),
    "RecallAtPrecision": _at("precision"),
    "AUC": _auc,
    "F1Score": _f_score,
    "FBetaScore": lambda rng: ({**_f_score(rng)[0], "beta": _pick(rng, 0.5, 2.0)}, "one_hot"),
    "IoU": lambda rng: (_iou(rng)[0] | {"target_class_ids": _pick(rng, [0], [1, 3])}, None),
    "MeanIoU": _iou,
    "OneHotIoU": lambda rng: ({"num_classes": 4, "target_class_ids": _pick(rng, [2], [0, 1]), **_some(rng, ignore_class=[0])}, "one_hot"),
    "OneHotMeanIoU": lambda rng: ({"num_classes": 4, **_some(rng, ignore_class=[2])}, "one_hot"),
    "BinaryIoU": lambda rng: (_some(rng, threshold=[0.3, 0.9], target_class_ids=[[0], [1]]), "binary"),
    "MeanSquaredError": lambda rng: ({}, _pick(rng, "real", "real3")),
    "RootMeanSquaredError": lambda rng: ({}, _pick(rng, "real", "real3")),
    "MeanAbsoluteError": lambda rng: ({}, _pick(rng, "real", "real3")),
    "MeanAbsolutePercentageError": lambda rng: ({}, _pick(rng, "real", "real3")),
    "MeanSquaredLogarithmicError": lambda rng: ({}, _pick(rng, "positive", "real")),
    "LogCoshError": lambda rng: ({}, _pick(rng, "real", "real3")),
    "CosineSimilarity": lambda rng: (_some(rng, axis=[-1, 1]), _pick(rng, "real", "real3")),
    "R2Score": lambda rng: (
        {"class_aggregation": _pick(rng, None, "uniform_average", "variance_weighted_average"), **_some(rng, num_regressors=[1, 2])},
        "real",
    ),
    "PearsonCorrelation": lambda rng: (_some(rng, axis=[-1, 1]), _pick(rng, "real", "real3")),
    "ConcordanceCorrelation": lambda rng: (_some(rng, axis=[-1, 1]), _pick(rng, "real", "real3")),
    "Hinge": lambda rng: ({}, _pick(rng, "signs", "labels")),
    "SquaredHinge": lambda rng: ({}, _pick(rng, "signs", "labels")),
    "CategoricalHinge": lambda rng: ({}, _pick(rng, "one_hot", "one_hot3")),
    "KLDivergence": lambda rng: ({}, _pick(rng, "positive", "one_hot3")),
    "Poisson": lambda rng: ({}, _pick(rng, "positive", "labels")),
    "BinaryCrossentropy": lambda rng: (_some(rng, from_logits=[True], label_smoothing=[0.1]), _pick(rng, "column", "labels")),
    "CategoricalCrossentropy": lambda rng: (_some(rng, from_logits=[True], label_smoothing=[0.1]), _pick(rng, "one_hot", "one_hot3")),
    "SparseCategoricalCrossentropy": lambda rng: (_some(rng, from_logits=[True], ignore_class=[1]), _pick(rng, "sparse", "sparse3")),
}


def case(name, seed):
    """Arguments of the metric, and the batches: y_true, y_pred, sample_weight or None."""
    rng = np.random.default_rng([zlib.crc32(name.encode()), seed])
    arguments, kind = METRICS[name](rng)
    if name == "IoU":
        kind = "segments" if arguments["sparse_y_true"] else "one_hot"
    dtype = _pick(rng, None, "float32", "float64")
    if dtype:
        arguments = {**arguments, "dtype": dtype}
    steps = int(rng.integers(2, 5))
    if arguments.get("ignore_class") and kind == "sparse3":
        kind = "sparse"
    if arguments.get("top_k"):
        kind = "ranks"              # which of equal predictions are the largest is not defined
    column, weights = bool(rng.integers(2)) and not arguments.get("ignore_class"), _pick(rng, "none", "sample", "element")
    batches = [_batch(rng, kind, int(rng.integers(3, 9)), steps, column, dtype or "float32") for _ in range(3)]
    return arguments, [(t, p, _weights(rng, name, arguments, weights, p, kind)) for t, p in batches]


def _batch(rng, kind, n, steps, column, dtype):
    shape = (n, steps, 4) if "3" in kind else (n, 4)
    if kind in ("binary", "column"):
        shape = (n, 1) if column or kind == "column" else (n,)
    grid = _pick(rng, 4, 10, 56, 199)           # some predictions lie on thresholds
    p = _pick(rng, rng.uniform(size=shape), rng.integers(0, grid + 1, size=shape) / grid).astype(dtype)
    if kind == "ranks":
        p = rng.permuted(np.tile([0.125, 0.25, 0.5, 0.75], (n, 1)), axis=1).astype(dtype)
    if kind in ("binary", "column", "labels", "ranks"):
        y = rng.integers(0, 2, size=shape)
        return y.astype(_pick(rng, "float32", "int64", "int32", "bool", dtype)), p
    if kind in ("pairs", "segments"):
        shape = (n, steps) if column else (n,)
        return rng.integers(0, 4, size=shape), rng.integers(0, 4, size=shape)
    if kind == "signs":
        return (2 * rng.integers(0, 2, size=shape) - 1).astype(dtype), rng.normal(size=shape).astype(dtype)
    if kind.startswith("real"):
        return rng.normal(size=shape).astype(dtype), rng.normal(size=shape).astype(dtype)
    if kind == "positive":
        return rng.uniform(0, 2, size=shape).astype(dtype), rng.uniform(0.1, 2, size=shape).astype(dtype)
    ids = rng.integers(0, 4, size=shape[:-1])
    if kind.startswith("one_hot"):
        return np.eye(4, dtype=dtype)[ids], rng.uniform(0.01, 1, size=shape).astype(dtype)
    return (ids[..., None] if column else ids), rng.uniform(0.01, 1, size=shape).astype(dtype)


BY_ELEMENT = {"Accuracy", "BinaryAccuracy", "RootMeanSquaredError", "R2Score", "AUC", "Precision", "Recall"}
BY_ELEMENT |= {name for name in METRICS if "At" in name or "Positives" in name or "Negatives" in name}


def _weights(rng, name, arguments, weights, p, kind):
    dtype = arguments.get("dtype")
    if weights == "none":
        return None
    shape = p.shape[:1]
    if "IoU" in name:
        shape = (p.size // 4 if kind == "one_hot" else p.size,)
        return rng.integers(0, 3, size=shape).astype("int32") if dtype is None else rng.uniform(0, 2, size=shape).astype(dtype)
    if weights == "element" and arguments.get("class_id") is None and arguments.get("axis") is None:
        shape = p.shape if name in BY_ELEMENT else p.shape[:-1] if p.ndim > 2 else shape
    return rng.uniform(0, 2, size=shape).astype(dtype or "float32")


def run(library, name, seed, to_numpy=np.asarray):
    """Results after each batch, and names and values of the state at the end."""
    arguments, batches = case(name, seed)
    metric = getattr(library.metrics, name)(**arguments)
    results = []
    for y_true, y_pred, w in batches:
        metric.update_state(y_true, y_pred, w)
        results.append(np.asarray(to_numpy(metric.result()), dtype="float64"))
    return results, [(v.path, np.asarray(to_numpy(v))) for v in metric.variables]


def main():
    import keras

    results, states, paths = [], [], {}
    for name in METRICS:
        for seed in range(SEEDS):
            keras.utils.clear_session(free_memory=False)
            found, state = run(keras, name, seed, keras.ops.convert_to_numpy)
            results += [x.ravel() for x in found]
            states += [value.ravel() for _, value in state]
            paths[f"{name}/{seed}"] = [(path, value.shape, value.dtype.name) for path, value in state]
    path = pathlib.Path(__file__).with_name("metrics.npz")
    np.savez_compressed(path, paths=json.dumps(paths), results=np.concatenate(results).astype("float32"), states=np.concatenate(states).astype("float32"))


if __name__ == "__main__":
    main()
