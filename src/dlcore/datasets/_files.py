"""Where the files of a data set are, and how to read them."""

import math
import os
from pathlib import Path

import numpy as np

from ..utils.files import get_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
EMBEDDED = Path(__file__).parent / "data"
IDX_FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


def find_local(*names):
    """The first of some files that the folder `DLCORE_DATA` holds.

    Args:
        names: paths within that folder.

    Returns:
        A `pathlib.Path`, or `None` if there is none (or `DLCORE_DATA` is not set).
    """
    if not os.environ.get("DLCORE_DATA"):
        return None
    folder = Path(os.environ["DLCORE_DATA"]).expanduser()
    return next((folder / name for name in names if (folder / name).is_file()), None)


def locate(name, sha256, origin, folders=("",), cache_subdir="datasets"):
    """A file, from `DLCORE_DATA`, from the cache, or downloaded into the cache.

    Args:
        name: the name of the file.
        sha256: its hash, checked in the cache and after a download. A file in `DLCORE_DATA` is the user's own choice.
        origin: the URL.
        folders: the folders within `DLCORE_DATA` to look in.
        cache_subdir: the folder within the cache.

    Returns:
        A path.
    """
    local = find_local(*(os.path.join(folder, name) for folder in folders))
    return local or get_file(name, origin, file_hash=sha256, cache_subdir=cache_subdir)


def read_idx(path):
    """Read a gzipped IDX file of bytes (the format of MNIST).

    Args:
        path: the file.

    Returns:
        uint8, of the shape written in the file.

    Raises:
        ValueError: if it is no such file, or cut short.
    """
    import gzip
    import zlib

    try:
        data = gzip.decompress(Path(path).read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a complete gzip file: {error}") from error
    if data[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an IDX file of unsigned bytes: it begins with {data[:4]!r}.")
    if data[3] > 8 or len(data) < 4 + 4 * data[3]:
        raise ValueError(f"{path} is not an IDX file of at most 8 axes: it is cut short, or its header is wrong.")
    shape = tuple(np.frombuffer(data, ">u4", data[3], 4).tolist())
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * data[3])
    if values.size != math.prod(shape):                 # in Python's numbers: a product in int64 could overflow to the right one
        raise ValueError(f"{path} should hold {'x'.join(map(str, shape))} values, but holds {values.size}.")
    return values.reshape(shape).copy()  # a view of bytes could not be written to


def read_npz(path, *names):
    """Read arrays from an .npz file; objects are refused.

    Args:
        path: the file.
        names: the arrays.

    Returns:
        A tuple of arrays.

    Raises:
        ValueError: if it is no such file, cut short, or lacks one of the arrays.
    """
    import zipfile
    import zlib

    try:
        if not zipfile.is_zipfile(path):
            raise ValueError("it is cut short, or no .npz file at all")
        with np.load(path, allow_pickle=False) as file:
            return tuple(file[name] for name in names)
    except (EOFError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{path} is not a complete .npz file with the arrays {', '.join(names)}: {error}") from error


def split(x, y, test_split, seed):
    """Shuffle as Keras does (NumPy's older generator, seeded), and cut off the test part.

    Args:
        x: (n, ...).
        y: (n,).
        test_split: the fraction of the test part, in [0, 1).
        seed: an integer.

    Returns:
        (x_train, y_train), (x_test, y_test).

    Raises:
        ValueError: if `test_split` is not in [0, 1).
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"Invalid `test_split` argument: {test_split}. It must be between 0 and 1 (exclusive of 1).")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    train, test = np.split(order, [int(len(x) * (1 - test_split))])
    return (x[train], y[train]), (x[test], y[test])
