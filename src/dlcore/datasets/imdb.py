"""Reviews of films as sequences of word numbers: positive or negative?"""

import re

import numpy as np

from ._files import ORIGIN, find_local, locate

_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_MD5 = "bfafd718b763782e994055a2d397834f"
_LOCAL = ("imdb/imdb_train_8000.tsv.gz", "imdb/imdb_test_4000.tsv.gz")


def load_data(path="imdb.npz", num_words=None, skip_top=0, maxlen=None, seed=113, start_char=1, oov_char=2, index_from=3, **kwargs):
    """Load the film reviews of the IMDB (Maas et al. 2011): 25,000 for training and 25,000 for test.

    Words are numbered by their frequency: `num_words=10_000` keeps the most frequent ones. If `DLCORE_DATA` holds the
    texts `imdb/imdb_train_8000.tsv.gz` and `imdb/imdb_test_4000.tsv.gz`, a part of the reviews, and no `imdb.npz`, they are
    taken, with a warning; words are then numbered by their frequency in these training texts.

    Args:
        path: the name of the file in the cache.
        num_words: numbers from here on become `oov_char`. None keeps all but the largest, as in Keras.
        skip_top: numbers below become `oov_char`.
        maxlen: reviews of this length or longer are left out.
        seed: the seed of the shuffling.
        start_char: the number that each review begins with; None for none.
        oov_char: the number for left out words; None leaves them out.
        index_from: added to the number of each word, so that some numbers below are free.

    Returns:
        (x_train, y_train), (x_test, y_test): arrays of lists of integers, and labels int64 (n,), 1 for positive.

    Raises:
        ValueError: if an argument is unknown, or no review is short enough.
        OSError: if the data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> (x_train, y_train), (x_test, y_test) = load_data(num_words=10_000)  # doctest: +SKIP
        >>> x_train.shape  # doctest: +SKIP
        (25000,)
    """
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}.")
    if _use_texts(path):
        parts = _from_texts()
    else:
        parts = _from_arrays(locate(path, _SHA256, ORIGIN + "imdb.npz", folders=("", "imdb")))
    random = np.random.RandomState(seed)
    shuffled = []
    for reviews, labels in parts:
        order = np.arange(len(labels))
        random.shuffle(order)
        begin = [] if start_char is None else [start_char]
        rows = [begin + [w + (index_from or 0) for w in reviews[i]] for i in order]
        labels = np.asarray(labels)[order]
        if maxlen:
            kept = [i for i, row in enumerate(rows) if len(row) < maxlen]
            rows, labels = [rows[i] for i in kept], labels[kept]
            if not rows:
                raise ValueError(f"After filtering for sequences shorter than maxlen={maxlen}, no sequence was kept. Increase maxlen.")
        shuffled.append((rows, labels))
    limit = num_words or max(max(row) for rows, _ in shuffled for row in rows if row)
    return tuple((_objects(_limited(row, skip_top, limit, oov_char) for row in rows), labels) for rows, labels in shuffled)


def get_word_index(path="imdb_word_index.json"):
    """The number of each word, without `index_from`: 1 for the most frequent one.

    Args:
        path: the name of the file in the cache.

    Returns:
        A dict from word to number; of the texts in `DLCORE_DATA` where `load_data` takes those.

    Raises:
        OSError: if the data is neither in `DLCORE_DATA` nor in the cache, and cannot be downloaded.

    Example:
        >>> get_word_index()["the"]  # doctest: +SKIP
        1
    """
    import json

    if _use_texts("imdb.npz") and not find_local(path, f"imdb/{path}"):
        return _number_words(_read_texts()[0])
    with open(locate(path, _INDEX_MD5, ORIGIN + "imdb_word_index.json", folders=("", "imdb")), encoding="utf-8") as file:
        return json.load(file)


def _use_texts(path):
    return all(find_local(name) for name in _LOCAL) and not find_local(path, f"imdb/{path}")


def _limited(row, lowest, limit, oov_char):
    if oov_char is None:
        return [w for w in row if lowest <= w < limit]
    return [w if lowest <= w < limit else oov_char for w in row]


def _objects(rows):
    rows = list(rows)
    array = np.empty(len(rows), object)
    array[:] = rows
    return array


def _from_arrays(path):
    """The reviews of Keras' file: arrays of lists, which NumPy stores as pickles. Only arrays and lists are let in."""
    import zipfile

    from .cifar10 import _load

    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in ("x_train", "y_train", "x_test", "y_test"):
            with archive.open(f"{name}.npy") as file:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, _, dtype = read(file)
                parts[name] = _load(file) if dtype.hasobject else np.frombuffer(file.read(), dtype).reshape(shape)
    return (parts["x_train"], parts["y_train"]), (parts["x_test"], parts["y_test"])


def _from_texts():
    import warnings

    train, test = _read_texts()
    warnings.warn(f"IMDB: using the subset of {len(train[0])} and {len(test[0])} reviews in DLCORE_DATA; words are numbered by their frequency in it.", stacklevel=3)
    index = _number_words(train)
    return [([[index[w] for w in _words(text) if w in index] for text in texts], labels) for texts, labels in (train, test)]


def _read_texts():
    """(texts, labels) of both parts."""
    import gzip

    parts = []
    for path in filter(None, map(find_local, _LOCAL)):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            rows = [line.rstrip("\n").split("\t", 3) for line in file]
        parts.append(([row[3] for row in rows], np.array([int(row[0]) for row in rows])))
    return parts


def _number_words(part):
    import collections

    counts = collections.Counter(word for text in part[0] for word in _words(text))
    # Words of one frequency in alphabetical order: the numbers do not depend on the order of the reviews.
    return {word: i for i, (word, _) in enumerate(sorted(counts.items(), key=lambda item: (-item[1], item[0])), 1)}


def _words(text):
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.replace("<br />", " ").lower())
