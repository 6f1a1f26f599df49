"""A training that is killed and goes on ends with the bits of one that was not."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import dlcore
from dlcore import callbacks, layers

SCRIPT = textwrap.dedent("""
    import os, random, signal, sys
    import numpy as np
    import dlcore
    from dlcore import callbacks, layers

    folder, out, kill_at, save_freq, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]
    dlcore.utils.set_random_seed(0)
    if os.path.exists(folder):
        [np.random.random() for _ in range(17)], [random.random() for _ in range(5)], dlcore.random.uniform((2,))   # another past

    def noise(y, p):
        return dlcore.ops.mean(dlcore.ops.square(y - p), axis=-1)

    x = np.random.default_rng(0).normal(size=(70, 4)).astype("float32")
    y = x.sum(axis=1, keepdims=True) + np.random.default_rng(1).normal(size=(70, 1)).astype("float32")
    model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(16, activation="relu"), layers.Dropout(0.3), layers.Dense(8, activation="tanh"),
                               layers.Dropout(0.2), layers.Dense(1)])
    options = {"adam": {"amsgrad": True}, "sgd": {"momentum": 0.9, "use_ema": True}}[kind]
    if kind == "sgd":
        options["gradient_accumulation_steps"] = 3
    model.compile(dlcore.optimizers.get({"class_name": kind.upper() if kind == "sgd" else "Adam", "config": {"learning_rate": 0.01, **options}}),
                  noise, metrics=["mae"])

    class Killer(callbacks.Callback):
        seen = 0
        def on_train_batch_end(self, batch, logs=None):
            Killer.seen += 1
            if Killer.seen == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    class Drawing:
        '''Batches with noise from the global generators.'''
        def __len__(self):
            return 7
        def __iter__(self):
            for i in range(7):
                shift = random.random() - 0.5 + np.random.normal() * 0.1
                yield x[10 * i : 10 * i + 10] + np.float32(shift), y[10 * i : 10 * i + 10]

    back = callbacks.BackupAndRestore(folder, save_freq=save_freq if save_freq == "epoch" else int(save_freq), double_checkpoint=kind == "sgd")
    plateau = callbacks.ReduceLROnPlateau("loss", factor=0.7, patience=1, min_delta=0.05, cooldown=1)
    stop = callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True)
    slower = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
    history = callbacks.History()
    data = {"x": Drawing()} if kind == "sgd" else {"x": x, "y": y, "batch_size": 10}
    if save_freq == "4":
        data |= {"steps_per_epoch": 5}
    model.fit(**data, epochs=9, verbose=0, validation_data=(x[:20], y[:20]), callbacks=[back, plateau, stop, slower, history, Killer()])
    assert not os.path.exists(folder)
    np.savez(out, *model.get_weights(), *[np.array(v) for v in model.optimizer.variables], *[np.array(v) for v in model.variables],
             loss=history.history["loss"][-1], mae=history.history["mae"][-1], rate=history.history["learning_rate"][-1],
             epoch=history.epoch[-1], after=dlcore.random.uniform((3,)), wait=stop.wait, best=stop.best)
