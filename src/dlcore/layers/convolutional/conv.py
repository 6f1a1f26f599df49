"""Conv1D, Conv2D and Conv3D."""

from dlcore.layers.convolutional.base_conv import BaseConv


class Conv1D(BaseConv):
    """Convolution of sequences (batch, steps, channels).

    Every number of the output is the sum over a window of the input, times a kernel: ``activation(conv(inputs, kernel) + bias)``.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window.
        strides: Step from one window to the next.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays; ``"causal"``:
            all zeros in front, so that no step sees a later one.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).
        dilation_rate: Distance between the elements of a window. Strides and dilation cannot both be above 1.
        groups: Number of groups of input channels, each seen by ``filters / groups`` of the filters.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (*kernel_size, channels / groups, filters) and bias (filters,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Conv1D(4, 3, padding="causal")(dlcore.ops.ones((2, 10, 3))).shape
        (2, 10, 4)
    """

    _paddings = ("valid", "same", "causal")

    def __init__(self, filters, kernel_size, strides=1, padding="valid", data_format=None, dilation_rate=1, groups=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv2D(BaseConv):
    """Convolution of images (batch, height, width, channels).

    Every number of the output is the sum over a window of the input, times a kernel: ``activation(conv(inputs, kernel) + bias)``.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window, one number or 2.
        strides: Step from one window to the next, one number or 2.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        dilation_rate: Distance between the elements of a window, one number or 2. Strides and dilation cannot both be above 1.
        groups: Number of groups of input channels, each seen by ``filters / groups`` of the filters.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (*kernel_size, channels / groups, filters) and bias (filters,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Conv2D(8, 3, strides=2, activation="relu")(dlcore.ops.ones((5, 28, 28, 1))).shape
        (5, 13, 13, 8)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1), groups=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv3D(BaseConv):
    """Convolution of volumes (batch, depth, height, width, channels).

    Every number of the output is the sum over a window of the input, times a kernel: ``activation(conv(inputs, kernel) + bias)``.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window, one number or 3.
        strides: Step from one window to the next, one number or 3.
        padding: ``"valid"``: the kernel stays inside; ``"same"``: zeros around, so that with stride 1 the size stays.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).
        dilation_rate: Distance between the elements of a window, one number or 3. Strides and dilation cannot both be above 1.
        groups: Number of groups of input channels, each seen by ``filters / groups`` of the filters.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (*kernel_size, channels / groups, filters) and bias (filters,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range, or nothing would be left of the input.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Conv3D(4, (1, 3, 3), padding="same")(dlcore.ops.ones((2, 5, 6, 7, 1))).shape
        (2, 5, 6, 7, 4)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid", data_format=None, dilation_rate=(1, 1, 1), groups=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(3, filters, kernel_size, strides, padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
