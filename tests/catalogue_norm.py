"""Catalogue of normalizations."""

import numpy as np
from catalogue import Entry, normal

import dlcore
from dlcore._kernels import channelnorm, rownorm

ENTRIES = []
EPSILON = 1e-3


def along(v, x, axis):
    """Vector v beside axis `axis` of x."""
    shape = [1] * x.ndim
    shape[axis] = -1
    return v.reshape(shape)


def scaled(x, mean, variance, gamma, beta, axis):
    return (x - mean) / np.sqrt(variance + EPSILON) * along(gamma, x, axis) + along(beta, x, axis)


# ------------------------------------------------------------------------------------------------------------- channels


def with_statistics(*shape, axis=-1):
    """x, mean, variance, scale, offset."""
    c = shape[axis]

    def inputs(rng, dtype):
        arrays = rng.standard_normal(shape), rng.standard_normal(c), rng.uniform(0.3, 2, c), rng.standard_normal(c), rng.standard_normal(c)
        return tuple(a.astype(dtype) for a in arrays)

    return inputs


def given(axis):
    def function(x, mean, variance, scale, offset):
        return channelnorm.batch_normalization(x, mean, variance, axis, offset, scale, EPSILON)

    def reference(x, mean, variance, scale, offset):
        return scaled(x, along(mean, x, axis), along(variance, x, axis), scale, offset, axis)

    return function, reference


for _axis, _large in ((-1, (70, 9, 70)), (1, (40, 9, 70)), (0, (5, 30, 400))):
    _function, _reference = given(_axis)
    ENTRIES.append(
        Entry(
            op="BatchNorm",
            name=f"axis {_axis}",
            fn=_function,
            inputs=with_statistics(4, 3, 5, axis=_axis),
            reference=_reference,
            cases=(with_statistics(6, 70, 80, axis=_axis), with_statistics(300, 3, 2, axis=_axis)),
            single=with_statistics(1, 1, 1, axis=_axis),
            empty=with_statistics(4, 0, 5, axis=_axis),
            large=with_statistics(*_large, axis=_axis),
        )
    )
ENTRIES.append(
    Entry(
        op="BatchNorm",
        name="neither scale nor offset",
        fn=lambda x, mean, variance, scale, offset: channelnorm.batch_normalization(x, mean, variance, -1, epsilon=EPSILON) + scale * offset,
        inputs=with_statistics(7, 5),
        reference=lambda x, mean, variance, scale, offset: (x - mean) / np.sqrt(variance + EPSILON) + scale * offset,
    )
)


