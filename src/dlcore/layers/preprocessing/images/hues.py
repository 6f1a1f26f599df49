"""Layers that change hue and saturation. They work in NumPy and have no gradient."""

import numpy as np

from dlcore import config
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.colors import ArrayColors
from dlcore.layers.preprocessing.images.tones import RandomBrightness, RandomContrast
from dlcore.ops.image.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv


class _Coloured(ArrayColors):
    """What they share: one factor for each image, and a place for the channel in question."""

    def get_random_transformation(self, data, training=True, seed=None):
        return {"factor": self._uniform((self._shape(data)[1],), *self.factor, seed)}

    def _channel(self, i):
        return (Ellipsis, i, slice(None), slice(None)) if self.data_format == "channels_first" else (Ellipsis, i)

    def _in_hsv(self, array, i, change):
        """RGB after a change of channel i of HSV."""
        hsv = np.array(rgb_to_hsv(np.ascontiguousarray(array), self.data_format))
        hsv[self._channel(i)] = change(hsv[self._channel(i)])
        return np.asarray(hsv_to_rgb(hsv, self.data_format))


class RandomHue(_Coloured):
    """Turns the hues of images in training.

    Args:
        factor: How far, as part of half a turn: the two ends of a range in [0, 1], or a number for (0, number); either way.
        value_range: The least and the largest value of a pixel.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> layer = dlcore.layers.RandomHue(0.5)
        >>> layer.transform_images(np.array([[[[255.0, 0.0, 0.0]]]]), {"factor": np.array([0.5])}).tolist()
        [[[[0.0, 255.0, 255.0]]]]
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = value_range
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        n = self._shape(data)[1]
        way = np.where(self._uniform((n,), seed=seed) > 0.5, -1, 1)
        return {"factor": (way * self._uniform((n,), *self.factor, seed) * 0.5).astype(config.floatx())}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return convert(images)
        turn = np.asarray(transformation["factor"], self.compute_dtype).reshape(-1, 1, 1)

        def turned(hue):
            hue = hue + turn
            hue = np.where(hue > 1, hue - 1, hue)
            return np.where(hue < 0, hue + 1, hue)

        x = self._in_hsv(self._stretched(self._array(images), self.value_range, (0, 1)).astype(self.compute_dtype), 0, turned)
        return self._tensor(self._stretched(np.clip(x, 0, 1), (0, 1), self.value_range))


class RandomSaturation(_Coloured):
    """Makes the colours of images stronger or paler in training: saturation is multiplied by f / (1 - f).

    Args:
        factor: The range of f, in [-1, 1]: a number f for (-f, f); 0.5 changes nothing, 0 gives grey.
        value_range: The least and the largest value; saturation is cut to it.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomSaturation((0.0, 0.0))(np.array([[[0.0, 0.5, 0.0]]]), training=True).tolist()
        [[[0.5, 0.5, 0.5]]]
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._set_value_range(value_range)
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        factor = super().get_random_transformation(data, training, seed)["factor"]
        return {"factor": factor / (1 - factor + np.asarray(config.epsilon(), factor.dtype))}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return convert(images)
        factor = np.asarray(transformation["factor"], self.compute_dtype).reshape(-1, 1, 1)
        return self._tensor(self._in_hsv(self._array(images), 1, lambda s: np.clip(s * factor, *self.value_range)))


class RandomColorDegeneration(_Coloured):
    """Blends images with their grey versions in training: 0 changes nothing, 1 gives grey, less than 0 stronger colours.

    Args:
        factor: The range of the blend, in [-1, 1]: a number f for (-f, f).
        value_range: The least and the largest value of a pixel; results are cut to it.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        seed: Integer, or SeedGenerator, for reproducible numbers.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomColorDegeneration((0.5, 0.5))(np.array([[[0.0, 100.0, 0.0]]]), training=True).numpy().round(2).tolist()
        [[[29.35..., 79.34..., 29.35...]]]
    """

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._set_value_range(value_range)
        self._begin_random(seed)

    def get_random_transformation(self, data, training=True, seed=None):
        return {"factor": self._uniform((self._shape(data)[1], 1, 1, 1), *self.factor, seed)}

    def transform_images(self, images, transformation=None, training=True):
        if not training:
            return convert(images)
        x = self._array(images)
        grey = np.asarray(rgb_to_grayscale(x, self.data_format))
        return self._tensor(np.clip(x + self._per_image(transformation["factor"]) * (grey - x), *self.value_range))


class RandomColorJitter(ArrayColors):
    """Changes brightness, contrast, saturation and hue in training, each as the layer of that name does.

    Args:
        value_range: The least and the largest value of a pixel.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: The factors of RandomBrightness, RandomContrast,
            RandomSaturation and RandomHue; None leaves one out.
        seed: Integer, or SeedGenerator, for reproducible numbers.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, 3), one image without n, or a dict.
        training: Whether to act.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.RandomColorJitter(brightness_factor=(0.1, 0.1))(np.zeros((1, 1, 3)), training=True).tolist()
        [[[25.5, 25.5, 25.5]]]
    """

    def __init__(self, value_range=(0, 255), brightness_factor=None, contrast_factor=None, saturation_factor=None, hue_factor=None, seed=None,
                 data_format=None, **kwargs):  # fmt: skip
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = value_range
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        self._begin_random(seed)
        common = {"value_range": value_range, "data_format": self.data_format, "dtype": self.compute_dtype}
        self.random_brightness = None if brightness_factor is None else RandomBrightness(brightness_factor, **common)
        self.random_contrast = None if contrast_factor is None else RandomContrast(contrast_factor, **common)
        self.random_saturation = None if saturation_factor is None else RandomSaturation(saturation_factor, **common)
        self.random_hue = None if hue_factor is None else RandomHue(hue_factor, **common)

    def transform_images(self, images, transformation, training=True):
        if not training:
            return convert(images)
        images = self._floating(images)
        for layer in (self.random_brightness, self.random_contrast, self.random_saturation, self.random_hue):
            if layer is not None:
                images = layer.transform_images(images, layer.get_random_transformation(images, seed=self.generator))
        return images
