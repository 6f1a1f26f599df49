"""StringLookup: text to indices."""

import numpy as np

from dlcore._kernels.hash import fingerprints
from dlcore.layers.preprocessing.data import texts
from dlcore.layers.preprocessing.lookup import IndexLookup


class StringLookup(IndexLookup):
    """Text to its index in a vocabulary, to vectors, or back.

    Args:
        max_tokens: Largest size of the vocabulary, special tokens included.
        num_oov_indices: Number of indices for unknown text; several share it out by hash, none makes it an error.
        mask_token: Text that has index 0, or leaves no trace in vectors.
        oov_token: What `invert` gives for an unknown index.
        vocabulary: Array or list of tokens, or the path of a text file with one a line; otherwise call :meth:`adapt`.
        idf_weights: In mode ``"tf_idf"`` with a vocabulary: the inverse document frequency of each token.
        invert: Whether to turn indices into text (a NumPy array of str).
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"``, ``"count"`` or ``"tf_idf"``.
        pad_to_max_tokens: Whether vectors have max_tokens places however small the vocabulary is.
        sparse: Must be False.
        encoding: Encoding of inputs that are bytes.
        name: Name of the layer.
        salt: Key of the hash for unknown text (SipHash); FarmHash without one.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.StringLookup(vocabulary=["a", "b", "c"])
        >>> layer([["a", "c"], ["d", "b"]]).tolist()
        [[1, 3], [0, 2]]
        >>> dlcore.layers.StringLookup(vocabulary=["a", "b", "c"], invert=True)([1, 3, 0]).tolist()
        ['a', 'c', '[UNK]']
    """

    vocabulary_dtype = "string"

    def __init__(self, max_tokens=None, num_oov_indices=1, mask_token=None, oov_token="[UNK]", vocabulary=None, idf_weights=None,
                 invert=False, output_mode="int", pad_to_max_tokens=False, sparse=False, encoding="utf-8", name=None, salt=None, **kwargs):
        self.encoding = encoding
        super().__init__(max_tokens=max_tokens, num_oov_indices=num_oov_indices, mask_token=mask_token, oov_token=oov_token,
                         vocabulary=vocabulary, idf_weights=idf_weights, invert=invert, output_mode=output_mode,
                         pad_to_max_tokens=pad_to_max_tokens, sparse=sparse, name=name, salt=salt, **kwargs)  # fmt: skip

    def _items(self, data):
        return texts(data, "StringLookup", self.encoding)

    def _index_tokens(self):
        self._places = {token: i for i, token in enumerate(self._tokens)}

    def _find(self, data):
        items, places = self._items(data), self._places
        found = np.array([places.get(item, -1) for item in items], dtype=np.int64).reshape(data.shape)
        mask = self.mask_token
        masked = np.zeros(len(items), dtype=bool) if mask is None else np.array([item == mask for item in items], dtype=bool)
        return found, masked.reshape(data.shape)

    def _oov_bins(self, data, missing):
        unknown = self._items(data.reshape(-1)[missing.reshape(-1)])
        return (fingerprints(unknown, self.salt) % np.uint64(self.num_oov_indices)).astype(np.int64)

    def _restored(self, tokens, shape):
        return np.array(tokens, dtype=str).reshape(shape)
