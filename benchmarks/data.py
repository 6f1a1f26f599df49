"""Inputs, labels and initial weights, made from fixed seeds so that every process has the same ones."""

import gzip
import os
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
from workload import Network

FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")


def data_directory() -> Path | None:
    """Directory with the real data sets: DLCORE_DATA, or `shared/data` beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    for place in (os.environ.get("DLCORE_DATA"), beside):
        if place and (Path(place) / "mnist" / FILES[0]).exists():
            return Path(place)
    return None


@cache
def mnist() -> tuple[np.ndarray, np.ndarray] | None:
    """Training images (60000, 784) in [0, 1] and labels (60000,), or None when the files are not there."""
    place = data_directory()
    if place is None:
        return None
    images, labels = (gzip.decompress((place / "mnist" / f).read_bytes()) for f in FILES)
    x = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / np.float32(255)
    return x, np.frombuffer(labels, np.uint8, offset=8).astype(np.int32)


@cache
def cifar10() -> tuple[np.ndarray, np.ndarray] | None:
    """Training images (6000, 32, 32, 3) in [0, 1] and labels (6000,) of the subset, or None when the file is not there."""
    place = data_directory()
    if place is None or not (place / "cifar10" / "cifar10_small.npz").exists():
        return None
    with np.load(place / "cifar10" / "cifar10_small.npz") as file:  # differences along both axes, modulo 256
        x = file["dx_train"].cumsum(2, dtype=np.uint8).cumsum(3, dtype=np.uint8).transpose(0, 2, 3, 1)
        return x.astype(np.float32) / np.float32(255), file["y_train"].reshape(-1).astype(np.int32)


def training_data(net: Network) -> tuple[np.ndarray, np.ndarray]:
    """x (samples, inputs) float32 and y: (samples, outputs) float32, or (samples,) int32 class numbers."""
    rng = np.random.default_rng(7)
    shape = tuple(net.inputs) if net.images else (net.inputs,)
    real = {"mnist": mnist, "cifar10": cifar10}.get(net.data, lambda: None)()
    if real is not None:
        rows = np.arange(net.samples) % len(real[0])
        x, y = real[0][rows].reshape(-1, *shape), real[1][rows]
    else:
        x = rng.standard_normal((net.samples, prod(shape)), dtype=np.float32)
        if net.target == "input" or net.data == "mnist":  # grey values, not whole of both signs
            x = (1 / (1 + np.exp(-x))).astype(np.float32)
        score = x @ rng.standard_normal((prod(shape), net.outputs), dtype=np.float32)
        x = x.reshape(-1, *shape)
        y = score.argmax(1).astype(np.int32)
    if net.target == "input":
        y = x
    elif net.loss == "mse":
        y = np.sin(score).astype(np.float32)
    elif net.loss == "binary_crossentropy":
        y = (score + rng.standard_normal(score.shape) > 0).astype(np.float32)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def initial_weights(net: Network) -> list[np.ndarray]:
    """In the order and layout of Keras: kernels (in, out) or (height, width, in, out), Glorot uniform, and zero biases;
    of a normalization: ones and zeros (scale and shift), zeros and ones (moving mean and variance)."""
    rng = np.random.default_rng(11)
    weights = []
    for word, arguments, shape in net.stack():
        if word in ("conv", "dense"):
            window = (arguments[1],) * 2 if word == "conv" else ()
            n_in, n_out = shape[-1], arguments[0]
            limit = np.sqrt(6 / ((n_in + n_out) * prod(window)))
            weights.append(rng.uniform(-limit, limit, (*window, n_in, n_out)).astype(np.float32))
            weights.append(np.zeros(n_out, np.float32))
        elif word == "norm":
            weights += [np.full(shape[-1], value, np.float32) for value in (1, 0, 0, 1)]
    return weights


def log_loss(probabilities: np.ndarray, net: Network) -> float | None:
    """Of predicted classes: a figure in which all peers must agree."""
    if net.loss != "sparse_categorical_crossentropy":
        return None
    y = training_data(net)[1]
    return float(-np.log(np.maximum(probabilities[np.arange(len(y)), y], 1e-7)).mean())


def convolution_arrays(shape: list, window: list, filters: int, strides: int, padding: str, groups: int) -> tuple:
    """Input, kernel and a gradient of the output, channels last."""
    rng = np.random.default_rng(5)
    lost = [k - 1 if padding == "valid" else 0 for k in window]
    outputs = [-(-(n - m) // strides) for n, m in zip(shape[1:-1], lost, strict=True)]
    shapes = (shape, (*window, shape[-1] // groups, filters), (shape[0], *outputs, filters))
    return tuple(rng.standard_normal(s, dtype=np.float32) for s in shapes)


def fingerprint(result: np.ndarray) -> float:
    """One number that arrays in the same order share only if they are equal."""
    return float(np.abs(result.ravel()) @ np.linspace(1, 2, result.size)) / result.size
