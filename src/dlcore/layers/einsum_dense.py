"""EinsumDense: a fully connected layer on any axes, written as an einsum."""

import math
import re

from dlcore import constraints, initializers, regularizers
from dlcore._kernels.array import reshape
from dlcore._kernels.binary import add
from dlcore._kernels.dense import dense
from dlcore._kernels.einsum import einsum
from dlcore.layers.activated import Activated
from dlcore.layers.base import InputSpec


class EinsumDense(Activated):
    """``activation(einsum(equation, inputs, kernel) + bias)``.

    Args:
        equation: ``"ab,bc->ac"`` and the like: labels of the inputs, the kernel and the result. ``...`` may stand for axes at
            the beginning (or at the end) of inputs and result.
        output_shape: Size, or sizes, of the result without the batch and the axes under ``...``; None where the size follows
            from the inputs.
        activation: Activation function or name; linear by default.
        bias_axes: The labels of the result along which the bias has numbers of its own; no bias by default.
        kernel_initializer, bias_initializer: Initializers.
        kernel_regularizer, bias_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: Not supported; must be None.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.EinsumDense("abc,cd->abd", output_shape=(None, 8), bias_axes="d")
        >>> layer(dlcore.ops.ones((2, 5, 3))).shape
        (2, 5, 8)
    """

    def __init__(self, equation, output_shape, activation=None, bias_axes=None, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, kernel_constraint=None, bias_constraint=None, lora_rank=None,
                 lora_alpha=None, gptq_unpacked_column_size=None, quantization_config=None, **kwargs):
        super().__init__(**kwargs)
        for option, value in (("lora_rank", lora_rank), ("lora_alpha", lora_alpha), ("gptq_unpacked_column_size", gptq_unpacked_column_size),
                              ("quantization_config", quantization_config)):
            if value is not None:
                raise ValueError(f"EinsumDense: {option} is not supported and must be None; received {option}={value!r}")
        self.equation = equation
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.bias_axes = bias_axes
        self.activation = activation
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias = None
        self._matrix = None             # (inputs, outputs) where the kernel is a matrix between the last axes

    def build(self, input_shape):
        shapes = _Shapes(self, input_shape)
        self.input_spec = InputSpec(ndim=len(input_shape))
        initializer = self.kernel_initializer
        if isinstance(initializer, initializers.VarianceScaling) and None in (initializer.input_axes, initializer.output_axes):
            # The fans follow from the equation, not from the usual layout of kernels.
            config = {**initializer.get_config(), "seed": initializer.seed, "input_axes": shapes.input_axes, "output_axes": shapes.output_axes}
            initializer = type(initializer).from_config(config)
        self.kernel = self.add_weight(name="kernel", shape=shapes.kernel, initializer=initializer, regularizer=self.kernel_regularizer,
                                      constraint=self.kernel_constraint)
        if shapes.bias is not None:
            self.bias = self.add_weight(name="bias", shape=shapes.bias, initializer=self.bias_initializer, regularizer=self.bias_regularizer,
                                        constraint=self.bias_constraint)
        self._matrix = shapes.matrix()

    def compute_output_shape(self, input_shape):
        return tuple(_Shapes(self, input_shape).output)

    def call(self, inputs):
        if self._matrix is not None:
            return self._dense(inputs, *self._matrix)
        y = einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            y = add(y, self.bias)
        return self.activation(y)

    def _dense(self, x, summed, free):
        """The same as one fused matrix product: `summed` axes of x meet those of the kernel, `free` ones are new."""
        kernel, bias = self.kernel, self.bias
        front = x.shape[: len(x.shape) - summed]
        sizes = kernel.shape[summed:]
        if summed > 1:
            x = reshape(x, (*front, math.prod(kernel.shape[:summed])))
        if len(kernel.shape) > 2:
            kernel = reshape(kernel, (math.prod(kernel.shape[:summed]), math.prod(sizes)))
        whole = bias is None or tuple(bias.shape) == tuple(sizes)
        if whole and bias is not None and free > 1:
            bias = reshape(bias, (math.prod(sizes),))
        fused = whole and self._fused is not None
        y = dense(x, kernel, bias if whole else None, self._fused if fused else None)
        if free > 1:
            y = reshape(y, (*front, *sizes))
        if not whole:
            y = add(y, bias)
        return y if fused else self.activation(y)


