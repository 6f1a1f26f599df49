"""The base of DepthwiseConv1D and DepthwiseConv2D."""

from dlcore._kernels.depthwise import depthwise_convolve  # not through ops: a layer's call is recorded as a whole
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.configuration import serialized
from dlcore.layers.convolutional.base_conv import BaseConv, Convolution, positive

_CURRENT = ("dilation_rate", "depthwise_initializer", "depthwise_regularizer", "depthwise_constraint")


class BaseDepthwiseConv(Convolution):
    """Convolution of every channel with filters of its own, in any rank.

    Args:
        rank: Number of axes between batch and channels.
        depth_multiplier: Number of filters of a channel.
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: See `DepthwiseConv2D`, like all other arguments.
    """

    def __init__(self, rank, depth_multiplier, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, activation=None, use_bias=True,
                 depthwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs):
        self.depth_multiplier = positive("depth_multiplier", depth_multiplier)
        # Strides and dilation may be combined here, in other convolutions they may not: so the base hears nothing of the dilation.
        super().__init__(rank, self.depth_multiplier, kernel_size, strides, padding, data_format, 1, activation, use_bias, depthwise_initializer,
                         bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)
        self.dilation_rate = whole_tuple(dilation_rate, rank, "dilation_rate")
        self.depthwise_initializer = self.kernel_initializer
        self.depthwise_regularizer = self.kernel_regularizer
        self.depthwise_constraint = self.kernel_constraint

    def get_config(self):
        return {**super().get_config(), **{key: serialized(type(self), key, getattr(self, key)) for key in _CURRENT}}

    def compute_output_shape(self, input_shape):
        axis = 1 if self._turns else len(input_shape) - 1
        shape = list(super().compute_output_shape(input_shape))
        shape[axis] = None if input_shape[axis] is None else input_shape[axis] * self.depth_multiplier
        return tuple(shape)

    def _kernel_shape(self, channels, input_shape):
        self.filters = channels * self.depth_multiplier
        return (*self.kernel_size, channels, self.depth_multiplier)

    _size = BaseConv._size

    def _apply(self, inputs, bias, activation, scale):
        return depthwise_convolve(inputs, self.kernel, bias, self.strides, self.padding, self.dilation_rate, activation, scale)
