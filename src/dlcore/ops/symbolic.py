"""Node: one call of an operation in the graph of a functional model."""

import functools

from dlcore import tree
from dlcore._kernels.tensor import KerasTensor
from dlcore.naming import auto_name, to_snake_case


class Node:
    """One call of a layer or of an op on symbolic tensors.

    Attributes:
        operation: The callable: a Layer, or an ops function.
        args, kwargs: What it was called with, symbolic tensors in their places.
        outputs: The structure of symbolic tensors that it gave.
        follows: What comes before this call in the order of layers: the inputs, and the masks that travel with them to a layer
            that takes masks (Keras counts these as inputs).
        name: That of the layer, or a name for this call of an op; None for ops inside a layer that is tried on placeholders.
    """

    def __init__(self, operation, args, kwargs, outputs, masks=()):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.inputs = [x for x in tree.flatten((args, kwargs)) if type(x) is KerasTensor]
        self.follows = self.inputs + [m for m in masks if type(m) is KerasTensor and m.history is not None]
        self.name = getattr(operation, "name", None)
        if self.name is None and any(x.history is not None and x.history.name is not None for x in self.inputs):
            # Keras has a class for every op, and numbers its instances together with the layers.
            name = getattr(operation, "__name__", type(operation).__name__)
            self.name = auto_name({"getitem": "get_item"}.get(name, to_snake_case(name)))
        for x in tree.flatten(outputs):
            # An op that changes nothing may return its input, which keeps the history that it has.
            if type(x) is KerasTensor and not any(x is given for given in self.inputs):
                x.history = self

    @property
    def input_tensors(self):
        return self.inputs[0] if len(self.inputs) == 1 else self.inputs


def door(entry, module):
    """The public function of `module` behind which `entry` stands: it also records the call when an argument was symbolic."""

    @functools.wraps(entry)
    def op(*args, **kwargs):
        out = entry(*args, **kwargs)
        if type(out) is KerasTensor or (type(out) in (tuple, list) and out and type(out[0]) is KerasTensor):
            Node(op, args, kwargs, out)
        return out

    op.__module__ = module                  # where pickle finds it
    return op
