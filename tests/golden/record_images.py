"""Records images.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_images.py``.

A layer, its arguments and images follow from a seed, in Keras as in dlcore. Random numbers differ between the two, so what is
kept is the transformation that Keras drew and what it made of the images with it. `tests/parity/test_parity_images.py` makes
the same comparisons live. ``KERAS_BACKEND=tensorflow`` records images_lanczos.npz instead: PyTorch does not have those kernels.
"""

import json
import pathlib

import numpy as np

FIXED = ("Resizing", "CenterCrop")
MOVING = ("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomCrop")
TONES = ("RandomContrast", "RandomBrightness")
COLORS = ("RandomGrayscale", "RandomInvert", "Solarization", "RandomPosterization", "AutoContrast", "Equalization", "RandomHue", "RandomSaturation",
          "RandomColorDegeneration", "RandomSharpness", "RandomGaussianBlur", "RandomErasing", "ContrastLimitedAdaptiveHistogramEqualization")  # fmt: skip
BENDS = ("RandomShear", "RandomPerspective", "MixUp", "CutMix")
NAMES = (*FIXED, *MOVING, *TONES, *COLORS, *BENDS)
POLICIES = ("AugMix", "RandAugment")
SEEDS = range(108)


def pick(rng, *choices):
    return choices[rng.integers(len(choices))]


