"""One Dense layer with ReLU, forward and backward (gradients by weights, bias and input)."""

from workload import Workload

SIZES = [(32, 16, 16), (128, 784, 512), (128, 512, 10), (256, 2048, 4096)]

WORKLOADS = [
    Workload(
        f"Dense {inputs}→{units}, batch {batch}, forward + backward", "layer", "dense", "µs",
        ("dlcore", "numpy", "torch"),
        {"batch": batch, "inputs": inputs, "units": units},
        smoke={"batch": 8, "inputs": 20, "units": 10},
        rate=("GFLOP/s", 6 * batch * inputs * units / 1e9),
    )
    for batch, inputs, units in SIZES
]  # fmt: skip
