"""Records models.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_models.py``.

A random model, its data and its `compile` arguments follow from a seed, in Keras as in dlcore: see `Case`. Kept are the
order of layers and weights, predictions, losses, metrics and every weight after 1 and 10 steps and after `fit`.
`tests/parity/test_parity_models.py` makes the same comparison live, on more models.
"""

import json
import pathlib

import numpy as np
from golden import toolbox

# Some gradients of model 478 are zero, but for Keras' rounding, which Nadam enlarges to whole steps.
SEEDS = [seed for seed in range(100, 540) if seed != 478]
LEFT_OUT = {f"batch_{step}" for step in range(1, 9)}
ROWS = 14
WIDTH = 4


def dtype_of(seed):
    """Three of four models are float64: there the comparison is sharper."""
    return "float64" if seed % 4 else "float32"


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
        self.kinds = []
        self.model = self.sequential() if seed % 3 == 0 else self.functional()
        self.model.compile(**self.compile_arguments())
        inputs = [self.numbers(kind, x.shape[1:]) for kind, x in zip(self.kinds, self.model.inputs, strict=True)]
        self.x = inputs[0] if len(inputs) == 1 else inputs
        targets = [self.target(kind, y.shape[1:]) for (kind, *_), y in zip(self.heads, self.model.outputs, strict=True)]
        self.y = targets[0] if len(targets) == 1 else targets
        weights = [rng.uniform(0, 2, size=(ROWS, *y.shape[1:-1])).astype(dtype) for y in self.model.outputs]
        self.sample_weight = None if rng.random() < 0.5 else weights[0] if len(weights) == 1 else weights
        if any("mask" in str(kind) for kind in self.kinds) and len(self.model.outputs[0].shape) > 2:
            self.sample_weight = None           # on PyTorch, Keras multiplies the mask into the weights in place, once for each use
        # The starting weights come from the seed, in the order of `weights`: a wrong order is a wrong shape or result.
        self.model.set_weights([self.start(w) for w in self.model.weights])

    def start(self, weight):
        numbers = self.rng.normal(size=tuple(weight.shape))
        return 0.5 + np.abs(numbers) if "variance" in weight.name else numbers * 0.4

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def numbers(self, kind, shape):
        if "ids" in str(kind):
            return self.rng.integers(0, toolbox.VOCABULARY, size=(ROWS, *shape))
        x = self.rng.normal(size=(ROWS, *shape)).astype(self.dtype)
        if kind == "masking":
            x[self.rng.random(size=(ROWS, shape[0])) < 0.3] = 0.0
        return x

    def dense(self, units, activation=None):
        return toolbox.dense(self.lib, self.pick, units, activation)

    def input(self):
        """A symbolic input, and the layers that must come first."""
        shape, kind = self.pick(toolbox.INPUTS)
        self.kinds.append(kind)
        first = []
        if kind == "masking":
            first = [self.lib.layers.Masking()]
        elif kind:
            first = [self.lib.layers.Embedding(toolbox.VOCABULARY, 3, mask_zero=kind == "masked ids")]
        return self.lib.Input(shape, dtype="int32" if first and kind != "masking" else None), first

    def flat(self, x):
        """x with (batch, WIDTH)."""
        if len(x.shape) > 2:
            x = self.lib.layers.Flatten()(x)
        return x if x.shape[1] == WIDTH else self.dense(WIDTH, "tanh")(x)

    def head(self, rank, **options):
        """An output layer; what belongs to it is kept in `heads`: kind, loss, metrics."""
        kind = self.pick(list(toolbox.HEADS if rank == 2 else toolbox.DEEP_HEADS))
        sizes, activations, losses, metrics = (toolbox.HEADS if rank == 2 else toolbox.DEEP_HEADS)[kind]
        first = self.rng.integers(len(metrics))
        chosen = [metrics[first], metrics[first - 1]] if len(metrics) > 1 and self.rng.random() < 0.3 else [metrics[first]]
        self.heads.append((kind, self.pick(losses), chosen))
        return self.lib.layers.Dense(self.pick(sizes), activation=self.pick(activations), **options)

    def sequential(self):
        lib = self.lib
        x, first = self.input()
        model = lib.Sequential([x, *first])
        shape = tuple(x.shape) if not first else model.output_shape
        for _ in range(int(self.rng.integers(1, 5))):
            if toolbox.size(shape) <= toolbox.LARGEST:
                for layer in toolbox.layers_for(lib, self.pick, shape, self.kinds[-1]):
                    model.add(layer)
                shape = model.output_shape
        rank = len(shape)
        if rank > 2 and self.rng.random() < 0.5:
            model.add(lib.layers.Flatten())
            rank = 2
        if rank == 2 and self.rng.random() < 0.4:
            # A model inside that is built when the outer one is.
            model.add(lib.Sequential([self.dense(3, "tanh"), lib.layers.BatchNormalization(), self.dense(2)]))
        model.add(self.head(rank))
        return model

    def functional(self):
        lib, ops, rng = self.lib, self.lib.ops, self.rng
        inputs, pool, shared = [], [], []
        for _ in range(int(rng.integers(1, 4))):
            x, first = self.input()
            inputs.append(x)
            for layer in first:
                x = layer(x)
            for _ in range(int(rng.integers(0, 3))):
                if toolbox.size(x.shape) <= toolbox.LARGEST:
                    for layer in toolbox.layers_for(lib, self.pick, x.shape, self.kinds[-1]):
                        x = layer(x)
            pool.append(self.flat(x))
        for _ in range(int(rng.integers(3, 9))):
            a, b = self.pick(pool), self.pick(pool)
            kind = self.pick(("dense", "shared", "shared", "layer", "layer", "merge", "merge", "affine", "join", "slices", "model", "scale"))
            if kind == "shared" and shared:
                y = self.pick(shared)(a)
            elif kind == "layer":
                y = a
                for layer in toolbox.layers_for(lib, self.pick, a.shape):
                    y = layer(y)
            elif kind == "merge":
                name = self.pick(toolbox.MERGES)
                options = {"axes": 1, "normalize": self.pick((True, False))} if name == "Dot" else {}
                y = getattr(lib.layers, name)(**options)([a, b])
            elif kind == "affine":
                y = 0.5 * a - b / 3.0
            elif kind == "join":
                y = ops.concatenate([a, b], axis=-1)
            elif kind == "slices":
                y = ops.concatenate([a[:, :1], b[:, 1:]], axis=1)
            elif kind == "model":
                shared.append(lib.Sequential([lib.Input((WIDTH,)), self.dense(3, "tanh"), self.dense(WIDTH)]))
                y = shared[-1](a)
            elif kind == "scale":
                y = ops.tanh(a) * ops.mean(b, axis=-1, keepdims=True)
            else:
                shared.append(self.dense(WIDTH, self.pick(toolbox.SMOOTH)))
                y = shared[-1](a)
            pool.append(self.flat(y))
        outputs = [self.head(2, **({"name": f"head_{i}"} if rng.random() < 0.5 else {}))(self.pick(pool[-3:])) for i in range(int(rng.integers(1, 4)))]
        return lib.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])

    def compile_arguments(self):
        rng, lib = self.rng, self.lib
        exact = self.dtype == "float64" and not any("Normalization" in type(layer).__name__ for layer in self.model._flatten_layers())
        name, options = self.pick([o for o in toolbox.OPTIMIZERS if exact or o[0] not in toolbox.DOUBLE_ONLY])
        options = {key: value(lib, self.pick) if callable(value) else value for key, value in options.items()}
        arguments = {"optimizer": getattr(lib.optimizers, name)(**options)}
        losses = [toolbox.made(lib, loss) for _, loss, _ in self.heads]
        metrics = [[toolbox.made(lib, m) for m in chosen] for *_, chosen in self.heads]
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

    def target(self, kind, shape):
        rng, (*outer, units) = self.rng, shape
        if kind == "flat ids":
            return rng.integers(0, units, size=ROWS)
        if kind.startswith("id"):
            return rng.integers(0, units, size=(ROWS, *outer, *self.pick(((), (1,)))))
        if kind == "classes":
            return np.eye(units, dtype=self.dtype)[rng.integers(0, units, size=(ROWS, *outer))]
        if kind in ("binary", "logits"):
            return rng.integers(0, 2, size=(ROWS, *shape))
        if kind == "positive":
            return rng.uniform(0.1, 2, size=(ROWS, *shape)).astype(self.dtype)
        return rng.normal(size=(ROWS, *shape)).astype(self.dtype)

    def structure(self):
        """The order of things, as far as names and shapes tell."""
        model = self.model
        return {
            "layers": [layer.name for layer in model.layers],
            "weights": [[w.path, list(w.shape)] for w in model.weights],
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


def record(seed):
    """Structure, keys of logs and numbers of the model of a seed; None if PyTorch cannot train it."""
    import keras

    keras.utils.clear_session()
    keras.config.set_floatx(dtype_of(seed))
    try:
        case = Case(keras, seed, dtype_of(seed))
        structure, found = case.structure(), case.run()
    except RuntimeError as error:
        if "must be contiguous" in str(error):
            return None
        raise
    keys = {name: value.tolist() for name, value in found.items() if value.dtype.kind == "U"}
    numbers = {name: value for name, value in found.items() if name not in keys and name.split("/")[0] not in LEFT_OUT}
    return structure, keys, numbers


def main():
    arrays, index = {}, {}
    for seed in SEEDS:
        recorded = record(seed)
        if recorded is not None:
            structure, keys, numbers = recorded
            index[seed] = [structure, keys, [(name, value.shape) for name, value in numbers.items()]]
            arrays[str(seed)] = np.concatenate([value.ravel() for value in numbers.values()]).astype("float32")
    text = np.frombuffer(json.dumps(index).encode(), "uint8")
    np.savez_compressed(pathlib.Path(__file__).with_name("models.npz"), index=text, **arrays)


if __name__ == "__main__":
    main()
