"""Activations, core and embedding layers: Keras' recorded numbers, masks, configurations and errors."""

import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from golden.record_core import ACTIVATIONS, SEEDS, Case, activation, squared, tolerance

import dlcore
from dlcore import Input, activations, layers, ops
from dlcore.utils.serialization import CustomObjectScope, deserialize_keras_object, serialize_keras_object

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "core.npz")
INDEX = json.loads(str(GOLDEN["index"]))


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


# ----------------------------------------------------------------------------------------------------- Keras' numbers


@pytest.mark.parametrize("case", ACTIVATIONS)
def test_activation(case):
    name, options = ACTIVATIONS[case]
    x, g = activation(dlcore, case)
    x = ops.convert_to_tensor(x)
    with dlcore.GradientTape() as tape:
        tape.watch(x)
        y = getattr(activations, name)(x, **options)
    rtol, atol = tolerance(case, "float32")
    np.testing.assert_allclose(y, GOLDEN[f"{case}/value"], rtol=rtol, atol=atol)
    np.testing.assert_allclose(tape.gradient(y, x, g), GOLDEN[f"{case}/gradient"], rtol=rtol, atol=atol)


@pytest.mark.parametrize("seed", SEEDS)
def test_model(seed):
    found, numbers, at = Case(dlcore, seed).run(), GOLDEN[f"model {seed}"], 0
    assert list(found) == [name for name, _ in INDEX[str(seed)]]
    for name, shape in INDEX[str(seed)]:
        size = int(np.prod(shape))
        np.testing.assert_allclose(found[name], numbers[at:at + size].reshape(shape), rtol=1e-3, atol=1e-3, err_msg=name)
        at += size


# -------------------------------------------------------------------------------------------------------- activations


class TestActivations:
    @pytest.mark.parametrize("name", sorted({*activations._FUNCTIONS} - {"threshold"}))
    def test_by_name(self, name):
        function = activations.get(name)
        assert function is getattr(activations, name) and function is activations.deserialize(name)
        written = activations.serialize(function)
        assert written == function.__name__ and activations.get(written) is function
        assert activations.deserialize({"module": "builtins", "class_name": "function", "config": name, "registered_name": "function"}) is function
        x = noise(3, 4)
        np.testing.assert_array_equal(layers.Activation(name)(x), function(x))

    def test_gelu(self):
        x = noise(50)
        np.testing.assert_array_equal(activations.gelu(x), ops.gelu(x, approximate=False))
        np.testing.assert_array_equal(activations.gelu(x, approximate=True), ops.gelu(x))
        assert not np.array_equal(activations.gelu(x), ops.gelu(x))
        dense = layers.Dense(50, kernel_initializer="identity", activation=ops.gelu)            # the op's own default holds
        np.testing.assert_allclose(dense(x[None]), [ops.gelu(x)], rtol=1e-6)

    def test_my_own(self):
        assert activations.serialize(squared) == {"module": "builtins", "class_name": "function", "config": "squared", "registered_name": "function"}
        with pytest.raises(TypeError, match="Could not locate function 'squared'"):
            activations.deserialize(activations.serialize(squared))
        assert activations.deserialize("squared", {"squared": squared}) is squared
        assert activations.deserialize(activations.serialize(squared), {"squared": squared}) is squared
        with CustomObjectScope({"squared": squared}):
            assert activations.get("squared") is squared
            layer = layers.Dense.from_config(layers.Dense(2, activation=squared).get_config())
        assert layer.activation is squared

    def test_a_layer_as_activation(self):
        layer = layers.Dense(3, activation=layers.LeakyReLU(0.5), kernel_initializer="ones")
        copy = layers.Dense.from_config(json.loads(json.dumps(layer.get_config())))
        assert isinstance(copy.activation, layers.LeakyReLU)
        np.testing.assert_array_equal(copy(noise(2, 4)), layer(noise(2, 4)))

    def test_lambda_is_refused(self):
        with pytest.raises(ValueError, match=r"Dense cannot be written as a configuration: argument 'activation' holds .*a lambda has none"):
            layers.Dense(2, activation=lambda x: x).get_config()
        with pytest.raises(TypeError, match="Cannot serialize a lambda"):
            activations.serialize(lambda x: x)

    def test_unknown(self):
        with pytest.raises(ValueError, match="Could not interpret activation function identifier: 'rulu'"):
            activations.get("rulu")


