"""Layers that act in training only: what the noise is distributed like, what it depends on, and what inference sees."""

import numpy as np
import pytest

import dlcore
from dlcore import Input, layers, ops


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def drawn(layer, x):
    return np.asarray(layer(np.asarray(x, "float32"), training=True), dtype="float64")


def correlation(a, b):
    return np.corrcoef(a.ravel(), b.ravel())[0, 1]


MAKE = {
    "dropout": lambda seed=1: layers.Dropout(0.3, seed=seed),
    "dropout of rows": lambda seed=1: layers.Dropout(0.3, noise_shape=(None, 1), seed=seed),
    "alpha": lambda seed=1: layers.AlphaDropout(0.3, seed=seed),
    "alpha of columns": lambda seed=1: layers.AlphaDropout(0.3, noise_shape=(1, None), seed=seed),
    "gaussian dropout": lambda seed=1: layers.GaussianDropout(0.3, seed=seed),
    "gaussian noise": lambda seed=1: layers.GaussianNoise(0.3, seed=seed),
}
every = pytest.mark.parametrize("case", MAKE)


class TestEvery:
    @every
    def test_inference_is_the_identity(self, case):
        x = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(4, 5)).astype("float32"))
        for layer in (MAKE[case](), MAKE[case](None)):
            assert layer(x) is x and layer(x, training=False) is x and layer(x, training=True) is not x

    @every
    def test_seeds(self, case):
        x = np.random.default_rng(0).normal(size=(40, 50))
        a, b, c = MAKE[case](3), MAKE[case](3), MAKE[case](4)
        first, second = drawn(a, x), drawn(a, x)
        assert np.array_equal(first, drawn(b, x)) and np.array_equal(second, drawn(b, x))
        assert not np.array_equal(first, second) and not np.array_equal(first, drawn(c, x))
        assert a.weights == [] and len(a.variables) == 1

    @every
    def test_number_of_threads(self, case):
        x, before, found = np.random.default_rng(0).normal(size=(300, 701)), dlcore.config.get_num_threads(), []
        try:
            for threads in (1, 2, 4):
                dlcore.config.set_num_threads(threads)
                found.append(drawn(MAKE[case](), x).tobytes())
        finally:
            dlcore.config.set_num_threads(before)
        assert found[0] == found[1] == found[2]

    @every
    def test_in_fit(self, case):
        x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        results = []
        for _ in range(2):
            dlcore.utils.clear_session(free_memory=False)
            dlcore.utils.set_random_seed(5)
            model = dlcore.Sequential([Input((5,)), layers.Dense(8, "selu"), MAKE[case](None), layers.Dense(1)])
            model.compile("sgd", "mse")
            results.append(model.fit(x, x.sum(1), epochs=3, batch_size=16, verbose=0).history["loss"])
            assert np.array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
        assert results[0] == results[1]


