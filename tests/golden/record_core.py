"""Records core.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_core.py``.

Two kinds of numbers: values and gradients of every activation (see `activation`), and random models, each with one layer of the
core, embedding and regularization families in the middle (see `Case`): predictions, losses, metrics and weights.
`tests/parity/test_parity_core.py` makes the same comparisons live, on more cases.
"""

import json
import pathlib

import numpy as np

SEEDS = range(28)
ROWS = 9

# name in the test -> function, options. Not sparsemax: here it follows the paper.
ACTIVATIONS = {name: (name, {}) for name in (
    "linear", "relu", "relu6", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "swish", "mish", "softplus", "softsign", "sigmoid",
    "hard_sigmoid", "hard_silu", "hard_swish", "log_sigmoid", "tanh", "hard_tanh", "tanh_shrink", "soft_shrink", "hard_shrink",
    "squareplus", "sparse_plus", "sparse_sigmoid", "softmax", "log_softmax", "exponential", "glu",
)}  # fmt: skip
ACTIVATIONS |= {
    "relu slope": ("relu", {"negative_slope": 0.1}),
    "relu limit": ("relu", {"max_value": 2.0}),
    "relu limit 6": ("relu", {"max_value": 6}),
    "relu threshold": ("relu", {"threshold": 0.7}),
    "relu all": ("relu", {"negative_slope": 0.2, "max_value": 3.0, "threshold": 0.5}),
    "relu negative threshold": ("relu", {"negative_slope": 0.2, "threshold": -0.5}),
    "leaky_relu slope": ("leaky_relu", {"negative_slope": 0.05}),
    "elu alpha": ("elu", {"alpha": 0.5}),
    "celu alpha": ("celu", {"alpha": 2.0}),
    "gelu approximate": ("gelu", {"approximate": True}),
    "soft_shrink wide": ("soft_shrink", {"threshold": 1.5}),
    "hard_shrink wide": ("hard_shrink", {"threshold": 1.5}),
    "squareplus b": ("squareplus", {"b": 1}),
    "threshold": ("threshold", {"threshold": 0.5, "default_value": -2.0}),
    "softmax axis": ("softmax", {"axis": 0}),
    "log_softmax axis": ("log_softmax", {"axis": 0}),
    "glu axis": ("glu", {"axis": 0}),
}
EQUATIONS = (
    # equation, shape of a sample, output_shape, bias_axes
    ("ab,bc->ac", (4,), 3, "c"),
    ("ab,bc->ac", (4,), 3, None),
    ("abc,cd->abd", (5, 4), (None, 3), "d"),
    ("abc,cd->abd", (5, 4), (5, 3), "bd"),
    ("abc,cde->abde", (5, 4), (None, 2, 3), "de"),
    ("abc,cde->abde", (5, 4), (None, 2, 3), "d"),
    ("abcd,cde->abe", (5, 2, 3), (None, 4), "e"),
    ("...x,xy->...y", (5, 4), 3, "y"),
    ("...x,xy->...y", (2, 5, 4), 3, None),
    ("ab...,bc->ac...", (4, 3, 2), 5, "c"),
    ("abc,bd->adc", (4, 3), (5, 3), "dc"),
    ("abc,bcd->abd", (4, 3), (4, 2), "d"),
    ("abc,cb->ab", (4, 3), (4,), None),
    ("abc,dbc->ad", (4, 3), 2, "d"),
    ("abc,cd->adb", (5, 4), (3, None), "d"),
)


