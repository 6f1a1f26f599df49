"""Losses, metrics and what `compile` makes of them, against Keras itself."""

import inspect

import keras
import numpy as np
import pytest
from golden import record_compile_utils

from dlcore import losses, metrics
from dlcore._kernels.tensor import convert
from dlcore.models import compile_utils

LOSSES = ["MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"]
METRICS = ["Mean", "Sum", "MeanMetricWrapper", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy", *LOSSES]


def signature(obj):
    return str(inspect.signature(obj))


@pytest.mark.parametrize("name", [*LOSSES, "Loss"])
def test_loss_signature_and_config(name):
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    assert signature(ours) == signature(theirs)
    if name != "Loss":
        assert ours().get_config() == theirs().get_config()
        assert losses.deserialize(keras.losses.serialize(theirs(reduction="sum"))).reduction == "sum"


@pytest.mark.parametrize("name", [keras.src.utils.naming.to_snake_case(name) for name in LOSSES])
def test_function_signature(name):
    assert signature(getattr(losses, name)) == signature(getattr(keras.losses, name))
    assert losses.serialize(getattr(losses, name)) == keras.losses.serialize(getattr(keras.losses, name))


@pytest.mark.parametrize("name", METRICS)
def test_metric_signature_and_config(name):
    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    assert signature(ours) == signature(theirs)
    if name != "MeanMetricWrapper":
        assert ours().get_config() == theirs().get_config()
        assert metrics.deserialize(keras.metrics.serialize(theirs(name="mine"))).name == "mine"


@pytest.mark.parametrize("alias", ["mse", "MSE", "mae", "MAE", "bce", "BCE", "mean_squared_error", "binary_crossentropy", "sparse_categorical_crossentropy"])
def test_aliases(alias):
    assert losses.get(alias).__name__ == keras.losses.get(alias).__name__
    assert type(metrics.get(alias)).__name__ == type(keras.metrics.get(alias)).__name__
    assert metrics.get(alias).name == keras.metrics.get(alias).name


@pytest.mark.parametrize("seed", range(40))
def test_random_losses(seed):
    rng = np.random.default_rng(seed)
    name = LOSSES[seed % len(LOSSES)]
    shape = (int(rng.integers(1, 9)), int(rng.integers(2, 7))) if seed % 2 else (int(rng.integers(1, 5)), int(rng.integers(1, 6)), 3)
    reduction = ["sum_over_batch_size", "sum", "mean_with_sample_weight", None][rng.integers(4)]
    arguments = {"reduction": reduction}
    if "Cross" in name:
        arguments["from_logits"] = bool(rng.integers(2))
        if "Sparse" not in name:
            arguments["label_smoothing"] = float(rng.choice([0.0, 0.2]))
    p = rng.uniform(0, 1, size=shape).astype("float32")
    y = rng.integers(0, shape[-1], size=shape[:-1]) if "Sparse" in name else rng.integers(0, 2, size=shape)
    w = rng.uniform(size=shape[:-1]).astype("float32") if rng.integers(2) else None
    a = getattr(losses, name)(**arguments)(y, p, w)
    b = keras.ops.convert_to_numpy(getattr(keras.losses, name)(**arguments)(y, p, w))
    np.testing.assert_allclose(a.numpy(), b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", record_compile_utils.LOSSES)
def test_compile_loss(case):
    case = record_compile_utils.LOSSES[case]
    ours = record_compile_utils.run_loss(compile_utils, convert, case)
    theirs = record_compile_utils.run_loss(keras.src.trainers.compile_utils, keras.ops.convert_to_tensor, case)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-6)
