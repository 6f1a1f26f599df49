"""What random models are made of: for every family a table, drawn from with a generator, the same for Keras and for dlcore.

An entry makes an object of either library: ``make(lib, pick)``, where ``pick(options)`` draws. Layers that draw random numbers
do so with rate 0: what they do to graphs and masks is compared here, their numbers cannot be. Metrics that give back their
variable as it is (TruePositives ...) are compared elsewhere: on PyTorch, Keras' history then has the value of the validation
for training, too.
"""

import math

ACTIVATIONS = (
    None, "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "swish", "mish", "softplus", "softsign", "sigmoid",
    "hard_sigmoid", "hard_silu", "hard_swish", "log_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus",
    "sparse_plus", "sparse_sigmoid", "softmax", "log_softmax", "exponential",
)  # fmt: skip
SMOOTH = ("tanh", "sigmoid", "softplus", "softsign", "gelu", "silu", "mish", "elu", "squareplus", "log_sigmoid")


def schedule(lib, pick):
    s = lib.optimizers.schedules
    return pick((
        lambda: s.ExponentialDecay(0.02, 4, 0.8, staircase=True),
        lambda: s.InverseTimeDecay(0.02, 3, 0.5),
        lambda: s.PiecewiseConstantDecay([2, 6], [0.02, 0.01, 0.005]),
        lambda: s.PolynomialDecay(0.02, 8, power=2.0),
        lambda: s.CosineDecay(0.001, 8, warmup_target=0.02, warmup_steps=3),
        lambda: s.CosineDecayRestarts(0.02, 5),
    ))()  # fmt: skip


# Name -> arguments. Rules that take the sign of something amplify rounding: they are compared in float64 only, and without
# normalization, which Keras computes in float32 even then.
OPTIMIZERS = (
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True, "clipnorm": 0.5}),
    ("SGD", {"learning_rate": schedule, "clipvalue": 0.1}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True, "weight_decay": 0.05}),
    ("Adam", {"learning_rate": schedule, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3}),
    ("AdamW", {"learning_rate": 0.01, "weight_decay": 0.02}),
    ("Adamax", {"learning_rate": 0.01}),
    ("Nadam", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5, "global_clipnorm": 1.0}),
    ("Adagrad", {"learning_rate": 0.05}),
    ("Adadelta", {"learning_rate": 0.5}),
    ("Ftrl", {"learning_rate": 0.05, "l2_regularization_strength": 0.01}),
    ("Lamb", {"learning_rate": 0.01}),
    ("Adafactor", {"learning_rate": 0.01}),
    ("Lion", {"learning_rate": 0.001}),
    ("Muon", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "gradient_accumulation_steps": 2}),
)
DOUBLE_ONLY = ("Lion", "Muon", "Adafactor", "Lamb")

# Kind of head -> (sizes, activations), losses, metrics. A loss or metric is a name or make(lib).
REGRESSION = ["mse", "mae", "MeanSquaredError", "log_cosh", lambda lib: lib.losses.Huber(0.7),
              lambda lib: lib.losses.MeanSquaredError(reduction="sum"), lambda lib: lib.losses.MeanAbsoluteError(reduction="mean_with_sample_weight")]  # fmt: skip
