"""Sums of products written with labels, by way of matrix products.

An operand loses the labels that nobody else needs (they are summed at once), repeated labels become diagonals, and two
operands at a time become one: axes are brought into the order (batch, free, summed) and (batch, summed, free), which is a
batch of matrix products. All of it is made of other ops, so it is differentiable as they are.
"""

import functools

import numpy as np

from dlcore._kernels.array cimport reshaped
from dlcore._kernels.matmul cimport product
from dlcore._kernels.tensor cimport MAX_NDIM, Tensor, UNKNOWN, describe, dtype_name, promote, shape_of, tensor
from dlcore._kernels.types cimport I32, I8

from dlcore._kernels.array import ravel, transpose
from dlcore._kernels.binary import multiply
from dlcore._kernels.gather import take
from dlcore._kernels.reduce import sum as reduce_sum
from dlcore._kernels.tensor import KerasTensor

__all__ = ["einsum"]


@functools.lru_cache(1024)
def _parse(subscripts, ranks):
    """Labels of every operand and of the result. Axes under an ellipsis are labelled -1, -2, ... from the right."""
    text = subscripts.replace(" ", "")
    left, arrow, right = text.partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(f"einsum: expected {len(terms)} operands for {subscripts!r}; received {len(ranks)}")
    operands = [_labels(subscripts, term, rank) for term, rank in zip(terms, ranks)]
    elided = max([sum([label < 0 for label in labels if isinstance(label, int)]) for labels in operands])
    dots = list(range(-elided, 0))
    letters = sorted(set("".join(terms)) - {"."})
    if not arrow:
        result = dots + [c for c in letters if sum([term.count(c) for term in terms]) == 1]
    elif "..." in right:
        result = _labels(subscripts, right, len(right) - 3 + elided)
    else:
        result = _labels(subscripts, right, len(right))
        if elided:
            raise ValueError(f"einsum: the result has no place for the axes under the ellipsis; received {subscripts!r}")
    if len(set(result)) < len(result) or set(result) - set(dots) - set(letters):
        raise ValueError(f"einsum: the result may hold each label of the operands once; received {subscripts!r}")
    if len(result) > MAX_NDIM:
        raise ValueError(f"einsum: tensors have at most {MAX_NDIM} dimensions; received {subscripts!r}")
    return operands, result


def _labels(subscripts, term, rank):
    first, dots, last = term.partition("...")
    if not all([c.isalpha() for c in first + last]):
        raise ValueError(f"einsum: expected letters, commas, at most one '...' an operand, and '->'; received {subscripts!r}")
    under = rank - len(first) - len(last)
    if under < 0 or under > 0 and not dots:
        raise ValueError(f"einsum: {term!r} in {subscripts!r} names {len(first + last)} axes; received an operand with {rank}")
    return list(first) + list(range(-under, 0)) + list(last)


cdef dict _sizes(str subscripts, list operands, list terms):
    cdef dict sizes = {}
    cdef Tensor x
    for x, labels in zip(operands, terms):
        for i, label in enumerate(labels):
            n, known = x.dims[i], sizes.get(label, 1)
            if known == 1 or known == UNKNOWN and n != 1:
                sizes[label] = n
            elif n not in (1, UNKNOWN, known):
                name = "an axis under the ellipsis" if isinstance(label, int) else f"label {label!r}"
                raise ValueError(f"einsum: {name} of {subscripts!r} has {known} and {n} elements; "
                                 f"received {', '.join([describe(t) for t in operands])}")
    return sizes


cdef Tensor _shaped(Tensor x, list shape):
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int i
    for i in range(<int>len(shape)):
        dims[i] = shape[i]
    return reshaped(x, <int>len(shape), dims)


cdef Tensor _ordered(Tensor x, list labels, list wanted):
    if labels == wanted:
        return x
    return transpose(x, [labels.index(label) for label in wanted])


cdef tuple _distinct(Tensor x, list labels, dict sizes):
    """Without repeated labels and axes of one element that stand for more."""
    cdef list shape = list(shape_of(x))
    if len(set(labels)) < len(labels):
        places = np.arange(x.size).reshape(shape)
        kept = list(dict.fromkeys(labels))
        index = {label: np.arange(shape[labels.index(label)]) for label in kept}
        grid = dict(zip(kept, np.ix_(*index.values())))
        # An axis of one element repeats itself beside a longer one of the same label.
        for label in kept:
            longest = max([n for n, other in zip(shape, labels) if other == label])
            grid[label] = np.arange(longest).reshape([-1 if other == label else 1 for other in kept])
        places = places[tuple([grid[label] if n > 1 else grid[label] * 0 for n, label in zip(shape, labels)])]
        x = take(ravel(x), places)
        labels, shape = kept, list(places.shape)
    wide = [i for i, label in enumerate(labels) if shape[i] == sizes[label]]
    if len(wide) < len(labels):
        labels, shape = [labels[i] for i in wide], [shape[i] for i in wide]
        x = _shaped(x, shape)
    return x, labels


cdef tuple _reduced(Tensor x, list labels, set needed):
    """Without labels that nobody else needs."""
    gone = [i for i, label in enumerate(labels) if label not in needed]
    if gone:
        x = reduce_sum(x, axis=tuple(gone))
        labels = [label for label in labels if label in needed]
    return x, labels


