"""Long runs: the same memory at the end as at the beginning."""

import gc
import itertools
import os

import numpy as np
import pytest

import dlcore
from dlcore import GradientTape, layers, ops
from dlcore._kernels.pool import pool_info, pool_trim

MEGABYTE = 1 << 20


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def state():
    gc.collect()
    return {"live": pool_info()["live"], "objects": len(gc.get_objects()), "resident": resident() if os.path.exists("/proc/self/statm") else 0}


def check(body, times, growth=3 * MEGABYTE, warm_up=None):
    """Runs body after a warm-up; nothing may grow with the number of times."""
    for _ in range(warm_up or max(times // 20, 3)):
        body()
    before = state()
    for _ in range(times):
        body()
    after = state()
    assert after["live"] == before["live"]
    assert after["objects"] - before["objects"] < min(50, times // 2)
    assert after["resident"] - before["resident"] < growth, f"{(after['resident'] - before['resident']) / MEGABYTE:.1f} MB more"


@pytest.fixture
def model():
    model = dlcore.Sequential([dlcore.Input((10,)), layers.Dense(16, activation="relu"), layers.Dropout(0.1), layers.Dense(16, activation="tanh"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


X, Y = np.ones((32, 10), "float32"), np.ones((32, 1), "float32")


def test_training_steps(model):
    check(lambda: model.train_on_batch(X, Y), 5_000)
    check(lambda: model.fit(X, Y, batch_size=4, verbose=0), 600)


def test_custom_loop(model):
    optimizer = dlcore.optimizers.SGD(0.01, momentum=0.9)

    def step():
        with GradientTape() as tape:
            loss = ops.mean(ops.square(model(X, training=True) - Y))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)

    check(step, 3_000)


def test_predictions(model):
    check(lambda: model.predict(X, verbose=0), 10_000)
    check(lambda: model(X), 10_000)
    check(lambda: model.predict(X, batch_size=8, verbose=0), 500)
    check(lambda: model.evaluate(X, Y, verbose=0), 500)


class Batches(dlcore.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, i):
        return X, Y


def test_batches_from_everywhere(model, tmp_path):
    check(lambda: model.fit(((X, Y) for _ in range(2)), verbose=0), 2_000)
    check(lambda: model.predict((X for _ in range(2)), verbose=0), 2_000)
    check(lambda: model.fit(Batches(), verbose=0), 2_000)
    check(lambda: model.fit(Batches(workers=2), verbose=0), 500)
    np.save(tmp_path / "x.npy", np.ones((4 << 18, 10), "float32"))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    check(lambda: model.predict(x, steps=2, batch_size=16, verbose=0), 200)
    endless = itertools.repeat((X, Y))
    check(lambda: model.fit(endless, steps_per_epoch=10, verbose=0), 1_000)


class Halve(ops.Function):
    def forward(self, x):
        self.x = x
        return x / 2

    def backward(self, dy):
        return dy / 2


def test_eager_operations_with_a_tape():
    v, half = dlcore.Variable(np.ones((8, 8), "float32")), Halve()

    def step():
        with GradientTape() as tape:
            x = ops.softmax(ops.tanh(ops.matmul(v, v) + 1.0))
            x = half(ops.reshape(ops.transpose(x), (4, 16)))[1:3]
            x = ops.sum(ops.concatenate([x, ops.exp(x)]) ** 2)
        tape.gradient(x, [v, x])

    check(step, 1_000)
    check(lambda: np.asarray(ops.relu(v)).sum() + float(ops.sum(v)), 10_000)


def test_errors():
    v = dlcore.Variable(np.ones((8, 8), "float32"))

    def step():
        with pytest.raises(ValueError, match="shape"), GradientTape():
            ops.matmul(ops.tanh(v), np.ones((7, 7), "float32"))

    check(step, 1_000)


def test_models_made_and_deleted():
    made = itertools.count(1)

    def make():
        x = dlcore.Input((4,))
        dlcore.Model(x, ops.tanh(layers.Dense(1)(layers.Dense(8)(x) + x[:, :1])))
        model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(8), layers.Dense(1)])
        model.compile("adam", "mse")
        model.train_on_batch(np.ones((2, 4), "float32"), np.ones((2, 1), "float32"))
        if next(made) % 50 == 0:
            gc.collect()

    check(make, 1_000, warm_up=100)


def test_large_blocks_are_given_back():
    pool_trim()
    before = state()
    x = [ops.zeros((2000, 2000)) + 1.0 for _ in range(8)]
    del x
    pool_trim()
    after = state()
    assert after["live"] == before["live"] and pool_info()["held"] == 0
    assert after["resident"] - before["resident"] < 40 * MEGABYTE       # of 128; the C library keeps some