HEADS = {
    "values": ((1, 2, 3), (None, "tanh"), REGRESSION,
               ["mae", "mse", lambda lib: lib.metrics.RootMeanSquaredError(), lambda lib: lib.metrics.LogCoshError(), lambda lib: lib.metrics.CosineSimilarity(),
                lambda lib: lib.metrics.MeanMetricWrapper(lib.metrics.mean_absolute_error, name="wrapped")]),
    "directions": ((2, 3), (None, "tanh"), ["cosine_similarity", lambda lib: lib.losses.CosineSimilarity(axis=-1)], [lambda lib: lib.metrics.CosineSimilarity()]),
    "positive": ((1, 3), ("softplus", "squareplus"), ["poisson", "msle", "mape", "mean_squared_logarithmic_error"],
                 [lambda lib: lib.metrics.Poisson(), lambda lib: lib.metrics.MeanSquaredLogarithmicError(), "mape"]),
    "binary": ((1, 2), ("sigmoid",), ["binary_crossentropy", "binary_focal_crossentropy", lambda lib: lib.losses.BinaryCrossentropy(label_smoothing=0.1),
                                      lambda lib: lib.losses.BinaryFocalCrossentropy(apply_class_balancing=True, gamma=1.5), "dice", "tversky", "hinge", "squared_hinge"],
               ["accuracy", "binary_accuracy", lambda lib: lib.metrics.AUC(num_thresholds=20), lambda lib: lib.metrics.Precision(), lambda lib: lib.metrics.Recall(thresholds=0.4),
                lambda lib: lib.metrics.Precision(thresholds=[0.3, 0.7]),
                lambda lib: lib.metrics.SensitivityAtSpecificity(0.5, num_thresholds=11), lambda lib: lib.metrics.Hinge()]),
    "logits": ((1, 2), (None,), [lambda lib: lib.losses.BinaryCrossentropy(from_logits=True), lambda lib: lib.losses.BinaryFocalCrossentropy(from_logits=True)],
               [lambda lib: lib.metrics.BinaryCrossentropy(from_logits=True), lambda lib: lib.metrics.BinaryAccuracy(threshold=0.0)]),
    "classes": ((3, 4), ("softmax",), ["categorical_crossentropy", "kl_divergence", "categorical_hinge", "categorical_focal_crossentropy",
                                       lambda lib: lib.losses.CategoricalCrossentropy(label_smoothing=0.2)],
                ["accuracy", "categorical_accuracy", lambda lib: lib.metrics.TopKCategoricalAccuracy(k=2), lambda lib: lib.metrics.F1Score(average="macro"),
                 lambda lib: lib.metrics.OneHotMeanIoU(num_classes=3), lambda lib: lib.metrics.CategoricalHinge(), lambda lib: lib.metrics.AUC(multi_label=True, num_thresholds=7),
                 lambda lib: lib.metrics.KLDivergence()]),
    "ids": ((3, 4), ("softmax",), ["sparse_categorical_crossentropy"],
            ["acc", "sparse_categorical_crossentropy", lambda lib: lib.metrics.SparseTopKCategoricalAccuracy(k=2), lambda lib: lib.metrics.SparseCategoricalAccuracy(name="mine")]),
    "flat ids": ((3,), ("softmax",), [lambda lib: lib.losses.CategoricalGeneralizedCrossEntropy(q=0.6)], ["accuracy"]),
    "id logits": ((3, 4), (None,), [lambda lib: lib.losses.SparseCategoricalCrossentropy(from_logits=True)], ["accuracy"]),
}  # fmt: skip

# The same for outputs of higher rank.
DEEP_HEADS = {
    "values": ((1, 3), (None, "tanh"), ["mse", "mae", "huber"], ["mae", "mse"]),
    "binary": ((1, 2), ("sigmoid",), ["binary_crossentropy"], ["accuracy"]),
    "classes": ((3,), ("softmax",), ["categorical_crossentropy", "kl_divergence"], ["accuracy"]),
    "ids": ((3,), ("softmax",), ["sparse_categorical_crossentropy"], ["accuracy"]),
}


def made(lib, item):
    return item(lib) if callable(item) else item


def regularizer(lib, pick):
    r = lib.regularizers
    return pick((lambda: "l2", lambda: r.L1(0.01), lambda: r.L1L2(0.01, 0.02), lambda: r.OrthogonalRegularizer(0.02, mode="columns")))()


def constraint(lib, pick):
    c = lib.constraints
    return pick((lambda: c.MaxNorm(0.8), lambda: c.NonNeg(), lambda: c.UnitNorm(axis=0), lambda: c.MinMaxNorm(0.3, 0.9, rate=0.7)))()


