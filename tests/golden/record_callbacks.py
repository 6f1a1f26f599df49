"""Records callbacks.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_callbacks.py``.

What callbacks do is scripted: a seed makes up the arguments of a callback and the values of its metric, epoch by epoch, and
`play` says what came of it: the learning rates, the epochs, the files, the table.
"""

import csv
import json
import os
import pathlib
import warnings

import numpy as np

KINDS = ("EarlyStopping", "ReduceLROnPlateau", "ModelCheckpoint", "CSVLogger", "LearningRateScheduler", "TerminateOnNaN")
SEEDS = range(40)


def values(rng, epochs):
    """A sequence on a coarse grid, so that it comes to equal values and differences; sometimes with NaN."""
    steps = rng.integers(-3, 3, size=epochs) / 10
    sequence = np.round(1 + np.cumsum(steps), 2)
    if rng.random() < 0.15:
        sequence[rng.integers(epochs)] = rng.choice([np.nan, np.inf])
    return sequence.tolist()


def arguments(kind, rng, folder):
    """(positional, keyword) arguments."""

    def pick(*options):
        return options[int(rng.integers(len(options)))]

    monitor = {"monitor": pick("loss", "val_loss", "val_score"), "mode": pick("auto", "min", "max")}
    if kind == "EarlyStopping":
        return (), {**monitor, "min_delta": pick(0, 0.1, -0.1, 0.25), "patience": pick(0, 1, 2, 3), "baseline": pick(None, 0.9, 1.2),
                    "restore_best_weights": pick(True, False), "start_from_epoch": pick(0, 0, 2), "verbose": pick(0, 1)}
    if kind == "ReduceLROnPlateau":
        return (), {**monitor, "factor": pick(0.1, 0.5, 0.7), "patience": pick(0, 1, 2), "min_delta": pick(1e-4, 0.1, 0.2), "cooldown": pick(0, 1, 2),
                    "min_lr": pick(0.0, 0.01, 0.03)}
    if kind == "ModelCheckpoint":
        freq = pick("epoch", "epoch", 2, 3, 5)
        name = pick("m.weights.h5", "{epoch:02d}.weights.h5", "sub{epoch}/{loss:.2f}.weights.h5") if freq == "epoch" else pick("m.weights.h5", "{epoch}-{batch}.weights.h5")
        return (os.path.join(folder, name),), {**monitor, "mode": pick("min", "max"), "save_best_only": freq == "epoch" and pick(True, False), "save_weights_only": True,
                                               "save_freq": freq, "initial_value_threshold": pick(None, 0.9, 1.1)}
    if kind == "CSVLogger":
        return (os.path.join(folder, "log.csv"),), {"separator": pick(",", ";", "\t"), "append": pick(True, False)}
    if kind == "LearningRateScheduler":
        return (pick(_by_epoch, _by_rate, _numpy),), {}
    return (), {}


def _by_epoch(epoch):
    return 0.1 / (epoch + 1)


def _by_rate(epoch, rate):
    return rate * 0.9 if epoch > 2 else rate


def _numpy(epoch, rate):
    return np.float32(rate * 1.1)


def play(lib, kind, seed, folder):
    """What a callback does in a scripted `fit`, as a dictionary for JSON."""
    rng = np.random.default_rng([KINDS.index(kind), seed])
    args, options = arguments(kind, rng, folder)
    epochs = int(rng.integers(3, 14))
    script = {name: values(rng, epochs) for name in ("loss", "val_loss", "val_score", "score")}
    validated = rng.random() < 0.8
    saved = []

    class Scripted(lib.callbacks.Callback):
        """Comes first, and puts the script's values in the place of those that were computed."""

        def on_epoch_begin(self, epoch, logs=None):
            self.model.set_weights([np.full(w.shape, epoch, w.dtype) for w in self.model.get_weights()])

        def on_train_batch_end(self, batch, logs=None):
            logs["loss"] = script["loss"][len(seen)]

        def on_epoch_end(self, epoch, logs=None):
            logs.clear()
            names = script if validated else ("loss", "score")
            logs.update({name: script[name][epoch] for name in sorted(names)})
            seen.append(epoch)

    class Score(lib.metrics.Mean):
        _direction = "up"

        def update_state(self, y_true, y_pred, sample_weight=None):
            pass

    seen = []
    x = lib.Input((2,))
    model = lib.Model(x, lib.layers.Dense(1)(x))
    model.compile(lib.optimizers.SGD(0.1), "mse", metrics=[Score(name="score")])
    save = model.save_weights
    model.save_weights = lambda path, **kwargs: (saved.append(os.path.relpath(path, folder)), save(path, **kwargs))
    callback = getattr(lib.callbacks, kind)(*args, **options)
    history = lib.callbacks.History()
    result = {"error": None}
    for _ in range(2 if kind == "CSVLogger" else 1):
        seen.clear()
        try:
            model.fit(np.zeros((10, 2)), np.zeros((10, 1)), batch_size=2, epochs=epochs, verbose=0, callbacks=[Scripted(), callback, history])
        except Exception as error:
            result["error"] = type(error).__name__
    result |= {"epochs": list(seen), "history": {k: [round(float(v), 6) for v in vs] for k, vs in sorted(history.history.items())}, "files": saved}
    result["weights"] = round(float(model.get_weights()[0][0, 0]), 5)
    result["rate"] = round(float(model.optimizer.learning_rate), 6)
    for name in ("wait", "stopped_epoch", "best", "best_epoch", "cooldown_counter"):
        if hasattr(callback, name):
            value = getattr(callback, name)
            result[name] = None if value is None else float(value)
    if kind == "CSVLogger":
        with open(args[0], newline="") as file:
            result["table"] = list(csv.reader(file, delimiter=options["separator"]))
    return json.loads(json.dumps(result))


def main():
    import tempfile

    import keras

    found = {}
    warnings.simplefilter("ignore")
    for kind in KINDS:
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                found[f"{kind} {seed}"] = play(keras, kind, seed, folder)
    np.savez_compressed(pathlib.Path(__file__).with_name("callbacks.npz"), cases=json.dumps(found))


if __name__ == "__main__":
    main()
