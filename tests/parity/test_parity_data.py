"""The same calls of fit, evaluate and predict on the same data, here and in Keras: batches, steps, splits, weights, hooks."""

import random
import warnings

import keras
import numpy as np
import pandas
import pytest
import torch

import dlcore

warnings.filterwarnings("ignore", message="Your input ran out of data")
warnings.filterwarnings("ignore", message=".*`shuffle=True` was passed")


def model(library, targets=1):
    x = library.Input((3,))
    outs = [library.layers.Dense(1, kernel_initializer="ones", name=f"out_{i}")(x) for i in range(targets)]
    model = library.Model(x, outs if targets > 1 else outs[0])
    model.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"] if targets == 1 else None, weighted_metrics=["mse"] if targets == 1 else None)
    return model


def data(rng, n):
    return rng.normal(size=(n, 3)), rng.normal(size=(n, 1))


KINDS = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype("float32"),
    "float16": lambda x: x.astype("float16"),
    "int64": lambda x: np.round(x * 5).astype("int64"),
    "uint8": lambda x: np.round(abs(x) * 5).astype("uint8"),
    "bool": lambda x: x > 0,
    "fortran": np.asfortranarray,
    "frame": lambda x: pandas.DataFrame(x),
    "frame of both": lambda x: pandas.DataFrame(x).assign(**{"0": lambda f: (f[f.columns[0]] > 0).astype(int)}).iloc[:, -x.shape[1] :],
    "torch": lambda x: torch.tensor(x, dtype=torch.float32),
}


def options(random, n):
    chosen = {"batch_size": random.choice([None, 1, 3, 7, n, n + 5]), "epochs": random.choice([1, 2, 4]), "shuffle": False, "verbose": 0}
    if random.random() < 0.3:
        chosen["steps_per_epoch"] = random.choice([1, 2, 3, 50])
    if random.random() < 0.3:
        chosen["initial_epoch"] = random.choice([0, 1])
    if random.random() < 0.6:
        chosen["validation_split"] = random.choice([0.1, 0.25, 0.5])
        chosen["validation_batch_size"] = random.choice([None, 2])
        chosen["validation_freq"] = random.choice([1, 2, [1, 3]])
        if random.random() < 0.3:
            chosen["validation_steps"] = random.choice([1, 2])
    return chosen


def same(ours, theirs):
    assert sorted(ours) == sorted(theirs)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("seed", range(60))
def test_random_calls_of_fit_on_arrays(seed):
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    n = choose.choice([1, 6, 20, 33])
    x, y = data(rng, n)
    kind = choose.choice(list(KINDS))
    x = KINDS[kind](x)
    arguments = options(choose, n)
    if kind == "torch":
        y = torch.tensor(y, dtype=torch.float32)
    elif choose.random() < 0.3:
        y = pandas.Series(y[:, 0])
    if choose.random() < 0.3:
        arguments["sample_weight"] = rng.uniform(0, 2, n)
    elif choose.random() < 0.3 and kind != "torch":
        y, arguments["class_weight"] = (rng.integers(0, 3, (n, 1))), {0: 0.5, 2: 3.0}
    found = []
    for library in (dlcore, keras):
        try:
            m = model(library)
            history = m.fit(x, y, **arguments).history
            w = arguments.get("sample_weight")
            last = m.evaluate(x, y, batch_size=arguments["batch_size"], sample_weight=w, verbose=0, return_dict=True)
            found.append((history, last, m.predict(x, batch_size=arguments["batch_size"], verbose=0)))
        except ValueError as error:
            found.append(error)
    if isinstance(found[1], ValueError):
        assert isinstance(found[0], ValueError), f"Keras: {found[1]}"
        return
    assert not isinstance(found[0], ValueError), found[0]
    same(found[0][0], found[1][0])
    same(found[0][1], found[1][1])
    np.testing.assert_allclose(found[0][2], found[1][2], rtol=2e-5, atol=1e-5)


