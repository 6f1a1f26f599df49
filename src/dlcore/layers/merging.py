"""Layers that make one tensor of several, element by element."""

from dlcore._kernels.array import expand_dims, reshape
from dlcore._kernels.binary import maximum as larger
from dlcore._kernels.binary import minimum as smaller
from dlcore._kernels.binary import multiply as times
from dlcore._kernels.binary import subtract as minus
from dlcore._kernels.compare import logical_or, where
from dlcore._kernels.create import ones_like, zeros_like
from dlcore._kernels.gather import broadcast_to
from dlcore._kernels.tensor import KerasTensor, Tensor
from dlcore._kernels.total import total
from dlcore.layers.base import Layer


def shapes_of(name, input_shape, least=1):
    """The shapes of the inputs as tuples, or the error that says that a list of them was expected."""
    if not isinstance(input_shape, (list, tuple)) or not all(isinstance(s, (list, tuple)) for s in input_shape) or len(input_shape) < least:
        raise ValueError(f"A `{name}` layer should be called on a list of at least {least} input{'s' * (least > 1)}. Received: input_shape={input_shape}")
    return [tuple(s) for s in input_shape]


class Merge(Layer):
    """Elementwise merging: shapes broadcast, missing axes come after the batch, a step is masked if all inputs mask it."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def __call__(self, *args, **kwargs):
        # Built, a list of plain tensors, nothing to propagate: straight to the computation, as Layer does for one tensor.
        if len(args) == 1 and not kwargs and type(args[0]) is list and self.built and self.autocast and self.activity_regularizer is None:
            for x in args[0]:
                if type(x) is not Tensor or x.dtype is not self.compute_dtype or x.mask is not None:
                    break
            else:
                if not self._adds_losses:
                    return self.call(args[0])
        return super().__call__(*args, **kwargs)

    def build(self, input_shape):
        self.compute_output_shape(input_shape)

    def compute_output_shape(self, input_shape):
        shapes = shapes_of(type(self).__name__, input_shape)
        batches = {s[0] for s in shapes if s} - {None}
        if len(batches) > 1:
            raise ValueError(f"{self.name!r}: cannot merge tensors with different batch sizes. Received: input_shape={input_shape}")
        merged = shapes[0][1:]
        for shape in shapes[1:]:
            merged = _broadcast(merged, shape[1:], f"Inputs of layer {self.name!r} have incompatible shapes. Received: input_shape={input_shape}")
        return (batches.pop() if batches else None, *merged)

    def compute_output_spec(self, inputs):
        dtypes = {x.dtype for x in inputs}
        shape = self.compute_output_shape([tuple(x.shape) for x in inputs])
        return KerasTensor(shape, dtypes.pop() if len(dtypes) == 1 else self.compute_dtype)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A merging layer should be called on a list of inputs. Received: inputs={inputs!r} (not a list of tensors)")
        ranks = [x.ndim for x in inputs]
        rank = max(ranks)
        if min(ranks) != rank:
            inputs = [reshape(x, (x.shape[0], *[1] * (rank - x.ndim), *x.shape[1:])) for x in inputs]
        return self._merge(inputs)

    def compute_mask(self, inputs, mask=None):
        masks = self.masks_of(inputs, mask)
        if masks is None or any(m is None for m in masks):
            return None
        merged = masks[0]
        for m in masks[1:]:
            merged = logical_or(merged, m)
        return merged

    def masks_of(self, inputs, mask):
        if mask is None:
            return None
        if not isinstance(mask, (list, tuple)) or not isinstance(inputs, (list, tuple)) or len(mask) != len(inputs):
            raise ValueError(f"{self.name!r}: inputs and mask should be lists of the same length. Received: inputs={inputs!r}, mask={mask!r}")
        return mask

    def _merge(self, inputs):
        raise NotImplementedError(f"{type(self).__name__} must define `_merge`")


def _broadcast(a, b, complaint):
    if len(a) < len(b):
        a, b = b, a
    lead = len(a) - len(b)
    shape = list(a[:lead])
    for i, j in zip(a[lead:], b, strict=True):
        if i is None or j is None:
            shape.append(None)
        elif i != j and 1 not in (i, j):
            raise ValueError(complaint)
        else:
            shape.append(j if i == 1 else i)
    return tuple(shape)


def _over(mask, x):
    """The mask of the steps of x as one of its elements."""
    return None if mask is None else broadcast_to(expand_dims(mask, -1), x.shape)


class Add(Merge):
    """The sum of its inputs.

    Example:
        >>> import dlcore
        >>> a, b = dlcore.ops.ones((2, 3)), dlcore.ops.ones((2, 1))
        >>> dlcore.layers.Add()([a, b]).tolist()
        [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
    """

    def _merge(self, inputs):
        return total(inputs)


class Subtract(Merge):
    """The first of two inputs minus the second.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Subtract()([dlcore.ops.ones((1, 2)), dlcore.ops.ones((1, 2))]).tolist()
        [[0.0, 0.0]]
    """

    def compute_output_shape(self, input_shape):
        shape = super().compute_output_shape(input_shape)
        if len(input_shape) != 2:
            raise ValueError(f"A `Subtract` layer should be called on exactly 2 inputs. Received: input_shape={input_shape}")
        return shape

    def _merge(self, inputs):
        if len(inputs) != 2:
            raise ValueError(f"A `Subtract` layer should be called on exactly 2 inputs. Received: {len(inputs)} inputs")
        return minus(*inputs)


class Multiply(Merge):
    """The product of its inputs. Masked steps of an input count as 1, and steps masked in all of them are 0.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Multiply()([2 * dlcore.ops.ones((1, 2)), 3 * dlcore.ops.ones((1, 2))]).tolist()
        [[6.0, 6.0]]
    """

    def _merge(self, inputs):
        masks = [x.mask for x in inputs]
        everywhere = None
        output = None
        for x, mask in zip(inputs, masks, strict=True):
            if mask is not None:
                mask = _over(mask, x)
                x = where(mask, x, ones_like(x))
                everywhere = mask if everywhere is None else logical_or(everywhere, mask)
            output = x if output is None else times(output, x)
        if None not in masks:
            output = where(everywhere, output, zeros_like(output))
        return output


class Average(Merge):
    """The mean of its inputs.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Average()([dlcore.ops.ones((1, 2)), dlcore.ops.zeros((1, 2))]).tolist()
        [[0.5, 0.5]]
    """

    def _merge(self, inputs):
        return total(inputs, len(inputs))


class _Extreme(Merge):
    """The largest or smallest of the inputs, element by element, among those that do not mask the step."""

    def _merge(self, inputs):
        output, output_mask = inputs[0], _over(inputs[0].mask, inputs[0])
        for x in inputs[1:]:
            mask = _over(x.mask, x)
            if mask is not None:
                x = where(mask, x, output)
            if output_mask is not None:
                output = where(output_mask, output, x)
            output_mask = logical_or(output_mask, mask) if mask is not None and output_mask is not None else None
            output = self._op(output, x)
        return output

    def _op(self, a, b):
        raise NotImplementedError(f"{type(self).__name__} must define `_op`")


class Maximum(_Extreme):
    """The largest of its inputs, element by element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Maximum()([dlcore.ops.ones((1, 2)), dlcore.ops.zeros((1, 2))]).tolist()
        [[1.0, 1.0]]
    """

    def _op(self, a, b):
        return larger(a, b)


class Minimum(_Extreme):
    """The smallest of its inputs, element by element.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Minimum()([dlcore.ops.ones((1, 2)), dlcore.ops.zeros((1, 2))]).tolist()
        [[0.0, 0.0]]
    """

    def _op(self, a, b):
        return smaller(a, b)


def add(inputs, **kwargs):
    """The sum of tensors: a call of the layer :class:`Add`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """The first of two tensors minus the second: a call of the layer :class:`Subtract`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """The product of tensors: a call of the layer :class:`Multiply`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """The mean of tensors: a call of the layer :class:`Average`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """The largest of tensors, element by element: a call of the layer :class:`Maximum`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """The smallest of tensors, element by element: a call of the layer :class:`Minimum`.

    Args:
        inputs: List of tensors.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Minimum(**kwargs)(inputs)
