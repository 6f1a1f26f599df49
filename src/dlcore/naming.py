"""Names that layers, variables, metrics and optimizers get when the user gives none."""

import re

_counts = {}


def to_snake_case(name):
    """``BatchNormalization`` -> ``batch_normalization``."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(prefix):
    """``dense``, then ``dense_1``, ``dense_2`` ..."""
    n = _counts.get(prefix, 0)
    _counts[prefix] = n + 1
    return prefix if n == 0 else f"{prefix}_{n}"


def uniquify(name, taken):
    """`name`, or the first of ``name_1``, ``name_2`` ... that is not in `taken`."""
    n, candidate = 0, name
    while candidate in taken:
        n += 1
        candidate = f"{name}_{n}"
    return candidate


def reset():
    """Starts all numbering again; part of ``dlcore.utils.clear_session``."""
    _counts.clear()
