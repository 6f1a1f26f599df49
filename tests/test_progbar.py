import contextlib
import io
import logging
import re
import subprocess
import sys
import time

import pytest

from dlcore import config
from dlcore.callbacks import Callback, CallbackList, progbar_logger
from dlcore.callbacks.progbar_logger import NEVER
from dlcore.utils import Progbar

BAR = "━" * 20


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard output a terminal of 60 characters."""
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)

    @contextlib.contextmanager
    def on_terminal():
        with contextlib.redirect_stdout(Terminal()) as out:
            yield out

    return on_terminal


class Model:
    metrics = ()
    asked = 0

    def get_metrics_result(self):
        self.asked += 1
        return {"loss": 0.5}


def loop(callbacks, steps, seconds=0.0):
    """The trainer's side of the contract. Returns how often it called `tick`."""
    due, calls = callbacks.next_tick, 0
    for step in range(1, steps + 1):
        if seconds:
            time.sleep(seconds)
        if step >= due:
            due, calls = callbacks.tick(step), calls + 1
    callbacks.tick(steps)
    return calls


def fit(steps=5, epochs=2, verbose=1, target=True, seconds=0.0, model=None, callbacks=None):
    model = model or Model()
    every = CallbackList(callbacks, True, verbose != 0, model, verbose=verbose, epochs=epochs, steps=steps if target else None)
    calls = 0
    every.on_train_begin()
    for epoch in range(epochs):
        every.on_epoch_begin(epoch)
        calls += loop(every, steps, seconds)
        every.on_test_begin()
        assert every.next_tick == NEVER
        every.tick(3)
        every.on_test_end({"loss": 9.0})
        every.on_epoch_end(epoch, {"loss": 0.25, "val_loss": 1e-5})
    every.on_train_end()
    return calls


def plain(text):
    return re.sub(r" \d+(s|ms|us)/step", " T/step", re.sub(r" \d+s ", " 0s ", text))


def test_one_line_an_epoch_where_it_is_kept(capsys):
    fit()
    line = f"5/5 {BAR} 0s T/step - loss: 0.2500 - val_loss: 1.0000e-05\n"
    assert plain(capsys.readouterr().out) == f"Epoch 1/2\n{line}Epoch 2/2\n{line}"


def test_one_epoch_has_no_heading(capsys):
    fit(epochs=1)
    assert "Epoch" not in capsys.readouterr().out