def of_itself(axis, groups):
    def function(x, gamma, beta):
        return channelnorm.normalize_channels(x, gamma, beta, axis, EPSILON, groups)

    def reference(x, gamma, beta):
        c = axis % x.ndim
        if not groups:
            others = tuple(i for i in range(x.ndim) if i != c)
            return scaled(x, x.mean(others, keepdims=True), x.var(others, keepdims=True), gamma, beta, axis)
        front = np.moveaxis(x, c, 1)
        parts = front.reshape(len(x), groups, front[0].size // groups if len(x) else 1)
        mean, variance = parts.mean(-1, keepdims=True), parts.var(-1, keepdims=True)
        mean, variance = (np.moveaxis((parts * 0 + v).reshape(front.shape), 1, c) for v in (mean, variance))
        return scaled(x, mean, variance, gamma, beta, axis)

    return function, reference


for _axis, _groups, _shape, _cases, _large in (
    (-1, 0, (7, 3, 5), ((1000, 3), (300, 70), (3, 2, 600), (6, 1)), (70, 90, 70)),
    (1, 0, (4, 3, 5), ((40, 6, 70), (300, 3, 2), (2, 300, 9)), (40, 9, 700)),
    (0, 0, (3, 20), ((70, 300),), (9, 20000)),
    (-1, 2, (3, 5, 6), ((4, 6), (2, 900, 8), (3, 40, 130)), (5, 900, 64)),
    (-1, 6, (3, 5, 6), (), None),
    (1, 2, (3, 6, 5), ((4, 6, 70),), (5, 64, 900)),
    (2, 1, (2, 3, 4, 5), ((2, 70, 4, 70),), (2, 70, 4, 700)),
):
    _function, _reference = of_itself(_axis, _groups)
    _inputs = lambda shape, axis=_axis: normal(shape, shape[axis : axis + 1] if axis >= 0 else shape[-1:], shape[axis : axis + 1] if axis >= 0 else shape[-1:])  # noqa: E731
    ENTRIES.append(
        Entry(
            op="ChannelNorm",
            name=f"axis {_axis}, {_groups} groups" if _groups else f"axis {_axis}",
            fn=_function,
            inputs=_inputs(_shape),
            reference=_reference,
            cases=tuple(_inputs(s) for s in _cases),
            empty=_inputs((0, *_shape[1:])) if _axis != 0 else None,
            large=_inputs(_large) if _large else None,
            tol=1e-5,
        )
    )
ENTRIES.append(
    Entry(
        op="ChannelNorm",
        name="a large mean",
        fn=lambda x: channelnorm.normalize_channels(x, None, None, -1, EPSILON),
        inputs=lambda rng, dtype: ((rng.standard_normal((50, 3)) + np.array([64.0, 0.0, -64.0])).astype(dtype),),
        reference=lambda x: (x - x.mean(0)) / np.sqrt(x.var(0) + EPSILON),
        tol=1e-5,
    )
)

# An activation that follows, as part of the passes: those that backward computes anew, and others; strips of rows, runs, few rows.


def followed(fn, name):
    """fn with an activation fused, and its reference: fn without it, then the activation as an op of its own."""

    def composed(*args):
        return dlcore.activations.get(name)(fn(*args))

    return (lambda *args: fn(*args, activation=name)), lambda *args: composed(*args).numpy()


for _name in ("relu", "relu6", "sigmoid", "silu", "elu", "gelu"):
    for _axis, _shape, _cases, _large in (
        (-1, (7, 3, 5), ((1000, 3), (300, 70), (3, 2, 600), (3, 1300)), (70, 90, 70)),
        (1, (4, 3, 5), ((40, 6, 70), (3, 2, 3000)), (40, 9, 700)),
    ):
        _inputs = lambda shape, axis=_axis: normal(shape, shape[axis : axis + 1] if axis >= 0 else shape[-1:], shape[axis : axis + 1] if axis >= 0 else shape[-1:])  # noqa: E731
        _function, _reference = followed(lambda x, gamma, beta, axis=_axis, **kw: channelnorm.normalize_channels(x, gamma, beta, axis, EPSILON, **kw), _name)
        ENTRIES.append(
            Entry(
                op="ChannelNorm",
                name=f"{_name}, axis {_axis}",
                fn=_function,
                inputs=_inputs(_shape),
                reference=_reference,
                cases=tuple(_inputs(s) for s in _cases),
                empty=_inputs((0, *_shape[1:])),
                large=_inputs(_large),
                tol=2e-5,
            )
        )
        _function, _reference = followed(
            lambda x, mean, variance, scale, offset, axis=_axis, **kw: channelnorm.normalize_with(x, mean, variance, axis, offset, scale, EPSILON, **kw), _name
        )
        ENTRIES.append(
            Entry(
                op="BatchNorm",
                name=f"{_name}, axis {_axis}",
                fn=_function,
                inputs=with_statistics(*_shape, axis=_axis),
                reference=_reference,
                cases=tuple(with_statistics(*s, axis=_axis) for s in _cases),
                large=with_statistics(*_large, axis=_axis),
                tol=2e-5,
            )
        )

# ----------------------------------------------------------------------------------------------------------------- rows


def layer(axis):
    axes = axis if isinstance(axis, tuple) else (axis,)

    def reference(x, gamma, beta):
        shape = [n if i in [a % x.ndim for a in axes] else 1 for i, n in enumerate(x.shape)]
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        return (x - mean) / np.sqrt(variance + EPSILON) * gamma.reshape(shape) + beta.reshape(shape)

    return lambda x, gamma, beta: rownorm.layer_normalization(x, gamma, beta, axis, EPSILON), reference


for _axis, _shape, _of, _cases, _large in (
    (-1, (3, 4, 6), lambda s: s[-1:], ((5, 300), (2, 17), (40, 2)), (700, 90)),
    (1, (3, 4, 5), lambda s: s[1:2], (), (20, 90, 30)),
    ((1, 2), (3, 4, 5), lambda s: s[1:3], ((2, 3, 4, 5),), (20, 90, 30)),
    ((0, 2), (3, 4, 5), lambda s: s[::2], (), (20, 90, 30)),
):
    _function, _reference = layer(_axis)
    _inputs = lambda shape, of=_of: normal(shape, of(shape), of(shape))  # noqa: E731
    ENTRIES.append(
        Entry(
            op="RowNorm",
            name=f"layer, axis {_axis}",
            fn=_function,
            inputs=_inputs(_shape),
            reference=_reference,
            cases=tuple(_inputs(s) for s in _cases),
            empty=_inputs((0, *_shape[1:])) if _axis != (0, 2) else None,
            large=_inputs(_large),
            tol=1e-5,
        )
    )
ENTRIES += [
    Entry(
        op="RowNorm",
        name="layer without gamma and beta",
        fn=lambda x: rownorm.layer_normalization(x, epsilon=EPSILON),
        inputs=normal((4, 7)),
        reference=lambda x: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON),
        tol=1e-5,
    ),
    Entry(
        op="RowNorm",
        name="layer with beta only",
        fn=lambda x, beta: rownorm.layer_normalization(x, None, beta, epsilon=EPSILON),
        inputs=normal((4, 7), (7,)),
        reference=lambda x, beta: (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + EPSILON) + beta,
        tol=1e-5,
    ),
    Entry(
        op="RowNorm",
        name="root mean square",
        fn=lambda x, scale: rownorm.rms_normalization(x, scale, epsilon=EPSILON),
        inputs=normal((4, 3, 7), (7,)),
        reference=lambda x, scale: x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON) * scale,
        cases=(normal((4, 300), (300,)),),
        large=normal((700, 90), (90,)),
        single=normal((1, 1), (1,)),
        empty=normal((3, 0), (0,)),
        tol=5e-6,
    ),
    Entry(
        op="RowNorm",
        name="deviation only",
        fn=lambda x, gamma: rownorm.normalized_by_deviation(x, gamma, -1, EPSILON),
        inputs=normal((4, 7), (7,)),
        reference=lambda x, gamma: x / np.sqrt(x.var(-1, keepdims=True) + EPSILON) * gamma,
        tol=1e-5,
    ),
    *(
        Entry(
            op="RowNorm",
            name=f"length, axis {axis}",
            fn=lambda x, axis=axis: rownorm.normalize(x, axis),
            inputs=normal((4, 3, 7)),
            reference=lambda x, axis=axis: x / np.sqrt((x * x).sum(axis, keepdims=True)),
            large=normal((70, 90, 30)),
            tol=5e-6,
        )
        for axis in (-1, 1, (0, 2), None)
    ),
    Entry(
        op="RowNorm",
        name="length below epsilon",
        fn=lambda x: rownorm.normalize(x, -1, 2, 100.0),
        inputs=normal((4, 7)),
        reference=lambda x: x / 100,
    ),
    Entry(
        op="RowNorm",
        name="order 3",
        fn=lambda x: rownorm.normalize(x, 1, 3) + rownorm.normalize(x, 1),
        inputs=normal((4, 7)),
        reference=lambda x: x / (np.abs(x) ** 3).sum(1, keepdims=True) ** (1 / 3) + x / np.sqrt((x * x).sum(1, keepdims=True)),
        tol=5e-6,
    ),
]


def statistics(rng, dtype):
    """Mean, variance, gamma, beta, bias."""
    v = rng.standard_normal((5, 7)).astype(dtype)
    v[1] = np.abs(v[1])
    return tuple(v)


ENTRIES.append(
    Entry(
        op="Fold",
        fn=lambda m, v, gamma, beta, bias: channelnorm.folded(gamma, beta, m, v, EPSILON, bias),
        inputs=statistics,
        reference=lambda m, v, gamma, beta, bias: (gamma / np.sqrt(v + EPSILON), (bias - m) * gamma / np.sqrt(v + EPSILON) + beta),
        gradient=False,
        symbolic=False,
    )
)
