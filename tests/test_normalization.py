"""Normalization layers: against Keras' numbers and NumPy, and what happens at the edges."""

import copy
import json
import pathlib
import warnings

import numpy as np
import pytest
from golden import record_normalization as recorder

import dlcore
from dlcore import layers, ops
from dlcore._kernels import parallel

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "normalization.npz")
CASES = json.loads(str(GOLDEN["cases"]))
EVERY = {
    "batch": lambda **kw: layers.BatchNormalization(**kw),
    "layer": lambda **kw: layers.LayerNormalization(**kw),
    "group": lambda **kw: layers.GroupNormalization(2, **kw),
    "rms": lambda **kw: layers.RMSNormalization(**kw),
    "unit": lambda **kw: layers.UnitNormalization(**kw),
    "spectral": lambda **kw: layers.SpectralNormalization(layers.Dense(4), **kw),
}
every = pytest.mark.parametrize("make", EVERY.values(), ids=EVERY)


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{i}-{name}" for i, (name, *_) in enumerate(CASES)])
@pytest.mark.filterwarnings("ignore:.*rms_scaling")
def test_numbers_of_keras(case):
    for key, value in recorder.run(dlcore, *CASES[case]).items():
        expected = GOLDEN[f"{case}/{key}"]
        if key == "names":
            assert value.tolist() == expected.tolist()
        else:
            np.testing.assert_allclose(value, expected, rtol=5e-5, atol=2e-5 * max(1, np.abs(expected).max()), err_msg=key)


@every
def test_config(make):
    layer = make(name="mine")
    x = noise(6, 4)
    y = layer(x)
    again = dlcore.utils.deserialize_keras_object(dlcore.utils.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.name == "mine"
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), y)
    np.testing.assert_array_equal(copy.deepcopy(layer)(x), y)


@every
def test_symbolic_shapes(make):
    assert make()(dlcore.Input((5, 4))).shape == (None, 5, 4)
    assert make()(dlcore.Input((None, 4))).shape == (None, None, 4)
    assert make().compute_output_shape((None, 4)) == (None, 4)


@every
@pytest.mark.parametrize("training", [False, True])
def test_empty_batch_and_batch_of_one(make, training):
    layer = make()
    call = {"training": training} if layer._spec.has_training else {}
    assert layer(noise(0, 4), **call).shape == (0, 4)
    assert all(np.isfinite(w).all() for w in layer.get_weights())
    assert np.isfinite(layer(noise(1, 4), **call)).all()


@every
def test_integers(make):
    layer = make()
    x = np.arange(8).reshape(2, 4)
    np.testing.assert_allclose(layer(x), layer(x.astype("float32")), rtol=1e-6)


@every
def test_number_of_threads(make):
    x = noise(3000, 4)
    threads = parallel.get_num_threads()
    found = []
    try:
        for n in (1, 3):
            parallel.set_num_threads(n)
            dlcore.utils.set_random_seed(0)
            layer = make()
            call = {"training": True} if layer._spec.has_training else {}
            with dlcore.GradientTape() as tape:
                loss = ops.sum(ops.square(layer(x, **call)) * x)
            gradients = tape.gradient(loss, layer.trainable_variables) if layer.trainable_variables else []
            found.append([np.array(g) for g in gradients] + layer.get_weights())
    finally:
        parallel.set_num_threads(threads)
    for a, b in zip(*found, strict=True):
        assert a.tobytes() == b.tobytes()


