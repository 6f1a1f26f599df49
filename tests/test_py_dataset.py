"""PyDataset: batches by number, their order, and workers that come and go with an epoch."""

import multiprocessing
import os
import pickle
import signal
import threading
import time

import numpy as np
import processes
import pytest

import dlcore
from dlcore import layers
from dlcore.data import batches
from dlcore.utils import PyDataset

FORK = "fork" in multiprocessing.get_all_start_methods()
WAYS = {"no workers": {}, "threads": {"workers": 3}, "one process": {"workers": 1, "use_multiprocessing": True}, "processes": {"workers": 2, "use_multiprocessing": True}}


class Numbered(PyDataset):
    """Batch i is full of i; what is asked of the data set is written down."""

    def __init__(self, count=6, act=None, **kwargs):
        super().__init__(**kwargs)
        self.count, self.act, self.log = count, act, []

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        self.log.append(i)
        if self.act is not None:
            self.act(i)
        return np.full((2, 3), i, "float32"), np.ones((2, 1), "float32")

    def on_epoch_begin(self):
        self.log.append("begin")

    def on_epoch_end(self):
        self.log.append("end")


class Endless(Numbered):
    num_batches = None


@pytest.fixture
def model():
    model = dlcore.Sequential([dlcore.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    for _ in range(100):
        if not [t for t in threading.enumerate() if t.name.startswith("dlcore-data")] and not multiprocessing.active_children():
            return
        time.sleep(0.01)
    pytest.fail(f"left over: {threading.enumerate()}, {multiprocessing.active_children()}")


def numbers(source):
    return [int(np.asarray(batch[0])[0, 0]) for batch in source.epoch()]


@pytest.mark.parametrize("way", WAYS)
def test_order_is_kept(way):
    source = batches(Numbered(**WAYS[way]))
    assert source.size == 6
    for _ in range(2):
        assert numbers(source) == [0, 1, 2, 3, 4, 5]


def test_slow_batches_keep_their_place():
    source = batches(Numbered(8, act=lambda i: time.sleep(0.02 if i % 3 == 0 else 0), workers=3, max_queue_size=2))
    assert numbers(source) == list(range(8))


@pytest.mark.parametrize("way", WAYS)
def test_fit_evaluate_predict(model, way):
    data = Numbered(**WAYS[way])
    np.testing.assert_array_equal(model.predict(data, verbose=0), np.repeat(3.0 * np.arange(6), 2)[:, None])
    history = model.fit(data, validation_data=Numbered(2, **WAYS[way]), epochs=2, shuffle=False, verbose=0).history
    assert len(history["loss"]) == len(history["val_loss"]) == 2
    assert isinstance(model.evaluate(data, verbose=0), float)


def test_calls_of_the_hooks_are_those_of_keras(model):
    """Recorded from Keras 3.15."""
    data, validation = Numbered(3), Numbered(2)
    model.fit(data, epochs=2, shuffle=False, verbose=0, validation_data=validation)
    assert data.log == ["end", "begin", 0, 1, 2, "end", "begin", 0, 1, 2, "end"]
    assert validation.log == ["end", "begin", 0, 1, "end"] * 2
    for steps, log in ((2, ["end", "begin", 0, 1, "end", "begin", 2, "end", "begin", 0, 1, "end"]), (3, ["end", *["begin", 0, 1, 2, "end"] * 3]),
                       (5, ["end", *["begin", 0, 1, 2, "end"] * 3])):
        data.log.clear()
        model.fit(data, epochs=3, steps_per_epoch=steps, shuffle=False, verbose=0)
        assert data.log == log
    data.log.clear()
    model.evaluate(data, steps=2, verbose=0)
    model.predict(data, verbose=0)
    assert data.log == ["end", "begin", 0, 1, "end", "begin", 0, 1, 2, "end"]


def test_shuffled_order_is_that_of_keras(model):
    """Recorded from Keras 3.15: the order comes from Python's random, which set_random_seed seeds."""
    data = Numbered(6)
    dlcore.utils.set_random_seed(3)
    model.fit(data, epochs=2, verbose=0)
    assert [i for i in data.log if isinstance(i, int)] == [0, 2, 3, 5, 4, 1, 1, 3, 2, 0, 4, 5]


@pytest.mark.parametrize("way", WAYS)
def test_without_an_end(model, way):
    data = Endless(**WAYS[way])
    assert data.num_batches is None
    source = batches(data, steps=3)
    assert [numbers(source) for _ in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    source.close()
    assert len(model.fit(data, steps_per_epoch=2, epochs=2, validation_data=data, validation_steps=2, verbose=0).history["val_loss"]) == 2


@pytest.mark.parametrize("way", WAYS)
def test_errors_come_through(model, way):
    def act(i):
        if i == 3:
            raise KeyError("row 3 is bad")

    if way == "processes" and not FORK:
        pytest.skip("the act cannot be pickled")
    with pytest.raises(KeyError, match="row 3 is bad") as caught:
        model.fit(Numbered(act=act, **WAYS[way]), verbose=0)
    notes = "".join(getattr(caught.value, "__notes__", []))
    assert any("act" in str(entry) for entry in caught.traceback) or "in act" in notes
    assert model.fit(Numbered(**WAYS[way]), verbose=0).history["loss"]


class LocalError(Exception):
    def __init__(self, a, b):
        super().__init__(a)


@pytest.mark.skipif(not FORK, reason="needs fork")
def test_what_cannot_be_pickled():
    def act(i):
        raise LocalError("of its own kind", 2)

    with pytest.raises(RuntimeError, match="LocalError: of its own kind"):
        numbers(batches(Numbered(act=act, workers=1, use_multiprocessing=True)))

    class Lambdas(Numbered):
        def __getitem__(self, i):
            return lambda: i

    with pytest.raises(TypeError, match="batch 0 of the PyDataset cannot be pickled"):
        numbers(batches(Lambdas(workers=1, use_multiprocessing=True)))


@pytest.mark.skipif(not FORK, reason="needs fork")
def test_a_killed_worker_is_an_error(model):
    def act(i):
        if i == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match=r"worker process that made batch 2 .*exit code -9"):
        model.fit(Numbered(act=act, workers=2, use_multiprocessing=True), shuffle=False, verbose=0)


@pytest.mark.parametrize("way", WAYS)
def test_training_may_stop_in_the_middle(model, way):
    class Stop(dlcore.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.stop_training = True

    class Interrupt(dlcore.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    model.fit(Numbered(50, **WAYS[way]), callbacks=[Stop()], verbose=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(Numbered(50, **WAYS[way]), callbacks=[Interrupt()], validation_data=Numbered(**WAYS[way]), verbose=0)


def test_ctrl_c_while_workers_are_busy():
    code = """
import os, signal, sys, threading, time
import numpy as np
import dlcore

class Slow(dlcore.utils.PyDataset):
    def __len__(self):
        return 100
    def __getitem__(self, i):
        time.sleep(60 if i else 0)
        return np.ones((2, 3)), np.ones((2, 1))

if __name__ == "__main__":
    model = dlcore.Sequential([dlcore.Input((3,)), dlcore.layers.Dense(1)])
    model.compile("sgd", "mse")
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        model.fit(Slow(workers=2, use_multiprocessing=sys.argv[1] == "processes"), shuffle=False, verbose=0)
    except KeyboardInterrupt:
        print("stopped")
"""
    for way in ("threads", "processes") if FORK else ("threads",):
        assert processes.run(code, way, timeout=30) == "stopped\n"


@pytest.mark.skipif(not FORK, reason="needs fork")
def test_processes_see_what_the_end_of_an_epoch_changed_and_may_compute():
    class Grows(Numbered):
        def __getitem__(self, i):
            product = dlcore.ops.matmul(np.ones((300, 300), "float32"), np.ones((300, 300), "float32"))
            return np.full((1, 1), len(self.log), "float32"), np.asarray(product)[:1, :1]

    dlcore.ops.matmul(np.ones((500, 500), "float32"), np.ones((500, 500), "float32"))       # with threads, before the fork
    data = Grows(2, workers=2, use_multiprocessing=True)
    source = batches(data)
    first, second = ([[float(np.asarray(a)[0, 0]) for a in batch] for batch in source.epoch()] for _ in range(2))
    assert first == [[1.0, 300.0]] * 2 and second == [[3.0, 300.0]] * 2


@pytest.mark.skipif(not FORK, reason="needs fork")
def test_random_numbers_do_not_depend_on_the_number_of_processes():
    class Noise(Numbered):
        def __getitem__(self, i):
            return np.random.rand(2, 3)

    def draw(workers, seed):
        dlcore.utils.set_random_seed(seed)
        return np.concatenate([np.asarray(b[0]) for b in batches(Noise(workers=workers, use_multiprocessing=True)).epoch()])

    one, two, other = draw(1, 5), draw(2, 5), draw(2, 6)
    assert np.array_equal(one, two) and not np.array_equal(one, other) and len(np.unique(one)) == one.size


def test_spawned_processes(tmp_path):
    # A spawned process imports the main module, which -c does not have: the data set lives in a module of its own.
    code = """
import multiprocessing, sys
import numpy as np
import dlcore
sys.path.insert(0, sys.argv[1])
from spawned_data import Data
from dlcore.data import batches

if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    print([float(np.asarray(b[0])[0, 0]) for b in batches(Data(workers=2, use_multiprocessing=True)).epoch()])
"""
    (tmp_path / "spawned_data.py").write_text(
        "import numpy as np, dlcore\nclass Data(dlcore.utils.PyDataset):\n"
        "    def __len__(self):\n        return 3\n    def __getitem__(self, i):\n        return np.full((1, 1), float(i))\n"
    )
    assert processes.run(code, tmp_path) == "[0.0, 1.0, 2.0]\n"


def test_settings():
    data = Numbered(workers=2, use_multiprocessing=True, max_queue_size=3)
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (2, True, 3)
    data.workers, data.use_multiprocessing, data.max_queue_size = 1, False, 4
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (1, False, 4)
    assert pickle.loads(pickle.dumps(data)).max_queue_size == 4
    assert dlcore.utils.Sequence is PyDataset
    for name, value in (("workers", -1), ("workers", 1.5), ("max_queue_size", 0)):
        with pytest.raises(ValueError, match=f"PyDataset's {name} must be a whole number.*received {name}={value}"):
            batches(Numbered(**{name: value}))


def test_super_not_called(model):
    class Careless(PyDataset):
        def __init__(self):
            pass

        def __len__(self):
            return 1

        def __getitem__(self, i):
            return np.ones((2, 3)), np.ones((2, 1))

    with pytest.warns(UserWarning, match=r"Careless.__init__ should call `super\(\).__init__"):
        model.fit(Careless(), verbose=0)


def test_what_does_not_fit_is_refused(model):
    with pytest.raises(ValueError, match="`y` should not be specified"):
        model.fit(Numbered(), np.ones((12, 1)), verbose=0)
    with pytest.raises(ValueError, match="`sample_weight` should not be specified"):
        model.fit(Numbered(), sample_weight=np.ones(12), verbose=0)
    with pytest.raises(ValueError, match="`validation_split` needs x as arrays"):
        model.fit(Numbered(), validation_split=0.5, verbose=0)
    with pytest.raises(ValueError, match="fit received no batches"):
        model.fit(Numbered(0), verbose=0)
    with pytest.raises(NotImplementedError, match="must define `__getitem__"):
        PyDataset()[0]
    with pytest.raises(NotImplementedError, match="must define `__len__"):
        _ = PyDataset().num_batches


def test_class_weight(model):
    weighted = model.evaluate(Numbered(2), verbose=0)
    model.compile(dlcore.optimizers.SGD(0.0), "mse")
    assert model.fit(Numbered(2), class_weight={1: 2.0}, verbose=0).history["loss"][0] == pytest.approx(2 * weighted)
