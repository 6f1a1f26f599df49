"""compile, fit, evaluate, predict and single batches; training loops of one's own; freezing; interruptions."""

import copy

import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, Sequential, layers, ops
from dlcore.callbacks import Callback, EarlyStopping, LambdaCallback
from dlcore.optimizers import SGD


@pytest.fixture(autouse=True)
def seeded():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(1)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


X, Y = noise(20, 3), noise(20, 1, seed=1)


def line(optimizer=None, loss="mse", kernel="zeros", **options):
    """y = x w without bias: everything about it can be computed by hand."""
    model = Sequential([Input((3,)), layers.Dense(1, use_bias=False, kernel_initializer=kernel)])
    model.compile(optimizer or SGD(0.1), loss, **options)
    return model


def kernel(model):
    return model.get_weights()[0]


def step(w, x, y, weights=1.0, rate=0.1):
    """One step of gradient descent on mean(weights * (x w - y)^2)."""
    return w - rate * 2 / len(x) * x.T @ (np.reshape(weights, (-1, 1)) * (x @ w - y))


class TestFit:
    def test_follows_the_formula_batch_by_batch(self):
        model = line()
        model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        w = np.zeros((3, 1))
        for _ in range(2):
            for begin in (0, 8, 16):
                w = step(w, X[begin : begin + 8], Y[begin : begin + 8])
        np.testing.assert_allclose(kernel(model), w, rtol=1e-5)

    def test_history(self):
        history = line(metrics=["mae"], weighted_metrics=["mse"]).fit(X, Y, epochs=3, verbose=0, validation_data=(X, Y))
        assert list(history.history) == ["loss", "mae", "mse", "val_loss", "val_mae", "val_mse"]
        assert history.epoch == [0, 1, 2] and all(len(v) == 3 and all(type(a) is float for a in v) for v in history.history.values())
        assert history.params == {"verbose": 0, "epochs": 3, "steps": 1}
        assert history.model.history is history

    def test_loss_of_an_epoch_is_the_mean_over_rows(self):
        history = line(SGD(0.0)).fit(X, Y, batch_size=8, verbose=0)
        assert history.history["loss"][0] == pytest.approx(np.mean(Y**2), rel=1e-5)

    @pytest.mark.parametrize("batch_size", [1, 7, 20, 100])
    def test_batch_sizes(self, batch_size):
        seen = []
        line().fit(X, Y, batch_size=batch_size, verbose=0, callbacks=[LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))])
        assert seen == list(range(-(-20 // batch_size)))

    def test_shuffles_every_epoch_and_repeats_with_a_seed(self):
        def orders():
            dlcore.utils.set_random_seed(3)
            model, seen = line(), []

            class Look(Model):
                def train_step(self, data):
                    seen.append(np.array(data[0])[:, 0])
                    return {"loss": 0.0}

            look = Look(model.input, model.output)
            look.compile("sgd", "mse")
            look.fit(X, Y, epochs=2, verbose=0)
            return seen

        a, b = orders(), orders()
        assert np.array_equal(a, b) and not np.array_equal(a[0], a[1]) and not np.array_equal(a[0], X[:, 0])
        assert np.array_equal(np.sort(a[0]), np.sort(X[:, 0]))

    def test_validation_split_takes_the_end(self):
        history = line(SGD(0.0)).fit(X, Y, validation_split=0.25, verbose=0)
        assert history.history["loss"][0] == pytest.approx(np.mean(Y[:15] ** 2), rel=1e-5)
        assert history.history["val_loss"][0] == pytest.approx(np.mean(Y[15:] ** 2), rel=1e-5)

    @pytest.mark.parametrize(("freq", "count"), [(1, 4), (2, 2), ([1, 4], 2), (5, 0)])
    def test_validation_freq(self, freq, count):
        history = line().fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=freq, verbose=0).history
        assert len(history.get("val_loss", [])) == count

    def test_validation_data_with_weights(self):
        history = line(SGD(0.0)).fit(X, Y, validation_data=(X, Y, np.arange(20.0)), verbose=0).history
        assert history["val_loss"][0] == pytest.approx(np.mean(Y[:, 0] ** 2 * np.arange(20)), rel=1e-5)

    def test_sample_weight(self):
        weights = np.linspace(0, 2, 20)
        model = line()
        model.fit(X, Y, sample_weight=weights, verbose=0)
        np.testing.assert_allclose(kernel(model), step(np.zeros((3, 1)), X, Y, weights), rtol=1e-5)

    def test_class_weight(self):
        labels = (np.arange(20) % 3 == 0).astype("int64")
        a, b = line(), line()
        a.fit(X, labels, class_weight={0: 0.5, 1: 2.0}, verbose=0)
        b.fit(X, labels, sample_weight=np.where(labels, 2.0, 0.5), verbose=0)
        np.testing.assert_allclose(kernel(a), kernel(b), rtol=1e-6)
        assert np.abs(kernel(a) - kernel_after(labels)).max() > 1e-3
        for keys in ((0.0, 1.0), (False, True), (np.int8(0), np.float32(1))):
            c = line()
            c.fit(X, labels, class_weight=dict(zip(keys, (0.5, np.array(2.0)), strict=True)), verbose=0)
            np.testing.assert_allclose(kernel(a), kernel(c), rtol=1e-6)

    def test_steps_per_epoch_and_generators(self):
        def forever():
            while True:
                yield X[:4], Y[:4]

        model = line()
        history = model.fit(forever(), steps_per_epoch=3, epochs=2, verbose=0)
        w = np.zeros((3, 1))
        for _ in range(6):
            w = step(w, X[:4], Y[:4])
        np.testing.assert_allclose(kernel(model), w, rtol=1e-5)
        assert len(history.history["loss"]) == 2
        assert model.predict(forever(), steps=2, verbose=0).shape == (8, 1)
        assert model.evaluate(forever(), steps=2, verbose=0) == pytest.approx(np.mean((X[:4] @ w - Y[:4]) ** 2), rel=1e-4)

    @pytest.mark.parametrize(("batch_size", "steps", "expected"), [
        (2, 1, [[0], [2], [4], [0]]), (2, 2, [[0, 2], [4], [0, 2], [4]]), (2, 3, [[0, 2, 4]] * 4), (2, 9, [[0, 2, 4]] * 4), (None, 2, [[0, 3]] * 4)])  # fmt: skip
    def test_epochs_of_some_steps_go_on_through_the_data(self, batch_size, steps, expected):
        class Look(Model):
            def train_step(self, data):
                seen[-1].append(int(data[0][0, 0]))
                return {"loss": 0.0}

        x, seen = Input((1,)), []
        look = Look(x, layers.Dense(1)(x))
        look.compile("sgd", "mse")
        begin = LambdaCallback(on_epoch_begin=lambda epoch, logs: seen.append([]))
        look.fit(np.arange(6.0)[:, None], np.zeros(6), batch_size=batch_size, steps_per_epoch=steps, epochs=4, shuffle=False, verbose=0, callbacks=[begin])
        assert seen == expected

    def test_validation_begins_with_the_first_batch(self):
        history = line(SGD(0.0)).fit(X, Y, epochs=3, batch_size=4, validation_data=(X, Y), validation_steps=2, verbose=0).history
        assert history["val_loss"] == pytest.approx([np.mean(Y[:8] ** 2)] * 3, rel=1e-5)

    @pytest.mark.parametrize(("batches", "steps", "epochs"), [(4, 2, 2), (3, 2, 2), (4, None, 1)])
    def test_generator_that_runs_dry(self, batches, steps, epochs):
        with pytest.warns(UserWarning, match="ran out of data"):
            history = line().fit(((X[:4], Y[:4]) for _ in range(batches)), steps_per_epoch=steps, epochs=5, verbose=0)
        assert len(history.epoch) == epochs

    def test_validation_data_that_is_used_up_is_named(self):
        model = line()
        with pytest.raises(ValueError, match="the validation of epoch 2 received no batches"):
            model.fit(X, Y, epochs=3, verbose=0, validation_data=iter([(X, Y)]))

    def test_initial_epoch(self):
        history = line().fit(X, Y, initial_epoch=2, epochs=5, verbose=0)
        assert history.epoch == [2, 3, 4]

    def test_fit_goes_on_where_it_stopped(self):
        a, b = line("adam"), line("adam")
        a.fit(X, Y, epochs=4, shuffle=False, verbose=0)
        for _ in range(4):
            b.fit(X, Y, shuffle=False, verbose=0)
        np.testing.assert_array_equal(kernel(a), kernel(b))

    def test_compile_anew_forgets_the_optimizer(self):
        model = line("adam")
        model.fit(X, Y, verbose=0)
        model.compile(SGD(0.1), "mse")
        model.set_weights([np.zeros((3, 1))])
        model.fit(X, Y, verbose=0)
        np.testing.assert_allclose(kernel(model), step(np.zeros((3, 1)), X, Y), rtol=1e-5)

    def test_stop_training(self):
        class Stop(Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = batch == 1

        model = line()
        history = model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0, callbacks=[Stop()])
        assert history.epoch == [0] and int(model.optimizer.iterations) == 2

    def test_early_stopping_restores(self):
        model, kept = line(SGD(5.0)), []                       # diverges: the first epoch is the best
        keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(kernel(model)))
        history = model.fit(X, Y, epochs=9, verbose=0, validation_data=(X, Y), callbacks=[keep, EarlyStopping(patience=2, restore_best_weights=True)])
        assert len(history.epoch) == 3
        np.testing.assert_array_equal(kernel(model), kept[0])

    def test_float64(self):
        dlcore.config.set_floatx("float64")
        try:
            model = line()
            model.fit(X.astype("float64"), Y.astype("float64"), epochs=3, shuffle=False, verbose=0)
            w = np.zeros((3, 1))
            for _ in range(3):
                w = step(w, X.astype("float64"), Y.astype("float64"))
            np.testing.assert_allclose(kernel(model), w, rtol=1e-12)
            assert model.predict(X, verbose=0).dtype == "float64"
        finally:
            dlcore.config.set_floatx("float32")

    @pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
    def test_an_interruption_leaves_a_usable_model(self, error):
        class Interrupt(Callback):
            def on_train_batch_end(self, batch, logs=None):
                if batch == 1:
                    raise error("stop")

        class Fails(layers.Layer):
            broken = False

            def call(self, x):
                if self.broken:
                    raise error("inside")
                return x

        fails = Fails()
        model = Sequential([Input((3,)), fails, layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
        model.compile(SGD(0.1), "mse")
        with pytest.raises(error, match="stop"):
            model.fit(X, Y, batch_size=4, verbose=0, callbacks=[Interrupt()])
        fails.broken = True
        with pytest.raises(error, match="inside"):
            model.fit(X, Y, verbose=0)
        fails.broken = False
        model.set_weights([np.zeros((3, 1))])
        model.fit(X, Y, shuffle=False, verbose=0)
        np.testing.assert_allclose(kernel(model), step(np.zeros((3, 1)), X, Y), rtol=1e-5)


def kernel_after(labels):
    model = line()
    model.fit(X, labels, verbose=0)
    return kernel(model)


class TestEvaluateAndPredict:
    def test_evaluate_forms(self):
        model = line(metrics=["mae"])
        expected = [np.mean(Y**2), np.mean(np.abs(Y))]
        assert model.evaluate(X, Y, batch_size=6, verbose=0) == pytest.approx(expected, rel=1e-5)
        logs = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert list(logs) == ["loss", "mae"] and list(logs.values()) == pytest.approx(expected, rel=1e-5)
        assert isinstance(line().evaluate(X, Y, verbose=0), float)
        assert model.metrics_names == ["loss", "compile_metrics"]

    def test_evaluate_steps(self):
        assert line().evaluate(X, Y, batch_size=4, steps=2, verbose=0) == pytest.approx(np.mean(Y[:8] ** 2), rel=1e-5)

    def test_evaluate_changes_nothing(self):
        model = line(kernel="ones")
        model.evaluate(X, Y, verbose=0)
        assert np.array_equal(kernel(model), np.ones((3, 1))) and int(model.optimizer.iterations) == 0

    @pytest.mark.parametrize("batch_size", [None, 1, 6, 20, 50])
    def test_predict(self, batch_size):
        found = line(kernel="ones").predict(X, batch_size=batch_size, verbose=0)
        assert type(found) is np.ndarray and found.dtype == "float32"
        np.testing.assert_allclose(found, X.sum(1, keepdims=True), rtol=1e-5, atol=1e-6)

    def test_predict_gives_memory_of_its_own(self):
        model = Sequential([Input((3,)), layers.Activation("linear")])
        x = X.copy()
        found = model.predict(x, verbose=0)
        found[:] = 0
        assert np.array_equal(x, X)

    def test_predict_needs_no_compile(self):
        assert Sequential([layers.Dense(2)]).predict(X, verbose=0).shape == (20, 2)

    def test_single_batches(self):
        model = line(metrics=["mae"])
        expected = [np.mean(Y**2), np.mean(np.abs(Y))]
        assert model.test_on_batch(X, Y) == pytest.approx(expected, rel=1e-5)
        assert model.train_on_batch(X, Y, return_dict=True) == pytest.approx(dict(zip(["loss", "mae"], expected, strict=True)), rel=1e-5)
        np.testing.assert_allclose(kernel(model), step(np.zeros((3, 1)), X, Y), rtol=1e-5)
        assert model.predict_on_batch(X).shape == (20, 1)

    def test_train_on_batch_weights(self):
        labels = (np.arange(20) % 2).astype("float32")
        a, b = line(), line()
        a.train_on_batch(X, labels, class_weight={1: 3.0})
        b.train_on_batch(X, labels, sample_weight=1 + 2 * labels)
        np.testing.assert_allclose(kernel(a), kernel(b), rtol=1e-6)


class TestOwnSteps:
    def test_train_step_with_a_tape(self):
        class Own(Model):
            def train_step(self, data):
                x, y = data
                with dlcore.GradientTape() as tape:
                    y_pred = self(x, training=True)
                    loss = self.compute_loss(y=y, y_pred=y_pred)
                gradients = tape.gradient(loss, self.trainable_variables)
                self.optimizer.apply(gradients, self.trainable_variables)
                for metric in self.metrics:
                    if metric.name == "loss":
                        metric.update_state(loss)
                    else:
                        metric.update_state(y, y_pred)
                return {m.name: m.result() for m in self.metrics}

        x = Input((3,))
        model = Own(x, layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x))
        model.compile(SGD(0.1), "mse", metrics=["mae"])
        history = model.fit(X, Y, shuffle=False, verbose=0)
        np.testing.assert_allclose(kernel(model), step(np.zeros((3, 1)), X, Y), rtol=1e-5)
        assert history.history["loss"] == pytest.approx([np.mean(Y**2)], rel=1e-5)

    def test_own_metrics_are_reset_each_epoch(self):
        class Own(Model):
            def __init__(self):
                super().__init__()
                self.dense = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
                self.seen = dlcore.metrics.Mean(name="seen")

            def call(self, x):
                return self.dense(x)

            def train_step(self, data):
                x, y = data
                with dlcore.GradientTape() as tape:
                    loss = ops.mean((self(x) - y) ** 2)
                self.optimizer.apply_gradients(zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True))
                self.seen.update_state(1.0 if self.seen.result() > 0 else 5.0)
                return {"seen": self.seen.result()}

            @property
            def metrics(self):
                return [self.seen]

        model = Own()
        model.compile(SGD(0.1))
        assert model.fit(X, Y, batch_size=10, epochs=3, verbose=0).history == {"seen": [3.0, 3.0, 3.0]}

    def test_compute_loss_override(self):
        class Own(Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                return ops.mean(ops.abs(y_pred - y)) * 2.0

        x = Input((3,))
        model = Own(x, layers.Dense(1, use_bias=False, kernel_initializer="zeros")(x))
        model.compile(SGD(0.1))
        assert model.fit(X, Y, verbose=0).history["loss"][0] == pytest.approx(2 * np.mean(np.abs(Y)), rel=1e-5)
        assert np.abs(kernel(model)).max() > 0
        assert model.evaluate(X, Y, verbose=0) == pytest.approx(2 * np.mean(np.abs(X @ kernel(model) - Y)), rel=1e-4)

    def test_test_and_predict_step_overrides(self):
        class Own(Model):
            def test_step(self, data):
                return {"rows": float(len(data[0]))}

            def predict_step(self, data):
                return super().predict_step(data) + 1.0

        x = Input((3,))
        model = Own(x, layers.Dense(1, kernel_initializer="zeros")(x))
        model.compile("sgd", "mse")
        assert model.evaluate(X, Y, verbose=0, return_dict=True) == {"rows": 20.0}
        assert np.array_equal(model.predict(X, verbose=0), np.ones((20, 1)))


class TestFreezing:
    def two(self):
        model = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
        model.compile(SGD(0.1, momentum=0.9), "mse")
        return model

    def moved(self, model):
        before = model.get_weights()
        model.fit(X, Y, verbose=0)
        return [not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True)]

    def test_freeze_before_and_after_the_first_fit(self):
        model = self.two()
        model.layers[0].trainable = False
        assert self.moved(model) == [False, False, True, True]
        assert len(model.trainable_weights) == 2 and len(model.non_trainable_weights) == 2
        model.layers[0].trainable = True
        model.compile(SGD(0.1), "mse")
        assert self.moved(model) == [True] * 4
        model.layers[1].trainable = False
        assert self.moved(model) == [True, True, False, False]

    @pytest.mark.filterwarnings("ignore:The model does not have any trainable")
    def test_freeze_a_whole_model(self):
        model = self.two()
        model.trainable = False
        assert model.trainable_weights == [] and not model.layers[1].trainable
        assert not any(self.moved(model))

    def test_two_models_that_share_layers(self):
        generator = Sequential([Input((2,)), layers.Dense(3, "tanh")])
        critic = Sequential([Input((3,)), layers.Dense(1, "sigmoid")])
        critic.compile(SGD(0.5), "binary_crossentropy")
        z = Input((2,))
        critic.trainable = False
        both = Model(z, critic(generator(z)))
        both.compile(SGD(0.5), "binary_crossentropy")
        critic.trainable = True
        noise_in, real = noise(20, 2), noise(20, 3, seed=2)
        for _ in range(3):
            g, c = generator.get_weights(), critic.get_weights()
            critic.train_on_batch(real, np.ones((20, 1)))
            assert np.array_equal(generator.get_weights()[0], g[0]) and not np.array_equal(critic.get_weights()[0], c[0])
            c = critic.get_weights()
            critic.trainable = False
            both.train_on_batch(noise_in, np.ones((20, 1)))
            critic.trainable = True
            assert not np.array_equal(generator.get_weights()[0], g[0]) and np.array_equal(critic.get_weights()[0], c[0])


def test_several_outputs_in_logs():
    x = Input((3,))
    model = Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    model.compile("sgd", {"a": "mse", "b": "mae"}, loss_weights={"a": 1.0, "b": 0.5}, metrics={"a": ["mae"], "b": []})
    logs = model.evaluate(X, {"a": Y, "b": Y}, verbose=0, return_dict=True)
    assert list(logs) == ["a_loss", "a_mae", "b_loss", "loss"]
    assert logs["loss"] == pytest.approx(logs["a_loss"] + 0.5 * logs["b_loss"], rel=1e-5)


def test_callbacks_see_training_in_order():
    seen = []

    class Log(Callback):
        def on_train_begin(self, logs=None):
            seen.append("train")

        def on_epoch_begin(self, epoch, logs=None):
            seen.append(f"epoch {epoch}")

        def on_train_batch_begin(self, batch, logs=None):
            seen.append(f"batch {batch}")

        def on_test_begin(self, logs=None):
            seen.append("test")

        def on_epoch_end(self, epoch, logs=None):
            seen.append(sorted(logs))

        def on_train_end(self, logs=None):
            seen.append("end")

    line().fit(X, Y, batch_size=10, verbose=0, validation_data=(X, Y), callbacks=[Log()])
    assert seen == ["train", "epoch 0", "batch 0", "batch 1", "test", ["loss", "val_loss"], "end"]


class Rows(Model):
    """Gives what `pick` makes of the batch."""

    def __init__(self, pick):
        super().__init__()
        self.pick = pick

    def call(self, x):
        return self.pick(x)


def test_predict_of_a_model_that_changes_the_number_of_rows():
    x = np.arange(40, dtype="float32").reshape(40, 1)
    np.testing.assert_array_equal(Rows(lambda x: x[:3]).predict(x, verbose=0), x[[0, 1, 2, 32, 33, 34]])
    assert Rows(lambda x: ops.concatenate([x, x])).predict(x, verbose=0).shape == (80, 1)
    with pytest.raises(ValueError, match="first axis of samples"):
        Rows(ops.sum).predict(x, verbose=0)
    # The last batch has 8 rows and so another width, which must not be broadcast.
    with pytest.raises(ValueError, match=r"received shape \(8, 1\)"):
        Rows(lambda x: ops.broadcast_to(x, (x.shape[0], x.shape[0] // 8))).predict(x, verbose=0)


def test_a_train_step_may_return_nothing():
    model = Sequential([Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.train_step = lambda data: None
    assert model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0).history == {}


def test_what_callbacks_thaw_or_add_is_trained_from_the_next_epoch_on():
    model = Sequential([Input((2,)), layers.Dense(2), layers.Dense(1)])
    model.layers[0].trainable = False
    model.compile(SGD(0.1), "mse")
    frozen = model.layers[0].get_weights()[0]

    def change(epoch, logs):
        if epoch == 0:
            np.testing.assert_array_equal(model.layers[0].get_weights()[0], frozen)
            model.layers[0].trainable = True
            model.add(layers.Dense(1, name="new"))
            kernels.extend([frozen, model.get_layer("new").get_weights()[0]])

    kernels = []
    model.fit(np.ones((4, 2)), np.full((4, 1), 5.0), epochs=2, verbose=0, callbacks=[LambdaCallback(on_epoch_end=change)])
    assert (model.layers[0].get_weights()[0] != kernels[0]).any()
    assert (model.get_layer("new").get_weights()[0] != kernels[1]).any()


def built_in_the_first_step(first):
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.first, self.last = first, layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2")

        def call(self, inputs):
            return self.last(self.first(inputs))

    return Two()


@pytest.mark.parametrize("make", [built_in_the_first_step, lambda first: Sequential([first, layers.Dense(1, kernel_initializer="ones", kernel_regularizer="l2")])])
@pytest.mark.parametrize("begun", [False, True])
def test_layers_that_the_first_step_builds(make, begun):
    """They are trained from it on, and their penalties count, also where other layers were built before."""
    x, y = np.ones((4, 3), "float32"), np.zeros((4, 1), "float32")
    first = layers.Dense(2, kernel_initializer="ones")
    if begun:
        first(x)
    model = make(first)
    model.compile("sgd", "mse")
    assert model.fit(x, y, verbose=0).history["loss"] == pytest.approx([36 + 2 * 0.01])
    assert all((w != initial).all() for w, initial in zip(model.get_weights(), (1, 0, 1, 0), strict=True))


class TestChangesBetweenBatches:
    """`train_on_batch` looks through the layers only if something may have changed in them."""

    class Net(dlcore.Model):
        def __init__(self):
            super().__init__()
            self.first = dlcore.layers.Dense(3, activation="tanh")
            self.more = []
            self.named = {}
            self.last = dlcore.layers.Dense(1)

        def call(self, x):
            x = self.first(x)
            for layer in [*self.more, *self.named.values()]:
                x = layer(x)
            return self.last(x)

    def begin(self):
        x, y = np.random.default_rng(0).normal(size=(2, 8, 3)).astype("float32")
        model = self.Net()
        model.compile("sgd", "mse")
        for _ in range(3):
            model.train_on_batch(x, y[:, :1])
        return model, lambda: model.train_on_batch(x, y[:, :1], return_dict=True)

    def moved(self, model, step):
        """Names of the variables that a step changes."""
        before = {v.path: np.array(v) for v in model.weights}
        step()
        return {v.path for v in model.weights if v.path not in before or not np.array_equal(np.array(v), before[v.path])}

    def test_nothing(self):
        model, step = self.begin()
        found = model._found
        assert len(self.moved(model, step)) == 4 and model._found is found

    @pytest.mark.parametrize("how", ["attribute", "list", "dict", "inside"])
    def test_a_layer_comes_and_goes(self, how):
        model, step = self.begin()
        new = dlcore.layers.Dense(3, name="new")
        if how == "attribute":
            old, model.first = model.first, new
        elif how == "list":
            model.more.append(new)
        elif how == "dict":
            model.named["a"] = new
        else:
            model.more.append(Sequential([new]))
        step()
        assert len(self.moved(model, step)) == (4 if how == "attribute" else 6)
        assert len(model.arena.variables) == len(model.trainable_variables)
        if how == "attribute":
            model.first = old
        elif how == "list":
            model.more[0] = dlcore.layers.Dense(3, name="another")
        elif how == "dict":
            del model.named["a"]
        else:
            model.more.pop()
        step()
        assert len(self.moved(model, step)) == (6 if how == "list" else 4)
        assert len(model.arena.variables) == len(model.trainable_variables)

    def test_freezing(self):
        model, step = self.begin()
        model.first.trainable = False
        assert len(self.moved(model, step)) == 2
        model.first.trainable = True
        assert len(self.moved(model, step)) == 4
        model.last.bias.trainable = False
        assert len(self.moved(model, step)) == 3
        model.trainable = False
        with pytest.warns(UserWarning, match="trainable weights"):
            assert len(self.moved(model, step)) == 0
        model.trainable = True
        assert len(self.moved(model, step)) >= 3

    def test_metrics(self):
        model, step = self.begin()
        assert set(step()) == {"loss"}
        model.first.tracker = dlcore.metrics.Mean(name="tracker")
        assert set(step()) == {"loss", "tracker"}
        model.first.tracker.update_state(3.0)
        assert step()["tracker"] == 0                               # begins anew with each batch
        model.first.trackers = [dlcore.metrics.Mean(name="a")]
        step()
        model.first.trackers.append(dlcore.metrics.Mean(name="b"))
        assert set(step()) == {"loss", "tracker", "a", "b"}
        del model.first.tracker
        model.first.trackers = None
        assert set(step()) == {"loss"}
        model.compile("sgd", "mse", metrics=["mae"])
        assert len(step()) == 2

    @pytest.mark.filterwarnings("ignore:Gradients do not exist")
    def test_weights_and_penalties(self):
        model, step = self.begin()
        model.first.extra = model.first.add_weight(shape=(2,), name="extra")
        step()
        assert len(model.arena.variables) == 5
        loss = model.test_on_batch(np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32"))
        model.last.kernel.regularizer = dlcore.regularizers.L2(10.0)
        assert model.test_on_batch(np.zeros((8, 3), "float32"), np.zeros((8, 1), "float32")) > loss

    def test_copies_look_for_themselves(self):
        model, _ = self.begin()
        other = copy.deepcopy(model)
        assert other._found is None
        x = np.ones((4, 3), "float32")
        before = [np.array(w) for w in model.weights]
        other.train_on_batch(x, x[:, :1])
        for v, w in zip(model.weights, before, strict=True):
            np.testing.assert_array_equal(v, w)
