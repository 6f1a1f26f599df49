"""Metrics: numbers of Keras, state, names, configurations, errors."""

import copy
import json
import pathlib
import pickle

import numpy as np
import pytest
from golden import record_metric_classes as recorder
from golden import record_metrics as families

import dlcore
from dlcore import metrics
from dlcore._kernels.tensor import Tensor, convert
from dlcore.naming import reset as reset_names
from dlcore.variable import Variable

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "metric_classes.npz")
CASES = json.loads(str(GOLDEN["cases"]))
IDS = ["-".join([name, *map(str, arguments), kind, weights] + ["mask"] * mask) for name, arguments, kind, weights, mask in CASES]
BUILT_IN = sorted({name for name, *_ in CASES})
NEEDED = {
    "IoU": {"num_classes": 3, "target_class_ids": [0]},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "MeanIoU": {"num_classes": 3},
    "OneHotMeanIoU": {"num_classes": 3},
    "SensitivityAtSpecificity": {"specificity": 0.5},
    "SpecificityAtSensitivity": {"sensitivity": 0.25},
    "PrecisionAtRecall": {"recall": 0.5},
    "RecallAtPrecision": {"precision": 0.5},
}


@pytest.fixture(scope="module")
def keras_numbers():
    """From metric and seed to results and states, in the order of the file."""
    file = np.load(pathlib.Path(__file__).parent / "golden" / "metrics.npz")
    return json.loads(str(file["paths"])), file["results"], file["states"]


@pytest.mark.filterwarnings("ignore")
def test_all_metrics_of_keras(keras_numbers):
    paths, results, states = keras_numbers
    at = place = 0
    for name in families.METRICS:
        for seed in range(families.SEEDS):
            reset_names()
            found, state = families.run(dlcore, name, seed)
            where = f"{name}, seed {seed}: {families.case(name, seed)[0]}"
            assert [[path, list(value.shape), value.dtype.name] for path, value in state] == paths[f"{name}/{seed}"], where
            for x in found:
                np.testing.assert_allclose(x.ravel(), results[at : at + x.size], rtol=5e-5, atol=5e-6, err_msg=where)
                at += x.size
            for path, x in state:
                np.testing.assert_allclose(x.ravel(), states[place : place + x.size], rtol=2e-5, atol=1e-5, err_msg=f"{where}: {path}")
                place += x.size
    assert (at, place) == (results.size, states.size)


