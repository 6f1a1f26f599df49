"""No training after the loss is lost."""

import math

from ..utils.messages import print_msg
from .base import Callback


class TerminateOnNaN(Callback):
    """Stops `fit` after a batch with which the loss became NaN or infinite.

    Args:
        raise_error: raise a RuntimeError instead, so that no other callback takes it for a regular end.

    Raises:
        RuntimeError: if the loss is not finite and `raise_error` is set.

    Example:
        >>> TerminateOnNaN().on_batch_end(3, {"loss": 0.5})
    """

    def __init__(self, raise_error=False):
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"NaN or infinite loss at batch {batch}: {loss}. Training ends at once.")
        print_msg(f"Batch {batch}: the loss is {loss}, training ends")
        self.model.stop_training = True