def activation(lib, case, dtype="float32"):
    """Arguments of an activation: one that has distant, small and huge numbers, and the weights of its gradient."""
    name, _ = ACTIVATIONS[case]
    x = np.random.default_rng(0).normal(size=(24, 8)) * 3
    if name not in ("softmax", "log_softmax", "glu"):
        x[:4] = np.concatenate([EXTREME, -EXTREME]).reshape(4, 8)
    if case == "gelu approximate":
        x = np.clip(x, -1e9, 1e9)       # beyond, the cube of Keras overflows and its gradient is NaN
    rows, columns = x.shape
    if name == "glu":
        rows, columns = (rows // 2, columns) if "axis" in case else (rows, columns // 2)
    return x.astype(dtype), np.random.default_rng(1).normal(size=(rows, columns)).astype(dtype)


def tolerance(case, dtype):
    """Relative and absolute; the latter where Keras loses digits to cancellation or computes in float32."""
    exact = 3e-6 if dtype == "float32" else 1e-13
    if ACTIVATIONS[case][0] in ("hard_sigmoid", "hard_silu", "hard_swish"):
        return max(exact, 1e-7), max(exact, 1e-7)
    return exact, {"squareplus": 2e-4 if dtype == "float32" else 2e-9}.get(ACTIVATIONS[case][0], exact)


EXTREME = np.array([0.0, 1e-30, 1e-8, 0.5, 1.0, 3.0, 6.0, 17.0, 60.0, 80.0, 85.0, 1e2, 7e2, 1e4, 1e9, 1e15])


def squared(x, power=2):
    return x**power


class Case:
    """A random model with one layer of each family in turn.

    Args:
        lib: The module ``keras`` or ``dlcore``.
        seed: Seed of everything; its remainder says which layer.
        dtype: That of the data.
    """

    KINDS = ("einsum", "prelu", "activation", "embedding", "masking", "lambda", "noise", "einsum", "embedding pair", "softmax", "dense rank", "penalty")

    def __init__(self, lib, seed, dtype="float32"):
        self.lib, self.dtype = lib, dtype
        self.rng = rng = np.random.default_rng(seed)
        self.kind = self.KINDS[seed % len(self.KINDS)]
        self.inputs, output = getattr(self, "_" + self.kind.replace(" ", "_"))(lib.layers)
        self.model = lib.Model(self.inputs, output)
        optimizer = lib.optimizers.SGD(0.05, momentum=0.5) if rng.random() < 0.5 else lib.optimizers.Adam(0.02)
        self.model.compile(optimizer, loss="mse", metrics=["mae"])
        self.y = rng.normal(size=self.model.predict(self.x, verbose=0).shape).astype(dtype)
        self.model.set_weights([rng.normal(size=tuple(w.shape)) * 0.4 for w in self.model.weights])

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def regularizer(self):
        return self.pick((None, "l2", self.lib.regularizers.L1(0.02), self.lib.regularizers.L1L2(0.01, 0.02)))

    def constraint(self):
        return self.pick((None, "max_norm", self.lib.constraints.NonNeg(), self.lib.constraints.UnitNorm(axis=0)))

    def floats(self, shape):
        """An input of that shape behind a layer with weights, so that the gradient of what follows shows in them."""
        self.x = self.rng.normal(size=(ROWS, *shape)).astype(self.dtype)
        x = self.lib.Input(shape)
        return x, self.lib.layers.Dense(shape[-1])(x)

    def _einsum(self, layers):
        equation, shape, sizes, bias = self.pick(EQUATIONS)
        x, h = self.floats(shape)
        return x, layers.EinsumDense(
            equation, sizes, activation=self.pick((None, "tanh", "gelu", "softmax")), bias_axes=bias, kernel_regularizer=self.regularizer(),
            bias_constraint="non_neg" if bias else None,
        )(h)  # fmt: skip

    def _prelu(self, layers):
        shape, shared = self.pick((((4,), None), ((3, 4), None), ((3, 4), [1]), ((3, 4), 2), ((2, 3, 4), [1, 2]), ((2, 3, 4), [2])))
        x, h = self.floats(shape)
        return x, layers.PReLU("ones", alpha_regularizer=self.regularizer(), alpha_constraint=self.pick((None, "non_neg")), shared_axes=shared)(h)

    def _activation(self, layers):
        x, h = self.floats(self.pick(((4,), (3, 4))))
        return x, self.pick((
            lambda: layers.ELU(), lambda: layers.ELU(0.3), lambda: layers.LeakyReLU(), lambda: layers.ReLU(2.0, 0.1, 0.2),
            lambda: layers.Activation("mish"), lambda: layers.Activation("glu"), lambda: layers.Activation("hard_swish"),
        ))()(h)  # fmt: skip

    def ids(self, size, shape):
        self.x = self.rng.integers(0, size, (ROWS, *shape)).astype(self.pick(("int32", "int64", "float32")))
        return self.lib.Input(shape, dtype=self.x.dtype.name)

    def _embedding(self, layers):
        x = self.ids(6, self.pick(((), (5,), (5, 2))))
        h = layers.Embedding(6, 4, mask_zero=bool(self.rng.random() < 0.5), embeddings_regularizer=self.regularizer(),
                             embeddings_constraint=self.constraint())(x)
        return x, layers.Dense(3, activation="tanh")(h)

    def _embedding_pair(self, layers):
        a, b = self.ids(20, (7,)), None
        first = self.x
        b = self.ids(20, (7,))
        self.x = [first, self.x]
        shared = layers.Embedding(20, 3)
        return [a, b], layers.Dense(2)(self.lib.ops.concatenate([shared(a), shared(b)], axis=-1))

    def _masking(self, layers):
        value = self.pick((0.0, -1.0))
        self.x = self.rng.normal(size=(ROWS, 5, 3)).astype(self.dtype)
        self.x[self.rng.random((ROWS, 5)) < 0.4] = value
        x = self.lib.Input((5, 3))
        h = layers.Dense(4, activation="relu")(layers.Masking(value)(x))
        return x, layers.Dense(2)(layers.Dropout(0.0)(layers.Identity()(h)))

    def _lambda(self, layers):
        x, h = self.floats((4,))
        return x, self.pick((
            lambda: layers.Lambda(squared), lambda: layers.Lambda(squared, arguments={"power": 3}),
            lambda: layers.Lambda(squared, output_shape=(4,)), lambda: layers.Lambda(squared, output_shape=lambda shape: shape),
        ))()(h)  # fmt: skip

    def _noise(self, layers):
        """Noise of size zero, which is all that two generators have in common."""
        x, h = self.floats((3, 4))
        for layer in (layers.Dropout(0.0), layers.SpatialDropout1D(0.0), layers.AlphaDropout(0.0), layers.GaussianDropout(0.0), layers.GaussianNoise(0.0)):
            h = layer(h)
        return x, h

    def _softmax(self, layers):
        x, h = self.floats((3, 4))
        return x, layers.Softmax(axis=self.pick((-1, 1, [1, 2], [2])))(h)

    def _dense_rank(self, layers):
        x, h = self.floats(self.pick(((4,), (3, 4), (2, 3, 4))))
        return x, layers.Dense(5, activation=self.pick(("softplus", "silu", "log_softmax")), kernel_constraint=self.constraint())(h)

    def _penalty(self, layers):
        x, h = self.floats((3, 4))
        return x, layers.ActivityRegularization(l1=0.1, l2=self.pick((0.0, 0.2)))(h)

    def run(self):
        """Everything numeric that is compared: name -> array."""
        model, found = self.model, {}
        found["predict"] = model.predict(self.x, verbose=0)
        found["evaluate"] = model.evaluate(self.x, self.y, verbose=0, batch_size=4)
        for step in range(10):
            found[f"batch {step}"] = model.train_on_batch(self.x, self.y)
            if step in (0, 9):
                found |= {f"weights {step} {i}": w for i, w in enumerate(model.get_weights())}
        history = model.fit(self.x, self.y, epochs=2, batch_size=4, shuffle=False, verbose=0).history
        found |= {f"fit {key}": value for key, value in history.items()}
        found["after"] = model.predict(self.x, verbose=0)
        return {name: np.asarray(value, dtype="float64") for name, value in found.items()}


def main():
    import keras
    import torch

    out = {}
    for case, (name, options) in ACTIVATIONS.items():
        x, g = activation(keras, case)
        a = torch.tensor(x, requires_grad=True)
        y = getattr(keras.activations, name)(a, **options)
        (d,) = torch.autograd.grad((y * torch.tensor(g)).sum(), a)
        out[f"{case}/value"], out[f"{case}/gradient"] = y.detach().numpy(), d.numpy()
    index = {}
    for seed in SEEDS:
        keras.utils.clear_session()
        found = Case(keras, seed).run()
        index[seed] = [(name, value.shape) for name, value in found.items()]
        out[f"model {seed}"] = np.concatenate([value.ravel() for value in found.values()]).astype("float32")
    np.savez_compressed(pathlib.Path(__file__).with_name("core.npz"), index=json.dumps(index), **out)


if __name__ == "__main__":
    main()
