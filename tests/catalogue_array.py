"""Catalogue of array, gather and create."""

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels import array, create, gather

ENTRIES = []
X = normal((3, 4, 5))


def add(op, name, fn, reference, inputs=X, **options):
    ENTRIES.append(Entry(op=op, name=name, fn=fn, inputs=inputs, reference=reference, **options))


ANY = {"single": normal((1, 1, 1)), "empty": normal((0, 4, 5))}

add("Reshape", "two axes", lambda x: array.reshape(x, (-1, 5)), lambda x: x.reshape(-1, 5), empty=normal((0, 4, 5)))
add("Reshape", "ravel", array.ravel, np.ravel, **ANY)
add("Reshape", "expand", lambda x: array.expand_dims(x, (0, -1)), lambda x: np.expand_dims(x, (0, -1)), **ANY)
add("Reshape", "squeeze", array.squeeze, np.squeeze, inputs=normal((1, 4, 1)), single=normal((1, 1)))

for _axes in [None, (0, 2, 1), (1, 0, 2), (2, 0, 1), (1, 2, 0), (0, 1, 2)]:
    add(
        "Transpose",
        str(_axes),
        lambda x, axes=_axes: array.transpose(x, axes),
        lambda x, axes=_axes: np.transpose(x, axes),
        cases=(normal((33, 2, 70)), normal((1, 65, 3))),
        large=normal((70, 40, 33)),
        **ANY,
    )
add("Transpose", "swapaxes", lambda x: array.swapaxes(x, 0, -1), lambda x: np.swapaxes(x, 0, -1), **ANY)
add("Transpose", "moveaxis", lambda x: array.moveaxis(x, (0, 1), (-1, 0)), lambda x: np.moveaxis(x, (0, 1), (-1, 0)), **ANY)

for _label, _key in {
    "row": 1,
    "last row": -1,
    "rows": np.s_[1:],
    "columns": np.s_[:, 1:3],
    "steps": np.s_[::2, ::-1, 4:0:-2],
    "element": np.s_[1, 2, 3],
    "ellipsis": np.s_[..., 2],
    "new axes": np.s_[None, :, None, 1],
    "nothing": np.s_[2:1],
}.items():
    add("Slice", _label, lambda x, key=_key: gather.getitem(x, key), lambda x, key=_key: x[key], gradient=_label != "nothing", large=normal((70, 40, 33)))
add("Slice", "flip", lambda x: array.flip(x, (0, 2)), lambda x: np.flip(x, (0, 2)), **ANY)
add("Slice", "split", lambda x: array.split(x, [1, 3], axis=1), lambda x: np.split(x, [1, 3], axis=1))
add("Slice", "unstack", lambda x: array.unstack(x, axis=1), lambda x: [x[:, i] for i in range(4)])

INDEX = np.array([[2, 0, -1], [1, 1, 2]])
for _axis in (0, 1, 2, None):
    add("Gather", f"take along {_axis}", lambda x, axis=_axis: gather.take(x, INDEX, axis), lambda x, axis=_axis: np.take(x, INDEX, axis), large=normal((3, 70, 300)))
MASK = np.array([True, False, True])
GRID = np.random.default_rng(0).random((3, 4)) < 0.5
for _label, _key, _symbolic in [
    ("list", [2, 0, 2], True),
    ("array", INDEX, True),
    ("mask", MASK, True),
    ("mask of two axes", GRID, False),
    ("pairs", (np.array([0, 2, 0]), np.array([1, 3, 1])), False),
    ("array and slice", (slice(None), np.array([1, 1, 0]), slice(1, 3)), False),
    ("array after a number", (1, np.array([1, 1, 0])), False),
]:
    add("Gather", f"index by {_label}", lambda x, key=_key: gather.getitem(x, key), lambda x, key=_key: x[key], symbolic=_symbolic)
ALONG = np.random.default_rng(0).integers(0, 4, (3, 2, 5))
add("Gather", "take_along_axis", lambda x: gather.take_along_axis(x, ALONG, 1), lambda x: np.take_along_axis(x, ALONG, 1), symbolic=False)
add("Gather", "repeat", lambda x: gather.repeat(x, 3, axis=1), lambda x: np.repeat(x, 3, axis=1), **ANY)
add("Gather", "repeat unevenly", lambda x: gather.repeat(x, [1, 0, 2], axis=0), lambda x: np.repeat(x, [1, 0, 2], axis=0))
add("Gather", "tile", lambda x: gather.tile(x, (2, 1, 1, 3)), lambda x: np.tile(x, (2, 1, 1, 3)), **ANY)
add("Gather", "roll", lambda x: gather.roll(x, (1, -2), (0, 2)), lambda x: np.roll(x, (1, -2), (0, 2)))
add("Gather", "roll flat", lambda x: gather.roll(x, 7), lambda x: np.roll(x, 7))
for _mode in ("reflect", "symmetric", "edge"):
    add("Gather", f"pad {_mode}", lambda x, mode=_mode: gather.pad(x, ((1, 2), (0, 3), (2, 2)), mode), lambda x, mode=_mode: np.pad(x, ((1, 2), (0, 3), (2, 2)), mode))

add("Pad", "zeros", lambda x: gather.pad(x, ((1, 2), (0, 3), (2, 2))), lambda x: np.pad(x, ((1, 2), (0, 3), (2, 2))), large=normal((70, 40, 33)), **ANY)
add("Pad", "a number", lambda x: gather.pad(x, 1, constant_values=2.5), lambda x: np.pad(x, 1, constant_values=2.5), **ANY)
add("Concatenate", "two", lambda a, b: gather.concatenate([a, b], axis=1), lambda a, b: np.concatenate([a, b], axis=1), inputs=normal((3, 4, 5), (3, 2, 5)), large=normal((30, 400, 5), (30, 200, 5)), empty=normal((3, 0, 5), (3, 2, 5)))
add("Concatenate", "one twice", lambda a, b: gather.concatenate([a, b, a], axis=0), lambda a, b: np.concatenate([a, b, a], axis=0), inputs=normal((3, 4), (2, 4)), single=normal((1,), (1,)))
add("Concatenate", "many", lambda a, b: gather.concatenate([a, b] * 40, axis=-1), lambda a, b: np.concatenate([a, b] * 40, axis=-1), inputs=normal((3, 4), (3, 2)))
add("Concatenate", "stack", lambda a, b: gather.stack([a, b], axis=1), lambda a, b: np.stack([a, b], axis=1), inputs=normal((3, 4), (3, 4)))
for _shape, _to in [((4, 1), (3, 4, 5)), ((5,), (3, 4, 5)), ((3, 1, 5), (3, 4, 5))]:
    add("BroadcastTo", f"{_shape} to {_to}", lambda x, to=_to: gather.broadcast_to(x, to), lambda x, to=_to: np.broadcast_to(x, to), inputs=normal(_shape))


def numbers(rng, dtype):
    return (np.array([[0, 2, 1], [3, -1, 9]]),)


def one_hot(x, axis):
    return np.moveaxis((x[..., None] == np.arange(4)).astype("float32"), -1, axis)


for _axis in (-1, 0, 1):
    add("OneHot", f"axis {_axis}", lambda x, axis=_axis: gather.one_hot(x, 4, axis), lambda x, axis=_axis: one_hot(x, axis), inputs=numbers, gradient=False)
add("FullLike", "", lambda x: create.full_like(x, 2.5), lambda x: np.full_like(x, 2.5), gradient=False, **ANY)
