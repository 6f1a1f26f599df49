"""Catalogue of embedding and PReLU."""

import numpy as np
from catalogue import Entry, distinct, normal

from dlcore._kernels import embedding as e
from dlcore._kernels import prelu as p


def table_and_ids(rows, width, shape, kind="int32"):
    return lambda rng, dtype: (rng.standard_normal((rows, width)).astype(dtype), rng.integers(0, rows, shape).astype(kind))


def look_up(table, ids):
    return table[ids]


def rectify(x, alpha):
    return np.where(x > 0, x, alpha * x)


def prelu(x, alpha, name, large=None):
    return Entry(
        op="PReLU", name=name, fn=p.prelu, inputs=lambda rng, dtype: (*distinct(x)(rng, dtype), *normal(alpha)(rng, dtype)), reference=rectify,
        cases=(normal((4, 5), (1,)), normal((3, 300), (1, 1))), empty=normal((0, *x[1:]), alpha), large=large, single=normal((1,), (1,)),
    )  # fmt: skip


ENTRIES = [
    Entry(
        op="Embedding", name=name, fn=e.embedding, inputs=table_and_ids(*shape), reference=look_up,
        cases=(table_and_ids(3, 1, ()), table_and_ids(4, 70, (6,), "uint8")), single=table_and_ids(1, 1, (1,)), empty=table_and_ids(5, 3, (0, 4)),
        large=large,
    )
    for name, shape, large in (
        ("one block", (7, 3, (4, 5), "int64"), table_and_ids(30, 300, 4000)),           # cut into strips of columns
        ("blocks", (600, 65, (90, 2)), table_and_ids(20000, 32, (50, 100))),            # cut into blocks of rows
    )
] + [
    prelu((4, 5), (5,), "per element", normal((700, 64), (64,))),
    prelu((4, 3, 5), (1, 5), "per channel", normal((50, 40, 30), (1, 30))),
    prelu((4, 3, 5), (3, 1), "per row", normal((50, 40, 300), (40, 1))),
    prelu((2, 3, 4, 5), (3, 1, 5), "per row and channel", normal((20, 30, 20, 9), (30, 1, 9))),
]  # fmt: skip