cdef tuple _pair(Tensor a, list la, Tensor b, list lb, dict sizes, set needed, list result):
    """Two operands as one: a tensor and its labels."""
    shared = [label for label in la if label in lb]
    batch = [label for label in shared if label in needed]
    summed = [label for label in shared if label not in needed]
    free_a = [label for label in la if label not in lb]
    free_b = [label for label in lb if label not in la]
    if summed and result == batch + free_b + free_a and free_a and free_b:
        a, la, free_a, b, lb, free_b = b, lb, free_b, a, la, free_a
    labels = batch + free_a + free_b
    if len(labels) > MAX_NDIM:
        raise ValueError(f"einsum: an intermediate result would have {len(labels)} dimensions, and tensors have at most {MAX_NDIM}")
    nb, nm, nk, nn = [_extent(group, sizes) for group in (batch, free_a, summed, free_b)]
    if not summed:
        a = _shaped(_ordered(a, la, batch + free_a), [sizes[label] for label in batch + free_a] + [1] * len(free_b))
        b = _shaped(_ordered(b, lb, batch + free_b), [sizes[label] for label in batch] + [1] * len(free_a) + [sizes[label] for label in free_b])
        return multiply(a, b), labels
    turned_a = la == batch + summed + free_a
    turned_b = lb == batch + free_b + summed
    a = a if turned_a else _ordered(a, la, batch + free_a + summed)
    b = b if turned_b else _ordered(b, lb, batch + summed + free_b)
    front = [nb] if batch else []
    a = _shaped(a, front + ([nk, nm] if turned_a else [nm, nk]))
    b = _shaped(b, front + ([nn, nk] if turned_b else [nk, nn]))
    return _shaped(product(a, b, turned_a, turned_b), [sizes[label] for label in labels]), labels


cdef Py_ssize_t _extent(labels, dict sizes) except -1:
    cdef Py_ssize_t n = 1
    for label in labels:
        n *= sizes[label]
    return n


cdef tuple _cheapest(list terms, dict sizes, result):
    """The two operands whose product is smallest, the first such pair."""
    best = None
    for j in range(1, len(terms)):
        for i in range(j):
            others = set(result).union(*[labels for k, labels in enumerate(terms) if k not in (i, j)])
            size = _extent((set(terms[i]) | set(terms[j])) & others, sizes)
            if best is None or size < best[0]:
                best = (size, i, j, others)
    return best[1:]


def einsum(subscripts, *operands, **kwargs):
    """Sums of products, written with a label for every axis.

    ``einsum("ij,jk->ik", a, b)`` is ``y[i, k] = sum over j of a[i, j] b[j, k]``: labels that the result lacks are summed.

    Args:
        subscripts: Labels (letters) of the operands, separated by commas, and after ``->`` those of the result. Without
            ``->`` the result has the labels that occur once, in alphabetical order. ``...`` stands for axes without a
            label, which broadcast; so do labelled axes of one element.
        operands: Tensors.
        kwargs: ``optimize`` is accepted and changes nothing: the pair with the smallest product always comes next.

    Returns:
        A tensor of the common dtype; int32 for int8.

    Raises:
        ValueError: If the subscripts cannot be read, or do not fit the operands.

    Example:
        >>> import dlcore
        >>> dlcore.ops.einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0]).tolist()
        [21.0, 43.0]
    """
    cdef Tensor x
    cdef list tensors = [tensor(operand) for operand in operands]
    cdef int dtype
    if set(kwargs) - {"optimize"}:
        raise ValueError(f"einsum: unknown arguments {sorted(set(kwargs) - {'optimize'})}; only optimize is accepted")
    if not isinstance(subscripts, str):
        raise ValueError(f"einsum: subscripts must be a string; received {subscripts!r}")
    if not tensors:
        raise ValueError(f"einsum: expected operands; received none for {subscripts!r}")
    parsed, result = _parse(subscripts, tuple([(<Tensor>t).ndim for t in tensors]))
    terms = [list(labels) for labels in parsed]
    sizes = _sizes(subscripts, tensors, terms)
    if any([(<Tensor>t).symbolic for t in tensors]):
        dtype = (<Tensor>tensors[0]).dtype
        for t in tensors:
            dtype = promote(dtype, (<Tensor>t).dtype)
        dtype = I32 if dtype == I8 else dtype
        return KerasTensor(tuple([None if sizes[label] == UNKNOWN else sizes[label] for label in result]), dtype_name(dtype))
    for i in range(len(tensors)):
        tensors[i], terms[i] = _distinct(tensors[i], terms[i], sizes)
    for i in range(len(tensors)):
        tensors[i], terms[i] = _reduced(tensors[i], terms[i], set(result).union(*terms[:i], *terms[i + 1:]))
    while len(tensors) > 1:
        i, j, needed = _cheapest(terms, sizes, result) if len(tensors) > 2 else (0, 1, set(result))
        x, labels = _pair(tensors[i], terms[i], tensors[j], terms[j], sizes, needed, result)
        for k in (j, i):
            del tensors[k], terms[k]
        tensors.append(x)
        terms.append(labels)
    return _ordered(tensors[0], terms[0], result)
