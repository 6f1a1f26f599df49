"""Callbacks that write something: scripted trainings beside Keras' recorded ones, files, servers, TensorBoard."""

import json
import pathlib
import types

import numpy as np
import pytest
from golden import record_callbacks as recorder

import dlcore
from dlcore import callbacks, layers, optimizers

CASES = json.loads(str(np.load(pathlib.Path(__file__).parent / "golden" / "callbacks.npz")["cases"]))


def make(optimizer="sgd", **options):
    model = dlcore.Sequential([dlcore.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse", **options)
    rng = np.random.default_rng(0)
    return model, rng.normal(size=(20, 3)), rng.normal(size=(20, 1))


def fit(callback, epochs=2, optimizer="sgd", validate=True, **options):
    model, x, y = make(optimizer, **options)
    validation = {"validation_data": (x[:8], y[:8])} if validate else {}
    history = model.fit(x, y, batch_size=5, epochs=epochs, verbose=0, callbacks=callback, **validation)
    return model, history


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", recorder.KINDS)
def test_scripted_trainings(kind, tmp_path):
    for seed in recorder.SEEDS:
        folder = tmp_path / str(seed)
        folder.mkdir()
        assert str(recorder.play(dlcore, kind, seed, str(folder))) == str(CASES[f"{kind} {seed}"]), seed


@pytest.mark.parametrize("callback", [
    callbacks.ReduceLROnPlateau(), callbacks.LearningRateScheduler(abs), callbacks.CSVLogger("x"), callbacks.ModelCheckpoint("x.weights.h5", save_weights_only=True),
    callbacks.RemoteMonitor(), callbacks.EarlyStopping(),
], ids=lambda c: type(c).__name__)  # fmt: skip
def test_batches_cost_nothing(callback):
    found = callbacks.CallbackList([callback])
    assert not found.has_train_batch_hooks and not found.has_test_batch_hooks and not found.has_predict_batch_hooks


# ------------------------------------------------------------------------------------------------------- learning rates


def test_learning_rates_that_are_refused():
    with pytest.raises(ValueError, match=r"should be a float. Got: fast"):
        fit(callbacks.LearningRateScheduler(lambda epoch, rate: "fast"))
    with pytest.raises(ValueError, match=r"factor >= 1.0. Received factor=1.5"):
        callbacks.ReduceLROnPlateau(factor=1.5)
    with pytest.raises(ValueError, match=r"arguments not recognized: {'epsilon': 1}"):
        callbacks.ReduceLROnPlateau(epsilon=1)
    with pytest.raises(TypeError, match="not settable"):
        fit(callbacks.LearningRateScheduler(lambda epoch, rate: 0.1), optimizer=optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)))


def test_learning_rates_are_told(capsys):
    fit(callbacks.LearningRateScheduler(lambda epoch, rate: 0.5, verbose=1), epochs=1)
    assert "Epoch 1: LearningRateScheduler sets the learning rate to 0.5." in capsys.readouterr().out
    fit(callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=1e9, verbose=1))
    assert "Epoch 2: ReduceLROnPlateau reduces the learning rate to 0.00" in capsys.readouterr().out


def test_monitor_that_is_not_there():
    with pytest.warns(UserWarning, match="ReduceLROnPlateau conditioned on metric `val_loss` which is not available"):
        fit(callbacks.ReduceLROnPlateau(), validate=False)
    with pytest.raises(ValueError, match="monitor='typo'"):
        fit(callbacks.ReduceLROnPlateau("typo"))


# ------------------------------------------------------------------------------------------------------ ModelCheckpoint


