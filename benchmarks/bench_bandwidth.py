"""Kernels on arrays that no cache holds, beside STREAM: a pass over memory should cost what the memory allows.

`words` is the number of float32 values that must be read or written for each item, however the kernel goes about it.
"""

from workload import Workload

PARAMETERS = {"shapes": [[1250, 2000]] * 4}  # ten million


def kernel(name: str, words: float, kind: str, spec: dict, smoke: dict, peers=("stream-copy", "stream-triad")) -> Workload:
    """A row: `kind` and `spec` are those of the peer `dlcore`, in `peers/keras_api.py`."""
    return Workload(
        name, "bandwidth", "bandwidth", "GB/s", ("dlcore", *peers),
        {"kind": kind, "bytes_per_item": 4 * words, "spec": spec},
        smoke={"spec": smoke},
    )  # fmt: skip


def optimizer(name: str, words: float, **arguments) -> Workload:
    """One step; an item is a parameter. Parameter and slots are read and written, the gradient is read."""
    label = ", ".join([name, *(f"{k}={v}" for k, v in arguments.items())])
    spec = {"name": name, "arguments": arguments}
    peers = ("stream-copy", "stream-triad", "stream-update")
    return kernel(label, words, "optimizer_step", {**spec, **PARAMETERS}, {**spec, "shapes": [[100, 50]] * 2}, peers)


WORKLOADS = [
    optimizer("SGD", 3),
    optimizer("SGD", 5, momentum=0.9),
    optimizer("RMSprop", 5),
    optimizer("RMSprop", 9, momentum=0.9, centered=True),
    optimizer("Adam", 7),
    optimizer("Adam", 9, amsgrad=True),
    optimizer("Adam", 9, use_ema=True),
]
