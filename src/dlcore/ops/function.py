"""Function: a user's own differentiable operation, written in NumPy."""

import copy
from typing import Any

import numpy as np

from dlcore._kernels.tape import apply_function
from dlcore._kernels.tensor import KerasTensor, convert
from dlcore.ops.symbolic import Node


class Function:
    """A differentiable operation given by two NumPy methods.

    ``forward(*arrays)`` takes read-only arrays and returns an array or a tuple of arrays; it may keep on ``self`` what
    ``backward`` needs. ``backward(*gradients)`` takes one gradient per output and returns one per input (``None`` for an
    input without one). Each call works on a copy of the object, so one Function may be used many times in a network.

    Example:
        >>> import numpy as np
        >>> import dlcore
        >>> class Cube(dlcore.ops.Function):
        ...     def forward(self, x):
        ...         self.x = x
        ...         return x ** 3
        ...     def backward(self, dy):
        ...         return 3 * self.x ** 2 * dy
        >>> x = dlcore.Variable([2.0])
        >>> with dlcore.GradientTape() as tape:
        ...     y = Cube()(x)
        >>> tape.gradient(y, x).numpy().tolist()
        [12.0]
    """

    def forward(self, *arrays) -> Any:
        raise TypeError(f"{type(self).__name__} must define forward(self, *arrays)")

    def backward(self, *gradients) -> Any:
        raise TypeError(f"{type(self).__name__} must define backward(self, *gradients) to be differentiated")

    def __call__(self, *inputs):
        outputs = apply_function(copy.copy(self), inputs)
        if type(outputs) is KerasTensor or isinstance(outputs, tuple) and type(outputs[0]) is KerasTensor:
            Node(self, inputs, {}, outputs)
        return outputs

    def _run(self, arrays):
        """Whether forward gave one output, and the tuple of them."""
        results = self.forward(*arrays)
        outputs = results if isinstance(results, tuple) else (results,)
        if not outputs or any(y is None or type(y) is KerasTensor for y in outputs):
            raise ValueError(f"{type(self).__name__}.forward must return an array or a tuple of arrays; received {results!r}")
        return not isinstance(results, tuple), outputs

    def _infer(self, specs):
        """The same for symbolic inputs: KerasTensors, from two trial runs that fill the unknown dimensions differently."""
        trials = []
        for fill in (2, 3):
            arrays = [np.ones([fill if d is None else d for d in s.shape], s.dtype) for s in specs]
            single, outputs = copy.copy(self)._run(arrays)
            trials.append([convert(y) for y in outputs])
        outs = []
        for a, b in zip(*trials, strict=True):
            if a.ndim != b.ndim:
                raise ValueError(f"{type(self).__name__}.forward gives {a.ndim} or {b.ndim} axes, depending on the batch; a symbolic call needs one number")
            outs.append(KerasTensor([m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)], a.dtype))
        return single, tuple(outs)
