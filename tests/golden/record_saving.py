"""Records saving.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_saving.py``.

Kept are whole files as Keras wrote them (weights, sharded weights, a model, weights of a Keras 2 file), what is listed in
them, and the weights that they hold. `models(lib)` makes the same models in Keras and in dlcore.
"""

import pathlib

import numpy as np

WIDTH = 4


def subclasses(lib):
    """Classes that need the library to exist."""
    layers = lib.layers

    class Scale(layers.Layer):
        """A weight that is not trained, and one made before `build`."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.offset = lib.Variable(np.arange(1.0, 2.0, dtype="float32"), name="offset")

        def build(self, input_shape):
            self.mean = self.add_weight(shape=(input_shape[-1],), initializer="ones", trainable=False, name="mean")
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

        def call(self, inputs):
            return inputs * self.scale - self.mean + self.offset

    class Own(layers.Layer):
        """Saves what it wants under names that it wants."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.steps = 0

        def build(self, input_shape):
            self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

        def call(self, inputs):
            return inputs * self.gain

        def save_own_variables(self, store):
            store["gain"] = self.gain
            store["steps"] = np.array(self.steps)

        def load_own_variables(self, store):
            self.gain.assign(store["gain"])
            self.steps = int(store["steps"])

    class Net(lib.Model):
        """Layers in lists, dicts, lists of lists, private attributes; one of them twice."""

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.blocks = [layers.Dense(3, activation="tanh"), Scale(), [layers.Dense(2), layers.Dropout(0.1)], layers.Dense(3)]
            self.table = {"b": layers.Dense(2), "a": Own()}
            self.inner = lib.Sequential([layers.Dense(2), Scale(), layers.Dropout(0.2)])
            self.again = self.blocks[0]
            x = lib.Input((2,))
            self.graphs = [lib.Model(x, layers.Dense(3)(x)), lib.Sequential([layers.Dense(2)])]
            self._last = layers.Dense(1)
            self.seen = lib.metrics.Mean(name="seen")

        def build(self, input_shape):
            self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")
            self.call(lib.Input(batch_shape=tuple(input_shape)))
            self.built = True

        def call(self, inputs):
            x = self.blocks[1](self.blocks[0](inputs))
            x = self.table["a"](self.table["b"](self.blocks[2][1](self.blocks[2][0](x))))
            return self._last(self.graphs[1](self.graphs[0](self.inner(x)))) + self.bias

    return Scale, Own, Net


def models(lib):
    """Name to built model, each with weights of its own."""
    layers = lib.layers
    scale, own, net = subclasses(lib)
    stack = lib.Sequential([lib.Input((WIDTH,)), layers.Dense(3, activation="relu"), layers.Dropout(0.5), scale(), layers.Dense(3), layers.Dense(1)])
    x = lib.Input((WIDTH,))
    dense = layers.Dense(WIDTH)
    y = lib.Sequential([layers.Dense(3), own()])(dense(dense(x)))
    graph = lib.Model(x, [y, layers.Dense(2)(lib.ops.add(y, 1.0))])
    made = {"stack": stack, "graph": graph, "net": net()}
    made["net"].build((None, WIDTH))
    rng = np.random.default_rng(1)
    for model in made.values():
        model.set_weights([rng.normal(size=tuple(w.shape)) for w in model.weights])
    made["graph"].layers[2].layers[1].steps = 7
    return made


def train(model, optimizer):
    """One step, so that the optimizer has something to save."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(5, WIDTH)).astype("float32")
    outputs = 2 if len(getattr(model, "outputs", None) or [1]) == 2 else 1
    y = [rng.normal(size=(5, 3)), rng.normal(size=(5, 2))] if outputs == 2 else rng.normal(size=(5, 1))
    model.compile(optimizer, "mse" if outputs == 1 else ["mse", "mse"])
    model.fit(x, y, verbose=0)


OPTIMIZERS = {"stack": "adam", "graph": "rmsprop", "net": "sgd"}


def listing(path):
    """What lies in an HDF5 file: a sorted list of paths, and shapes of arrays."""
    import h5py

    found = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.append(f"{name} {getattr(item, 'shape', 'group')}"))
    return sorted(found)


def main():
    import tempfile

    import keras

    found = {}

    def keep(name, path):
        found[f"file {name} {path.name}"] = np.frombuffer(path.read_bytes(), dtype=np.uint8)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, model in models(keras).items():
            train(model, OPTIMIZERS[name])
            path = folder / f"{name}.weights.h5"
            model.save_weights(path)
            keep(name, path)
            found[f"listing {name}"] = np.array(listing(path))
            for i, w in enumerate(model.get_weights()):
                found[f"weight {name} {i:02}"] = w
            for i, v in enumerate(model.optimizer.variables):
                found[f"slot {name} {i:02}"] = np.array(keras.ops.convert_to_numpy(v))
        stack = models(keras)["stack"]
        for i, w in enumerate(stack.get_weights()):
            found[f"weight plain {i:02}"] = w
        stack.save_weights(folder / "shards.weights.json", max_shard_size=50 / 2**30)
        for path in sorted(folder.glob("shards*")):
            keep("shards", path)
        plain = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(3, name="first"), keras.Sequential([keras.layers.Dense(2)], name="second")])
        rng = np.random.default_rng(3)
        plain.set_weights([rng.normal(size=tuple(w.shape)) for w in plain.weights])
        for i, w in enumerate(plain.get_weights()):
            found[f"weight old {i:02}"] = w
        plain.save(folder / "old.keras")
        plain.save(folder / "old.h5")
        keep("old", folder / "old.keras")
        keep("old", folder / "old.h5")
        half = keras.Sequential([keras.Input((WIDTH,)), keras.layers.Dense(3, dtype="bfloat16")])
        half.save_weights(folder / "half.weights.h5")
        keep("half", folder / "half.weights.h5")
        found["weight half 00"] = keras.ops.convert_to_numpy(keras.ops.cast(half.weights[0], "float32"))
    np.savez_compressed(pathlib.Path(__file__).with_name("saving.npz"), **found)


if __name__ == "__main__":
    main()
