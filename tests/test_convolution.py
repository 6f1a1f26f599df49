"""Convolution layers: against Keras' numbers and NumPy, and what happens at the edges."""

import copy
import itertools
import json
import pathlib
import pickle
import threading

import numpy as np
import pytest
from golden import record_convolution as recorder

import dlcore
from dlcore import Input, layers, ops
from dlcore._kernels import parallel

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "convolution.npz")
CASES = json.loads(str(GOLDEN["cases"]))
NAMES = [f"Conv{rank}D{kind}" for rank in (1, 2, 3) for kind in ("", "Transpose")]


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def recorded(name):
    return {key.split("/", 1)[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{name}/")}


@pytest.mark.parametrize("number", range(len(CASES)), ids=[f"{i}-{name}" for i, (name, *_) in enumerate(CASES)])
def test_numbers_of_keras(number):
    assert json.loads(json.dumps(recorder.CASES)) == CASES
    recorder.compare(recorder.case(dlcore, number), recorded(number), 1e-4, str(CASES[number]))


@pytest.mark.parametrize("name", ["digits", "waves", "hourglass", "shared", "volume"])
def test_networks_of_keras(name):
    recorder.compare(recorder.learn(dlcore, name, recorder.networks(dlcore)[name]), recorded(name), 1e-3, name)


def slow(x, kernel, bias, strides, dilation, before, after):
    """A convolution of zeros, x, zeros, one window after the other."""
    rank = len(strides)
    x = np.pad(x, [(0, 0), *zip(before, after, strict=True), (0, 0)]).astype("float64")
    sizes = [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(x.shape[1:-1], kernel.shape, strides, dilation, strict=False)]
    y = np.zeros((len(x), *sizes, kernel.shape[-1]))
    for place in itertools.product(*map(range, sizes)):
        window = tuple(slice(i * s, i * s + (k - 1) * d + 1, d) for i, s, k, d in zip(place, strides, kernel.shape, dilation, strict=False))
        y[(slice(None), *place)] = np.tensordot(x[(slice(None), *window)], kernel, rank + 1) + bias
    return y


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("strides", "dilation"), [((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 1))])
def test_against_numpy(padding, strides, dilation):
    x = noise(2, 7, 6, 3)
    layer = layers.Conv2D(4, (3, 2), strides, padding, dilation_rate=dilation, bias_initializer="normal")
    y = layer(x)
    kernel, bias = layer.get_weights()
    before, after = (0, 0), (0, 0)
    if padding == "same":
        whole = [max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n) for n, k, s, d in zip((7, 6), (3, 2), strides, dilation, strict=True)]
        before = [n // 2 for n in whole]
        after = [n - n // 2 for n in whole]
    np.testing.assert_allclose(y, slow(x, kernel, bias, strides, dilation, before, after), rtol=1e-5, atol=1e-5)


def test_a_transposed_convolution_is_the_gradient_of_one():
    x, g = ops.convert_to_tensor(noise(2, 9, 8, 3)), noise(2, 4, 4, 5, seed=1)
    conv, back = layers.Conv2D(5, (3, 2), 2, use_bias=False), layers.Conv2DTranspose(3, (3, 2), 2, use_bias=False)
    with dlcore.GradientTape() as tape:
        tape.watch(x)
        loss = ops.sum(conv(x) * g)
    back.build(g.shape)
    back.set_weights(conv.get_weights())
    np.testing.assert_allclose(back(g), tape.gradient(loss, x), rtol=1e-5, atol=1e-6)


def test_groups_are_convolutions_side_by_side():
    x = noise(2, 5, 6, 6)
    layer = layers.Conv2D(9, 3, groups=3, activation="tanh")
    y = layer(x)
    kernel, bias = layer.get_weights()
    for i in range(3):
        one = layers.Conv2D(3, 3, activation="tanh")
        one.build((None, 5, 6, 2))
        one.set_weights([kernel[..., 3 * i : 3 * i + 3], bias[3 * i : 3 * i + 3]])
        np.testing.assert_allclose(one(x[..., 2 * i : 2 * i + 2]), y[..., 3 * i : 3 * i + 3], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_channels_first(name):
    """The same weights and numbers, with the axes in another order."""
    rank = int(name[4])
    x = noise(2, *(5, 4, 3)[:rank], 3)
    last, first = (getattr(layers, name)(4, 2, padding="same", activation="tanh", data_format=f) for f in ("channels_last", "channels_first"))
    y = last(x)
    first.build((None, 3, *x.shape[1:-1]))
    first.set_weights(last.get_weights())
    np.testing.assert_allclose(np.moveaxis(first(np.moveaxis(x, -1, 1)).numpy(), 1, -1), y, rtol=1e-6, atol=1e-7)
    dlcore.config.set_image_data_format("channels_first")
    try:
        assert getattr(layers, name)(4, 2)(Input((3, *x.shape[1:-1]))).shape[1] == 4
    finally:
        dlcore.config.set_image_data_format("channels_last")


@pytest.mark.parametrize("name", NAMES)
def test_a_call_is_one_node(name):
    layer = getattr(layers, name)(3, 2, activation="relu")
    x = Input((4,) * int(name[4]) + (2,))
    y = layer(x)
    model = dlcore.Model(x, y)
    assert [type(found).__name__ for found in model.layers] == ["InputLayer", name]
    assert layer.kernel.path == f"{layer.name}/kernel" and layer.bias.path == f"{layer.name}/bias"
    assert layer.name == name.lower().replace("transpose", "_transpose")


@pytest.mark.parametrize("name", NAMES)
def test_what_may_follow_can_be_fused(name):
    """`convolve` scales every filter, adds and activates."""
    layer = getattr(layers, name)(3, 2, kernel_initializer="normal", activation="relu")
    x = noise(2, *(4,) * int(name[4]), 2)
    layer.build(x.shape)
    scale, bias = ops.convert_to_tensor(noise(3)), ops.convert_to_tensor(noise(3, seed=1))
    plain = layer.convolve(x).numpy()
    np.testing.assert_allclose(layer.convolve(x, bias, layer._fused, scale), np.maximum(plain * scale.numpy() + bias.numpy(), 0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.convolve(x, bias), plain + bias.numpy(), rtol=1e-5, atol=1e-6)


def test_old_names():
    for name in NAMES:
        assert getattr(layers, name.replace("Conv", "Convolution")) is getattr(layers, name)
    found = layers.deserialize({"class_name": "Convolution2D", "module": "keras.layers", "config": {"filters": 2, "kernel_size": [3, 3]}})
    assert type(found) is layers.Conv2D and found.kernel_size == (3, 3)


def test_activation_may_be_exchanged():
    layer = layers.Conv2D(2, 1, activation="relu")
    x = noise(2, 3, 3, 2)
    layer(x)
    layer.activation = None
    plain = layer(x).numpy()
    layer.activation = "sigmoid"
    np.testing.assert_allclose(layer(x), 1 / (1 + np.exp(-plain)), rtol=1e-5)
    layer.activation = layers.LeakyReLU(negative_slope=0.5)
    np.testing.assert_allclose(layer(x), np.where(plain > 0, plain, 0.5 * plain), rtol=1e-5)
    assert type(layers.deserialize(layers.serialize(layer)).activation) is layers.LeakyReLU
    layer.activation = None
    layer.kernel_regularizer = dlcore.regularizers.L2(0.5)
    config = layer.get_config()
    assert config["activation"] == "linear" and config["kernel_size"] == (1, 1)
    assert layers.Conv2D.from_config(config).kernel_regularizer.l2 == pytest.approx(0.5)


class Block(layers.Conv2D):
    """A subclass with arguments of its own."""

    def __init__(self, width=2, **kwargs):
        super().__init__(2 * width, 3, padding="same", activation="relu", **kwargs)


def test_a_subclass_with_arguments_of_its_own():
    layer = Block(3, name="mine")
    assert layer.get_config() == {"name": "mine", "trainable": True, "dtype": "float32", "width": 3}
    assert Block.from_config(layer.get_config())(noise(1, 4, 4, 1)).shape == (1, 4, 4, 6)


# ------------------------------------------------------------------------------------------------------------ edges


@pytest.mark.parametrize("name", NAMES)
def test_empty_batch(name):
    layer = getattr(layers, name)(3, 2, activation="relu")
    x = ops.convert_to_tensor(np.zeros((0, *(4,) * int(name[4]), 2), "float32"))
    with dlcore.GradientTape() as tape:
        tape.watch(x)
        y = layer(x)
        loss = ops.sum(y)
    assert y.shape[0] == 0 and y.shape[-1] == 3
    assert all(not np.asarray(g).any() for g in tape.gradient(loss, [x, *layer.weights]))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_single_pixels(padding):
    x = noise(2, 1, 1, 3)
    layer = layers.Conv2D(4, 1 if padding == "valid" else 5, padding=padding)
    kernel, bias = layer(x) is not None and layer.get_weights()
    middle = kernel[kernel.shape[0] // 2, kernel.shape[1] // 2]
    np.testing.assert_allclose(layer(x)[:, 0, 0], x[:, 0, 0] @ middle + bias, rtol=1e-5, atol=1e-6)


def test_strides_and_dilation_beyond_the_input():
    x = noise(2, 5, 4, 3)
    layer = layers.Conv2D(2, 3, strides=100, padding="same")
    assert layer(x).shape == (2, 1, 1, 2)
    layer = layers.Conv2D(2, 3, dilation_rate=100, padding="same")
    y = layer(x)
    kernel, bias = layer.get_weights()
    np.testing.assert_allclose(y, x @ kernel[1, 1] + bias, rtol=1e-5, atol=1e-6)
    steps = layers.Conv1D(2, 3, dilation_rate=1000, padding="causal")
    z = noise(2, 5, 3)
    y = steps(z)
    np.testing.assert_allclose(y, z @ steps.get_weights()[0][2], rtol=1e-5, atol=1e-6)
    assert layers.Conv1DTranspose(2, 3, strides=50, padding="same")(z).shape == (2, 250, 2)


@pytest.mark.parametrize("dtype", ["uint8", "int64", "bool", "float16", "float64"])
def test_other_dtypes_come_in(dtype):
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 200, size=(2, 5, 5, 3)).astype(dtype)
    for data_format in ("channels_last", "channels_first"):
        layer = layers.Conv2D(2, 3, activation="relu", data_format=data_format)
        y = layer(x)
        assert y.dtype == "float32"
        np.testing.assert_array_equal(y, layer(x.astype("float32")))
    wide = layers.Conv2DTranspose(2, 3, dtype="float64")
    assert wide(x).dtype == "float64" and wide.kernel.dtype == "float64"


@pytest.mark.parametrize("name", NAMES)
def test_threads_change_no_bit(name):
    rank = int(name[4])
    layer = getattr(layers, name)(24, 3, padding="same", activation="gelu")
    x = ops.convert_to_tensor(noise(8, *({1: (300,), 2: (24, 30), 3: (8, 9, 10)}[rank]), 16))
    results = []
    before = parallel.get_num_threads()
    try:
        for threads in (1, 2, 3, 7):
            parallel.set_num_threads(threads)
            with dlcore.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = ops.sum(y * y)
            results.append([y.numpy(), *[np.asarray(g) for g in tape.gradient(loss, [x, *layer.weights])]])
    finally:
        parallel.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_predictions_from_many_threads_at_once():
    model = recorder.networks(dlcore)["hourglass"]
    x = noise(16, 8, 6, 2)
    expected, found = model.predict(x, verbose=0), {}

    def work(i):
        found[i] = [np.array(model(x)) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(found) == 6
    for y in itertools.chain(*found.values()):
        np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["digits", "waves", "hourglass", "shared", "volume"])
def test_copies(name):
    model = recorder.networks(dlcore)[name]
    x = noise(3, *model.input_shape[1:])
    expected = model(x).numpy()
    model.compile("adam", "mse")
    model.train_on_batch(x, 0 * expected)
    expected = model(x).numpy()
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), dlcore.models.clone_model(model), dlcore.models.model_from_json(model.to_json())):
        twin.set_weights(model.get_weights())
        np.testing.assert_allclose(twin(x), expected, rtol=1e-5, atol=1e-6)         # layers may be fused from the second call on
        assert [(w.name, w.shape) for w in twin.weights] == [(w.name, w.shape) for w in model.weights]
    assert twin.layers[1].kernel is not model.layers[1].kernel if name != "shared" else len(twin.weights) == 4


def test_summary():
    lines = []
    recorder.networks(dlcore)["digits"].summary(print_fn=lambda line, **_: lines.append(line))
    text = "\n".join(lines)
    assert "(Conv2D)" in text and "(None, 3, 3, 6)" in text and "Total params: 451" in text


def test_weight_files(tmp_path):
    for name, model in recorder.networks(dlcore).items():
        model.save_weights(tmp_path / f"{name}.weights.h5")
        twin = dlcore.models.clone_model(model)
        twin.load_weights(tmp_path / f"{name}.weights.h5")
        for a, b in zip(model.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("make", "match"), [
    (lambda: layers.Conv2D(0, 3), "`filters`. Expected a positive whole number. Received: filters=0"),
    (lambda: layers.Conv2D(2.5, 3), "filters=2.5"),
    (lambda: layers.Conv2DTranspose(-1, 3), "filters=-1"),
    (lambda: layers.Conv2D(2, 0), "`kernel_size` argument must hold numbers of at least 1"),
    (lambda: layers.Conv2D(2, (1, 2, 3)), r"a tuple of 2 whole numbers. Received: kernel_size=\(1, 2, 3\)"),
    (lambda: layers.Conv3D(2, 3, strides=(1, 2)), r"a tuple of 3 whole numbers. Received: strides=\(1, 2\)"),
    (lambda: layers.Conv1D(2, 3, dilation_rate=0), "`dilation_rate` argument must hold numbers of at least 1"),
    (lambda: layers.Conv1D(2, 3, padding="full"), r"must be one of \('valid', 'same', 'causal'\). Received: padding='full'"),
    (lambda: layers.Conv2D(2, 3, padding="causal"), r"padding` argument of Conv2D must be one of \('valid', 'same'\)"),
    (lambda: layers.Conv1DTranspose(2, 3, padding="causal"), r"of Conv1DTranspose must be one of \('valid', 'same'\)"),
    (lambda: layers.Conv2D(2, 3, padding=None), "padding=None"),
    (lambda: layers.Conv2D(2, 3, strides=2, dilation_rate=2), r"cannot be combined .* Received: strides=\(2, 2\) and dilation_rate=\(2, 2\)"),
    (lambda: layers.Conv2D(2, 3, data_format="last"), "data_format='last'"),
    (lambda: layers.Conv2D(4, 3, groups=3), "evenly divisible by the number of groups. Received: groups=3, filters=4"),
    (lambda: layers.Conv2D(4, 3, groups=0), "`groups`. Expected a positive whole number. Received: groups=0"),
    (lambda: layers.Conv2D(2, 3, lora_rank=2), "Conv2D: lora_rank is not supported and must be None; received lora_rank=2"),
    (lambda: layers.Conv2D(2, 3, lora_alpha=2), "lora_alpha=2"),
    (lambda: layers.Conv2DTranspose(2, 3, strides=2, output_padding=2), r"less than `strides` .* output_padding=\(2, 2\), strides=\(2, 2\)"),
    (lambda: layers.Conv2DTranspose(2, 3, output_padding=-1), "at least 0"),
    (lambda: layers.Conv2D(2, 3, unknown=1), "Unrecognized keyword arguments passed to Conv2D: {'unknown': 1}"),
    (lambda: layers.Conv2D(4, 3, groups=2)(noise(1, 4, 4, 3)), r"groups=2, but the input has 3 channels \(full input shape is \(1, 4, 4, 3\)\)"),
    (lambda: layers.Conv2D(4, 3)(noise(1, 4, 4, 0)), "has 0 channels"),
    (lambda: layers.Conv2DTranspose(4, 3)(noise(1, 4, 4, 0)), "has 0 channels"),
    (lambda: layers.Conv2D(4, 3)(noise(4, 4, 3)), "expected ndim=4, found ndim=3"),
    (lambda: layers.Conv1D(4, 3)(noise(2, 4, 4, 3)), r"expected ndim=3, found ndim=4. Full shape received: \(2, 4, 4, 3\)"),
    (lambda: layers.Conv2DTranspose(4, 3).build((None, 4, 4)), r"Conv2DTranspose takes inputs of rank 4; received input_shape=\(None, 4, 4\)"),
    (lambda: layers.Conv2D(4, 3).compute_output_shape((None, 4, 4, 4, 4)), "takes inputs of rank 4"),
    (lambda: layers.Conv2D(4, 3)(Input((4, 4, None))), r"channels of the inputs to Conv2D must be known; received input_shape=\(None, 4, 4, None\)"),
    (lambda: layers.Conv2D(4, 3)(noise(2, 2, 5, 3)), r"Computed output size would be zero or negative. .* an input with 2 elements along axis 0 of 2"),
    (lambda: layers.Conv2D(4, 3, dilation_rate=3)(Input((7, 6, 3))), "zero or negative"),
    (lambda: layers.Conv2D(4, 3)(noise(2, 0, 5, 3)), "zero or negative"),
    (lambda: called(layers.Conv2D(4, 3), noise(2, 5, 5, 3), noise(2, 2, 5, 3)), "zero or negative|no room|larger"),
    (lambda: called(layers.Conv2D(4, 3), noise(2, 5, 5, 3), noise(2, 5, 5, 2)), "expected axis -1 of input shape to have value 3"),
    (lambda: called(layers.Conv2D(4, 3), noise(2, 5, 5, 3), noise(2, 5, 5, 5, 3)), "expected ndim=4, found ndim=5"),
    (lambda: called(layers.Conv2D(4, 3, data_format="channels_first"), noise(2, 3, 5, 5), noise(2, 5, 5, 3)), "expected axis 1 of input shape to have value 3"),
])  # fmt: skip
def test_errors(make, match):
    with pytest.raises(ValueError, match=match):
        make()


def called(layer, *inputs):
    for x in inputs:
        layer(ops.convert_to_tensor(x))


def test_the_kernel_comes_with_build():
    with pytest.raises(AttributeError, match="kernel"):
        _ = layers.Conv2D(2, 3).kernel
    with pytest.raises(ValueError, match=r"2 weights|shape"):
        layer = layers.Conv2D(2, 3)
        layer.build((None, 4, 4, 1))
        layer.set_weights([np.zeros((3, 3, 2, 1))])
