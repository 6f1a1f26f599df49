"""Arguments that several layers take."""


def whole_tuple(value, n, name, allow_zero=False) -> tuple[int, ...]:
    """A tuple of n whole numbers from a number (n times) or a sequence of n.

    Args:
        value: What the user passed.
        n: Length of the tuple.
        name: Name of the argument, for the error.
        allow_zero: Whether 0 may be in it.

    Raises:
        ValueError: If it is something else, or holds a number that is too small.

    Example:
        >>> whole_tuple(2, 3, "size")
        (2, 2, 2)
    """
    try:
        items = (value,) * n if hasattr(value, "__index__") else tuple(value)
        items = tuple(d.__index__() for d in items)
    except (TypeError, AttributeError):
        items = ()
    if len(items) != n:
        raise ValueError(f"The `{name}` argument must be a whole number or a tuple of {n} whole numbers. Received: {name}={value!r}")
    if min(items) < (0 if allow_zero else 1):
        raise ValueError(f"The `{name}` argument must hold numbers of at least {0 if allow_zero else 1}. Received: {name}={value!r}")
    return items
