"""Node: one call of an operation in the graph of a functional model."""

from dlcore import tree
from dlcore._kernels.tensor import KerasTensor


class Node:
    """One call of a layer or of an op on symbolic tensors.

    Attributes:
        operation: The callable: a Layer, or an ops function.
        args, kwargs: What it was called with, symbolic tensors in their places.
        outputs: The structure of symbolic tensors that it gave.
    """

    def __init__(self, operation, args, kwargs, outputs):
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.outputs = outputs
        self.inputs = [x for x in tree.flatten((args, kwargs)) if type(x) is KerasTensor]
        for x in tree.flatten(outputs):
            # An op that changes nothing may return its input, which keeps the history that it has.
            if type(x) is KerasTensor and not any(x is given for given in self.inputs):
                x.history = self

    @property
    def input_tensors(self):
        return self.inputs[0] if len(self.inputs) == 1 else self.inputs
