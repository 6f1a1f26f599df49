"""The same script gives the same bits, whatever the number of threads; and kernels leave the processor as it was."""

import threading

import numpy as np
import pytest
from processes import run

import dlcore
from dlcore import _kernels, ops
from dlcore._kernels import parallel
from dlcore._kernels.tensor import convert

TRAIN = """
import sys
import numpy as np
import dlcore
from dlcore import layers

seed, path = int(sys.argv[1]), sys.argv[2]
dlcore.utils.set_random_seed(seed)
(x, y), (x_test, _) = dlcore.datasets.fashion_mnist.load_data(subset=True)
x, x_test = x / np.float32(255), x_test / np.float32(255)
model = dlcore.Sequential([
    dlcore.Input((28, 28)), layers.Flatten(), layers.Dense(200, activation="relu"), layers.Dropout(0.3),
    layers.Dense(100, activation="tanh"), layers.Dropout(0.2), layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, batch_size=100, epochs=2, shuffle=True, verbose=0)
np.savez(path, *model.get_weights(), probabilities=model.predict(x_test, verbose=0), loss=history.history["loss"])
print(dlcore.get_num_threads(), dlcore._kernels.ISA)
"""


def trained(path, seed=1, **environment):
    run(TRAIN, seed, path, **environment)
    with np.load(path) as file:
        return dict(file)


def same_bits(a, b):
    return a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and a[k].tobytes() == b[k].tobytes() for k in a)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("reference") / "w.npz", DLCORE_NUM_THREADS="1")


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_same_bits_for_any_number_of_threads(reference, tmp_path, threads):
    assert reference["loss"][1] < reference["loss"][0]
    assert same_bits(reference, trained(tmp_path / "w.npz", DLCORE_NUM_THREADS=str(threads)))


def test_another_seed_gives_other_bits(reference, tmp_path):
    assert not same_bits(reference, trained(tmp_path / "w.npz", seed=2, DLCORE_NUM_THREADS="2"))


@pytest.mark.parametrize("level", _kernels.ISA_AVAILABLE)
def test_instruction_sets_agree(reference, tmp_path, level):
    other = trained(tmp_path / "w.npz", DLCORE_NUM_THREADS="2", DLCORE_ISA=level)
    np.testing.assert_allclose(other["loss"], reference["loss"], rtol=1e-4)
    np.testing.assert_allclose(other["probabilities"], reference["probabilities"], atol=5e-3)


# --------------------------------------------------------------------------------------------------------- denormals


def denormals_survive():
    tiny = np.full(1000, 1e-40, "float32")
    return bool((tiny * np.float32(1) > 0).all() and (np.full(100, 1e-310) / 2 > 0).all() and np.float32(1e-20) * np.float32(1e-20) > 0)


def work():
    x = convert(np.full((512, 512), 1e-39, "float32"))
    v = dlcore.Variable(np.full((512, 512), 1e-20, "float32"))
    with dlcore.GradientTape() as tape:
        y = ops.sum(ops.matmul(ops.tanh(ops.matmul(x, v)), v) * x)
    tape.gradient(y, v)
    dlcore.optimizers.Adam().apply([x], [v])
    return x


def test_the_callers_floating_point_state_is_left_alone():
    before = parallel.get_num_threads()
    results = []

    def run_on_thread():
        for _ in range(3):
            results.append(denormals_survive())
            work()
            results.append(denormals_survive())

    try:
        for n in (1, 2, 4):
            parallel.set_num_threads(n)
            threads = [threading.Thread(target=run_on_thread) for _ in range(3)]
            for thread in threads:
                thread.start()
            run_on_thread()
            for thread in threads:
                thread.join()
    finally:
        parallel.set_num_threads(before)
    assert all(results) and len(results) == 3 * 4 * 6


@pytest.mark.parametrize("n", [10, 1_000_000])
def test_kernels_flush_denormals(n):
    # On one thread or several: a kernel that lets denormals through is a hundred times slower on some processors.
    assert not (convert(np.full(n, 1e-39, "float32")) * 0.5).numpy().any()
    assert not ops.relu(convert(np.full(n, 1e-20, "float32")) * 1e-20).numpy().any()
