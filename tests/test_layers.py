"""Layers: the base class and the built-in ones, against NumPy."""

import copy
import pickle
import threading

import numpy as np
import pytest

import dlcore
from dlcore import Input, layers, ops


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


X = noise(5, 4)

# constructor, input, function in NumPy of (input, *weights)
BUILT_IN = {
    "dense": (lambda: layers.Dense(3), X, lambda x, w, b: x @ w + b),
    "dense without bias": (lambda: layers.Dense(3, use_bias=False), X, lambda x, w: x @ w),
    "dense tanh": (lambda: layers.Dense(3, "tanh"), X, lambda x, w, b: np.tanh(x @ w + b)),
    "dense with a function": (lambda: layers.Dense(3, lambda x: x * x), X, lambda x, w, b: (x @ w + b) ** 2),
    "dense softmax": (lambda: layers.Dense(3, "softmax"), X, lambda x, w, b: np.exp(x @ w + b) / np.exp(x @ w + b).sum(-1, keepdims=True)),
    "dense rank 3": (lambda: layers.Dense(3), noise(2, 5, 4), lambda x, w, b: x @ w + b),
    "dense rank 4": (lambda: layers.Dense(3, "relu"), noise(2, 3, 5, 4), lambda x, w, b: np.maximum(x @ w + b, 0)),
    "activation": (lambda: layers.Activation("sigmoid"), X, lambda x: 1 / (1 + np.exp(-x))),
    "relu": (lambda: layers.ReLU(), X, lambda x: np.maximum(x, 0)),
    "relu with all": (lambda: layers.ReLU(1.0, 0.1, 0.2), X, lambda x: np.where(x >= 1, 1, np.where(x >= 0.2, x, 0.1 * (x - 0.2)))),
    "leaky relu": (lambda: layers.LeakyReLU(), X, lambda x: np.where(x > 0, x, 0.3 * x)),
    "leaky relu slope": (lambda: layers.LeakyReLU(negative_slope=0.1), X, lambda x: np.where(x > 0, x, 0.1 * x)),
    "softmax": (lambda: layers.Softmax(), X, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    "softmax axis": (lambda: layers.Softmax(axis=1), noise(2, 3, 4), lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    "flatten": (lambda: layers.Flatten(), noise(2, 3, 4), lambda x: x.reshape(2, 12)),
    "flatten rank 1": (lambda: layers.Flatten(), noise(3), lambda x: x[:, None]),
    "flatten channels first": (lambda: layers.Flatten("channels_first"), noise(2, 3, 4, 5), lambda x: x.transpose(0, 2, 3, 1).reshape(2, 60)),
    "reshape": (lambda: layers.Reshape((2, 2)), X, lambda x: x.reshape(5, 2, 2)),
    "reshape unknown": (lambda: layers.Reshape((-1, 2)), noise(2, 3, 4), lambda x: x.reshape(2, 6, 2)),
    "dropout in inference": (lambda: layers.Dropout(0.5), X, lambda x: x),
}


@pytest.mark.parametrize("case", BUILT_IN)
def test_built_in(case):
    make, x, function = BUILT_IN[case]
    layer = make()
    symbolic = layer(Input(x.shape[1:]))
    layer.set_weights([noise(*w.shape, seed=i) for i, w in enumerate(layer.weights)])
    expected = function(x, *layer.get_weights())
    for _ in range(2):                                          # the second call takes the short way
        found = layer(ops.convert_to_tensor(x))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert symbolic.shape == (None, *expected.shape[1:])
    assert layer.compute_output_shape(x.shape) == expected.shape and layer.built
    if "function" not in case:
        copy = type(layer).from_config(layer.get_config())
        copy(x)
        copy.set_weights(layer.get_weights())
        np.testing.assert_array_equal(copy(x), found)
        assert copy.get_config() == layer.get_config()


@pytest.mark.parametrize("case", [name for name in BUILT_IN if "rank 1" not in name])
def test_float64(case):
    make, x, _ = BUILT_IN[case]
    dlcore.config.set_floatx("float64")
    try:
        layer = make()
        assert layer(x.astype("float64")).dtype == "float64"
        assert all(w.dtype == "float64" for w in layer.weights)
    finally:
        dlcore.config.set_floatx("float32")


def test_softmax_with_a_mask():
    mask = np.array([[True, False, True, True]] * 5)
    found = np.asarray(layers.Softmax()(X, mask=mask))
    expected = np.exp(X) * mask / (np.exp(X) * mask).sum(-1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


class TestDropout:
    def test_keeps_the_mean_and_drops_the_share(self):
        found = np.asarray(layers.Dropout(0.3, seed=1)(np.ones((200, 100), "float32"), training=True))
        assert set(np.unique(found).round(4)) == {0.0, np.float32(1 / 0.7).round(4)}
        assert (found == 0).mean() == pytest.approx(0.3, abs=0.01)

    def test_seeds(self):
        x = np.ones((4, 50), "float32")
        a, b = layers.Dropout(0.5, seed=3), layers.Dropout(0.5, seed=3)
        first = np.asarray(a(x, training=True))
        assert np.array_equal(first, b(x, training=True)) and not np.array_equal(first, a(x, training=True))

    def test_noise_shape(self):
        found = np.asarray(layers.Dropout(0.5, noise_shape=(None, 1), seed=1)(np.ones((40, 6), "float32"), training=True))
        assert all(len(set(row)) == 1 for row in found) and len(np.unique(found)) == 2

    def test_state_is_a_variable_but_no_weight(self):
        layer = layers.Dropout(0.5)
        layer(X)
        assert layer.weights == [] and len(layer.variables) == 1 and layer.trainable_variables == []


class TestWeights:
    def test_arguments_of_dense(self):
        layer = layers.Dense(3, kernel_initializer="ones", bias_initializer=dlcore.initializers.Constant(2.0), kernel_regularizer="l2",
                             bias_constraint="non_neg", name="mine")
        layer.build((None, 4))
        kernel, bias = layer.weights
        assert kernel is layer.kernel and (kernel.name, bias.name) == ("kernel", "bias") and kernel.path == "mine/kernel"
        assert np.array_equal(kernel, np.ones((4, 3))) and np.array_equal(bias, [2.0] * 3)
        assert kernel.regularizer is not None and bias.constraint is not None
        assert layer.count_params() == 15

    def test_set_weights_copies(self):
        layer = layers.Dense(2)
        layer.build((None, 2))
        w = np.ones((2, 2), "float32")
        layer.set_weights([w, [0, 0]])
        w[:] = 5
        layer.get_weights()[0][:] = 7
        assert np.array_equal(layer.get_weights()[0], np.ones((2, 2)))

    def test_add_weight(self):
        layer = layers.Layer(name="layer")
        a = layer.add_weight(shape=(2, 3), name="a")
        b = layer.add_weight(shape=(2,), dtype="int32", trainable=False, name="b")
        c = layer.add_weight(name="c")
        assert layer.weights == [a, c, b] and layer.trainable_weights == [a, c] and layer.non_trainable_weights == [b]
        assert b.dtype == "int32" and np.array_equal(b, [0, 0]) and a.numpy().std() > 0 and tuple(c.shape) == ()

    def test_variables_in_attributes_are_found(self):
        class Own(layers.Layer):
            def __init__(self):
                super().__init__()
                self.scale = dlcore.Variable([2.0])

            def call(self, x):
                return x * self.scale

        layer = Own()
        assert len(layer.trainable_weights) == 1
        np.testing.assert_allclose(layer(X), 2 * X)

    def test_trainable(self):
        layer = layers.Dense(2, trainable=False)
        layer.build((None, 2))
        assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 2
        layer.trainable = True
        assert len(layer.trainable_weights) == 2


class TestCalls:
    def test_arrays_lists_and_whole_numbers(self):
        layer = layers.Dense(2, kernel_initializer="ones")
        for x in (X, X.tolist(), X.astype("float64"), ops.convert_to_tensor(X)):
            y = layer(x)
            assert y.dtype == "float32"
            np.testing.assert_allclose(y, np.repeat(X.sum(1, keepdims=True), 2, 1), rtol=1e-4, atol=1e-5)

    def test_autocast(self):
        class Kind(layers.Layer):
            def call(self, x):
                return x

        assert Kind()(X.astype("float64")).dtype == "float32"
        assert Kind(autocast=False)(X.astype("float64")).dtype == "float64"
        assert Kind(dtype="float64")(X).dtype == "float64"
        assert Kind()(np.arange(3)).dtype == "int64"

    def test_build_gets_shapes_by_name(self):
        class Two(layers.Layer):
            def build(self, query_shape, value_shape):
                self.found = query_shape, value_shape

            def call(self, query, value):
                return query

        layer = Two()
        layer(X, noise(5, 7))
        assert layer.found == ((5, 4), (5, 7))

    def test_build_runs_once(self):
        count = []

        class Counted(layers.Layer):
            def build(self, input_shape):
                count.append(tuple(input_shape))

            def call(self, x):
                return x

        layer = Counted()
        layer(X)
        layer(X)
        assert count == [(5, 4)]

    def test_default_of_the_training_flag(self):
        class Flag(layers.Layer):
            def __init__(self, **kwargs):
                super().__init__(**kwargs)
                self.seen = []

            def call(self, x, training=False):
                self.seen.append(training)
                return x

        layer = Flag()
        layer(X)
        layer(X, training=True)
        layer(X, True)
        layer(X)
        assert layer.seen == [False, True, True, False]

    def test_a_layer_that_changes_its_mind_about_masks(self):
        class Mask(layers.Layer):
            def call(self, x):
                return x * 1.0

            def compute_mask(self, x, previous_mask=None):
                return ops.not_equal(ops.sum(x, axis=-1), 0.0)

        layer = Mask()
        for _ in range(3):
            assert layer(X)._keras_mask is not None

    def test_gradients_reach_inputs_and_weights(self):
        layer = layers.Dense(1)
        x = ops.convert_to_tensor(X)
        layer(x)
        with dlcore.GradientTape() as tape:
            tape.watch(x)
            y = ops.sum(layer(x))
        gx, gw, gb = tape.gradient(y, [x, *layer.trainable_weights])
        np.testing.assert_allclose(gx, np.repeat(np.asarray(layer.kernel).T, 5, 0), rtol=1e-6)
        np.testing.assert_allclose(gw, X.sum(0)[:, None], rtol=1e-5)
        assert float(gb[0]) == 5.0

    def test_function_in_a_layer(self):
        class Cube(ops.Function):
            def forward(self, x):
                self.x = x
                return x**3

            def backward(self, dy):
                return 3 * self.x**2 * dy

        class Layer(layers.Layer):
            def call(self, x):
                return Cube()(x)

        model = dlcore.Sequential([Input((4,)), layers.Dense(2), Layer()])
        model.compile("sgd", "mse")
        assert np.isfinite(model.train_on_batch(X, noise(5, 2)))

    def test_names(self):
        class MyLayer2D(layers.Layer):
            pass

        assert MyLayer2D().name == "my_layer2d" and layers.LeakyReLU().name == "leaky_re_lu" and layers.ReLU().name == "re_lu"
        assert layers.Dense(1).name == "dense" and layers.Dense(1).name == "dense_1" and layers.Dense(1, name="x").name == "x"

    def test_input_and_output_of_a_call(self):
        x = Input((4,))
        layer = layers.Dense(2)
        y = layer(x)
        assert layer.input is x and layer.output is y


def test_config_of_a_subclass():
    class Scale(layers.Layer):
        def __init__(self, factor, shift=0.5, **kwargs):
            super().__init__(**kwargs)
            self.factor, self.shift = factor, shift

        def call(self, x):
            return x * self.factor + self.shift

    config = Scale(2.0, name="scale").get_config()
    assert config == {"name": "scale", "trainable": True, "dtype": config["dtype"], "factor": 2.0, "shift": 0.5}
    np.testing.assert_allclose(Scale.from_config(config)(X), 2 * X + 0.5)


def test_a_call_clears_its_own_losses_only():
    penalty, plain = layers.ActivityRegularization(0.1), layers.Lambda(ops.tanh)
    x = ops.ones((2, 3))
    for _ in range(3):
        penalty(x)
        plain(x)
        assert len(penalty.losses) == 1
    i = Input((3,))
    model = dlcore.Model(i, layers.Lambda(ops.tanh)(layers.ActivityRegularization(0.1)(i)))
    for _ in range(3):
        model(x)
        plain(x)
        assert len(model.losses) == 1


def test_losses_of_a_call_in_another_thread_are_cleared():
    i = Input((3,))
    model = dlcore.Model(i, layers.Lambda(ops.tanh)(layers.ActivityRegularization(0.1)(i)))

    def call():
        for _ in range(3):
            model(ops.ones((2, 3)))

    for _ in range(3):
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        assert len(model.losses) == 1


def test_a_copy_has_no_losses():
    layer = layers.ActivityRegularization(0.1)
    layer(ops.ones((2, 3)))
    twin = copy.deepcopy(layer)
    twin(ops.ones((2, 3)))
    assert len(twin.losses) == len(layer.losses) == 1


@pytest.mark.parametrize("make", [lambda: layers.Dense(3, "relu"), lambda: layers.EinsumDense("ab,bc->ac", 3, "relu")])
def test_activation_may_be_exchanged(make):
    layer = make()
    layer(X)
    for value, function in ((None, lambda z: z), ("tanh", np.tanh), (lambda z: z * z, np.square)):
        layer.activation = value
        np.testing.assert_allclose(layer(X), function(X @ layer.get_weights()[0]), rtol=1e-5, atol=1e-6)


class TestSetAfterConstruction:
    """Attributes of built-in layers that are set anew: what the layer does and what its configuration says follow."""

    def test_configuration(self):
        layer = layers.Dense(3)
        layer.kernel_regularizer = dlcore.regularizers.L2(0.25)
        layer.activation = "relu"
        layer.activity_regularizer = dlcore.regularizers.L1(0.5)
        again = layers.Dense.from_config(layer.get_config())
        assert again.kernel_regularizer.l2 == 0.25 and again.activity_regularizer.l1 == 0.5 and again.activation is dlcore.activations.relu
        assert again.units == 3 and again.get_config() == layer.get_config()

    @pytest.mark.parametrize(("layer", "name", "value"), [
        (layers.BatchNormalization(), "momentum", 0.5), (layers.Dropout(0.5), "rate", 0.25), (layers.Conv2D(3, 2), "filters", 4),
        (layers.UpSampling2D(2), "size", (3, 3)), (layers.ReLU(), "max_value", 6.0), (layers.LayerNormalization(), "epsilon", 0.5)])
    def test_plain_values(self, layer, name, value):
        before = layer.get_config()
        setattr(layer, name, value)
        assert layer.get_config() == {**before, name: value}
        assert getattr(type(layer).from_config(layer.get_config()), name) == value

    def test_clone(self):
        model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(2)])
        model.layers[0].kernel_regularizer = "l2"
        model.layers[0].kernel_regularizer = dlcore.regularizers.L2(0.1)
        assert len(dlcore.models.clone_model(model).losses) == 1

    def test_constructor_of_the_user(self):
        class Twice(layers.Layer):
            def __init__(self, units, **kwargs):
                super().__init__(**kwargs)
                self.units = units
                self.units = 2 * units              # not the argument

        assert Twice(3).get_config()["units"] == 3

    def test_copies(self):
        layer = layers.Dropout(0.5)
        layer.rate = 0.25
        other = copy.deepcopy(layer)
        other.rate = 0.75
        assert (layer.get_config()["rate"], other.get_config()["rate"], pickle.loads(pickle.dumps(layer)).get_config()["rate"]) == (0.25, 0.75, 0.25)

    def test_activity_regularizer_after_calls(self):
        model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(2, kernel_initializer="ones"), layers.Dense(1)])
        x = np.ones((2, 4), "float32")
        for _ in range(3):
            model(x)
        assert model.losses == []
        model.layers[0].activity_regularizer = dlcore.regularizers.L1(1.0)
        model(x)
        assert float(model.losses[0]) == 8.0
        model.layers[0].activity_regularizer = None
        model(x)
        assert model.losses == []

    def test_size_of_upsampling(self):
        layer = layers.UpSampling1D(2)
        layer.size = 3
        assert layer(np.ones((1, 2, 1), "float32")).shape == (1, 6, 1)
