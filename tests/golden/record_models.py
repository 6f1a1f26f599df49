"""Records models.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_models.py``.

A random model, its data and its `compile` arguments follow from a seed, in Keras as in dlcore: see `Case`. Kept are the
order of layers and weights, predictions, losses, metrics and every weight after 1 and 10 steps and after `fit`.
`tests/parity/test_parity_models.py` makes the same comparison live, on more models.
"""

import json
import pathlib

import numpy as np

SEEDS = range(24)
ROWS = 14
WIDTH = 4
ACTIVATIONS = (None, "relu", "tanh", "sigmoid", "elu", "selu", "softplus", "softsign", "gelu", "leaky_relu", "swish", "hard_sigmoid")
OPTIMIZERS = (
    ("SGD", {"learning_rate": 0.05}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": True, "clipnorm": 0.5}),
    ("Adam", {"learning_rate": 0.01}),
    ("Adam", {"learning_rate": 0.01, "amsgrad": True, "weight_decay": 0.05}),
    ("RMSprop", {"learning_rate": 0.01}),
    ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5, "global_clipnorm": 1.0}),
)
# What an output may be: size, activation, loss, metrics
HEADS = (
    (2, None, "mse", ["mae"]),
    (1, None, "mae", ["mse"]),
    (3, "tanh", "mean_squared_error", []),
    (1, "sigmoid", "binary_crossentropy", ["accuracy"]),
    (3, "softmax", "categorical_crossentropy", ["accuracy"]),
    (3, "softmax", "sparse_categorical_crossentropy", ["acc", "sparse_categorical_crossentropy"]),
    (3, None, "sparse logits", ["accuracy"]),
)


