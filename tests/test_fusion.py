"""Chains of layers that run as one kernel: the same numbers as layer by layer, and layer by layer where something asks for it."""

import copy
import pickle

import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, Sequential, layers
from dlcore._kernels.pool import pool_info
from dlcore.models import fusion, repetition


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Calls that are replayed run no chains: see test_replay.py."""
    monkeypatch.setattr(repetition, "enabled", False)
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


@pytest.fixture
def fused(monkeypatch):
    """Names of the fused functions that ran, in order."""
    ran = []

    class Watched(fusion.Chain):
        __slots__ = ()

        def __init__(self, members, fuse, parts):
            def watched(*layers):
                run = fuse(*layers)

                def logged(x, training):
                    y = run(x, training)
                    if y is not None:
                        ran.append(fuse.__name__)
                    return y

                return run and logged

            super().__init__(members, watched, parts)

    monkeypatch.setattr(fusion, "Chain", Watched)
    return ran


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def images(n=6):
    return noise(n, 8, 8, 3), np.random.default_rng(1).integers(0, 4, n)


def block(x, filters, activation="relu", **options):
    x = layers.Conv2D(filters, 3, padding="same", **options)(x)
    around = dlcore.initializers.RandomUniform
    x = layers.BatchNormalization(gamma_initializer=around(0.5, 1.5), beta_initializer=around(-1, 1), moving_mean_initializer=around(-1, 1))(x)
    return (layers.ReLU() if activation == "ReLU" else layers.Activation(activation))(x)


def head(x):
    return layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x) if hasattr(layers, "GlobalAveragePooling2D") else layers.Flatten()(x))


def plain():
    x = Input((8, 8, 3))
    return Model(x, head(block(block(x, 5, use_bias=False), 4, "ReLU")))


def sequential():
    return Sequential([Input((8, 8, 3)), layers.Conv2D(5, 3), layers.BatchNormalization(), layers.Activation("silu"), layers.Conv2D(4, 3), layers.ReLU(),
                       layers.Conv2D(3, 1), layers.BatchNormalization(scale=False), layers.Flatten(), layers.Dense(6), layers.BatchNormalization(center=False),
                       layers.Activation("tanh"), layers.Dense(4, activation="softmax")])


def residual():
    x = Input((8, 8, 3))
    a = block(x, 4)
    b = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(block(a, 4, "elu")))
    return Model(x, head(layers.Activation("relu")(layers.Add()([a, b]))))


def intermediate():
    """Every tensor inside a chain is read by somebody else as well."""
    x = Input((8, 8, 3))
    conv = layers.Conv2D(4, 3)(x)
    norm = layers.BatchNormalization()(conv)
    act = layers.Activation("relu")(norm)
    return Model(x, head(layers.Concatenate()([conv, norm, act])))


def shared():
    x = Input((8, 8, 3))
    conv, norm, act = layers.Conv2D(3, 3, padding="same"), layers.BatchNormalization(momentum=0.6), layers.Activation("relu")
    y = act(norm(conv(x)))
    return Model(x, head(act(norm(conv(y)))))


def nested():
    x = Input((8, 8, 3))
    inner = Model(x, block(x, 4, "ReLU"), name="inner")
    x = Input((8, 8, 3))
    return Model(x, head(Sequential([layers.Conv2D(4, 1), layers.BatchNormalization(), layers.ReLU(max_value=6)])(inner(x))))


def frozen():
    model = plain()
    for layer in model.layers:
        if type(layer) is layers.BatchNormalization:
            layer.trainable = False
            break
    return model


def frozen_whole():
    x = Input((8, 8, 3))
    base = Model(x, block(block(x, 3), 4))
    base.trainable = False
    x = Input((8, 8, 3))
    return Model(x, head(base(x, training=False)))


def channels_first_axis():
    x = Input((8, 8, 3))
    y = layers.Conv2D(6, 3)(x)                  # as many channels as rows
    return Model(x, head(layers.Activation("relu")(layers.BatchNormalization(axis=1)(y))))


def others():
    """Layers that look like a pattern and are none."""
    x = Input((8, 8, 3))
    y = layers.Conv2D(4, 3, activation="tanh")(x)
    y = layers.BatchNormalization(renorm=True)(y)
    y = layers.Activation("relu")(y)
    y = layers.ReLU()(layers.Conv2D(4, 3, activation="tanh")(y))
    y = layers.ReLU(negative_slope=0.1)(layers.BatchNormalization()(y))
    y = layers.Activation("softmax")(layers.BatchNormalization()(y))
    return Model(x, head(y))


def convolutions():
    """All kinds; also with channels first, which is not folded."""
    x = y = Input((8, 8, 3))
    for layer in (layers.DepthwiseConv2D(3), layers.SeparableConv2D(4, 3, use_bias=False), layers.Conv2DTranspose(3, 3), layers.Conv2D(8, 1, data_format="channels_first")):
        y = layers.ReLU()(layers.BatchNormalization(moving_mean_initializer=dlcore.initializers.RandomUniform(-1, 1))(layer(y)))
    x1 = layers.Conv1D(4, 3, padding="causal")(layers.Reshape((64, 3))(x))
    x1 = layers.Activation("gelu")(layers.BatchNormalization()(x1))
    return Model(x, layers.Dense(4, activation="softmax")(layers.Concatenate()([layers.Flatten()(y), layers.Flatten()(x1)])))


def penalized():
    x = Input((8, 8, 3))
    y = layers.Conv2D(4, 3, activity_regularizer=dlcore.regularizers.L2(0.1))(x)
    y = layers.BatchNormalization(gamma_regularizer="l2")(y)
    return Model(x, head(layers.Activation("relu")(y)))


MODELS = [plain, sequential, residual, intermediate, shared, nested, frozen, frozen_whole, channels_first_axis, others, convolutions, penalized]
every = pytest.mark.parametrize("make", MODELS, ids=lambda f: f.__name__)


def numbers(model, on, monkeypatch):
    """What a model gives, its gradients, and everything it holds after some steps."""
    monkeypatch.setattr(fusion, "enabled", on)
    x, y = images()
    model.compile(dlcore.optimizers.SGD(0.1, momentum=0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    found = {"call": model(x), "training": model(x, training=True)}
    with dlcore.GradientTape() as tape:
        loss = dlcore.ops.sum(dlcore.ops.square(model(x, training=False)))
    found |= {f"inference gradient {i}": g for i, g in enumerate(tape.gradient(loss, model.trainable_variables)) if g is not None}
    with dlcore.GradientTape() as tape:
        loss = dlcore.ops.sum(dlcore.ops.square(model(x, training=True)))
    found |= {f"gradient {i}": g for i, g in enumerate(tape.gradient(loss, model.trainable_variables)) if g is not None}
    found["losses"] = np.array([model.train_on_batch(x, y)[0] for _ in range(3)])
    found |= {f"weight {v.path}": np.array(v) for v in model.weights}
    found |= {"predict": model.predict(x, verbose=0), "evaluate": np.array(model.evaluate(x, y, verbose=0)), "one": model.predict(x[:1], verbose=0)}
    return {key: np.asarray(value) for key, value in found.items()}


@every
def test_both_ways(make, monkeypatch):
    model = make()
    again = dlcore.models.clone_model(model)
    again.set_weights(model.get_weights())
    for layer, other in zip(model._flatten_layers(), again._flatten_layers(), strict=True):
        other.trainable = layer.trainable
    one, other = numbers(model, True, monkeypatch), numbers(again, False, monkeypatch)
    assert len(one) == len(other)
    for (key, a), b in zip(one.items(), other.values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5 * max(1, np.abs(b).max(initial=0)), err_msg=key)


@pytest.mark.parametrize("how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m.from_config(m.get_config())], ids=["copy", "pickle", "config"])
@pytest.mark.parametrize("make", [plain, sequential, shared])
def test_copies_are_fused(make, how, monkeypatch):
    model = make()
    x, _ = images()
    model(x, training=True)
    other = how(model)
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
    before = [np.array(v) for v in model.weights]
    other(x, training=True)
    for v, b in zip(model.weights, before, strict=True):            # a chain of the copy runs the layers of the copy
        np.testing.assert_array_equal(v, b)


def run(model, fused, training):
    x, _ = images()
    model(x, training=training)                 # from now on the layers are in their plain state
    fused.clear()
    return model(x, training=training)


@pytest.mark.parametrize("make", [plain, nested], ids=["plain", "nested"])
def test_what_is_fused(make, fused):
    model = make()
    run(model, fused, True)
    assert fused == ["_normalized"] * 2
    run(model, fused, False)
    assert fused == ["_folded"] * 2
    with dlcore.GradientTape():
        run(model, fused, False)
        assert fused == ["_normalized"] * 2     # a folded normalization has no gradient
    fused.clear()
    model.predict(images()[0], verbose=0)
    assert fused == ["_folded"] * 2


def test_what_is_fused_in_sequential(fused):
    model = sequential()
    run(model, fused, True)
    assert fused == ["_normalized", "_activated", "_flattened", "_normalized"]
    run(model, fused, False)
    assert fused == ["_folded", "_activated", "_folded", "_flattened", "_normalized"]
    model.pop()
    model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    run(model, fused, False)
    assert fused == ["_folded", "_activated", "_folded", "_flattened", "_normalized", "_normalized"]


def test_what_others_read_is_not_fused(fused):
    x = Input((8, 8, 3))
    conv = layers.Conv2D(4, 3)(x)
    norm = layers.BatchNormalization()(conv)
    act = layers.ReLU()(norm)
    for outputs, expected in (((act, norm), ["_folded"]), ((act, conv), ["_normalized"]), ((act, norm, conv), []), ((act, act), ["_folded"])):
        model = Model(x, list(outputs))
        results = run(model, fused, False)
        assert fused == expected
        inside = Model(x, [conv, norm, act])(images()[0], training=False)
        for y, t in zip(results, outputs, strict=True):
            np.testing.assert_allclose(y, inside[[id(conv), id(norm), id(act)].index(id(t))], rtol=1e-5, atol=1e-5)


class Mine(layers.BatchNormalization):
    def call(self, inputs, training=None, mask=None):
        return super().call(inputs, training, mask) * 2


class MyReLU(layers.ReLU):
    pass


def test_subclasses_are_not_fused(fused):
    for norm, act in ((Mine(), layers.ReLU()), (layers.BatchNormalization(), MyReLU())):
        model = Sequential([Input((8, 8, 3)), layers.Conv2D(3, 3), norm, act])
        run(model, fused, True)
        assert fused == []


@pytest.mark.parametrize("which", [0, 1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_a_replaced_call_is_called(which, training, fused):
    model = Sequential([Input((8, 8, 3)), layers.Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU()])
    run(model, fused, training)
    layer = model.layers[which]
    called, own = [], layer.call

    def mine(*args, **kwargs):
        called.append(True)
        return own(*args, **kwargs)

    layer.call = mine
    expected = model(images()[0], training=training)
    assert called
    del layer.call
    np.testing.assert_allclose(run(model, fused, training), expected, rtol=1e-4, atol=1e-5)
    assert fused and len(called) == 1


def test_what_changes_between_calls_is_seen(fused):
    model = plain()
    conv, norm, act = model.layers[1:4]
    x, _ = images()
    run(model, fused, False)
    first = np.array(model(x, training=False))
    norm.moving_mean.assign(np.array(norm.moving_mean) + 1)             # nothing is kept
    second = np.array(model(x, training=False))
    assert np.abs(second - first).max() > 1e-4
    act.activation = dlcore.activations.tanh
    third = np.array(model(x, training=False))
    assert np.abs(second - third).max() > 1e-4
    conv.activation = dlcore.activations.sigmoid
    fused.clear()
    fourth = np.array(model(x, training=False))
    assert fused == ["_normalized", "_folded"] and np.abs(fourth - third).max() > 1e-4
    norm.trainable = False
    before = np.array(norm.moving_mean)
    model(x, training=True)
    np.testing.assert_array_equal(norm.moving_mean, before)
    norm.add_loss(dlcore.ops.ones(()))
    fused.clear()
    model(x, training=True)
    assert fused == ["_normalized"]             # the other one


def test_masks_go_through_the_layers(fused):
    model = Sequential([layers.Masking(), layers.BatchNormalization(), layers.Activation("relu")])
    x = noise(4, 5, 3)
    x[:, 3:] = 0
    run_ = [np.array(model(x, training=True)) for _ in range(3)]
    assert fused == []
    assert run_[0].shape == x.shape
    mean = x[:, :3].reshape(-1, 3).mean(0)
    np.testing.assert_allclose(model.layers[1].moving_mean, mean * (1 - 0.99**3), rtol=1e-4)


def test_errors_are_those_of_the_layers(monkeypatch):
    model = Sequential([Input((None, None, 3)), layers.Conv2D(3, 3, name="the_conv"), layers.BatchNormalization(), layers.ReLU()])
    for training in (True, False):
        model(images()[0], training=training)
        messages = []
        for on in (True, False):
            monkeypatch.setattr(fusion, "enabled", on)
            with pytest.raises(ValueError, match="conv") as caught:
                model(noise(2, 2, 2, 3), training=training)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


def test_float64(fused):
    x = Input((8, 8, 3), dtype="float64")
    y = layers.Conv2D(4, 3, dtype="float64")(x)
    y = layers.ReLU(dtype="float64")(layers.BatchNormalization(dtype="float64", moving_mean_initializer="random_normal")(y))
    model = Model(x, y)
    fusion_on = run(model, fused, False)
    assert fused == ["_folded"] and fusion_on.dtype == "float64"
    a = model.layers[1](images()[0])
    a = model.layers[3](model.layers[2](a, training=False))
    np.testing.assert_allclose(fusion_on, a, rtol=1e-12, atol=1e-12)


def test_mixed_dtypes(fused):
    model = Sequential([Input((8, 8, 3)), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(dtype="float64")])
    result = run(model, fused, False)
    assert fused == [] and result.dtype == "float64"


def test_a_chain_stands_where_its_normalization_stood():
    """So a normalization that is called twice follows its inputs in the order in which it did."""
    conv, norm, act = layers.Conv2D(3, 3), layers.BatchNormalization(), layers.ReLU()
    plan = [(conv, 0, None, False, 1), (norm, 2, None, True, 3), (norm, 1, None, True, 4), (layers.Flatten(), 3, None, False, 5), (act, 4, None, False, 6)]
    new = fusion.fuse_steps(plan, [5, 6])
    assert [type(step[0]).__name__ for step in new] == ["BatchNormalization", "Chain", "Flatten"]
    assert new[1][0].members == (conv, norm, act) and new[1][1:] == (0, None, True, 6)


def test_folded():
    rng = np.random.default_rng(0)
    gamma, beta, mean, bias = rng.normal(size=(4, 7))
    variance = rng.uniform(0.1, 2, 7)
    from dlcore._kernels.channelnorm import folded

    t = dlcore.ops.convert_to_tensor
    for dtype, tol in (("float32", 1e-6), ("float64", 1e-14)):
        for g, b, c in ((gamma, beta, bias), (None, beta, None), (gamma, None, bias), (None, None, None)):
            given = [None if v is None else t(v, dtype) for v in (g, b, mean, variance, c)]
            scale, offset = folded(*given[:4], 1e-3, given[4])
            expected = (1 if g is None else g) / np.sqrt(variance + 1e-3)
            np.testing.assert_allclose(scale, expected, rtol=10 * tol)
            np.testing.assert_allclose(offset, (0 if b is None else b) + ((0 if c is None else c) - mean) * expected, rtol=10 * tol, atol=10 * tol)
    with pytest.raises(ValueError, match="vector like the mean"):
        folded(None, None, t(mean), t(variance)[:3], 1e-3)
    with pytest.raises(ValueError, match="vector like the mean"):
        folded(t(gamma, "float32"), None, t(mean, "float64"), t(variance, "float64"), 1e-3)


def test_a_graph_lets_go_of_what_nobody_reads_any_more():
    live = []

    class Look(layers.Layer):
        def call(self, inputs):
            live.append(pool_info()["live"])
            return inputs + 1

    x = first = y = Input((100,))
    for i in range(6):
        y = Look()(layers.Add()([y, y]))
        first = y if i == 0 else first
    model = Model(x, [layers.Add()([y, first]), y])                 # `first` is read at the end
    x = noise(1000, 100)
    model(x)
    live.clear()
    a, b = model(x)
    np.testing.assert_array_equal(a, np.array(b) + (2 * x + 1))
    assert live[2:] == [live[2]] * 4


def test_pooling_is_fused_and_noise_left_out(fused):
    """What a network for digits is made of; outside of training there is nothing left but convolutions and a product."""
    make = [Input((12, 12, 1)), layers.Conv2D(9, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(20, 3), layers.ReLU(), layers.MaxPooling2D(2),
            layers.Flatten(), layers.Dropout(0.5), layers.Dense(4)]
    model = Sequential(make)
    x = noise(5, 12, 12, 1)
    y = model.predict(x, verbose=0)
    assert fused == ["_pooled", "_pooled", "_flattened"]
    fusion.enabled = False
    try:
        np.testing.assert_allclose(y, model.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    finally:
        fusion.enabled = True
    assert [step for step, _ in model._quiet if type(step) is layers.Dropout] == []
    model.layers[5].activity_regularizer = dlcore.regularizers.L2(0.1)      # of no use, but now it is asked for
    model(x)
    assert model.losses


def test_a_dense_layer_of_another_size_is_an_error_after_flatten():
    model = Sequential([Input((2, 3)), layers.Flatten(), layers.Dense(2)])
    model.layers[1].kernel = dlcore.Variable(noise(3, 2))
    with pytest.raises(ValueError, match="kernel"):
        model(noise(2, 2, 3))