@pytest.mark.parametrize("name", families.METRICS)
def test_every_metric_is_made_again_from_its_configuration(name):
    for seed in range(4):
        arguments, batches = families.case(name, seed)
        metric = getattr(metrics, name)(**arguments, name="mine")
        again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
        assert type(again) is type(metric)
        assert again.get_config() == metric.get_config()
        for batch in batches[:2]:
            metric.update_state(*batch)
            again.update_state(*batch)
        for a, b in zip(metric.variables, again.variables, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", families.METRICS)
def test_reset_and_copies_of_every_metric(name):
    arguments, batches = families.case(name, 3)
    metric = getattr(metrics, name)(**arguments)
    metric.result()                                     # before the first batch
    metric.update_state(*batches[0])
    first = np.array(metric.result())
    other = pickle.loads(pickle.dumps(copy.deepcopy(metric)))
    other.update_state(*batches[1])
    np.testing.assert_array_equal(metric.result(), first)
    metric.reset_state()
    assert not any(np.any(v.numpy()) for v in metric.variables)
    np.testing.assert_array_equal(metric(*batches[0]), first)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", families.METRICS)
def test_stateless(name):
    arguments, batches = families.case(name, 2)
    metric = getattr(metrics, name)(**arguments)
    metric.update_state(*batches[0])                    # makes what is made at the first batch
    start = [np.array(v) for v in metric.variables]
    state = metric.stateless_reset_state()
    assert not any(np.any(v.numpy()) for v in state)
    state = metric.stateless_update_state(state, *batches[1])
    result = metric.stateless_result(state)
    for v, before in zip(metric.variables, start, strict=True):
        np.testing.assert_array_equal(v.numpy(), before)
    metric.reset_state()
    np.testing.assert_array_equal(metric(*batches[1]), result)
    for v, after in zip(metric.variables, state, strict=True):
        np.testing.assert_array_equal(v.numpy(), after)
    with pytest.raises(ValueError, match="`metric_variables` must hold one tensor for each"):
        metric.stateless_result([*state, state[0]])


@pytest.mark.parametrize("i", range(len(CASES)), ids=IDS)
def test_numbers_of_keras(i):
    name, arguments, kind, _, _ = CASES[i]
    metric = getattr(metrics, name)(**arguments)
    for batch in (0, 1):
        y_true, y_pred = recorder.data(kind, batch)
        w, mask = recorder.weights_and_mask(CASES[i], batch)
        y_pred = convert(y_pred)
        y_pred.mask = None if mask is None else convert(mask)
        metric.update_state(y_true, y_pred, w)
        assert float(metric.result()) == pytest.approx(float(GOLDEN[f"{i}/{batch}"]), rel=1e-5, abs=1e-6)
    np.testing.assert_allclose([float(v) for v in metric.variables], GOLDEN[f"{i}/state"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("i", range(len(CASES)), ids=IDS)
def test_kernel_equals_function(i):
    """The fused update gives what the function's values, averaged by Mean, give."""
    name, arguments, kind, _, _ = CASES[i]
    metric = getattr(metrics, name)(**arguments)
    composed = metrics.MeanMetricWrapper(metric._fn, **metric._fn_kwargs)
    for batch in (0, 1):
        y_true, y_pred = recorder.data(kind, batch)
        w, mask = recorder.weights_and_mask(CASES[i], batch)
        y_pred = convert(y_pred)
        y_pred.mask = None if mask is None else convert(mask)
        metric.update_state(y_true, y_pred, w)
        composed.update_state(y_true, y_pred, w)
    np.testing.assert_allclose([float(v) for v in metric.variables], [float(v) for v in composed.variables], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("i", range(len(recorder.VALUES)), ids=map(str, recorder.VALUES))
def test_mean_and_sum(name, i):
    metric = getattr(metrics, name)()
    metric.update_state(*recorder.values(i))
    np.testing.assert_allclose([float(v) for v in metric.variables], GOLDEN[f"{name}{i}"], rtol=1e-5, atol=1e-6)


def test_mean_of_numbers_with_batch_sizes():
    metric = metrics.Mean(name="loss")
    metric.update_state(convert(np.float32(1.0)), sample_weight=32)
    metric.update_state(convert(np.float32(4.0)), sample_weight=16)
    assert float(metric.result()) == 2.0
    metric.update_state(2.0)
    assert float(metric.count) == 49


def test_result_is_a_scalar_tensor():
    metric = metrics.Mean()
    assert float(metric.result()) == 0.0
    value = metric([1.0, 3.0])
    assert isinstance(value, Tensor)
    assert value.shape == ()
    assert float(value) == 2.0
    assert metrics.Mean(dtype="float64").result().dtype == "float64"


def test_reset():
    for metric in (metrics.Mean(), metrics.Sum(), metrics.BinaryAccuracy()):
        arguments = ([1.0],) if not isinstance(metric, metrics.MeanMetricWrapper) else ([[1.0]], [[0.9]])
        metric.update_state(*arguments)
        assert float(metric.result()) == 1.0
        metric.reset_state()
        assert float(metric.result()) == 0.0
        assert all(float(v) == 0 for v in metric.variables)


def test_binary_accuracy_is_strictly_above_the_threshold():
    assert float(metrics.BinaryAccuracy()([[1.0], [0.0]], [[0.5], [0.5]])) == 0.5


class Counter(metrics.Metric):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seen = self.add_weight(shape=(2,), initializer="zeros", name="seen")
        self.inner = metrics.Mean(name="inner")
        self.several = [metrics.Sum(name="s")]
        self.extra = Variable(np.zeros(1, "float32"), trainable=False, name="extra")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign_add(np.array([len(y_true), 1.0]))
        self.inner.update_state(y_pred)
        self.several[0].update_state(y_pred)

    def result(self):
        return {"rows": self.seen[0], "mean": self.inner.result()}


def test_metric_of_the_users():
    metric = Counter(name="counter")
    assert [v.path for v in metric.variables] == ["counter/seen", "inner/total", "inner/count", "s/total", "extra"]
    assert all(not v.trainable for v in metric.variables)
    metric([0, 0, 0], [1.0, 2.0, 3.0])
    assert metric.variables[0].numpy().tolist() == [3, 1]
    metric.reset_state()
    assert all(not np.any(v.numpy()) for v in metric.variables)


def test_abstract_metric():
    with pytest.raises(NotImplementedError, match="Metric must override `update_state`"):
        metrics.Metric().update_state()
    with pytest.raises(NotImplementedError, match="Metric must override `result`"):
        metrics.Metric().result()


def test_forgotten_super():
    class Bad(metrics.Metric):
        def __init__(self):
            self.add_weight(name="w")

    with pytest.raises(RuntimeError, match=r"In metric 'Bad', call `super\(\).__init__\(\)`"):
        Bad()


def test_names():
    reset_names()
    assert [metrics.Mean().name, metrics.Sum().name, Counter().name, Counter().name] == ["mean", "sum", "counter", "counter_1"]
    assert repr(metrics.Mean(name="m")) == "<Mean name=m>"


@pytest.mark.parametrize("name", [*BUILT_IN, "Mean", "Sum"])
def test_config(name):
    metric = getattr(metrics, name)(name="mine")
    config = metrics.serialize(metric)
    assert config["module"] == "keras.metrics"
    again = metrics.deserialize(json.loads(json.dumps(config)))
    assert type(again) is type(metric)
    assert again.get_config() == metric.get_config()
    assert "fn" not in metric.get_config()


def test_wrapper_config():
    metric = metrics.MeanMetricWrapper(metrics.binary_accuracy, name="b", threshold=0.25)
    again = metrics.MeanMetricWrapper.from_config(json.loads(json.dumps(metric.get_config())))
    assert again._fn is metrics.binary_accuracy
    assert float(again([[1.0]], [[0.3]])) == 1.0


def test_get():
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("accuracy"), metrics.Accuracy)
    assert isinstance(metrics.get("binary_accuracy"), metrics.BinaryAccuracy)
    assert isinstance(metrics.get("BinaryAccuracy"), metrics.BinaryAccuracy)
    assert isinstance(metrics.get(metrics.Mean), metrics.Mean)
    assert metrics.get(len) is len
    assert metrics.get(None) is None
    for bad in ("foo", 3):
        with pytest.raises(ValueError, match="Could not interpret metric identifier"):
            metrics.get(bad)


@pytest.mark.parametrize("name", ["mape", "MSLE", "auc", "f1_score", "io_u", "kl_divergence", "sparse_top_k_categorical_accuracy"])
def test_names_of_keras(name):
    if name == "io_u":
        with pytest.raises(TypeError):
            metrics.get(name)
    else:
        assert isinstance(metrics.get(name), metrics.Metric)


def test_old_names():
    with pytest.warns(DeprecationWarning, match="'cosine' is called 'cosine_similarity' in Keras 3"):
        assert isinstance(metrics.get("cosine"), metrics.CosineSimilarity)


def test_directions():
    assert metrics.AUC._direction == metrics.BinaryAccuracy._direction == "up"
    assert metrics.MeanSquaredError._direction == metrics.Hinge._direction == "down"
    assert metrics.MeanMetricWrapper(dlcore.losses.huber)._direction == "down"
    assert metrics.MeanMetricWrapper(dlcore.losses.Huber())._direction == "down"
    assert not hasattr(metrics.MeanMetricWrapper(metrics.binary_accuracy), "_direction")
    assert not hasattr(metrics.TruePositives(), "_direction")


def test_state_is_floatx_but_for_means():
    assert metrics.Precision(dtype="float64").true_positives.dtype == "float32"
    assert metrics.Mean(dtype="float64").total.dtype == "float64"
    assert metrics.F1Score(dtype="float64").dtype == "float64"
    assert metrics.IoU(2, [0]).total_cm.dtype == "int32"


def test_wrong_shapes():
    with pytest.raises(ValueError, match=r"y_true|y_pred"):
        metrics.MeanSquaredError().update_state(np.ones((2, 3)), np.ones((4, 3)))
    with pytest.raises(ValueError, match="sample_weight"):
        metrics.BinaryAccuracy().update_state(np.ones((2, 1)), np.ones((2, 1)), np.ones(5))


@pytest.mark.parametrize("name", ["Mean", "MeanSquaredError", "RootMeanSquaredError", "Hinge", "CosineSimilarity", "F1Score", "R2Score"])
@pytest.mark.parametrize("dtype", ["float16", "int32", "bool"])
def test_dtype_of_a_state_that_has_it(name, dtype):
    with pytest.raises(ValueError, match=f"{name}: dtype must be 'float32' or 'float64'; received dtype='{dtype}'"):
        getattr(metrics, name)(dtype=dtype)


@pytest.mark.parametrize("name", ["Precision", "Recall"])
def test_top_k_of_whole_numbers(name):
    y_true, y_pred = np.array([[1, 0, 1], [0, 1, 0]]), np.array([[3, 7, 5], [1, 2, 9]])
    found = [float(getattr(metrics, name)(top_k=2)(y_true, y_pred.astype(dtype))) for dtype in ("int32", "uint8", "float32")]
    assert found == [0.5 if name == "Precision" else pytest.approx(2 / 3)] * 3


def test_messages_name_the_metric_and_the_argument():
    score = metrics.F1Score()
    score.update_state(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match="F1Score: the first batch had a different number of columns"):
        score.update_state(np.eye(2), np.eye(2))
    with pytest.raises(ValueError, match=r"`threshold` must be a number. Received: threshold=None"):
        metrics.BinaryIoU(threshold=None)
    with pytest.raises(ValueError, match=r"Sum: sample_weight must fit the values, which have shape \(3,\); received shape \(2,\)"):
        metrics.Sum().update_state(np.ones(3), np.ones(2))
    for labels in (None, 3):
        with pytest.raises(ValueError, match=r"`label_weights` must hold one weight for each of the 3 labels. Received: weights of shape \(2,\)"):
            metrics.AUC(multi_label=True, num_labels=labels, label_weights=[1.0, 2.0]).update_state(np.eye(3), np.eye(3))


@pytest.mark.parametrize("arguments", [{}, {"summation_method": "minoring"}, {"multi_label": True, "label_weights": [1.0, 2.0]}])
def test_interpolate_pr_auc(arguments):
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 2, (50, 2)), rng.random((50, 2))
    roc = metrics.AUC(**arguments)
    roc.update_state(y_true, y_pred)
    assert float(roc.interpolate_pr_auc()) == float(metrics.AUC(**{**arguments, "curve": "PR", "summation_method": "interpolation"})(y_true, y_pred))