class TestDistribution:
    """Means and deviations of a million numbers: allowed are five standard errors."""

    n = (1000, 1000)

    def test_gaussian_noise(self):
        noise = drawn(layers.GaussianNoise(0.3, seed=1), np.zeros(self.n)) / 0.3
        assert abs(noise.mean()) < 5e-3 and abs(noise.std() - 1) < 4e-3
        assert abs((noise**3).mean()) < 0.02 and abs((noise**4).mean() - 3) < 0.05
        assert (abs(noise) > 1.959964).mean() == pytest.approx(0.05, abs=1.1e-3)
        assert max(abs(correlation(noise[:, 1:], noise[:, :-1])), abs(correlation(noise[1:], noise[:-1]))) < 5e-3
        np.testing.assert_allclose(drawn(layers.GaussianNoise(0.3, seed=1), np.ones(self.n)), 1 + 0.3 * noise, atol=1e-6)

    def test_gaussian_dropout(self):
        layer = layers.GaussianDropout(0.2, seed=1)
        noise = (drawn(layer, np.full(self.n, 3.0)) / 3 - 1) / 0.5                   # sqrt(0.2 / 0.8) = 0.5
        assert abs(noise.mean()) < 5e-3 and abs(noise.std() - 1) < 4e-3
        assert abs(correlation(noise, drawn(layer, np.ones(self.n)))) < 5e-3          # draws are independent of one another
        assert (drawn(layer, np.zeros((5, 5))) == 0).all()

    @pytest.mark.parametrize("rate", [0.05, 0.5, 0.8])
    def test_alpha_dropout(self, rate):
        x = np.random.default_rng(0).normal(size=self.n)
        y = drawn(layers.AlphaDropout(rate, seed=1), x)
        assert abs(y.mean()) < 6e-3 and abs(y.std() - 1) < 6e-3
        m = -1.0507009873554804934 * 1.6732632423543772848
        a = ((1 - rate) * (1 + rate * m**2)) ** -0.5
        dropped = abs(y - (a * m - a * rate * m)) < 1e-5
        assert dropped.mean() == pytest.approx(rate, abs=3e-3)
        np.testing.assert_allclose(y[~dropped], (a * x - a * rate * m)[~dropped], atol=1e-5)
        assert abs(correlation(dropped[:, 1:], dropped[:, :-1])) < 5e-3

    def test_noise_shape(self):
        y = drawn(layers.AlphaDropout(0.5, (None, 1, None), seed=1), np.ones((20, 30, 40)))
        assert (y == y[:, :1]).all() and len(np.unique(y)) == 2 and 0.4 < (y[:, 0] < 0.5).mean() < 0.6

    @pytest.mark.parametrize(("layer", "shape", "same"), [
        (lambda: layers.SpatialDropout1D(0.3, seed=1), (60, 5, 50), (1,)),
        (lambda: layers.SpatialDropout2D(0.3, seed=1), (60, 5, 4, 50), (1, 2)),
        (lambda: layers.SpatialDropout2D(0.3, "channels_first", seed=1), (60, 50, 5, 4), (2, 3)),
        (lambda: layers.SpatialDropout3D(0.3, seed=1), (60, 5, 4, 3, 50), (1, 2, 3)),
        (lambda: layers.SpatialDropout3D(0.3, "channels_first", seed=1), (60, 50, 5, 4, 3), (2, 3, 4)),
    ])  # fmt: skip
    def test_spatial_dropout(self, layer, shape, same):
        layer = layer()
        y = drawn(layer, np.ones(shape))
        channels = y.mean(axis=same)
        assert (y == channels.reshape([1 if i in same else n for i, n in enumerate(shape)])).all()
        assert set(np.unique(channels.round(5))) == {0, round(1 / 0.7, 5)} and (channels == 0).mean() == pytest.approx(0.3, abs=0.04)
        with pytest.raises(ValueError, match=f"expected ndim={len(shape)}"):
            layer(np.ones((3, 4)))


