"""Folders of texts."""

import functools

import numpy as np

from .folders import dataset_from_directory


def text_dataset_from_directory(
    directory,
    labels="inferred",
    label_mode="int",
    class_names=None,
    batch_size=32,
    max_length=None,
    shuffle=True,
    seed=None,
    validation_split=None,
    subset=None,
    follow_links=False,
    format="tf",
    verbose=True,
):
    """A data set of the text files (`.txt`, in UTF-8) in a folder.

    Args:
        directory: the folder; with inferred labels it has a folder for each class.
        labels: `"inferred"`, None, or a list of integers, one for each file in alphabetical order.
        label_mode: `"int"` (int32), `"binary"` (float32 of 0 and 1, (n, 1)), `"categorical"` (one-hot rows of float32), or
            None for no labels.
        class_names: the classes and their order, by default the alphabetical one.
        batch_size: texts per batch; None for single texts.
        max_length: the number of characters after which texts are cut off.
        shuffle: whether each pass through the data has an order of its own; otherwise it is alphabetical.
        seed: the seed for that.
        validation_split: the fraction of the files, at the end, that is kept for validation.
        subset: `"training"`, `"validation"`, or `"both"` for a list of the two; with `validation_split`.
        follow_links: whether to go into folders that are links.
        format: accepted because Keras has it; the result is a `PyDataset` in any case.
        verbose: whether to print the number of files.

    Returns:
        A `PyDataset` of batches (texts, labels), or texts alone: NumPy arrays of `str` objects. It has the attributes
        `class_names` and `file_paths`.

    Raises:
        ValueError: if an argument is not as above, or there are no files.

    Example:
        >>> import pathlib, tempfile
        >>> room = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("bad", "good"):
        ...     (room / name).mkdir()
        ...     _ = (room / name / "0.txt").write_text(f"a {name} one")
        >>> texts, labels = text_dataset_from_directory(room, shuffle=False)[0]
        Found 2 files belonging to 2 classes.
        >>> texts.tolist(), labels.tolist()
        (['a bad one', 'a good one'], [0, 1])
    """
    if max_length is not None and (not isinstance(max_length, int) or max_length < 0):
        raise ValueError(f"Argument `max_length` must be a whole number of at least 0, or None. Received: max_length={max_length!r}")
    read = functools.partial(_read, max_length=max_length)
    return dataset_from_directory(read, directory, "text file", (".txt",), labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, format, verbose)


def _read(paths, max_length):
    texts = np.empty(len(paths), object)
    for i, path in enumerate(paths):
        with open(path, encoding="utf-8", errors="replace", newline="") as file:
            texts[i] = file.read(-1 if max_length is None else max_length)
    return texts
