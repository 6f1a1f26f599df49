"""Records reshaping.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_reshaping.py``.

A layer that reshapes, pads, crops, repeats or merges, its arguments, inputs and masks follow from a seed, in Keras as in
dlcore. Kept are its configuration, the shape of its symbolic output, output, mask and gradients; and the weights of small
models made of such layers after 10 steps. `tests/parity/test_parity_reshaping.py` makes the same comparison live, on more.
"""

import json
import pathlib

import numpy as np

SEEDS = range(63)
MODELS = range(6)
FORMATS = (None, "channels_last", "channels_first")
SHAPERS = ("Permute", "RepeatVector", "Reshape", "Flatten", "Cropping1D", "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D",
           "UpSampling1D", "UpSampling2D", "UpSampling3D")  # fmt: skip
MERGERS = ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot")
NAMES = (*SHAPERS, *MERGERS)


def _pairs(rng, rank, least=0):
    form = rng.integers(3)
    if form == 0:
        return int(rng.integers(least, 3))
    if form == 1 and rank > 1:
        return tuple(int(n) for n in rng.integers(least, 3, size=rank))
    pairs = tuple(tuple(int(n) for n in rng.integers(least, 3, size=2)) for _ in range(rank))
    return pairs[0] if rank == 1 else pairs


def shaper(rng, name):
    """Arguments and the shape of the input of a layer with one input."""
    rank = int(name[-2]) if name.endswith("D") else int(rng.integers(1, 4))
    sizes = [int(n) for n in rng.integers(5, 8, size=rank)]
    shape = (int(rng.integers(1, 4)), *sizes, int(rng.integers(1, 4)))
    formats = {} if name in ("Cropping1D", "UpSampling1D") else {"data_format": FORMATS[rng.integers(3)]}
    if formats.get("data_format") == "channels_first":
        shape = (shape[0], shape[-1], *sizes)
    if name == "Permute":
        return {"dims": tuple(int(d) + 1 for d in rng.permutation(len(shape) - 1))}, shape
    if name == "RepeatVector":
        return {"n": int(rng.integers(1, 5))}, shape[:2]
    if name == "Reshape":
        flat = int(np.prod(shape[1:]))
        return {"target_shape": [(flat,), (-1,), (1, -1), (shape[1], -1), (-1, flat)][rng.integers(5)]}, shape
    if name == "Flatten":
        return formats, shape[: int(rng.integers(1, len(shape) + 1))]
    if name.startswith("Cropping"):
        return {"cropping": _pairs(rng, rank), **formats}, shape
    if name.startswith("ZeroPadding"):
        return {"padding": _pairs(rng, rank), **formats}, shape
    size = [int(n) for n in rng.integers(1, 5, size=rank)]
    arguments = {"size": size[0] if rank == 1 or rng.random() < 0.3 else tuple(size), **formats}
    if name == "UpSampling2D":
        arguments["interpolation"] = ["nearest", "bilinear", "bilinear", "bicubic"][rng.integers(4)]
    return arguments, shape


def merger(rng, name):
    """Arguments, shapes of the inputs, and which of them have a mask."""
    rank = int(rng.integers(2, 5))
    shape = [int(rng.integers(1, 4)), *[int(n) for n in rng.integers(2, 5, size=rank - 1)]]
    if name == "Dot":
        other = [shape[0], *[int(n) for n in rng.integers(2, 5, size=int(rng.integers(1, 4)))]]
        axes = [int(rng.integers(1, rank)), int(rng.integers(1, len(other)))]
        other[axes[1]] = shape[axes[0]]
        form = rng.integers(3)
        if form == 1:
            axes = [axes[0] - rank, axes[1] - len(other)]
        if form == 2 and other[-1] == shape[-1]:
            axes = -1
        return {"axes": axes, "normalize": bool(rng.integers(2))}, [tuple(shape), tuple(other)], [False, False]
    n = 2 if name == "Subtract" else int(rng.integers(1 if name == "Add" else 2, 5))
    masked = [bool(rng.random() < 0.7) for _ in range(n)] if rank == 3 and rng.random() < 0.6 else [False] * n
    if name == "Concatenate":
        axis = int(rng.integers(1, rank))
        shapes = [tuple(int(rng.integers(1, 4)) if i == axis else d for i, d in enumerate(shape)) for _ in range(n)]
        return {"axis": axis if rng.random() < 0.5 else axis - rank}, shapes, masked
    shapes = [tuple(shape)] * n
    if rng.random() < 0.4 and not any(masked):
        shapes = [tuple(1 if i and rng.random() < 0.3 else d for i, d in enumerate(shape)) for _ in range(n)]
        shapes = [s if rng.random() < 0.7 else (s[0], *s[2:]) for s in shapes]
    return {}, shapes, masked


