"""Elementwise operations, reductions and softmax, in the cache and out of it.

NumPy writes into a preallocated array (`out=`); the others return a new one, as their users call them.
"""

from workload import Workload

# name: float32 values read and written per element
ONE_TO_ONE = ("relu", "exp", "log", "sqrt", "tanh", "sigmoid", "gelu")
STREAMS = dict.fromkeys(ONE_TO_ONE, 2) | {"softmax": 2, "add": 3, "multiply": 3, "sum": 1, "max": 1, "mean_rows": 1}
SHAPES = {"16 K": [16, 1024], "4 M": [4096, 1024]}


def workload(op: str, label: str, peers: tuple[str, ...], streams: int) -> Workload:
    name = "y = 1.5 x (memory bandwidth)" if op == "scale" else op
    return Workload(
        f"{name}, {label}", "op", "op", "ns/element", peers,
        {"name": op, "shape": SHAPES[label]},
        smoke={"shape": [4, 64]},
        rate=("GB/s", 4 * streams / 1e9),
    )  # fmt: skip


WORKLOADS = [
    w
    for label in SHAPES
    for w in (
        workload("scale", label, ("dlcore", "numpy", "c", "torch"), 2),
        *(workload(op, label, ("dlcore", "numpy", "torch"), n) for op, n in STREAMS.items()),
    )
]
