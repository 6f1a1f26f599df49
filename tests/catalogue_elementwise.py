"""Catalogue of elementwise, binary, compare and cast."""

import numpy as np
import scipy.special
from catalogue import Entry, distinct, normal, uniform

from dlcore._kernels import binary, cast, compare, elementwise

ENTRIES = []


def unary(name, low, high, reference=None, tol=2e-6, gradient=True):
    ENTRIES.append(
        Entry(
            op="Unary",
            name=name,
            fn=getattr(elementwise, name),
            inputs=uniform(low, high, (3, 37)),
            reference=reference or getattr(np, name),
            tol=tol,
            gradient=gradient,
            cases=(uniform(low, high, (2, 3, 5)), uniform(low, high, (500,))),
            single=uniform(low, high, ()),
            empty=uniform(low, high, (0, 3)),
            large=uniform(low, high, (3, 40000)),
        )
    )


unary("exp", -3, 3)
unary("expm1", -3, 3)
unary("log", 0.1, 5)
unary("log1p", -0.8, 5)
unary("log2", 0.1, 5)
unary("log10", 0.1, 5)
unary("sqrt", 0.1, 5)
unary("rsqrt", 0.1, 5, lambda x: 1 / np.sqrt(x))
unary("square", -3, 3)
unary("reciprocal", 0.2, 3)
unary("negative", -3, 3)
unary("absolute", 0.1, 3)
unary("sin", -6, 6)
unary("cos", -6, 6)
unary("tan", -1.2, 1.2)
unary("sinh", -3, 3)
unary("cosh", -3, 3)
unary("arcsin", -0.9, 0.9)
unary("arccos", -0.9, 0.9)
unary("arctan", -4, 4)
unary("erf", -3, 3, scipy.special.erf)
for _name in ("sign", "floor", "ceil", "round"):
    unary(_name, -3, 3, gradient=False)
ENTRIES.append(Entry(op="Unary", name="absolute of both signs", fn=elementwise.absolute, inputs=distinct((6, 7)), reference=np.abs))


def pair(op, name, module, low=-2, high=2, reference=None, gradient=True, inputs=uniform, tol=2e-6):
    def make(*shapes):
        return distinct(*shapes) if inputs is distinct else uniform(low, high, *shapes)

    shapes = [
        ((5,), (4, 5)),
        ((4, 5), (5,)),
        ((4, 1), (1, 5)),
        ((4, 5), ()),
        ((), (4, 5)),
        ((2, 1, 4, 1), (3, 1, 5)),
        ((300, 3), (3,)),
        ((300, 3), (300, 1)),
        ((3, 300), (300,)),
        ((2, 3, 300), (3, 1)),
        ((1, 3), (3,)),
    ]
    ENTRIES.append(
        Entry(
            op=op,
            name=name,
            fn=getattr(module, name),
            inputs=make((4, 5), (4, 5)) if inputs is not distinct else apart,
            reference=reference or getattr(np, name),
            gradient=gradient,
            tol=tol,
            cases=tuple(make(*s) for s in shapes) if inputs is not distinct else (),
            single=make((), (1,)) if inputs is not distinct else None,
            empty=make((0, 3), (3,)),
            large=make((200, 300), (300,)),
        )
    )


def apart(rng, dtype):
    """Two arrays without ties, in turn larger and smaller."""
    a = rng.standard_normal((4, 5))
    return a.astype(dtype), (a + np.where(rng.random((4, 5)) < 0.5, -0.5, 0.5)).astype(dtype)


for _name in ("add", "subtract", "multiply"):
    pair("Binary", _name, binary)
