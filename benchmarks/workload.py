"""What a benchmark is made of: a `Workload` (what is measured) and a `Job` (one peer's way of doing it)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from math import prod
from pathlib import Path

TIERS = ("op", "bandwidth", "layer", "conv", "e2e", "memory", "footprint")

# unit: (factor from seconds per item, True when it is items per second and more is better)
UNITS = {
    "µs/step": (1e6, False),
    "µs/layer": (1e6, False),
    "µs": (1e6, False),
    "ms": (1e3, False),
    "ns/element": (1e9, False),
    "samples/s": (1.0, True),
    "GB/s": (1e-9, True),  # an item is a byte
    "GFLOP/s": (1e-9, True),  # `count` is the operations in an item
}


@dataclass(frozen=True)
class Workload:
    """One row of a table. `kind` names the function that every peer's module must have to take part."""

    name: str
    tier: str
    kind: str
    unit: str
    peers: tuple[str, ...]
    spec: dict  # arguments of the peer's function; JSON, because they travel over a pipe
    smoke: dict = field(default_factory=dict)  # arguments replaced by smaller ones in a smoke run
    rate: tuple[str, float] | None = None  # (name, amount per item): a second figure, such as GB/s
    count: float = 1  # samples or layers in an item (a training job counts steps), for units per sample or layer
    tolerance: float = 2e-3  # of the losses, relative
    check: str = "none"  # "equal": losses of all peers agree; "falls": the loss falls (dropout)


@dataclass(frozen=True)
class Network:
    """A stack of layers and how it is trained; the same object builds it in every library.

    A layer is (units, activation, dropout after it), or a word and arguments: "conv" (filters, size, padding, activation),
    "norm", "activation" (name), "pool" (size), "flatten", "dropout" (rate), "dense" (units, activation).
    """

    inputs: int | list  # features, or height, width, channels
    layers: list
    loss: str = "mse"  # mse, binary_crossentropy, sparse_categorical_crossentropy
    optimizer: str = "adam"  # adam, sgd
    learning_rate: float = 1e-3
    momentum: float = 0.0
    batch: int = 32
    steps: int = 100  # batches in an epoch
    data: str = "random"  # random, mnist, cifar10
    target: str = "label"  # label, input (autoencoder)

    @property
    def samples(self) -> int:
        return self.batch * self.steps

    @property
    def images(self) -> bool:
        return not isinstance(self.inputs, int)

    @property
    def outputs(self) -> int:
        return self.stack()[-1][1][0]

    def stack(self) -> list:
        """[(word, arguments, shape of a sample before the layer)] with every layer as a word."""
        words = []
        for layer in self.layers:
            if isinstance(layer[0], str):
                words.append((layer[0], layer[1:]))
            else:
                units, activation, dropout = layer
                words.append(("dense", (units, activation)))
                words += [("dropout", (dropout,))] if dropout else []
        shape, stack = tuple(self.inputs) if self.images else (self.inputs,), []
        for word, arguments in words:
            stack.append((word, arguments, shape))
            shape = shape_after(word, arguments, shape)
        return stack


def shape_after(word: str, arguments: tuple, shape: tuple) -> tuple:
    match word:
        case "conv":
            filters, size, padding, _ = arguments
            lost = size - 1 if padding == "valid" else 0
            return (shape[0] - lost, shape[1] - lost, filters)
        case "pool":
            return (shape[0] // arguments[0], shape[1] // arguments[0], shape[2])
        case "flatten":
            return (prod(shape),)
        case "dense":
            return (arguments[0],)
    return shape


@dataclass
class Job:
    """What a peer hands to the harness: `run()` does `items` items and may return a loss."""

    run: Callable[[], float | None]
    items: float
    check: float | None = None  # loss of the first epoch, from the common initial weights


def load_workloads() -> list[Workload]:
    """All workloads of all `bench_*.py` beside this file, in the order of their names."""
    here = Path(__file__).parent
    return [w for f in sorted(here.glob("bench_*.py")) for w in import_module(f.stem).WORKLOADS]
