"""Losses of sequences of labels."""

import numpy as np

from dlcore._kernels import ctc as _kernels
from dlcore.losses.base import BuiltInLoss


def ctc(y_true, y_pred):
    """-log of the probability of the labels, whatever the time steps at which they come (connectionist temporal classification).

    Args:
        y_true: Classes from 1 on, (batch, labels), filled up with 0.
        y_pred: Logits, (batch, steps, classes); class 0 means no label, and parts labels that repeat.

    Returns:
        Tensor (batch,). Infinity, with a gradient of zero, where there are fewer steps than the labels need.

    Raises:
        ValueError: if a shape does not fit or a label is out of range.

    References:
        Graves et al., Connectionist Temporal Classification, 2006.

    Example:
        >>> [round(x, 4) for x in ctc([[1]], [[[0.0, 0.0], [0.0, 0.0]]]).numpy().tolist()]
        [0.2877]
    """
    shape = np.shape(y_true) if not hasattr(y_true, "shape") else tuple(y_true.shape)
    if len(shape) != 2:
        raise ValueError(f"Targets `y_true` must have the shape `(batch_size, max_length)` and hold integers. Received: y_true.shape={shape}")
    steps = np.shape(y_pred) if not hasattr(y_pred, "shape") else tuple(y_pred.shape)
    if len(steps) != 3:
        raise ValueError(f"Logits `y_pred` must have the shape `(batch_size, max_length, num_classes)`. Received: y_pred.shape={steps}")
    labels = np.asarray(y_true)
    return _kernels.ctc_loss(labels, y_pred, np.count_nonzero(labels, axis=-1), np.full(steps[0], steps[1]))


class CTC(BuiltInLoss):
    """Connectionist temporal classification: labels of a sequence without the times at which they come; see `ctc`.

    Args:
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(CTC()([[1]], [[[0.0, 0.0], [0.0, 0.0]]])), 4)
        0.2877
    """

    def __init__(self, reduction="sum_over_batch_size", name="ctc", dtype=None):
        super().__init__(ctc, reduction=reduction, name=name, dtype=dtype)
