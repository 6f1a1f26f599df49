"""Catalogue of the fused dense op."""

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels import dense


def affine(x, kernel, bias=0.0):
    return x @ kernel + bias


ENTRIES = [
    Entry(
        op="Dense",
        name="linear",
        fn=dense.dense,
        inputs=normal((6, 5), (5, 3), (3,)),
        reference=affine,
        cases=(normal((2, 3, 5), (5, 4), (4,)), normal((5,), (5, 4), (4,)), normal((6, 5), (5, 1), (1,)), normal((70, 33), (33, 40), (40,))),
        single=normal((1, 1), (1, 1), (1,)),
        empty=normal((0, 4), (4, 3), (3,)),
        large=normal((300, 70), (70, 90), (90,)),
        tol=5e-6,
    ),
    Entry(op="Dense", name="no bias", fn=dense.dense, inputs=normal((6, 5), (5, 3)), reference=affine, large=normal((300, 70), (70, 90)), tol=5e-6),
]
for _name, _function in (
    ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
    ("tanh", np.tanh),
    ("softplus", lambda z: np.logaddexp(0, z)),
    ("silu", lambda z: z / (1 + np.exp(-z))),               # its derivative needs the value before the activation
):
    ENTRIES.append(
        Entry(
            op="Dense",
            name=_name,
            fn=lambda x, kernel, bias, name=_name: dense.dense(x, kernel, bias, name),
            inputs=normal((6, 5), (5, 3), (3,)),
            reference=lambda x, kernel, bias, function=_function: function(affine(x, kernel, bias)),
            large=normal((300, 70), (70, 90), (90,)),
            tol=5e-6,
        )
    )