class Case:
    """A random layer with its inputs.

    Args:
        seed: Seed of everything.
        dtype: That of the data.
    """

    def __init__(self, seed, dtype="float32"):
        rng = np.random.default_rng(seed)
        self.name = NAMES[seed % len(NAMES)]
        if self.name in SHAPERS:
            self.arguments, shape = shaper(rng, self.name)
            shapes, masked = [shape], [False]
        else:
            self.arguments, shapes, masked = merger(rng, self.name)
        self.inputs = [rng.normal(size=s).astype(dtype) for s in shapes]
        self.masks = [rng.random(s[:2]) < 0.6 if m else None for s, m in zip(shapes, masked, strict=True)]
        self.shapes = [(None, *[None if rng.random() < 0.2 else n for n in s[1:]]) for s in shapes]
        self.weights = np.random.default_rng(seed + 1)

    def layer(self, lib):
        return getattr(lib.layers, self.name)(**self.arguments)

    def structure(self, lib):
        """The configuration, and the shapes that follow from inputs with unknown sizes and with known ones."""
        layer = self.layer(lib)
        config = {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype", "trainable")}
        found = [config]
        for shapes in (self.shapes, [(None, *x.shape[1:]) for x in self.inputs]):
            try:
                inputs = [lib.Input(batch_shape=s) for s in shapes]
                found.append(list(self.layer(lib)(inputs if self.name in MERGERS else inputs[0]).shape))
            except Exception:                       # of several kinds, in Keras
                found.append("error")
        return json.loads(json.dumps(found))

    def outputs(self, call, inputs):
        """Hands the tensors to the layer as its family wants them."""
        return call(inputs if self.name in MERGERS else inputs[0])

    def run_keras(self):
        import keras
        import torch

        inputs = [torch.tensor(x, requires_grad=True) for x in self.inputs]
        for x, mask in zip(inputs, self.masks, strict=True):
            if mask is not None:
                keras.src.backend.set_keras_mask(x, torch.tensor(mask))
        y = self.outputs(self.layer(keras), inputs)
        (y * torch.tensor(self.weights.normal(size=tuple(y.shape)).astype(self.inputs[0].dtype))).sum().backward()
        mask = keras.src.backend.get_keras_mask(y)
        found = {"y": y, **{f"d{i}": x.grad for i, x in enumerate(inputs)}, **({} if mask is None else {"mask": mask})}
        return {k: v.detach().numpy() for k, v in found.items()}

    def run_dlcore(self):
        import dlcore

        inputs = [dlcore.ops.convert_to_tensor(x.copy()) for x in self.inputs]
        for x, mask in zip(inputs, self.masks, strict=True):
            if mask is not None:
                x.mask = dlcore.ops.convert_to_tensor(mask)
        with dlcore.GradientTape() as tape:
            tape.watch(inputs)
            y = self.outputs(self.layer(dlcore), inputs)
        gradients = tape.gradient([y], inputs, output_gradients=[self.weights.normal(size=y.shape).astype(self.inputs[0].dtype)])
        found = {"y": y, **{f"d{i}": g for i, g in enumerate(gradients)}, **({} if y.mask is None else {"mask": y.mask})}
        return {k: np.asarray(v) for k, v in found.items()}


def build_model(lib, seed):
    """A small network for images of two branches that are merged."""
    layers = lib.layers
    rng = np.random.default_rng(seed)
    x = lib.Input((6, 4, 2))
    a = layers.Dense(3, activation="tanh")(layers.ZeroPadding2D(((1, 0), (0, 1)))(x))
    a = layers.UpSampling2D((2, 2), interpolation=["nearest", "bilinear", "bicubic"][seed % 3])(a)
    a = layers.Cropping2D(((1, 1), (2, 0)))(a)                                  # 12, 8, 3
    b = layers.Dense(3)(layers.UpSampling2D((2, 2))(x))
    merge = getattr(layers, ("Add", "Multiply", "Average", "Maximum", "Minimum", "Subtract")[seed % 6])
    y = merge()([a, b] if seed % 6 == 5 else [a, b, a])
    rows = layers.Reshape((12, -1))(layers.Permute((1, 3, 2))(y))
    left = layers.Dense(4)(layers.UpSampling1D(2)(layers.Cropping1D((1, 2))(rows)))
    right = layers.Dense(4)(layers.ZeroPadding1D(3)(rows))
    y = layers.Dot(axes=(1, 1) if seed % 2 else (2, 2), normalize=bool(rng.integers(2)))([left, right])
    y = layers.Concatenate()([layers.Flatten()(y), layers.Flatten()(layers.RepeatVector(2)(layers.Flatten()(b)))])
    return lib.Model(x, layers.Dense(1)(y))


def train(lib, seed, dtype="float32"):
    """Predictions before and weights after 10 steps."""
    model = build_model(lib, seed)
    rng = np.random.default_rng(seed + 100)
    model.set_weights([rng.normal(size=tuple(w.shape)) * 0.2 for w in model.weights])
    model.compile(optimizer=lib.optimizers.SGD(0.002), loss="mse")
    x, y = rng.normal(size=(8, 6, 4, 2)).astype(dtype), rng.normal(size=(8, 1)).astype(dtype)
    found = {"prediction": np.asarray(model.predict(x, verbose=0))}
    model.fit(x, y, epochs=5, batch_size=4, shuffle=False, verbose=0)
    return {**found, **{f"weight{i}": np.asarray(w) for i, w in enumerate(model.get_weights())}}


def main():
    import keras
    import torch

    torch.set_num_threads(1)
    out = {}
    for seed in SEEDS:
        case = Case(seed)
        out[f"{seed}/structure"] = json.dumps(case.structure(keras))
        out.update({f"{seed}/{k}": v for k, v in case.run_keras().items()})
    for seed in MODELS:
        keras.utils.clear_session()
        out.update({f"model{seed}/{k}": v for k, v in train(keras, seed).items()})
    np.savez_compressed(pathlib.Path(__file__).with_name("reshaping.npz"), **out)


if __name__ == "__main__":
    main()