def penalties(lib, pick, regularizers=regularizer):
    """Arguments of a layer with a kernel: now and then a regularizer or a constraint."""
    chance = pick(range(12))
    if chance == 0:
        return {"kernel_regularizer": regularizers(lib, pick)}
    if chance == 1:
        return {"bias_regularizer": lib.regularizers.L1L2(0.01, 0.02)}
    if chance == 2:
        return {"activity_regularizer": lib.regularizers.L2(0.03)}
    if chance == 3:
        return {"kernel_constraint": constraint(lib, pick)}
    return {}


def dense(lib, pick, units, activation=None):
    options = penalties(lib, pick)
    return lib.layers.Dense(units, activation=activation, use_bias=pick(range(7)) > 0, **options)


# Layers by the rank of their input (with the batch): each takes any size and gives the same rank.
ANY_RANK = (
    lambda lib, pick, shape: dense(lib, pick, pick((2, 5, 8)), pick(ACTIVATIONS)),
    lambda lib, pick, shape: dense(lib, pick, pick((3, 4)), pick(SMOOTH)),
    lambda lib, pick, shape: lib.layers.Activation(pick(ACTIVATIONS)),
    lambda lib, pick, shape: lib.layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.2),
    lambda lib, pick, shape: lib.layers.LeakyReLU(),
    lambda lib, pick, shape: lib.layers.ELU(0.7),
    lambda lib, pick, shape: lib.layers.PReLU(alpha_initializer="uniform", shared_axes=[1] if len(shape) > 2 else None),
    lambda lib, pick, shape: lib.layers.BatchNormalization(epsilon=0.01),
    lambda lib, pick, shape: lib.layers.LayerNormalization(scale=pick((True, False)), center=pick((True, False))),
    lambda lib, pick, shape: lib.layers.RMSNormalization(),
    lambda lib, pick, shape: lib.layers.UnitNormalization(),
    lambda lib, pick, shape: lib.layers.GroupNormalization(groups=pick((1, -1)) if len(shape) > 2 else 1),
    lambda lib, pick, shape: lib.layers.Dropout(0.0),
    lambda lib, pick, shape: lib.layers.AlphaDropout(0.0),
    lambda lib, pick, shape: lib.layers.GaussianDropout(0.0),
    lambda lib, pick, shape: lib.layers.GaussianNoise(0.0),
    lambda lib, pick, shape: lib.layers.ActivityRegularization(l1=0.01, l2=0.02),
    lambda lib, pick, shape: lib.layers.Identity(),
    lambda lib, pick, shape: lib.layers.Lambda(lib.ops.tanh),
    lambda lib, pick, shape: lib.layers.Rescaling(0.7, offset=0.1),
    lambda lib, pick, shape: lib.layers.Normalization(mean=0.3, variance=2.0),
)
WITHOUT_MASK = (
    lambda lib, pick, shape: lib.layers.Softmax(axis=pick((-1, 1))),
    lambda lib, pick, shape: lib.layers.BatchNormalization(axis=pick((-1, 1)), momentum=0.9, scale=pick((True, False)), center=pick((True, False))),
)
# Joins BY_RANK in layers_for when models.npz is recorded anew (every line changes what all seeds draw).
POOLING = {
    3: (
        lambda lib, pick, shape: lib.layers.MaxPooling1D(2, padding=pick(("valid", "same"))) if shape[1] > 1 else lib.layers.Identity(),
        lambda lib, pick, shape: lib.layers.AveragePooling1D(pick((1, 3)), strides=1, padding="same"),
        lambda lib, pick, shape: lib.layers.AdaptiveMaxPooling1D(pick((1, 3))),
        lambda lib, pick, shape: lib.layers.GlobalAveragePooling1D(keepdims=True),
    ),
    4: (
        lambda lib, pick, shape: lib.layers.MaxPooling2D(pick((1, 2)), strides=pick((None, 1)), padding="same", data_format=pick(("channels_last", "channels_first"))),
        lambda lib, pick, shape: lib.layers.AveragePooling2D(2) if min(shape[1:3]) > 1 else lib.layers.Identity(),
        lambda lib, pick, shape: lib.layers.AdaptiveAveragePooling2D(pick((2, (1, 3)))),
        lambda lib, pick, shape: lib.layers.GlobalMaxPooling2D(keepdims=True),
    ),
    5: (
        lambda lib, pick, shape: lib.layers.MaxPooling3D(2, strides=1, padding="same"),
        lambda lib, pick, shape: lib.layers.AveragePooling3D((1, 2, 1)) if shape[2] > 1 else lib.layers.Identity(),
    ),
}
BY_RANK = {
    2: (
        lambda lib, pick, shape: [lib.layers.Reshape((-1, 1)), dense(lib, pick, 2, "tanh"), lib.layers.Flatten()],
        lambda lib, pick, shape: [lib.layers.RepeatVector(2), dense(lib, pick, 3, "tanh"), lib.layers.Flatten()],
        lambda lib, pick, shape: lib.layers.EinsumDense("ab,bc->ac", output_shape=3, bias_axes="c", activation="tanh"),
    ),
    3: (
        lambda lib, pick, shape: lib.layers.Permute((2, 1)),
        lambda lib, pick, shape: lib.layers.ZeroPadding1D(pick((1, (0, 2)))),
        lambda lib, pick, shape: lib.layers.Cropping1D((0, 1)) if shape[1] > 2 else lib.layers.Identity(),
        lambda lib, pick, shape: lib.layers.UpSampling1D(2),
        lambda lib, pick, shape: lib.layers.SpatialDropout1D(0.0),
        lambda lib, pick, shape: lib.layers.EinsumDense("abc,cd->abd", output_shape=(shape[1], 3), bias_axes="d"),
        lambda lib, pick, shape: lib.layers.GroupNormalization(groups=1, axis=1),
        lambda lib, pick, shape: lib.layers.LayerNormalization(axis=(1, 2)),
    ),
    4: (
        lambda lib, pick, shape: lib.layers.Permute((3, 1, 2)),
        lambda lib, pick, shape: lib.layers.ZeroPadding2D(((1, 0), (0, 1))),
        lambda lib, pick, shape: lib.layers.Cropping2D(((1, 0), (0, 0))) if shape[1] > 2 else lib.layers.Identity(),
        lambda lib, pick, shape: lib.layers.UpSampling2D((1, 2), interpolation=pick(("nearest", "bilinear"))),
        lambda lib, pick, shape: lib.layers.SpatialDropout2D(0.0),
        lambda lib, pick, shape: lib.layers.Reshape((shape[1] * shape[2], shape[3], 1)),
    ),
    5: (
        lambda lib, pick, shape: lib.layers.ZeroPadding3D(((1, 0), (0, 0), (0, 1))),
        lambda lib, pick, shape: lib.layers.UpSampling3D((1, 2, 1)),
        lambda lib, pick, shape: lib.layers.Cropping3D(((0, 0), (0, 0), (0, 0))),
        lambda lib, pick, shape: lib.layers.SpatialDropout3D(0.0),
    ),
}
# Input: shape without the batch, and what comes first (an embedding of whole numbers, a mask)
INPUTS = (
    ((4,), None), ((4,), None), ((3, 4), None), ((3, 4), "masking"), ((5,), "ids"), ((5,), "masked ids"), ((2, 3, 2), None), ((2, 2, 2, 2), None),
)  # fmt: skip
VOCABULARY = 6
MERGES = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
LARGEST = 96            # elements of a sample, beyond which a stack stops growing


