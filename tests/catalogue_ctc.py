"""Catalogue of ctc. Its reference adds up the probabilities of all alignments, one by one."""

import itertools

import numpy as np
import scipy.special as special
from catalogue import Entry, normal

from dlcore._kernels import ctc as k


def spelled(path, blank):
    """What an alignment says: repeats merged, blanks left out."""
    return [c for c, before in zip(path, (None, *path), strict=False) if c != before and c != blank]


def by_alignment(labels, x, of_labels, of_inputs, blank):
    p = special.softmax(x, -1)
    out = []
    for i in range(len(x)):
        steps = of_inputs[i]
        wanted = list(labels[i][: of_labels[i]])
        total = sum(
            np.prod([p[i, t, c] for t, c in enumerate(path)])
            for path in itertools.product(range(x.shape[2]), repeat=steps)
            if spelled(path, blank) == wanted
        )
        out.append(-np.log(total))
    return np.array(out)


CASES = {
    "all steps": ([[1, 2, 0], [2, 2, 0], [1, 0, 0], [0, 0, 0]], [2, 2, 1, 0], [5, 5, 5, 5], 0),
    "lengths": ([[1, 2, 1], [2, 2, 9], [1, 9, 9], [2, 1, 2]], [3, 2, 1, 3], [3, 4, 1, 5], 0),
    "blank 2": ([[1, 0, 1], [0, 0, 0], [1, 1, 0], [1, 0, 2]], [3, 2, 3, 2], [5, 4, 5, 3], 2),
}


def large(rng, dtype):
    return (rng.standard_normal((40, 60, 30)).astype(dtype),)


ENTRIES = [
    Entry(
        op="CTCLoss", name=name, fn=lambda x, a=a: k.ctc_loss(a[0], x, a[1], a[2], a[3]), inputs=normal((4, 5, 3)),
        reference=lambda x, a=a: by_alignment(a[0], x, *a[1:]),
    )
    for name, a in CASES.items()
]  # fmt: skip
_LABELS = np.random.default_rng(0).integers(1, 30, (40, 20))
ENTRIES.append(
    Entry(
        op="CTCLoss", name="one step", fn=lambda x: k.ctc_loss(_LABELS[: x.shape[0]] % 3, x, *((1,) * x.shape[0], (x.shape[1],) * x.shape[0])),
        inputs=normal((4, 1, 3)), reference=lambda x: -special.log_softmax(x[:, 0], -1)[np.arange(len(x)), _LABELS[: len(x), 0] % 3],
        large=large, single=None, empty=normal((0, 1, 3)),
    )
)  # fmt: skip