class TestBatchNormalization:
    def test_population_variance_moves(self):
        layer = layers.BatchNormalization(momentum=0.0)
        x = noise(5, 3)
        layer(x, training=True)
        np.testing.assert_allclose(layer.moving_mean, x.mean(0), rtol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, x.var(0), rtol=1e-5)
        assert [w.name for w in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]
        assert [w.name for w in layer.trainable_weights] == ["gamma", "beta"]

    def test_frozen_is_inference(self):
        layer = layers.BatchNormalization()
        x = noise(5, 3)
        layer(x, training=True)
        layer.trainable = False
        before = layer.get_weights()
        np.testing.assert_array_equal(layer(x, training=True), layer(x, training=False))
        for a, b in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)
        layer.trainable = True
        assert not np.array_equal(layer(x, training=True), layer(x, training=False))

    def test_mask_that_travels(self):
        x = noise(4, 5, 3)
        x[1:, 3:] = 9
        model = dlcore.Sequential([layers.Activation("linear"), layers.BatchNormalization(momentum=0.0)])
        mask = np.ones((4, 5), bool)
        mask[1:, 3:] = False
        tensor = ops.convert_to_tensor(x)
        tensor.mask = ops.convert_to_tensor(mask)
        y = model.layers[1](model.layers[0](tensor), training=True)
        np.testing.assert_allclose(model.layers[1].moving_mean, x[mask].mean(0), rtol=1e-4)
        np.testing.assert_allclose(np.asarray(y)[mask].mean(0), 0, atol=1e-5)

    def test_one_channel_with_a_mask(self):
        y = layers.BatchNormalization()(noise(4, 5, 1), training=True, mask=np.ones((4, 5), bool))
        assert y.shape == (4, 5, 1)

    def test_a_mean_far_from_zero(self):
        x = (noise(4000, 3) + 1000).astype("float32")
        y = np.asarray(layers.BatchNormalization(epsilon=0.0)(x, training=True))
        np.testing.assert_allclose(y.std(0), 1, rtol=1e-4)

    def test_fit_follows_the_data(self):
        model = dlcore.Sequential([dlcore.Input((3,)), layers.BatchNormalization(momentum=0.5), layers.Dense(1)])
        model.compile("sgd", "mse")
        x = noise(64, 3) * 2 + 5
        model.fit(x, x[:, :1], epochs=10, batch_size=32, verbose=0)
        np.testing.assert_allclose(model.layers[0].moving_mean, x.mean(0), atol=1.0)
        assert np.isfinite(model.predict(x, verbose=0)).all()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"synchronized": True}, "synchronized"),
            ({"renorm": True, "renorm_clipping": {"max": 1}}, "renorm_clipping"),
            ({"renorm": True, "renorm_clipping": {"rmax": 1, "rmin": 2}}, "rmax should be greater"),
            ({"renorm": True, "renorm_clipping": {"dmax": -1}}, "dmax"),
        ],
    )
    def test_wrong_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            layers.BatchNormalization(**arguments)

    def test_wrong_shapes(self):
        with pytest.raises(ValueError, match="out of bounds"):
            layers.BatchNormalization(axis=3)(noise(4, 3))
        with pytest.raises(ValueError, match="known size"):
            layers.BatchNormalization()(dlcore.Input((None,)))
        with pytest.raises(ValueError, match="one dimension less"):
            layers.BatchNormalization()(noise(4, 3), training=True, mask=np.ones((4, 3), bool))
        layer = layers.BatchNormalization()
        layer(noise(4, 3))
        layer(noise(4, 3))
        with pytest.raises(ValueError, match="axis"):
            layer(noise(4, 5))

    def test_a_mask_of_ones_is_none(self):
        """Up to the epsilon that Keras adds to the count."""
        x = noise(6, 5, 4)
        a, b = layers.BatchNormalization(), layers.BatchNormalization()
        np.testing.assert_allclose(a(x, training=True), b(x, training=True, mask=np.ones((6, 5), bool)), rtol=1e-4, atol=1e-5)


class TestLayerNormalization:
    @pytest.mark.parametrize("axis", [1, (1, 2), (0, 2), [-1], (3, 1), (0, 1, 2, 3)])
    def test_axes(self, axis):
        """Where Keras on PyTorch fails, or normalizes over the last axes instead."""
        x = noise(3, 4, 5, 2)
        layer = layers.LayerNormalization(axis=axis)
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        expected = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-3)
        np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
        assert layer.gamma.shape == tuple(x.shape[a] for a in sorted(axes))

    def test_gamma_lies_along_its_axes(self):
        x, gamma = noise(3, 4, 5), noise(3, 5)
        layer = layers.LayerNormalization(axis=(0, 2))
        layer.build(x.shape)
        layer.set_weights([gamma, gamma + 1])
        z = (x - x.mean((0, 2), keepdims=True)) / np.sqrt(x.var((0, 2), keepdims=True) + 1e-3)
        np.testing.assert_allclose(layer(x), z * gamma[:, None] + gamma[:, None] + 1, rtol=1e-4, atol=1e-5)

    def test_wrong_arguments(self):
        with pytest.raises(TypeError, match="axis"):
            layers.LayerNormalization(axis="last")
        with pytest.raises(ValueError, match="out of bounds"):
            layers.LayerNormalization(axis=3)(noise(4, 3))
        with pytest.warns(UserWarning, match="rms_scaling"):
            layers.LayerNormalization(rms_scaling=True)