class Case:
    """A random layer with images.

    Args:
        seed: Seed of everything.
        names: The layers to choose from.
        dtype: That of floating images.
    """

    def __init__(self, seed, names=NAMES, dtype="float32"):
        self.rng = rng = np.random.default_rng(seed)
        self.name = names[seed % len(names)]
        self.data_format = pick(rng, "channels_last", "channels_last", "channels_first")
        n, height, width, channels = (int(v) for v in (rng.integers(1, 4), rng.integers(3, 9), rng.integers(3, 9), pick(rng, 1, 3, 3, 5)))
        if self.name in (*COLORS, *POLICIES):
            channels = 3
        self.whole = bool(rng.random() < 0.2)
        images = rng.uniform(0, 255, size=(n, height, width, channels))
        images = images.astype("uint8") if self.whole else images.astype(dtype)
        if self.data_format == "channels_first":
            images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        self.single = bool(rng.random() < 0.2) and self.name not in ("CutMix", *POLICIES)
        self.x = images[0] if self.single else images
        self.arguments = {**getattr(self, self.name)(rng, height, width), "data_format": self.data_format}

    def Resizing(self, rng, height, width):
        shape = pick(rng, {}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 7.0})
        # Not 1 wide: PyTorch then repeats the first row where it antialiases images with channels first.
        return {"height": int(rng.integers(1, 14)), "width": int(rng.integers(2, 14)), **shape,
                "interpolation": pick(rng, "nearest", "bilinear", "bilinear", "bicubic"), "antialias": bool(rng.random() < 0.4)}  # fmt: skip

    def CenterCrop(self, rng, height, width):
        return {"height": int(rng.integers(1, height + 3)), "width": int(rng.integers(1, width + 3))}

    RandomCrop = CenterCrop

    def RandomFlip(self, rng, height, width):
        return {"mode": pick(rng, "horizontal", "vertical", "horizontal_and_vertical")}

    def filling(self, rng):
        return {"fill_mode": pick(rng, "reflect", "wrap", "constant", "nearest"), "interpolation": pick(rng, "nearest", "bilinear", "bilinear"),
                "fill_value": pick(rng, 0.0, 3.0)}  # fmt: skip

    def RandomRotation(self, rng, height, width):
        return {"factor": pick(rng, 0.1, 1.0, (0.2, 0.3), -0.5), **self.filling(rng)}

    def RandomZoom(self, rng, height, width):
        return {"height_factor": pick(rng, 0.9, (-0.8, 0.2), (0.5, 1.0)), "width_factor": pick(rng, None, 0.5, (-0.5, -0.3)), **self.filling(rng)}

    def RandomTranslation(self, rng, height, width):
        return {"height_factor": pick(rng, 1.0, (-0.8, 0.2), 0.3), "width_factor": pick(rng, 0, 0.5, (-1.0, -0.3)), **self.filling(rng)}

    def RandomContrast(self, rng, height, width):
        return {"factor": pick(rng, 0.5, (0.2, 1.0), 1.0), "value_range": pick(rng, (0, 255), (20, 200))}

    def RandomBrightness(self, rng, height, width):
        self.x = self.x.astype("float32" if self.whole else self.x.dtype)
        return {"factor": pick(rng, 0.5, (0.2, 1.0), (-0.3, 0.0)), "value_range": pick(rng, (0, 255), (20, 200))}

    def values(self, rng):
        return {"value_range": pick(rng, (0, 255), (0, 255), (20, 200))}

    def RandomGrayscale(self, rng, height, width):
        return {"factor": pick(rng, 0.5, 1.0)}

    def RandomInvert(self, rng, height, width):
        return {"factor": pick(rng, 0.5, (0.5, 1.0)), **self.values(rng)}

    def Solarization(self, rng, height, width):
        return {"addition_factor": pick(rng, 0.0, 0.5, (0.1, 0.3)), "threshold_factor": pick(rng, 0.0, 0.5), **self.values(rng)}

    def RandomPosterization(self, rng, height, width):
        return {"factor": pick(rng, 3, (2, 5), (8, 8), 1), "value_range": (0, 255)}

    def AutoContrast(self, rng, height, width):
        self.data_format = "channels_last"              # Keras takes the wrong axes otherwise
        self.x = np.ascontiguousarray(np.moveaxis(self.x, -3, -1)) if self.x.shape[-1] != 3 else self.x
        return self.values(rng)

    def Equalization(self, rng, height, width):
        return {"bins": pick(rng, 256, 256, 16), "value_range": (0, 255)}

    def RandomHue(self, rng, height, width):
        return {"factor": pick(rng, 0.3, 1.0, (0.2, 0.9)), "value_range": (0, 255)}

    def RandomSaturation(self, rng, height, width):
        self.x = (self.x / (255 if self.rng.random() < 0.7 else 1)).astype("float32" if self.whole else self.x.dtype)
        return {"factor": pick(rng, 0.3, 1.0, (0.2, 0.9)), "value_range": pick(rng, (0, 1), (0, 255))}

    def RandomColorDegeneration(self, rng, height, width):
        return {"factor": pick(rng, 0.5, 1.0, (0.2, 0.9)), **self.values(rng)}

    def RandomSharpness(self, rng, height, width):
        return {"factor": pick(rng, 0.5, 1.0, (0.2, 0.9)), **self.values(rng)}

    def RandomGaussianBlur(self, rng, height, width):
        return {"factor": pick(rng, 0.5, (0.9, 1.0)), "kernel_size": pick(rng, 3, 5, (7, 7)), "sigma": pick(rng, 1.0, (0.5, 0.9)), **self.values(rng)}

    def RandomErasing(self, rng, height, width):
        return {"factor": pick(rng, 0.5, (0.9, 1.0)), "scale": pick(rng, (0.02, 0.33), 0.5), "fill_value": pick(rng, None, 3), **self.values(rng)}

    def ContrastLimitedAdaptiveHistogramEqualization(self, rng, height, width):
        rows, columns = tiles = pick(rng, (2, 2), (1, 3), (4, 2))
        # PyTorch's limit of how often a value counts is rounded down: so it is whole here, and a little.
        limit = pick(rng, 2, 1, 0) * (256 + 1e-6) / (-(-height // rows) * -(-width // columns))
        return {"clip_limit": float(limit), "tile_grid_size": tiles, "value_range": (0, 255)}

    def RandomShear(self, rng, height, width):
        return {"x_factor": pick(rng, 0.5, (0.2, 0.9)), "y_factor": pick(rng, 0.0, 0.3), **self.filling(rng)}

    def RandomPerspective(self, rng, height, width):
        return {"factor": pick(rng, 1.0, (0.5, 1.0)), "scale": pick(rng, 0.3, 0.7), "interpolation": pick(rng, "nearest", "bilinear"), "fill_value": 3.0}

    def MixUp(self, rng, height, width):
        return {"alpha": pick(rng, 0.2, 1.0)}

    def CutMix(self, rng, height, width):
        return {"factor": pick(rng, 1.0, (0.5, 0.9))}

    def AugMix(self, rng, height, width):
        return {"factor": pick(rng, 0.3, 0.8), "num_chains": 2, "all_ops": bool(rng.random() < 0.5)}

    def RandAugment(self, rng, height, width):
        return {"factor": pick(rng, 0.3, 0.8), "num_ops": int(rng.integers(1, 4))}

    def layer(self, lib):
        return getattr(lib.layers, self.name)(**self.arguments)

    def transformation(self, lib, layer):
        """What the layer draws."""
        return layer.get_random_transformation(lib.ops.convert_to_tensor(self.x), training=True)

    def apply(self, lib, layer, transformation):
        """What the layer makes of the images with it."""
        method = layer.transform_single_image if self.single else layer.transform_images
        return np.asarray(method(lib.ops.convert_to_tensor(self.x), transformation))


def as_arrays(value):
    """A structure with arrays in the place of tensors."""
    if isinstance(value, dict):
        return {key: as_arrays(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(as_arrays(v) for v in value)
    return np.array(value.numpy()) if hasattr(value, "numpy") else value       # a copy: Keras writes into its tensors


def flat(value, prefix=""):
    """A structure as a dict of arrays, by place."""
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, (tuple, list)):
        pairs = enumerate(value)
    else:
        return {prefix: np.asarray(value)} if value is not None else {}
    return {k: v for key, part in pairs for k, v in flat(part, f"{prefix}/{key}").items()}


def filled(value, arrays, prefix=""):
    """The structure again, with the arrays that `flat` gave."""
    if isinstance(value, dict):
        return {key: filled(part, arrays, f"{prefix}/{key}") for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(filled(part, arrays, f"{prefix}/{i}") for i, part in enumerate(value))
    return None if value is None else type(value)(arrays[prefix]) if isinstance(value, int) else arrays[prefix]


def main():
    import keras

    keras.utils.set_random_seed(0)
    store, configs = {}, {}
    for seed in SEEDS:
        case = Case(seed)
        layer = case.layer(keras)
        transformation = case.transformation(keras, layer)
        for key, value in flat(as_arrays(transformation)).items():
            store[f"{seed}|{key}"] = value
        configs[seed] = {k: v for k, v in layer.get_config().items() if k not in ("name", "seed", "dtype")}
        store[f"{seed}|y"] = case.apply(keras, layer, transformation)
    store["configs"] = np.frombuffer(json.dumps(configs).encode(), "uint8")
    np.savez_compressed(pathlib.Path(__file__).with_name("images.npz"), **store)


def lanczos_calls():
    """(key, images, size, interpolation, antialias)"""
    rng = np.random.default_rng(0)
    for height, width, *size in [(7, 8, 5, 11), (9, 6, 4, 3), (6, 6, 13, 13)]:
        x = rng.uniform(0, 1, (1, height, width, 2)).astype("float32")
        for kind in ("lanczos3", "lanczos5"):
            for antialias in (False, True):
                yield f"{height},{width}|{kind}|{antialias}", x, size, kind, antialias


def lanczos():
    import keras

    store = {key: np.asarray(keras.ops.image.resize(x, size, kind, antialias)) for key, x, size, kind, antialias in lanczos_calls()}
    np.savez_compressed(pathlib.Path(__file__).with_name("images_lanczos.npz"), **store)


if __name__ == "__main__":
    import keras

    (lanczos if keras.backend.backend() == "tensorflow" else main)()
