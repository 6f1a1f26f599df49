"""Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

from dlcore.layers.convolutional.base_conv_transpose import BaseConvTranspose


class Conv1DTranspose(BaseConvTranspose):
    """Transposed convolution of sequences (batch, steps, channels): makes them larger, by weights that are learned.

    Every element of the input adds a kernel, times itself, to a window of the output: the gradient of a convolution.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window.
        strides: Step from one window to the next.
        padding: Along an axis of n elements, with kernel k and stride s, the output has ``(n - 1) s + max(k, s)`` for ``"valid"`` and
            ``n s`` for ``"same"``.
        output_padding: If given, less than the stride: the output has ``(n - 1) s + k + output_padding`` for ``"valid"`` and
            ``(n - 1) s + k % 2 + output_padding`` for ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, steps).
        dilation_rate: Distance between the elements of a window. Strides and dilation cannot both be above 1.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (*kernel_size, filters, channels) and bias (filters,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Conv1DTranspose(4, 3, strides=2)(dlcore.ops.ones((2, 10, 3))).shape
        (2, 21, 4)
    """

    def __init__(self, filters, kernel_size, strides=1, padding="valid", output_padding=None, data_format=None, dilation_rate=1, activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(1, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv2DTranspose(BaseConvTranspose):
    """Transposed convolution of images (batch, height, width, channels): makes them larger, by weights that are learned.

    Every element of the input adds a kernel, times itself, to a window of the output: the gradient of a convolution.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window, one number or 2.
        strides: Step from one window to the next, one number or 2.
        padding: Along an axis of n elements, with kernel k and stride s, the output has ``(n - 1) s + max(k, s)`` for ``"valid"`` and
            ``n s`` for ``"same"``.
        output_padding: If given, less than the stride, one number or 2: the output has ``(n - 1) s + k + output_padding`` for ``"valid"`` and
            ``(n - 1) s + k % 2 + output_padding`` for ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, height, width).
        dilation_rate: Distance between the elements of a window, one number or 2. Strides and dilation cannot both be above 1.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (*kernel_size, filters, channels) and bias (filters,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Conv2DTranspose(8, 3, strides=2, padding="same")(dlcore.ops.ones((5, 7, 7, 16))).shape
        (5, 14, 14, 8)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1), padding="valid", output_padding=None, data_format=None, dilation_rate=(1, 1), activation=None,
                 use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(2, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)


class Conv3DTranspose(BaseConvTranspose):
    """Transposed convolution of volumes (batch, depth, height, width, channels): makes them larger, by weights that are learned.

    Every element of the input adds a kernel, times itself, to a window of the output: the gradient of a convolution.

    Args:
        filters: Number of channels of the output.
        kernel_size: Size of the window, one number or 3.
        strides: Step from one window to the next, one number or 3.
        padding: Along an axis of n elements, with kernel k and stride s, the output has ``(n - 1) s + max(k, s)`` for ``"valid"`` and
            ``n s`` for ``"same"``.
        output_padding: If given, less than the stride, one number or 3: the output has ``(n - 1) s + k + output_padding`` for ``"valid"`` and
            ``(n - 1) s + k % 2 + output_padding`` for ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"`` (batch, channels, depth, height, width).
        dilation_rate: Distance between the elements of a window, one number or 3. Strides and dilation cannot both be above 1.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (*kernel_size, filters, channels) and bias (filters,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.

    Raises:
        ValueError: An argument is out of range.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Conv3DTranspose(4, (1, 3, 3), padding="same")(dlcore.ops.ones((2, 5, 6, 7, 1))).shape
        (2, 5, 6, 7, 4)
    """

    def __init__(self, filters, kernel_size, strides=(1, 1, 1), padding="valid", data_format=None, output_padding=None, dilation_rate=(1, 1, 1),
                 activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros", kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None, **kwargs):
        super().__init__(3, filters, kernel_size, strides, padding, output_padding, data_format, dilation_rate, activation, use_bias, kernel_initializer,
                         bias_initializer, kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, **kwargs)
