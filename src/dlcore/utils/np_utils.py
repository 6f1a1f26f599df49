"""The spelling of Keras 1 and 2: `from dlcore.utils import np_utils`."""

import warnings

from .numerical import normalize, to_categorical

__all__ = ["normalize", "to_categorical"]

warnings.warn("`dlcore.utils.np_utils` is an old spelling; use `dlcore.utils.to_categorical`.", DeprecationWarning, stacklevel=2)
