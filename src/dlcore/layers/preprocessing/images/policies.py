"""AugMix and RandAugment: other layers, chosen at random."""

import numpy as np

from dlcore import random
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.affine import RandomRotation, RandomTranslation
from dlcore.layers.preprocessing.images.base import BaseImagePreprocessingLayer
from dlcore.layers.preprocessing.images.bends import RandomShear
from dlcore.layers.preprocessing.images.colors import AutoContrast, Equalization, RandomPosterization, Solarization
from dlcore.layers.preprocessing.images.hues import RandomColorDegeneration
from dlcore.layers.preprocessing.images.textures import RandomSharpness
from dlcore.layers.preprocessing.images.tones import RandomBrightness, RandomContrast

_MOVES = ("random_shear", "random_translation", "random_rotation")
_PLAIN = ("random_posterization", "solarization", "auto_contrast", "equalization")
_TONES = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")


class _Policy(BaseImagePreprocessingLayer):
    """What they share: the layers to choose from, all of one strength."""

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def _take_layers(self, names, value_range, factor, interpolation, seed):
        self._names = names
        self.value_range = value_range
        self._set_factor(factor)
        self.interpolation = interpolation
        self._begin_random(seed)
        f = self.factor
        common = {"data_format": self.data_format, "dtype": self.compute_dtype}
        color = {"value_range": value_range, **common}
        way = {"interpolation": interpolation, **common}
        makers = {
            "random_shear": lambda: RandomShear(f, f, **way),
            "random_translation": lambda: RandomTranslation(f, f, **way),
            "random_rotation": lambda: RandomRotation(f, **way),
            "random_posterization": lambda: RandomPosterization(max(1, int(8 * f[1])), **color),
            "solarization": lambda: Solarization(f, f, **color),
            "auto_contrast": lambda: AutoContrast(**color),
            "equalization": lambda: Equalization(**color),
            "random_brightness": lambda: RandomBrightness(f, **color),
            "random_color_degeneration": lambda: RandomColorDegeneration(f, **color),
            "random_contrast": lambda: RandomContrast(f, **color),
            "random_sharpness": lambda: RandomSharpness(f, **color),
        }
        for name in names:
            setattr(self, name, makers[name]())

    def _numbers(self, shape, low, high, seed):
        return random.randint(shape, low, high, seed=self.generator if seed is None else seed)

    def _drawn(self, name, data, seed):
        return getattr(self, name).get_random_transformation(data, seed=self.generator if seed is None else seed)


class AugMix(_Policy):
    """Mixes several chains of random changes of an image with the image itself, in training.

    Args:
        value_range: The least and the largest value of a pixel.
        num_chains: How many chains.
        chain_depth: How many changes in each.
        factor: How strong they are, from 0 to 1.
        alpha: Weights are drawn from Dirichlet and Beta distributions of this number.
        all_ops: Whether changes of brightness, colour, contrast and sharpness are among them.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict.
        training: Whether to act.

    References:
        Hendrycks et al., "AugMix", https://arxiv.org/abs/1912.02781

    Example:
        >>> import dlcore
        >>> dlcore.layers.AugMix(seed=1)(dlcore.ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(self, value_range=(0, 255), num_chains=3, chain_depth=3, factor=0.3, alpha=1.0, all_ops=True, interpolation="bilinear", seed=None,
                 data_format=None, **kwargs):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.num_chains, self.chain_depth, self.alpha, self.all_ops = num_chains, chain_depth, alpha, all_ops
        self._take_layers(_MOVES + _PLAIN + (_TONES if all_ops else ()), value_range, factor, interpolation, seed)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        source = self.generator if seed is None else seed
        weights = random.gamma((self.num_chains,), self.alpha, seed=source)
        # One more than there are layers stands for no change.
        choices = self._numbers((self.num_chains, self.chain_depth), 0, len(self._names) + 1, seed)
        chains = [[{"layer_name": self._names[i], "transformation": self._drawn(self._names[i], data, seed)} for i in chain if i < len(self._names)] for chain in choices]
        return {"chain_mixing_weights": weights / weights.sum(), "weight_sample": random.beta((), self.alpha, self.alpha, seed=source), "chain_transforms": chains}

    def _mixed(self, values, transformation, method):
        total = 0
        for weight, chain in zip(np.asarray(transformation["chain_mixing_weights"]), transformation["chain_transforms"], strict=True):
            changed = values
            for step in chain:
                changed = getattr(getattr(self, step["layer_name"]), method)(changed, step["transformation"])
            total = total + np.asarray(changed) * weight
        share = np.asarray(transformation["weight_sample"])
        return share * np.asarray(values) + (1 - share) * total

    def transform_images(self, images, transformation, training=True):
        images = self._floating(images)
        if not training:
            return images
        return convert(np.clip(self._mixed(images, transformation, "transform_images"), *self.value_range).astype(images.dtype))

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        if not training:
            return segmentation_masks
        return convert(self._mixed(convert(segmentation_masks), transformation, "transform_segmentation_masks").astype(self.compute_dtype))


class RandAugment(_Policy):
    """Changes a batch in a few ways chosen at random, in training.

    Args:
        value_range: The least and the largest value of a pixel.
        num_ops: How many ways.
        factor: How strong they are, from 0 to 1.
        interpolation: ``"nearest"`` or ``"bilinear"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict.
        training: Whether to act.

    References:
        Cubuk et al., "RandAugment", https://arxiv.org/abs/1909.13719

    Example:
        >>> import dlcore
        >>> dlcore.layers.RandAugment(seed=1)(dlcore.ops.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(self, value_range=(0, 255), num_ops=2, factor=0.5, interpolation="bilinear", seed=None, data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self.num_ops = num_ops
        names = (*_MOVES, *_TONES, *_PLAIN)
        self._take_layers(names, value_range, factor, interpolation, seed)

    def get_random_transformation(self, data, training=True, seed=None):
        if not training:
            return None
        chosen = self._numbers((self.num_ops,), 0, len(self._names), seed)
        return {"transforms": {name: self._drawn(name, data, seed) for name in self._names}, "layer_idxes": chosen}

    def _changed(self, values, transformation, method):
        names = list(transformation["transforms"])
        for i in np.asarray(transformation["layer_idxes"]).tolist():
            values = getattr(getattr(self, names[i]), method)(values, transformation["transforms"][names[i]])
        return values

    def transform_images(self, images, transformation, training=True):
        images = self._floating(images)
        return self._changed(images, transformation, "transform_images") if training else images

    def transform_segmentation_masks(self, segmentation_masks, transformation, training=True):
        return self._changed(segmentation_masks, transformation, "transform_segmentation_masks") if training else segmentation_masks
