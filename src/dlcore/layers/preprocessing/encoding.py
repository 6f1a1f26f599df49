"""Discretization and CategoryEncoding: numbers to categories, categories to vectors."""

import numpy as np

from dlcore import config
from dlcore.layers.preprocessing.data import (
    _MODES,
    DataLayer,
    as_array,
    batches,
    encode,
    encoded_shape,
    encoded_spec,
    is_array,
    one_of,
    refuse_sparse,
    whole_numbers,
)


class Discretization(DataLayer):
    """Numbers to the number of the interval that they lie in.

    Interval i goes from boundary i - 1 (included) to boundary i (not included); the first and last are open.

    Args:
        bin_boundaries: The boundaries, rising.
        num_bins: Or the number of intervals, equally full; call :meth:`adapt` then.
        epsilon: How far from equally full they may be, as a share of the data: smaller is exacter and slower.
        output_mode: ``"int"``, ``"one_hot"``, ``"multi_hot"`` or ``"count"``.
        sparse: Must be False.
        dtype: dtype of vectors.
        name: Name of the layer.

    Example:
        >>> import dlcore, numpy as np
        >>> dlcore.layers.Discretization(bin_boundaries=[0.0, 1.0])(np.array([-1.5, 0.0, 0.3, 7.0])).tolist()
        [0, 1, 1, 2]
    """

    def __init__(self, bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode="int", sparse=False, dtype=None, name=None):
        super().__init__(name=name, dtype=dtype)
        refuse_sparse(sparse, "Discretization")
        one_of(output_mode, _MODES, "Discretization", "output_mode")
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"Discretization: num_bins must be at least 0. Received: num_bins={num_bins}")
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(f"Discretization: either num_bins or bin_boundaries must be given. Received: num_bins={num_bins}, bin_boundaries={bin_boundaries}")
        self.bin_boundaries = bin_boundaries
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.output_mode = output_mode
        self.sparse = sparse
        self.reset_state()

    def get_config(self):
        boundaries = self.bin_boundaries if self.bin_boundaries is None else np.asarray(self.bin_boundaries).tolist()
        return {"bin_boundaries": boundaries, "num_bins": self.num_bins, "epsilon": self.epsilon, "output_mode": self.output_mode,
                "sparse": self.sparse, "name": self.name, "dtype": self.dtype}  # fmt: skip

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        learned = config.pop("bin_boundaries", None) if config.get("num_bins") is not None else None
        layer = cls(**config)
        if learned is not None:
            layer.bin_boundaries = learned
        return layer

    def adapt(self, data, steps=None):
        """Learns the boundaries from data.

        Args:
            data: An array or tensor of all numbers, or an iterable of batches.
            steps: How many batches of an iterable to take.

        Raises:
            ValueError: If the boundaries were given, or there is no data.
        """
        if self.num_bins is None:
            raise ValueError("A Discretization layer with given bin_boundaries cannot be adapted; give it num_bins instead")
        self.reset_state()
        for batch in [data] if is_array(data) or not hasattr(data, "__iter__") and not hasattr(data, "__getitem__") else batches(data, steps):
            self.update_state(batch)
        if not self.summary.size:
            raise ValueError("adapt() received no data; expected at least one number")
        self.finalize_state()

    def update_state(self, data):
        """Takes one batch into account."""
        values = np.sort(as_array(data).astype("float32").ravel())
        if values.size:
            step = max(values.size / (1.0 / self.epsilon), 1)
            # Every step-th number, which stands for as many.
            kept = values[int(step - 1) :: int(step)]
            merged = np.concatenate([np.stack([kept, np.full_like(kept, step)]), self.summary], axis=1)
            self.summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)

    def finalize_state(self):
        """Makes the boundaries from what :meth:`update_state` has seen."""
        if self.num_bins is not None:
            self.bin_boundaries = _compressed(self.summary, 1.0 / self.num_bins)[0, :-1].tolist() if self.num_bins else []

    def reset_state(self):
        """Forgets the data seen."""
        self.summary = np.zeros((2, 0), dtype="float32")

    def compute_output_shape(self, input_shape):
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_shape(input_shape, self.output_mode, depth)

    def compute_output_spec(self, inputs):
        depth = self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1
        return encoded_spec(inputs, self.output_mode, depth, self._output_dtype)

    @property
    def _output_dtype(self):
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError("Discretization: pass bin_boundaries, or call adapt() before using the layer")
        x = np.asarray(inputs)
        if x.dtype.kind not in "iufb":
            raise ValueError(f"Discretization: expected numbers; received an array of {x.dtype}")
        x = x.astype(config.floatx()) if x.dtype.kind == "f" else x
        indices = np.searchsorted(np.asarray(self.bin_boundaries, dtype=config.floatx()), x, side="right")
        return encode(indices, self.output_mode, len(self.bin_boundaries) + 1, self._output_dtype)

    def save_own_variables(self, store):
        """There is nothing to save: the boundaries are part of the configuration."""

    def load_own_variables(self, store):
        if len(store) == 1:
            self.summary = np.asarray(store["0"])


def _compressed(summary, epsilon):
    """A summary (values, weights) of at most about 1 / epsilon values that cuts the data at the same shares."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    weights = summary[1].cumsum()
    cuts = np.interp(shares, weights / weights[-1], summary[0])
    return np.stack([cuts, np.diff(np.interp(shares, weights / weights[-1], weights), prepend=0)]).astype("float32")


class CategoryEncoding(DataLayer):
    """Category numbers to vectors.

    Args:
        num_tokens: Number of categories; the numbers lie in [0, num_tokens). Negative ones leave no trace.
        output_mode: ``"one_hot"`` (a vector for each number), ``"multi_hot"`` (one vector for all numbers of a sample) or
            ``"count"`` (the same, with how often each occurs).
        sparse: Must be False.

    Call arguments:
        inputs: Whole numbers.
        count_weights: What each number counts in mode ``"count"``; of the shape of the inputs.

    Example:
        >>> import dlcore
        >>> dlcore.layers.CategoryEncoding(num_tokens=4)([[0, 1], [3, 3]]).tolist()
        [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        refuse_sparse(sparse, "CategoryEncoding")
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        one_of(output_mode, ("count", "one_hot", "multi_hot"), "CategoryEncoding", "output_mode")
        if num_tokens is None or num_tokens < 1:
            raise ValueError(f"CategoryEncoding: num_tokens must be at least 1. Received: num_tokens={num_tokens}. IntegerLookup finds the number of tokens itself")
        self.num_tokens = num_tokens
        self.output_mode = output_mode
        self.sparse = sparse

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def compute_output_spec(self, inputs, count_weights=None):
        return encoded_spec(inputs, self.output_mode, self.num_tokens, self.compute_dtype)

    def call(self, inputs, count_weights=None):
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(f"CategoryEncoding: count_weights is for output_mode='count' only. Received: output_mode={self.output_mode!r}")
        indices = whole_numbers(np.asarray(inputs), "CategoryEncoding")
        if indices.size and indices.max() >= self.num_tokens:
            place = tuple(int(i) for i in np.argwhere(indices >= self.num_tokens)[0])
            raise ValueError(f"CategoryEncoding: numbers must lie in [0, {self.num_tokens}); received {indices[place]} at place {place}")
        weights = None if count_weights is None else np.asarray(count_weights)
        return encode(indices, self.output_mode, self.num_tokens, self.compute_dtype, weights)
