"""Counts of decisions: against plain NumPy, for any number of threads, and their errors."""

import numpy as np
import pytest

import dlcore
from dlcore import metrics
from dlcore._kernels import parallel
from dlcore._kernels.confusion import Thresholds, confusion_update, count_pairs, curve_area
from dlcore._kernels.tensor import convert
from dlcore.metrics.metrics_utils import keep_top_k

STATES = ("true_positives", "false_positives", "true_negatives", "false_negatives")
SOME = [0.1, 0.9, 0.4]
MANY = np.random.default_rng(0).uniform(size=40).round(2).tolist()
EVEN = np.linspace(0, 1, 21).tolist()


def counts(y, p, w, thresholds):
    """(4, thresholds, columns) in plain NumPy, from (n, columns)."""
    above = p[None] > np.asarray(thresholds, p.dtype)[:, None, None]
    y = np.broadcast_to(y != 0, above.shape)
    w = w.astype("float64")
    return np.array([(w * part).sum(axis=1) for part in (y & above, ~y & above, ~y & ~above, y & ~above)])


def update(thresholds, y, p, w=None, dtype="float32", columns=(), even=False, **kwargs):
    states = [convert(np.zeros((len(thresholds), *columns), dtype)) for _ in range(4)]
    confusion_update("test", *states, y, p, Thresholds(thresholds, even), w, **kwargs)
    return np.array([s.numpy() for s in states])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("thresholds", [[0.5], SOME, MANY, EVEN], ids=["one", "some", "many", "even"])
@pytest.mark.parametrize("n", [1, 31, 513, 70_000])
def test_counts(n, thresholds, dtype):
    rng = np.random.default_rng(n)
    p = np.where(rng.uniform(size=n) < 0.5, rng.choice(thresholds, size=n), rng.uniform(size=n)).astype(dtype)
    y = rng.integers(0, 2, size=n)
    w = rng.uniform(size=n).astype(dtype)
    even = thresholds is EVEN
    if even:
        p = np.minimum(rng.integers(0, 21, size=n).astype(dtype) / dtype_of(dtype, 20) + rng.choice([0, 0.01], size=n), 1).astype(dtype)
    for labels in (y, y.astype("float32"), y.astype("float64"), y.astype("bool"), y.astype("int32"), y.astype("uint16"), 0.25 * y):
        for weights, each in ((None, np.ones((n, 1))), (w, w[:, None])):
            found = update(thresholds, labels, p, weights, dtype, even=even)
            if even:
                bucket = np.ceil(p * dtype_of(dtype, 20))
                expected = np.array([((each[:, 0].astype("float64") * part)[:, None] * hit).sum(axis=0) for part, hit in masks(y, bucket)])
            else:
                expected = counts(labels[:, None], p[:, None], each, thresholds)[..., 0]
            np.testing.assert_allclose(found, expected, rtol=2e-6 if dtype == "float32" else 1e-12, atol=1e-9)


def dtype_of(dtype, x):
    return np.dtype(dtype).type(x)


def masks(y, bucket):
    above = bucket[:, None] > np.arange(21)
    return (y != 0, above), (y == 0, above), (y == 0, ~above), (y != 0, ~above)


def test_strictly_above():
    assert update([0.5], [1, 1, 1], np.float32([0.5, 0.50001, 0.4])).ravel().tolist() == [1, 0, 0, 2]
    # 0.1 in float32 is more than 0.1, but so is the threshold
    assert update([0.1], [1], np.float32([0.1])).ravel().tolist() == [0, 0, 0, 1]
    # and between evenly spaced ones Keras multiplies and rounds up
    assert update([0, 0.5, 1], [1, 1, 1, 1], [0.0, 0.5, 0.6, 1.0], even=True)[0].tolist() == [3, 2, 0]
    assert update([-1e-7, 0.5, 1 + 1e-7], [1, 1, 1, 1], [-3.0, 0.5, 0.6, 7.0], even=True)[0].tolist() == [4, 2, 0]


@pytest.mark.parametrize("even", [False, True])
def test_nan_and_infinity_exceed_nothing_and_everything(even):
    found = update(EVEN, np.ones(4), [np.nan, np.inf, -np.inf, np.nan], even=even)
    assert found[0].tolist() == [1] * (20 if even else 21) + [0] * even
    assert (found[0] + found[3] == 4).all()


