"""Losses of classification for data sets with few positive samples, or with labels that may be wrong."""

from dlcore._kernels import loss as _class_kernels
from dlcore._kernels import pointwise_loss as _kernels
from dlcore._kernels import row_loss as _row_kernels
from dlcore.losses.base import FusedLoss
from dlcore.losses.probabilistic import expect_int_axis, warn_of_one_class


def binary_focal_crossentropy(y_true, y_pred, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False,
                              label_smoothing=0.0, axis=-1):  # fmt: skip
    """mean_j of w (1 - q_ij)**gamma times binary cross-entropy, where q = t p + (1 - t) (1 - p) is the probability of the label.

    Args:
        y_true: Labels t, 0 or 1, (..., d).
        y_pred: Probabilities p of the same shape; logits of them with `from_logits`.
        apply_class_balancing: Whether w = t alpha + (1 - t) (1 - alpha), else 1.
        alpha: The weight of label 1.
        gamma: How much samples that are predicted well lose their weight.
        from_logits: Whether `y_pred` holds logits.
        label_smoothing: A float in [0, 1]: labels are moved by this share towards 1/2.
        axis: The axis of the mean.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    References:
        Lin et al., Focal Loss for Dense Object Detection, 2017.

    Example:
        >>> [round(x, 3) for x in binary_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()]
        [0.173]
    """
    return _kernels.binary_focal_crossentropy_loss(y_true, y_pred, None, "none", apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis)


def categorical_focal_crossentropy(y_true, y_pred, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum_k alpha t_ik (1 - p_ik)**gamma log p_ik with t = y_true (1 - label_smoothing) + label_smoothing / classes.

    Args:
        y_true: One-hot labels, (..., classes).
        y_pred: Probabilities p of the same shape, scaled to sum 1 here; logits of them with `from_logits`.
        alpha: A factor, or an array with one for each class.
        gamma: How much samples that are predicted well lose their weight.
        from_logits: Whether `y_pred` holds logits.
        label_smoothing: A float in [0, 1].
        axis: The axis of the classes.

    Returns:
        Tensor, the shape of `y_pred` without `axis`.

    Raises:
        ValueError: if `axis` is a bool.

    Example:
        >>> [round(x, 4) for x in categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy().tolist()]
        [0.0433]
    """
    expect_int_axis(axis)
    warn_of_one_class("categorical_focal_crossentropy", y_pred)
    return _row_kernels.categorical_focal_crossentropy(y_true, y_pred, None, "none", alpha, gamma, from_logits, label_smoothing, axis)


def categorical_generalized_cross_entropy(y_true, y_pred, q):
    """(1 - p_i,y_true_i**q) / q: near cross-entropy for small q, the absolute error for q = 1.

    Args:
        y_true: Classes as whole numbers, (...) or (..., 1).
        y_pred: Probabilities p, (..., classes).
        q: A float in (0, 1).

    Returns:
        Tensor (...).

    References:
        Zhang and Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels, 2018.

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).numpy().tolist()
        [1.0]
    """
    return _class_kernels.categorical_generalized_cross_entropy(y_true, y_pred, None, "none", q)


class BinaryFocalCrossentropy(FusedLoss):
    """Binary cross-entropy that attends to the samples which are predicted badly; see `binary_focal_crossentropy`.

    Args:
        apply_class_balancing: Whether label 1 counts with `alpha` and label 0 with 1 - `alpha`.
        alpha: The weight of label 1.
        gamma: How much samples that are predicted well lose their weight.
        from_logits: Whether predictions are logits.
        label_smoothing: Labels are moved by this share towards 1/2.
        axis: The axis of the mean over the outputs of a sample.
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(BinaryFocalCrossentropy()([[0.0], [1.0]], [[0.5], [0.5]])), 3)
        0.173
    """

    def __init__(self, apply_class_balancing=False, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1,
                 reduction="sum_over_batch_size", name="binary_focal_crossentropy", dtype=None):  # fmt: skip
        super().__init__(_kernels.binary_focal_crossentropy_loss, (apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis),
                         binary_focal_crossentropy, reduction=reduction, name=name, dtype=dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis, apply_class_balancing=apply_class_balancing, alpha=alpha, gamma=gamma)  # fmt: skip
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self.apply_class_balancing = apply_class_balancing
        self.alpha = alpha
        self.gamma = gamma


class CategoricalFocalCrossentropy(FusedLoss):
    """Categorical cross-entropy that attends to the samples which are predicted badly; see `categorical_focal_crossentropy`.

    Args:
        alpha: A factor, or an array with one for each class.
        gamma: How much samples that are predicted well lose their weight.
        from_logits: Whether predictions are logits.
        label_smoothing: Labels are moved by this share towards 1 / classes.
        axis: The axis of the classes.
        reduction, name, dtype: See `Loss`.

    Example:
        >>> round(float(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.5]])), 4)
        0.0433
    """

    def __init__(self, alpha=0.25, gamma=2.0, from_logits=False, label_smoothing=0.0, axis=-1, reduction="sum_over_batch_size",
                 name="categorical_focal_crossentropy", dtype=None):  # fmt: skip
        super().__init__(_row_kernels.categorical_focal_crossentropy, (alpha, gamma, from_logits, label_smoothing, axis),
                         categorical_focal_crossentropy, reduction=reduction, name=name, dtype=dtype, from_logits=from_logits,
                         label_smoothing=label_smoothing, axis=axis, alpha=alpha, gamma=gamma)  # fmt: skip
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis
        self.alpha = alpha
        self.gamma = gamma


class CategoricalGeneralizedCrossEntropy(FusedLoss):
    """Cross-entropy for labels of which some are wrong; see `categorical_generalized_cross_entropy`.

    Args:
        q: A float in (0, 1): the larger, the less a single wrong label counts.
        reduction, name, dtype: See `Loss`.

    Raises:
        ValueError: if `q` is not in (0, 1).

    Example:
        >>> float(CategoricalGeneralizedCrossEntropy()([1, 0], [[0.75, 0.25], [1.0, 0.0]]))
        0.5
    """

    def __init__(self, q=0.5, reduction="sum_over_batch_size", name="categorical_generalized_cross_entropy", dtype=None):
        if not 0 < q < 1:
            raise ValueError(f"q must be in the interval (0, 1). Received: q={q}")
        super().__init__(_class_kernels.categorical_generalized_cross_entropy, (q,), categorical_generalized_cross_entropy, reduction=reduction,
                         name=name, dtype=dtype, q=q)  # fmt: skip
        self.q = q
