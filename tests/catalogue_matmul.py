"""Catalogue of matmul."""

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels import matmul

ENTRIES = [
    Entry(
        op="Matmul",
        name="matrices",
        fn=matmul.matmul,
        inputs=normal((4, 5), (5, 3)),
        reference=np.matmul,
        cases=tuple(
            normal(*shapes)
            for shapes in [
                ((5,), (5, 3)),
                ((4, 5), (5,)),
                ((5,), (5,)),
                ((2, 4, 5), (5, 3)),
                ((2, 4, 5), (2, 5, 3)),
                ((4, 5), (2, 5, 3)),
                ((2, 1, 4, 5), (3, 5, 3)),
                ((2, 3, 4, 5), (2, 3, 5, 3)),
                ((3, 1, 4, 5), (2, 5, 1)),
                ((5,), (2, 5, 3)),
                ((2, 3, 4, 5), (5,)),
                ((70, 33), (33, 40)),
            ]
        ),
        single=normal((1, 1), (1, 1)),
        empty=normal((0, 4), (4, 3)),
        large=normal((6, 150, 70), (6, 70, 90)),
        tol=5e-6,
    ),
    Entry(op="Matmul", name="nothing to add up", fn=matmul.matmul, inputs=normal((4, 5), (5, 3)), reference=np.matmul, empty=normal((2, 4, 0), (2, 0, 3)), large=normal((400, 300), (300, 200)), tol=5e-6),
    Entry(op="Matmul", name="dot", fn=matmul.dot, inputs=normal((2, 4, 5), (3, 5, 2)), reference=np.dot, cases=(normal((5,), (5,)), normal((4, 5), (5,)), normal((), (3,))), tol=5e-6),
    Entry(
        op="Matmul",
        name="tensordot",
        fn=lambda a, b: matmul.tensordot(a, b, ((0, 2), (1, 0))),
        inputs=normal((2, 4, 5), (5, 2, 3)),
        reference=lambda a, b: np.tensordot(a, b, ((0, 2), (1, 0))),
        tol=5e-6,
    ),
]
for _a in (False, True):
    for _b in (False, True):
        ENTRIES.append(
            Entry(
                op="Matmul",
                name=f"flags {int(_a)}{int(_b)}",
                fn=lambda a, b, ta=_a, tb=_b: matmul._matmul(a, b, ta, tb),
                inputs=normal((3, 5, 4) if _a else (3, 4, 5), (6, 5) if _b else (5, 6)),
                reference=lambda a, b, ta=_a, tb=_b: np.matmul(a.swapaxes(-1, -2) if ta else a, b.swapaxes(-1, -2) if tb else b),
                cases=(
                    normal((3, 5, 4) if _a else (3, 4, 5), (3, 6, 5) if _b else (3, 5, 6)),
                    normal((5, 4) if _a else (4, 5), (3, 6, 5) if _b else (3, 5, 6)),
                    normal((3, 1, 5, 4) if _a else (3, 1, 4, 5), (2, 6, 5) if _b else (2, 5, 6)),
                ),
                tol=5e-6,
            )
        )
