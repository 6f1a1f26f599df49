"""Nested structures: lists, tuples and dicts of anything. What is not one of these is a leaf."""

from typing import Any


def flatten(structure):
    """The leaves in order; dicts in the order of their sorted keys where they can be sorted."""
    if isinstance(structure, dict):
        return [leaf for key in _keys(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, (list, tuple)):
        return [leaf for item in structure for leaf in flatten(item)]
    return [structure]


def _keys(structure):
    try:
        return sorted(structure)
    except TypeError:
        return list(structure)


def map_structure(function, structure, *others) -> Any:
    """The same structure with ``function(leaf, ...)`` of the leaves of one or more equal structures."""
    if isinstance(structure, dict):
        return {key: map_structure(function, value, *[other[key] for other in others]) for key, value in structure.items()}
    if isinstance(structure, (list, tuple)):
        for other in others:
            if len(other) != len(structure):
                raise ValueError(f"structures differ: {len(structure)} items against {len(other)}")
        items = [map_structure(function, *row) for row in zip(structure, *others, strict=True)]
        return type(structure)(*items) if hasattr(structure, "_fields") else type(structure)(items)
    return function(structure, *others)


def is_shape(value):
    """Whether `value` is a shape: a tuple or list of whole numbers and None."""
    return isinstance(value, (tuple, list)) and all(d is None or isinstance(d, int) for d in value)


def map_shape(function, structure):
    """``function(shape)`` for every shape in a structure of shapes."""
    if is_shape(structure):
        return function(tuple(structure))
    if isinstance(structure, dict):
        return {key: map_shape(function, value) for key, value in structure.items()}
    return type(structure)(map_shape(function, item) for item in structure)


def pack_as(structure, leaves) -> Any:
    """The structure with its leaves replaced, in the order of :func:`flatten`."""
    leaves = iter(leaves)

    def rebuild(value):
        if isinstance(value, dict):
            filled = {key: rebuild(value[key]) for key in _keys(value)}
            return {key: filled[key] for key in value}
        if isinstance(value, (list, tuple)):
            items = [rebuild(item) for item in value]
            return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
        return next(leaves)

    return rebuild(structure)
