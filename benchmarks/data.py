"""Inputs, labels and initial weights, made from fixed seeds so that every process has the same ones."""

import gzip
import os
from functools import cache
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


def training_data(net: Network) -> tuple[np.ndarray, np.ndarray]:
    """x (samples, inputs) float32 and y: (samples, outputs) float32, or (samples,) int32 class numbers."""
    rng = np.random.default_rng(7)
    outputs = net.layers[-1][0]
    real = mnist() if net.data == "mnist" else None
    if real is not None:
        rows = np.arange(net.samples) % len(real[0])
        x, y = real[0][rows], real[1][rows]
    else:
        x = rng.standard_normal((net.samples, net.inputs), dtype=np.float32)
        if net.target == "input" or net.data == "mnist":  # grey values, not whole of both signs
            x = (1 / (1 + np.exp(-x))).astype(np.float32)
        score = x @ rng.standard_normal((net.inputs, outputs), dtype=np.float32)
        y = score.argmax(1).astype(np.int32)
    if net.target == "input":
        y = x
    elif net.loss == "mse":
        y = np.sin(score).astype(np.float32)
    elif net.loss == "binary_crossentropy":
        y = (score + rng.standard_normal(score.shape) > 0).astype(np.float32)
    return np.ascontiguousarray(x), np.ascontiguousarray(y)


def initial_weights(net: Network) -> list[np.ndarray]:
    """[W (in, out), b (out,), W, b, ...]: Glorot uniform kernels, zero biases."""
    rng = np.random.default_rng(11)
    weights, n_in = [], net.inputs
    for n_out, *_ in net.layers:
        limit = np.sqrt(6 / (n_in + n_out))
        weights.append(rng.uniform(-limit, limit, (n_in, n_out)).astype(np.float32))
        weights.append(np.zeros(n_out, np.float32))
        n_in = n_out
    return weights
