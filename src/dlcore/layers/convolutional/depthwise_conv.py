"""DepthwiseConv1D and DepthwiseConv2D."""

from dlcore.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv


class DepthwiseConv1D(BaseDepthwiseConv):
    """Convolution of sequences (batch, steps, channels), every channel with filters of its own.

    Channel ``c * depth_multiplier + j`` of the output is channel c of the input, convolved with filter j of that channel.

    Args:
        kernel_size: Size of the window.
        strides: Step from one window to the next.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays.
        depth_multiplier: Number of filters of a channel.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).
        dilation_rate: Distance between the elements of a window.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        depthwise_initializer, bias_initializer: Initializers of kernel (kernel_size, channels, depth_multiplier) and bias
            (channels * depth_multiplier,).
        depthwise_regularizer, bias_regularizer, activity_regularizer: Penalties.
        depthwise_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.DepthwiseConv1D(3, depth_multiplier=2)(dlcore.ops.ones((2, 10, 4))).shape
        (2, 8, 8)
    """

    def __init__(self, kernel_size, strides=1, padding="valid", depth_multiplier=1, data_format=None, dilation_rate=1, activation=None, use_bias=True,
                 depthwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, depth_multiplier, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, depthwise_initializer,
                         bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)


class DepthwiseConv2D(BaseDepthwiseConv):
    """Convolution of images (batch, height, width, channels), every channel with filters of its own.

    Channel ``c * depth_multiplier + j`` of the output is channel c of the input, convolved with filter j of that channel.

    Args:
        kernel_size: Size of the window, one number or 2.
        strides: Step from one window to the next, one number or 2.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays.
        depth_multiplier: Number of filters of a channel.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        dilation_rate: Distance between the elements of a window, one number or 2.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        depthwise_initializer, bias_initializer: Initializers of kernel (*kernel_size, channels, depth_multiplier) and bias
            (channels * depth_multiplier,).
        depthwise_regularizer, bias_regularizer, activity_regularizer: Penalties.
        depthwise_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.DepthwiseConv2D(3, strides=2, padding="same")(dlcore.ops.ones((2, 10, 10, 4))).shape
        (2, 5, 5, 4)
    """

    def __init__(self, kernel_size, strides=(1, 1), padding="valid", depth_multiplier=1, data_format=None, dilation_rate=(1, 1), activation=None,
                 use_bias=True, depthwise_initializer="glorot_uniform", bias_initializer="zeros", depthwise_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, depthwise_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, depth_multiplier, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, depthwise_initializer,
                         bias_initializer, depthwise_regularizer, bias_regularizer, activity_regularizer, depthwise_constraint, bias_constraint, **kwargs)
