"""Activated: a layer that ends with an activation, which its op computes on the way if it can."""

from collections.abc import Callable

from dlcore import activations
from dlcore.layers.base import Layer


class Activated(Layer):
    """A layer with an attribute `activation`, which may be exchanged at any time.

    `_fused` is the code with which an op computes it; None if it is not elementwise, so must be called on the op's result.
    """

    activation: Callable

    def __setattr__(self, name, value):
        if name == "activation":
            value = activations.get(value)
            super().__setattr__("_fused", activations.fused_code(value))
        super().__setattr__(name, value)