def test_checkpoint_holds_the_best_weights(tmp_path):
    path = tmp_path / "deep" / "er" / "best.weights.h5"
    best = callbacks.ModelCheckpoint(path, save_weights_only=True, save_best_only=True)
    kept = []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            kept.append((logs["val_loss"], self.model.get_weights()))

    fit([best, Look()], epochs=6, optimizer=optimizers.SGD(0.8))
    model, _, _ = make()
    model.load_weights(path)
    for a, b in zip(model.get_weights(), min(kept, key=lambda item: item[0])[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_checkpoint_refuses(tmp_path):
    with pytest.raises(ValueError, match=r"save_freq: batch. Expected 'epoch' or a positive number"):
        callbacks.ModelCheckpoint("m.weights.h5", save_weights_only=True, save_freq="batch")
    with pytest.raises(ValueError, match=r"must end in `.weights.h5`. Received: filepath=m.keras"):
        callbacks.ModelCheckpoint("m.keras", save_weights_only=True)
    with pytest.raises(ValueError, match=r"must end in `.keras`. Received: filepath=m.txt"):
        callbacks.ModelCheckpoint("m.txt")
    with pytest.raises(KeyError, match=r"Failed to fill in the filepath .*there is no 'nothing', only \['epoch', 'loss', 'val_loss'\]"):
        fit(callbacks.ModelCheckpoint(tmp_path / "{nothing}.weights.h5", save_weights_only=True))
    (tmp_path / "d.weights.h5").mkdir()
    with pytest.raises(OSError, match="Please specify a non-directory filepath"):
        fit(callbacks.ModelCheckpoint(tmp_path / "d.weights.h5", save_weights_only=True))
    with pytest.warns(UserWarning, match="Can save best model only with val_loss available"):
        fit(callbacks.ModelCheckpoint(tmp_path / "m.weights.h5", save_weights_only=True, save_best_only=True), validate=False)


@pytest.mark.skipif(hasattr(dlcore.Model, "save"), reason="whole models can be saved")
def test_checkpoint_of_a_whole_model():
    with pytest.raises(ValueError, match=r"Pass save_weights_only=True .*Received: filepath=m.keras"):
        callbacks.ModelCheckpoint("m.keras")


def test_checkpoint_tells(tmp_path, capsys):
    fit(callbacks.ModelCheckpoint(tmp_path / "m.weights.h5", save_weights_only=True, save_best_only=True, verbose=1, initial_value_threshold=1e9), epochs=1)
    assert "Epoch 1: val_loss improved from 1000000000.00000 to " in capsys.readouterr().out
    fit(callbacks.ModelCheckpoint(tmp_path / "m.weights.h5", save_weights_only=True, save_best_only=True, verbose=1, initial_value_threshold=0.0), epochs=1)
    assert "Epoch 1: val_loss did not improve from 0.00000" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------------------ the others


def test_table_is_written_at_once(tmp_path):
    path, sizes = tmp_path / "log.csv", []

    class Look(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            sizes.append(len(path.read_text().splitlines()))

    fit([callbacks.CSVLogger(path), Look()], epochs=3)
    assert sizes == [2, 3, 4]
    logger = callbacks.CSVLogger(path)
    logger.on_train_begin()
    logger.on_epoch_end(0, {"curve": np.array([1, 2]), "text": "a", "zero": np.array(3.0)})
    logger.on_train_end()
    assert path.read_text().splitlines()[1] == '0,"""[1, 2]""",a,3.0,NA,NA,NA'


def test_nan_as_an_error():
    model, x, y = make()
    y[7] = np.nan
    ended = []
    end = callbacks.LambdaCallback(on_train_end=lambda logs: ended.append(1))
    with pytest.raises(RuntimeError, match="NaN or infinite loss at batch 1: nan"):
        model.fit(x, y, batch_size=5, shuffle=False, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True), end])
    assert not ended


def test_swapping_averages():
    model, x, y = make(optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    model.fit(x, y, epochs=1, verbose=0)
    model.fit(x, y, epochs=2, verbose=0, callbacks=[callbacks.LambdaCallback(on_train_end=lambda logs: None)])
    for v in model.trainable_variables:
        v.assign(v.numpy() * 0)
    zero = model.predict(x, verbose=0)
    averaged = model.predict(x, verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    assert not zero.any() and averaged.any()
    assert not model.predict(x, verbose=0).any()                        # they are back
    assert model.evaluate(x, y, verbose=0) != model.evaluate(x, y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])
    with pytest.raises(ValueError, match="needs an optimizer with `use_ema=True`"):
        fit(callbacks.SwapEMAWeights())
    model, x, y = make(optimizers.SGD(use_ema=True))
    with pytest.raises(ValueError, match="has no averages yet"):
        model.evaluate(x, y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])


@pytest.fixture
def requests(monkeypatch):
    """A stand-in for the package."""
    sent = []
    module = types.ModuleType("requests")
    module.exceptions = types.SimpleNamespace(RequestException=OSError)
    module.post = lambda url, **kwargs: sent.append((url, kwargs))
    module.sent = sent
    monkeypatch.setitem(__import__("sys").modules, "requests", module)
    return module


def test_remote_monitor(requests):
    monitor = callbacks.RemoteMonitor(root="http://here", headers={"a": "b"})
    monitor.on_train_begin()
    monitor.on_epoch_end(1, {"loss": np.float32(0.5), "count": np.array(2)})
    monitor.send_as_json, monitor.path = True, "/x"
    monitor.on_epoch_end(2, {"loss": 0.25})
    assert requests.sent == [
        ("http://here/publish/epoch/end/", {"headers": {"a": "b"}, "data": {"data": json.dumps({"epoch": 1, "loss": 0.5, "count": 2})}}),
        ("http://here/x", {"headers": {"a": "b"}, "json": {"epoch": 2, "loss": 0.25}}),
    ]

    def fail(*args, **kwargs):
        raise OSError

    requests.post = fail
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://here"):
        monitor.on_epoch_end(3, {})


def test_packages_that_are_not_installed(monkeypatch):
    modules = __import__("sys").modules
    monkeypatch.setitem(modules, "requests", None)
    with pytest.raises(ImportError, match=r"pip install dlcore\[remote\]"):
        fit(callbacks.RemoteMonitor())
    monkeypatch.setitem(modules, "tensorboard.summary.writer", None)
    with pytest.raises(ImportError, match=r"pip install dlcore\[tensorboard\]"):
        callbacks.TensorBoard()


# ----------------------------------------------------------------------------------------------------------- TensorBoard


@pytest.fixture
def events():
    """Reads a folder: dict from tag to list of (step, value)."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from tensorboard.util.tensor_util import make_ndarray

    def read(folder):
        found = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
        found.Reload()
        plugins = {tag: found.SummaryMetadata(tag).plugin_data.plugin_name for tag in found.Tags()["tensors"]}
        return {tag: [(e.step, make_ndarray(e.tensor_proto)) for e in found.Tensors(tag)] for tag in plugins}, plugins

    return read


def test_tensorboard_of_epochs(tmp_path, events):
    board = callbacks.TensorBoard(tmp_path, write_steps_per_second=True)
    assert not callbacks.CallbackList([board]).has_train_batch_hooks
    _, history = fit(board, epochs=3, metrics=["mae"])
    train, plugins = events(tmp_path / "train")
    assert sorted(train) == ["epoch_learning_rate", "epoch_loss", "epoch_mae", "epoch_steps_per_second"]
    assert set(plugins.values()) == {"scalars"}
    for tag, name in (("epoch_loss", "loss"), ("epoch_mae", "mae")):
        assert [(step, float(value)) for step, value in train[tag]] == list(enumerate(history.history[name]))
    validation, _ = events(tmp_path / "validation")
    assert sorted(validation) == ["epoch_loss", "epoch_mae", "evaluation_loss_vs_iterations", "evaluation_mae_vs_iterations"]
    assert [(step, float(value)) for step, value in validation["epoch_loss"]] == list(enumerate(history.history["val_loss"]))
    assert [step for step, _ in validation["evaluation_loss_vs_iterations"]] == [4, 8, 12]
    assert all(value > 0 for _, value in train["epoch_steps_per_second"])


def test_tensorboard_of_batches(tmp_path, events):
    fit(callbacks.TensorBoard(tmp_path, update_freq=3, write_steps_per_second=True), epochs=2, validate=False)
    train, _ = events(tmp_path / "train")
    assert [step for step, _ in train["batch_loss"]] == [3, 6] == [step for step, _ in train["batch_steps_per_second"]]
    assert [step for step, _ in train["epoch_loss"]] == [0, 1]
    assert not (tmp_path / "validation").exists()
    fit(callbacks.TensorBoard(tmp_path / "each", update_freq="batch"), epochs=1)
    assert [step for step, _ in events(tmp_path / "each" / "train")[0]["batch_loss"]] == [1, 2, 3, 4]


def test_tensorboard_of_weights(tmp_path, events):
    model, _ = fit(callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True), epochs=3)
    found, plugins = events(tmp_path / "train")
    for v in model.weights:
        (step, first), (last, table) = found[f"{v.path}/histogram"]
        assert (step, last) == (0, 2) and first.shape == table.shape == (30, 3)
        assert table[:, 2].sum() == v.numpy().size
        assert table[0, 0] == v.numpy().min() and table[-1, 1] == v.numpy().max()
        if v.numpy().size == 1:
            continue                                # no picture of a single number
        width, height, png = found[f"{v.path}/image"][1][1][:3]
        assert png.startswith(b"\x89PNG") and {int(width), int(height)} == {1 if v.numpy().ndim == 1 else min(v.shape), max(v.shape)}
    assert set(plugins.values()) == {"scalars", "histograms", "images"}


def test_images_are_png_files():
    image = pytest.importorskip("PIL.Image", reason="needs Pillow")
    import io

    from dlcore.callbacks.tensorboard import _as_images, _png

    x = np.arange(6, dtype=np.uint8).reshape(2, 3, 1) * 40
    np.testing.assert_array_equal(np.asarray(image.open(io.BytesIO(_png(x)))), x[:, :, 0])
    assert _as_images(np.zeros((5, 2))).shape == (1, 2, 5, 1)
    assert _as_images(np.zeros((5, 2, 7))).shape == (7, 5, 2, 1)
    assert _as_images(np.zeros((2, 2, 2, 2))) is None


def test_tensorboard_refuses():
    pytest.importorskip("tensorboard")
    with pytest.raises(ValueError, match=r"profile_batch=5 \(must be 0\)"):
        callbacks.TensorBoard(profile_batch=5)
    with pytest.raises(ValueError, match="embeddings_freq=1"):
        callbacks.TensorBoard(embeddings_freq=1)
    with pytest.raises(ValueError, match="Received: update_freq=0"):
        callbacks.TensorBoard(update_freq=0)


@pytest.mark.filterwarnings("ignore")
def test_histogram_of_weights_that_are_not_numbers(tmp_path, events):
    pytest.importorskip("tensorboard")
    from dlcore.callbacks.tensorboard import _Writer

    writer = _Writer(str(tmp_path))
    writer.histogram("some", np.array([np.nan, 1.0, 2.0, np.inf]), 0)
    writer.histogram("same", np.full(4, 2.0), 0)
    writer.histogram("none", np.array([np.nan]), 0)
    writer.close()
    found, _ = events(tmp_path)
    assert found["some"][0][1][:, 2].sum() == 2
    assert found["same"][0][1][-1].tolist() == [2, 2, 4]
    assert found["none"][0][1].size == 0
