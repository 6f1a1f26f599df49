"""Records convolution.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_convolution.py``.

Of every layer: the output, the gradients by its input and by its weights, and losses and weights after ten steps of a model
with this layer alone before a dense one. Of some small networks: predictions, losses and weights while they learn.
`tests/parity/test_parity_convolution.py` compares many more layers and networks live; they are drawn from the tables of `toolbox`.
"""

import json
import pathlib

import numpy as np
from golden import toolbox
from golden.record_models import WIDTH, Case

# class, constructor arguments, shape of the input
CASES = [
    ("Conv1D", {"filters": 3, "kernel_size": 3}, (3, 7, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 4, "strides": 2, "padding": "same", "activation": "relu"}, (2, 9, 3)),
    ("Conv1D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "causal", "activation": "tanh"}, (2, 8, 2)),
    ("Conv1D", {"filters": 4, "kernel_size": 2, "strides": 3, "padding": "causal", "groups": 2}, (2, 8, 4)),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first", "activation": "softmax"}, (2, 3, 6)),
    ("Conv2D", {"filters": 3, "kernel_size": 3}, (2, 6, 5, 2)),
    ("Conv2D", {"filters": 4, "kernel_size": 1, "activation": "gelu"}, (2, 4, 3, 3)),
    ("Conv2D", {"filters": 2, "kernel_size": (1, 4), "strides": (2, 1), "padding": "same"}, (2, 5, 6, 3)),
    ("Conv2D", {"filters": 3, "kernel_size": (3, 2), "strides": (3, 2), "padding": "same", "activation": "silu"}, (2, 7, 6, 1)),
    ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "use_bias": False}, (2, 8, 7, 2)),
    ("Conv2D", {"filters": 3, "kernel_size": (3, 2), "dilation_rate": (2, 3), "activation": "relu"}, (2, 7, 8, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (2, 4, 5, 2)),
    ("Conv2D", {"filters": 6, "kernel_size": (2, 3), "groups": 3, "padding": "same", "activation": "elu"}, (2, 4, 5, 6)),
    ("Conv2D", {"filters": 4, "kernel_size": 2, "groups": 4, "strides": 2}, (2, 6, 5, 4)),
    ("Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "channels_first", "padding": "same", "activation": "sigmoid"}, (2, 3, 5, 4)),
    ("Conv2D", {"filters": 3, "kernel_size": 5, "padding": "same", "kernel_regularizer": "l2", "bias_constraint": "non_neg"}, (2, 3, 3, 2)),
    ("Conv2D", {"filters": 2, "kernel_size": 2, "activity_regularizer": "l1", "kernel_constraint": "unit_norm"}, (2, 4, 4, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": 2, "activation": "relu"}, (2, 3, 4, 3, 2)),
    ("Conv3D", {"filters": 4, "kernel_size": (1, 2, 3), "strides": (1, 2, 2), "padding": "same", "groups": 2}, (2, 2, 4, 5, 2)),
    ("Conv3D", {"filters": 2, "kernel_size": (2, 1, 2), "dilation_rate": (2, 1, 2), "data_format": "channels_first"}, (2, 1, 4, 2, 4)),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2}, (2, 5, 2)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 2, "strides": 3, "padding": "same", "activation": "tanh"}, (2, 4, 3)),
    ("Conv1DTranspose", {"filters": 2, "kernel_size": 1, "strides": 3}, (2, 4, 3)),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "activation": "relu"}, (2, 4, 3, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, 4, 3, 3)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (4, 3), "strides": (2, 3), "output_padding": (1, 2), "padding": "same"}, (2, 3, 3, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": (2, 3), "strides": (3, 2), "output_padding": (2, 0), "activation": "softmax"}, (2, 3, 3, 2)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same", "data_format": "channels_first"}, (2, 2, 4, 5)),
    ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": (1, 2, 2), "padding": "same", "use_bias": False}, (2, 2, 3, 2, 2)),
    ("Conv3DTranspose", {"filters": 1, "kernel_size": (2, 3, 1), "strides": 2, "activation": "gelu"}, (2, 2, 2, 2, 2)),
]


def differentiate(lib, layer, x, rng):
    """Output; gradients by input and by trainable weights of sum(c y), c random."""
    call = {"training": True} if type(layer).__name__ == "BatchNormalization" else {}
    if lib.__name__ == "keras":
        import torch

        x = torch.tensor(x, requires_grad=True)
        y = layer(x, **call)
        (y * torch.tensor(rng.normal(size=tuple(y.shape)).astype(str(y.detach().numpy().dtype)))).sum().backward()
        return [a.detach().numpy() for a in (y, x.grad, *[v.value.grad for v in layer.trainable_weights])]
    x = lib.ops.convert_to_tensor(x)
    with lib.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
        loss = lib.ops.sum(y * rng.normal(size=y.shape).astype(y.dtype))
    return [y.numpy(), *[g.numpy() for g in tape.gradient(loss, [x, *layer.trainable_weights])]]


