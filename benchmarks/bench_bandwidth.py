"""Kernels on arrays that no cache holds, beside STREAM: a pass over memory should cost what the memory allows.

`words` is the number of float32 values that must be read or written for each item, however the kernel goes about it.
"""

from workload import Workload

PARAMETERS = {"shapes": [[1250, 2000]] * 4}  # ten million


def kernel(name: str, words: float, kind: str, spec: dict, smoke: dict, peers=("stream-copy", "stream-triad")) -> Workload:
    """A row: `kind` and `spec` are those of the peer `dlcore`, in `peers/keras_api.py`."""
    return Workload(
        name, "bandwidth", "bandwidth", "GB/s", ("dlcore", *peers),
        {"kind": kind, "bytes_per_item": 4 * words, "spec": spec},
        smoke={"spec": smoke},
    )  # fmt: skip


def optimizer(name: str, words: float, **arguments) -> Workload:
    """One step; an item is a parameter. Parameter and slots are read and written, the gradient is read."""
    label = ", ".join([name, *(f"{k}={v}" for k, v in arguments.items())])
    spec = {"name": name, "arguments": arguments}
    peers = ("stream-copy", "stream-triad", "stream-update")
    return kernel(label, words, "optimizer_step", {**spec, **PARAMETERS}, {**spec, "shapes": [[100, 50]] * 2}, peers)


N = 16_000_000
ACTIVATIONS = ["relu", "leaky_relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus", "softsign", "hard_sigmoid", "hard_silu", "log_sigmoid", "hard_tanh", "tanh_shrink", "hard_shrink", "soft_shrink", "squareplus", "sparse_plus", "sparse_sigmoid", "exponential"]
FUNCTIONS = ["exp", "expm1", "log", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "absolute", "sin", "cos", "tan", "sinh", "arctan", "erf", "round"]


def both_ways(label: str, kind: str, words: tuple, spec: dict, sizes: list) -> list[Workload]:
    """Forward and backward of the same. Backward begins with the gradient of a sum, which is one word more to write."""
    small = {"shapes": [[min(n, 64) for n in shape] for shape in sizes]}
    spec = {**spec, "shapes": sizes}
    rows = [kernel(label, words[0], f"{kind}_forward", spec, {**spec, **small})]
    if words[1]:
        rows.append(kernel(f"{label}, backward", words[1] + 1, f"{kind}_backward", spec, {**spec, **small}))
    return rows


def op(name: str, words: tuple, *sizes, label: str = "", **arguments) -> list[Workload]:
    return both_ways(label or name, "op", words, {"name": name, "arguments": arguments}, [list(s) for s in sizes] or [[N]])


def normalization(name: str, words: tuple, shape: tuple, training=None, **arguments) -> list[Workload]:
    label = f"{name}{'' if training is None else ', training' if training else ', inference'}, {' x '.join(map(str, shape))}"
    return both_ways(label, "layer", words, {"name": name, "training": training, "arguments": arguments}, [list(shape)])


ELEMENTWISE = [
    *(w for name in ACTIVATIONS for w in op(name, (2, 3))),
    *op("gelu", (2, 3), label="gelu, approximate", approximate=True),
    *(w for name in FUNCTIONS for w in op(name, (2, 0 if name == "round" else 3))),
    *(w for name in ("add", "multiply", "divide", "maximum") for w in op(name, (3, 0), [N], [N])),
    *op("power", (3, 0), [N], [N]),
    *op("add", (2, 0), [N // 1000, 1000], [1000], label="add a row"),
    *op("multiply", (2, 0), [N // 1000, 1000], [N // 1000, 1], label="multiply by a column"),
    *op("dropout", (2.25, 2.25), rate=0.5, key=1, counter=2),
]
REDUCTIONS = [
    w
    for name in ("sum", "mean", "max")
    for rows, columns in ((N // 10, 10), (N // 1000, 1000), (160, 100_000))
    for axis in (0, -1)
    for w in op(name, (1, 0), [rows, columns], label=f"{name} over axis {axis}, {rows} x {columns}", axis=axis)
]
SOFTMAX = [
    w for name in ("softmax", "log_softmax") for k in (10, 100, 1000, 100_000) for w in op(name, (2, 3), [N // k, k], label=f"{name}, rows of {k}")
]
NORMALIZATION = [
    # Statistics are known only after a first pass, so training reads x (in backward x and the gradient) twice.
    *(w for c in (10, 64, 1000) for w in normalization("BatchNormalization", (3, 5), (N // c, c), training=True)),
    *(w for c in (10, 64, 1000) for w in normalization("BatchNormalization", (2, 4), (N // c, c), training=False)),
    *normalization("BatchNormalization", (3, 5), (64, 64, 3906), training=True, axis=1),
    *normalization("GroupNormalization", (3, 5), (64, 976, 256)),
    *(w for k in (10, 100, 1000) for name in ("LayerNormalization", "RMSNormalization", "UnitNormalization") for w in normalization(name, (2, 3), (N // k, k))),
]
POOLING = [
    # Of the maximum a byte is kept, too, but only for a gradient.
    *(
        w
        for name in ("max_pool", "average_pool")
        for shape in ((128, 62, 62, 32), (128, 44, 44, 64))
        for w in op(name, (1.25, 1.5), shape, label=f"{name} 2 x 2, {' x '.join(map(str, shape))}", pool_size=2)
    ),
    *op("max_pool", (1.25, 1.5), (128, 62, 62, 32), label="max_pool 3 x 3 by 2 x 2, 128 x 62 x 62 x 32", pool_size=3, strides=2, padding="same"),
    *op("max_pool", (1.25, 1.5), (128, 32, 62, 62), label="max_pool 2 x 2, channels first, 128 x 32 x 62 x 62", pool_size=2, data_format="channels_first"),
]
WORKLOADS = [
    *ELEMENTWISE,
    *REDUCTIONS,
    *SOFTMAX,
    *NORMALIZATION,
    *POOLING,
    optimizer("SGD", 3),
    optimizer("SGD", 5, momentum=0.9),
    optimizer("RMSprop", 5),
    optimizer("RMSprop", 9, momentum=0.9, centered=True),
    optimizer("Adam", 7),
    optimizer("Adam", 9, amsgrad=True),
    optimizer("Adam", 10, use_ema=True),
    optimizer("Adam", 10, global_clipnorm=1.0),
    optimizer("Adamax", 7),
    optimizer("Nadam", 7),
    optimizer("Lion", 5),
    optimizer("ScheduleFreeAdamW", 7),
    optimizer("Adagrad", 5),
    optimizer("Adadelta", 7),
    optimizer("Ftrl", 7),
    optimizer("Lamb", 10),  # moments and norms, then the move
    optimizer("Adafactor", 7),  # norm of the parameters, means of rows and columns, v and its clipping, then the move
]
