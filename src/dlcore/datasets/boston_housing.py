"""House prices in Boston, 1978: kept for old tutorials only."""

import numpy as np

from ._files import ORIGIN, find_local, locate, read_npz, split

_SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """Load the Boston housing data (Harrison & Rubinfeld 1978): 506 districts, 13 features.

    One of the features encodes race; do not use the data for anything but the repetition of old results.

    Args:
        path: the name of the file in the cache.
        test_split: the fraction of the test part, in [0, 1).
        seed: the seed of the shuffling before the split.

    Returns:
        (x_train, y_train), (x_test, y_test): features float64 (n, 13), prices in 1,000 dollars float64 (n,).

    Raises:
        ValueError: if `test_split` is not in [0, 1).
        OSError: if the data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape  # doctest: +SKIP
        (404, 13)
    """
    table = find_local("regression/boston_housing.csv")
    if table and not find_local(path):
        values = np.loadtxt(table, delimiter=",")
        x, y = values[:, :-1], values[:, -1]
    else:
        x, y = read_npz(locate(path, _SHA256, ORIGIN + "boston_housing.npz"), "x", "y")
    return split(x, y, test_split, seed)