def layers_for(lib, pick, shape, masked=False):
    """One or more layers that follow each other, for an input of that shape (with the batch)."""
    # Some layers of Keras hand on a mask that does not fit what they did to the time axis.
    options = ANY_RANK if masked else ANY_RANK + WITHOUT_MASK + 2 * BY_RANK[len(shape)]
    found = pick(options)(lib, pick, shape)
    return found if isinstance(found, list) else [found]


def size(shape):
    return math.prod(shape[1:])


# Convolutional networks. A layer takes whatever has a shape (batch, ...) of rank 3 to 5: make(lib, pick, shape). The name of a
# layer ends with the number of axes between batch and channels; a new layer is a line in one of the tables.
def spatial(lib, name, shape):
    return getattr(lib.layers, name.format(len(shape) - 2))


def data_format(pick):
    return pick(("channels_last", "channels_last", "channels_last", "channels_first"))


def split(shape, format):
    """Sizes of the axes between, and the number of channels."""
    return (shape[2:], shape[1]) if format == "channels_first" else (shape[1:-1], shape[-1])


def each(pick, sizes, largest=3):
    """A number up to `largest` for every axis, none larger than the axis."""
    return tuple(pick(range(1, min(largest, n) + 1)) for n in sizes)


def plain_regularizer(lib, pick):
    return pick((lambda: "l2", lambda: lib.regularizers.L1(0.01), lambda: lib.regularizers.L1L2(0.01, 0.02)))()