""")


def run(tmp_path, name, kill_at, save_freq, kind):
    folder, out = tmp_path / f"backup_{name}", tmp_path / f"{name}.npz"
    return folder, out, subprocess.run([sys.executable, "-c", SCRIPT, folder, out, str(kill_at), str(save_freq), kind], capture_output=True, text=True)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
@pytest.mark.parametrize("save_freq", ["epoch", 1, 4, 7])
def test_killed_and_resumed(kind, save_freq, tmp_path):
    _, expected, done = run(tmp_path, "whole", 0, save_freq, kind)
    assert done.returncode == 0, done.stderr
    expected = np.load(expected)
    deaths = (12, 9) if save_freq == 4 else (17, 16)
    for kill_at in deaths:                      # dies twice, then comes to the end
        folder, out, done = run(tmp_path, "parts", kill_at, save_freq, kind)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert (folder / "latest.weights.h5").exists()
    folder, out, done = run(tmp_path, "parts", 0, save_freq, kind)
    assert done.returncode == 0, done.stderr
    found = np.load(out)
    assert sorted(found) == sorted(expected)
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key], err_msg=key)


# ---------------------------------------------------------------------------------------------------------- in one process


class StoppedError(Exception):
    pass


class Interrupt(callbacks.Callback):
    def __init__(self, epoch):
        self.at = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.at:
            raise StoppedError


def model_and_data(units=3):
    model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(units), layers.Dense(1)])
    model.compile("adam", "mse")
    return model, np.ones((20, 4)), np.ones((20, 1))


def interrupted(folder, epoch=3, **options):
    model, x, y = model_and_data()
    with pytest.raises(StoppedError):
        model.fit(x, y, epochs=6, verbose=0, callbacks=[callbacks.BackupAndRestore(folder, **options), Interrupt(epoch)])
    return model


def test_epochs_that_are_left(tmp_path):
    interrupted(tmp_path / "b")
    model, x, y = model_and_data()
    history = model.fit(x, y, epochs=6, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path / "b", delete_checkpoint=False)])
    assert history.epoch == [3, 4, 5] and int(model.optimizer.iterations) == 6
    weights = model.get_weights()
    again, x, y = model_and_data()
    history = again.fit(x, y, epochs=6, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path / "b")])
    assert history.epoch == []                                     # the training had ended
    for a, b in zip(weights, again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not (tmp_path / "b").exists()


def test_the_backup_is_a_file_of_weights(tmp_path):
    model = interrupted(tmp_path)
    other, _, _ = model_and_data()
    with pytest.warns(UserWarning, match="Skipping variable loading"):
        other.load_weights(tmp_path / "latest.weights.h5")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_damaged_backup(tmp_path):
    interrupted(tmp_path, double_checkpoint=True)
    latest = tmp_path / "latest.weights.h5"
    latest.write_bytes(latest.read_bytes()[:2000])
    model, x, y = model_and_data()
    with pytest.warns(UserWarning, match=r"Cannot read .*latest.weights.h5.*Going back to the backup before it"):
        history = model.fit(x, y, epochs=6, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path, double_checkpoint=True)])
    assert history.epoch == [2, 3, 4, 5]
    assert not tmp_path.exists()

    interrupted(tmp_path)
    latest.write_bytes(b"")
    before = model.get_weights()
    with pytest.raises(OSError, match=r"Cannot read .*latest.weights.h5"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_backup_of_something_else(tmp_path):
    interrupted(tmp_path)
    model, x, y = model_and_data(units=5)
    with pytest.raises(ValueError, match=r"latest.weights.h5: 3 object\(s\) could not be loaded"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    model.save_weights(tmp_path / "latest.weights.h5")
    with pytest.raises(ValueError, match="is no backup of a training"):
        model.fit(x, y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])


def test_files_of_others_stay(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".latest.weights.h5.0123.part").write_text("half")
    model, x, y = model_and_data()
    model.fit(x, y, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_arguments(tmp_path):
    with pytest.raises(ValueError, match="`backup_dir` must be the path of a folder"):
        callbacks.BackupAndRestore("")
    for freq in ("batch", 0, -1, False, 1.5):
        with pytest.raises(ValueError, match="`save_freq` must be 'epoch' or a positive number of batches"):
            callbacks.BackupAndRestore(tmp_path, save_freq=freq)
    model = dlcore.Sequential([layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="needs a model that is built"):
        model.fit(np.ones((2, 2)), np.ones((2, 2)), verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path)])


def test_batches_cost_nothing_when_epochs_are_saved(tmp_path):
    assert not callbacks.CallbackList([callbacks.BackupAndRestore(tmp_path)]).has_train_batch_hooks
    assert callbacks.CallbackList([callbacks.BackupAndRestore(tmp_path, save_freq=3)]).has_train_batch_hooks


def test_position_of_arrays():
    """Whatever the number of steps in an epoch, data that goes on is the data that would have come."""
    from dlcore.data import ArrayBatches

    x = np.arange(23, dtype="float32")[:, None]
    for steps in (None, 2, 3, 5):
        for shuffle in (True, "batch", False):
            dlcore.utils.set_random_seed(1)
            source = ArrayBatches(x, batch_size=5, shuffle=shuffle, steps=steps)
            marks, epochs = [], []
            for _ in range(6):
                marks.append((source.position(False), np.array(dlcore.random.global_seed_generator().state)))
                epochs.append([b[0].numpy().ravel().tolist() for b in source.epoch()])
                assert source.position(True)[2] == (marks[-1][0] or [0, 0, 0])[2]
            for i, (position, seed) in enumerate(marks):
                json.dumps(position)
                source = ArrayBatches(x, batch_size=5, shuffle=shuffle, steps=steps)
                dlcore.random.global_seed_generator().state.assign(seed)
                if position is not None:
                    source.resume(position)
                for j in range(i, 6):
                    assert [b[0].numpy().ravel().tolist() for b in source.epoch()] == epochs[j]


@pytest.mark.parametrize("steps", [None, 2, 4])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("end", [True, False])
def test_shuffled_batches_of_a_py_dataset(end, workers, steps, tmp_path):
    """The rest of an epoch has the batches that the interrupted one had not."""
    if not end and steps is None:
        steps = 7

    class Batches(dlcore.utils.PyDataset):
        num_batches = 7 if end else None

        def __getitem__(self, i):
            return np.full((2, 4), i, "float32"), np.full((2, 1), i % 3, "float32")

    class Stop(callbacks.Callback):
        def __init__(self, at):
            self.at = at

        def on_train_batch_end(self, batch, logs=None):
            self.at -= 1
            if self.at == 0:
                raise StoppedError

    def train(folder, *more):
        random.seed(3)
        dlcore.utils.set_random_seed(0)
        model = model_and_data()[0]
        model.fit(Batches(workers=workers), epochs=5, steps_per_epoch=steps, verbose=0, callbacks=[callbacks.BackupAndRestore(folder, save_freq=1), *more])
        return model.get_weights()

    expected = train(tmp_path / "whole")
    for at in (3, 5, 8, 9):
        with pytest.raises(StoppedError):
            train(tmp_path / "b", Stop(at))
        for found, whole in zip(train(tmp_path / "b"), expected, strict=True):
            np.testing.assert_array_equal(found, whole)


def test_generators_of_python_and_numpy(tmp_path):
    random.seed(3)
    np.random.seed(4)
    interrupted(tmp_path)
    expected = random.random(), np.random.normal()
    random.seed(5)
    np.random.seed(6)
    model, x, y = model_and_data()

    class Look(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if not hasattr(self, "found"):
                self.found = random.random(), np.random.normal()

    look = Look()
    model.fit(x, y, epochs=6, verbose=0, callbacks=[callbacks.BackupAndRestore(tmp_path), look])
    assert look.found == expected


def test_model_can_be_copied_within_fit(tmp_path):
    import copy

    model, x, y = model_and_data()
    copies = []
    model.fit(x, y, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: copies.append(copy.deepcopy(model)))])
    assert copies and model._source is None
    assert not os.listdir(tmp_path)
