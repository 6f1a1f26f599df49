"""Several Python threads, forked processes, and interruptions."""

import os
import sys
import threading

import numpy as np
import pytest
from processes import run, start

import dlcore
from dlcore import layers
from dlcore._kernels import parallel

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")


def network(seed=0, width=64):
    dlcore.utils.set_random_seed(seed)
    return dlcore.Sequential([
        dlcore.Input((32,)), layers.Dense(width, activation="relu"), layers.Dropout(0.5, seed=seed), layers.Dense(width, activation="gelu"),
        layers.Dense(10, activation="softmax")])  # fmt: skip


def data(rows, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, 32)).astype("float32")


def all_at_once(functions):
    """Runs each function on a thread of its own, all starting together; their results."""
    barrier = threading.Barrier(len(functions))
    results = [None] * len(functions)

    def body(i):
        barrier.wait()
        try:
            results[i] = functions[i]()
        except BaseException as error:
            results[i] = error

    threads = [threading.Thread(target=body, args=(i,), daemon=True) for i in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a thread hangs"
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


@pytest.fixture
def two_threads():
    before = parallel.get_num_threads()
    parallel.set_num_threads(2)
    yield
    parallel.set_num_threads(before)


@pytest.mark.parametrize("first_call_included", [False, True])
def test_predictions_on_one_model(two_threads, first_call_included):
    model, twin = network(width=256), network(width=256)
    inputs = [data(rows, seed) for seed, rows in enumerate([1, 5, 32, 300] * 8)]

    def outputs(network, x):
        return network.predict(x, verbose=0).tobytes(), network(x).numpy().tobytes()

    expected = [{outputs(twin, x)} for x in inputs]
    if not first_call_included:
        model.predict(inputs[0], verbose=0)
    assert all_at_once([lambda x=x: {outputs(model, x) for _ in range(5)} for x in inputs]) == expected


def test_training_different_models(two_threads):
    x = data(400)
    y = np.arange(400) % 10

    def make(seed):
        model = network(seed, width=100 + seed)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def train(model):
        history = model.fit(x, y, batch_size=50, epochs=3, shuffle=False, verbose=0).history
        return [w.tobytes() for w in model.get_weights()], history

    serial = [train(make(seed)) for seed in range(6)]
    models = [make(seed) for seed in range(6)]
    assert all_at_once([lambda m=m: train(m) for m in models]) == serial


def test_training_while_another_model_predicts(two_threads):
    x = data(200)
    model, other = network(1), network(2)
    model.compile("sgd", "sparse_categorical_crossentropy")
    expected = other(x).numpy().tobytes()
    results = all_at_once([lambda: model.fit(x, np.zeros(200), epochs=5, verbose=0) and None, *[lambda: {other(x).numpy().tobytes() for _ in range(30)}] * 4])
    assert results[1:] == [{expected}] * 4


def test_changing_the_number_of_threads_meanwhile():
    model, x = network(width=256), data(300)
    expected = model(x).numpy().tobytes()
    before = parallel.get_num_threads()

    def change():
        for i in range(300):
            parallel.set_num_threads(1 + i % 4)

    try:
        results = all_at_once([change, *[lambda: {model(x).numpy().tobytes() for _ in range(20)}] * 4])
    finally:
        parallel.set_num_threads(before)
    assert results[1:] == [{expected}] * 4


# --------------------------------------------------------------------------------------------------------------- fork

FORK = """
import hashlib, multiprocessing, os, sys, warnings
import numpy as np
import dlcore
from dlcore import layers
from dlcore._kernels.parallel import openmp_version

warnings.simplefilter("ignore", DeprecationWarning)     # newer Pythons warn of forks beside threads
dlcore.utils.set_random_seed(0)
model = dlcore.Sequential([dlcore.Input((300,)), layers.Dense(300, activation="relu"), layers.Dense(10, activation="softmax")])
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(500, 300)).astype("float32")
model.fit(x, np.zeros((500, 10)), verbose=0)             # the threads are there now
assert dlcore.get_num_threads() == (2 if openmp_version() else 1)

def digest(_=None):
    dlcore.set_num_threads(2)                           # must not wake the parent's threads
    return hashlib.sha256(model(x).numpy().tobytes() + model.predict(x, verbose=0).tobytes()).hexdigest(), dlcore.get_num_threads()

def main():
    expected = digest()
    if sys.argv[1] == "os.fork":
        reader, writer = os.pipe()
        if os.fork() == 0:
            model.fit(x, np.zeros((500, 10)), verbose=0, epochs=0)
            os.write(writer, repr(digest()).encode())
            os._exit(0)
        os.close(writer)
        results = [eval(os.read(reader, 1000))]
        os.wait()
    else:
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = pool.map(digest, range(4))
    for result in results:
        assert result == (expected[0], 1), (result, expected)
    assert digest() == expected                          # and the parent goes on with both
    print("same")

main()
"""


@needs_fork
@pytest.mark.parametrize("way", ["os.fork", "multiprocessing"])
def test_after_fork(way):
    assert run(FORK, way, timeout=60, DLCORE_NUM_THREADS="2") == "same\n"


# --------------------------------------------------------------------------------------------------- the user's BLAS

BLAS = """
import threading
import numpy as np, scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits
import dlcore

def settings():
    return sorted((p["filepath"], p["num_threads"]) for p in threadpool_info() if p["user_api"] == "blas")

x = np.ones((500, 500), "float32")
x @ x
scipy.linalg.blas.sgemm(1.0, x, x)
for limit in (None, 1, 2, 3):
    with threadpool_limits(limit, user_api="blas"):
        before = settings()
        assert before
        threads = [threading.Thread(target=lambda: [dlcore.ops.matmul(x, x) for _ in range(5)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert settings() == before, (before, settings())
print(len(before))
"""


@pytest.mark.parametrize("engine", ["native", "blas"])
def test_the_users_blas_settings_stay(engine):
    pytest.importorskip("threadpoolctl")
    assert int(run(BLAS, DLCORE_GEMM=engine)) >= 1


# --------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("n", [0, -1, 100_000, "2", 1.5, True, None])
def test_bad_numbers_of_threads(n):
    before = dlcore.get_num_threads()
    with pytest.raises(ValueError, match="set_num_threads: n must be"):
        dlcore.set_num_threads(n)
    assert dlcore.get_num_threads() == before


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "999999", "²", "99999999999999999999"])
def test_bad_environment(value):
    done = start("import dlcore", DLCORE_NUM_THREADS=value)
    assert done.returncode and "ImportError: DLCORE_NUM_THREADS='" in done.stderr and "must be a whole number from 1 to 1024" in done.stderr


