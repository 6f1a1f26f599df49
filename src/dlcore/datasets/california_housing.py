"""House prices in California, 1990."""

import numpy as np

from ._files import ORIGIN, find_local, locate, read_npz, split

_SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"


def load_data(version="large", path="california_housing.npz", test_split=0.2, seed=113):
    """Load the California housing data (Pace & Barry 1997): 20,640 block groups of the census of 1990, 8 features.

    The features are median income (10,000 dollars), median house age, rooms and bedrooms per household, population,
    persons per household, latitude and longitude. If `DLCORE_DATA` holds `regression/california_housing.csv.gz` only,
    it is taken; 207 of its rows have no number of bedrooms and are left out, with a warning.

    Args:
        version: `"large"`, or `"small"` for the first 600 rows.
        path: the name of the file in the cache.
        test_split: the fraction of the test part, in [0, 1).
        seed: the seed of the shuffling before the split.

    Returns:
        (x_train, y_train), (x_test, y_test): features float32 (n, 8), median house values in dollars float32 (n,).

    Raises:
        ValueError: if `version` or `test_split` is not as above.
        OSError: if the data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data()  # doctest: +SKIP
        >>> x_train.shape  # doctest: +SKIP
        (16512, 8)
    """
    if version not in ("small", "large"):
        raise ValueError(f"Argument `version` must be one of 'small', 'large'. Received: version={version!r}")
    table = find_local("regression/california_housing.csv.gz")
    if table and not find_local(path):
        x, y = _read_table(table)
    else:
        x, y = read_npz(locate(path, _SHA256, ORIGIN + "california_housing.npz"), "x", "y")
    rows = slice(600) if version == "small" else slice(None)
    return split(x[rows], y[rows], test_split, seed)


def _read_table(path):
    import gzip
    import warnings

    with gzip.open(path, "rt") as file:
        next(file)
        table = np.array([[value or "nan" for value in line.split(",")[:9]] for line in file], dtype=np.float64)
    known = ~np.isnan(table).any(axis=1)
    if not known.all():
        warnings.warn(f"California housing: {(~known).sum()} rows of {path} lack a value and are left out.", stacklevel=3)
    longitude, latitude, age, rooms, bedrooms, population, households, income, value = table[known].T
    features = (income, age, rooms / households, bedrooms / households, population, population / households, latitude, longitude)
    return np.stack(features, axis=1).astype(np.float32), value.astype(np.float32)
