"""float32 matrix products of the shapes that training asks for; "T": the first factor is transposed."""

from workload import Workload

SHAPES = [
    (1, 784, 512), (32, 10, 16), (32, 16, 16), (16, 32, 10, "T"), (32, 784, 128), (32, 128, 512), (128, 784, 512),
    (128, 512, 512), (784, 128, 512, "T"), (128, 512, 10), (512, 128, 10, "T"), (256, 2048, 4096), (2048, 2048, 2048),
    (100352, 9, 32), (21632, 288, 64), (65536, 27, 32), (65536, 288, 32), (16384, 576, 64), (4096, 1152, 128),
    (288, 65536, 32, "T"),
]  # fmt: skip

WORKLOADS = [
    Workload(
        f"sgemm {m}×{k}×{n}{' T' if t else ''}", "op", "gemm", "µs",
        ("dlcore", "numpy", "scipy", "mkl", "torch"),
        {"m": m, "k": k, "n": n, "transposed": bool(t)},
        smoke={"m": min(m, 64), "k": min(k, 64), "n": min(n, 64)},
        rate=("GFLOP/s", 2 * m * k * n / 1e9),
    )
    for m, k, n, *t in SHAPES
]  # fmt: skip
