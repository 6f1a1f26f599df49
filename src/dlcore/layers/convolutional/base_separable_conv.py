"""The base of SeparableConv1D and SeparableConv2D."""

from dlcore import constraints, initializers, regularizers
from dlcore._kernels.binary import multiply
from dlcore._kernels.depthwise import separable_convolve  # not through ops: a layer's call is recorded as a whole
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.base import InputSpec
from dlcore.layers.configuration import serialized
from dlcore.layers.convolutional.base_conv import BaseConv, Convolution, positive

_CURRENT = ("dilation_rate", "depthwise_initializer", "pointwise_initializer", "depthwise_regularizer", "pointwise_regularizer", "depthwise_constraint",
            "pointwise_constraint")


class BaseSeparableConv(Convolution):
    """Depthwise convolution of any rank, whose channels are then mixed.

    Args:
        rank: Number of axes between batch and channels.
        depth_multiplier: Number of filters of a channel.
        filters: Number of channels of the output.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: See `SeparableConv2D`, like all other arguments.
    """

    def __init__(self, rank, depth_multiplier, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, activation=None,
                 use_bias=True, depthwise_initializer="glorot_uniform", pointwise_initializer="glorot_uniform", bias_initializer="zeros",
                 depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
                 pointwise_constraint=None, bias_constraint=None, **kwargs):
        # Strides and dilation may be combined here, in other convolutions they may not: so the base hears nothing of the dilation.
        super().__init__(rank, filters, kernel_size, strides, padding, data_format, 1, activation, use_bias, depthwise_initializer, bias_initializer,
                         depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)
        self.depth_multiplier = positive("depth_multiplier", depth_multiplier)
        self.dilation_rate = whole_tuple(dilation_rate, rank, "dilation_rate")
        self.depthwise_initializer = self.kernel_initializer
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.depthwise_regularizer = self.kernel_regularizer
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.depthwise_constraint = self.kernel_constraint
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    def get_config(self):
        return {**super().get_config(), **{key: serialized(type(self), key, getattr(self, key)) for key in _CURRENT}}

    def build(self, input_shape):
        axis = 1 if self._turns else -1
        self._check_rank(input_shape)
        channels = input_shape[axis]
        if not channels:
            raise ValueError(f"The number of channels of the inputs to {type(self).__name__} must be known and not 0; received "
                             f"input_shape={tuple(input_shape)}")
        self.compute_output_shape(input_shape)              # raises where nothing would be left
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        mixed = channels * self.depth_multiplier
        self.depthwise_kernel = self.add_weight(name="depthwise_kernel", shape=(*self.kernel_size, channels, self.depth_multiplier),
                                                initializer=self.depthwise_initializer, regularizer=self.depthwise_regularizer,
                                                constraint=self.depthwise_constraint)
        self.pointwise_kernel = self.add_weight(name="pointwise_kernel", shape=(*[1] * self.rank, mixed, self.filters),
                                                initializer=self.pointwise_initializer, regularizer=self.pointwise_regularizer,
                                                constraint=self.pointwise_constraint)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer=self.bias_initializer, regularizer=self.bias_regularizer,
                                        constraint=self.bias_constraint)

    _size = BaseConv._size

    def _apply(self, inputs, bias, activation, scale):
        pointwise = self.pointwise_kernel if scale is None else multiply(self.pointwise_kernel, scale)
        return separable_convolve(inputs, self.depthwise_kernel, pointwise, bias, self.strides, self.padding, self.dilation_rate, activation)
