"""Wrong arguments of ops: what is raised, and what the message says."""

import numpy as np
import pytest

from dlcore._kernels import array, binary, cast, compare, create, elementwise, gather, matmul, reduce, tensor

X = np.arange(6, dtype="float32").reshape(2, 3)
MASK = np.ones((2, 3), bool)

CASES = [
    (lambda: gather.getitem(np.ones((1,) * 8), None), ValueError, r"getitem: tensors have at most 8 dimensions; received \(None, Ellipsis\)"),
    (lambda: gather.getitem(np.ones((1,) * 7), (..., ...)), IndexError, r"getitem: expected at most one Ellipsis"),
    (lambda: gather.broadcast_to(X, (-1, 3)), ValueError, r"broadcast_to: shape must hold whole numbers of at least 0; received shape=\(-1, 3\)"),
    (lambda: binary.add(np.ones(2, "uint8"), -1), OverflowError, r"the number -1 does not fit beside .* dtype uint8"),
    (lambda: compare.clip(np.ones(2, "int32"), 0, 1 << 40), OverflowError, r"the number 1099511627776 does not fit beside .* dtype int32"),
    (lambda: matmul.tensordot(np.ones((1,) * 6), np.ones((1,) * 6), axes=1), ValueError, r"tensordot: the result would have 10 dimensions.*at most 8"),
    (lambda: matmul.tensordot(X, X, axes=([0, 0], [0, 0])), ValueError, r"tensordot: axes must name .* each once"),
    (lambda: gather.repeat(X, 1 << 62), MemoryError, r"repeat: the result would be too large; received repeats=4611686018427387904"),
    (lambda: gather.one_hot([1], -1), ValueError, r"one_hot: num_classes must be at least 0; received num_classes=-1"),
    (lambda: gather.one_hot(np.ones((1,) * 8, int), 2), ValueError, r"one_hot: tensors have at most 8 dimensions"),
    (lambda: gather.tile(X, (1,) * 9), ValueError, r"tile: tensors have at most 8 dimensions"),
    (lambda: create.arange(0, 5, 0), ValueError, r"arange: step must not be 0"),
    (lambda: create.linspace(0, 1, -3), ValueError, r"linspace: num must be at least 0; received num=-3"),
    (lambda: binary.add(X, np.ones(4, "float32")), ValueError, r"add: the shapes \(2, 3\), \(4,\) do not broadcast.*axis -1 has 3 and 4"),
    (lambda: binary.multiply(X, np.ones((3, 3), "float32")), ValueError, r"multiply: the shapes .*axis -2 has 2 and 3"),
    (lambda: compare.less(X, np.ones(4, "float32")), ValueError, r"less: the shapes \(2, 3\), \(4,\) do not broadcast"),
    (lambda: binary.subtract(MASK, MASK), TypeError, r"subtract: x1 and x2 must hold numbers.*dtype bool.*logical_xor"),
    (lambda: elementwise.negative(MASK), TypeError, r"negative: x must hold numbers.*dtype bool.*logical_not"),
    (lambda: compare.where(MASK, X), ValueError, r"where: expected both x1 and x2, or neither"),
    (lambda: compare.where(np.ones(4, bool), X, 0.0), ValueError, r"where: the shapes \(4,\), \(2, 3\), \(\) do not broadcast"),
    (lambda: compare.clip(X, None, 1.0), ValueError, r"received None"),
    (lambda: cast.cast(X, "float31"), ValueError, r"dtype must be one of .*received dtype='float31'"),
    (lambda: reduce.sum(X, axis=2), ValueError, r"sum: axis must lie in \[-2, 2\) for a tensor of shape \(2, 3\).*received axis=2"),
    (lambda: reduce.mean(X, axis=(0, -2)), ValueError, r"mean: every axis may be named once; received axis=\(0, -2\)"),
    (lambda: reduce.sum(X, axis=1.5), TypeError, r"sum: axis must be a whole number; received axis=1.5"),
    (lambda: reduce.max(np.zeros((0, 3), "float32"), axis=0), ValueError, r"max: axis 0 .* has no elements.*initial"),
    (lambda: reduce.argmax(np.zeros((0, 3), "float32"), axis=0), ValueError, r"argmax: axis 0 .* has no elements"),
    (lambda: array.reshape(X, (4, 2)), ValueError, r"reshape: expected a newshape with the 6 elements .*received newshape=\(4, 2\)"),
    (lambda: array.reshape(X, (-1, 4)), ValueError, r"reshape: expected a newshape with the 6 elements"),
    (lambda: array.reshape(X, (-1, -1)), ValueError, r"reshape: newshape may hold one -1"),
    (lambda: array.reshape(X, (-2, 3)), ValueError, r"reshape: newshape must hold sizes of at least 0"),
    (lambda: array.reshape(X, (2, 1.5)), TypeError, r"reshape: newshape must hold whole numbers"),
    (lambda: array.expand_dims(X, 5), ValueError, r"expand_dims: axis must lie in \[-3, 3\)"),
    (lambda: array.squeeze(X, 0), ValueError, r"squeeze: expected one element along axis 0; received a tensor of shape \(2, 3\)"),
    (lambda: array.transpose(X, (0, 0)), ValueError, r"transpose: axes must name each of the 2 axes"),
    (lambda: array.moveaxis(X, (0, 1), 0), ValueError, r"moveaxis: source and destination must name the same number"),
    (lambda: array.split(X, 2, axis=1), ValueError, r"split: the 3 elements along axis 1 .* cannot be cut into 2 equal parts"),
    (lambda: array.unstack(X, num=3), ValueError, r"unstack: expected num=2 for axis 0"),
    (lambda: gather.getitem(X, (0, 3)), IndexError, r"getitem: index 3 is out of range for axis 1 with 3 elements"),
    (lambda: gather.getitem(X, (0, 0, 0)), IndexError, r"getitem: 3 indices for a tensor of shape \(2, 3\)"),
    (lambda: gather.getitem(X, [0, 2]), IndexError, r"getitem: index 2 is out of range for axis 0 with 2 elements"),
    (lambda: gather.getitem(X, np.array([True])), IndexError, r"getitem: expected a mask of 2 elements for axis 0"),
    (lambda: gather.getitem(X, "a"), IndexError, r"getitem: expected whole numbers, slices.*received 'a'"),
    (lambda: gather.getitem(X, np.array([0.5])), TypeError, r"getitem: indices must be whole numbers.*float64"),
    (lambda: gather.take(X, [5], axis=1), IndexError, r"take: index 5 is out of range for axis 1 with 3 elements"),
    (lambda: gather.take(X, [-4], axis=1), IndexError, r"take: index -4 is out of range for axis 1 with 3 elements"),
    (lambda: gather.take(X, [0.5], axis=1), TypeError, r"take: indices must be whole numbers"),
    (lambda: gather.take_along_axis(X, [[3]], axis=1), IndexError, r"take_along_axis: indices from 3 to 3 are out of range for axis 1"),
    (lambda: gather.concatenate([]), ValueError, r"concatenate: expected at least one tensor"),
    (lambda: gather.concatenate([X, X[0]]), ValueError, r"concatenate: expected tensors of one rank; received the shapes \(2, 3\), \(3,\)"),
    (lambda: gather.concatenate([X, X[:, :2]]), ValueError, r"concatenate: expected equal sizes along all axes but axis 0"),
    (lambda: gather.broadcast_to(X, (4, 3)), ValueError, r"broadcast_to: a tensor of shape \(2, 3\) .* does not broadcast to the shape \(4, 3\)"),
    (lambda: gather.repeat(X, [1, 2, 3], axis=0), ValueError, r"repeat: repeats must be one number of at least 0, or one for each of the 2"),
    (lambda: gather.tile(X, -1), ValueError, r"tile: repeats must be at least 0"),
    (lambda: gather.pad(X, ((1, 2), (0, 3), (2, 2))), ValueError, r"pad: pad_width must be a pair .* for each of the 2 axes"),
    (lambda: gather.pad(X, -1), ValueError, r"pad: pad_width must be a pair \(before, after\) of numbers from 0 to"),
    (lambda: gather.pad(X, 1, mode="wrap around"), ValueError, r"pad: mode must be .*received mode='wrap around'"),
    (lambda: gather.pad(X, 1, mode="reflect", constant_values=1), ValueError, r"pad: constant_values is for mode='constant' only"),
    (lambda: gather.one_hot([0, 1], 3, axis=2), ValueError, r"one_hot: axis must lie in \[-2, 2\)"),
    (lambda: matmul.matmul(X, X), ValueError, r"matmul: the columns of x1 must be as many as the rows of x2.*3 columns and 2 rows"),
    (lambda: matmul.matmul(X, 2.0), ValueError, r"matmul: x1 and x2 must have at least one axis"),
    (lambda: matmul.matmul(np.ones((2, 1, 3)), np.ones((3, 3, 1))), ValueError, r"matmul: the leading axes of .* do not broadcast"),
    (lambda: matmul.tensordot(X, X, ((0,), (1,))), ValueError, r"tensordot: axes \[0\] .* must have equal sizes"),
    (lambda: create.zeros((2, -1)), ValueError, r"zeros: shape must hold whole numbers of at least 0; received shape=\(2, -1\)"),
    (lambda: create.ones((2,), dtype="floaty"), ValueError, r"dtype must be one of .*received dtype='floaty'"),
    (lambda: create.convert_to_tensor(None), ValueError, r"received None"),
    (lambda: create.convert_to_tensor(X, sparse=True), ValueError, r"sparse and ragged tensors are not supported"),
]


