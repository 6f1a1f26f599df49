import numpy as np
import pytest

from dlcore import ops
from dlcore.callbacks import Callback, CallbackList, EarlyStopping, History, LambdaCallback, ProgbarLogger
from dlcore.callbacks.base import overrides, pythonify_logs


class Metric:
    def __init__(self, name, direction=None):
        self.name = name
        if direction:
            self._direction = direction


class Container:
    name = "compile_metrics"

    def __init__(self, *metrics):
        self.metrics = metrics


class FakeModel:
    """What callbacks see of a model; `run` is a training whose logs are given."""

    def __init__(self, *metrics):
        self.metrics = [Metric("loss"), Container(*metrics)]
        self.stop_training = False
        self.weights = None

    def get_weights(self):
        return [np.array(self.weights)]

    def set_weights(self, weights):
        self.weights = float(weights[0])

    def run(self, callbacks, logs):
        callbacks = CallbackList(callbacks, add_history=True, model=self, verbose=0, epochs=len(logs), steps=1)
        callbacks.on_train_begin()
        for epoch, values in enumerate(logs):
            callbacks.on_epoch_begin(epoch)
            self.weights = float(epoch)
            callbacks.on_epoch_end(epoch, values)
            if self.stop_training:
                break
        callbacks.on_train_end()
        return self.history


def stops(values, model=None, name="val_loss", **kwargs):
    """The number of epochs run, and the epoch whose weights are left."""
    model = model or FakeModel()
    callback = EarlyStopping(monitor=name, **kwargs)
    history = model.run(callback, [{name: value} for value in values])
    return len(history.epoch), model.weights, callback


HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


class Recorder(Callback):
    """Overrides every hook."""

    def __init__(self):
        super().__init__()
        self.calls = []


for _hook in HOOKS:
    setattr(Recorder, _hook, lambda self, *args, _hook=_hook, **kwargs: self.calls.append((_hook, *args)))


def test_every_hook_is_called():
    recorder = Recorder()
    callbacks = CallbackList(recorder, model=FakeModel(), verbose=0, epochs=1, steps=2)
    for hook in HOOKS:
        index = (3,) if "batch" in hook or "epoch" in hook else ()
        getattr(callbacks, hook)(*index, {"loss": np.float32(0.5)})
    assert recorder.calls == [(h, *((3,) if "batch" in h or "epoch" in h else ()), {"loss": 0.5}) for h in HOOKS]
    assert recorder.params == {"verbose": 0, "epochs": 1, "steps": 2}
    assert isinstance(recorder.model, FakeModel)


class OldStyle(Callback):
    def __init__(self):  # no super().__init__() on purpose
        self.batches = []

    def on_batch_end(self, batch, logs=None):
        self.batches.append(batch)


def test_which_batch_hooks_are_wanted():
    def flags(*callbacks):
        c = CallbackList(list(callbacks), add_history=True, add_progbar=True)
        return c.has_train_batch_hooks, c.has_test_batch_hooks, c.has_predict_batch_hooks

    assert flags() == (False, False, False)
    assert flags(EarlyStopping(), LambdaCallback(on_epoch_end=print)) == (False, False, False)
    assert flags(LambdaCallback(on_train_batch_end=print)) == (True, False, False)
    assert flags(LambdaCallback(on_predict_batch_begin=print)) == (False, False, True)
    assert flags(OldStyle()) == (True, False, False)
    assert flags(Recorder()) == (True, True, True)


def test_old_batch_hooks_and_a_missing_super_call():
    callback = OldStyle()
    assert callback.model is None
    CallbackList([callback], model=FakeModel()).on_train_batch_end(4, {})
    assert callback.batches == [4]


def test_objects_that_only_look_like_callbacks():
    class Duck:
        def set_model(self, model):
            self.model = model

        def set_params(self, params):
            pass

        def on_epoch_end(self, epoch, logs=None):
            self.epoch = epoch

    duck = Duck()
    assert overrides(duck, "on_epoch_end") and not overrides(duck, "on_train_batch_end")
    FakeModel().run(duck, [{"loss": 1.0}])
    assert duck.epoch == 0


@pytest.mark.parametrize("wrong", [EarlyStopping, [None], [History(), 3], "EarlyStopping"])
def test_wrong_callbacks(wrong):
    with pytest.raises(TypeError, match="`callbacks` expected"):
        CallbackList(wrong)


def test_default_callbacks_are_added_once_and_last():
    history, early = History(), EarlyStopping()
    callbacks = CallbackList([[early], history], add_history=True, add_progbar=True, model=FakeModel())
    assert callbacks.callbacks[:2] == [early, history] and len(callbacks.callbacks) == 3
    assert callbacks.model.history is history
    added = CallbackList(early, add_history=True, add_progbar=True)
    assert [type(c) for c in added.callbacks] == [EarlyStopping, History, ProgbarLogger]


def test_append():
    callbacks = CallbackList()
    callbacks.append(OldStyle())
    assert callbacks.has_train_batch_hooks


