"""Files in folders, one folder a class."""

import os

import numpy as np

from .messages import print_msg
from .sample_batches import SampleBatches


class FileBatches(SampleBatches):
    """Batches of files: (contents, labels), or contents alone.

    Attributes:
        file_paths: the files.
        class_names: the classes, in the order of their numbers; None without labels.
    """

    def __init__(self, read, file_paths, labels, class_names, **kwargs):
        super().__init__(len(file_paths), **kwargs)
        self._read = read
        self.file_paths = file_paths
        self.class_names = class_names
        self._labels = labels

    def samples(self, index):
        contents = self._read([self.file_paths[i] for i in index])
        return contents if self._labels is None else (contents, self._labels[index])


def dataset_from_directory(read, directory, kind, formats, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links, format, verbose):
    """What `image_dataset_from_directory` and `text_dataset_from_directory` share (see there).

    Args:
        read: a function from a list of files to their contents.
        kind: what errors call the files.
        formats: the endings of the names of files.
    """
    if labels not in ("inferred", None):
        if not isinstance(labels, (list, tuple)):
            raise ValueError(f"`labels` argument should be 'inferred', None, or a list/tuple of integer labels, one for each {kind} in the folder. Received: labels={labels!r}")
        if class_names:
            raise ValueError(f'You can only pass `class_names` if `labels="inferred"`. Received: labels={labels}, and class_names={class_names}')
    if label_mode not in ("int", "categorical", "binary", None):
        raise ValueError(f'`label_mode` argument must be one of "int", "categorical", "binary", or None. Received: label_mode={label_mode!r}')
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format!r}')
    if labels is None or label_mode is None:
        labels = label_mode = None
    _check_split(validation_split, subset, shuffle, seed)
    if seed is None:
        seed = np.random.randint(1_000_000)
    paths, numbers, class_names = index_directory(directory, labels, formats, class_names, shuffle, seed, follow_links, verbose)
    if label_mode == "binary" and len(class_names) != 2:
        raise ValueError(f'When passing `label_mode="binary"`, there must be exactly 2 class_names. Received: class_names={class_names}')
    encoded = None if label_mode is None else _encode(numbers, label_mode, len(class_names))
    held_out = int((validation_split or 0) * len(paths))
    ends = {"training": (0, len(paths) - held_out), "validation": (len(paths) - held_out, len(paths)), None: (0, len(paths))}
    datasets = []
    for name in ("training", "validation") if subset == "both" else (subset,):
        begin, end = ends[name]
        if name:
            print_msg(f"Using {end - begin} files for {name}.")
        if begin == end:
            raise ValueError(f"No {name + ' ' if name else ''}{kind}s found in directory {directory}. Allowed formats: {formats}")
        datasets.append(FileBatches(
            read, paths[begin:end], None if encoded is None else encoded[begin:end], class_names,
            batch_size=batch_size, shuffle=shuffle and not (subset == "both" and name == "validation"), seed=seed))
    return datasets if subset == "both" else datasets[0]


def _check_split(validation_split, subset, shuffle, seed):
    if validation_split and not 0 < validation_split < 1:
        raise ValueError(f"`validation_split` must be between 0 and 1, received: {validation_split}")
    if bool(validation_split) != bool(subset):
        raise ValueError(f"If `subset` is set, `validation_split` must be set, and inversely. Received: subset={subset!r}, validation_split={validation_split}")
    if subset not in ("training", "validation", "both", None):
        raise ValueError(f'`subset` must be either "training", "validation" or "both", received: {subset!r}')
    if validation_split and shuffle and seed is None:
        raise ValueError("If using `validation_split` and shuffling the data, you must provide a `seed` argument, so that the two parts have no file in common.")


def _encode(labels, label_mode, classes):
    labels = np.asarray(labels, np.int32)
    if label_mode == "int":
        return labels
    return (labels[:, None] if label_mode == "binary" else labels[:, None] == np.arange(classes)).astype(np.float32)


def index_directory(directory, labels, formats, class_names=None, shuffle=True, seed=None, follow_links=False, verbose=True):
    """The files of a folder in alphabetical order, or shuffled as Keras does.

    Args:
        directory: the folder.
        labels: `"inferred"` (the folders in it are the classes), None, or a list of integers.
        formats: a tuple of endings of file names.
        class_names: the classes and their order, if they are inferred.
        shuffle: whether to shuffle.
        seed: the seed for that.
        follow_links: whether to go into folders that are links.
        verbose: whether to print how many files there are.

    Returns:
        The files, their labels (None without) and the names of the classes (None without).
    """
    directory = os.fspath(directory)
    classes = [""]
    if labels == "inferred":
        classes = [name for name in sorted(os.listdir(directory)) if os.path.isdir(os.path.join(directory, name)) and not name.startswith(".")]
        if class_names is not None:
            if not set(class_names) <= set(classes):
                raise ValueError(f"The `class_names` passed did not match the names of the subdirectories of the target directory. Expected: {classes} (or a subset of it), but received: class_names={class_names}")
            classes = list(class_names)
    elif class_names is not None:
        raise ValueError(f'Argument `class_names` can only be given with `labels="inferred"`. Received: labels={labels}, class_names={class_names}')
    paths, numbers = [], []
    for number, name in enumerate(classes):
        for root, _, files in sorted(os.walk(os.path.join(directory, name), followlinks=follow_links), key=lambda found: found[0]):
            found = [os.path.join(root, file) for file in sorted(files) if file.lower().endswith(formats)]
            paths += found
            numbers += [number] * len(found)
    if labels == "inferred":
        labels, class_names = np.array(numbers, "int32"), classes
    elif labels is not None:
        if len(labels) != len(paths):
            raise ValueError(f"Expected the lengths of `labels` to match the number of files in the target directory. len(labels) is {len(labels)} while we found {len(paths)} files in directory {directory}.")
        labels, class_names = list(labels), [str(label) for label in sorted(set(labels))]
    if verbose:
        print_msg(f"Found {len(paths)} files." if labels is None else f"Found {len(paths)} files belonging to {len(class_names)} classes.")
    if shuffle:
        for items in (paths, labels):
            if items is not None:
                np.random.RandomState(seed).shuffle(items)
    return paths, labels, class_names
