"""Records pooling.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_pooling.py``.

A pooling layer, its arguments, input (often with ties), mask and weights of the output follow from a seed, in Keras as in
dlcore. Kept are the shape of its symbolic output, the output and the gradient.
`tests/parity/test_parity_pooling.py` makes the same comparison live, on more.
"""

import json
import pathlib

import numpy as np

SEEDS = range(108)
KINDS = ("MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling", "AdaptiveMaxPooling", "AdaptiveAveragePooling")
NAMES = tuple(f"{kind}{rank}D" for kind in KINDS for rank in (1, 2, 3))
FORMATS = (None, "channels_last", "channels_first")


class Case:
    """The layer of a seed."""

    def __init__(self, seed, dtype="float32"):
        rng = np.random.default_rng(seed)
        self.name = NAMES[seed % len(NAMES)]
        self.rank = rank = int(self.name[-2])
        self.dtype = dtype
        sizes = [int(n) for n in rng.integers(4, 13 if rank < 3 else 7, size=rank)]
        channels = int(rng.choice([1, 2, 3, 4, 5, 8, 9, 16, 19]))
        data_format = FORMATS[rng.integers(3)]
        self.first = 2 if data_format == "channels_first" else 1
        batch = int(rng.integers(1, 4))
        self.shape = (batch, channels, *sizes) if self.first == 2 else (batch, *sizes, channels)
        self.arguments = {"data_format": data_format}
        self.mask = None
        if self.name.startswith("Global"):
            self.arguments["keepdims"] = bool(rng.integers(2))
            if self.name == "GlobalAveragePooling1D" and rng.random() < 0.7:
                self.mask = rng.random((batch, sizes[0])) < 0.7
                self.mask[:, 0] = True
        elif self.name.startswith("Adaptive"):
            self.arguments["output_size"] = self._tuple(rng, 1, 7)
        else:
            self.arguments["pool_size"] = self._tuple(rng, 1, 5)
            self.arguments["strides"] = None if rng.random() < 0.4 else self._tuple(rng, 1, 5)
            self.arguments["padding"] = ("valid", "same")[rng.integers(2)]
        # few values: ties
        x = rng.integers(-2, 3, self.shape) if rng.random() < 0.4 else rng.normal(size=self.shape)
        self.x = x.astype(dtype)
        self.rng = rng

    def _tuple(self, rng, low, high):
        numbers = tuple(int(n) for n in rng.integers(low, high, size=self.rank))
        return numbers[0] if rng.random() < 0.5 else numbers

    def layer(self, lib):
        return getattr(lib.layers, self.name)(**self.arguments, name="pool")

    def symbolic_shape(self, lib):
        return list(self.layer(lib)(lib.Input(batch_shape=(None, *self.shape[1:]))).shape)

    def weights(self, shape):
        return np.random.default_rng(len(shape)).normal(size=tuple(shape)).astype(self.dtype)

    def uneven(self):
        """Pairs (before, after) of "same" padding, if one is not half of all."""
        if not self.name.startswith("Average") or self.arguments["padding"] != "same":
            return None
        pairs = []
        layer = self.arguments
        whole = lambda v: (v,) * self.rank if isinstance(v, int) else v  # noqa: E731
        strides = whole(layer["pool_size"] if layer["strides"] is None else layer["strides"])
        for n, size, stride in zip(self.shape[self.first :], whole(layer["pool_size"]), strides, strict=False):
            total = max(0, (-(-n // stride) - 1) * stride + size - n)
            pairs.append((total // 2, total - total // 2))
        return pairs if any(before != after for before, after in pairs) else None

    def run_keras(self):
        import keras
        import torch

        x = torch.tensor(self.x, requires_grad=True)
        options = {} if self.mask is None else {"mask": torch.tensor(self.mask)}
        uneven = self.uneven()
        if uneven is None:
            y = self.layer(keras)(x, **options)
        else:
            # Keras repeats the border on PyTorch, where it cannot leave it out as on TensorFlow and JAX.
            widths = [(0, 0)] * self.first + uneven + [(0, 0)] * (2 - self.first)
            arguments = self.arguments | {"padding": "valid"}
            total, count = (keras.ops.average_pool(keras.ops.pad(v, widths), **arguments) for v in (x, torch.ones_like(x)))
            y = total / count
        y.backward(torch.tensor(self.weights(y.shape)))
        return {"y": y.detach().numpy(), "dx": x.grad.numpy()}

    def run_dlcore(self):
        import dlcore

        x = dlcore.ops.convert_to_tensor(self.x)
        options = {} if self.mask is None else {"mask": dlcore.ops.convert_to_tensor(self.mask)}
        layer = self.layer(dlcore)
        with dlcore.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, **options)
        assert layer.compute_output_shape(self.shape) == y.shape
        # In inference no positions are kept.
        np.testing.assert_array_equal(layer(dlcore.ops.convert_to_tensor(self.x), **options).numpy(), y.numpy())
        return {"y": y.numpy(), "dx": tape.gradient(y, x, self.weights(y.shape)).numpy()}


def main():
    import keras

    arrays = {}
    for seed in SEEDS:
        case = Case(seed)
        try:
            shape, found = case.symbolic_shape(keras), case.run_keras()
        except (ValueError, RuntimeError):
            arrays[f"{seed}/shape"] = np.array("error")
            continue
        arrays[f"{seed}/shape"] = np.array(json.dumps(shape))
        # Every seventh number says enough.
        arrays |= {f"{seed}/{name}": value.ravel()[::7] for name, value in found.items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("pooling.npz"), **arrays)


if __name__ == "__main__":
    main()
