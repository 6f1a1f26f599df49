"""A dict with attributes."""


class Config:
    """Named values, read and written as attributes or as items; they can be frozen and written as JSON.

    Args:
        **kwargs: the values.

    Example:
        >>> config = Config(learning_rate=0.1)
        >>> config.epochs = 5
        >>> config["epochs"], config.learning_rate, config.to_json()
        (5, 0.1, '{"learning_rate": 0.1, "epochs": 5}')
        >>> config.freeze()
        >>> config.epochs = 6
        Traceback (most recent call last):
        ValueError: Cannot mutate attribute(s) because the config is frozen.
    """

    def __init__(self, **kwargs):
        object.__setattr__(self, "_values", kwargs)
        object.__setattr__(self, "_frozen", False)

    @property
    def frozen(self):
        """Whether values may not be changed."""
        return self._frozen

    def freeze(self):
        """Refuse changes from now on."""
        object.__setattr__(self, "_frozen", True)

    def unfreeze(self):
        """Allow changes again."""
        object.__setattr__(self, "_frozen", False)

    def as_dict(self):
        """A dict of the values."""
        return dict(self._values)

    def to_json(self):
        """The values as JSON."""
        import json

        return json.dumps(self._values)

    def keys(self):
        return self._values.keys()

    def values(self):
        return self._values.values()

    def items(self):
        return self._values.items()

    def get(self, keyname, value=None):
        return self._values.get(keyname, value)

    def pop(self, *args):
        return self._changeable().pop(*args)

    def update(self, *args, **kwargs):
        self._changeable().update(*args, **kwargs)

    def _changeable(self):
        if self._frozen:
            raise ValueError("Cannot mutate attribute(s) because the config is frozen.")
        return self._values

    def __setattr__(self, name, value):
        if name in dir(type(self)):
            raise AttributeError(f"{name!r} is the name of a method of Config; a value of that name can be set with config[{name!r}]")
        self._changeable()[name] = value

    def __getattr__(self, name):
        values = self.__dict__.get("_values", {})
        if name in values:
            return values[name]
        import difflib

        close = difflib.get_close_matches(name, map(str, values), n=1, cutoff=0.7)
        raise AttributeError(f"Unknown attribute: {name!r}.{f' Did you mean {close[0]!r}?' if close else ''}")

    def __setitem__(self, key, item):
        self._changeable()[key] = item

    def __getitem__(self, key):
        return self._values[key]

    def __delitem__(self, key):
        del self._changeable()[key]

    def __contains__(self, item):
        return item in self._values

    def __iter__(self):
        return iter(sorted(self._values))

    def __len__(self):
        return len(self._values)

    def __repr__(self):
        return f"<Config {self._values}>"