# -------------------------------------------------------------------------------------------------------------- layers

# constructor, input
LAYERS = {
    "elu": (lambda: layers.ELU(0.5), noise(3, 4)),
    "prelu": (lambda: layers.PReLU("uniform", "l2", "non_neg", [1]), noise(2, 3, 4)),
    "prelu of one axis": (lambda: layers.PReLU(shared_axes=1), noise(2, 3, 4)),
    "einsum": (lambda: layers.EinsumDense("abc,cd->abd", (None, 5), "relu", "d", kernel_regularizer="l1"), noise(2, 3, 4)),
    "einsum heads": (lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 5), bias_axes="de"), noise(2, 3, 4)),
    "einsum ellipsis": (lambda: layers.EinsumDense("...x,xy->...y", 5, "softmax"), noise(2, 3, 4)),
    "embedding": (lambda: layers.Embedding(7, 3, "normal", "l2", "max_norm", True), np.array([[1, 6, 0], [2, 2, 3]])),
    "identity": (lambda: layers.Identity(), noise(2, 3)),
    "masking": (lambda: layers.Masking(2.0), noise(2, 3, 4)),
    "lambda": (lambda: layers.Lambda(squared, arguments={"power": 3}), noise(2, 3)),
    "penalty": (lambda: layers.ActivityRegularization(0.1, 0.2), noise(2, 3)),
    "dropout": (lambda: layers.Dropout(0.5, (None, 1), 3), noise(2, 3)),
    "spatial 1": (lambda: layers.SpatialDropout1D(0.5, 3, name="mine"), noise(2, 3, 4)),
    "spatial 2": (lambda: layers.SpatialDropout2D(0.5, "channels_first", dtype="float32"), noise(2, 3, 4, 5)),
    "spatial 3": (lambda: layers.SpatialDropout3D(0.5), noise(2, 3, 4, 5, 2)),
    "alpha": (lambda: layers.AlphaDropout(0.5, (None, 1), 3), noise(2, 3)),
    "gaussian": (lambda: layers.GaussianDropout(0.5, 3), noise(2, 3)),
    "noise": (lambda: layers.GaussianNoise(0.5, dlcore.random.SeedGenerator(3)), noise(2, 3)),
    "weight noise": (lambda: layers.WeightNoise(layers.Dense(2, "tanh"), 0.1, 3), noise(2, 3)),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layer(case):
    make, x = LAYERS[case]
    layer = make()
    symbolic = layer(Input(x.shape[1:], dtype=x.dtype.name))
    found = np.asarray(layer(x))
    assert symbolic.shape == (None, *found.shape[1:]) and symbolic.dtype == "float32"
    assert layer.compute_output_shape(x.shape) == found.shape
    np.testing.assert_array_equal(layer(ops.convert_to_tensor(x)), found)
    written = json.loads(json.dumps(serialize_keras_object(layer)))
    with CustomObjectScope({"squared": squared}):
        copy = deserialize_keras_object(written)
    copy(x)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(copy(x), found)
    assert type(copy) is type(layer) and json.loads(json.dumps(copy.get_config())) == written["config"]


@pytest.mark.parametrize("case", [case for case in LAYERS if case != "embedding"])
def test_masks_travel(case):
    make, x = LAYERS[case]
    if x.ndim < 3 or case == "masking":
        return
    layer, mask = make(), np.array([[True, False, True], [True, True, False]])
    x = ops.convert_to_tensor(x)
    x.mask = mask
    if layer.supports_masking:
        assert layer(x).mask is mask
    else:
        with pytest.warns(UserWarning, match="does not support masking"):
            assert layer(x).mask is None