def start(rng, weight):
    numbers = rng.normal(size=tuple(weight.shape))
    return 0.5 + np.abs(numbers) if "variance" in weight.name else 0.5 * numbers


def run(lib, make, shape, seed=0, dtype="float32"):
    """What a layer does, by name; `make()` gives two layers that are equal but for their names."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape).astype(dtype)
    layer = make()
    layer.build(shape)
    layer.set_weights([start(rng, w) for w in layer.weights])
    announced = list(layer.compute_output_shape((None, *shape[1:])))
    output, *gradients = differentiate(lib, layer, x, rng)
    kept = {"announced": np.array([-1, *announced[1:]]), "output": output, **{f"gradient{i}": g for i, g in enumerate(gradients)}}
    kept["names"] = np.array([f"{w.name} {tuple(w.shape)}" for w in layer.weights])
    model = lib.Sequential([lib.Input(shape[1:]), make(), lib.layers.Flatten(), lib.layers.Dense(2)])
    model.set_weights([start(rng, w) for w in model.weights])
    model.compile(lib.optimizers.SGD(0.02, momentum=0.9, clipnorm=1.0), "mse")
    y = rng.normal(size=(shape[0], 2)).astype(dtype)
    kept["losses"] = np.array([model.train_on_batch(x, y) for _ in range(10)])
    kept.update({f"trained{i}": w for i, w in enumerate(model.get_weights())})
    return kept


def case(lib, number, dtype="float32"):
    name, arguments, shape = CASES[number]
    return run(lib, lambda: getattr(lib.layers, name)(**arguments, dtype=dtype), shape, number, dtype)


def compare(found, expected, tolerance, where=""):
    assert list(found) == list(expected)
    for key, value in expected.items():
        if key in ("names", "announced"):
            assert list(found[key]) == list(value), f"{where} {key}"
        else:
            assert found[key].dtype == value.dtype or key == "losses", f"{where} {key}"
            scale = max(1.0, np.abs(value).max(initial=0.0))
            tol = max(tolerance, 1e-5) if key == "losses" else tolerance                # Keras' logs are float32
            np.testing.assert_allclose(found[key], value, rtol=tol, atol=tol * scale, err_msg=f"{where} {key}")


def networks(lib):
    """name -> (model, input shape)."""
    layers = lib.layers

    def digits():
        return [lib.Input((8, 8, 1)), layers.Conv2D(4, 3, activation="relu"), layers.Conv2D(6, 3, strides=2, padding="same"), layers.BatchNormalization(),
                layers.ReLU(), layers.Flatten(), layers.Dense(3)]

    def waves():
        x = y = lib.Input((12, 2))
        for rate in (1, 2, 4):
            y = layers.Conv1D(4, 2, dilation_rate=rate, padding="causal", activation="tanh")(y)
        y = layers.Concatenate()([y, x])
        return lib.Model(x, layers.Dense(3)(layers.Flatten()(layers.Conv1D(2, 1)(y))))

    def hourglass():
        x = lib.Input((8, 6, 2))
        a = layers.Conv2D(3, 3, padding="same", activation="elu")(x)
        b = layers.Conv2D(4, 3, strides=2, padding="same", activation="elu")(a)
        b = layers.Conv2D(4, 3, padding="same", groups=2)(layers.GroupNormalization(2)(b))
        c = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="elu")(b)
        return lib.Model(x, layers.Conv2D(3, 1)(layers.Add()([a, c])))

    def shared():
        conv = layers.Conv2D(2, 3, padding="same", activation="tanh")
        x = lib.Input((5, 5, 2))
        return lib.Model(x, layers.Dense(3)(layers.Flatten()(conv(conv(x)))))

    def volume():
        return [lib.Input((4, 4, 4, 1)), layers.Conv3D(3, 2, activation="softplus"), layers.Conv3DTranspose(2, 2, strides=2), layers.Flatten(), layers.Dense(3)]

    return {"digits": lib.Sequential(digits()), "waves": waves(), "hourglass": hourglass(), "shared": shared(), "volume": lib.Sequential(volume())}


def learn(lib, name, model):
    """Predictions before and after, losses and weights of a network that learns."""
    rng = np.random.default_rng(sum(map(ord, name)))
    model.set_weights([start(rng, w) for w in model.weights])
    model.compile(lib.optimizers.SGD(0.01, momentum=0.9, clipnorm=1.0), "mse", metrics=["mae"])
    x, y = (rng.normal(size=(12, *shape[1:])).astype("float32") for shape in (model.input_shape, model.output_shape))
    kept = {"predict": model.predict(x, verbose=0)}
    history = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0, validation_split=0.25).history
    kept["history"] = np.array([history[key] for key in ("loss", "mae", "val_loss", "val_mae")])
    kept["again"] = model.predict(x, verbose=0)
    kept.update({f"weight{i}": w for i, w in enumerate(model.get_weights())})
    kept["names"] = np.array([w.path for w in model.weights])
    return kept


class Network(Case):
    """A random convolutional network, with data and `compile` arguments."""

    def compile_arguments(self):
        # A bias before a normalization has a gradient that is zero but for rounding, which adaptive optimizers enlarge.
        before = toolbox.OPTIMIZERS
        if any("Normalization" in type(layer).__name__ for layer in self.model._flatten_layers()):
            toolbox.OPTIMIZERS = tuple(o for o in before if o[0] == "SGD")
        try:
            return super().compile_arguments()
        finally:
            toolbox.OPTIMIZERS = before

    def start(self, weight):
        numbers = self.rng.normal(size=tuple(weight.shape))
        return 0.5 + np.abs(numbers) if "variance" in weight.name else numbers / max(2.0, np.prod(weight.shape[:-1])) ** 0.5     # where all goes on calmly

    def input(self):
        self.kinds.append(None)
        return self.lib.Input(self.pick(toolbox.SPATIAL_INPUTS)), []

    def stack(self, shape, add):
        """Up to five layers for an input of that shape; `add(layer)` gives the shape of what comes out."""
        for i in range(int(self.rng.integers(1, 6))):
            family = toolbox.CONVOLUTIONS if i % 2 == 0 else toolbox.POOLINGS + toolbox.SPATIAL_NORMALIZATIONS + toolbox.OTHER_SPATIAL
            if toolbox.size(shape) <= toolbox.LARGEST_GRID:
                shape = add(self.pick(family)(self.lib, self.pick, shape))
        return shape

    def flat(self, x):
        if len(x.shape) > 2:
            x = self.pick(toolbox.FLATTENINGS)(self.lib, self.pick, x.shape)(x)
        return x if x.shape[1] == WIDTH else self.dense(WIDTH, "tanh")(x)

    def sequential(self):
        x, _ = self.input()
        model = self.lib.Sequential([x])

        def add(layer):
            model.add(layer)
            return tuple(model.output_shape)

        shape = self.stack(tuple(x.shape), add)
        if self.rng.random() < 0.7:
            add(self.pick(toolbox.FLATTENINGS)(self.lib, self.pick, shape))
        model.add(self.head(len(model.output_shape)))
        return model

    def functional(self):
        lib, inputs, ends = self.lib, [], []
        for _ in range(self.pick((1, 1, 2))):
            x, _ = self.input()
            inputs.append(x)
            places = [x]

            def add(layer, places=places):
                y = layer(places[-1])
                alike = [p for p in places if p.shape == y.shape]
                if alike and self.rng.random() < 0.6:
                    y = self.pick((lib.layers.Add, lib.layers.Average))()([y, self.pick(alike)])        # a residual connection
                elif y.shape[1:-1] == places[0].shape[1:-1] and self.rng.random() < 0.5:
                    y = lib.layers.Concatenate()([y, places[0]])
                places.append(y)
                return tuple(y.shape)

            shape = self.stack(tuple(x.shape), add)
            if self.rng.random() < 0.3 and toolbox.size(shape) <= toolbox.LARGEST_GRID:
                again = toolbox.spatial(lib, "Conv{}D", shape)(shape[-1], 2, padding="same", activation="tanh")
                places.append(again(again(places[-1])))
            ends.append(self.flat(places[-1]))
        y = ends[0] if len(ends) == 1 else lib.layers.Concatenate()(ends)
        outputs = [self.head(2)(y) for _ in range(self.pick((1, 1, 2)))]
        return lib.Model(inputs if len(inputs) > 1 else inputs[0], outputs if len(outputs) > 1 else outputs[0])


def main():
    import keras

    out = {}
    for number in range(len(CASES)):
        keras.utils.clear_session()
        out.update({f"{number}/{key}": value for key, value in case(keras, number).items()})
    keras.utils.clear_session()
    for name, model in networks(keras).items():
        out.update({f"{name}/{key}": value for key, value in learn(keras, name, model).items()})
    out["cases"] = json.dumps(CASES)
    np.savez_compressed(pathlib.Path(__file__).with_name("convolution.npz"), **out)


if __name__ == "__main__":
    main()
