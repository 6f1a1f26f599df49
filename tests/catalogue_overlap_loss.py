"""Catalogue of overlap_loss."""

from catalogue import Entry, uniform

from dlcore._kernels import overlap_loss as k


def tversky(t, p, alpha, beta, axis):
    both = (t * p).sum(axis)
    return 1 - both / (both + alpha * (t * (1 - p)).sum(axis) + beta * (p * (1 - t)).sum(axis) + 1e-7)


def pair(shape):
    return uniform(0.05, 0.95, shape, shape)


ENTRIES = [
    Entry(
        op="Overlap", name="dice", fn=k.dice, inputs=pair((3, 4, 5)), reference=lambda t, p: 1 - 2 * (t * p).sum() / ((t + p).sum() + 1e-7),
        cases=(pair((40000,)), pair((7, 1)), pair(())), single=pair((1, 1)), large=pair((3, 70000)),
    ),
    *(
        Entry(
            op="Overlap", name=f"tversky, axis {axis}", fn=lambda t, p, axis=axis: k.tversky(t, p, 0.3, 0.9, axis), inputs=pair((3, 4, 5)),
            reference=lambda t, p, axis=axis: tversky(t, p, 0.3, 0.9, axis), large=pair((30, 50, 100)), empty=pair((0, 4, 5)) if axis not in (0, (0, 2)) else None,
        )
        for axis in (0, 1, -1, (1, 2), (0, 2), (2, 1))
    ),
]  # fmt: skip
