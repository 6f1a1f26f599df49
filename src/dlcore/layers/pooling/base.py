"""What all pooling layers share."""

from dlcore.config import standardize_data_format
from dlcore.layers.base import InputSpec, Layer


class Pooling(Layer):
    """A layer without weights over `_rank` axes, whose output has the dtype that the op gives it."""

    _rank = 0

    def _configure(self, data_format):
        self.data_format = standardize_data_format(data_format)
        self.input_spec = InputSpec(ndim=self._rank + 2)
        self._first = 2 if self.data_format == "channels_first" else 1

    def compute_output_spec(self, *args, **kwargs):
        return self._call_symbolically(args, kwargs)

    def _with_sizes(self, input_shape, sizes):
        """input_shape with other sizes of the axes that are pooled."""
        if len(input_shape) != self._rank + 2:
            raise ValueError(f"{type(self).__name__}: expected a shape of {self._rank + 2} axes. Received: input_shape={tuple(input_shape)}")
        return (*input_shape[: self._first], *sizes, *input_shape[self._first + self._rank :])
