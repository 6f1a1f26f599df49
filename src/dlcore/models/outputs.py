"""The outputs of a model in a fixed order."""

from dlcore import tree

NESTS = (list, tuple, dict)


class Outputs:
    """The outputs of a model in a fixed order, and how whatever belongs to them is put into it.

    Attributes:
        names: For each output its name, or `None`.
        loss_names: The same for the trackers of losses: keys of nested outputs in front.
        keys: The keys of `y_pred` in the same order if it is a dict of tensors, else `None`.
        nested: Whether `y_pred` holds structures in a structure.
    """

    def __init__(self, y_pred, output_names):
        self.keys = None
        self.nested = isinstance(y_pred, NESTS) and any(isinstance(y, NESTS) for y in (y_pred.values() if isinstance(y_pred, dict) else y_pred))
        self._structure = tree.map_structure(lambda _: None, y_pred)
        if isinstance(y_pred, dict) and not self.nested:
            known = output_names and set(y_pred) == set(output_names)
            self.keys = list(output_names) if known else sorted(y_pred)
        self.count = len(self.keys) if self.keys else len(tree.flatten(y_pred))
        if self.keys:
            self.names = self.keys
        elif output_names is not None and len(output_names) == self.count:
            self.names = list(output_names)
        else:
            self.names = [None] * self.count
        self.loss_names = self.names
        if self.nested:
            paths = [(*path[:-1], name or path[-1]) if isinstance(path[-1], int) else path for path, name in zip(_paths(y_pred), self.names, strict=True)]
            self.loss_names = ["/".join(map(str, path)) for path in paths]

    def spread(self, given):
        """What was given for each output, from a structure like that of nested outputs."""
        return _spread_like(self._structure, given)

    def of_pred(self, y_pred):
        """The predictions in order."""
        return [y_pred[key] for key in self.keys] if self.keys else tree.flatten(y_pred)

    def of_true(self, y_true, wanted=None):
        """The targets in order.

        Args:
            y_true: A tensor, list, tuple or dict.
            wanted: Which outputs have a loss: the only ones that need targets.
        """
        names = self.names
        if isinstance(y_true, dict) and set(y_true) == set(names):
            return [y_true[name] for name in names]
        flat = tree.flatten(y_true)
        if len(flat) == self.count:
            return flat
        if wanted is not None and len(flat) == sum(wanted):
            rest = iter(flat)
            return [next(rest) if want else None for want in wanted]
        raise ValueError(
            f"y_true and y_pred have different structures.\ny_true: {_pattern(y_true)}\ny_pred: {self.count} outputs"
            + (f" named {names}" if any(names) else "")
        )

    def of_weight(self, sample_weight):
        """The sample weights in order; one that is not a structure belongs to every output."""
        if not isinstance(sample_weight, NESTS):
            return [sample_weight] * self.count
        if isinstance(sample_weight, dict):
            unknown = set(sample_weight) - set(self.names)
            if unknown:
                raise ValueError(f"sample_weight has keys {sorted(unknown)} that are not outputs; expected some of {self.names}")
            return [sample_weight.get(name) for name in self.names]
        flat = tree.flatten(sample_weight)
        if len(flat) == 1:
            return flat * self.count
        if len(flat) != self.count:
            raise ValueError(f"sample_weight must hold one array for each of the {self.count} outputs; received {len(flat)}")
        return flat


def _paths(structure) -> list[tuple]:
    """The keys and positions that lead to each leaf, in the order of `tree.flatten`."""
    if not isinstance(structure, NESTS):
        return [()]
    items = [(key, structure[key]) for key in sorted(structure)] if isinstance(structure, dict) else enumerate(structure)
    return [(key, *path) for key, item in items for path in _paths(item)]


def _spread_like(structure, given):
    if not isinstance(structure, NESTS):
        return [given]
    if given is None:
        return [None] * len(tree.flatten(structure))
    if isinstance(structure, dict):
        if not isinstance(given, dict) or set(given) != set(structure):
            raise ValueError(f"Expected a dict with the keys {sorted(structure)}; received {given!r:.200}")
        return [item for key in sorted(structure) for item in _spread_like(structure[key], given[key])]
    if not isinstance(given, (list, tuple)) or len(given) != len(structure):
        raise ValueError(f"Expected a list of {len(structure)} items; received {given!r:.200}")
    return [item for part, inner in zip(structure, given, strict=True) for item in _spread_like(part, inner)]


def _pattern(structure):
    return tree.map_structure(lambda _: "*", structure)
