"""Catalogue of reduce."""

import dataclasses

import numpy as np
import scipy.special
from catalogue import Entry, distinct, normal, uniform

from dlcore._kernels import reduce

ENTRIES = []
AXES = {"all": None, "last": -1, "first": 0, "middle": 1, "first two": (0, 1), "first and last": (0, 2), "none": ()}


def add(op, name, reference, inputs, gradient=True, axes=tuple(AXES), empty_ok=True, keep=True):
    fn = getattr(reduce, name)
    for label in axes:
        axis = AXES[label]
        for keepdims in (False, True) if keep and label == "last" else (False,):
            options = {"axis": axis, "keepdims": True} if keepdims else {"axis": axis}
            ENTRIES.append(
                Entry(
                    op=op,
                    name=f"{name} over {label}{' kept' if keepdims else ''}",
                    fn=lambda x, options=options: fn(x, **options),
                    inputs=inputs((3, 4, 5)),
                    reference=lambda x, options=options: reference(x, **options),
                    gradient=gradient,
                    tol=5e-6,
                    cases=(inputs((2, 3, 70)), inputs((1, 1, 6)), inputs((2, 70, 3))),
                    single=inputs((1, 1, 1)),
                    empty=normal((0, 4, 5)) if empty_ok and label == "last" else None,
                    large=inputs((40, 30, 50)),
                )
            )


def away(shape):
    return uniform(0.5, 1.5, shape)


for _name, _reference, _inputs in [
    ("sum", np.sum, normal),
    ("mean", np.mean, normal),
    ("prod", np.prod, away),
    ("var", np.var, normal),
    ("std", np.std, normal),
    ("logsumexp", scipy.special.logsumexp, normal),
    ("max", np.max, distinct),
    ("min", np.min, distinct),
]:
    # The spread over one element is 0 and a standard deviation has no derivative there.
    add("Reduce", _name, _reference, _inputs, axes=[label for label in AXES if _name not in ("std", "var") or label != "none"], empty_ok=_name != "logsumexp")
for _i, _entry in enumerate(ENTRIES):
    if " std " in f" {_entry.name} ":
        ENTRIES[_i] = dataclasses.replace(_entry, cases=(normal((2, 3, 70)), normal((2, 70, 3))), single=None)
ENTRIES += [
    Entry(
        op="Reduce",
        name="prod with zeros",
        fn=lambda x: reduce.prod(x, axis=1),
        inputs=lambda rng, dtype: (np.array([[1.5, 0, 2], [0, 3, 0], [2, 3, 4]], dtype),),
        reference=lambda x: np.prod(x, axis=1),
    ),
    Entry(
        op="Reduce",
        name="max with initial",
        fn=lambda x: reduce.max(x, axis=1, initial=0.05),
        inputs=distinct((4, 3)),
        reference=lambda x: np.max(x, axis=1, initial=0.05),
    ),
    Entry(op="Reduce", name="sum of a long row", fn=reduce.sum, inputs=normal((100003,)), reference=np.sum, tol=1e-5, symbolic=False),
]


def sparse(shape):
    return lambda rng, dtype: (rng.integers(0, 2, shape).astype(dtype),)


for _name in ("any", "all", "count_nonzero"):
    add("Find", _name, getattr(np, _name), sparse, gradient=False, axes=["all", "last", "first two"], keep=_name != "count_nonzero", empty_ok=False)
for _name in ("argmax", "argmin"):
    add("Find", _name, getattr(np, _name), sparse, gradient=False, axes=["all", "last", "first", "middle"], empty_ok=False)
