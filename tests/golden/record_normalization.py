"""Records normalization.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_normalization.py``.

Each case is a layer that is called three times in training and once in inference on the same kind of data. Kept are the
outputs of the first and the last call, the gradients of the first call for the input and the weights, and all weights at
the end (so the moving statistics).
"""

import json
import pathlib

import numpy as np

# class, constructor arguments, shape of the input, what is done besides
CASES = [
    ("BatchNormalization", {}, (6, 4), {}),
    ("BatchNormalization", {"momentum": 0.6, "epsilon": 1e-5}, (5, 3, 4), {}),
    ("BatchNormalization", {"axis": 1}, (4, 3, 2, 5), {}),
    ("BatchNormalization", {"axis": 2, "center": False}, (4, 3, 5), {}),
    ("BatchNormalization", {"scale": False}, (4, 3, 2, 2, 3), {}),
    ("BatchNormalization", {"momentum": 0.8}, (5, 4, 3), {"mask": True}),
    ("BatchNormalization", {"axis": 1, "momentum": 0.8}, (5, 4, 3), {"mask": True}),
    ("BatchNormalization", {"momentum": 0.5}, (6, 3), {"frozen": True}),
    ("BatchNormalization", {"renorm": True, "momentum": 0.7, "renorm_momentum": 0.6}, (8, 3), {}),
    ("BatchNormalization", {"renorm": True, "scale": False, "renorm_clipping": {"rmax": 1.2, "rmin": 0.9, "dmax": 0.3}}, (8, 2, 3), {}),
    ("BatchNormalization", {"renorm": True, "center": False, "axis": 1}, (8, 3, 4), {"mask": True}),
    ("LayerNormalization", {}, (5, 6), {}),
    ("LayerNormalization", {"epsilon": 1e-5, "center": False}, (2, 3, 6), {}),
    ("LayerNormalization", {"axis": [2, 3], "scale": False}, (2, 3, 4, 5), {}),
    ("LayerNormalization", {"axis": [1, 3]}, (2, 3, 4, 5), {}),
    ("LayerNormalization", {"axis": (-1, -2)}, (2, 3, 4), {}),
    ("LayerNormalization", {"rms_scaling": True}, (4, 6), {}),
    ("GroupNormalization", {"groups": 2}, (3, 6), {}),
    ("GroupNormalization", {"groups": 3, "epsilon": 1e-5}, (3, 4, 5, 6), {}),
    ("GroupNormalization", {"groups": 2, "axis": 1, "scale": False}, (3, 4, 5), {}),
    ("GroupNormalization", {"groups": -1, "center": False}, (3, 7, 4), {}),
    ("RMSNormalization", {}, (4, 6), {}),
    ("RMSNormalization", {"epsilon": 0.01}, (2, 3, 6), {}),
    ("UnitNormalization", {}, (4, 6), {}),
    ("UnitNormalization", {"axis": 1}, (3, 4, 5), {}),
    ("UnitNormalization", {"axis": [1, 2]}, (3, 4, 5), {}),
]


def data(shape, seed, dtype="float32"):
    """Input, weights of the outputs in the loss, mask."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=shape) * rng.uniform(0.5, 2, shape[-1]) + rng.normal(size=shape[-1])
    return x.astype(dtype), rng.normal(size=shape).astype(dtype), rng.uniform(size=shape[:-1]) < 0.7


def differentiate(library, layer, x, w, **call):
    """Output, gradient of sum(w y) for the input, and for the trainable weights."""
    if library.__name__ == "keras":
        import torch

        x = torch.tensor(x, requires_grad=True)
        for v in layer.trainable_weights:
            v.value.grad = None
        y = layer(x, **call)
        (y * torch.tensor(w)).sum().backward()
        return [a.detach().numpy() for a in (y, x.grad, *[v.value.grad for v in layer.trainable_weights])]
    x = library.ops.convert_to_tensor(x)
    with library.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, **call)
        loss = library.ops.sum(y * w)
    return [y.numpy(), *[g.numpy() for g in tape.gradient(loss, [x, *layer.trainable_weights])]]


def run(library, name, arguments, shape, besides, seed=0, dtype="float32"):
    """What is kept of a case, by name, from either library."""
    layer = getattr(library.layers, name)(**arguments, dtype=dtype)
    layer.build(shape)
    rng = np.random.default_rng(seed + 1)
    layer.set_weights([rng.uniform(0.5, 1.5, w.shape).astype(dtype) for w in layer.weights])
    if besides.get("frozen"):
        layer.trainable = False
    takes_training = name == "BatchNormalization"
    kept = {}
    for step in range(3):
        x, w, mask = data(shape, seed + step, dtype)
        call = {"training": True} if takes_training else {}
        if besides.get("mask"):
            call["mask"] = library.ops.convert_to_tensor(mask)
        found = differentiate(library, layer, x, w, **call)
        if step == 0:
            kept.update({f"gradient{i}": g for i, g in enumerate(found[1:])}, output=found[0])
    kept["last"] = library.ops.convert_to_numpy(layer(x))
    kept.update({f"weight{i}": w for i, w in enumerate(layer.get_weights())})
    kept["names"] = np.array([w.name for w in layer.weights])
    return kept


def main():
    import keras

    out = {"cases": json.dumps(CASES)}
    for i, case in enumerate(CASES):
        out.update({f"{i}/{key}": value for key, value in run(keras, *case).items()})
    np.savez_compressed(pathlib.Path(__file__).with_name("normalization.npz"), **out)


if __name__ == "__main__":
    main()
