"""What all convolutions share, and the base of Conv1D, Conv2D and Conv3D."""

from dlcore import constraints, initializers, regularizers
from dlcore._kernels.array import transpose  # not through ops: a layer's call is recorded as a whole
from dlcore._kernels.conv import convolve
from dlcore.config import standardize_data_format
from dlcore.layers.activated import Activated
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.base import InputSpec
from dlcore.layers.configuration import serialized

_CURRENT = ("kernel_size", "strides", "padding", "output_padding", "data_format", "dilation_rate", "activation", "kernel_initializer", "bias_initializer",
            "kernel_regularizer", "bias_regularizer", "activity_regularizer", "kernel_constraint", "bias_constraint")


class Convolution(Activated):
    """A layer with a kernel that slides over the axes between batch and channels.

    A subclass says what shape its kernel has (`_kernel_shape`), what becomes of the size of an axis (`_size`), and which op
    it is on inputs with channels last (`_apply`).
    """

    _paddings = ("valid", "same")

    def __init__(self, rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
                 bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.rank = rank
        self.filters = positive("filters", filters)
        self.kernel_size = whole_tuple(kernel_size, rank, "kernel_size")
        self.strides = whole_tuple(strides, rank, "strides")
        self.dilation_rate = whole_tuple(dilation_rate, rank, "dilation_rate")
        self.padding = padding.lower() if isinstance(padding, str) else padding
        if self.padding not in self._paddings:
            raise ValueError(f"The `padding` argument of {type(self).__name__} must be one of {self._paddings}. Received: padding={padding!r}")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError("`strides > 1` cannot be combined with `dilation_rate > 1`. "
                             f"Received: strides={self.strides} and dilation_rate={self.dilation_rate}")
        self.data_format = standardize_data_format(data_format)
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(ndim=rank + 2)
        self.bias = None
        axes = tuple(range(2, rank + 2))
        # The kernels know channels last only; weights are the same for both formats.
        self._turns = ((0, *axes, 1), (0, rank + 1, *range(1, rank + 1))) if self.data_format == "channels_first" else None

    def get_config(self):
        config = super().get_config()
        # As they are now: sizes written out as tuples, and what may be exchanged after construction.
        return {**config, **{key: serialized(type(self), key, getattr(self, key)) for key in _CURRENT if key in config}}

    def build(self, input_shape):
        axis = 1 if self._turns else -1
        self._check_rank(input_shape)
        channels = input_shape[axis]
        if channels == 0:
            raise ValueError(f"The input of {type(self).__name__} has 0 channels (full input shape is {tuple(input_shape)})")
        if channels is None:
            raise ValueError(f"The number of channels of the inputs to {type(self).__name__} must be known; received input_shape={tuple(input_shape)}")
        shape = self._kernel_shape(channels, input_shape)
        self.compute_output_shape(input_shape)              # raises where nothing would be left
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer, regularizer=self.kernel_regularizer,
                                      constraint=self.kernel_constraint)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=self.bias_initializer,
                                        regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def call(self, inputs):
        outputs = self.convolve(inputs, self.bias, self._fused)
        return outputs if self._fused is not None else self.activation(outputs)

    def convolve(self, inputs, bias=None, activation=None, scale=None):
        """``activation(scale * convolution(inputs, kernel) + bias)`` with this layer's kernel, strides and padding.

        What `call` does with the layer's own bias and activation; what follows the layer (a normalization, say) can be
        fused into the convolution with others.

        Args:
            inputs: Tensor in the layer's data format.
            bias, scale: A number for every filter, shape (filters,), or None.
            activation: Code of an elementwise activation (`activations.fused_code`), or None.

        Returns:
            A tensor in the layer's data format.
        """
        if self._turns is None:
            return self._apply(inputs, bias, activation, scale)
        to_last, to_first = self._turns
        return transpose(self._apply(transpose(inputs, to_last), bias, activation, scale), to_first)

    def compute_output_shape(self, input_shape):
        self._check_rank(input_shape)
        first = 2 if self._turns else 1
        sizes = tuple(None if n is None else self._size(n, axis) for axis, n in enumerate(input_shape[first : first + self.rank]))
        return (input_shape[0], self.filters, *sizes) if self._turns else (input_shape[0], *sizes, self.filters)

    def _check_rank(self, input_shape):
        if len(input_shape) != self.rank + 2:
            raise ValueError(f"{type(self).__name__} takes inputs of rank {self.rank + 2}; received input_shape={tuple(input_shape)}")


def positive(name, value):
    """`value` as an int of at least 1."""
    try:
        number = value.__index__()
    except (TypeError, AttributeError):
        number = 0
    if number <= 0:
        raise ValueError(f"Invalid value for argument `{name}`. Expected a positive whole number. Received: {name}={value!r}")
    return number


class BaseConv(Convolution):
    """Convolution of any rank, in groups of channels if wanted.

    Args:
        rank: Number of axes between batch and channels.
        groups: Number of groups of input channels, each seen by ``filters / groups`` of the filters.
        lora_rank, lora_alpha: Not supported; must be None.
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: See `Conv2D`.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint: See `Conv2D`.
    """

    def __init__(self, rank, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1, activation=None, use_bias=True,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, lora_rank=None, lora_alpha=None, **kwargs):
        super().__init__(rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
        for option, value in (("lora_rank", lora_rank), ("lora_alpha", lora_alpha)):
            if value is not None:
                raise ValueError(f"{type(self).__name__}: {option} is not supported and must be None; received {option}={value!r}")
        self.groups = positive("groups", groups)
        if self.filters % self.groups:
            raise ValueError(f"The number of filters must be evenly divisible by the number of groups. Received: groups={groups}, filters={filters}")

    def get_config(self):
        return {key: value for key, value in super().get_config().items() if not key.startswith("lora_")}

    def _kernel_shape(self, channels, input_shape):
        if channels % self.groups:
            raise ValueError("The number of input channels must be evenly divisible by the number of groups. "
                             f"Received groups={self.groups}, but the input has {channels} channels (full input shape is {tuple(input_shape)})")
        return (*self.kernel_size, channels // self.groups, self.filters)

    def _size(self, n, axis):
        if self.padding != "valid":
            return -(-n // self.strides[axis])
        size = (n - self.dilation_rate[axis] * (self.kernel_size[axis] - 1) - 1) // self.strides[axis] + 1
        if size <= 0:
            raise ValueError(f"Computed output size would be zero or negative. Received an input with {n} elements along axis {axis} of {self.rank} (batch and "
                             f"channels not counted), kernel_size={self.kernel_size}, dilation_rate={self.dilation_rate}, padding={self.padding!r}")
        return size

    def pooling(self, activation, window):
        """`convolve` and the maximum pooling that follows it as a function of (inputs, bias, scale), which is what this layer does until an
        attribute of it is set. Only channels last and up to two axes, and with relu or no activation; windows lie side by side."""
        kernel, strides, padding, dilation = self.kernel, self.strides, self.padding, self.dilation_rate
        return lambda inputs, bias, scale: convolve(inputs, kernel, bias, strides, padding, dilation, activation, scale, window)

    def _apply(self, inputs, bias, activation, scale):
        return convolve(inputs, self.kernel, bias, self.strides, self.padding, self.dilation_rate, activation, scale)
