"""Catalogue of pooling."""

import itertools

import numpy as np
from catalogue import Entry, distinct, normal

from dlcore._kernels import pooling

ENTRIES = []


def windows(n, size, stride, same):
    """Begin and end of every window along an axis of n cells."""
    before = 0
    if same:
        m = -(-n // stride)
        before = max(0, (m - 1) * stride + size - n) // 2
    else:
        m = (n - size) // stride + 1
    return [(max(0, o * stride - before), min(n, o * stride - before + size)) for o in range(m)]


def adapted(n, m):
    return [(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]


def pooled(x, axes, first, fold):
    """fold over the windows (begin, end) that are listed for each axis."""
    y = np.zeros((*x.shape[:first], *map(len, axes), *x.shape[first + len(axes) :]), x.dtype)
    for place in itertools.product(*[range(len(a)) for a in axes]):
        front = (slice(None),) * first
        cells = x[front + tuple(slice(*a[o]) for a, o in zip(axes, place, strict=True))]
        y[front + place] = fold(cells, axis=tuple(range(first, first + len(axes))))
    return y


def add(kind, name, make, function, shape, cases, large, first=1):
    """make(n, i): the windows of axis i of n cells; function(x): the op."""
    op, fold, inputs = {"max": ("MaxPool", np.max, distinct), "mean": ("AveragePool", np.mean, normal)}[kind]

    def reference(x):
        return pooled(x, [make(n, i) for i, n in enumerate(x.shape[first : x.ndim - (2 - first)])], first, fold)

    ENTRIES.append(
        Entry(
            op=op,
            name=name,
            fn=function,
            reference=reference,
            inputs=inputs(shape),
            cases=tuple(inputs(s) for s in cases),
            empty=inputs((0, *shape[1:])),
            single=inputs((1,) * len(shape)) if "same" in name else None,
            large=inputs(large),
        )
    )


for _kind, _op in (("max", pooling.max_pool), ("mean", pooling.average_pool)):
    for _name, _size, _strides, _padding, _shape, _cases, _large in (
        ("2 x 2", (2, 2), (2, 2), "valid", (2, 4, 6, 3), ((2, 5, 7, 2), (1, 4, 4, 21), (2, 4, 4, 40), (3, 2, 2, 1)), (9, 30, 32, 24)),
        ("3 x 3, overlapping", (3, 3), (2, 2), "valid", (2, 5, 7, 3), ((1, 8, 6, 20), (1, 7, 9, 8), (2, 9, 8, 1)), (9, 31, 30, 24)),
        ("3 x 3, every one, same", (3, 3), (1, 1), "same", (2, 4, 5, 3), ((1, 5, 4, 20), (2, 2, 2, 1)), (5, 30, 31, 17)),
        ("3 x 2, same", (3, 2), (2, 3), "same", (2, 4, 6, 3), ((2, 5, 7, 17), (1, 3, 8, 1)), (9, 30, 32, 12)),
        ("2 x 2, gaps", (2, 2), (3, 3), "valid", (2, 6, 9, 3), ((2, 9, 5, 17), (1, 7, 8, 1)), (9, 30, 32, 24)),
        ("1D", (3,), (3,), "valid", (2, 10, 3), ((3, 7, 16), (2, 9, 1)), (40, 300, 12)),
        ("1D, overlapping, same", (4,), (2,), "same", (2, 9, 3), ((2, 8, 16), (2, 12, 1), (2, 7, 2)), (40, 300, 12)),
        ("1D, large window", (300,), (7,), "same", (1, 40, 2), ((1, 310, 5),), (5, 500, 12)),
        ("3D", (2, 2, 2), (2, 2, 2), "valid", (1, 4, 5, 4, 2), ((1, 2, 2, 3, 16),), (3, 10, 12, 14, 8)),
        ("3D, overlapping, same", (2, 3, 2), (1, 2, 3), "same", (1, 3, 4, 5, 2), ((1, 2, 5, 3, 17),), (3, 10, 12, 14, 8)),
    ):
        for _format in ("channels_last", "channels_first"):
            _swap = (lambda s: s) if _format == "channels_last" else (lambda s: (s[0], s[-1], *s[1:-1]))
            add(
                _kind,
                f"{_name}, {_format}",
                lambda n, i, size=_size, strides=_strides, padding=_padding: windows(n, size[i], strides[i], padding == "same"),
                lambda x, op=_op, size=_size, strides=_strides, padding=_padding, data_format=_format: op(x, size, strides, padding, data_format),
                _swap(_shape),
                [_swap(s) for s in _cases],
                _swap(_large),
                first=1 if _format == "channels_last" else 2,
            )

for _kind, _op in (("max", pooling.adaptive_max_pool), ("mean", pooling.adaptive_average_pool)):
    for _size, _shape, _cases, _large in (
        ((3,), (2, 7, 3), ((2, 3, 2), (1, 2, 17)), (40, 300, 12)),
        ((3, 2), (2, 7, 5, 3), ((2, 3, 4, 17), (1, 2, 1, 4)), (9, 31, 30, 24)),
        ((1, 1), (2, 5, 4, 3), ((2, 20, 30, 5),), (9, 31, 30, 24)),
        ((2, 3, 2), (1, 4, 5, 3, 2), ((1, 1, 7, 2, 16),), (3, 10, 12, 14, 8)),
    ):
        for _format in ("channels_last", "channels_first"):
            _swap = (lambda s: s) if _format == "channels_last" else (lambda s: (s[0], s[-1], *s[1:-1]))
            add(
                _kind,
                f"adaptive {_size}, {_format}",
                lambda n, i, size=_size: adapted(n, size[i]),
                lambda x, op=_op, size=_size, data_format=_format: op(x, size, data_format),
                _swap(_shape),
                [_swap(s) for s in _cases],
                _swap(_large),
                first=1 if _format == "channels_last" else 2,
            )
