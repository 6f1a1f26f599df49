"""One Adam step over ten million parameters in four arrays: memory traffic and nothing else."""

from workload import Workload

WORKLOADS = [
    Workload(
        "Adam, one step, 10 million parameters", "e2e", "adam_flat", "ms",
        ("dlcore", "numpy", "c", "torch", "torch-default", "jax", "keras-torch", "keras-tensorflow", "keras-jax"),
        {"shapes": [[1250, 2000]] * 4},
        smoke={"shapes": [[100, 50]] * 2},
        rate=("GB/s", 7 * 4 * 1e7 / 1e9),  # read p, m, v, g; write p, m, v
    )
]  # fmt: skip
