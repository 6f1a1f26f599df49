import importlib
import random as python_random
import sys

import numpy as np
import pytest

from dlcore import naming, random, utils


class TestToCategorical:
    def test_values(self):
        one_hot = utils.to_categorical([0, 2, 1, 2])
        assert one_hot.dtype == np.float64
        np.testing.assert_array_equal(one_hot, np.eye(3)[[0, 2, 1, 2]])

    @pytest.mark.parametrize(
        ("x", "num_classes", "shape"),
        [([[1], [2]], None, (2, 3)), ([[1, 2]], None, (1, 2, 3)), (2, None, (3,)), ([[1]], None, (1, 2)), ([], 3, (0, 3))],
    )
    def test_shapes(self, x, num_classes, shape):
        assert utils.to_categorical(x, num_classes).shape == shape

    def test_floats_are_cut(self):
        np.testing.assert_array_equal(utils.to_categorical([1.7, 2.0]), np.eye(3)[[1, 2]])

    @pytest.mark.parametrize("x", [[0, 5], [-1, 2]])
    def test_out_of_range(self, x):
        with pytest.raises(ValueError, match=r"expected class indices in \[0, 3\), received values from"):
            utils.to_categorical(x, 3)

    def test_empty(self):
        with pytest.raises(ValueError, match="empty `x`"):
            utils.to_categorical([])

    def test_old_spelling(self):
        sys.modules.pop("dlcore.utils.np_utils", None)
        with pytest.warns(DeprecationWarning, match="np_utils"):
            np_utils = importlib.import_module("dlcore.utils.np_utils")
        assert np_utils.to_categorical is utils.to_categorical


def test_normalize():
    x = np.random.RandomState(0).randn(4, 3)
    np.testing.assert_allclose(np.linalg.norm(utils.normalize(x), axis=1), 1)
    np.testing.assert_allclose(np.linalg.norm(utils.normalize(x, axis=0), axis=0), 1)
    np.testing.assert_allclose(np.abs(utils.normalize(x, order=1)).sum(1), 1)
    assert not utils.normalize(np.zeros((2, 3))).any()
    for axis in (-1, 0):
        assert utils.normalize(np.array([3.0, 4.0]), axis=axis).tolist() == [[0.6, 0.8]]
    with pytest.raises(np.exceptions.AxisError):
        utils.normalize(np.array([3.0, 4.0]), axis=1)


class TestPadSequences:
    @pytest.mark.parametrize(
        ("kwargs", "expected"),
        [
            ({}, [[0, 0, 1], [0, 2, 3], [4, 5, 6]]),
            ({"padding": "post"}, [[1, 0, 0], [2, 3, 0], [4, 5, 6]]),
            ({"maxlen": 2}, [[0, 1], [2, 3], [5, 6]]),
            ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [4, 5]]),
            ({"maxlen": 0}, [[], [], []]),
            ({"value": 9, "maxlen": 4, "padding": "post"}, [[1, 9, 9, 9], [2, 3, 9, 9], [4, 5, 6, 9]]),
        ],
    )
    def test_values(self, kwargs, expected):
        result = utils.pad_sequences([[1], [2, 3], [4, 5, 6]], **kwargs)
        assert result.dtype == np.int32 and result.tolist() == expected

    def test_items_with_a_shape(self):
        result = utils.pad_sequences([[], [[1, 2]], [[1, 2], [3, 4]]], dtype="float32")
        assert result.shape == (3, 2, 2) and result[1].tolist() == [[0, 0], [1, 2]]

    def test_strings(self):
        assert utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="").tolist() == [["", "a"], ["b", "c"]]

    @pytest.mark.parametrize(
        ("args", "kwargs", "message"),
        [
            (([1, 2],), {}, "Found non-iterable: 1"),
            ((3,), {}, "must be a list"),
            (([[1]],), {"padding": "x"}, "`padding` must be 'pre' or 'post'"),
            (([[1]],), {"truncating": "x"}, "`truncating` must be"),
            (([[1]],), {"value": "x"}, "`dtype=object`"),
            (([[[1, 2]], [[1, 2, 3]]],), {}, "is different from expected shape"),
        ],
    )
    def test_errors(self, args, kwargs, message):
        with pytest.raises(ValueError, match=message):
            utils.pad_sequences(*args, **kwargs)


def test_set_random_seed():
    def draw():
        return python_random.random(), float(np.random.rand()), float(random.normal((1,))[0])

    utils.set_random_seed(3)
    first = draw()
    utils.set_random_seed(3)
    assert draw() == first
    with pytest.raises(ValueError, match="`seed` argument to be an integer"):
        utils.set_random_seed("a")


def test_names():
    for name, snake in {"Dense": "dense", "Conv2DTranspose": "conv2d_transpose", "LSTM": "lstm", "MaxNorm": "max_norm"}.items():
        assert naming.to_snake_case(name) == snake
    naming.reset()
    assert [naming.auto_name("dense") for _ in range(3)] == ["dense", "dense_1", "dense_2"]


class TestSerialization:
    @pytest.mark.parametrize("value", [None, 1, 0.5, "a", True, [1, [2, "b"]], {"a": {"b": 1}}, slice(1, None, 2), b"ab", ...])
    def test_plain_values(self, value):
        assert utils.deserialize_keras_object(utils.serialize_keras_object(value)) == value

    def test_arrays_and_dtypes(self):
        again = utils.deserialize_keras_object(utils.serialize_keras_object(np.arange(3, dtype="int8")))
        assert again.dtype == np.int8 and again.tolist() == [0, 1, 2]
        assert utils.serialize_keras_object(np.float64(0.5)) == 0.5
        assert utils.serialize_keras_object(np.dtype("float32")) == "float32"

    def test_functions(self):
        @utils.register_keras_serializable("test_utils")
        def double(x):
            return 2 * x

        config = utils.serialize_keras_object(double)
        assert config == {"module": "builtins", "class_name": "function", "config": "test_utils>double", "registered_name": "function"}
        assert utils.deserialize_keras_object(config) is double

    def test_scope(self):
        with utils.custom_object_scope({"thing": int}):
            assert utils.get_registered_object("thing") is int
            with utils.custom_object_scope({"other": str}):
                assert utils.get_registered_object("thing") is int
        assert utils.get_registered_object("thing") is None

    @pytest.mark.parametrize("module", ["os", "builtins", "dlcore.utils.serialization.sys", "keras._kernels"])
    def test_a_file_cannot_name_any_class_it_likes(self, module):
        with pytest.raises(TypeError, match="Could not locate"):
            utils.deserialize_keras_object({"module": module, "class_name": "system", "config": {}, "registered_name": None})

    def test_errors(self):
        with pytest.raises(TypeError, match="lambda"):
            utils.serialize_keras_object(lambda x: x)
        with pytest.raises(TypeError, match=r"`get_config\(\)`"):
            utils.serialize_keras_object(object())
        with pytest.raises(ValueError, match="lambda"):
            utils.deserialize_keras_object({"class_name": "__lambda__", "config": {"value": "x"}})
        with pytest.raises(TypeError, match="Could not parse config"):
            utils.deserialize_keras_object(object())
        with pytest.raises(ValueError, match="without"):
            utils.register_keras_serializable()(int)
