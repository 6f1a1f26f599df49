"""What callbacks do in scripted trainings, beside Keras itself."""

import keras
import numpy as np
import pytest
from golden.record_callbacks import KINDS, play

import dlcore


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("block", range(4))
def test_scripted(kind, block, tmp_path):
    for seed in range(1000 + 25 * block, 1025 + 25 * block):
        results = []
        for lib in (keras, dlcore):
            folder = tmp_path / f"{lib.__name__}_{seed}"
            folder.mkdir()
            results.append(play(lib, kind, seed, str(folder)))
        assert str(results[1]) == str(results[0]), seed          # as text, in which NaN equals NaN


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop"])
@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_swap_ema_weights(optimizer, swap_on_epoch):
    """Losses with the averages, weights after each epoch, and what is left at the end."""
    found = []
    for lib in (keras, dlcore):
        rng = np.random.default_rng(0)
        model = lib.Sequential([lib.Input((3,)), lib.layers.Dense(4, activation="tanh"), lib.layers.Dense(1)])
        model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
        model.compile(getattr(lib.optimizers, optimizer)(0.05, use_ema=True, ema_momentum=0.8), "mse")
        x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
        weights = []
        look = lib.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs, model=model, weights=weights: weights.extend(model.get_weights()))
        history = model.fit(x, y, batch_size=5, epochs=4, shuffle=False, verbose=0, validation_data=(x[:7], y[:7]),
                            callbacks=[lib.callbacks.SwapEMAWeights(swap_on_epoch), look])
        found.append([*weights, *model.get_weights(), history.history["loss"], history.history["val_loss"]])
    for ours, theirs in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
