"""Articles of clothing of 28x28 pixels; a small part is shipped with the package."""

from ._files import EMBEDDED, IDX_FILES, ORIGIN, locate, read_idx, read_npz

_SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}


def load_data(subset=False):
    """Load Fashion-MNIST (Zalando SE, MIT licence): 60,000 training and 10,000 test images.

    The classes are 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag,
    9 ankle boot.

    Args:
        subset: load the 2,000 training and 500 test images that come with the package (the first ones of each class)
            instead; no network is needed.

    Returns:
        (x_train, y_train), (x_test, y_test): images uint8 (n, 28, 28) with 0 for the background, labels uint8 (n,).

    Raises:
        OSError: if the full data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(subset=True)
        >>> x_train.shape, y_test.shape
        ((2000, 28, 28), (500,))
    """
    if subset:
        x_train, y_train, x_test, y_test = read_npz(EMBEDDED / "fashion_mnist_2500.npz", "x_train", "y_train", "x_test", "y_test")
    else:
        files = [_file(name) for name in IDX_FILES]
        x_train, y_train, x_test, y_test = (read_idx(file) for file in files)
    return (x_train, y_train), (x_test, y_test)


def _file(name):
    return locate(name, _SHA256[name], ORIGIN + name, folders=("fashion_mnist", "fashion-mnist"), cache_subdir="datasets/fashion-mnist")
