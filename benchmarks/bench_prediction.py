"""Prediction: one sample at a time (overhead) and many (throughput)."""

from bench_training import MNIST_MLP
from workload import Workload

KERAS = ("keras-torch", "keras-tensorflow", "keras-jax")
TINY = {"inputs": 10, "layers": [(16, "relu", 0), (16, "relu", 0), (1, None, 0)], "steps": 1}


def latency(call: str, peers: tuple[str, ...]) -> Workload:
    return Workload(f"one sample, 10-16-16-1: {call}", "e2e", "latency", "µs", peers, TINY | {"call": call})


WORKLOADS = [
    # The libraries without these three doors have one way to predict; it stands in the first row.
    latency("model(x)", ("dlcore", "numpy", "torch", "jax", "onnxruntime", *KERAS)),
    latency("predict_on_batch", ("dlcore", *KERAS)),
    latency("predict", ("dlcore", *KERAS)),
    Workload(
        "predict: MLP 784-512-512-10, batches of 256", "e2e", "predict", "samples/s",
        ("dlcore", "numpy", "torch", "jax", "onnxruntime", *KERAS),
        MNIST_MLP | {"batch": 256, "steps": 40, "batch_size": 256},
        smoke={"steps": 2, "data": "random"},
    ),
]  # fmt: skip
