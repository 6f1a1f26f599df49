"""The base of Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

from dlcore import ops
from dlcore._kernels.conv import convolve_transpose  # not through ops: a layer's call is recorded as a whole
from dlcore.layers.arguments import whole_tuple
from dlcore.layers.convolutional.base_conv import Convolution


class BaseConvTranspose(Convolution):
    """Transposed convolution of any rank: what the gradient of a convolution does.

    Args:
        rank: Number of axes between batch and channels.
        output_padding: See `Conv2DTranspose`, like all other arguments.
    """

    def __init__(self, rank, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(rank, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
        self.output_padding = None if output_padding is None else whole_tuple(output_padding, rank, "output_padding", allow_zero=True)
        if self.output_padding is not None and any(more >= stride for more, stride in zip(self.output_padding, self.strides, strict=True)):
            raise ValueError("`output_padding` must be less than `strides` along every axis. "
                             f"Received: output_padding={self.output_padding}, strides={self.strides}")

    def _kernel_shape(self, channels, input_shape):
        return (*self.kernel_size, self.filters, channels)

    def _size(self, n, axis):
        window = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        stride = self.strides[axis]
        more = None if self.output_padding is None else self.output_padding[axis]
        if self.padding == "same":
            return n * stride if more is None else (n - 1) * stride + window % 2 + more
        return (n - 1) * stride + (max(window, stride) if more is None else window + more)

    def _apply(self, inputs, bias, activation, scale):
        if scale is None:
            return convolve_transpose(inputs, self.kernel, bias, self.strides, self.padding, self.output_padding, self.dilation_rate, activation)
        kernel = ops.multiply(self.kernel, ops.expand_dims(scale, -1))          # (filters, channels) are the kernel's last axes
        return convolve_transpose(inputs, kernel, bias, self.strides, self.padding, self.output_padding, self.dilation_rate, activation)
