"""MixUp and CutMix: images of a batch blended, or pasted, into one another, together with their labels."""

import numpy as np

from dlcore import random
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.colors import ArrayColors
from dlcore.layers.preprocessing.images.textures import random_boxes


class _Mixing(ArrayColors):
    """What they share: every image meets another of the batch."""

    def _order(self, n, seed):
        return random.shuffle(np.arange(n), seed=self.generator if seed is None else seed)

    def _blend(self, values, transformation):
        """Floating values of each and its other, as the weights say."""
        values = np.asarray(values)
        kind = values.dtype if values.dtype.kind == "f" else np.dtype(self.compute_dtype)
        weight = np.asarray(transformation["mix_weight"], kind).reshape(-1, *[1] * (values.ndim - 1))
        other = values[np.asarray(transformation["permutation_order"])]
        return convert((weight * values + (1 - weight) * other).astype(kind))

    def transform_labels(self, labels, transformation, training=True):
        return self._blend(labels, transformation) if training and transformation is not None else labels

    def transform_bounding_boxes(self, bounding_boxes, transformation, training=True):
        raise ValueError(f"{type(self).__name__} does not transform bounding boxes: the key 'bounding_boxes' of its input is not supported")


class MixUp(_Mixing):
    """Blends every image, and its label, with another of the batch in training.

    Args:
        alpha: The weights are drawn from Beta(alpha, alpha): small ones leave images nearly as they are.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, channels), or a dict of them with one-hot ``"labels"``.
        training: Whether to act.

    References:
        Zhang et al., "mixup: Beyond empirical risk minimization", https://arxiv.org/abs/1710.09412

    Example:
        >>> import dlcore, numpy as np
        >>> y = dlcore.layers.MixUp(seed=1)({"images": np.ones((3, 2, 2, 1)), "labels": np.eye(3)}, training=True)
        >>> y["labels"].numpy().sum(1).round(5).tolist()
        [1.0, 1.0, 1.0]
    """

    def __init__(self, alpha=0.2, data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        if not 0 < alpha < np.inf:
            raise ValueError(f"MixUp: alpha must be a positive number. Received: alpha={alpha}")
        self.alpha = alpha
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        n = self._shape(data)[1]
        order = self._order(n, seed)
        return {"mix_weight": random.beta((n,), self.alpha, self.alpha, seed=self.generator if seed is None else seed), "permutation_order": order}

    def transform_images(self, images, transformation=None, training=True):
        return self._blend(self._array(images), transformation) if training else convert(images)

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self._blend(segmentation_masks, transformation) if training else segmentation_masks


class CutMix(_Mixing):
    """Pastes a rectangle of another image of the batch into every image in training; labels are blended by area.

    Args:
        factor: The range of alpha; the area that stays is drawn from Beta(alpha, alpha). A number stands for (0, number).
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), or a dict of them with one-hot ``"labels"``.
        training: Whether to act.

    References:
        Yun et al., "CutMix: Regularization strategy to train strong classifiers", https://arxiv.org/abs/1905.04899

    Example:
        >>> import dlcore, numpy as np
        >>> y = dlcore.layers.CutMix(seed=1)({"images": np.ones((3, 2, 2, 1)), "labels": np.eye(3)}, training=True)
        >>> y["labels"].numpy().sum(1).round(5).tolist()
        [1.0, 1.0, 1.0]
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor=1.0, seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        shape, n = self._shape(data)
        if not training or len(shape) == 3:
            return None
        alpha = float(self._uniform((), *self.factor, seed)) + 1e-6
        stays = random.beta((n,), alpha, alpha, dtype=self.compute_dtype, seed=self.generator if seed is None else seed)
        height, width = self._size(shape)
        side = np.sqrt(1 - stays)
        masks, area = random_boxes(self, shape, n, side * width, side * height, seed)
        weight = (1 - area / (width * height)).reshape(-1, 1, 1, 1)
        return {"permutation_order": self._order(n, seed), "batch_masks": masks, "mix_weight": weight}

    def transform_images(self, images, transformation=None, training=True):
        x = self._array(images)
        if not training or transformation is None:
            return self._tensor(x)
        return self._tensor(np.where(np.asarray(transformation["batch_masks"]), x[np.asarray(transformation["permutation_order"])], x))

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training or transformation is None:
            return segmentation_masks
        masks = np.asarray(segmentation_masks)
        axis = 1 if self.data_format == "channels_first" else 3
        inside = np.take(np.asarray(transformation["batch_masks"]), [0], axis)
        return convert(np.where(inside, masks[np.asarray(transformation["permutation_order"])], masks))