@pytest.mark.parametrize(("environment", "expected"), [
    ({"DLCORE_NUM_THREADS": "3"}, 3), ({"OMP_NUM_THREADS": "3"}, 3), ({"OMP_NUM_THREADS": "3,2"}, 3), ({"OMP_NUM_THREADS": "nonsense", "DLCORE_NUM_THREADS": ""}, None),
    ({"OMP_NUM_THREADS": "1", "DLCORE_NUM_THREADS": "2"}, 2),
])  # fmt: skip
def test_environment(environment, expected):
    threads = int(run("import dlcore; print(dlcore.get_num_threads())", **environment))
    assert threads >= 1 if expected is None or not parallel.openmp_version() else threads == expected


@pytest.mark.parametrize("value", ["nonsense", "v1"])
def test_bad_instruction_set(value):
    done = start("import dlcore", DLCORE_ISA=value)
    assert done.returncode and f"ImportError: DLCORE_ISA='{value}' cannot run here" in done.stderr and "Unset DLCORE_ISA" in done.stderr


# ------------------------------------------------------------------------------------------------------ interruptions

INTERRUPT = """
import random, signal, sys, threading, time
import numpy as np
import dlcore
from dlcore import layers
from dlcore._kernels.tape import recording

random.seed(0)
dlcore.utils.set_random_seed(0)
model = dlcore.Sequential([dlcore.Input((20,)), layers.Dense(30, activation="relu"), layers.Dropout(0.1), layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
x = np.random.default_rng(0).normal(size=(256, 20)).astype("float32")
y = x[:, :1] * 2
model.fit(x, y, verbose=0)
main = threading.main_thread().ident

def interrupt(training):
    training.wait()
    time.sleep(random.uniform(0, 0.03))
    signal.pthread_kill(main, signal.SIGINT)

for i in range(25):
    training = threading.Event()
    timer = threading.Thread(target=interrupt, args=(training,))
    timer.start()
    started = dlcore.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: training.set())
    try:
        model.fit(x, y, epochs=1_000_000, verbose=0, batch_size=16, callbacks=[started])
    except KeyboardInterrupt:
        pass
    else:
        sys.exit("not interrupted")
    timer.join()
    assert not recording()
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.predict(x, verbose=0)
final = model.fit(x, y, epochs=2, verbose=0).history
assert final["loss"][-1] < 0.5, final
print("usable")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_interrupted_model_is_usable():
    assert run(INTERRUPT, timeout=60) == "usable\n"
