"""Whole trainings through `fit`: time per step, from the same weights over the same batches."""

from workload import Workload

EVERYONE = ("dlcore", "numpy", "torch", "torch-compile", "jax", "jax-scan", "keras-torch", "keras-tensorflow",
            "keras-jax")  # fmt: skip
# PyTorch's own way is slowed down by denormal numbers in Adam's second moments; both ways are shown.
WITH_FLUSH = (*EVERYONE[:3], "torch-flush", *EVERYONE[3:])

MNIST_MLP = {
    "inputs": 784,
    "layers": [(512, "relu", 0.2), (512, "relu", 0.2), (10, "softmax", 0)],
    "loss": "sparse_categorical_crossentropy",
    "data": "mnist",
}

WORKLOADS = [
    Workload(
        "fit: MLP 10-16-16-1, SGD momentum, batch 32", "e2e", "train", "µs/step", EVERYONE,
        {"inputs": 10, "layers": [(16, "relu", 0), (16, "relu", 0), (1, None, 0)], "optimizer": "sgd",
         "learning_rate": 0.01, "momentum": 0.9, "batch": 32, "steps": 1000},
        smoke={"steps": 20}, check="equal",
    ),
    Workload(
        "fit: logistic regression, 30 features, SGD, batch 32", "e2e", "train", "µs/step", EVERYONE,
        {"inputs": 30, "layers": [(1, "sigmoid", 0)], "loss": "binary_crossentropy", "optimizer": "sgd",
         "learning_rate": 0.1, "batch": 32, "steps": 1000},
        smoke={"steps": 20}, check="equal",
    ),
    Workload(
        "fit: MLP 784-512-512-10, dropout 0.2, Adam, batch 128", "e2e", "train", "samples/s", WITH_FLUSH,
        MNIST_MLP | {"batch": 128, "steps": 468},
        smoke={"steps": 10, "data": "random"}, count=128, check="falls",
    ),
    Workload(
        "fit: autoencoder 784-128-64-32-64-128-784, Adam, batch 256", "e2e", "train", "µs/step", WITH_FLUSH,
        {"inputs": 784, "layers": [(n, "relu", 0) for n in (128, 64, 32, 64, 128)] + [(784, "sigmoid", 0)],
         "data": "mnist", "target": "input", "batch": 256, "steps": 100},
        smoke={"steps": 5, "data": "random"}, check="equal",
        # Gradients of a mean over 784 outputs are so small that epsilon counts, and PyTorch adds it after the
        # correction of the bias, Keras before: 1 % of the loss after 40 steps.
        tolerance=0.02,
    ),
    Workload(
        "fit: MLP 2048-4096-4096-1000, Adam, batch 256", "e2e", "train", "ms", EVERYONE,
        {"inputs": 2048, "layers": [(4096, "relu", 0), (4096, "relu", 0), (1000, "softmax", 0)],
         "loss": "sparse_categorical_crossentropy", "batch": 256, "steps": 4},
        smoke={"inputs": 64, "layers": [(96, "relu", 0), (96, "relu", 0), (50, "softmax", 0)]}, check="equal",
    ),
]  # fmt: skip


def deep(layers, units, batch, optimizer, steps):
    """Many equal layers: does a layer of a deep network cost what one of a shallow network does?"""
    return Workload(
        f"fit: {layers} layers of {units}, {optimizer}, batch {batch}", "e2e", "train", "µs/layer", ("dlcore", "numpy", "torch", "jax"),
        {"inputs": units, "layers": [(units, "relu", 0)] * layers, "optimizer": optimizer, "learning_rate": 1e-3, "batch": batch, "steps": steps},
        smoke={"steps": 5}, count=layers, check="equal",
    )  # fmt: skip


WORKLOADS += [deep(3, 32, 32, "sgd", 400), deep(40, 32, 32, "sgd", 100), deep(3, 512, 128, "adam", 40), deep(40, 512, 128, "adam", 4)]
