"""The few settings that the whole library reads."""

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_interactive_logging = True

_FLOATS = ("float32", "float64")
_DATA_FORMATS = ("channels_last", "channels_first")


def floatx():
    """The dtype of everything that does not ask for another one.

    Returns:
        `"float32"` or `"float64"`.

    Example:
        >>> floatx()
        'float32'
    """
    return _floatx


def set_floatx(value):
    """Set the default float dtype.

    Args:
        value: `"float32"` or `"float64"`.

    Raises:
        ValueError: for any other value. The kernels compute in these two only.

    Example:
        >>> set_floatx("float64"); floatx()
        'float64'
        >>> set_floatx("float32")
    """
    global _floatx
    if value not in _FLOATS:
        raise ValueError(f"Unknown `floatx` value: expected one of {_FLOATS}, received {value!r}.")
    _floatx = str(value)


def epsilon():
    """The small number that keeps divisions and logarithms finite.

    Returns:
        A float, 1e-7 unless `set_epsilon` changed it.

    Example:
        >>> epsilon()
        1e-07
    """
    return _epsilon


def set_epsilon(value):
    """Set the number that `epsilon()` returns.

    Args:
        value: a float.

    Example:
        >>> set_epsilon(1e-5); epsilon()
        1e-05
        >>> set_epsilon(1e-7)
    """
    global _epsilon
    _epsilon = value


def image_data_format():
    """Where the channel axis of images stands by default.

    Returns:
        `"channels_last"` or `"channels_first"`.

    Example:
        >>> image_data_format()
        'channels_last'
    """
    return _image_data_format


def set_image_data_format(data_format):
    """Set the default place of the channel axis.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: for any other value.

    Example:
        >>> set_image_data_format("channels_last")
    """
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format):
    """The data format a layer uses: its own argument, or the default for `None`.

    Args:
        data_format: `None`, `"channels_last"` or `"channels_first"`.

    Returns:
        `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: for any other value.

    Example:
        >>> standardize_data_format(None)
        'channels_last'
    """
    if data_format is None:
        return _image_data_format
    name = str(data_format).lower()
    if name not in _DATA_FORMATS:
        raise ValueError(f"The `data_format` argument must be one of {_DATA_FORMATS}. Received: data_format={data_format!r}")
    return name


def enable_interactive_logging():
    """Print progress and messages to standard output (the default)."""
    global _interactive_logging
    _interactive_logging = True


def disable_interactive_logging():
    """Send progress and messages to the logger named `dlcore` instead of standard output."""
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled():
    """Whether progress and messages go to standard output.

    Returns:
        A bool.

    Example:
        >>> is_interactive_logging_enabled()
        True
    """
    return _interactive_logging
