"""Layers that join two or more tensors along axes: concatenation and products."""

from dlcore._kernels.array import expand_dims, reshape, transpose
from dlcore._kernels.binary import minimum as smaller
from dlcore._kernels.binary import multiply as times
from dlcore._kernels.create import ones_like
from dlcore._kernels.elementwise import rsqrt, square
from dlcore._kernels.gather import broadcast_to
from dlcore._kernels.gather import concatenate as joined
from dlcore._kernels.matmul import matmul
from dlcore._kernels.reduce import any as any_of
from dlcore._kernels.reduce import sum as sum_of
from dlcore.config import epsilon
from dlcore.layers.merging import Merge, shapes_of


class Concatenate(Merge):
    """Joins its inputs along an axis.

    Args:
        axis: The axis; not that of the batch.

    Example:
        >>> import dlcore
        >>> dlcore.layers.Concatenate()([dlcore.ops.ones((5, 2)), dlcore.ops.ones((5, 3))]).shape
        (5, 5)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = axis

    def compute_output_shape(self, input_shape):
        shapes = shapes_of("Concatenate", input_shape)
        rank = len(shapes[0])
        if not hasattr(self.axis, "__index__") or not -rank <= self.axis < rank:
            raise ValueError(f"Concatenate: axis must be a whole number in [{-rank}, {rank}). Received: axis={self.axis!r}, input_shape={input_shape}")
        axis = self.axis % rank
        merged = list(shapes[0])
        for shape in shapes[1:]:
            fits = len(shape) == rank
            for i in range(rank if fits else 0):
                if i == axis:
                    merged[i] = None if None in (merged[i], shape[i]) else merged[i] + shape[i]
                else:
                    fits = fits and (None in (merged[i], shape[i]) or merged[i] == shape[i])
            if not fits:
                raise ValueError(
                    f"A `Concatenate` layer requires inputs with matching shapes except for the concatenation axis {self.axis}. Received: input_shape={input_shape}"
                )
        return tuple(merged)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A `Concatenate` layer should be called on a list of inputs. Received: inputs={inputs!r}")
        return joined(inputs, self.axis)

    def compute_mask(self, inputs, mask=None):
        masks = self.masks_of(inputs, mask)
        if masks is None or all(m is None for m in masks):
            return None
        parts = []
        for x, m in zip(inputs, masks, strict=True):
            if m is None:
                m = ones_like(x, dtype="bool")
            elif m.ndim < x.ndim:
                m = broadcast_to(expand_dims(m, -1), x.shape)
            parts.append(m)
        return any_of(joined(parts, self.axis), -1)


class Dot(Merge):
    """Sums of products of two inputs over one axis of each, sample by sample.

    Args:
        axes: The axis of both, or a pair with one of each.
        normalize: Whether the vectors along the axes are scaled to length 1 first (the result is the cosine then).

    Example:
        >>> import dlcore
        >>> a, b = dlcore.ops.ones((5, 3, 4)), dlcore.ops.ones((5, 4, 6))
        >>> dlcore.layers.Dot(axes=(2, 1))([a, b]).shape
        (5, 3, 6)
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(axes, int):
            if not isinstance(axes, (list, tuple)):
                raise TypeError(f"Dot: axes must be a whole number or a pair of them. Received: axes={axes!r}")
            if len(axes) != 2 or not all(isinstance(a, int) for a in axes):
                raise ValueError(f"Dot: axes must be a whole number or a pair of them. Received: axes={axes!r}")
        self.axes = axes
        self.normalize = normalize

    def compute_output_shape(self, input_shape):
        first, second = self._checked(input_shape)
        a, b = self._both_axes(first, second)
        shape = (*first[:a], *first[a + 1 :], *second[1:b], *second[b + 1 :])
        return shape if len(shape) > 1 else (*shape, 1)

    def _checked(self, input_shape):
        shapes = shapes_of("Dot", input_shape, 2)
        if len(shapes) != 2:
            raise ValueError(f"A `Dot` layer should be called on exactly 2 inputs. Received: input_shape={input_shape}")
        first, second = shapes
        a, b = self._both_axes(first, second)
        sizes = first[a], second[b]
        if None not in sizes and sizes[0] != sizes[1]:
            raise ValueError(
                f"Dot: incompatible input shapes: {sizes[0]} elements along axis {a} against {sizes[1]} along axis {b}. Received: input_shape={input_shape}"
            )
        batches = {first[0], second[0]} - {None}
        if len(batches) > 1:
            raise ValueError(f"Dot: the inputs have different batch sizes. Received: input_shape={input_shape}")
        return shapes

    def _both_axes(self, first, second):
        axes = (self.axes,) * 2 if isinstance(self.axes, int) else self.axes
        for axis, shape in zip(axes, (first, second), strict=True):
            if len(shape) < 2 or not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(f"Dot: axes must name an axis after the batch of each input. Received: axes={self.axes}, input shapes {first} and {second}")
        return axes[0] % len(first), axes[1] % len(second)

    def call(self, inputs):
        if not isinstance(inputs, (list, tuple)):
            raise ValueError(f"A `Dot` layer should be called on a list of inputs. Received: inputs={inputs!r}")
        first, second = self._checked([x.shape for x in inputs])
        x, y = inputs
        a, b = self._both_axes(first, second)
        if self.normalize:
            x, y = _unit(x, a), _unit(y, b)
        if len(first) == len(second) == 2:
            return sum_of(times(x, y), 1, keepdims=True)
        # (batch, rows, k) @ (batch, k, columns): the axis goes last in x and after the batch in y.
        rows, columns = first[1:a] + first[a + 1 :], second[1:b] + second[b + 1 :]
        if a != len(first) - 1:
            x = transpose(x, [*range(a), *range(a + 1, len(first)), a])
        if b != 1:
            y = transpose(y, [0, b, *range(1, b), *range(b + 1, len(second))])
        product = matmul(reshape(x, (first[0], _size(rows), first[a])), reshape(y, (first[0], second[b], _size(columns))))
        return reshape(product, (first[0], *rows, *columns))

    def compute_mask(self, inputs, mask=None):
        return None


def _size(dims):
    n = 1
    for d in dims:
        n *= d
    return n


def _unit(x, axis):
    return times(x, smaller(rsqrt(sum_of(square(x), axis, keepdims=True)), 1 / epsilon()))


def concatenate(inputs, axis=-1, **kwargs):
    """Tensors joined along an axis: a call of the layer :class:`Concatenate`.

    Args:
        inputs: List of tensors.
        axis: The axis.
        **kwargs: Arguments of the layer, such as its name.

    Returns:
        A tensor.
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """Sums of products of two tensors: a call of the layer :class:`Dot`.

    Args:
        inputs: List of two tensors.
        axes: The axis of both, or a pair with one of each.
        **kwargs: Arguments of the layer, such as `normalize`.

    Returns:
        A tensor.
    """
    return Dot(axes=axes, **kwargs)(inputs)
