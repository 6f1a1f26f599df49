"""Catalogue of resize and total."""

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels import resize, total

ENTRIES = []


def add(op, name, fn, reference, inputs, **options):
    ENTRIES.append(Entry(op=op, name=name, fn=fn, inputs=inputs, reference=reference, **options))


def repeated(x, times, axis):
    for i, n in enumerate(times):
        x = np.repeat(x, n, axis=axis + i)
    return x


for _name, _times, _axis, _shape, _large in [
    ("1D", (3,), 1, (2, 4, 5), (4, 300, 40)),
    ("2D", (2, 3), 1, (2, 3, 4, 5), (4, 30, 40, 12)),
    ("2D channels first", (3, 2), 2, (2, 3, 4, 5), (4, 12, 30, 40)),
    ("2D thrice", (1, 3), 2, (2, 3, 4, 5), (4, 12, 30, 40)),
    ("2D rows only", (4, 1), 1, (2, 3, 4, 2), (4, 12, 30, 40)),
    ("3D", (2, 3, 2), 1, (2, 2, 3, 4, 3), (2, 6, 20, 20, 8)),
    ("3D channels first", (2, 1, 3), 2, (2, 3, 2, 3, 4), (2, 8, 6, 20, 20)),
    ("once", (1, 1), 1, (2, 3, 4, 5), (4, 30, 40, 12)),
]:
    add(
        "Upsample",
        _name,
        lambda x, times=_times, axis=_axis: resize.upsample(x, times, axis),
        lambda x, times=_times, axis=_axis: repeated(x, times, axis),
        normal(_shape),
        single=normal((1,) * len(_shape)),
        empty=normal((0, *_shape[1:])),
        large=normal(_large),
    )

_rng = np.random.default_rng(0)
_matrix = _rng.normal(size=(7, 4)) * (_rng.random((7, 4)) < 0.6)
_matrix[2] = 0
_matrix[:, 1] = 0
for _axis, _shape, _large in [(0, (4, 3), (4, 5000)), (1, (2, 4, 3), (300, 4, 40)), (2, (2, 3, 4), (60, 300, 4)), (-2, (2, 3, 4, 9), (60, 30, 4, 9))]:
    add(
        "Resample",
        f"axis {_axis}",
        lambda x, axis=_axis: resize.resample(x, resize.Taps(_matrix), axis),
        lambda x, axis=_axis: np.moveaxis(np.tensordot(_matrix, x, (1, axis)), 0, axis),
        normal(_shape),
        large=normal(_large),
    )

_wide = _rng.normal(size=(5, 9)) * (_rng.random((5, 9)) < 0.7)
for _c, _both in [(1, True), (2, True), (3, True), (4, True), (17, True), (3, False), (4, False)]:
    add(
        "Resample",
        f"{_c} channels, {'height and width' if _both else 'width'}",
        lambda x, both=_both: resize.resize_images(x, resize.Taps(_matrix) if both else None, resize.Taps(_wide)),
        lambda x, both=_both: np.einsum("ih,jw,nhwc->nijc", _matrix if both else np.eye(4), _wide, x),
        normal((2, 4, 9, _c)),
        single=normal((1, 4, 9, _c)),
        empty=normal((0, 4, 9, _c)),
        large=normal((900, 4, 9, _c)),
    )

add("Total", "two", lambda a, b: total.total([a, b]), lambda a, b: a + b, normal((3, 4), (3, 4)), single=normal((1,), (1,)), empty=normal((0, 4), (0, 4)))
add(
    "Total",
    "mean of three",
    lambda a, b, c: total.total([a, b, c], 3),
    lambda a, b, c: (a + b + c) / 3,
    normal((3, 4), (3, 4), (3, 4)),
    single=normal((1,), (1,), (1,)),
    empty=normal((0, 4), (0, 4), (0, 4)),
    large=normal((300, 200), (300, 200), (300, 200)),
)
add("Total", "one tensor twice", lambda a, b: total.total([a, b, a, b, a]), lambda a, b: 3 * a + 2 * b, normal((3, 4), (3, 4)))
add("Total", "broadcast", lambda a, b, c: total.total([a, b, c], 2), lambda a, b, c: (a + b + c) / 2, normal((3, 4), (1, 4), (4,)))
