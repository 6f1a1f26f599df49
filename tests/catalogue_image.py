"""Catalogue of image: warps, flips and tones."""

import numpy as np
from catalogue import Entry, normal, uniform

from dlcore._kernels import image

ENTRIES = []
MATRICES = np.array([
    [0.9, -0.31, 0.73, 0.29, 0.81, -0.37, 0, 0],
    [1.3, 0.17, -1.21, -0.23, 0.7, 1.17, 0.013, -0.021],
    [-1.0, 0.0, 2.6, 0.0, 1.0, 0.3, 0, 0],
])  # fmt: skip


def add(op, name, fn, reference, inputs, **options):
    ENTRIES.append(Entry(op=op, name=name, fn=fn, inputs=inputs, reference=reference, **options))


def continued(i, n, fill):
    """Where the elements of a line that goes on as `fill` says come from; -1: nowhere."""
    if fill == "constant":
        return np.where((i < 0) | (i >= n), -1, i)
    line = np.arange(n)
    mode = {"nearest": "edge", "wrap": "wrap", "mirror": "reflect", "reflect": "symmetric"}[fill]
    return np.pad(line, 60, mode=mode)[i + 60] if n > 1 else np.zeros_like(i)


def read(x, y, z, fill, value, bilinear):
    """One image x (h, w, c) at rows y and columns z."""
    out = 0
    for corner in np.ndindex(2, 2) if bilinear else [(0, 0)]:
        weight, at = 1, []
        for p, step, n in zip((y, z), corner, x.shape, strict=False):
            low = np.floor(p) if bilinear else np.rint(p)
            weight = weight * (np.abs(1 - step - (p - low)) if bilinear else 1)
            at.append(continued(low.astype(int) + step, n, fill))
        inside = (at[0] >= 0) & (at[1] >= 0)
        out = out + (weight * np.ones_like(y))[..., None] * np.where(inside[..., None], x[at[0], at[1]], value)
    return out


def warped(x, matrices, fill, value, bilinear):
    z, y = np.meshgrid(np.arange(x.shape[2]), np.arange(x.shape[1]))
    out = []
    for one, t in zip(x, np.broadcast_to(matrices, (len(x), 8)), strict=True):
        k = t[6] * z + t[7] * y + 1
        out.append(read(one, (t[3] * z + t[4] * y + t[5]) / k, (t[0] * z + t[1] * y + t[2]) / k, fill, value, bilinear))
    return np.stack(out) if out else x


for _fill in image.FILL_MODES:
    for _way in ("bilinear", "nearest"):
        add(
            "WarpImages",
            f"{_way}, {_fill}",
            lambda x, way=_way, fill=_fill: image.affine(x, MATRICES[: len(x)], way, fill, 0.7),
            lambda x, way=_way, fill=_fill: warped(x, MATRICES, fill, 0.7, way == "bilinear"),
            normal((3, 5, 6, 3)),
            tol=1e-5,
            symbolic=False,
        )
for _channels in (1, 4, 7):
    add(
        "WarpImages",
        f"{_channels} channels, one matrix",
        lambda x: image.affine(x, MATRICES[:1], "bilinear", "reflect"),
        lambda x: warped(x, MATRICES[:1], "reflect", 0, True),
        normal((2, 6, 5, _channels)),
        tol=1e-5,
        single=normal((1, 1, 1, _channels)) if _channels == 1 else None,
        empty=normal((0, 6, 5, _channels)),
        large=normal((3, 90, 100, _channels)),
    )
_places = np.random.default_rng(0).uniform(-3, 8, (2, 4, 90, 2))
for _way in ("bilinear", "nearest"):
    add(
        "WarpImages",
        f"field, {_way}",
        lambda x, way=_way: image.sample(x, _places[: len(x)], way, "constant", 0.5),
        lambda x, way=_way: np.stack([read(one, *np.moveaxis(p, -1, 0), "constant", 0.5, way == "bilinear") for one, p in zip(x, _places, strict=True)]),
        normal((2, 6, 5, 3)),
        tol=1e-5,
        symbolic=False,
    )

for _name, _shape, _large in [("3 channels", (4, 3, 5, 3), (4, 90, 100, 3)), ("1 channel", (4, 3, 5, 1), (4, 90, 200, 1)), ("7 channels", (4, 2, 3, 7), (4, 90, 60, 7))]:
    add(
        "FlipImages",
        _name,
        lambda x: image.flip_images(x, [0, 1, 2, 3]),
        lambda x: np.stack([x[0], x[1, :, ::-1], x[2, ::-1], x[3, ::-1, ::-1]]),
        normal(_shape),
        large=normal(_large),
        symbolic=False,
    )

for _name, _shape, _large in [("3 channels", (2, 9, 11, 3), (2, 90, 100, 3)), ("1 channel", (2, 3, 5, 1), (2, 90, 200, 1)), ("7 channels", (2, 4, 3, 7), (2, 90, 60, 7))]:
    add(
        "ToneImages",
        _name,
        lambda x, m: image.tone_images(x, m, [0.5, 1.7], [0.1, -0.2], -0.8, 0.9),
        lambda x, m: np.clip((x - m[:, None, None]) * np.reshape([0.5, 1.7], (2, 1, 1, 1)) + m[:, None, None] + np.reshape([0.1, -0.2], (2, 1, 1, 1)), -0.8, 0.9),
        lambda rng, dtype, shape=_shape: (*normal(shape)(rng, dtype), *uniform(-0.5, 0.5, (2, shape[-1]))(rng, dtype)),
        large=lambda rng, dtype, shape=_large: (*normal(shape)(rng, dtype), *uniform(-0.5, 0.5, (2, shape[-1]))(rng, dtype)),
        tol=1e-5,
        symbolic=False,
    )