class TestEmbedding:
    def test_ids(self):
        layer = layers.Embedding(5, 2, weights=np.arange(10.0).reshape(5, 2))
        assert layer(np.array([[1.7, 4.0]])).numpy().tolist() == [[[2, 3], [8, 9]]]
        assert layer([[0], [1]]).shape == (2, 1, 2) and layer(np.zeros((0, 3), "int32")).shape == (0, 3, 2)
        with pytest.raises(ValueError, match=r"ids must lie in \[0, 5\), the rows of the table; received 5 at position \(1, 0\)"):
            layer(np.array([[4, 0], [5, -1]]))
        for wrong in (-1, np.nan, np.inf, 5.5):
            with pytest.raises(ValueError, match=r"at position \(0,\)"):
                layer(np.array([wrong]))
        assert "weights" not in layer.get_config()

    def test_an_id_out_of_range_in_fit(self):
        model = dlcore.Sequential([Input((2,)), layers.Embedding(5, 2), layers.Flatten(), layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(ValueError, match=r"received 9.0 at position \(2, 1\)"):
            model.fit(np.array([[0, 1], [1, 2], [3, 9]]), np.zeros((3, 1)), shuffle=False, verbose=0)

    def test_mask(self):
        ids = np.array([[1, 0, 2]])
        assert layers.Embedding(3, 2, mask_zero=True)(ids).mask.tolist() == [[True, False, True]]
        assert layers.Embedding(3, 2)(ids).mask is None
        model = dlcore.Sequential([Input((3,)), layers.Embedding(3, 2, mask_zero=True), layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse", metrics=["mae"])
        y = model.predict(ids, verbose=0)
        found = model.evaluate(ids, np.zeros((1, 3, 1)), verbose=0)
        np.testing.assert_allclose(found, [np.mean(y[0, [0, 2]] ** 2), np.mean(abs(y[0, [0, 2]]))], rtol=1e-6)

    @pytest.mark.parametrize("threads", [1, 4])
    def test_gradient(self, threads):
        rng = np.random.default_rng(0)
        table, ids = rng.normal(size=(3000, 20)).astype("float32"), (rng.random((40, 300)) ** 3 * 3000).astype("int32")
        layer = layers.Embedding(3000, 20, weights=table)
        g = rng.normal(size=(40, 300, 20)).astype("float32")
        expected = np.zeros_like(table)
        np.add.at(expected, ids, g)
        before = dlcore.config.get_num_threads()
        dlcore.config.set_num_threads(threads)
        try:
            with dlcore.GradientTape() as tape:
                y = layer(ids)
            np.testing.assert_array_equal(tape.gradient(y, layer.embeddings, g), expected)
        finally:
            dlcore.config.set_num_threads(before)

    @pytest.mark.parametrize(("arguments", "message"), [
        ((0, 2), "`input_dim` must be a positive integer. Received: input_dim=0"),
        ((2, 2.5), "`output_dim` must be a positive integer. Received: output_dim=2.5"),
        ((True, 2), "`input_dim` must be a positive integer"),
    ])  # fmt: skip
    def test_errors(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            layers.Embedding(*arguments)
        with pytest.raises(ValueError, match="Embedding: lora_rank is not supported"):
            layers.Embedding(2, 2, lora_rank=4)


class TestMasking:
    def test_in_fit(self):
        x = noise(4, 3, 2)
        x[0, 1] = x[2] = 7
        layer = layers.Masking(7.0)
        y = layer(x)
        expected = np.ones((4, 3), bool)
        expected[0, 1] = expected[2] = False
        np.testing.assert_array_equal(y.mask, expected)
        np.testing.assert_array_equal(y, np.where(expected[..., None], x, 0))
        x[0, 0, 0] = 7                          # one number of a step does not mask it
        np.testing.assert_array_equal(layer(x).mask, expected)


class TestSoftmax:
    def test_masked(self):
        x, mask = noise(3, 4), np.array([[True, False, True, True], [False] * 4, [True] * 4])
        found = np.asarray(layers.Softmax()(x, mask=mask))
        expected = np.exp(x) * mask
        np.testing.assert_allclose(found, expected / np.maximum(expected.sum(-1, keepdims=True), 1e-30), rtol=1e-5)
        np.testing.assert_array_equal(layers.Softmax()(x, mask=mask.astype("float32")), found)

    def test_a_mask_that_does_not_fit(self):
        with pytest.raises(ValueError, match=r"Softmax: mask must broadcast to the inputs; received inputs of shape \(3, 4\) and a mask of shape \(4, 3\)"):
            layers.Softmax()(noise(3, 4), mask=np.ones((4, 3), bool))
        x = ops.convert_to_tensor(noise(2, 3, 4))
        x.mask = np.ones((2, 3), bool)          # a mask that came with the inputs, as in Keras
        with pytest.raises(ValueError, match="mask must broadcast"):
            layers.Softmax()(x)


class TestPReLU:
    @pytest.mark.parametrize("axes", [[0], [3], ["1"], 5])
    def test_axes_that_do_not_exist(self, axes):
        with pytest.raises(ValueError, match="PReLU: shared_axes must name axes from 1 to 2"):
            layers.PReLU(shared_axes=axes).build((None, 3, 4))

    def test_unknown_size(self):
        with pytest.raises(ValueError, match="must have a known size"):
            layers.PReLU().build((None, None, 4))
        assert layers.PReLU(shared_axes=[1])(Input((None, 4))).shape == (None, None, 4)


class TestLambda:
    def test_what_it_hands_on(self):
        def function(x, training, mask, by):
            return x * by if training and mask is not None else x

        layer, x = layers.Lambda(function, arguments={"by": 3.0}, mask=lambda inputs, mask: mask), ops.ones((1, 2))
        x.mask = np.ones(1, bool)
        assert layer(x, training=True).numpy().tolist() == [[3, 3]] and layer(x, training=True).mask is x.mask
        assert layer(x).numpy().tolist() == [[1, 1]]

    def test_shapes(self):
        assert layers.Lambda(lambda x: x[:, :2])(Input((5,))).shape == (None, 2)
        assert layers.Lambda(np.sort, output_shape=(5,))(Input((5,))).shape == (None, 5)
        assert layers.Lambda(np.sort, output_shape=lambda s: (s[0], 7))(Input((5,))).shape == (None, 7)
        assert layers.Lambda(lambda pair: pair[0] + pair[1])([Input((5,)), Input((5,))]).shape == (None, 5)
        assert layers.Lambda(lambda pair: pair[0], output_shape=(5,)).compute_output_shape([(3, 5), (3, 5)]) == (3, 5)

    def test_lambdas_are_not_written(self):
        for layer in (layers.Lambda(lambda x: x), layers.Lambda(squared, output_shape=lambda s: s), layers.Lambda(squared, mask=lambda x, m: m)):
            with pytest.raises(ValueError, match="Lambda cannot be written as a configuration"):
                layer.get_config()

    def test_code_is_not_read(self):
        code = {"class_name": "__lambda__", "config": {"code": "4wEAAA==", "defaults": None, "closure": None}}
        with pytest.raises(ValueError, match="Cannot deserialize a lambda"):
            layers.Lambda.from_config({"name": "mine", "function": code, "arguments": {}})

    def test_not_a_function(self):
        with pytest.raises(ValueError, match="function must be callable"):
            layers.Lambda(3)


class TestEinsumDense:
    @pytest.mark.parametrize(("equation", "shape", "sizes", "bias"), [
        ("ab,bc->ac", (4,), 3, "c"), ("abc,cde->abde", (3, 4), (3, 2, 5), "de"), ("abc,cde->abde", (3, 4), (3, 2, 5), "e"),
        ("abc,cde->abde", (3, 4), (3, 2, 5), "d"), ("abcd,cde->abe", (5, 2, 3), (5, 4), "e"), ("...x,xy->...y", (2, 3, 4), 3, "y"),
    ])  # fmt: skip
    def test_a_matrix_product_gives_what_einsum_gives(self, equation, shape, sizes, bias):
        x = noise(2, *shape)
        for name in (None, "tanh", "softmax"):
            layer = layers.EinsumDense(equation, sizes, activation=name, bias_axes=bias, bias_initializer="normal")
            fused = layer(x)
            assert layer._matrix is not None
            layer._matrix = None
            np.testing.assert_allclose(layer(x), fused, rtol=1e-4, atol=1e-6)

    def test_fans(self):
        layer = layers.EinsumDense("abc,cde->abde", (None, 20, 30), kernel_initializer="he_normal")
        layer.build((None, 5, 400))
        assert np.std(layer.kernel) == pytest.approx((2 / 400) ** 0.5, rel=0.05)

    @pytest.mark.parametrize(("arguments", "shape", "message"), [
        (("ab,bc", 3), (None, 4), "equation must have the form"),
        (("...ab,bc->ac", 3), (None, 4), "equation must have the form"),
        (("abc,cd->abd", (None, 3)), (None, 4), "names 3 axes of the inputs"),
        (("ab,bc->ac", 3), (None, 2, 4), "names 2 axes of the inputs"),
        (("ab,bc->ac", (3, 4)), (None, 4), "gives a result of 2 axes"),
        (("abc,cd->abd", (7, 3)), (None, 5, 4), "label 'b' has 5 elements in the inputs and 7 in the result"),
        (("ab,bc->ad", 3), (None, 4), "label 'd' of the result is neither"),
        (("ab,bcd->ac", 3), (None, 4), "label 'd' of the kernel is neither"),
        (("ab,bc->ac", None), (None, 4), None),
        (("ab,bc->ac", (None,)), (None, 4), "every axis of the kernel must be known"),
        (("ab,bc->ac", 3, None, "d"), (None, 4), "bias_axes must name labels of the result 'ac'"),
        (("abc,cd->abd", (None, 3), None, "b"), (None, None, 4), "every axis of the bias must be known"),
    ])  # fmt: skip
    def test_errors(self, arguments, shape, message):
        with pytest.raises(ValueError if message else TypeError, match=message):
            layers.EinsumDense(*arguments).build(shape)
        with pytest.raises(ValueError, match="EinsumDense: quantization_config is not supported"):
            layers.EinsumDense("ab,bc->ac", 3, quantization_config="int8")


def test_wrapper():
    with pytest.raises(ValueError, match="Wrapper: layer must be a layer; received layer='dense'"):
        layers.Wrapper("dense")
    layer = layers.Wrapper(layers.Dense(2))
    layer.build((None, 3))
    assert layer.layer.built and len(layer.weights) == 2


def test_example_of_the_step_function():
    """What the example says: the step's gradient is zero and the layers below do not learn; with a surrogate they do."""
    script = pathlib.Path(__file__).parents[1] / "examples" / "step_activation.py"
    if not script.exists():
        pytest.skip("the examples are not here")
    lines = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout.splitlines()
    assert lines[0].endswith("gradient 0.00 0.00 0.00 0.00") and lines[1].endswith("gradient 0.07 0.79 0.79 0.07")
    scores = [float(re.search(r"accuracy ([\d.]+)%", line)[1]) for line in lines[2:]]
    assert scores[0] < 70 and scores[1] > 90
    assert lines[2].endswith("moved by up to 0.000") and not lines[3].endswith("moved by up to 0.000")
