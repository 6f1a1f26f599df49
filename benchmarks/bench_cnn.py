"""Convolutional networks: training, prediction, and the time one image takes."""

from workload import Workload

TORCH = ("torch", "torch-flush", "torch-last", "torch-last-flush", "torch-compile", "torch-compile-flush")
KERAS = ("keras-torch", "keras-tensorflow", "keras-jax")
TRAINING = ("dlcore", *TORCH, "jax", *KERAS)
PREDICTION = ("dlcore", "torch", "torch-last-flush", "torch-script", "torch-compile-flush", "jax", "onnxruntime", *KERAS)

MNIST_CNN = {
    "inputs": (28, 28, 1),
    "layers": [
        ("conv", 32, 3, "valid", "relu"), ("pool", 2), ("conv", 64, 3, "valid", "relu"), ("pool", 2),
        ("flatten",), ("dropout", 0.5), ("dense", 10, "softmax"),
    ],
    "loss": "sparse_categorical_crossentropy", "data": "mnist", "batch": 128,
}  # fmt: skip


def block(filters: int) -> list:
    """As it is usually written: the activation in a layer of its own, after the normalization."""
    return [("conv", filters, 3, "same", None), ("norm",), ("activation", "relu")]


CIFAR_CNN = {
    "inputs": (32, 32, 3),
    "layers": [
        *block(32), *block(32), ("pool", 2), ("dropout", 0.2), *block(64), *block(64), ("pool", 2), ("dropout", 0.3),
        *block(128), *block(128), ("pool", 2), ("dropout", 0.4), ("flatten",), ("dense", 10, "softmax"),
    ],
    "loss": "sparse_categorical_crossentropy", "data": "cifar10", "batch": 64,
}  # fmt: skip

SMALL = {"steps": 2, "batch": 4, "data": "random"}


def without_dropout(network: dict) -> dict:
    """Peers draw other random numbers; without any, the losses must agree."""
    return network | {"layers": [layer for layer in network["layers"] if layer[0] != "dropout"]}


def training(name: str, network: dict, steps: int, check: str, tolerance: float) -> Workload:
    return Workload(
        f"fit: {name}, Adam, batch {network['batch']}", "e2e", "train", "samples/s", TRAINING,
        network | {"steps": steps}, smoke=SMALL, count=network["batch"], check=check, tolerance=tolerance,
    )  # fmt: skip


def latency(call: str, peers: tuple[str, ...]) -> Workload:
    return Workload(f"one image, MNIST CNN: {call}", "e2e", "latency", "µs", peers, MNIST_CNN | {"batch": 1, "steps": 1, "call": call}, smoke=SMALL)


def prediction(name: str, network: dict, steps: int) -> Workload:
    batch = network["batch"]
    return Workload(
        f"predict: {name}, batches of {batch}", "e2e", "predict", "samples/s", PREDICTION,
        network | {"steps": steps, "batch_size": batch}, smoke=SMALL, check="equal", tolerance=1e-4,
    )  # fmt: skip


WORKLOADS = [
    training("MNIST CNN", MNIST_CNN, 100, "falls", 0),
    training("CIFAR CNN with batch normalization", CIFAR_CNN, 30, "falls", 0),
    # PyTorch adds epsilon after the correction of the bias, which shows in parameters with tiny gradients.
    training("MNIST CNN without dropout", without_dropout(MNIST_CNN), 20, "equal", 0.005),
    training("CIFAR CNN with batch normalization without dropout", without_dropout(CIFAR_CNN), 10, "equal", 0.02),
    prediction("MNIST CNN", MNIST_CNN, 40),
    prediction("CIFAR CNN", CIFAR_CNN, 32),
    latency("model(x)", PREDICTION),
    latency("predict", ("dlcore", *KERAS)),
]
