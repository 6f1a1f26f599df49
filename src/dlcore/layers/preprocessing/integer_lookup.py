"""IntegerLookup: whole numbers to indices."""

import numpy as np

from dlcore._kernels.hash import fingerprints
from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.data import whole_numbers
from dlcore.layers.preprocessing.lookup import IndexLookup


class IntegerLookup(IndexLookup):
    """Whole numbers to their index in a vocabulary, to vectors, or back.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included.
        num_oov_indices: Number of indices for unknown numbers; several share it out, none makes it an error.
        mask_token: Number that has index 0, or leaves no trace in vectors.
        oov_token: What `invert` gives for an unknown index.
        vocabulary: Array or list of numbers, or the path of a text file with one a line; otherwise call :meth:`adapt`.
        vocabulary_dtype: Must be ``"int64"``.
        idf_weights: In mode ``"tf_idf"`` with a vocabulary: the inverse document frequency of each number.
        invert: Whether to turn indices into numbers of the vocabulary.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or ``"tf_idf"``.
        sparse: Must be False.
        pad_to_max_tokens: Whether vectors have max_tokens places however small the vocabulary is.
        oov_method: How several indices share out unknown numbers: ``"floormod"`` (remainder) or ``"farmhash"``.
        salt: Key of the hash (SipHash) with ``oov_method="farmhash"``.
        name: Name of the layer.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.IntegerLookup()
        >>> layer.adapt([[12, 1138, 42], [42, 1000, 36]])
        >>> layer.get_vocabulary()
        [-1, 42, 1138, 1000, 36, 12]
        >>> layer([[42, 7]]).tolist()
        [[1, 0]]
    """

    vocabulary_dtype = "int64"

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token=-1, vocabulary=None, vocabulary_dtype="int64",
                 idf_weights=None, invert=False, output_mode="int", sparse=False, pad_to_max_tokens=False, oov_method="floormod",
                 salt=None, name=None, **kwargs):
        if vocabulary_dtype != "int64":
            raise ValueError(f"IntegerLookup: vocabulary_dtype must be 'int64'. Received: vocabulary_dtype={vocabulary_dtype!r}")
        super().__init__(max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
                         vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode, sparse=sparse,
                         pad_to_max_tokens=pad_to_max_tokens, oov_method=oov_method, salt=salt, name=name, **kwargs)  # fmt: skip

    def _items(self, data):
        return whole_numbers(data, "IntegerLookup").ravel().tolist()

    def _parsed(self, lines):
        return [int(line) for line in lines]

    def _index_tokens(self):
        tokens = np.array(self._tokens, dtype=np.int64)
        self._order = np.argsort(tokens)
        self._sorted = tokens[self._order]

    def _find(self, data):
        numbers = whole_numbers(data, "IntegerLookup")
        if self._sorted.size:
            at = np.minimum(np.searchsorted(self._sorted, numbers), self._sorted.size - 1)
            found = np.where(self._sorted[at] == numbers, self._order[at], -1)
        else:
            found = np.full(numbers.shape, -1, dtype=np.int64)
        return found, np.zeros(numbers.shape, dtype=bool) if self.mask_token is None else numbers == self.mask_token

    def _oov_bins(self, data, missing):
        unknown = whole_numbers(data, "IntegerLookup")[missing]
        if self.oov_method == "floormod":
            return unknown % self.num_oov_indices
        return (fingerprints(unknown, self.salt) % np.uint64(self.num_oov_indices)).astype(np.int64)

    def _restored(self, tokens, shape):
        return convert(np.array(tokens, dtype=np.int64).reshape(shape))