@pytest.mark.parametrize("thresholds", [[0.5], MANY, EVEN])
@pytest.mark.parametrize("columns", [1, 3])
def test_any_number_of_threads(thresholds, columns):
    rng = np.random.default_rng(5)
    shape = (100_003, columns)
    y, p, w = rng.integers(0, 2, size=shape), rng.uniform(size=shape).astype("float32"), rng.uniform(size=shape[0]).astype("float32")
    before = parallel.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            parallel.set_num_threads(threads)
            found.append(update(thresholds, y, p, w, columns=(columns,), even=thresholds is EVEN))
    finally:
        parallel.set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
    if thresholds is not EVEN:
        np.testing.assert_allclose(found[0], counts(y, p, w[:, None], thresholds), rtol=1e-5)


def test_columns_and_weights_of_elements():
    rng = np.random.default_rng(6)
    y, p, w = rng.integers(0, 2, size=(70, 5)), rng.uniform(size=(70, 5)).astype("float32"), rng.uniform(size=(70, 5)).astype("float32")
    np.testing.assert_allclose(update(SOME, y, p, w, columns=(5,)), counts(y, p, w, SOME), rtol=1e-5)
    np.testing.assert_allclose(update(SOME, y, p, w), counts(y, p, w, SOME).sum(axis=-1), rtol=1e-5)


def test_class_id():
    rng = np.random.default_rng(7)
    y, p, w = rng.integers(0, 2, size=(700, 5)), rng.uniform(size=(700, 5)).astype("float32"), rng.uniform(size=700).astype("float32")
    for i in (0, 3, -1):
        np.testing.assert_allclose(update(SOME, y, p, w, class_id=i), counts(y[:, [i]], p[:, [i]], w[:, None], SOME)[..., 0], rtol=1e-5)
        np.testing.assert_array_equal(update(SOME, y, p, w, class_id=i), update(SOME, y, p, w[:, None], class_id=i))


def test_shapes():
    expected = update([0.5], [1, 0], [0.6, 0.7])
    for y, p, w in (
        ([[1], [0]], [0.6, 0.7], None),
        ([1, 0], [[0.6], [0.7]], None),
        ([[1], [0]], [[0.6], [0.7]], [1.0, 1.0]),
        ([1, 0], [[0.6], [0.7]], [[1.0], [1.0]]),
        ([[[1], [0]]], [[0.6, 0.7]], 1.0),
        ([[1, 0]], [[0.6, 0.7]], [1.0]),
        ([1, 0], [0.6, 0.7], [[1.0], [1.0]]),
    ):
        np.testing.assert_array_equal(update([0.5], np.array(y), np.float32(p), w), expected)
    assert not update([0.5], np.zeros(0), np.zeros(0)).any()
    assert not update([0.5], np.zeros((0, 3)), np.zeros((0, 3)), class_id=1).any()


def test_weights_of_samples_hold_for_all_their_elements():
    y, p = np.ones((2, 2, 3)), np.full((2, 2, 3), 0.7, "float32")
    assert update([0.5], y, p, [1.0, 10.0])[0].tolist() == [66]
    assert update([0.5], y, p, [[1.0, 2.0], [3.0, 4.0]])[0].tolist() == [30]


@pytest.mark.parametrize(
    ("y", "p", "w", "arguments", "message"),
    [
        ([1, 0], [0.5, 0.5, 0.5], None, {}, "test: y_true and y_pred must have the same shape; received y_true, .* shape"),
        ([[1, 0]], [[0.5], [0.5]], None, {}, "same shape"),
        ([1, 0], [0.5, 0.5], [1.0, 1.0, 1.0], {}, "sample_weight must fit the values"),
        ([1, 0], [0.5, 0.5], None, {"class_id": 0}, "when class_id is given, y_pred must have the shape"),
        ([[1, 0]], [[0.5, 0.5]], None, {"class_id": 2}, r"class_id must be in \[0, 2\).* received class_id=2"),
        ([[1, 0]], [[0.5, 0.5]], None, {"columns": (3,)}, r"y_pred must have the shape \(n, 3\)"),
        ([1, 0], [0.5, 0.5], None, {"dtype": "int32"}, "a state must be float32 or float64"),
    ],
)
def test_wrong_batches(y, p, w, arguments, message):
    with pytest.raises(ValueError, match=message):
        update([0.5], y, p, w, **arguments)


def test_wrong_thresholds():
    for bad in ([], 0.5, [[0.5]]):
        with pytest.raises((ValueError, TypeError)):
            Thresholds(bad)
    with pytest.raises(ValueError, match="at least one state"):
        confusion_update("test", None, None, None, None, [1], [1.0], Thresholds([0.5]))


