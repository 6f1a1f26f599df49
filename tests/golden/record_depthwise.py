"""Records depthwise.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_depthwise.py``.

A depthwise or separable convolution, its arguments and input follow from a seed, in Keras as in dlcore. Kept are shapes, the
output and all gradients, and what some steps of training make of the weights. `tests/parity/test_parity_depthwise.py` makes
the same comparison live, on more.
"""

import json
import pathlib

import numpy as np

SEEDS = range(28)
NAMES = ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
FORMATS = (None, "channels_last", "channels_first")
ACTIVATIONS = (None, "relu", "relu6", "tanh", "silu", "softplus", "sigmoid", "softmax")


def _sizes(rng, rank, low, high):
    """One number, or one for each axis."""
    if rng.integers(2):
        return int(rng.integers(low, high))
    return tuple(int(n) for n in rng.integers(low, high, size=rank))


class Case:
    """A random layer with its input and weights.

    Args:
        seed: Seed of everything.
        dtype: That of the data.
    """

    def __init__(self, seed, dtype="float32"):
        rng = np.random.default_rng(seed)
        self.dtype = dtype
        self.name = NAMES[seed % 4]
        rank = int(self.name[-2])
        channels = int(rng.choice([1, 2, 3, 4, 5, 7, 8, 16, 17, 24]))
        if rank == 1 and rng.random() < 0.3:
            channels = int(rng.choice([33, 64, 100]))
        sizes = [int(n) for n in rng.integers(3, 14 if rank == 2 else 40, size=rank)]
        self.arguments = {
            "kernel_size": _sizes(rng, rank, 1, 6),
            "strides": _sizes(rng, rank, 1, 4),
            "padding": ("valid", "same", "SAME")[rng.integers(3)],
            "depth_multiplier": int(rng.choice([1, 1, 1, 2, 3])),
            "data_format": FORMATS[rng.integers(3)],
            "dilation_rate": 1 if rng.random() < 0.6 else _sizes(rng, rank, 1, 4),
            "activation": ACTIVATIONS[rng.integers(len(ACTIVATIONS))],
            "use_bias": bool(rng.random() < 0.7),
        }
        if self.name.startswith("Separable"):
            self.arguments["filters"] = int(rng.integers(1, 7))
        if rng.random() < 0.3:
            self.arguments |= {"depthwise_regularizer": "l2", "bias_constraint": "non_neg", "depthwise_initializer": "he_normal"}
        first = self.arguments["data_format"] == "channels_first"
        batch = int(rng.integers(1, 5))
        self.shape = (batch, channels, *sizes) if first else (batch, *sizes, channels)
        self.x = rng.normal(size=self.shape).astype(dtype)
        self.seed = seed

    def layer(self, lib):
        layer = getattr(lib.layers, self.name)(**self.arguments)
        layer.build((None, *self.shape[1:]))
        rng = np.random.default_rng(self.seed + 1)
        layer.set_weights([rng.normal(size=tuple(w.shape)) * 0.5 for w in layer.get_weights()])
        return layer

    def structure(self, lib):
        """The configuration, names and shapes of weights, and of outputs."""
        layer = getattr(lib.layers, self.name)(**self.arguments)
        config = {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype", "trainable")}
        found = [config, list(layer.compute_output_shape((None, *self.shape[1:])))]
        layer.build(self.shape)
        found.append([[w.path.split("/")[-1], list(w.shape)] for w in layer.weights])
        found.append(list(layer(lib.Input(self.shape[1:])).shape))
        sizes = self.shape[2:] if self.arguments["data_format"] == "channels_first" else self.shape[1:-1]
        unknown = [None if n in sizes else n for n in self.shape[1:]]
        channel = 0 if self.arguments["data_format"] == "channels_first" else -1
        unknown[channel] = self.shape[1:][channel]
        found.append(list(layer(lib.Input(unknown)).shape))
        return json.loads(json.dumps(found))

    def _weigh(self, shape):
        return np.random.default_rng(self.seed + 2).normal(size=tuple(shape)).astype(self.dtype)

    def run_keras(self):
        import keras
        import torch

        layer, x = self.layer(keras), torch.tensor(self.x, requires_grad=True)
        y = layer(x)
        (y * torch.tensor(self._weigh(y.shape))).sum().backward()
        found = {"y": y, "dx": x.grad, **{f"d{i}": v.value.grad for i, v in enumerate(layer.trainable_weights)}}
        found = {k: v.detach().numpy() for k, v in found.items()}
        return found | self.train(keras)

    def run_dlcore(self):
        import dlcore

        layer, x = self.layer(dlcore), dlcore.ops.convert_to_tensor(self.x.copy())
        with dlcore.GradientTape() as tape:
            tape.watch([x])
            y = layer(x)
        wanted = [x, *layer.trainable_weights]
        gradients = tape.gradient([y], wanted, output_gradients=[self._weigh(y.shape)])
        found = {"y": y, **{"dx" if i == 0 else f"d{i - 1}": g for i, g in enumerate(gradients)}}
        return {k: np.asarray(v) for k, v in found.items()} | self.train(dlcore)

    def train(self, lib):
        """Weights after some steps of gradient descent."""
        layer = self.layer(lib)
        model = lib.Sequential([lib.Input(self.shape[1:]), layer])
        model.compile(optimizer=lib.optimizers.SGD(0.01), loss="mse")
        target = self._weigh(layer.compute_output_shape(self.shape))
        model.fit(self.x, target, epochs=3, batch_size=2, shuffle=False, verbose=0)
        return {f"weight{i}": np.asarray(w) for i, w in enumerate(model.get_weights())}


def usable(seed):
    """Whether the kernel fits into the input."""
    case = Case(seed)
    rank = int(case.name[-2])
    sizes = case.shape[2:] if case.arguments["data_format"] == "channels_first" else case.shape[1:-1]
    kernel, dilation = (np.broadcast_to(case.arguments[key], rank) for key in ("kernel_size", "dilation_rate"))
    return case.arguments["padding"] != "valid" or all((k - 1) * d < n for k, d, n in zip(kernel, dilation, sizes, strict=True))


def main():
    import keras
    import torch

    torch.set_num_threads(1)
    out = {}
    for seed in filter(usable, SEEDS):
        keras.utils.clear_session()
        case = Case(seed)
        out[f"{seed}/structure"] = json.dumps(case.structure(keras))
        for k, v in case.run_keras().items():
            # Of large arrays every so many elements are enough.
            out[f"{seed}/{k}"] = v.ravel()[:: max(1, v.size // 200)]
    np.savez_compressed(pathlib.Path(__file__).with_name("depthwise.npz"), **out)


if __name__ == "__main__":
    main()
