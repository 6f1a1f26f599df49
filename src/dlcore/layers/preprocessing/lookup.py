"""IndexLookup: what the lookups of text and of whole numbers share. They differ in how tokens are found."""

import os
from collections import Counter

import numpy as np

from dlcore import config
from dlcore._kernels.tensor import KerasTensor, convert
from dlcore.layers.preprocessing.data import DataLayer, as_array, batches, encode, encoded_shape, encoded_spec, is_array, one_of, refuse_sparse
from dlcore.layers.preprocessing.hashing import salt_pair

_ABSENT = np.iinfo(np.int64).max        # the index of a masked token in an encoding: it leaves no trace


class IndexLookup(DataLayer):
    """A vocabulary: tokens to indices and, with `invert`, back.

    Indices begin with the mask token (if there is one, in mode ``"int"``) and those for unknown tokens.
    """

    vocabulary_dtype = ""

    def __init__(self, max_tokens, num_oov_indices, mask_token, oov_token, vocabulary=None, idf_weights=None, invert=False,
                 output_mode="int", sparse=False, pad_to_max_tokens=False, oov_method="floormod", name=None, salt=None, **kwargs):
        kind = type(self).__name__
        refuse_sparse(sparse, kind)
        if max_tokens is not None and max_tokens <= 1:
            raise ValueError(f"{kind}: max_tokens must be greater than 1. Received: max_tokens={max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"{kind}: pad_to_max_tokens=True needs max_tokens. Received: max_tokens={max_tokens}")
        if num_oov_indices < 0:
            raise ValueError(f"{kind}: num_oov_indices must be at least 0. Received: num_oov_indices={num_oov_indices}")
        one_of(oov_method, ("floormod", "farmhash"), kind, "oov_method")
        if salt is not None:
            if self.vocabulary_dtype == "int64" and oov_method != "farmhash":
                raise ValueError(f"{kind}: salt is for oov_method='farmhash' only. Received: oov_method={oov_method!r}")
            salt = salt_pair(salt, kind)
        output_mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(output_mode, output_mode)
        one_of(output_mode, ("int", "one_hot", "multi_hot", "count", "tf_idf"), kind, "output_mode")
        if invert and output_mode != "int":
            raise ValueError(f"{kind}: output_mode must be 'int' with invert=True. Received: output_mode={output_mode!r}")
        if idf_weights is not None and output_mode != "tf_idf":
            raise ValueError(f"{kind}: idf_weights is for output_mode='tf_idf' only. Received: output_mode={output_mode!r}")
        self._frozen_vocab_size = kwargs.pop("vocabulary_size", None)
        self._has_input_vocabulary = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        if output_mode == "tf_idf" and self._has_input_vocabulary and idf_weights is None:
            raise ValueError(f"{kind}: a vocabulary needs idf_weights as well with output_mode='tf_idf'")
        for option in ("trainable", "dtype", "vocabulary_dtype"):
            kwargs.pop(option, None)
        super().__init__(name=name, **kwargs)
        self.invert = invert
        self.max_tokens = max_tokens
        self.num_oov_indices = num_oov_indices
        self.mask_token = mask_token
        self.oov_token = oov_token
        self.output_mode = output_mode
        self.sparse = sparse
        self.pad_to_max_tokens = pad_to_max_tokens
        self.oov_method = oov_method
        self.salt = salt
        self.input_vocabulary = None if isinstance(vocabulary, (str, os.PathLike)) else vocabulary
        self.input_idf_weights = idf_weights
        self._idf_weights = None if idf_weights is None else np.asarray(idf_weights, dtype=config.floatx())
        self._tokens = []
        self._index_tokens()
        self._forget()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    # ------------------------------------------------------------------------------------------------- what differs

    def _items(self, data):
        """Tokens, as the vocabulary holds them, from an array: a flat list."""
        raise NotImplementedError(f"{type(self).__name__} must define `_items`")

    def _index_tokens(self):
        """Prepares the search for ``self._tokens``."""
        raise NotImplementedError(f"{type(self).__name__} must define `_index_tokens`")

    def _find(self, data):
        """The place of every item of an array among the tokens, -1 for those that are not; and the mask token's places."""
        raise NotImplementedError(f"{type(self).__name__} must define `_find`")

    def _oov_bins(self, data, missing):
        """A number in [0, num_oov_indices) for every item that `missing` marks."""
        raise NotImplementedError(f"{type(self).__name__} must define `_oov_bins`")

    def _restored(self, tokens, shape):
        """An array of tokens."""
        raise NotImplementedError(f"{type(self).__name__} must define `_restored`")

    # ---------------------------------------------------------------------------------------------------- configuration

    def get_config(self):
        weights, vocabulary = self.input_idf_weights, self.input_vocabulary
        learned = {
            "idf_weights": None if weights is None else np.asarray(weights).tolist(),
            "vocabulary": None if vocabulary is None else self._items(as_array(vocabulary)),
            "vocabulary_size": self._frozen_vocab_size,
            "salt": self.salt,
            "output_mode": self.output_mode,
            "oov_method": self.oov_method,
        }
        return {**super().get_config(), **learned}

    @classmethod
    def from_config(cls, config):
        if isinstance(config.get("vocabulary"), str):
            # A file of a model must not make the program read another file.
            raise ValueError(f"{cls.__name__}: a configuration may not name a vocabulary file. Received: vocabulary={config['vocabulary']!r}; use set_vocabulary()")
        return cls(**config)

    def compute_output_shape(self, input_shape):
        return tuple(input_shape) if self.output_mode == "int" else encoded_shape(input_shape, self._encoding, self._depth)

    def compute_output_spec(self, inputs):
        if self.output_mode == "int":
            return KerasTensor(inputs.shape, self.vocabulary_dtype if self.invert else "int64")
        return encoded_spec(inputs, self._encoding, self._depth, config.floatx())

    @property
    def _encoding(self):
        return "count" if self.output_mode == "tf_idf" else self.output_mode

    @property
    def _depth(self):
        return self.max_tokens if self.pad_to_max_tokens else self._frozen_vocab_size

    @property
    def _oov_start(self):
        return 1 if self.mask_token is not None and self.output_mode == "int" else 0

    @property
    def _token_start(self):
        return self._oov_start + self.num_oov_indices

    # ------------------------------------------------------------------------------------------------------- vocabulary

    def get_vocabulary(self, include_special_tokens=True):
        """The tokens in the order of their indices.

        Args:
            include_special_tokens: Whether the mask token and those for unknown tokens are among them.
        """
        special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
        return [*(special if include_special_tokens else []), *self._tokens]

    def vocabulary_size(self):
        """Number of indices, those of special tokens included."""
        return len(self._tokens) + self._token_start

    def set_vocabulary(self, vocabulary, idf_weights=None):
        """Sets the tokens.

        Args:
            vocabulary: Array or list of tokens, with the special tokens in front or without; or the path of a text file
                with one token a line (without special tokens).
            idf_weights: In mode ``"tf_idf"``: the inverse document frequency of each.

        Raises:
            ValueError: If a token occurs twice, special tokens are where they do not belong, there are too many or none,
                or `idf_weights` does not fit.
        """
        kind = type(self).__name__
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise ValueError(f"{kind}: idf_weights must be given if output_mode is 'tf_idf', and only then. Received: output_mode={self.output_mode!r}")
        special = []
        if isinstance(vocabulary, (str, os.PathLike)):
            tokens = self._read(vocabulary)
        else:
            tokens = self._items(as_array(vocabulary))
            special = [self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices
            if not tokens:
                raise ValueError(f"{kind}: the vocabulary is empty. Received: vocabulary={vocabulary!r}")
        given = len(tokens)
        found_special = special == tokens[: self._token_start]
        tokens = tokens[self._token_start :] if found_special and special else tokens
        repeated = [token for token, n in Counter(tokens).items() if n > 1]
        if repeated:
            raise ValueError(f"{kind}: tokens occur more than once in the vocabulary: {repeated[:10]}")
        for token, reserved in (("mask", self.mask_token), ("OOV", self.oov_token if self.invert else None)):
            if reserved is not None and reserved in tokens:
                raise ValueError(
                    f"{kind}: the {token} token {reserved!r} is at index {tokens.index(reserved)} of the tokens. Leave special tokens out of the "
                    f"vocabulary, or begin it with exactly {[self.mask_token] * self._oov_start + [self.oov_token] * self.num_oov_indices}"
                )
        if self.max_tokens is not None and len(tokens) + self._token_start > self.max_tokens:
            raise ValueError(f"{kind}: the vocabulary has {len(tokens) + self._token_start} tokens with the special ones; max_tokens is {self.max_tokens}")
        self._adopt(tokens)
        if idf_weights is not None:
            weights = np.asarray(idf_weights, dtype=config.floatx())
            if weights.shape != (given,):
                raise ValueError(f"{kind}: idf_weights must have one number for each of the {given} tokens. Received shape: {weights.shape}")
            front = 0 if found_special else self._token_start
            self._set_weights(np.concatenate([np.full(front, np.average(weights), weights.dtype), weights]))

    def _read(self, path):
        if not os.path.exists(path):
            raise ValueError(f"{type(self).__name__}: the vocabulary file {str(path)!r} does not exist")
        if self.output_mode == "tf_idf":
            raise ValueError(f"{type(self).__name__}: a vocabulary cannot be read from a file with output_mode='tf_idf'")
        with open(path, encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
        return self._parsed(lines[:-1] if lines[-1] == "" else lines)

    def _parsed(self, lines):
        """Tokens from the lines of a file."""
        return lines

    def _adopt(self, tokens):
        """Makes `tokens` the vocabulary, unless that changes the size of encodings already in use."""
        size = len(tokens) + self._token_start
        if self.output_mode != "int" and not self.pad_to_max_tokens and self._frozen_vocab_size not in (None, size):
            raise RuntimeError(
                f"{type(self).__name__}: the size of the vocabulary cannot change any more with output_mode={self.output_mode!r} and "
                f"pad_to_max_tokens=False: it was {self._frozen_vocab_size} and would be {size}"
            )
        self._tokens, self._frozen_vocab_size = tokens, size
        self._index_tokens()

    def _set_weights(self, weights):
        if self.pad_to_max_tokens:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        self._idf_weights = weights.astype(config.floatx())

    # ------------------------------------------------------------------------------------------------------------ adapt

    def adapt(self, data, steps=None):
        """Takes the vocabulary from data: the most frequent tokens first, ties in falling order.

        Args:
            data: An array, list or tensor of all tokens (a row is a document), or an iterable of batches.
            steps: How many batches of an iterable to take.

        Raises:
            ValueError: If the vocabulary was given.
        """
        self.reset_state()
        if is_array(data) or isinstance(data, (list, tuple)):
            data = as_array(data)
            self.update_state(data[:, None] if data.ndim == 1 else data)
        else:
            for batch in batches(data, steps):
                self.update_state(batch)
        self.finalize_state()

    def update_state(self, data):
        """Counts the tokens of one batch."""
        if self._has_input_vocabulary:
            raise ValueError(f"Layer {self.name!r} was given its vocabulary and cannot be adapted")
        data = as_array(data)
        data = data.reshape(1, -1) if data.ndim < 2 else data
        self._counts.update(self._items(data))
        if self.output_mode == "tf_idf":
            for row in data:
                self._document_counts.update(set(self._items(row)))
            self._documents += len(data)

    def finalize_state(self):
        """Makes the vocabulary of what :meth:`update_state` has counted."""
        if not self._counts:
            self._adopt(self._tokens)
            return
        for token in (self.mask_token, self.oov_token):
            self._counts.pop(token, None)
        tokens = [token for token, _ in sorted(self._counts.items(), key=lambda item: (item[1], item[0]), reverse=True)]
        if self.max_tokens:
            tokens = tokens[: self.max_tokens - self._token_start]
        self._adopt(tokens)
        if self.output_mode == "tf_idf":
            weights = np.log1p(self._documents / (1 + np.array([self._document_counts[t] for t in tokens], dtype=np.float64)))
            self._set_weights(np.concatenate([np.full(self._token_start, weights.mean()), weights]))
        self._forget()

    def reset_state(self):
        """Forgets what was counted."""
        if not self._has_input_vocabulary:
            self._forget()

    def _forget(self):
        self._counts, self._document_counts, self._documents = Counter(), Counter(), 0

    # ------------------------------------------------------------------------------------------------------------- call

    def call(self, inputs):
        data = as_array(inputs)
        if self.invert:
            return self._inverted(data)
        if self.output_mode != "int" and self._depth is None:
            raise RuntimeError(f"{type(self).__name__}: with output_mode={self.output_mode!r} the vocabulary must be set, or adapt() called, before the layer is")
        places, masked = self._find(data)
        missing = (places < 0) & ~masked
        indices = np.asarray(places + self._token_start)
        if missing.any():
            if self.num_oov_indices == 0:
                unknown = sorted(set(self._items(data.reshape(-1)[missing.reshape(-1)])))
                raise ValueError(f"{type(self).__name__}: with num_oov_indices=0 all inputs must be in the vocabulary; received {unknown[:10]}")
            indices[missing] = self._oov_start + (0 if self.num_oov_indices == 1 else self._oov_bins(data, missing))
        indices[masked] = 0 if self.output_mode == "int" else _ABSENT
        if self.output_mode == "int":
            return convert(indices)
        encoded = encode(indices, self._encoding, self._depth, config.floatx())
        if self.output_mode == "tf_idf":
            if self._idf_weights is None:
                raise ValueError(f"{type(self).__name__}: idf_weights must be given, or adapt() called, with output_mode='tf_idf'")
            encoded = convert(np.asarray(encoded) * self._idf_weights)
        return encoded

    def _inverted(self, data):
        tokens, start = self._tokens, self._token_start
        numbers = np.asarray(data).ravel()
        if numbers.dtype.kind not in "iu":
            raise ValueError(f"{type(self).__name__}: with invert=True the inputs are whole numbers; received an array of {numbers.dtype}")
        mask = self.mask_token
        found = [tokens[i - start] if start <= i < start + len(tokens) else mask if i == 0 and mask is not None else self.oov_token for i in numbers.tolist()]
        return self._restored(found, np.shape(data))

    # ----------------------------------------------------------------------------------------------------------- saving

    def get_build_config(self):
        return {}

    def build_from_config(self, config):
        """There is nothing to build."""

    def save_own_variables(self, store):
        if self.output_mode == "tf_idf":
            store["idf_weights"] = self._idf_weights

    def load_own_variables(self, store):
        if self.output_mode == "tf_idf":
            self._idf_weights = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path):
        """Writes ``vocabulary.txt``, one token a line, unless the vocabulary is part of the configuration."""
        if self.input_vocabulary is not None:
            return
        lines = [str(token) for token in self.get_vocabulary()]
        broken = [line for line in lines if "\n" in line]
        if broken:
            raise ValueError(f"{type(self).__name__}: a token with a line break cannot be saved: {broken[0]!r}")
        with open(os.path.join(dir_path, "vocabulary.txt"), "w", encoding="utf-8", newline="\n") as file:
            file.write("\n".join(lines))

    def load_assets(self, dir_path):
        """Reads what :meth:`save_assets` has written."""
        if self.input_vocabulary is not None:
            return
        with open(os.path.join(dir_path, "vocabulary.txt"), encoding="utf-8", newline="\n") as file:
            lines = file.read().split("\n")
        while lines and lines[-1] == "":
            lines.pop()
        if len(lines) > self._token_start:
            self.set_vocabulary(self._parsed(lines), None if self._idf_weights is None else self._idf_weights[: len(lines)])
