"""class_weight: weights by class, turned into weights by sample."""

import numbers

import numpy as np

from dlcore import config
from dlcore._kernels.tensor import Tensor, convert


def class_to_sample_weights(y, class_weight):
    """The weight of each row of labels `y`: (n,) or (n, 1) class ids, or (n, classes) one-hot rows (their argmax).

    Classes that `class_weight` does not name weigh 1.
    """
    if not isinstance(class_weight, dict):
        raise ValueError(f"class_weight must be a dict from class id to weight; received class_weight={class_weight!r}")
    if not all(isinstance(label, numbers.Real) and label == label // 1 for label in class_weight):
        raise ValueError(f"class_weight must be a dict whose keys are class ids (whole numbers); received class_weight={class_weight!r}")
    if not all(np.ndim(weight) == 0 and not isinstance(weight, str) for weight in class_weight.values()):
        raise ValueError(f"class_weight must be a dict whose values are numbers; received class_weight={class_weight!r}")
    if y is None:
        raise ValueError("class_weight needs labels: y is None")
    if not isinstance(y, Tensor):
        raise ValueError("`class_weight` is only supported for Models with a single output.")
    labels = np.asarray(y)
    if labels.ndim > 2:
        raise ValueError(f"class_weight needs labels of shape (n,), (n, 1) or (n, classes); received y of shape {labels.shape}")
    if labels.ndim == 2:
        labels = labels.argmax(-1) if labels.shape[1] > 1 else labels[:, 0]
    labels = np.round(labels).astype(np.int64)
    weights = np.ones(labels.shape, config.floatx())
    for label, weight in class_weight.items():
        weights[labels == int(label)] = weight
    return convert(weights)
