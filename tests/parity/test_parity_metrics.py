"""Metrics against Keras itself: random settings of each over several batches, with weights, and all of the state."""

import inspect

import keras
import numpy as np
import pytest
from golden import record_compile_utils
from golden import record_metrics as recorder

import dlcore
from dlcore import metrics
from dlcore._kernels.tensor import convert
from dlcore.models import compile_utils

CLASSES = [name for name in dir(keras.metrics) if inspect.isclass(getattr(keras.metrics, name))]
FUNCTIONS = [name for name in dir(keras.metrics) if inspect.isfunction(getattr(keras.metrics, name))]
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


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
@pytest.mark.parametrize("name", recorder.METRICS)
def test_random_settings(name, dtype):
    for seed in range(100, 140):
        for library in (keras, dlcore):
            library.utils.clear_session(free_memory=False)
        expected, expected_state = recorder.run(keras, name, seed, keras.ops.convert_to_numpy)
        results, state = recorder.run(dlcore, name, seed)
        where = f"seed {seed}: {recorder.case(name, seed)[0]}"
        assert [path for path, _ in state] == [path for path, _ in expected_state], where
        for (path, a), (_, b) in zip(state, expected_state, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), (where, path)
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5, err_msg=f"{where}: {path}")
        for a, b in zip(results, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=5e-5, atol=5e-6, err_msg=where)


def test_nothing_is_missing():
    assert set(CLASSES) <= set(dir(metrics))
    assert set(FUNCTIONS) <= set(dir(metrics))


@pytest.mark.parametrize("name", sorted(set(CLASSES) - {"Metric"}))
def test_signature_and_config(name):
    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    if name == "MeanMetricWrapper":
        return
    arguments = NEEDED.get(name, {})
    a, b = ours(**arguments), theirs(**arguments)
    assert a.get_config() == b.get_config()
    assert a.name == b.name
    assert getattr(a, "_direction", None) == getattr(b, "_direction", None)
    again = metrics.deserialize(keras.metrics.serialize(theirs(**arguments, name="mine", dtype="float64")))
    assert type(again) is ours
    assert again.name == "mine"
    assert again.dtype == "float64"
    back = keras.metrics.deserialize(metrics.serialize(ours(**arguments, name="mine")))
    assert type(back) is theirs


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_signature(name):
    assert str(inspect.signature(getattr(metrics, name))) == str(inspect.signature(getattr(keras.metrics, name)))


@pytest.mark.parametrize("alias", sorted(keras.src.metrics.ALL_OBJECTS_DICT))
def test_get(alias):
    cls = keras.src.metrics.ALL_OBJECTS_DICT[alias]
    if cls.__name__ in NEEDED or cls.__name__ == "MeanMetricWrapper":
        with pytest.raises(TypeError):
            metrics.get(alias)
        return
    ours = metrics.get(alias)
    assert type(ours).__name__ == cls.__name__
    assert ours.name == cls().name


@pytest.mark.parametrize("case", record_compile_utils.METRICS)
def test_compile_metrics(case):
    case = record_compile_utils.METRICS[case]
    ours = record_compile_utils.run_metrics(compile_utils, convert, case)
    theirs = record_compile_utils.run_metrics(keras.src.trainers.compile_utils, keras.ops.convert_to_tensor, case)
    assert [name for name, _ in ours] == [name for name, _ in theirs]
    assert [value for _, value in ours] == pytest.approx([value for _, value in theirs], rel=1e-6)
