"""Handwritten digits of 8x8 pixels, shipped with the package."""

import numpy as np

from ._files import EMBEDDED, split


def load_data(test_split=0.2, seed=113):
    """Load 1,797 images of the UCI data set "Optical Recognition of Handwritten Digits" (CC BY 4.0).

    Args:
        test_split: the fraction of the test part, in [0, 1).
        seed: the seed of the shuffling before the split.

    Returns:
        (x_train, y_train), (x_test, y_test): images uint8 (n, 8, 8) with values 0 to 16, labels uint8 (n,).

    Raises:
        ValueError: if `test_split` is not in [0, 1).

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()
        >>> x_train.shape, y_test.shape
        ((1437, 8, 8), (360,))
    """
    import gzip

    with gzip.open(EMBEDDED / "digits.csv.gz", "rt") as file:
        table = np.array([line.split(",") for line in file], dtype=np.float64).astype(np.uint8)
    return split(table[:, :-1].reshape(-1, 8, 8), table[:, -1].copy(), test_split, seed)
