"""Averaged weights for evaluation."""

import numpy as np

from .base import Callback
from .learning_rate_scheduler import optimizers_of


class SwapEMAWeights(Callback):
    """Evaluates the moving averages of the weights that an optimizer with `use_ema=True` keeps, and trains on with the weights.

    While an evaluation or prediction runs, weights and averages change places.

    Args:
        swap_on_epoch: keep the averages in the model from the end of an epoch to the beginning of the next, for
            callbacks that come after this one, such as `ModelCheckpoint`.

    Raises:
        ValueError: if the optimizer keeps no averages.

    Example:
        >>> SwapEMAWeights().swap_on_epoch
        False
    """

    resumable = ("_ema_weights_in_model",)

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._ema_weights_in_model = False

    def _pairs(self):
        """(variable, its average) of all optimizers that keep averages."""
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)
        inner = getattr(optimizer, "optimizers", [optimizer])
        averaging = [one for one in inner if getattr(one, "use_ema", False)]
        if not averaging:
            raise ValueError(f"SwapEMAWeights needs an optimizer with `use_ema=True`. Received: {optimizer!r} with use_ema=False")
        for one in averaging:
            if not one.built:
                raise ValueError(f"SwapEMAWeights: the optimizer {one.name!r} has no averages yet, for it is not built. Train the model first")
            for variable in one._state.variables:
                yield variable, one._state.average_of(variable)

    def _hold_averages(self, wanted):
        if wanted != self._ema_weights_in_model:
            for variable, average in self._pairs():
                value = np.array(variable)
                variable.assign(average)
                average.assign(value)
            self._ema_weights_in_model = wanted

    def on_epoch_begin(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._hold_averages(False)

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch and not self._ema_weights_in_model:
            self._hold_averages(True)
            if epoch == self.params["epochs"] - 1 or self.model.stop_training:
                # At its end `fit` overwrites the weights by what lies in the place of the averages.
                for variable, average in self._pairs():
                    average.assign(variable)

    def on_test_begin(self, logs=None):
        self._hold_averages(True)

    def on_test_end(self, logs=None):
        self._hold_averages(False)

    def on_predict_begin(self, logs=None):
        self._hold_averages(True)

    def on_predict_end(self, logs=None):
        self._hold_averages(False)