def dataset(library, x, y, log, size=4):
    class Data(library.utils.PyDataset):
        def __len__(self):
            return -(-len(x) // size)

        def __getitem__(self, i):
            log.append(i)
            return x[size * i : size * (i + 1)], y[size * i : size * (i + 1)]

        def on_epoch_begin(self):
            log.append("begin")

        def on_epoch_end(self):
            log.append("end")

    return Data()


@pytest.mark.parametrize("seed", range(20))
def test_random_calls_of_fit_on_py_datasets(seed):
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    x, y = data(rng, choose.choice([3, 8, 17]))
    arguments = {"epochs": choose.choice([1, 3]), "shuffle": choose.random() < 0.5, "verbose": 0}
    if choose.random() < 0.5:
        arguments["steps_per_epoch"] = choose.choice([1, 2, 3, 9])
    if choose.random() < 0.3:
        arguments["class_weight"] = {0: 2.0, 1: 0.5}
    found = []
    for library in (dlcore, keras):
        library.utils.set_random_seed(seed)
        m, log, validation = model(library), [], []
        m.evaluate(x, y, verbose=0)                     # Keras asks for a batch to build what is not built
        history = m.fit(dataset(library, x, y, log), validation_data=dataset(library, x[:5], y[:5], validation), **arguments).history
        m.predict(dataset(library, x, y, log), verbose=0)
        found.append((history, log, validation))
    same(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_generators_and_loaders(epochs):
    x, y = data(np.random.default_rng(0), 24)
    x, y = x.astype("float32"), y.astype("float32")

    def batches():
        while True:
            for i in range(0, 24, 5):
                yield x[i : i + 5], y[i : i + 5], np.arange(len(x[i : i + 5]), dtype="float32")

    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.tensor(x), torch.tensor(y)), batch_size=7)
    found = []
    for library in (dlcore, keras):
        m = model(library)
        # Keras evaluates a generator's first two batches again and again; here it goes on.
        found.append(m.fit(batches(), steps_per_epoch=3, epochs=epochs, validation_data=batches(), validation_steps=2, validation_freq=[1], verbose=0).history)
        found.append(m.fit(loader, epochs=epochs, validation_data=loader, verbose=0).history)
        found.append(m.evaluate(loader, verbose=0, return_dict=True))
    for ours, theirs in zip(found[:3], found[3:], strict=True):
        same(ours, theirs)


def test_several_outputs_and_their_weights():
    rng = np.random.default_rng(0)
    x, (y, z), w = rng.normal(size=(12, 3)), rng.normal(size=(2, 12, 1)), rng.uniform(size=(2, 12))
    for weights in (None, w[0], [w[0], w[1]], w[0][:, None]):
        found = [model(library, 2).fit(x, [y, z], sample_weight=weights, batch_size=5, shuffle=False, verbose=0).history for library in (dlcore, keras)]
        same(*found)


BAD = {
    "lengths": lambda x, y: ((x, y[:-1]), {}),
    "split leaves nothing": lambda x, y: ((x[:1], y[:1]), {"validation_split": 0.5}),
    "both weights": lambda x, y: ((x, y), {"class_weight": {0: 1.0}, "sample_weight": np.ones(len(x))}),
    "an object": lambda x, y: ((object(), y), {}),
    "y with a data set": lambda x, y: ((dataset, y), {}),
    "weights of outputs": lambda x, y: ((x, [y, y]), {"sample_weight": [np.ones(len(x))]}),
    "wide weights of outputs": lambda x, y: ((x, [y, y]), {"sample_weight": np.ones((len(x), 2))}),
    "class weights of outputs": lambda x, y: ((x, [y, y]), {"class_weight": {0: 1.0}}),
    "validation frequency": lambda x, y: ((x, y), {"validation_split": 0.5, "validation_freq": "often"}),
    "empty generator": lambda x, y: ((iter(()), None), {}),
    "tuple of four": lambda x, y: (((v for v in [(x, y, y, y)]), None), {}),
    "text": lambda x, y: ((np.array([["a", "b", "c"]] * len(x)), y), {}),
}


@pytest.mark.parametrize("case", BAD)
def test_what_keras_refuses_is_refused(case):
    x, y = data(np.random.default_rng(0), 8)
    for library in (keras, dlcore):
        arguments, named = BAD[case](x, y)
        if arguments[0] is dataset:
            arguments = (dataset(library, x, y, []), y)
        targets = 2 if isinstance(arguments[1], list) else 1
        with pytest.raises((ValueError, TypeError)):
            model(library, targets).fit(*arguments, verbose=0, **named)
