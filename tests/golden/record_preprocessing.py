"""Records preprocessing.npz from Keras: ``KERAS_BACKEND=tensorflow python tests/golden/record_preprocessing.py``.

With TensorFlow, because Keras needs it for the layers that hash or look up. A layer, its arguments and data follow from a
seed, in Keras as in dlcore. Kept are its configuration and state and what it makes of the data; and what UpSampling2D
makes with the Lanczos kernels, which PyTorch does not have. `tests/parity/test_parity_preprocessing.py` compares
those layers live that need no TensorFlow.
"""

import json
import pathlib

import numpy as np

NUMERIC = ("Normalization", "Rescaling", "Discretization", "CategoryEncoding")
NAMES = (*NUMERIC, "Hashing", "HashedCrossing", "StringLookup", "IntegerLookup")
SEEDS = range(240)
WORDS = np.array(["", "a", "b", "tree", "straße", "日本", "a longer piece of text", "x" * 40, "y" * 70, "[UNK]", "\U0001f600", "B", "Tree", "0", "12"], dtype=object)


def pick(rng, *choices):
    return choices[rng.integers(len(choices))]


class Case:
    """A random layer with data.

    Args:
        seed: Seed of everything.
        names: The layers to choose from.
        dtype: That of floating data.
    """

    def __init__(self, seed, names=NAMES, dtype="float32"):
        self.rng = rng = np.random.default_rng(seed)
        self.name = names[seed % len(names)]
        self.dtype = dtype
        self.adapted = None                         # data for adapt()
        self.call = {}
        self.arguments, self.x = getattr(self, self.name)(rng)

    def floats(self, *shape):
        return (self.rng.normal(size=shape) * 3 + 1).astype(self.dtype)

    def Normalization(self, rng):
        shape = [int(n) for n in rng.integers(2, 6, size=rng.integers(1, 4))]
        axis = pick(rng, -1, None, int(rng.integers(len(shape))), tuple(sorted(int(a) for a in rng.permutation(len(shape))[:2])))
        arguments = {"axis": axis, "invert": bool(rng.random() < 0.3)}
        data = self.floats(*shape)
        kept = () if axis is None else np.atleast_1d(axis)
        if rng.random() < 0.4:
            sizes = [shape[a] for a in sorted(a % len(shape) for a in kept)]
            sizes = sizes[len(sizes) - int(rng.integers(len(sizes) + 1)) :]
            mean, variance = rng.normal(size=sizes), rng.uniform(0, 2, size=sizes)
            arguments.update(mean=mean.tolist() if sizes else float(mean), variance=variance.tolist() if sizes else float(variance))
        elif rng.random() < 0.7 or 0 in [a % len(shape) for a in kept]:
            self.adapted = data
        else:
            self.adapted = [data, self.floats(*shape), (self.floats(*shape), 3)]
        return arguments, self.floats(*shape)

    def Rescaling(self, rng):
        width = int(rng.integers(1, 5))
        values = [pick(rng, float(rng.normal()), rng.normal(size=width).tolist()) for _ in range(2)]
        x = pick(rng, self.floats(3, width), rng.integers(0, 255, size=(2, 3, width)).astype("uint8"))
        return {"scale": values[0], **({"offset": values[1]} if rng.random() < 0.7 else {})}, x

    def Discretization(self, rng):
        mode = pick(rng, "int", "one_hot", "multi_hot", "count")
        shape = [int(n) for n in rng.integers(1, 5, size=rng.integers(1, 3 if mode in ("multi_hot", "count") else 4))]
        if rng.random() < 0.5:
            boundaries = sorted(rng.integers(-4, 6, size=rng.integers(1, 6)).astype(float).tolist())
            x = pick(rng, self.floats(*shape), rng.integers(-5, 7, size=shape).astype(self.dtype))
            return {"bin_boundaries": boundaries, "output_mode": mode}, x
        self.adapted = self.floats(int(rng.integers(5, 400)), 2)
        if rng.random() < 0.5:
            self.adapted = [self.adapted, self.floats(70, 2), self.floats(3, 2)]
        return {"num_bins": int(rng.integers(2, 8)), "epsilon": pick(rng, 0.01, 0.1, 0.03), "output_mode": mode}, self.floats(*shape)

    def CategoryEncoding(self, rng):
        mode = pick(rng, "one_hot", "multi_hot", "count")
        tokens = int(rng.integers(2, 7))
        shape = [int(n) for n in rng.integers(1, 5, size=rng.integers(1, 3))]
        if mode == "count" and rng.random() < 0.5:
            self.call = {"count_weights": self.floats(*shape)}
        return {"num_tokens": tokens, "output_mode": mode}, rng.integers(0, tokens, size=shape)

    def words(self, *shape):
        return self.rng.choice(WORDS, size=shape)

    def Hashing(self, rng):
        mode = pick(rng, "int", "int", "one_hot", "multi_hot", "count")
        arguments = {"num_bins": int(rng.integers(1, 40)), "output_mode": mode}
        if rng.random() < 0.5:
            arguments["salt"] = pick(rng, 7, [133, 137], 2**40)
        shape = [int(n) for n in rng.integers(1, 5, size=rng.integers(1, 3))]
        if rng.random() < 0.5:
            if rng.random() < 0.5:
                arguments["mask_value"] = ""
            return arguments, self.words(*shape)
        if rng.random() < 0.5:
            arguments["mask_value"] = 3
        x = rng.integers(-5, 5, size=shape) * pick(rng, 1, 10**15)
        return arguments, pick(rng, x, x.astype("float32"), x % 100)

    def HashedCrossing(self, rng):
        rows = int(rng.integers(1, 7))
        shape = pick(rng, (rows,), (rows, 1))
        columns = [pick(rng, self.words(*shape), rng.integers(-1000, 1000, size=shape)) for _ in range(rng.integers(2, 5))]
        return {"num_bins": int(rng.integers(1, 40)), "output_mode": pick(rng, "int", "one_hot")}, columns

    def lookup(self, rng, tokens, special):
        """Arguments common to both lookups; `tokens(shape)` draws data, `special` are mask and OOV tokens."""
        mode = pick(rng, "int", "int", "one_hot", "multi_hot", "count", "tf_idf")
        arguments = {"output_mode": mode, "num_oov_indices": int(rng.integers(1, 4))}
        if rng.random() < 0.5:
            arguments["mask_token"] = special[0]
        shape = [int(n) for n in rng.integers(1, 5, size=rng.integers(1, 3))]
        if rng.random() < 0.3:
            arguments["max_tokens"] = int(rng.integers(6, 12))
            arguments["pad_to_max_tokens"] = bool(rng.random() < 0.5)
        if rng.random() < 0.5:
            self.adapted = tokens(int(rng.integers(1, 9)), int(rng.integers(1, 6)))
            if rng.random() < 0.3:
                self.adapted = iter([self.adapted, tokens(4, 2)])
        else:
            vocabulary = [t for t in dict.fromkeys(tokens(6).tolist()) if t not in special][: arguments.get("max_tokens", 99) - 4]
            if not vocabulary:
                vocabulary = [special[2]]
            arguments["vocabulary"] = vocabulary
            if mode == "tf_idf":
                arguments["idf_weights"] = rng.uniform(0.5, 2, size=len(vocabulary)).tolist()
        if mode == "int" and rng.random() < 0.3:
            return {**arguments, "invert": True}, rng.integers(0, 9, size=shape)
        return arguments, tokens(*shape)

    def StringLookup(self, rng):
        arguments, x = self.lookup(rng, self.words, ("", "[UNK]", "fallback"))
        return {**arguments, **({"salt": pick(rng, 5, [1, 2])} if rng.random() < 0.3 else {})}, x

    def IntegerLookup(self, rng):
        arguments, x = self.lookup(rng, lambda *shape: rng.integers(-2, 12, size=shape) * 3 + 1, (4, -1, 7))
        if rng.random() < 0.4:
            arguments["oov_method"] = "farmhash"
            if rng.random() < 0.5:
                arguments["salt"] = 11
        return arguments, x

    def run(self, lib, tensor=None):
        """Configuration, state, shapes and output of the layer of `lib`."""
        layer = getattr(lib.layers, self.name)(**self.arguments)
        if self.adapted is not None:
            layer.adapt(self.adapted)
        y = np.asarray(layer(self.x, **self.call))
        if y.dtype.kind in "OS":
            y = np.array([t.decode() if isinstance(t, bytes) else t for t in y.ravel()], dtype=str).reshape(y.shape)
        state = {k: v for k, v in layer.get_config().items() if k not in ("name", "dtype", "trainable")}
        if "Lookup" in self.name:
            state["tokens"] = [t if isinstance(t, str) else int(t) for t in layer.get_vocabulary()]
            state["plain tokens"] = [t if isinstance(t, str) else int(t) for t in layer.get_vocabulary(include_special_tokens=False)]
            state["size"] = layer.vocabulary_size()
        weights = [np.asarray(w) for w in layer.weights]
        return {"y": y, **{f"weight{i}": w for i, w in enumerate(weights)}}, json.loads(json.dumps(state))


def lanczos(lib, kernel):
    x = np.random.default_rng(0).normal(size=(2, 5, 7, 2)).astype("float32")
    return np.asarray(lib.layers.UpSampling2D((2, 3), interpolation=kernel)(x))


def main():
    import keras

    out = {f"upsampling/{kernel}": lanczos(keras, kernel) for kernel in ("bilinear", "lanczos3", "lanczos5")}
    states = {}
    for seed in SEEDS:
        arrays, states[seed] = Case(seed).run(keras)
        out.update({f"{seed}/{k}": v for k, v in arrays.items()})
    out["states"] = json.dumps(states)
    np.savez_compressed(pathlib.Path(__file__).with_name("preprocessing.npz"), **out)


if __name__ == "__main__":
    main()