def test_verbose_2_and_0(capsys):
    fit(epochs=1, verbose=2)
    assert plain(capsys.readouterr().out) == "5/5 - 0s - T/step - loss: 0.2500 - val_loss: 1.0000e-05\n"
    fit(verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", [1, 2])
def test_unknown_number_of_steps(capsys, verbose):
    fit(epochs=2, verbose=verbose, target=False)
    assert capsys.readouterr().out.count("5/5 ") == 2


def test_no_codes_where_it_is_kept():
    code = "from dlcore.utils import Progbar; b = Progbar(3, interval=0); [b.update(i, [('loss', 1.0)]) for i in (1, 2, 3)]"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert out.count(b"\n") == 1 and b"\r" not in out and b"\x1b" not in out


def test_ascii_output(monkeypatch):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
    Progbar(1).update(1)
    assert b"1/1 ====================" in raw.getvalue()


def test_terminal_draws_over(terminal, monkeypatch):
    monkeypatch.setattr(progbar_logger, "INTERVAL", 0.0)
    with terminal() as out:
        fit(steps=8, epochs=1, seconds=0.002)
    drawings = out.getvalue().split("\r")
    assert drawings[0] == "" and len(drawings) > 4
    assert drawings[-1].endswith("\n") and not any("\n" in d for d in drawings[:-1])
    assert "\x1b[32m" in drawings[-1] and "val_loss: 1.0000e-05" in drawings[-1]
    assert not re.search(r"\x1b\[[^m]*[A-Za-ln-z]", out.getvalue()), "colours only, no cursor movement"


def test_a_long_line_is_cut_until_the_last(terminal):
    with terminal() as out:
        bar = Progbar(2, interval=0, stateless_metrics=())
        values = [(f"a_rather_long_name_{i}", 0.5) for i in range(5)]
        bar.update(1, values)
        assert len(re.sub(r"\x1b\[\d*m", "", out.getvalue()).strip("\r")) == 59
        bar.update(2, values)
    assert "a_rather_long_name_4: 0.5000" in out.getvalue()


def test_what_was_longer_before_is_wiped(terminal):
    with terminal() as out:
        bar = Progbar(2, interval=0, stateless_metrics=())
        bar.update(1, [("loss", 1e-9)])
        bar.update(2, [("loss", 1.0)])
    lines = [re.sub(r"\x1b\[\d*m", "", d).strip("\n") for d in out.getvalue().split("\r")[1:]]
    assert len(lines[1]) >= len(lines[0])


def test_no_color(terminal, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    with terminal() as out:
        Progbar(1).update(1)
    assert "\x1b[3" not in out.getvalue()


def test_dumb_terminal(terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    with terminal() as out:
        Progbar(1).update(1)
    assert "\r" not in out.getvalue() and "\x1b" not in out.getvalue()


def test_logging_instead(caplog, capsys):
    config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, "dlcore"):
            fit(epochs=1)
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == "" and "5/5" in caplog.text


def test_averages_and_states():
    bar = Progbar(4, verbose=0, stateful_metrics=["best"])
    bar.update(1, [("loss", 1.0), ("best", 1.0)])
    bar.update(3, [("loss", 4.0), ("best", 3.0)])
    assert bar._values == {"loss": (9.0, 3), "best": (3.0, 1)}
    with pytest.raises(ValueError, match="Only one of"):
        Progbar(1, stateful_metrics=[], stateless_metrics=[])


def test_ticks_are_rare_and_metrics_rarer(capsys):
    model = Model()
    calls = fit(steps=50_000, epochs=1, model=model)
    assert calls < 50_000 / 32
    assert model.asked <= 5


def test_no_ticks_without_a_bar():
    callbacks = CallbackList(None, model=Model(), verbose=0, epochs=1, steps=5)
    assert callbacks.next_tick == NEVER and callbacks.tick(5) == NEVER
    quiet = CallbackList(None, False, True, Model(), verbose=2, epochs=1, steps=5)
    quiet.on_epoch_begin(0)
    assert quiet.next_tick == NEVER


@pytest.mark.parametrize("kind", ["test", "predict"])
@pytest.mark.parametrize(("verbose", "delay", "shown"), [(1, 9.0, True), ("auto", 9.0, False), ("auto", 0.001, True), (0, 0.001, False)])
def test_evaluate_and_predict(capsys, monkeypatch, kind, verbose, delay, shown):
    monkeypatch.setattr(progbar_logger, "DELAY", delay)
    monkeypatch.setattr(progbar_logger, "INTERVAL", 0.0)
    model = Model()
    callbacks = CallbackList(None, False, verbose != 0, model, verbose=verbose, epochs=1, steps=4)
    getattr(callbacks, f"on_{kind}_begin")()
    loop(callbacks, 4, seconds=0.002)
    getattr(callbacks, f"on_{kind}_end")({"loss": 0.5})
    out = capsys.readouterr().out
    assert ("4/4" in out) == shown
    assert ("loss" in out) == (shown and kind == "test")
    if kind == "predict":
        assert model.asked == 0


def test_a_loop_of_the_users_own(capsys):
    class Wants(Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    callbacks = CallbackList(Wants(), False, True, Model(), verbose=1, epochs=1, steps=None)
    callbacks.on_train_begin()
    callbacks.on_epoch_begin(0)
    for batch in range(7):
        callbacks.on_train_batch_end(batch, {"loss": 1.0})
    callbacks.on_epoch_end(0, {"loss": 1.0})
    assert "7/7" in capsys.readouterr().out
