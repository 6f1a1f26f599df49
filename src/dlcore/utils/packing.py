"""Batches as tuples: x, (x, y) or (x, y, sample_weight)."""


def unpack_x_y_sample_weight(data):
    """What a batch consists of, with None for what it lacks; for a `train_step` of one's own.

    Args:
        data: x, (x,), (x, y) or (x, y, sample_weight); a list counts as a tuple.

    Returns:
        (x, y, sample_weight).

    Raises:
        ValueError: if it is a tuple of another length.

    Example:
        >>> unpack_x_y_sample_weight(("inputs", "targets"))
        ('inputs', 'targets', None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if len(data) == 2:
        return data[0], data[1], None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"Data is expected to be in format `x`, `(x,)`, `(x, y)`, or `(x, y, sample_weight)`; received a tuple of {len(data)}")
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x, y=None, sample_weight=None):
    """The shortest batch that holds what is given.

    Args:
        x: the inputs.
        y: the targets.
        sample_weight: the weights of the samples.

    Returns:
        x, (x, y) or (x, y, sample_weight); x that is a tuple or a list itself comes as (x,).

    Example:
        >>> pack_x_y_sample_weight("inputs", "targets")
        ('inputs', 'targets')
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
