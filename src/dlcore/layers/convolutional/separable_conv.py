"""SeparableConv1D and SeparableConv2D."""

from dlcore.layers.convolutional.base_separable_conv import BaseSeparableConv


class SeparableConv1D(BaseSeparableConv):
    """Convolution of sequences (batch, steps, channels) in two parts: every channel by itself, then all channels of a step.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window of the first part.
        strides: Step from one window to the next.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).
        dilation_rate: Distance between the elements of a window.
        depth_multiplier: Number of filters of a channel in the first part.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        depthwise_initializer, pointwise_initializer, bias_initializer: Initializers of the kernels (kernel_size, channels,
            depth_multiplier) and (1, channels * depth_multiplier, filters), and of the bias (filters,).
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: Penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.SeparableConv1D(6, 3)(dlcore.ops.ones((2, 10, 4))).shape
        (2, 8, 6)
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, depth_multiplier=1, activation=None,
                 use_bias=True, depthwise_initializer="glorot_uniform", pointwise_initializer="glorot_uniform", bias_initializer="zeros",
                 depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None, depthwise_constraint=None,
                 pointwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, depth_multiplier, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer, pointwise_regularizer, bias_regularizer,
                         activity_regularizer, depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)


class SeparableConv2D(BaseSeparableConv):
    """Convolution of images (batch, height, width, channels) in two parts: every channel by itself, then all channels of a pixel.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window of the first part, one number or 2.
        strides: Step from one window to the next, one number or 2.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        dilation_rate: Distance between the elements of a window, one number or 2.
        depth_multiplier: Number of filters of a channel in the first part.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        depthwise_initializer, pointwise_initializer, bias_initializer: Initializers of the kernels (*kernel_size, channels,
            depth_multiplier) and (1, 1, channels * depth_multiplier, filters), and of the bias (filters,).
        depthwise_regularizer, pointwise_regularizer, bias_regularizer, activity_regularizer: Penalties.
        depthwise_constraint, pointwise_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.SeparableConv2D(6, 3, padding="same", activation="relu")(dlcore.ops.ones((2, 10, 10, 4))).shape
        (2, 10, 10, 6)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1), depth_multiplier=1,
                 activation=None, use_bias=True, depthwise_initializer="glorot_uniform", pointwise_initializer="glorot_uniform",
                 bias_initializer="zeros", depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, depth_multiplier, filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
                         depthwise_initializer, pointwise_initializer, bias_initializer, depthwise_regularizer, pointwise_regularizer, bias_regularizer,
                         activity_regularizer, depthwise_constraint, pointwise_constraint, bias_constraint, **kwargs)