class Case:
    """A random model.

    Args:
        lib: The module ``keras`` or ``dlcore``.
        seed: Seed of everything.
        dtype: That of the data.
    """

    def __init__(self, lib, seed, dtype="float32"):
        self.lib, self.dtype = lib, dtype
        self.rng = rng = np.random.default_rng(seed)
        self.heads = []
        self.model = self.sequential() if seed % 3 == 0 else self.functional()
        self.model.compile(**self.compile_arguments())
        inputs = [rng.normal(size=(ROWS, *x.shape[1:])).astype(dtype) for x in self.model.inputs]
        self.x = inputs[0] if len(inputs) == 1 else inputs
        targets = [self.target(*head[:3]) for head in self.heads]
        self.y = targets[0] if len(targets) == 1 else targets
        weights = [rng.uniform(0, 2, size=ROWS).astype(dtype) for _ in self.heads]
        self.sample_weight = None if rng.random() < 0.5 else weights[0] if len(weights) == 1 else weights
        # The starting weights come from the seed, in the order of `weights`: a wrong order is a wrong shape or result.
        self.model.set_weights([rng.normal(size=tuple(w.shape)) * 0.5 for w in self.model.weights])

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def dense(self, units, activation=None, **options):
        chance = self.rng.random()
        if chance < 0.1:
            options["kernel_regularizer"] = "l2"
        elif chance < 0.2:
            options["bias_regularizer"] = self.lib.regularizers.L1L2(0.01, 0.02)
        elif chance < 0.3:
            options["activity_regularizer"] = self.lib.regularizers.L2(0.03)
        elif chance < 0.4:
            options["kernel_constraint"] = self.lib.constraints.MaxNorm(0.8)
        return self.lib.layers.Dense(units, activation=activation, use_bias=bool(self.rng.random() < 0.85), **options)

    def head(self, **options):
        self.heads.append(self.pick(HEADS))
        units, activation = self.heads[-1][:2]
        return self.lib.layers.Dense(units, activation=activation, **options)

    def stack(self, depth):
        layers = self.lib.layers
        found = []
        for _ in range(depth):
            kind = self.pick(("dense", "dense", "dense", "activation", "relu", "leaky", "reshape"))
            if kind == "dense":
                found.append(self.dense(self.pick((2, 5, 8)), self.pick(ACTIVATIONS)))
            elif kind == "activation":
                found.append(layers.Activation(self.pick(ACTIVATIONS)))
            elif kind == "relu":
                found.append(layers.ReLU(max_value=2.0, negative_slope=0.1, threshold=0.2))
            elif kind == "leaky":
                found.append(layers.LeakyReLU())
            else:
                found += [layers.Reshape((-1, 1)), self.dense(2, "tanh"), layers.Flatten()]
        return found

    def sequential(self):
        lib = self.lib
        stack = self.stack(int(self.rng.integers(1, 5)))
        if self.rng.random() < 0.4:
            # A model inside that is built when the outer one is.
            stack.append(lib.Sequential(self.stack(2)))
        return lib.Sequential([lib.Input((WIDTH,)), *stack, self.head()])

    def functional(self):
        lib, ops, rng = self.lib, self.lib.ops, self.rng
        inputs = [lib.Input((WIDTH,)) for _ in range(int(rng.integers(1, 4)))]
        pool, shared = list(inputs), []
        for _ in range(int(rng.integers(3, 10))):
            a, b = self.pick(pool), self.pick(pool)
            kind = self.pick(("dense", "dense", "shared", "shared", "add", "multiply", "affine", "activation", "join", "slices", "model", "scale"))
            if kind == "shared" and shared:
                y = self.pick(shared)(a)
            elif kind == "add":
                y = ops.add(a, b)
            elif kind == "multiply":
                y = a * b
            elif kind == "affine":
                y = 0.5 * a - b / 3.0
            elif kind == "activation":
                y = lib.layers.Activation(self.pick(("tanh", "sigmoid", "softmax")))(a)
            elif kind == "join":
                y = self.dense(WIDTH, "tanh")(ops.concatenate([a, b], axis=-1))
            elif kind == "slices":
                y = ops.concatenate([a[:, :1], b[:, 1:]], axis=1)
            elif kind == "model":
                shared.append(lib.Sequential([lib.Input((WIDTH,)), self.dense(3, "tanh"), self.dense(WIDTH)]))
                y = shared[-1](a)
            elif kind == "scale":
                y = ops.tanh(a) * ops.mean(b, axis=-1, keepdims=True)
            else:
                shared.append(self.dense(WIDTH, self.pick(ACTIVATIONS)))
                y = shared[-1](a)
            pool.append(y)
        outputs = [self.head(**({"name": f"head_{i}"} if rng.random() < 0.5 else {}))(self.pick(pool[-3:])) for i in range(int(rng.integers(1, 4)))]
        return lib.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])

    def compile_arguments(self):
        rng = self.rng
        name, options = self.pick(OPTIMIZERS)
        arguments = {"optimizer": getattr(self.lib.optimizers, name)(**options)}
        losses = [self.lib.losses.SparseCategoricalCrossentropy(from_logits=True) if loss == "sparse logits" else loss for _, _, loss, _ in self.heads]
        metrics = [list(metrics) for *_, metrics in self.heads]
        key = self.pick(("metrics", "weighted_metrics"))
        if len(losses) == 1:
            return arguments | {"loss": losses[0], key: metrics[0]}
        names = self.model.output_names
        weights = None if rng.random() < 0.4 else [float(w) for w in rng.uniform(0.2, 2, size=len(losses))]
        if rng.random() < 0.5:
            return arguments | {"loss": losses, "loss_weights": weights, key: metrics}
        return arguments | {
            "loss": dict(zip(names, losses, strict=True)),
            "loss_weights": weights and dict(zip(names, weights, strict=True)),
            key: dict(zip(names, metrics, strict=True)),
        }

    def target(self, units, activation, loss):
        rng = self.rng
        if loss.startswith("sparse"):
            return rng.integers(0, units, size=self.pick(((ROWS,), (ROWS, 1))))
        if activation == "softmax":
            return np.eye(units, dtype=self.dtype)[rng.integers(0, units, size=ROWS)]
        if activation == "sigmoid":
            return rng.integers(0, 2, size=(ROWS, units))
        return rng.normal(size=(ROWS, units)).astype(self.dtype)

    def structure(self):
        """The order of things, as far as names and shapes tell."""
        model = self.model
        return {
            "layers": [layer.name for layer in model.layers],
            "weights": [[w.name, list(w.shape)] for w in model.weights],
            "trainable": [[w.name, list(w.shape)] for w in model.trainable_weights],
            "outputs": list(getattr(model, "output_names", [])) if len(self.heads) > 1 else [],
            "input_shape": json.loads(json.dumps(model.input_shape)),
            "output_shape": json.loads(json.dumps(model.output_shape)),
            "params": model.count_params(),
        }

    def run(self):
        """Everything numeric that is compared: name -> array."""
        model, found = self.model, {}

        def keep(name, value):
            for i, part in enumerate(value if isinstance(value, (list, tuple)) else [value]):
                found[f"{name}/{i}"] = np.asarray(part, dtype="float64")

        def keep_logs(name, logs):
            found[f"{name}/keys"] = np.array(list(logs))
            keep(name, [np.asarray(v) for v in logs.values()])

        keep("predict", model.predict(self.x, verbose=0))
        keep_logs("evaluate", model.evaluate(self.x, self.y, sample_weight=self.sample_weight, batch_size=5, verbose=0, return_dict=True))
        keep("evaluate_list", model.evaluate(self.x, self.y, verbose=0))
        for step in range(10):
            keep(f"batch_{step}", model.train_on_batch(self.x, self.y, sample_weight=self.sample_weight))
            if step in (0, 9):
                keep(f"weights_{step}", model.get_weights())
        keep("test", model.test_on_batch(self.x, self.y, sample_weight=self.sample_weight))
        history = model.fit(self.x, self.y, sample_weight=self.sample_weight, epochs=2, batch_size=4, shuffle=False, verbose=0, validation_split=0.25)
        keep_logs("fit", history.history)
        keep("weights_fit", model.get_weights())
        return found


def main():
    import keras

    arrays, index = {}, {}
    for seed in SEEDS:
        keras.utils.clear_session()
        case = Case(keras, seed)
        structure, found = case.structure(), case.run()
        keys = {name: value.tolist() for name, value in found.items() if value.dtype.kind == "U"}
        numbers = {name: value for name, value in found.items() if name not in keys}
        index[seed] = [structure, keys, [(name, value.shape) for name, value in numbers.items()]]
        arrays[str(seed)] = np.concatenate([value.ravel() for value in numbers.values()]).astype("float32")
    np.savez_compressed(pathlib.Path(__file__).with_name("models.npz"), index=json.dumps(index), **arrays)


if __name__ == "__main__":
    main()