@pytest.mark.parametrize(("make", "message"), [
    (lambda: layers.Dropout(-0.1), "argument `rate`. Expected a float value between 0 and 1. Received: rate=-0.1"),
    (lambda: layers.Dropout("half"), "Received: rate='half'"),
    (lambda: layers.AlphaDropout(1.0), "at least 0 and less than 1. Received: rate=1.0"),
    (lambda: layers.GaussianDropout(1), "at least 0 and less than 1"),
    (lambda: layers.GaussianNoise(1.5), "argument `stddev`. Expected a float value between 0 and 1"),
    (lambda: layers.Dropout(0.5, noise_shape="ab"), "argument `noise_shape`. Expected a tuple of positive integers or None"),
    (lambda: layers.Dropout(0.5, noise_shape=(0, 1)), "argument `noise_shape`"),
    (lambda: layers.Dropout(0.5, noise_shape=3), "argument `noise_shape`"),
    (lambda: layers.SpatialDropout2D(0.5, "first"), "`data_format` argument must be one of"),
    (lambda: layers.ActivityRegularization(l1=-1.0), "argument l1: expected a non-negative float"),
    (lambda: layers.WeightNoise(layers.Dense(2), -1.0), "stddev must be a finite number of at least 0; received stddev=-1.0"),
    (lambda: layers.WeightNoise(layers.Dense(2), float("inf")), "stddev must be a finite number"),
    (lambda: layers.WeightNoise("dense", 0.1), "WeightNoise: layer must be a layer"),
    (lambda: ops.gaussian_noise([1.0], -1.0, 1, 2), "gaussian_noise: stddev must be a finite number"),
    (lambda: ops.gaussian_dropout([1.0], 1.0, 1, 2), "gaussian_dropout: rate must be at least 0 and less than 1"),
    (lambda: ops.alpha_dropout([1.0], 1.0, 1, 2), "alpha_dropout: rate must be at least 0 and less than 1"),
])  # fmt: skip
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class TestWeightNoise:
    def test_distribution(self):
        layer = layers.WeightNoise(layers.Dense(1000, use_bias=False), 0.2, seed=1)
        x = np.eye(1000, dtype="float32")
        noise = drawn(layer, x) - np.asarray(layer(x))                              # row i of the noise
        assert abs(noise.mean()) < 1e-3 and noise.std() == pytest.approx(0.2, abs=1e-3)
        assert abs(correlation(noise, drawn(layer, x) - np.asarray(layer(x)))) < 5e-3

    def test_gradient_is_taken_at_the_noisy_weights(self):
        x, w = np.array([[1.0, 2.0]], "float32"), np.array([[0.5], [-1.0]], "float32")
        layer = layers.WeightNoise(layers.Dense(1, use_bias=False, kernel_initializer=dlcore.initializers.Constant(w)), 0.3, seed=1)
        with dlcore.GradientTape() as tape:
            y = layer(x, training=True)
            loss = y * y
        kernel = layer.trainable_variables[0]
        assert kernel is layer.layer.kernel and np.array_equal(kernel, w) and y.item() != (x @ w).item()
        np.testing.assert_allclose(tape.gradient(loss, kernel), 2 * y.item() * x.T, rtol=1e-6)

    def test_what_is_left_alone(self):
        class Odd(layers.Layer):
            def build(self, shape):
                self._hidden = self.add_weight(shape=(2,), initializer="zeros")
                self.listed = [self.add_weight(shape=(2,), initializer="zeros"), {"a": self.add_weight(shape=(2,), initializer="zeros")}]
                self.frozen = self.add_weight(shape=(2,), initializer="zeros", trainable=False)
                self.inner = layers.Dense(2, kernel_initializer="identity")
                self.again = self._hidden

            def call(self, x):
                assert np.array_equal(self._hidden, self.again)
                return ops.stack([self._hidden, self.listed[0], self.listed[1]["a"], self.frozen, self.inner(x)[0]])

        layer = layers.WeightNoise(Odd(), 0.5, seed=1)
        x = np.zeros((1, 2), "float32")
        found = drawn(layer, x)
        before = layer.get_weights()
        assert (found[[0, 1, 2, 4]] != 0).all() and (found[3] == 0).all()
        assert len(np.unique(found[[0, 1, 2, 4]])) == 8 and (drawn(layer, x)[0] != found[0]).all()
        assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))
        assert all(isinstance(w, dlcore.Variable) for w in (layer.layer._hidden, layer.layer.listed[0], layer.layer.inner.kernel))
        assert (drawn(layers.WeightNoise(Odd(), 0.0), x)[[0, 1, 2]] == 0).all()

    def test_after_an_error(self):
        class Fails(layers.Dense):
            def call(self, inputs):
                raise RuntimeError("no")

        layer = layers.WeightNoise(Fails(2), 0.1)
        with pytest.raises(RuntimeError, match="no"):
            layer(np.ones((1, 3), "float32"), training=True)
        assert isinstance(layer.layer.kernel, dlcore.Variable)

    @pytest.mark.parametrize("inner", [
        lambda: layers.Dense(8, "tanh", kernel_regularizer="l2"),
        lambda: dlcore.Sequential([layers.Dense(8, "tanh"), layers.Dropout(0.1), layers.Dense(8)]),
    ], ids=["layer", "model"])  # fmt: skip
    def test_in_fit(self, inner):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(200, 5)).astype("float32")
        y = np.tanh(x[:, :1] - x[:, 1:2])
        results = []
        for _ in range(2):
            dlcore.utils.clear_session(free_memory=False)
            dlcore.utils.set_random_seed(1)
            model = dlcore.Sequential([Input((5,)), layers.WeightNoise(inner(), 0.05), layers.Dense(1)])
            model.compile("adam", "mse")
            results.append(model.fit(x, y, epochs=30, batch_size=20, verbose=0).history["loss"])
            assert model.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
        assert results[0] == results[1] and results[0][-1] < 0.3 * results[0][0]

    def test_mask(self):
        layer = layers.WeightNoise(layers.Dense(2), 0.1)
        x = ops.ones((1, 3, 4))
        x.mask = np.array([[True, False, True]])
        assert layer(x, training=True).mask is x.mask
        assert layer(Input((3, 4))).shape == (None, 3, 2)
