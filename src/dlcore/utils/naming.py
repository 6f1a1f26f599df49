"""Names made from class names: `MaxNorm` -> `max_norm`, and numbered ones for objects that were given none."""

import re

_counts = {}


def to_snake_case(name):
    """`CamelCase` to `snake_case`, as string identifiers and automatic names spell it.

    Args:
        name: a class name.

    Returns:
        The name in lower case with underscores between its words.

    Example:
        >>> to_snake_case("GlorotUniform"), to_snake_case("Conv2D"), to_snake_case("L1L2")
        ('glorot_uniform', 'conv2d', 'l1l2')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def auto_name(class_name):
    """A name not handed out before: `dense`, `dense_1`, `dense_2`, ...

    Args:
        class_name: the name of the class of the object to be named.

    Returns:
        A string.

    Example:
        >>> auto_name("ExampleThing"), auto_name("ExampleThing")
        ('example_thing', 'example_thing_1')
    """
    prefix = to_snake_case(class_name)
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def reset_names():
    """Start counting again from zero, as `clear_session` does."""
    _counts.clear()
