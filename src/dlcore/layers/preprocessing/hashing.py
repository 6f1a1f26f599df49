"""Hashing and HashedCrossing: categories without a vocabulary. The buckets are those of TensorFlow."""

import numpy as np

from dlcore import config
from dlcore._kernels.hash import fingerprints, joined
from dlcore.layers.preprocessing.data import _MODES, DataLayer, as_array, encode, encoded_shape, encoded_spec, one_of, refuse_sparse, texts

CROSS_KEY = 0xDECAFCAFFE


def salt_pair(salt, name):
    """The key of SipHash from a salt: a pair of whole numbers, or one that stands for both."""
    if isinstance(salt, (tuple, list)) and len(salt) == 2:
        return [int(k) for k in salt]
    if isinstance(salt, int):
        return [salt, salt]
    raise ValueError(f"{name}: salt must be a whole number or a pair of them. Received: salt={salt!r}")


def hashes(array, name, key=None):
    """Hashes of text, or of the decimal text of whole numbers, in the shape of `array`."""
    if array.dtype.kind in "OUS":
        return fingerprints(texts(array, name), key).reshape(array.shape)
    if array.dtype.kind == "b":
        return fingerprints(np.where(array, "true", "false").ravel().tolist(), key).reshape(array.shape)
    if array.dtype == np.uint64:
        return fingerprints([str(n) for n in array.ravel().tolist()], key).reshape(array.shape)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers; received an array with NaN or infinity")
    return fingerprints(np.asarray(array, dtype=np.int64), key)


class _HashLayer(DataLayer):
    """A layer with a number of bins whose dtype, whole numbers or floats, is that of its output."""

    def __init__(self, num_bins, output_mode, dtype, modes, **kwargs):
        kind = type(self).__name__
        one_of(output_mode, modes, kind, "output_mode")
        if isinstance(dtype, dict):
            dtype = dtype.get("config", {}).get("name")
        self._output_dtype = np.dtype(dtype or ("int64" if output_mode == "int" else config.floatx())).name
        if output_mode == "int" and self._output_dtype not in ("int32", "int64"):
            raise ValueError(f"{kind}: dtype must be 'int32' or 'int64' with output_mode='int'. Received: dtype={dtype!r}")
        if not hasattr(num_bins, "__index__") or num_bins <= 0:
            raise ValueError(f"{kind}: num_bins must be a whole number of at least 1. Received: num_bins={num_bins!r}")
        super().__init__(**kwargs)
        self.num_bins = num_bins
        self.output_mode = output_mode

    @property
    def dtype(self):
        return self._output_dtype


class Hashing(_HashLayer):
    """Text or whole numbers to the number of a bin, by their hash.

    Args:
        num_bins: Number of bins.
        mask_value: An input that has bin 0 to itself.
        salt: Whole number or pair of them: SipHash with that key instead of the fingerprint of FarmHash.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"`` or ``"count"``.
        sparse: Must be False.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
        [[1], [0], [1], [1], [2]]
    """

    def __init__(self, num_bins, mask_value=None, salt=None, output_mode="int", sparse=False, **kwargs):
        refuse_sparse(sparse, "Hashing")
        super().__init__(num_bins, output_mode, kwargs.pop("dtype", None), _MODES, **kwargs)
        self.mask_value = mask_value
        self.salt = None if salt is None else salt_pair(salt, "Hashing")
        self.sparse = sparse

    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype, "salt": self.salt}

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs):
        return encoded_spec(inputs, self.output_mode, self.num_bins, self.dtype)

    def call(self, inputs):
        values = np.asarray(inputs)
        masked = self.mask_value is not None and self.num_bins > 1
        numbers = (hashes(values, "Hashing", self.salt) % np.uint64(self.num_bins - masked)).astype(np.int64)
        if masked:
            numbers = np.where(self._is_mask(values), 0, numbers + 1)
        return encode(numbers, self.output_mode, self.num_bins, self.dtype)

    def _is_mask(self, values):
        if values.dtype.kind not in "OUS":
            return values == self.mask_value
        wanted = self.mask_value.decode() if isinstance(self.mask_value, bytes) else self.mask_value
        return np.array([t == wanted for t in texts(values, "Hashing")], dtype=bool).reshape(values.shape)


class HashedCrossing(_HashLayer):
    """Two or more features to one: the bin of the hash of their combination.

    Args:
        num_bins: Number of bins.
        output_mode: ``"int"`` or ``"one_hot"``.
        sparse: Must be False.
        name: Name of the layer.
        dtype: dtype of the result.

    Call arguments:
        inputs: List of arrays of text or whole numbers, of shape (), (batch,) or (batch, 1).

    Example:
        >>> import dlcore
        >>> dlcore.layers.HashedCrossing(num_bins=5)((["A", "B", "A", "B", "A"], [101, 101, 101, 102, 102])).tolist()
        [1, 4, 1, 1, 3]
    """

    def __init__(self, num_bins, output_mode="int", sparse=False, name=None, dtype=None, **kwargs):
        refuse_sparse(sparse, "HashedCrossing")
        super().__init__(num_bins, output_mode, dtype, ("int", "one_hot"), name=name)
        self.sparse = sparse

    def get_config(self):
        return {"num_bins": self.num_bins, "output_mode": self.output_mode, "sparse": self.sparse, "name": self.name, "dtype": self.dtype}

    def _convert(self, value):
        if isinstance(value, (list, tuple)):
            return [super(HashedCrossing, self)._convert(item) for item in value]
        return super()._convert(value)

    def compute_output_shape(self, input_shape):
        return encoded_shape(self._checked(input_shape), self.output_mode, self.num_bins)

    def compute_output_spec(self, inputs):
        return encoded_spec(inputs[0], self.output_mode, self.num_bins, self.dtype)

    def _checked(self, shapes):
        """The one shape that all inputs have."""
        if not isinstance(shapes, (list, tuple)) or len(shapes) < 2 or not all(isinstance(s, (list, tuple)) for s in shapes):
            raise ValueError(f"HashedCrossing should be called on a list of at least two inputs. Received shapes: {shapes}")
        first = tuple(shapes[0])
        if len(first) > 2 or len(first) == 2 and first[1] != 1 or any(tuple(s) != first for s in shapes):
            raise ValueError(f"HashedCrossing: all inputs should have one shape: (), (batch,) or (batch, 1). Received shapes: {shapes}")
        return first

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"HashedCrossing should be called on a list of at least two inputs. Received: inputs={inputs!r}")
        arrays = [as_array(x) for x in inputs]
        shape = self._checked([x.shape for x in arrays])
        crossed = np.full(shape, CROSS_KEY, dtype=np.uint64)
        for x in arrays:
            if x.dtype.kind not in "OUSiu":
                raise ValueError(f"HashedCrossing: inputs should hold text or whole numbers. Received an array of {x.dtype}")
            part = hashes(x, "HashedCrossing") if x.dtype.kind in "OUS" else x.astype(np.int64).view(np.uint64)
            crossed = joined(crossed, part)
        return encode((crossed % np.uint64(self.num_bins)).astype(np.int64), self.output_mode, self.num_bins, self.dtype)
