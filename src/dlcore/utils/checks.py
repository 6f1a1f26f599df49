"""What arguments may be."""

import numpy as np


def is_count(value, least=1):
    """Whether `value` is a whole number of at least `least`; True and False are none.

    Example:
        >>> is_count(3), is_count(0), is_count(0, least=0), is_count(True), is_count(2.0)
        (True, False, True, False, False)
    """
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and value >= least