class TestGroupNormalization:
    def test_wrong_arguments(self):
        for groups in (0, -2, 1.5):
            with pytest.raises(ValueError, match="groups"):
                layers.GroupNormalization(groups)
        with pytest.raises(ValueError, match="more than the number of channels"):
            layers.GroupNormalization()(noise(4, 3))
        with pytest.raises(ValueError, match="must divide"):
            layers.GroupNormalization(2)(noise(4, 3))
        with pytest.raises(ValueError, match="defined dimension"):
            layers.GroupNormalization(2)(dlcore.Input((None,)))
        with pytest.raises(ValueError, match="not of the batch"):
            layers.GroupNormalization(2, axis=0)(noise(4, 3))


class TestOthers:
    def test_rms_over_two_axes(self):
        x = noise(3, 4, 5)
        np.testing.assert_allclose(layers.RMSNormalization(axis=(0, 1))(x), x / np.sqrt((x * x).mean((0, 1)) + 1e-6), rtol=1e-5)

    def test_unit_of_zeros(self):
        assert not np.asarray(layers.UnitNormalization()(np.zeros((2, 3), "float32"))).any()

    def test_unit_axis(self):
        with pytest.raises(TypeError, match="axis"):
            layers.UnitNormalization(axis="last")

    def test_spectral(self):
        layer = layers.SpectralNormalization(layers.Dense(4, use_bias=False), power_iterations=30)
        x = noise(6, 5)
        layer(x, training=False)
        before = layer.get_weights()
        layer(x)
        np.testing.assert_array_equal(layer.get_weights()[0], before[0])
        layer(x, training=True)
        assert np.linalg.svd(layer.kernel, compute_uv=False)[0] == pytest.approx(1, rel=1e-3)
        assert layer.kernel is layer.layer.kernel
        with pytest.raises(ValueError, match="power_iterations"):
            layers.SpectralNormalization(layers.Dense(3), power_iterations=0)
        with pytest.raises(ValueError, match="nor 'embeddings'"):
            layers.SpectralNormalization(layers.ReLU())(x)

    def test_wrapper(self):
        with pytest.raises(ValueError, match="layer must be a layer"):
            layers.Wrapper("dense")
        inner = layers.Dense(3)
        wrapper = layers.Wrapper(inner)
        wrapper.build((None, 4))
        assert inner.built and wrapper.weights == inner.weights
        assert layers.Wrapper.from_config(wrapper.get_config()).layer.units == 3


class TestOps:
    def test_errors(self):
        x = noise(4, 3)
        with pytest.raises(ValueError, match="3 channels"):
            ops.batch_normalization(x, [0.0, 0.0], [1.0, 1.0], -1)
        with pytest.raises(ValueError, match="axis"):
            ops.batch_normalization(x, [0.0], [1.0], 2)
        with pytest.raises(ValueError, match="3 elements"):
            ops.layer_normalization(x, [1.0, 1.0])
        with pytest.raises(ValueError, match="axis"):
            ops.layer_normalization(x, axis=())
        with pytest.raises(TypeError, match="arguments"):
            ops.layer_normalization(x, gama=1)
        with pytest.raises(ValueError, match="order"):
            ops.normalize(x, order=0)
        with pytest.raises(ValueError, match="one axis"):
            ops.normalize(x, axis=(0, 1), order=1)
        with pytest.raises(ValueError, match="synchronized"):
            ops.moments(x, [0], synchronized=True)

    def test_rms_scaling(self):
        x = noise(4, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            y = ops.layer_normalization(x, epsilon=1e-3, rms_scaling=True)
        np.testing.assert_allclose(y, x / np.sqrt(x.var(-1, keepdims=True) + 1e-3), rtol=1e-5)

    def test_normalize_a_number(self):
        assert ops.normalize(4.0).tolist() == [1.0]

    def test_nan_and_infinity_stay_in_their_row(self):
        x = noise(3, 4)
        x[0, 0], x[1, 1] = np.nan, np.inf
        y = np.asarray(ops.layer_normalization(x))
        assert np.isnan(y[0]).all() and np.isnan(y[1]).any() and np.isfinite(y[2]).all()