def test_logs():
    logs = {"loss": np.float32(0.5), "outputs": np.zeros((2, 3)), "compile_metrics": {"acc": np.array(1.0)}}
    flat = pythonify_logs(logs)
    assert list(flat) == ["acc", "loss", "outputs"]
    assert type(flat["loss"]) is float and flat["outputs"].shape == (2, 3)
    assert pythonify_logs(None) == {}
    vector = pythonify_logs({"f1": ops.convert_to_tensor([0.5, 1.0])})["f1"]
    assert type(vector) is np.ndarray and vector.tolist() == [0.5, 1.0]


def test_history():
    history = FakeModel().run(None, [{"loss": 1.0, "acc": 0.1}, {"loss": 0.5, "acc": 0.2}])
    assert history.history == {"acc": [0.1, 0.2], "loss": [1.0, 0.5]}
    assert history.epoch == [0, 1]


def test_a_callback_may_add_to_the_logs():
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(learning_rate=0.1))
    assert FakeModel().run(add, [{"loss": 1.0}]).history == {"loss": [1.0], "learning_rate": [0.1]}


def test_lambda_callback_takes_any_hook():
    seen = []
    callback = LambdaCallback(on_test_end=seen.append, note=3)
    CallbackList(callback).on_test_end({"loss": 1.0})
    assert seen == [{"loss": 1.0}] and callback.note == 3


class TestEarlyStopping:
    def test_patience(self):
        assert stops([1.0, 0.5, 0.6, 0.7, 0.8], patience=2)[0] == 4
        assert stops([1.0, 0.5, 0.6, 0.4, 0.5, 0.6, 0.7], patience=2)[0] == 6

    def test_never_stops_at_the_first_epoch(self):
        assert stops([float("nan"), 1.0, 2.0], patience=0)[0] >= 2

    def test_min_delta(self):
        assert stops([1.0, 0.95, 0.9, 0.85], patience=1, min_delta=0.2)[0] == 2
        assert stops([1.0, 0.7, 0.4, 0.1], patience=1, min_delta=-0.2)[0] == 4

    def test_direction_of_the_metric(self):
        model = FakeModel(Metric("accuracy", "up"))
        assert stops([0.1, 0.2, 0.3], model, "val_accuracy")[0] == 3
        assert stops([0.3, 0.2, 0.1], FakeModel(Metric("mae", "down")), "mae")[0] == 3
        assert stops([0.1, 0.2, 0.3], FakeModel(Metric("accuracy", "up")), "val_accuracy", mode="min")[0] == 2
        assert stops([0.1, 0.2, 0.3], name="anything", mode="max")[0] == 3

    def test_unknown_monitor_lists_what_exists(self):
        with pytest.raises(ValueError, match=r"monitor='val_acc'.*'loss', 'accuracy'"):
            stops([0.1], FakeModel(Metric("accuracy", "up")), "val_acc")

    def test_missing_value_is_a_warning(self):
        with pytest.warns(UserWarning, match="`val_loss` which is not available. Available metrics are: loss"):
            FakeModel().run(EarlyStopping(), [{"loss": 1.0}])

    def test_unknown_mode_is_a_warning(self):
        with pytest.warns(UserWarning, match="mode 'maximum' is unknown"):
            assert EarlyStopping(mode="maximum").mode == "auto"

    def test_restores_the_best_weights_when_it_stops(self):
        epochs, weights, callback = stops([1.0, 0.5, 0.6, 0.7], patience=2, restore_best_weights=True)
        assert (epochs, weights, callback.best_epoch, callback.stopped_epoch) == (4, 1.0, 1, 3)

    def test_restores_the_best_weights_when_it_does_not_stop(self):
        assert stops([1.0, 0.5, 0.6], patience=9, restore_best_weights=True)[:2] == (3, 1.0)
        assert stops([1.0, 0.5, 0.6], patience=9)[:2] == (3, 2.0)

    def test_baseline(self):
        assert stops([0.9, 0.8, 0.7, 0.6], patience=2, baseline=0.5)[0] == 4
        assert stops([0.9, 0.9, 0.9, 0.6], patience=2, baseline=0.5)[0] == 2
        assert stops([0.9, 0.4, 0.45, 0.5, 0.6], patience=2, baseline=0.5)[0] == 4
        assert stops([0.9, 0.8, 0.85], patience=2, baseline=0.5, restore_best_weights=True)[:2] == (3, 1.0)

    def test_start_from_epoch(self):
        assert stops([0.1, 1.0, 0.9, 0.8, 0.9], patience=1, start_from_epoch=1)[0] == 5

    def test_can_be_used_twice(self):
        callback = EarlyStopping(monitor="loss", patience=1)
        for _ in range(2):
            assert len(FakeModel().run(callback, [{"loss": v} for v in (1.0, 2.0, 3.0)]).epoch) == 2

    def test_verbose(self, capsys):
        stops([1.0, 2.0, 3.0], patience=1, verbose=1, restore_best_weights=True)
        assert capsys.readouterr().out == "Epoch 2: early stopping\nRestoring model weights from the end of the best epoch: 1.\n"
