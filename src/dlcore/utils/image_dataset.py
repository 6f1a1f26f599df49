"""Folders of images."""

import functools

import numpy as np

from .checks import is_count
from .folders import dataset_from_directory
from .images import pillow, standard_data_format
from .resizing import METHODS, resize, resize_with_crop, resize_with_pad

FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}


def image_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    color_mode="rgb",
    batch_size=32,
    image_size=(256, 256),
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    interpolation="bilinear",
    follow_links=False,
    crop_to_aspect_ratio=False,
    pad_to_aspect_ratio=False,
    data_format=None,
    format="tf",
    verbose=True,
):
    """A data set of the images in a folder: bmp, gif (the first image), jpeg, png.

    Args:
        directory: the folder; with inferred labels it has a folder for each class.
        labels: `"inferred"`, None, or a list of integers, one for each file in alphabetical order.
        label_mode: `"int"` (int32), `"binary"` (float32 of 0 and 1, (n, 1)), `"categorical"` (one-hot rows of float32), or
            None for no labels.
        class_names: the classes and their order, by default the alphabetical one.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: images per batch; None for single images.
        image_size: (height, width), or an integer for both.
        shuffle: whether each pass through the data has an order of its own; otherwise it is alphabetical.
        seed: the seed for that.
        validation_split: the fraction of the files, at the end, that is kept for validation.
        subset: `"training"`, `"validation"`, or `"both"` for a list of the two; with `validation_split`.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"area"`, `"lanczos3"`, `"lanczos5"`, `"gaussian"` or
            `"mitchellcubic"`.
        follow_links: whether to go into folders that are links.
        crop_to_aspect_ratio: keep the proportions and cut off what is too much.
        pad_to_aspect_ratio: keep the proportions and add black bars.
        data_format: `"channels_last"` or `"channels_first"`; by default what `config.image_data_format()` says.
        format: accepted because Keras has it; the result is a `PyDataset` in any case.
        verbose: whether to print the number of files.

    Returns:
        A `PyDataset` of batches (images, labels), or images alone: float32 with values from 0 to 255. It has the
        attributes `class_names` and `file_paths`, and reads with more threads if its attribute `workers` is set.

    Raises:
        ValueError: if an argument is not as above, or there are no files.
        ImportError: if Pillow is not installed.

    Example:
        >>> train = image_dataset_from_directory("photos", image_size=(64, 64))  # doctest: +SKIP
        Found 500 files belonging to 10 classes.
        >>> model.fit(train, epochs=10)  # doctest: +SKIP
    """
    pillow("image_dataset_from_directory")
    if color_mode not in CHANNELS:
        raise ValueError(f'`color_mode` must be one of {{"rgb", "rgba", "grayscale"}}. Received: color_mode={color_mode!r}')
    if is_count(image_size):
        image_size = (image_size, image_size)
    elif not isinstance(image_size, (list, tuple)) or len(image_size) != 2 or not all(map(is_count, image_size)):
        raise ValueError(f"Invalid `image_size` value. Expected a tuple of 2 positive integers. Received: image_size={image_size}")
    interpolation = interpolation.lower()
    if interpolation not in METHODS:
        raise ValueError(f"Argument `interpolation` should be one of {METHODS}. Received: interpolation={interpolation!r}")
    if pad_to_aspect_ratio and crop_to_aspect_ratio:
        raise ValueError("Only one of `pad_to_aspect_ratio`, `crop_to_aspect_ratio` can be set to `True`.")
    fit = resize_with_pad if pad_to_aspect_ratio else resize_with_crop if crop_to_aspect_ratio else resize
    read = functools.partial(_read, channels=CHANNELS[color_mode], size=tuple(image_size), fit=fit, interpolation=interpolation, data_format=standard_data_format(data_format))
    return dataset_from_directory(read, directory, "image", FORMATS, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, format, verbose)


def _read(paths, channels, size, fit, interpolation, data_format):
    images = np.empty((len(paths), *size, channels), np.float32)
    for image, path in zip(images, paths, strict=True):
        image[...] = fit(_pixels(path, channels), size, interpolation)
    return images if data_format == "channels_last" else np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _pixels(path, channels):
    """uint8 (height, width, channels)."""
    module = pillow("image_dataset_from_directory")
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    try:
        with module.open(path) as image:
            if mode == "L":
                image.draft("L", None)                  # the brightness that a JPEG file holds
            if image.mode.startswith("I"):              # 16 bits
                image = module.fromarray((np.asarray(image) >> 8).astype(np.uint8))
            pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    except (OSError, SyntaxError, ValueError) as error:         # what Pillow says of damaged files
        raise OSError(f"Cannot read the image {path}: {error}") from error
    return pixels if pixels.ndim == 3 else pixels[:, :, None]
