"""Layers that reshape or merge: numbers recorded from Keras, errors, and what Keras does not say."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from golden.record_reshaping import MODELS, SEEDS, Case, train

import dlcore
from dlcore import Input, layers, ops
from dlcore._kernels.resize import Taps, resample, resize_images, upsample
from dlcore._kernels.total import total
from dlcore.testing import check_gradient

GOLDEN = np.load(Path(__file__).parent / "golden" / "reshaping.npz")


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)


def close(found, prefix, tolerance=2e-5):
    expected = {k.removeprefix(prefix): GOLDEN[k] for k in GOLDEN.files if k.startswith(prefix) and not k.endswith("structure")}
    assert list(found) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_golden(seed):
    case = Case(seed)
    close(case.run_dlcore(), f"{seed}/")
    for found, wanted in zip(case.structure(dlcore), json.loads(str(GOLDEN[f"{seed}/structure"])), strict=True):
        assert found == wanted or case.name == "Dot" and wanted == "error"


@pytest.mark.parametrize("seed", MODELS)
def test_golden_model(seed):
    close(train(dlcore, seed), f"model{seed}/", 2e-4)


@pytest.mark.parametrize("seed", range(42))
def test_config_pickle_and_dtype(seed):
    case = Case(seed)
    layer = case.layer(dlcore)
    copy = type(layer).from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()
    inputs = [ops.convert_to_tensor(x) for x in case.inputs]
    y = case.outputs(layer, inputs)
    for other in (copy, pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(case.outputs(other, inputs), y)
    shape = case.outputs(layer.compute_output_shape, [x.shape for x in inputs])
    assert shape == y.shape
    empty = case.outputs(case.layer(dlcore), [x[:0] for x in inputs])
    assert empty.shape == (0, *y.shape[1:])


def test_whole_numbers_stay_whole():
    x = np.arange(12, dtype="int32").reshape(2, 3, 2)
    for layer in (layers.Flatten(), layers.Permute((2, 1)), layers.Reshape((6,)), layers.ZeroPadding1D(1), layers.Cropping1D(1), layers.UpSampling1D(2)):
        assert layer(x).dtype == layer(Input((3, 2), dtype="int32")).dtype == "int32"
    for layer in (layers.Add(), layers.Multiply(), layers.Maximum(), layers.Concatenate()):
        assert layer([x, x]).dtype == layer([Input((3, 2), dtype="int32")] * 2).dtype == "int32"
    assert layers.Average()([x, x]).dtype == "float32"


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_gradient_of_interpolation(interpolation, data_format):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 3))
    layer = layers.UpSampling2D((2, 3), data_format, interpolation, dtype="float64")
    check_gradient(layer, [x])
    constant = layers.UpSampling2D((4, 3), data_format, interpolation)(np.ones_like(x))
    np.testing.assert_allclose(constant, 1, rtol=1e-6)


def test_sum_of_more_tensors_than_an_op_takes():
    xs = list(np.random.default_rng(0).normal(size=(40, 3, 2)))
    np.testing.assert_allclose(total(xs, 40), np.mean(xs, axis=0))
    check_gradient(lambda *xs: total(xs, 40), xs)


def test_functional_forms():
    a, b = np.float32([[1, 2]]), np.float32([[3, 5]])
    for name, expected in {"add": [4, 7], "subtract": [-2, -3], "multiply": [3, 10], "average": [2, 3.5], "maximum": [3, 5], "minimum": [1, 2],
                           "concatenate": [1, 2, 3, 5], "dot": [13]}.items():  # fmt: skip
        assert getattr(layers, name)([a, b]).tolist() == [expected]
    assert layers.dot([a, b], axes=1, normalize=True).numpy() == pytest.approx(13 / np.sqrt(5 * 34))
    assert layers.add([Input((2,)), Input((2,))], name="sum").history.operation.name == "sum"


def test_results_do_not_depend_on_threads():
    x = np.random.default_rng(0).normal(size=(4, 40, 50, 6)).astype("float32")
    results = []
    before = dlcore.get_num_threads()
    for threads in (1, 3):
        dlcore.set_num_threads(threads)
        tensor = ops.convert_to_tensor(x)
        with dlcore.GradientTape() as tape:
            tape.watch([tensor])
            y = [layers.UpSampling2D(3)(tensor), layers.UpSampling2D(2, interpolation="bilinear")(tensor), layers.Average()([tensor, tensor * 2, tensor])]
        results.append([np.array(v) for v in (*y, *tape.gradient(y, [tensor]))])
    dlcore.set_num_threads(before)
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: layers.Permute((0, 1)), ValueError, r"dims must name .* Received: dims=\(0, 1\)"),
        (lambda: layers.RepeatVector("a"), TypeError, "n must be a whole number; received n='a'"),
        (lambda: layers.RepeatVector(0), ValueError, "Received: n=0"),
        (lambda: layers.Reshape((-1, -1)), ValueError, "at most one unknown"),
        (lambda: layers.Reshape((2, -3)), ValueError, r"Received: target_shape=\(2, -3\)"),
        (lambda: layers.Cropping1D((1, 2, 3)), ValueError, r"cropping=\(1, 2, 3\)"),
        (lambda: layers.Cropping2D(-1), ValueError, "at least 0"),
        (lambda: layers.Cropping3D((1, 2)), ValueError, "a tuple of 3"),
        (lambda: layers.ZeroPadding1D("a"), ValueError, "padding='a'"),
        (lambda: layers.ZeroPadding2D(1.5), ValueError, "padding=1.5"),
        (lambda: layers.ZeroPadding2D(1, data_format="last"), ValueError, "data_format='last'"),
        (lambda: layers.ZeroPadding3D(((1, 2), (1, -1), (0, 0))), ValueError, "at least 0"),
        (lambda: layers.UpSampling1D(2.0), TypeError, "size=2.0"),
        (lambda: layers.UpSampling1D(0), ValueError, "size=0"),
        (lambda: layers.UpSampling2D((0, 1)), ValueError, "at least 1"),
        (lambda: layers.UpSampling2D(interpolation="area"), ValueError, "interpolation='area'"),
        (lambda: layers.UpSampling3D((1, 2)), ValueError, r"size=\(1, 2\)"),
        (lambda: layers.Dot("a"), TypeError, "axes='a'"),
        (lambda: layers.Dot((1,)), ValueError, r"axes=\(1,\)"),
        (lambda: layers.Dot((1, 1.5)), ValueError, r"axes=\(1, 1.5\)"),
        (lambda: layers.Cropping1D(3)(np.ones((2, 6, 1))), ValueError, r"input_shape=\(2, 6, 1\)"),
        (lambda: layers.Cropping2D(2)(Input((4, 5, 1))), ValueError, r"input_shape=\(None, 4, 5, 1\)"),
        (lambda: layers.Reshape((5,))(np.ones((2, 6))), ValueError, r"input_shape=\(6,\), target_shape=\(5,\)"),
        (lambda: layers.UpSampling2D()(np.ones((2, 6))), ValueError, "expected ndim=4, found ndim=2"),
        (lambda: layers.UpSampling2D(2**40)(np.ones((1, 6, 6, 1))), MemoryError, "too large"),
        (lambda: layers.Add()(np.ones((2, 3))), ValueError, "on a list of at least 1 input"),
        (lambda: layers.Add()([np.ones((2, 3)), np.ones((3, 3))]), ValueError, "different batch sizes"),
        (lambda: layers.Add(name="mine")([np.ones((2, 3)), np.ones((2, 4))]), ValueError, r"'mine' have incompatible shapes. .*\[\(2, 3\), \(2, 4\)\]"),
        (lambda: layers.Subtract()([np.ones((2, 3))] * 3), ValueError, "exactly 2 inputs"),
        (lambda: layers.Concatenate()([np.ones((2, 3, 4)), np.ones((2, 2, 4))]), ValueError, "matching shapes except for the concatenation axis -1"),
        (lambda: layers.Concatenate(axis=3)([np.ones((2, 3))] * 2), ValueError, r"axis must be a whole number in \[-2, 2\)"),
        (lambda: layers.Dot(1)([np.ones((2, 3))] * 3), ValueError, "exactly 2 inputs"),
        (lambda: layers.Dot(1)([np.ones((2, 3)), np.ones((2, 4))]), ValueError, "3 elements along axis 1 against 4 along axis 1"),
        (lambda: layers.Dot(0)([np.ones((2, 3)), np.ones((2, 3))]), ValueError, "an axis after the batch"),
        (lambda: layers.Dot(1)([np.ones((2, 3)), np.ones((3, 3))]), ValueError, "different batch sizes"),
        (lambda: Taps(np.ones(3)), ValueError, r"shape \(3,\)"),
        (lambda: resample(np.ones((2, 3)), Taps(np.ones((4, 2))), 1), ValueError, "expected 2 elements along axis 1"),
        (lambda: resample(np.ones((2, 3), "int32"), Taps(np.ones((4, 3))), 1), ValueError, "expected float32 or float64"),
        (lambda: resize_images(np.ones((2, 3)), None, None), ValueError, "expected images .n, height, width, channels.; received a tensor"),
        (lambda: resize_images(np.ones((1, 2, 3, 1), "int32"), None, None), ValueError, "expected float32 or float64 or uint8"),
        (lambda: resize_images(np.ones((1, 2, 3, 1)), None, Taps(np.ones((4, 2)))), ValueError, "expected 2 elements along axis 2"),
        (lambda: upsample(np.ones((2, 3)), (1, 2), 1), ValueError, "2 axes from axis 1 on"),
        (lambda: upsample(np.ones((2, 3)), (), 1), ValueError, r"times=\(\)"),
        (lambda: total([]), ValueError, "at least one tensor"),
    ],
)
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_masks_that_do_not_belong():
    x = ops.ones((2, 3))
    with pytest.raises(ValueError, match="lists of the same length"):
        layers.Add().compute_mask([x, x], [None])
    assert layers.Add().compute_mask([x, x], None) is None
    assert layers.Dot(1).compute_mask([x, x], [x, x]) is None


def test_a_number_is_not_a_batch():
    for layer in (layers.Flatten(), layers.Reshape((-1,)), layers.Reshape(())):
        with pytest.raises(ValueError, match="expected min_ndim=1, found ndim=0"):
            layer(np.float32(1.0))