def common(lib, pick):
    return {"activation": pick((None, pick(SMOOTH), pick(ACTIVATIONS))), "use_bias": pick(range(5)) > 0, **penalties(lib, pick, plain_regularizer)}


def convolution(lib, pick, shape):
    format = data_format(pick)
    sizes, channels = split(shape, format)
    groups = pick([n for n in (1, 1, 2, 3) if channels % n == 0])
    kernel, mode = each(pick, sizes), pick(("plain", "plain", "strides", "dilation"))
    options = {"padding": pick(("valid", "same", "causal") if len(sizes) == 1 else ("valid", "same")), "data_format": format, "groups": groups}
    if mode == "strides":
        options["strides"] = tuple(pick((1, 2, 3)) for _ in sizes)
    elif mode == "dilation":
        fits = [(n - 1) // (k - 1) if k > 1 and options["padding"] == "valid" else 3 for n, k in zip(sizes, kernel, strict=True)]
        options["dilation_rate"] = tuple(pick(range(1, min(most, 3) + 1)) for most in fits)
    return spatial(lib, "Conv{}D", shape)(groups * pick((1, 2, 3)), kernel, **options, **common(lib, pick))


def transposed_convolution(lib, pick, shape):
    format = data_format(pick)
    sizes, _ = split(shape, format)
    mode = pick(("plain", "strides", "strides", "output_padding", "dilation"))
    options = {"padding": pick(("valid", "same")), "data_format": format}
    if mode in ("strides", "output_padding"):
        options["strides"] = tuple(pick((1, 2, 3)) for _ in sizes)
    if mode == "output_padding":
        options["output_padding"] = tuple(pick(range(s)) if n > 1 else s - 1 for n, s in zip(sizes, options["strides"], strict=True))
    if mode == "dilation":
        options["dilation_rate"] = tuple(pick((1, 2)) for _ in sizes)
    kernel = tuple(pick((1, 2, 3)) for _ in sizes)
    if mode == "output_padding" and min(sizes) == 1:
        kernel = (3,) * len(sizes)              # an even one may leave nothing of an axis of one element
    return spatial(lib, "Conv{}DTranspose", shape)(pick((1, 2, 3)), kernel, **options, **common(lib, pick))


def depthwise(lib, pick, shape):
    """Depthwise or separable: they are for one and two axes, and their strides are one number."""
    kind = pick(("Depthwise", "Separable"))
    format = data_format(pick)
    sizes, _ = split(shape, format)
    if len(sizes) == 3:
        return convolution(lib, pick, shape)
    options = {"padding": pick(("valid", "same")), "data_format": format, "depth_multiplier": pick((1, 1, 2)), "activation": pick((None, pick(SMOOTH))), "use_bias": pick(range(5)) > 0}
    kernel, mode = each(pick, sizes), pick(("plain", "strides", "dilation"))
    if mode == "strides":
        options["strides"] = pick((2, 3))
    elif mode == "dilation" and (options["padding"] == "same" or all(2 * (k - 1) < n for n, k in zip(sizes, kernel, strict=True))):
        options["dilation_rate"] = 2
    if kind == "Depthwise":
        return spatial(lib, "DepthwiseConv{}D", shape)(kernel, **options)
    return spatial(lib, "SeparableConv{}D", shape)(pick((1, 2, 3)), kernel, **options)


def pooling(lib, pick, shape):
    name, format = pick(("MaxPooling{}D", "AveragePooling{}D")), data_format(pick)
    sizes, _ = split(shape, format)
    windows = each(pick, sizes)
    strides = pick((None, tuple(pick((1, 2, 3)) for _ in sizes)))
    return spatial(lib, name, shape)(windows, strides, padding=pick(("valid", "same")), data_format=format)


def adaptive_pooling(lib, pick, shape):
    name, format = pick(("AdaptiveMaxPooling{}D", "AdaptiveAveragePooling{}D")), data_format(pick)
    sizes, _ = split(shape, format)
    return spatial(lib, name, shape)(each(pick, sizes), data_format=format)


def grouped(lib, pick, shape):
    axis = pick((-1, 1))
    return lib.layers.GroupNormalization(groups=pick([n for n in (1, 2, 3, -1) if shape[axis] % n == 0]), axis=axis)


def cropping(lib, pick, shape):
    ends = [pick(((0, 0), (0, 1), (1, 0), (1, 1))) if n > 2 else (0, 0) for n in shape[1:-1]]
    return spatial(lib, "Cropping{}D", shape)(ends[0] if len(ends) == 1 else tuple(ends))


def zero_padding(lib, pick, shape):
    ends = [pick(((0, 0), (0, 1), (1, 0), (1, 2))) for _ in shape[1:-1]]
    return spatial(lib, "ZeroPadding{}D", shape)(ends[0] if len(ends) == 1 else tuple(ends))


CONVOLUTIONS = (
    convolution,
    transposed_convolution,
    depthwise,
)
POOLINGS = (
    pooling,
    adaptive_pooling,
)
SPATIAL_NORMALIZATIONS = (
    lambda lib, pick, shape: lib.layers.BatchNormalization(axis=pick((-1, -1, 1)), epsilon=0.01, scale=pick((True, False)), center=pick((True, False))),
    lambda lib, pick, shape: lib.layers.LayerNormalization(),
    grouped,
)
OTHER_SPATIAL = (
    cropping,
    zero_padding,
    lambda lib, pick, shape: spatial(lib, "UpSampling{}D", shape)(2),
    lambda lib, pick, shape: lib.layers.UpSampling2D((1, 2), interpolation="bilinear") if len(shape) == 4 else lib.layers.ReLU(),
    lambda lib, pick, shape: spatial(lib, "SpatialDropout{}D", shape)(0.0),
    lambda lib, pick, shape: lib.layers.Activation(pick(ACTIVATIONS)),
    lambda lib, pick, shape: lib.layers.PReLU(alpha_initializer="uniform", shared_axes=list(range(1, len(shape) - 1))),
)
# To a rank of 2.
FLATTENINGS = (
    lambda lib, pick, shape: lib.layers.Flatten(data_format=data_format(pick)),
    lambda lib, pick, shape: spatial(lib, "GlobalAveragePooling{}D", shape)(data_format=data_format(pick)),
    lambda lib, pick, shape: spatial(lib, "GlobalMaxPooling{}D", shape)(data_format=data_format(pick)),
)
SPATIAL_INPUTS = ((7, 2), (9, 3), (12, 1), (6, 5, 2), (5, 6, 3), (8, 7, 1), (3, 4, 3, 2), (4, 3, 4, 1))
LARGEST_GRID = 400
