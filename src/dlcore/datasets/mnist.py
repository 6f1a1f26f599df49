"""Handwritten digits of 28x28 pixels."""

from ._files import IDX_FILES, ORIGIN, find_local, locate, read_idx, read_npz

_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path="mnist.npz"):
    """Load MNIST (LeCun, Cortes and Burges): 60,000 training and 10,000 test images of ten classes.

    Args:
        path: the name of the file in the cache.

    Returns:
        (x_train, y_train), (x_test, y_test): images uint8 (n, 28, 28) with 0 for the background, labels uint8 (n,).

    Raises:
        OSError: if the data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape  # doctest: +SKIP
        (60000, 28, 28)
    """
    files = [find_local(f"mnist/{name}") for name in IDX_FILES]
    if all(files) and not find_local(path, f"mnist/{path}"):
        x_train, y_train, x_test, y_test = (read_idx(file) for file in files)
    else:
        file = locate(path, _SHA256, ORIGIN + "mnist.npz", folders=("", "mnist"))
        x_train, y_train, x_test, y_test = read_npz(file, "x_train", "y_train", "x_test", "y_test")
    return (x_train, y_train), (x_test, y_test)
