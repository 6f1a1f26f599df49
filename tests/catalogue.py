"""One entry per op: what it is called with and what NumPy or SciPy says it should give. See test_catalogue.py.

Entries live in ``catalogue_<leaf>.py`` beside this file, in a list called ENTRIES.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """An op and how to test it.

    Args:
        op: Name of the Op class.
        fn: Calls it, with one tensor per array that `inputs` returns.
        inputs: ``inputs(rng, dtype)`` returns a tuple of arrays. Floating ones must be of `dtype`; they are the ones whose
            gradients are checked. Keep away from kinks and poles.
        reference: The result in float64, from arrays.
        name: Distinguishes the entries of one op.
        tol: Largest error relative to the largest element of the result, in float32.
        gradient: Whether the op has gradients (False: it has none, or they are zero by definition and not checked).
        cases: More inputs for the forward pass: broadcasting, other layouts of axes ...
        single: Inputs of one element, or None if that makes no sense.
        empty: Inputs without elements, or None if that is an error.
        large: Inputs large enough to be cut into several blocks, for the comparison of numbers of threads.
        symbolic: Whether shapes follow without numbers.
    """

    op: str
    fn: Callable
    inputs: Callable
    reference: Callable
    name: str = ""
    tol: float = 2e-6
    gradient: bool = True
    cases: tuple = ()
    single: Callable | None = None
    empty: Callable | None = None
    large: Callable | None = None
    symbolic: bool = True

    def __str__(self):
        return f"{self.op}-{self.name}" if self.name else self.op


def normal(*shapes):
    """A factory of normal arrays of these shapes."""
    return lambda rng, dtype: tuple(rng.standard_normal(shape).astype(dtype) for shape in shapes)


def uniform(low, high, *shapes):
    """A factory of uniform arrays of these shapes."""
    return lambda rng, dtype: tuple(rng.uniform(low, high, shape).astype(dtype) for shape in shapes)


def distinct(*shapes):
    """A factory of arrays whose elements are far apart, in random order: no ties, no kinks within a small step."""
    return lambda rng, dtype: tuple(((rng.permutation(_size(s)) - _size(s) / 2 + 0.3) * 0.1).reshape(s).astype(dtype) for s in shapes)


def _size(shape):
    n = 1
    for k in shape:
        n *= k
    return n


def entries():
    found = []
    for path in sorted(Path(__file__).parent.glob("catalogue_*.py")):
        found += importlib.import_module(path.stem).ENTRIES
    return found
