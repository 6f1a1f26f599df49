"""Sequential, functional and subclassed models: structure, order, building, masks, flags."""

import copy
import pickle

import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, Sequential, layers, ops


@pytest.fixture(autouse=True)
def fresh_names():
    dlcore.utils.clear_session(free_memory=False)


def ones(*shape):
    return np.ones(shape, "float32")


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def names(things):
    return [thing.name for thing in things]


class TestSequential:
    def test_list_and_add_are_the_same(self):
        x = noise(5, 3)
        a = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(2)])
        b = Sequential()
        for layer in (Input((3,)), layers.Dense(4, "tanh"), layers.Dense(2)):
            b.add(layer)
        b.set_weights(a.get_weights())
        np.testing.assert_array_equal(a.predict(x, verbose=0), b.predict(x, verbose=0))
        assert names(a.layers) == ["dense", "dense_1"] and names(b.layers) == ["dense_2", "dense_3"]
        assert (a.name, b.name) == ("sequential", "sequential_1")

    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("options", [{"input_shape": (3,)}, {"input_dim": 3}])
    def test_shape_on_the_first_layer(self, options):
        model = Sequential([layers.Dense(2, **options)])
        assert model.built and model.input_shape == (None, 3) and model.output_shape == (None, 2)

    def test_build_waits_for_data(self):
        model = Sequential([layers.Dense(4), layers.Dense(2)])
        assert not model.built and model.weights == []
        assert model(noise(5, 3)).shape == (5, 2)
        assert model.built and [tuple(w.shape) for w in model.weights] == [(3, 4), (4,), (4, 2), (2,)]
        assert model(noise(7, 3)).shape == (7, 2)

    def test_build_by_shape(self):
        model = Sequential([layers.Dense(4), layers.Dense(2)])
        model.build((None, 3))
        assert model.built and model.count_params() == 3 * 4 + 4 + 4 * 2 + 2
        assert model.output_shape == (None, 2)

    def test_add_and_pop_after_building(self):
        model = Sequential([Input((3,)), layers.Dense(4), layers.Dense(2)])
        assert model.pop().name == "dense_1"
        assert model.output_shape == (None, 4) and len(model.weights) == 2
        model.add(layers.Dense(5))
        assert model.output_shape == (None, 5)
        assert model(ones(2, 3)).shape == (2, 5)

    def test_pop_all(self):
        model = Sequential([layers.Dense(4)])
        model.pop()
        with pytest.raises(ValueError, match="no layers"):
            model.pop()

    def test_fit_builds(self):
        model = Sequential([layers.Dense(4, "relu"), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(ones(8, 3), ones(8, 1), verbose=0)
        assert model.built and len(model.weights) == 4

    def test_nested(self):
        inner = Sequential([Input((3,)), layers.Dense(4), layers.Dense(5)])
        model = Sequential([inner, layers.Dense(2)])
        assert names(model.layers) == ["sequential", "dense_2"]
        assert [tuple(w.shape) for w in model.weights] == [(3, 4), (4,), (4, 5), (5,), (5, 2), (2,)]
        x = noise(4, 3)
        np.testing.assert_allclose(model.predict(x, verbose=0), model.layers[1](inner(x)), rtol=1e-6)

    def test_layer_used_in_two_models(self):
        shared = layers.Dense(3)
        a = Sequential([Input((3,)), shared, layers.Dense(1)])
        b = Sequential([Input((3,)), shared, layers.Dense(2)])
        assert a.weights[0] is b.weights[0]

    def test_layer_that_needs_numbers(self):
        class Double(layers.Layer):
            def call(self, x):
                return ops.convert_to_tensor(x.numpy() * 2)

            def compute_output_shape(self, input_shape):
                return input_shape

        model = Sequential([Input((3,)), Double(), layers.Dense(1)])
        assert model(ones(2, 3)).shape == (2, 1)


class TestFunctional:
    def test_inputs_as_list_dict_and_by_name(self):
        a, b = Input((2,), name="a"), Input((3,), name="b")
        model = Model([a, b], layers.Dense(1)(ops.concatenate([a, b], axis=-1)))
        x, y = noise(4, 2), noise(4, 3)
        expected = model.predict([x, y], verbose=0)
        np.testing.assert_array_equal(model.predict({"b": y, "a": x}, verbose=0), expected)
        np.testing.assert_array_equal(model([x, y]), expected)
        assert model.input_names == ["a", "b"] and isinstance(model.input, list)

    def test_dict_inputs_and_outputs(self):
        inputs = {"z": Input((2,), name="z"), "a": Input((3,), name="a")}
        outputs = {"second": layers.Dense(1)(inputs["z"]), "first": layers.Dense(2)(inputs["a"])}
        model = Model(inputs, outputs)
        x = {"a": noise(4, 3), "z": noise(4, 2)}
        found = model.predict(x, verbose=0)
        assert {k: v.shape for k, v in found.items()} == {"second": (4, 1), "first": (4, 2)}
        dense = model.get_layer("dense")
        np.testing.assert_allclose(found["second"], x["z"] @ dense.get_weights()[0], rtol=1e-5)

    def test_operators_and_indexing(self):
        a, b = Input((4,)), Input((4,))
        y = (a + 2.0) * b - a / (b * b + 1.0)
        y = ops.concatenate([y[:, :2], -a[:, 2:], abs(b)[:, ::2], a**2 @ ones(4, 1), y[:, None, 0]], axis=1)
        model = Model([a, b], y)
        x, z = noise(5, 4), noise(5, 4, seed=1)
        full = (x + 2) * z - x / (z * z + 1)
        expected = np.concatenate([full[:, :2], -x[:, 2:], abs(z)[:, ::2], x**2 @ ones(4, 1), full[:, None, 0]], axis=1)
        np.testing.assert_allclose(model.predict([x, z], verbose=0), expected, rtol=1e-5, atol=1e-6)

    def test_comparisons_and_shapes_known_at_run_time(self):
        x = Input((3,))
        model = Model(x, ops.where(x > 0, x, 0.1 * x) + ops.cast(x < 0, "float32"))
        v = noise(6, 3)
        np.testing.assert_allclose(model.predict(v, verbose=0), np.where(v > 0, v, 0.1 * v) + (v < 0), rtol=1e-6)

    def test_an_op_that_changes_nothing(self):
        x = Input((3,))
        y = layers.Dense(2)(ops.linear(x) if hasattr(ops, "linear") else x)
        model = Model(x, layers.Activation(None)(y))
        assert model.predict(ones(2, 3), verbose=0).shape == (2, 2)

    def test_output_is_input(self):
        x = Input((3,))
        model = Model(x, [x, layers.Dense(1)(x)])
        v = noise(2, 3)
        np.testing.assert_array_equal(model.predict(v, verbose=0)[0], v)

    def test_shared_layer(self):
        dense = layers.Dense(3, "tanh")
        a, b = Input((3,)), Input((3,))
        model = Model([a, b], dense(dense(a)) + dense(b))
        assert len(model.weights) == 2 and names(model.layers).count("dense") == 1
        x, z = noise(2, 3), noise(2, 3, seed=1)
        np.testing.assert_allclose(model.predict([x, z], verbose=0), dense(dense(x)) + dense(z), rtol=1e-6)

    def test_model_between_inner_tensors(self):
        x = Input((3,))
        h = layers.Dense(4)(x)
        y = layers.Dense(2)(h)
        full, head = Model(x, y), Model(h, y)
        v = noise(5, 3)
        np.testing.assert_allclose(head(Model(x, h)(v)), full(v), rtol=1e-6)
        assert "dense_1" in names(head.layers) and "dense" not in names(head.layers)

    def test_nested_model_called_twice(self):
        x = Input((3,))
        inner = Model(x, layers.Dense(3, "tanh")(x))
        a = Input((3,))
        model = Model(a, inner(inner(a)))
        assert len(model.weights) == 2
        v = noise(2, 3)
        np.testing.assert_allclose(model(v), inner(inner(v)), rtol=1e-6)

    def test_layer_with_several_inputs_and_outputs(self):
        class Swap(layers.Layer):
            def build(self, input_shape):
                self.shapes = input_shape

            def call(self, inputs):
                a, b = inputs
                return b * 2.0, a

        a, b = Input((2,)), Input((3,))
        layer = Swap()
        p, q = layer([a, b])
        assert p.shape == (None, 3) and q.shape == (None, 2)
        assert [tuple(s) for s in layer.shapes] == [(None, 2), (None, 3)]
        model = Model([a, b], [p, q])
        found = model.predict([ones(4, 2), ones(4, 3)], verbose=0)
        assert [f.shape for f in found] == [(4, 3), (4, 2)] and found[0].max() == 2

    def test_names_are_counted(self):
        x = Input((2,))
        y = layers.Dense(1)(x)
        model = Model(x, layers.Dense(1)(y))
        assert names(model.layers) == ["input_layer", "dense", "dense_1"] and model.name == "functional"

    def test_get_layer(self):
        model = Sequential([Input((2,)), layers.Dense(1, name="first"), layers.Dense(1)])
        assert model.get_layer("first") is model.layers[0] and model.get_layer(index=-1) is model.layers[1]
        assert model.get_layer(index=0).name == "first"

    def test_subclass_with_graph(self):
        class Net(Model):
            def __init__(self, width):
                x = Input((3,))
                super().__init__(inputs=x, outputs=layers.Dense(width)(x))
                self.width = width

        model = Net(4)
        assert model.built and model.output_shape == (None, 4) and model.width == 4

    def test_one_dimensional_data_gets_its_axis(self):
        model = Sequential([Input((1,)), layers.Dense(1)])
        assert model.predict(np.arange(5.0), verbose=0).shape == (5, 1)

    def test_fixed_batch_and_input_dtype(self):
        x = Input(batch_shape=(4, 3), dtype="int32")
        assert x.shape == (4, 3) and x.dtype == "int32"
        model = Model(x, layers.Dense(2)(ops.cast(x, "float32")))
        assert model(np.ones((4, 3), "int64")).shape == (4, 2)


class Block(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def call(self, x, training=False):
        y = self.dense(x)
        return y * 2.0 if training else y


class TestSubclass:
    def test_layers_in_lists_and_dicts(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.stack = [layers.Dense(4), [layers.Dense(5)]]
                self.heads = {"a": layers.Dense(1), "b": layers.Dense(2)}

            def call(self, x):
                x = self.stack[1][0](self.stack[0](x))
                return self.heads["a"](x), self.heads["b"](x)

        model = Net()
        a, b = model(ones(2, 3))
        assert a.shape == (2, 1) and b.shape == (2, 2)
        assert [tuple(w.shape) for w in model.weights] == [(3, 4), (4,), (4, 5), (5,), (5, 1), (1,), (5, 2), (2,)]
        assert names(model.layers) == ["dense", "dense_1", "dense_2", "dense_3"]

    def test_weights_follow_the_order_of_tracking(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.blocks = []
                self.head = layers.Dense(1)
                self.blocks.append(layers.Dense(4))

            def call(self, x):
                return self.head(self.blocks[0](x))

        model = Net()
        model(ones(2, 3))
        assert [tuple(w.shape) for w in model.weights] == [(4, 1), (1,), (3, 4), (4,)]

    def test_own_weights_come_first_and_trainable_ones_before_others(self):
        class Own(layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = layers.Dense(2)

            def build(self, input_shape):
                self.frozen = self.add_weight(shape=(1,), trainable=False, name="frozen")
                self.free = self.add_weight(shape=(2,), name="free")
                self.inner.build(input_shape)

            def call(self, x):
                return self.inner(x) * self.free + self.frozen

        layer = Own()
        layer(ones(1, 3))
        assert names(layer.weights) == ["free", "frozen", "kernel", "bias"]
        assert names(layer.trainable_weights) == ["free", "kernel", "bias"]

    def test_training_flag_is_inherited(self):
        seen = []

        class Probe(layers.Layer):
            def call(self, x, training=None):
                seen.append(training)
                return x

        class Middle(layers.Layer):
            def __init__(self):
                super().__init__()
                self.probe = Probe()

            def call(self, x):
                return self.probe(x)

        class Net(Model):
            def __init__(self):
                super().__init__()
                self.middle, self.dense = Middle(), layers.Dense(1)

            def call(self, x):
                return self.dense(self.middle(x))

        model = Net()
        model(ones(2, 3), training=True)
        model(ones(2, 3), training=False)
        assert seen == [True, False]
        model.compile("sgd", "mse")
        del seen[:]
        # As in Keras, a model whose own call takes no flag is not given one by fit.
        model.fit(ones(2, 3), ones(2, 1), verbose=0)
        assert set(seen) == {None}
        del seen[:]
        model.predict(ones(2, 3), verbose=0)
        model.evaluate(ones(2, 3), ones(2, 1), verbose=0)
        assert set(seen) == {False}

    def test_flag_of_a_recorded_call_holds_until_the_model_is_given_one(self):
        x = Input((3,))
        block = Block(2)
        model = Model(x, [block(x, training=True), block(x)])
        for flag, factor in ((None, 2), (False, 1), (True, 1)):
            a, b = model(ones(1, 3), training=flag)
            np.testing.assert_allclose(a, factor * np.asarray(b), rtol=1e-6)

    def test_training_reaches_layers_in_graphs(self):
        inner = Sequential([Input((3,)), Block(2)])
        x = Input((3,))
        model = Model(x, inner(x))
        np.testing.assert_allclose(model(ones(1, 3), training=True), 2 * np.asarray(model(ones(1, 3))), rtol=1e-6)

    def test_build_by_shape(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(2)

            def call(self, x):
                return self.dense(x)

        model = Net()
        model.build((None, 3))
        assert model.built and model.count_params() == 8

    def test_build_with_zero_arguments_layers(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(2)

            def build(self, input_shape):
                self.scale = self.add_weight(shape=(2,), initializer="ones", name="scale")

            def call(self, x):
                return self.dense(x) * self.scale

        model = Net()
        assert model(ones(4, 3)).shape == (4, 2)
        assert names(model.weights) == ["scale", "kernel", "bias"]

    def test_keyword_inputs(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(2)

            def call(self, inputs, scale=1.0, training=None):
                return self.dense(inputs) * scale

        model = Net()
        a = model(ones(1, 3), scale=3.0)
        np.testing.assert_allclose(a, 3 * np.asarray(model(inputs=ones(1, 3))), rtol=1e-6)

    def test_dict_inputs(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(1)

            def call(self, inputs):
                return self.dense(inputs["a"]) + self.dense(inputs["b"])

        model = Net()
        model.compile("sgd", "mse")
        model.fit({"a": ones(6, 2), "b": ones(6, 2)}, ones(6, 1), batch_size=4, verbose=0)
        assert len(model.weights) == 2


class MakesMask(layers.Layer):
    def call(self, x):
        return x

    def compute_mask(self, x, previous_mask=None):
        return ops.any(ops.not_equal(x, 0.0), axis=-1)


class UsesMask(layers.Layer):
    def call(self, x, mask=None):
        return x if mask is None else x * ops.expand_dims(ops.cast(mask, x.dtype), -1)


class TestMasksAndLosses:
    X = np.array([[[1.0, 2.0], [0.0, 0.0]], [[3.0, 4.0], [5.0, 6.0]]], "float32")

    def expected(self, model):
        return np.asarray(model.get_layer("d")(self.X)) * (self.X != 0).any(-1)[..., None]

    def test_mask_travels_through_a_sequential_model(self):
        model = Sequential([Input((2, 2)), MakesMask(), layers.Dense(3, bias_initializer="ones", name="d"), layers.Activation("relu"), UsesMask()])
        np.testing.assert_allclose(model(self.X), np.maximum(self.expected(model), 0), rtol=1e-6)
        np.testing.assert_allclose(model.predict(self.X, verbose=0), np.maximum(self.expected(model), 0), rtol=1e-6)

    def test_mask_travels_through_a_graph_and_nested_models(self):
        x = Input((2, 2))
        inner = Sequential([Input((2, 3)), layers.Activation("linear"), UsesMask()])
        model = Model(x, inner(layers.Dense(3, bias_initializer="ones", name="d")(MakesMask()(x))))
        np.testing.assert_allclose(model(self.X), self.expected(model), rtol=1e-6)

    def test_mask_weighs_the_loss(self):
        model = Sequential([Input((2, 2)), MakesMask(), layers.Dense(1, kernel_initializer="ones")])
        model.compile("sgd", "mse", weighted_metrics=["mae"])
        loss, mae = model.evaluate(self.X, np.zeros((2, 2, 1)), verbose=0)
        assert loss == pytest.approx((3**2 + 7**2 + 11**2) / 3) and mae == pytest.approx((3 + 7 + 11) / 3)

    def test_warns_of_a_lost_mask(self):
        class Plain(layers.Layer):
            def call(self, x):
                return x * 1.0

        with pytest.warns(UserWarning, match="does not support masking"):
            Sequential([Input((2, 2)), MakesMask(), Plain()])(self.X)

    def test_add_loss(self):
        class Penalty(layers.Layer):
            def call(self, x):
                self.add_loss(0.5 * ops.mean(x**2))
                return x

        x = Input((2,))
        model = Model(x, layers.Dense(1, use_bias=False, kernel_initializer="ones")(Penalty()(x)))
        v = noise(4, 2)
        for _ in range(2):
            model(v)
            assert [float(loss) for loss in model.losses] == pytest.approx([0.5 * np.mean(v**2)], rel=1e-6)
        model.compile(dlcore.optimizers.SGD(0.1), "mse")
        y = v.sum(1, keepdims=True)
        assert model.evaluate(v, y, verbose=0) == pytest.approx(0.5 * np.mean(v**2), rel=1e-5)
        model.fit(v, y, verbose=0)
        np.testing.assert_allclose(model.get_weights()[0], np.ones((2, 1)), atol=1e-5)

    def test_add_loss_trains(self):
        class Decay(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")

            def call(self, x):
                y = self.dense(x)
                self.add_loss(ops.sum(self.dense.kernel**2))
                return y

        model = Decay()
        model(ones(1, 2))
        model.compile(dlcore.optimizers.SGD(0.25))
        model.train_on_batch(ones(1, 2))
        np.testing.assert_allclose(model.get_weights()[0], np.full((2, 1), 0.5))

    def test_activity_regularizer_is_divided_by_the_batch(self):
        model = Sequential([Input((2,)), layers.Dense(3, activity_regularizer=dlcore.regularizers.L2(0.1))])
        v = noise(5, 2)
        out = np.asarray(model(v))
        assert float(model.losses[0]) == pytest.approx(0.1 * np.sum(out**2) / 5, rel=1e-5)

    def test_weight_regularizers_are_losses(self):
        model = Sequential([Input((2,)), layers.Dense(3, kernel_regularizer=dlcore.regularizers.L1(0.1), kernel_initializer="ones")])
        assert [float(loss) for loss in model.losses] == pytest.approx([0.6])
        model.layers[0].trainable = False
        assert model.losses == []


def test_summary(capsys):
    Sequential([Input((2,)), layers.Dense(3, name="first"), layers.Dense(1)]).summary()
    text = capsys.readouterr().out
    assert "first (Dense)" in text and "(None, 3)" in text and "Total params: 13" in text


# -------------------------------------------------------------------------------------------------------------- copies


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
def test_a_copy_of_a_trained_model_trains_on_as_the_model_does(duplicate):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(20, 4)).astype("float32"), rng.normal(size=(20, 2)).astype("float32")
    inputs = dlcore.Input((4,))
    shared = dlcore.layers.Dense(4, kernel_regularizer="l2", kernel_constraint="non_neg")
    model = dlcore.Model(inputs, dlcore.layers.Dense(2)(shared(shared(inputs))))
    optimizer = dlcore.optimizers.Adam(0.01, weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_list=[shared.bias])
    model.compile(optimizer, "mse")
    model.fit(x, y, verbose=0)
    other = duplicate(model)
    before = other.get_weights()
    history = model.fit(x, y, verbose=0, shuffle=False, epochs=3).history
    for mine, theirs in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, theirs)                 # no memory in common
    assert other.fit(x, y, verbose=0, shuffle=False, epochs=3).history == history
    for mine, theirs in zip(other.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert int(other.optimizer.iterations) == int(model.optimizer.iterations)
    kernel = other.layers[1].kernel
    assert kernel.regularizer is not None and kernel.constraint is not None
    assert other.layers[1].compute_dtype is model.layers[1].compute_dtype


def test_layers_that_hold_each_other():
    one, other = layers.Dense(2), layers.Dense(2)
    one.partner, other.partner = other, one
    model = Sequential([Input((3,)), one])
    other.build((None, 3))
    assert len(model.weights) == 4
    with pytest.raises(ValueError, match="cannot contain itself"):
        model.add(Sequential([model]))


def test_metrics_given_to_compile_are_listed_once():
    model = dlcore.Sequential([dlcore.layers.Dense(1)])
    metric, weighted = dlcore.metrics.MeanAbsoluteError(name="m"), dlcore.metrics.MeanAbsoluteError(name="m")
    model.compile(loss="mse", metrics=[metric], weighted_metrics=[weighted])
    logs = model.train_on_batch(np.ones((2, 3)), np.ones((2, 1)), sample_weight=np.array([1.0, 0.0]), return_dict=True)
    assert list(logs) == ["loss", "m", "weighted_m"]
    assert [m.name for m in model.metrics] == ["loss", "compile_metrics"]


class TestOrderOfCalls:
    """Layers with state that are shared see their inputs in the order that Keras has."""

    def test_branches(self):
        """Keras starts from the outputs, and goes on from the last branch that it has met."""
        called = []

        class Traced(layers.Layer):
            def call(self, x, mark=None):
                called.append((self.name, mark))
                return x

        first, second, third = (Traced(name=name) for name in ("first", "second", "third"))
        a, b = Input((2,)), Input((2,))
        left, right = (third(second(first(x, mark=mark), mark=mark), mark=mark) for x, mark in ((a, "a"), (b, "b")))
        model = Model([a, b], layers.Subtract()([left, right]))
        called.clear()
        model([ones(1, 2), ones(1, 2)])
        assert called == [("first", "b"), ("first", "a"), ("second", "b"), ("second", "a"), ("third", "a"), ("third", "b")]

    def test_moving_statistics_of_siamese_branches(self):
        norm = layers.BatchNormalization(momentum=0.5)
        shared = Sequential([Input((1,)), layers.Activation("linear")])
        a, b = Input((1,)), Input((1,))
        model = Model([a, b], layers.Subtract()([shared(norm(a)), shared(norm(b))]))
        model([ones(2, 1), 0 * ones(2, 1)], training=True)
        assert norm.moving_mean.numpy().item() == 0.5       # the second branch first, then the first one