@pytest.mark.parametrize(("call", "error", "message"), CASES, ids=[c[2][:40] for c in CASES])
def test_error(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_symbolic_tensors_raise_the_same():
    placeholder = tensor.KerasTensor((None, 3))
    with pytest.raises(ValueError, match=r"add: the shapes \(None, 3\), \(4,\) do not broadcast"):
        binary.add(placeholder, np.ones(4, "float32"))
    with pytest.raises(ValueError, match=r"matmul: the columns of x1"):
        matmul.matmul(placeholder, X)
    with pytest.raises(ValueError, match=r"axis 0 .* unknown number of elements"):
        gather.repeat(placeholder, 2, axis=0)


def test_unknown_dimensions_pass_through():
    placeholder = tensor.KerasTensor((None, 3))
    assert binary.add(placeholder, X).shape == (2, 3)
    assert binary.add(placeholder, 1.0).shape == (None, 3)
    assert array.reshape(placeholder, (-1, 3, 1)).shape == (None, 3, 1)
    assert reduce.sum(placeholder, axis=1).shape == (None,)
    assert matmul.matmul(placeholder, X.T).shape == (None, 2)
    assert gather.getitem(placeholder, (slice(None), 0)).shape == (None,)
    assert gather.concatenate([placeholder, placeholder], axis=-1).shape == (None, 6)
    assert gather.pad(placeholder, ((0, 0), (1, 1))).shape == (None, 5)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint32", "int32", "uint64", "int64"])
def test_numbers_beyond_the_dtype_compare_as_numbers(dtype):
    info = np.iinfo(dtype)
    x = np.array([info.min, 0, info.max], dtype)
    for number in (-1, 0, 127, 255, -129, 256, 1 << 31, 1 << 40, -(1 << 40), 1 << 63, 1 << 70, -(1 << 70)):
        for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
            op, expected = getattr(compare, name), getattr(np, name)
            np.testing.assert_array_equal(op(x, number).numpy(), expected(x, number), err_msg=f"{name} {number}")
            np.testing.assert_array_equal(op(number, x).numpy(), expected(number, x), err_msg=f"{name} {number}")
