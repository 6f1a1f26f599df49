"""Convolutional networks beside Keras itself: layers alone, random networks, configurations and weight files."""

import inspect
import warnings

import h5py
import keras
import numpy as np
import pytest
from golden import record_convolution as recorder
from golden import toolbox

import dlcore

NAMES = [f"Conv{rank}D{kind}" for rank in (1, 2, 3) for kind in ("", "Transpose")]
FAMILIES = (toolbox.CONVOLUTIONS, toolbox.CONVOLUTIONS, toolbox.POOLINGS, toolbox.SPATIAL_NORMALIZATIONS + toolbox.OTHER_SPATIAL)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def plain_memory(monkeypatch):
    """Without it PyTorch cannot differentiate most convolutions in float64: "grad_weight must be contiguous"."""
    nn = keras.src.backend.torch.nn
    transpose = nn._transpose_conv_kernel
    monkeypatch.setattr(nn, "_transpose_conv_kernel", lambda kernel: transpose(kernel).contiguous())
    monkeypatch.setattr(nn, "_maybe_convert_to_channels_last", lambda tensor: tensor)


def maker(lib, seed):
    """Shape of an input, and a function that gives the layer of that seed."""
    rng = np.random.default_rng(seed)

    def pick(options):
        return options[int(rng.integers(len(options)))]

    shape = (int(rng.integers(2, 5)), *(int(n) for n in rng.integers(3, 8, size=pick((1, 2, 2, 3)))), int(rng.integers(1, 7)))
    if len(shape) == 5:
        shape = (2, *(min(n, 4) for n in shape[1:]))
    table = FAMILIES[seed % 4]
    position = len(table) - 1 - (seed // 4) % len(table)
    state = rng.bit_generator.state

    def make():
        rng.bit_generator.state = state
        return table[position](lib, pick, shape)

    return make, shape


@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed // 4 % 2]) for seed in range(360)], indirect=["dtype"])
def test_random_layer(seed, dtype):
    """Forward, all gradients, ten steps of training."""
    found = {}
    for lib in (keras, dlcore):
        make, shape = maker(lib, seed)
        found[lib] = recorder.run(lib, make, shape, seed, dtype)
    where = repr((shape, maker(dlcore, seed)[0]().get_config()))
    # In float64, too, Keras normalizes in float32, and slopes are float32.
    exact = dtype == "float64" and seed % 4 < 3
    recorder.compare(found[dlcore], found[keras], 1e-6 if exact else 2e-4, where)


def both(seed, dtype):
    for lib in (keras, dlcore):
        lib.utils.clear_session(free_memory=False)
        yield recorder.Network(lib, seed, dtype)


# Nadam enlarges gradients of model 14 that are zero, but for Keras' rounding.
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float64", "float32")[seed % 4 == 0]) for seed in range(60) if seed != 14], indirect=["dtype"])
def test_random_network(seed, dtype):
    theirs, ours = both(seed, dtype)
    assert ours.structure() == theirs.structure()
    try:
        expected = theirs.run()
    except RuntimeError as error:
        if "must be contiguous" in str(error):
            pytest.skip(f"Keras cannot train this model on PyTorch: {error}")
        raise
    found = ours.run()
    assert list(found) == list(expected)
    exact = dtype == "float64" and all(np.max(np.abs(found[name] - value), initial=0.0) < 1e-12 for name, value in expected.items() if name.startswith("predict/"))
    tolerance = 1e-6 if exact else 2e-3
    for name, value in expected.items():
        if value.dtype.kind == "U":
            assert list(found[name]) == list(value), name
        else:
            np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("seed", range(40))
def test_configurations_are_read_by_both(seed):
    theirs, ours = (network.model for network in both(seed, "float32"))
    for copy in (keras.models.model_from_json(ours.to_json()), dlcore.models.model_from_json(theirs.to_json())):
        assert [(layer.name, type(layer).__name__) for layer in copy.layers] == [(layer.name, type(layer).__name__) for layer in ours.layers]
        assert [tuple(w.shape) for w in copy.weights] == [w.shape for w in ours.weights]
        assert copy.count_params() == ours.count_params()
    for a, b in zip(ours.layers, theirs.layers, strict=True):
        if type(a).__name__ in NAMES:
            # Keras keeps the factors of some regularizers in float32.
            found, expected = (str(dlcore.layers.serialize(layer)["config"]) for layer in (dlcore.layers.deserialize(keras.layers.serialize(b)), a))
            assert found.replace("0.009999999776482582", "0.01") == expected


def contents(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.__setitem__(name, item[()] if isinstance(item, h5py.Dataset) else None))
    return found


@pytest.mark.parametrize("seed", range(40, 60))
def test_weight_files_are_read_by_both(seed, tmp_path):
    models = dict(zip(("theirs", "ours"), (network.model for network in both(seed, "float32")), strict=True))
    files = {}
    for name, model in models.items():
        model.save_weights(tmp_path / f"{name}.weights.h5")
        files[name] = contents(tmp_path / f"{name}.weights.h5")
    assert list(files["theirs"]) == list(files["ours"])
    for name, other in (("theirs", "ours"), ("ours", "theirs")):
        models[other].set_weights([0 * w for w in models[other].get_weights()])
        models[other].load_weights(tmp_path / f"{name}.weights.h5")
        models[other].save_weights(tmp_path / "again.weights.h5")
        for key, value in contents(tmp_path / "again.weights.h5").items():
            np.testing.assert_array_equal(value, files[name][key], err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_signature_and_configuration(name):
    ours, theirs = getattr(dlcore.layers, name), getattr(keras.layers, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    assert getattr(dlcore.layers, name.replace("Conv", "Convolution")) is ours
    config, expected = ours(3, 2, name="mine").get_config(), theirs(3, 2, name="mine").get_config()
    assert set(config) == set(expected)
    for key, value in expected.items():
        assert config[key] == value or isinstance(value, dict), key
    assert type(dlcore.layers.deserialize(keras.layers.serialize(theirs(3, 2)))) is ours
    assert type(keras.layers.deserialize(dlcore.layers.serialize(ours(3, 2)))) is theirs


ARGUMENTS = [
    {"filters": 0}, {"filters": -1}, {"kernel_size": 0}, {"kernel_size": (1, 2, 3, 4)}, {"kernel_size": -1}, {"kernel_size": "a"}, {"strides": 0}, {"strides": (1, 1, 1, 1)},
    {"padding": "valid2"}, {"padding": "causal"}, {"padding": "SAME"}, {"strides": 2, "dilation_rate": 2}, {"dilation_rate": 0}, {"groups": 2}, {"groups": 0}, {"groups": -3},
    {"output_padding": 1}, {"output_padding": -1}, {"strides": 2, "output_padding": 2}, {"data_format": "last"}, {"activation": "nothing"}, {"kernel_initializer": "nothing"},
    {"kernel_regularizer": "nothing"}, {"bias_constraint": "nothing"}, {"unknown": 1}, {"name": 3},
]  # fmt: skip


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_errors_have_the_types_of_keras(name, arguments):
    outcomes = []
    for lib in (keras, dlcore):
        try:
            getattr(lib.layers, name)(**{"filters": 3, "kernel_size": 2, **arguments})
            outcomes.append(None)
        except Exception as error:
            outcomes.append(type(error))
    theirs, ours = outcomes
    assert ours is theirs


WINDOWS = [{}, {"padding": "same"}, {"strides": 3}, {"dilation_rate": 2}]
SHAPED = [(name, arguments) for name in ("Conv2D", "Conv2DTranspose") for arguments in WINDOWS]
SHAPED += [("Conv2D", {"groups": 3}), ("Conv2DTranspose", {"strides": 2, "output_padding": 1}), ("Conv2DTranspose", {"strides": 2, "padding": "same", "output_padding": 0})]


@pytest.mark.parametrize("shape", [(2, 1, 5, 3), (None, 5, 5, 4), (2, 5, 3), (2, 5, 5, 5, 3), (None, 2, None, 3), (None, None, None, 3), (2, 0, 5, 3), (0, 5, 5, 3)], ids=str)
@pytest.mark.parametrize(("name", "arguments"), [*SHAPED, *((name, {**more, "data_format": "channels_first"}) for name, more in SHAPED)], ids=str)
def test_announced_shapes(name, arguments, shape):
    if "data_format" in arguments:
        shape = (shape[0], shape[-1], *shape[1:-1])
    outcomes = []
    for lib in (keras, dlcore):
        try:
            layer = getattr(lib.layers, name)(3, 2, **arguments)
            layer.build(shape)
            outcomes.append((tuple(layer.compute_output_shape(shape)), tuple(layer(lib.Input(batch_shape=shape)).shape), [tuple(w.shape) for w in layer.weights]))
        except Exception as error:
            outcomes.append(type(error))
    theirs, ours = outcomes
    assert ours == theirs or ours is ValueError and theirs in (IndexError, TypeError, AttributeError)


@pytest.mark.parametrize("name", ["GlorotUniform", "GlorotNormal", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Orthogonal", "VarianceScaling"])
@pytest.mark.parametrize("shape", [(3, 8, 16), (3, 5, 4, 32), (2, 3, 2, 4, 40)], ids=str)
def test_initializers_see_kernels_as_keras_does(name, shape):
    ours, theirs = (np.asarray(lib.ops.convert_to_numpy(getattr(lib.initializers, name)(seed=1)(shape))) for lib in (dlcore, keras))
    assert ours.std() == pytest.approx(theirs.std(), rel=0.1)
    assert np.abs(ours).max() == pytest.approx(np.abs(theirs).max(), rel=0.3 if "Uniform" not in name else 0.05)
    if name == "Orthogonal":
        flat = ours.reshape(-1, shape[-1]) if np.prod(shape[:-1]) >= shape[-1] else ours.reshape(-1, shape[-1]).T
        np.testing.assert_allclose(flat.T @ flat, np.eye(flat.shape[1]), atol=1e-5)


def test_images_of_whole_numbers():
    """Keras on PyTorch refuses them; other back-ends convert."""
    x = np.random.default_rng(0).integers(0, 256, size=(2, 6, 6, 3)).astype("uint8")
    ours, theirs = dlcore.layers.Conv2D(4, 3), keras.layers.Conv2D(4, 3)
    y = ours(x)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(y, keras.ops.convert_to_numpy(theirs(x.astype("float32"))), rtol=1e-4, atol=1e-3)


def test_activation_may_be_exchanged():
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 3)).astype("float32")
    results = []
    for lib in (keras, dlcore):
        layer = lib.layers.Conv2D(4, 3, activation="relu", kernel_initializer="ones")
        outputs = [layer(x)]
        for name in ("tanh", "softmax", None):
            layer.activation = None if name is None else lib.activations.get(name)
            outputs.append(layer(x))
        layer.kernel_regularizer = lib.regularizers.L2(0.5)
        layer.activation = lib.activations.linear
        assert layer.get_config()["kernel_regularizer"]["config"]["l2"] == 0.5 and layer.get_config()["activation"] == "linear"
        results.append([lib.ops.convert_to_numpy(y) for y in outputs])
    with warnings.catch_warnings():
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