def test_top_k():
    p = np.float32([[0.1, 0.5, 0.5, 0.5], [0.9, 0.1, 0.2, 0.3]])
    assert (keep_top_k(p, 2) > 0).tolist() == [[False, True, True, False], [True, False, False, True]]
    assert float(metrics.Recall(top_k=1)([[0, 1, 1, 0], [1, 0, 0, 0]], p)) == pytest.approx(2 / 3)
    assert float(metrics.Precision(top_k=2, thresholds=0.5)([[0, 1, 1, 0], [1, 0, 0, 0]], p)) == 1.0
    for k in (0, 5):
        with pytest.raises(ValueError, match=f"`top_k` must be an integer, at least 1 and at most the number of classes. Received: top_k={k}"):
            metrics.Precision(top_k=k).update_state(np.ones((2, 4)), p)


def test_area_of_a_known_curve():
    rng = np.random.default_rng(8)
    y = rng.integers(0, 2, size=500)
    p = np.clip(rng.normal(0.4 + 0.2 * y, 0.15), 0.001, 0.999)
    ranks = p[y == 1][:, None] - p[y == 0]
    exact = (ranks > 0).mean() + 0.5 * (ranks == 0).mean()
    assert float(metrics.AUC(num_thresholds=5000)(y, p)) == pytest.approx(exact, abs=2e-4)
    assert float(metrics.AUC(from_logits=True)(y, np.log(p / (1 - p)))) == pytest.approx(exact, abs=2e-3)
    assert float(metrics.AUC(num_thresholds=2)(y, p)) == 0.5
    for curve in range(3):
        for method in range(3):
            empty = [convert(np.zeros(5, "float32")) for _ in range(4)]
            assert np.isfinite(float(curve_area(*empty, curve, method)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.AUC(num_thresholds=1), "`num_thresholds` must be an integer > 1. Received: num_thresholds=1"),
        (lambda: metrics.AUC(curve="roc curve"), "Invalid `curve`. Expected one of .*'ROC'.* Received: curve='roc curve'"),
        (lambda: metrics.AUC(summation_method="left"), "Invalid `summation_method`"),
        (lambda: metrics.AUC(num_labels=3), "`num_labels` is needed only when `multi_label` is True"),
        (lambda: metrics.AUC(thresholds=[0.5, 1.5]), "`thresholds` must be numbers in"),
        (lambda: metrics.AUC(multi_label=True)([1, 0], [0.2, 0.3]), "`y_pred` must have rank 2 when `multi_label=True`"),
        (lambda: metrics.AUC(label_weights=[1.0, 2.0])([1, 0, 1], [0.2, 0.3, 0.1]), "`label_weights` must hold one weight for each label"),
        (lambda: metrics.Precision(thresholds=1.5), "`thresholds` must be a number in"),
        (lambda: metrics.TruePositives(thresholds=[0.5, None]), r"Received: \[None\]"),
        (lambda: metrics.Recall(thresholds=[]), "at least one"),
        (lambda: metrics.PrecisionAtRecall(1.5), r"Argument `recall` must be in the range \[0, 1\]. Received: recall=1.5"),
        (lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0), "`num_thresholds` must be an integer > 0"),
        (lambda: metrics.F1Score(average="mean"), "Invalid `average`"),
        (lambda: metrics.FBetaScore(beta=2), "Invalid `beta`. Expected a Python float above 0. Received: beta=2 of type <class 'int'>"),
        (lambda: metrics.F1Score(threshold=0.0), "Invalid `threshold`"),
        (lambda: metrics.F1Score()([1, 0], [0.2, 0.3]), "F1Score expects predictions of shape"),
        (lambda: metrics.F1Score()([[1, 0]], [[0.2, 0.3, 0.1]]), "F1Score: y_true and y_pred must have the same shape"),
        (lambda: metrics.R2Score("mean"), "Invalid value for argument `class_aggregation`"),
        (lambda: metrics.R2Score(num_regressors=-1), "Invalid value for argument `num_regressors`"),
        (lambda: metrics.R2Score()([1.0], [2.0]), "R2Score expects predictions of shape"),
        (lambda: metrics.IoU(2, [2]), r"`target_class_ids` must be in the range \[0, 2\)"),
        (lambda: metrics.IoU(2, [0])([1, 0], [1]), "IoU: y_true and y_pred must hold the same number of samples. Received: 2 and 1"),
        (lambda: metrics.IoU(2, [0])([1, 0], [1, 1], [1, 2, 3]), "sample_weight must hold one number for each of 2 samples"),
        (lambda: metrics.TopKCategoricalAccuracy(k=3)([[1, 0]], [[0.1, 0.2]]), "k must be at least 1 and at most the length of the last axis .* received k=3"),
        (lambda: metrics.top_k_categorical_accuracy([[1, 0]], [[0.1, 0.2]]), "Received: k=5"),
        (lambda: metrics.sparse_top_k_categorical_accuracy([2], [[0.1, 0.2]], k=1), r"class numbers in \[0, 2\).* Received: 2"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_batches_of_another_width():
    for metric in (metrics.F1Score(), metrics.R2Score()):
        metric.update_state(np.ones((2, 3)), np.ones((2, 3)))
        with pytest.raises(ValueError, match="the first batch had a different number of columns"):
            metric.update_state(np.ones((2, 2)), np.ones((2, 2)))


# ------------------------------------------------------------------------------------------------ numbers that are no class


@pytest.mark.parametrize("metric", [metrics.SparseCategoricalAccuracy, lambda: metrics.SparseTopKCategoricalAccuracy(k=1)])
@pytest.mark.parametrize("bad", [-1, 3, 1.5, np.nan, 1e300])
def test_no_class(metric, bad):
    metric = metric()
    p = np.float32([[0.1, 0.9, 0.0], [0.5, 0.2, 0.3]])
    y = np.array([1, bad])
    with pytest.raises(ValueError, match=r"y_true must hold class numbers in \[0, 3\).* received .* at position 1. .*weighted_metrics"):
        metric.update_state(y, p)
    assert [float(v) for v in metric.variables] == [0, 0]
    metric.update_state(y, p, [1.0, 0.0])
    assert float(metric.result()) == 1.0
    masked = convert(p)
    masked.mask = convert(np.array([True, False]))
    metric.update_state(y, masked)
    assert [float(v) for v in metric.variables] == [2, 2]


def test_weights_that_are_nan_are_no_wrong_class():
    metric = metrics.SparseCategoricalAccuracy()
    metric.update_state([1], np.float32([[0.1, 0.9]]), [np.nan])
    assert np.isnan(float(metric.result()))


# ------------------------------------------------------------------------------------------------------------- matrices


def test_confusion_matrix():
    rng = np.random.default_rng(9)
    t, p = rng.integers(0, 7, size=(2, 100_000))
    expected = np.bincount(t * 7 + p, minlength=49).reshape(7, 7)
    found = metrics.confusion_matrix(t, p)
    assert found.dtype == "int32"
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(metrics.confusion_matrix(t[:, None], p.astype("float32"), num_classes=9)[:7, :7], expected)
    w = rng.uniform(size=t.size)
    before = parallel.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            parallel.set_num_threads(threads)
            found.append(metrics.confusion_matrix(t, p, 7, weights=w, dtype="float64").numpy())
    finally:
        parallel.set_num_threads(before)
    np.testing.assert_array_equal(*found)
    np.testing.assert_allclose(found[0], np.bincount(t * 7 + p, w, minlength=49).reshape(7, 7))
    assert metrics.confusion_matrix([], []).shape == (0, 0)
    assert metrics.confusion_matrix([], [], 3).numpy().tolist() == np.zeros((3, 3)).tolist()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1, 1]), "must hold one class number for each sample"),
        (([[0, 1]], [[0, 1]]), "must hold one class number for each sample"),
        (([0, 3], [0, 1], 3), r"`labels` must be in \[0, 3\). Received: 3 at position 1"),
        (([0, 1], [-1, 1]), r"`predictions` must be in \[0, 2\). Received: -1 at position 0"),
        (([0, 1], [0.5, 1]), "`predictions` must be whole numbers. Received: 0.5 at position 0"),
        (([0, 1], [0, 1], 2, [1.0]), "`weights` must hold one number for each sample"),
        (([0, 1], [0, 1], 2, [0.5, 1.0]), "`weights` are not whole numbers: expected a floating `dtype`"),
    ],
)
def test_wrong_matrix(arguments, message):
    with pytest.raises(ValueError, match=message):
        metrics.confusion_matrix(*arguments)