pair("Binary", "divide", binary, 0.3, 2)
pair("Binary", "power", binary, 0.3, 2)
pair("Binary", "mod", binary, gradient=False, tol=1e-5)
pair("Binary", "floor_divide", binary, gradient=False)
pair("Binary", "maximum", binary, inputs=distinct)
pair("Binary", "minimum", binary, inputs=distinct)
ENTRIES += [
    Entry(op="Binary", name="square by power", fn=lambda x: binary.power(x, 2), inputs=normal((4, 5)), reference=np.square),
    Entry(op="Binary", name="x times x", fn=lambda x: binary.multiply(x, x), inputs=normal((4, 5)), reference=np.square),
    Entry(op="Binary", name="x minus x plus x", fn=lambda x: binary.add(binary.subtract(x, x), x), inputs=normal((4, 5)), reference=lambda x: x),
    Entry(
        op="Binary",
        name="mod by positive",
        fn=binary.mod,
        inputs=lambda rng, dtype: (
            (rng.integers(-5, 5, (4, 5)) + rng.uniform(0.1, 0.4, (4, 5))).astype(dtype),
            (1 + 0 * rng.random((4, 5)) + rng.permutation(20).reshape(4, 5) * 1e-3).astype(dtype),
        ),
        reference=np.mod,
        tol=1e-5,
    ),
    Entry(op="Binary", name="number on the left", fn=lambda x: binary.divide(1.0, binary.add(2, x)), inputs=uniform(-1, 1, (4, 5)), reference=lambda x: 1 / (2 + x)),
]

for _name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor"):
    ENTRIES.append(
        Entry(
            op="Compare",
            name=_name,
            fn=getattr(compare, _name),
            inputs=lambda rng, dtype: tuple(rng.integers(0, 3, (6, 5)).astype(dtype) for _ in range(2)),
            reference=getattr(np, _name),
            gradient=False,
            cases=(
                lambda rng, dtype: (rng.integers(0, 3, (6, 5)).astype(dtype), rng.integers(0, 3, (5,)).astype(dtype)),
                lambda rng, dtype: (rng.integers(0, 3, (6, 1)).astype("int32"), rng.integers(0, 3, (5,)).astype("int32")),
            ),
            single=normal((), ()),
            empty=normal((0, 3), (3,)),
            large=normal((200, 300), (300,)),
        )
    )


def special(rng, dtype):
    return (np.array([[1, np.nan, np.inf], [-np.inf, 0, -2]], dtype),)


for _name in ("isnan", "isinf", "isfinite"):
    ENTRIES.append(
        Entry(op="Classify", name=_name, fn=getattr(compare, _name), inputs=special, reference=getattr(np, _name), gradient=False, single=normal(()), empty=normal((0,)))
    )

CONDITION = np.random.default_rng(3).random((4, 5)) < 0.5
ENTRIES += [
    Entry(
        op="Choose",
        name="where",
        fn=compare.where,
        inputs=lambda rng, dtype: (CONDITION, *normal((4, 5), (4, 5))(rng, dtype)),
        reference=np.where,
        cases=tuple(
            lambda rng, dtype, shapes=shapes: (CONDITION, *normal(*shapes)(rng, dtype)) for shapes in [((5,), ()), ((), (4, 1)), ((3, 4, 5), (5,))]
        ),
        single=lambda rng, dtype: (np.array(True), *normal((), (1,))(rng, dtype)),
        empty=lambda rng, dtype: (np.zeros((0, 1), bool), *normal((3,), ())(rng, dtype)),
        large=lambda rng, dtype: (rng.random((300, 300)) < 0.5, *normal((300, 300), (300,))(rng, dtype)),
    ),
    Entry(
        op="Choose",
        name="clip",
        fn=lambda x: compare.clip(x, -0.5, 0.52),
        inputs=distinct((4, 5)),
        reference=lambda x: np.clip(x, -0.5, 0.52),
        single=normal(()),
        empty=normal((0, 3)),
        large=distinct((300, 300)),
    ),
    Entry(
        op="Choose",
        name="clip to tensors",
        fn=compare.clip,
        inputs=lambda rng, dtype: (distinct((4, 5))(rng, dtype)[0], *uniform(-0.6, -0.4, (5,))(rng, dtype), *uniform(0.4, 0.6, (4, 1))(rng, dtype)),
        reference=np.clip,
    ),
    Entry(
        op="Cast",
        fn=lambda x: cast.cast(cast.cast(x, "float32"), str(x.dtype)),
        inputs=normal((4, 5)),
        reference=lambda x: x.astype("float32"),
        gradient=False,
        single=normal(()),
        empty=normal((0, 3)),
        large=normal((300, 300)),
    ),
    Entry(op="StopGradient", fn=cast.stop_gradient, inputs=normal((4, 5)), reference=lambda x: x, gradient=False, single=normal(()), empty=normal((0, 3))),
]