class _Shapes:
    """What an equation and the shape of the inputs say about kernel, bias and result."""

    def __init__(self, layer, input_shape):
        equation = layer.equation
        parts = re.fullmatch(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation.replace(" ", ""))
        if not parts or bool(parts[1]) != bool(parts[5]) or bool(parts[3]) != bool(parts[7]) or parts[1] and parts[3]:
            raise ValueError(f"EinsumDense: equation must have the form '[X],[Y]->[Z]', '...[X],[Y]->...[Z]' or '[X]...,[Y]->[Z]...'; "
                             f"received equation={equation!r}")
        self.inputs, self.weights, self.result = parts[2], parts[4], parts[6]
        self.left, self.right = bool(parts[1]), bool(parts[3])
        elided = len(input_shape) - len(self.inputs)
        if elided < 0 or elided > 0 and not self.left and not self.right:
            raise ValueError(f"EinsumDense: equation {equation!r} names {len(self.inputs)} axes of the inputs; received inputs of shape {tuple(input_shape)}")
        given = layer.partial_output_shape
        under = list(input_shape[:elided] if self.left else input_shape[len(input_shape) - elided:])
        if self.left and elided:
            output = [*under, *given]                   # the batch is one of the axes under the ellipsis
        else:
            output = [input_shape[0], *given, *under]
        if len(output) != elided + len(self.result):
            raise ValueError(f"EinsumDense: equation {equation!r} gives a result of {elided + len(self.result)} axes for inputs of shape "
                             f"{tuple(input_shape)}, and the batch, output_shape and the ellipsis have {len(output)}; received output_shape={given}")
        shift = elided if self.left else 0
        sizes = dict(zip(self.inputs, input_shape[shift:], strict=False))
        for i, label in enumerate(self.result, shift):
            output[i] = sizes.get(label) if output[i] is None else output[i]
        out = dict(zip(self.result, output[shift:], strict=False))
        for label, n in out.items():
            if label in sizes and n != sizes[label] and None not in (n, sizes[label]):
                raise ValueError(f"EinsumDense: label {label!r} has {sizes[label]} elements in the inputs and {n} in the result; received inputs of "
                                 f"shape {tuple(input_shape)} and output_shape={given}")
            if label not in self.inputs and label not in self.weights:
                raise ValueError(f"EinsumDense: label {label!r} of the result is neither one of the inputs nor of the kernel; received equation={equation!r}")
        for label in self.weights:
            if label not in out and label not in sizes:
                raise ValueError(f"EinsumDense: label {label!r} of the kernel is neither one of the inputs nor of the result; received equation={equation!r}")
        self.output = output
        self.kernel = tuple(out[label] if label in out else sizes[label] for label in self.weights)
        if None in self.kernel:
            raise ValueError(f"EinsumDense: the size of every axis of the kernel must be known; received inputs of shape {tuple(input_shape)}, "
                             f"output_shape={given} and equation={equation!r}, which give {self.kernel}")
        self.output_axes = [i for i, label in enumerate(self.weights) if label in out]
        self.input_axes = [i for i, label in enumerate(self.weights) if label not in out]
        self.bias = None
        if layer.bias_axes is not None:
            missing = [label for label in layer.bias_axes if label not in self.result]
            if missing or not layer.bias_axes:
                raise ValueError(f"EinsumDense: bias_axes must name labels of the result {self.result!r}; received bias_axes={layer.bias_axes!r}")
            first = min(self.result.index(label) for label in layer.bias_axes)
            self.bias = tuple(out[label] if label in layer.bias_axes else 1 for label in self.result[first:]) + (1,) * (0 if self.left else elided)
            if None in self.bias:
                raise ValueError(f"EinsumDense: the size of every axis of the bias must be known; received bias_axes={layer.bias_axes!r} and "
                                 f"output_shape={given}, which give {self.bias}")

    def matrix(self):
        """How many axes the kernel sums over and how many it makes, if those are the last of the inputs and of the result."""
        summed = "".join(label for label in self.weights if label in self.inputs and label not in self.result)
        free = "".join(label for label in self.weights if label not in self.inputs)
        front = self.inputs[: len(self.inputs) - len(summed)]
        plain = self.weights == summed + free and self.inputs == front + summed and self.result == front + free
        distinct = len(set(self.inputs)) == len(self.inputs) and len(set(self.weights)) == len(self.weights)
        return (len(summed), len(free)) if plain and distinct and summed and free and not self.right else None
