"""Colour photographs of 32x32 pixels."""

import numpy as np

from .. import config
from ._files import find_local, locate, read_npz

_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
_ORIGIN = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


def load_data():
    """Load CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images.

    The classes are 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck. If
    `DLCORE_DATA` holds the subset `cifar10/cifar10_small.npz` and no full set, its 6,000 and 1,000 images are taken,
    with a warning.

    Returns:
        (x_train, y_train), (x_test, y_test): images uint8 (n, 32, 32, 3), or (n, 3, 32, 32) if
        `dlcore.config.image_data_format()` says so; labels uint8 (n, 1).

    Raises:
        OSError: if the data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape, y_train.shape  # doctest: +SKIP
        ((50000, 32, 32, 3), (50000, 1))
    """
    archive = "cifar-10-python.tar.gz"
    small = find_local("cifar10/cifar10_small.npz")
    if small and not find_local(archive, f"cifar10/{archive}"):
        parts = _read_small(small)
    else:
        parts = _read_archive(locate(archive, _SHA256, _ORIGIN, folders=("", "cifar10")))
    last = config.image_data_format() == "channels_last"
    (x_train, y_train), (x_test, y_test) = ((np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if last else x, y) for x, y in parts)
    return (x_train, y_train), (x_test, y_test)


def _read_small(path):
    """Images of both parts, (n, 3, 32, 32); the file holds their differences along both image axes, modulo 256."""
    import warnings

    dx_train, y_train, dx_test, y_test = read_npz(path, "dx_train", "y_train", "dx_test", "y_test")
    warnings.warn(f"CIFAR-10: using the subset {path} of {len(y_train)} and {len(y_test)} images.", stacklevel=3)
    parts = ((dx_train, y_train), (dx_test, y_test))
    return [(dx.cumsum(2, dtype=np.uint8).cumsum(3, dtype=np.uint8), y.astype(np.uint8).reshape(-1, 1)) for dx, y in parts]


def _read_archive(path):
    """Images of both parts, (n, 3, 32, 32), straight from the archive: its files are small and read once."""
    import tarfile

    names = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
    parts = []
    if not tarfile.is_tarfile(path):
        raise ValueError(f"{path} is not a complete tar archive of CIFAR-10.")
    with tarfile.open(path) as archive:
        for batches in names.values():
            read = [_load(archive.extractfile(f"cifar-10-batches-py/{name}")) for name in batches]
            x = np.concatenate([np.asarray(batch[b"data"], np.uint8) for batch in read]).reshape(-1, 3, 32, 32)
            y = np.concatenate([np.asarray(batch[b"labels"], np.uint8) for batch in read]).reshape(-1, 1)
            parts.append((x, y))
    return parts


def _load(file):
    """Read a pickle that may hold arrays and nothing else: what a pickle names, it could call."""
    import codecs
    import pickle

    reconstruct = np.empty(0).__reduce__()[0]
    allowed = {
        ("numpy.core.multiarray", "_reconstruct"): reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): reconstruct,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): codecs.encode,
    }

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) not in allowed:
                raise pickle.UnpicklingError(f"CIFAR-10 file: refusing to load {module}.{name}")
            return allowed[module, name]

    return Unpickler(file, encoding="bytes").load()