def test_pairs_of_different_sizes():
    with pytest.raises(ValueError, match="sizes must be equal"):
        count_pairs([0, 1], [0], 2)


def test_iou():
    metric = metrics.IoU(3, [0, 1, 2], ignore_class=2)
    metric.update_state([[0, 1], [2, 255]], [[0, 0], [1, 1]])
    assert metric.total_cm.numpy().tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    with pytest.warns(UserWarning, match="sample_weight holds floats"):
        metric.update_state([0], [0], np.array([1.7]))
    assert int(metric.total_cm.numpy()[0, 0]) == 2


def test_r2_falls_back_to_the_plain_score():
    metric = metrics.R2Score(num_regressors=3)
    with pytest.warns(UserWarning, match="leaves nothing to adjust by"):
        adjusted = float(metric([[1.0], [2.0], [4.0]], [[1.0], [2.0], [3.0]]))
    assert adjusted == float(metrics.R2Score()([[1.0], [2.0], [4.0]], [[1.0], [2.0], [3.0]]))


@pytest.mark.parametrize("name", ["F1Score", "R2Score"])
def test_sums_of_columns_for_any_number_of_threads(name):
    rng = np.random.default_rng(10)
    y, p, w = rng.integers(0, 2, size=(20_000, 5)), rng.uniform(size=(20_000, 5)).astype("float32"), rng.uniform(size=20_000).astype("float32")
    before = parallel.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            parallel.set_num_threads(threads)
            metric = getattr(metrics, name)()
            metric.update_state(y, p, w)
            found.append([np.array(v) for v in metric.variables])
    finally:
        parallel.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)
    if name == "R2Score":
        columns = [y.size, w @ (y * y), w @ y, w @ (y - p) ** 2, np.full(5, w.sum())]
    else:
        hit = p == p.max(axis=1, keepdims=True)
        columns = [w @ (hit & (y == 1)), w @ (hit & (y == 0)), w @ (~hit & (y == 1)), w @ y]
    for a, b in zip(found[0], columns, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


# ------------------------------------------------------------------------------------------------------------ in training


class Spread(metrics.Metric):
    def __init__(self, name="spread"):
        super().__init__(name=name)
        self.low, self.high = self.add_weight(name="low"), self.add_weight(name="high")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.low.assign(min(float(self.low), float(np.min(y_pred))))
        self.high.assign(max(float(self.high), float(np.max(y_pred))))

    def result(self):
        return {"low": self.low, "high": self.high}


def mean_of_predictions(y_true, y_pred):
    return dlcore.ops.mean(y_pred, axis=-1)


def test_training_with_many_metrics():
    rng = np.random.default_rng(11)
    x, y, w = rng.normal(size=(60, 4)), rng.integers(0, 2, size=(60, 1)), rng.uniform(size=60)
    model = dlcore.Sequential([dlcore.layers.Dense(3, activation="relu"), dlcore.layers.Dense(1, activation="sigmoid")])
    several = metrics.Precision(thresholds=[0.3, 0.5], name="several")
    model.compile(
        loss="binary_crossentropy",
        metrics=["accuracy", metrics.AUC(name="auc"), several, Spread(), mean_of_predictions, "mape", metrics.binary_accuracy],
        weighted_metrics=["accuracy", metrics.Recall(name="recall"), metrics.AUC(name="auc")],
    )
    history = model.fit(x, y, sample_weight=w, epochs=2, batch_size=16, verbose=0, validation_split=0.2).history
    names = ["accuracy", "auc", "binary_accuracy", "high", "loss", "low", "mape", "mean_of_predictions", "recall", "several"]
    names += ["weighted_accuracy", "weighted_auc"]
    assert sorted(history) == sorted([*names, *("val_" + name for name in names)])
    assert history["several"][0].shape == (2,)
    p = model.predict(x, verbose=0)
    logs = model.evaluate(x, y, sample_weight=w, return_dict=True, verbose=0)
    assert logs["accuracy"] == pytest.approx(np.mean((p > 0.5) == y))
    assert logs["weighted_accuracy"] == pytest.approx(np.average(((p > 0.5) == y)[:, 0], weights=w), rel=1e-5)
    assert logs["auc"] == pytest.approx(float(metrics.AUC()(y, p)))
    assert logs["weighted_auc"] == pytest.approx(float(metrics.AUC()(y, p, w)))
    assert logs["high"] == pytest.approx(p.max())


def test_early_stopping_knows_the_direction():
    x, y = np.ones((8, 2)), np.ones((8, 1))
    model = dlcore.Sequential([dlcore.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="mse", metrics=[metrics.AUC(name="auc"), "mape"])
    for monitor in ("val_auc", "mape"):
        stop = dlcore.callbacks.EarlyStopping(monitor=monitor)
        model.fit(x, y, validation_data=(x, y), epochs=2, verbose=0, callbacks=[stop])
