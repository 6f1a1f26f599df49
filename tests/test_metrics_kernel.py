"""The accumulators of metrics against numbers recorded from Keras, and their errors."""

import json
from pathlib import Path

import numpy as np
import pytest

from dlcore._kernels import metric as k
from dlcore._kernels import parallel, tensor

GOLDEN = np.load(Path(__file__).parent / "golden" / "losses.npz")
META = json.loads(str(GOLDEN["metric_meta"]))
ENTRIES = {
    "MeanSquaredError": k.squared_error_update,
    "MeanAbsoluteError": k.absolute_error_update,
    "Accuracy": k.accuracy_update,
    "BinaryAccuracy": k.binary_accuracy_update,
    "CategoricalAccuracy": k.categorical_accuracy_update,
    "SparseCategoricalAccuracy": k.sparse_categorical_accuracy_update,
}


def state(update, *args, **kwargs):
    """total and count after one update from zero."""
    total, count = tensor.convert(np.zeros((), "float32")), tensor.convert(np.zeros((), "float32"))
    update(total, count, *args, **kwargs)
    return float(total), float(count)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("i", range(len(META)), ids=lambda i: f"{i}-{META[i][0]}")
def test_keras(i, dtype):
    name, kwargs, has_true, weighted = META[i]
    args = [GOLDEN[f"m{i}_pred"].astype(dtype)]
    if has_true:
        args.insert(0, GOLDEN[f"m{i}_true"])
    weight = GOLDEN[f"m{i}_weight"] if weighted else None
    update = ENTRIES[name] if has_true else k.mean_update
    np.testing.assert_allclose(state(update, *args, weight, **kwargs), GOLDEN[f"m{i}_state"], rtol=1e-5, atol=1e-6)


def test_it_adds():
    total, count = tensor.convert(np.array(1.0, "float32")), tensor.convert(np.array(2.0, "float64"))
    k.mean_update(total, count, [1.0, 2.0])
    k.mean_update(total, count, 5.0, 3.0)
    assert (float(total), float(count)) == (19.0, 7.0)


def test_sums_are_accurate():
    x = np.full(1 << 22, 0.1, "float32")
    total, count = state(k.mean_update, x)
    assert total == pytest.approx(x.sum(dtype="float64"), rel=1e-6) and count == x.size


@pytest.mark.parametrize("width", [3, 40])
def test_first_of_equal_counts(width):
    y_pred = np.zeros((1, width), "float32")
    y_pred[0, 1:3] = 1
    assert state(k.sparse_categorical_accuracy_update, [1], y_pred) == (1, 1)
    assert state(k.categorical_accuracy_update, y_pred, y_pred) == (1, 1)
    y_pred[0, 2] = np.nan
    assert state(k.sparse_categorical_accuracy_update, [2], y_pred) == (1, 1)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64", "uint64", "float16", "float32", "float64"])
def test_labels_of_any_dtype(dtype):
    labels = np.array([0, 1, 1], dtype)
    y_pred = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], "float32")
    assert state(k.sparse_categorical_accuracy_update, labels, y_pred) == (2, 3)
    assert state(k.binary_accuracy_update, labels, y_pred[:, 1]) == (2, 3)
    assert state(k.accuracy_update, labels, np.array([0, 1, 0], dtype)) == (2, 3)
    assert state(k.squared_error_update, labels[:, None], np.zeros((3, 1), "float32")) == (2, 3)


def test_threads_do_not_matter():
    rng = np.random.default_rng(0)
    y_true, y_pred, weight = rng.normal(size=(300000, 3)), rng.normal(size=(300000, 3)).astype("float32"), rng.uniform(size=300000)
    results = []
    threads = parallel.get_num_threads()
    for n in (1, 4):
        parallel.set_num_threads(n)
        results.append([state(update, y_true, y_pred, w) for w in (None, weight) for update in (k.squared_error_update, k.categorical_accuracy_update)])
    parallel.set_num_threads(threads)
    assert results[0] == results[1]


def test_empty():
    for entry in (k.squared_error_update, k.categorical_accuracy_update, k.binary_accuracy_update):
        assert state(entry, np.zeros((0, 3)), np.zeros((0, 3), "float32")) == (0, 0)
    assert state(k.mean_update, np.zeros((0,)), np.zeros((0,))) == (0, 0)


def test_error_messages():
    x = np.ones((4, 3), "float32")
    with pytest.raises(ValueError, match=r"MeanSquaredError: y_true and y_pred must have the same shape.*\(4, 2\)"):
        state(k.squared_error_update, np.ones((4, 2)), x)
    with pytest.raises(ValueError, match="CategoricalAccuracy: y_true and y_pred must have the same shape"):
        state(k.categorical_accuracy_update, np.ones(4), x)
    with pytest.raises(ValueError, match="SparseCategoricalAccuracy: y_true must hold one class number for each sample"):
        state(k.sparse_categorical_accuracy_update, x, x)
    with pytest.raises(ValueError, match=r"Mean: sample_weight must fit the values.*shape \(4,\).*\(5,\)"):
        state(k.mean_update, x, np.ones(5))
    with pytest.raises(ValueError, match="Mean: sample_weight must fit the values"):
        state(k.mean_update, np.ones(4), np.ones((4, 3)))
    with pytest.raises(ValueError, match="total and count must be float32 or float64 scalars"):
        k.mean_update(tensor.convert(x), tensor.convert(x), x)
