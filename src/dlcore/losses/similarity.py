"""Losses of metric learning: embeddings of one class close together, those of others apart."""

import numpy as np

from dlcore._kernels.tensor import convert
from dlcore.losses.base import BuiltInLoss

_NEVER = -1e9       # the logarithm of nothing; -inf has no gradient


def circle(y_true, y_pred, ref_labels=None, ref_embeddings=None, remove_diagonal=True, gamma=80, margin=0.4):
    """log(1 + sum_n exp(gamma a_n (d_n' - d_n)) sum_p exp(gamma a_p (d_p - d_p'))) over pairs with other (n) and the same (p) label.

    With cosine distances d: the weights are a_n = max(1 + margin - d_n, 0) and a_p = max(margin + d_p, 0), the margins
    d_n' = 1 - margin and d_p' = margin.

    Args:
        y_true: Labels, (n,) or (n, 1).
        y_pred: Embeddings of length 1, (n, d).
        ref_labels: Labels of the embeddings to compare with, (m,) or (m, 1); `y_true` by default.
        ref_embeddings: The embeddings to compare with, (m, d); `y_pred` by default.
        remove_diagonal: Whether a pair of the same number counts as no pair: an embedding with itself.
        gamma: Scale of the exponents.
        margin: How far classes are to be apart, in (0, 1).

    Returns:
        Tensor (n,). Its mask says which values are greater than 0: means are over these.

    Raises:
        ValueError: if shapes do not fit or a label is not finite.

    References:
        Sun et al., Circle Loss: A Unified Perspective of Pair Similarity Optimization, 2020.

    Example:
        >>> values = circle([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])
        >>> [round(x, 2) for x in values.numpy().tolist()]
        [0.0, 6.4, 0.0]
    """
    from dlcore import ops

    y_pred = convert(y_pred)
    others = y_pred if ref_embeddings is None else convert(ref_embeddings)
    labels = _labels("y_true", y_true, y_pred)
    other_labels = labels if ref_labels is None else _labels("ref_labels", ref_labels, others)
    same = labels[:, None] == other_labels
    positive = same & ~np.eye(*same.shape, dtype=bool) if remove_diagonal else same

    distance = ops.relu(1.0 - ops.matmul(y_pred, ops.transpose(others)))
    pull = gamma * ops.relu(margin + distance) * (distance - margin)
    push = gamma * ops.relu((1.0 + margin) - distance) * ((1.0 - margin) - distance)
    pulls = ops.logsumexp(ops.where(positive, pull, _NEVER), axis=1)
    pushes = ops.logsumexp(ops.where(~same, push, _NEVER), axis=1)
    values = ops.softplus(pulls + pushes)
    values.mask = convert(np.asarray(values) > 0)
    return values


def _labels(name, labels, embeddings):
    """As integers, (n,)."""
    labels = np.asarray(labels)
    if embeddings.ndim != 2 or labels.shape not in (embeddings.shape[:1], (embeddings.shape[0], 1)):
        raise ValueError(f"{name} must hold a label for each embedding (n, d); received labels {labels.shape} and embeddings {embeddings.shape}")
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name} must hold finite labels; received {labels[~np.isfinite(labels)][0]}")
    return labels.astype(np.int64).ravel()


class Circle(BuiltInLoss):
    """Brings embeddings of one label together and pushes others apart, the more the worse they lie; see `circle`.

    Args:
        gamma: Scale of the exponents.
        margin: How far classes are to be apart.
        remove_diagonal: Whether an embedding is no pair with itself.
        reduction, name, dtype: See `Loss`. The means are over the values greater than 0.

    Example:
        >>> round(float(Circle()([0, 0, 1], [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])), 2)
        3.2
    """

    def __init__(self, gamma=80.0, margin=0.4, remove_diagonal=True, reduction="sum_over_batch_size", name="circle", dtype=None):
        super().__init__(circle, reduction=reduction, name=name, dtype=dtype, gamma=gamma, margin=margin, remove_diagonal=remove_diagonal)
        self.gamma = gamma
        self.margin = margin
        self.remove_diagonal = remove_diagonal
