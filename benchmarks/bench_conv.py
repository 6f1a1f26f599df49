"""One convolution at a time: forward, gradient by data, gradient by weights; beside the sgemm of the same machine."""

from math import prod

from workload import Workload

PEERS = ("dlcore", "torch", "torch-last")
# image or signal (batch, sizes, channels), window, filters; then strides, padding and groups where they are not 1, same, 1
SHAPES = [
    ("MNIST CNN", (128, 28, 28, 1), (3, 3), 32, {"padding": "valid"}),
    ("MNIST CNN", (128, 13, 13, 32), (3, 3), 64, {"padding": "valid"}),
    ("CIFAR CNN", (64, 32, 32, 3), (3, 3), 32, {}),
    ("CIFAR CNN", (64, 32, 32, 32), (3, 3), 32, {}),
    ("CIFAR CNN", (64, 16, 16, 32), (3, 3), 64, {}),
    ("CIFAR CNN", (64, 16, 16, 64), (3, 3), 64, {}),
    ("CIFAR CNN", (64, 8, 8, 64), (3, 3), 128, {}),
    ("CIFAR CNN", (64, 8, 8, 128), (3, 3), 128, {}),
    ("ResNet", (8, 56, 56, 64), (3, 3), 64, {}),
    ("1x1", (64, 16, 16, 128), (1, 1), 64, {}),
    ("depthwise", (64, 32, 32, 64), (3, 3), 64, {"groups": 64}),
    ("grouped", (64, 16, 16, 64), (3, 3), 64, {"groups": 4}),
    ("strided", (64, 32, 32, 32), (3, 3), 64, {"strides": 2}),
    ("5x5", (64, 16, 16, 32), (5, 5), 64, {}),
    ("stem", (8, 112, 112, 3), (7, 7), 64, {"strides": 2}),
    ("1D", (32, 100, 128), (5,), 128, {}),
    ("1D, one image", (1, 100, 128), (5,), 128, {}),
    ("3D", (8, 16, 32, 32, 16), (3, 3, 3), 32, {}),
    ("one image", (1, 28, 28, 1), (3, 3), 32, {"padding": "valid"}),
    ("one image", (1, 13, 13, 32), (3, 3), 64, {"padding": "valid"}),
]  # fmt: skip
PASSES = {"forward": "forward", "data": "gradient by data", "weights": "gradient by weights"}


def operations(shape, window, filters, strides=1, padding="same", groups=1) -> int:
    """Multiplications and additions of any of the three passes, none saved."""
    lost = [k - 1 if padding == "valid" else 0 for k in window]
    outputs = [-(-(n - m) // strides) for n, m in zip(shape[1:-1], lost, strict=True)]
    return 2 * shape[0] * prod(outputs) * prod(window) * shape[-1] // groups * filters


def convolution(label, shape, window, filters, options, direction) -> Workload:
    text = "×".join(map(str, shape)) + f" → {filters}, {'×'.join(map(str, window))}"
    text += "".join(f", {k} {v}" for k, v in options.items())
    spec = {"strides": 1, "padding": "same", "groups": 1} | options | {"window": window, "filters": filters, "direction": direction}
    return Workload(
        f"{label}: {text}, {PASSES[direction]}", "conv", "convolution", "GFLOP/s", PEERS, spec | {"shape": shape},
        smoke={"shape": (1, *(min(n, 9) for n in shape[1:-1]), shape[-1])},
        count=operations(shape, window, filters, **options), check="equal", tolerance=1e-3,
    )  # fmt: skip


WORKLOADS = [
    Workload(
        "sgemm 2048×2048×2048", "conv", "gemm", "GFLOP/s", ("dlcore", "mkl", "torch"),
        {"m": 2048, "k": 2048, "n": 2048, "transposed": False}, smoke={"m": 64, "k": 64, "n": 64}, count=2 * 2048**3,
    ),
    *(
        convolution(*row, direction)
        for row in SHAPES
        for direction in PASSES
        if not (row[1][-1] <= 3 and direction == "data")  # pixels of an image: nobody asks for their gradient
    ),
]  # fmt: skip
