"""The few settings that the whole library reads."""

from dlcore import _kernels
from dlcore._kernels import blas, parallel
from dlcore.version import __version__

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


def get_num_threads():
    """Number of threads that kernels may use."""
    return parallel.get_num_threads()


def set_num_threads(n):
    """Sets the number of threads that kernels may use; results do not depend on it.

    The environment variables ``DLCORE_NUM_THREADS`` and ``OMP_NUM_THREADS`` set it at import.

    Args:
        n: A whole number of at least 1.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1); get_num_threads()
        1
        >>> set_num_threads(before)
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise ValueError(f"set_num_threads: n must be a whole number; received n={n!r}")
    parallel.set_num_threads(n)


def show_config(print_fn=print):
    """Prints what runs here: version, instruction sets, threads, BLAS.

    Args:
        print_fn: Takes each line.
    """
    import platform
    import sys

    import numpy
    import scipy

    openmp = parallel.openmp_version()
    for name, value in (
        ("dlcore", __version__),
        ("Python", f"{platform.python_version()} on {platform.machine()} {sys.platform}"),
        ("instruction set", f"{_kernels.ISA} (available: {', '.join(_kernels.ISA_AVAILABLE)}; DLCORE_ISA forces one)"),
        ("threads", f"{get_num_threads()} (DLCORE_NUM_THREADS, OMP_NUM_THREADS, dlcore.set_num_threads)"),
        ("OpenMP", openmp or "none: built without it, everything runs on one thread"),
        ("GEMM", f"{blas.engine()} (DLCORE_GEMM=native or blas forces one)"),
        ("BLAS", blas.blas_info()),
        ("NumPy, SciPy", f"{numpy.__version__}, {scipy.__version__}"),
    ):
        print_fn(f"{name + ':':<17}{value}")
