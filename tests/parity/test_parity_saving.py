"""Weight files exchanged with Keras itself, both ways."""

import h5py
import keras
import numpy as np
import pytest
from golden import record_saving as recorder
from golden.record_models import Case

import dlcore


def contents(path):
    """Arrays by path."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.__setitem__(name, item[()] if isinstance(item, h5py.Dataset) else None))
    return found


def exchange(theirs, ours, folder):
    """Writes the weights of either model, reads them into the other, and writes again: nothing may change."""
    first, second = {}, {}
    for name, model in (("theirs", theirs), ("ours", ours)):
        model.save_weights(folder / f"{name}.weights.h5")
        first[name] = contents(folder / f"{name}.weights.h5")
    assert list(first["theirs"]) == list(first["ours"])
    for name, model in (("ours", theirs), ("theirs", ours)):
        model.load_weights(folder / f"{name}.weights.h5")
        model.save_weights(folder / "again.weights.h5")
        second[name] = contents(folder / "again.weights.h5")
    for name in first:
        for key, value in first[name].items():
            np.testing.assert_array_equal(second[name][key], value, err_msg=f"{name} {key}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed % 2]) for seed in range(200, 240)], indirect=["dtype"])
def test_random_model(seed, dtype, tmp_path):
    models = []
    for lib in (keras, dlcore):
        lib.utils.clear_session(free_memory=False)
        case = Case(lib, seed, dtype)
        case.model.fit(case.x, case.y, sample_weight=case.sample_weight, verbose=0)
        models.append(case.model)
    exchange(*models, tmp_path)


@pytest.mark.parametrize("name", ["stack", "graph", "net"])
@pytest.mark.filterwarnings("ignore")
def test_layers_in_containers(name, tmp_path):
    models = []
    for lib in (keras, dlcore):
        model = recorder.models(lib)[name]
        recorder.train(model, recorder.OPTIMIZERS[name])
        models.append(model)
    exchange(*models, tmp_path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("limit", [20, 50, 64, 100, 10000])
def test_shards(limit, tmp_path):
    theirs, ours = (recorder.models(lib)["graph"] for lib in (keras, dlcore))
    if limit < 64:
        for model in (theirs, ours):
            with pytest.raises(ValueError):
                model.save_weights(tmp_path / "x.weights.json", max_shard_size=limit / 2**30)
        return
    for source, target in ((theirs, ours), (ours, theirs)):
        source.set_weights([np.random.default_rng(limit).normal(size=w.shape) for w in source.get_weights()])
        source.save_weights(tmp_path / "x.weights.json", max_shard_size=limit / 2**30)
        target.set_weights([w * 0 for w in target.get_weights()])
        target.load_weights(tmp_path / "x.weights.json")
        for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(300, 312))
@pytest.mark.parametrize("ending", [".h5", ".keras"])
def test_weights_of_saved_models(seed, ending, tmp_path):
    """What `model.save` of Keras writes holds weights, too."""
    theirs, ours = Case(keras, seed).model, None
    theirs.save(tmp_path / f"m{ending}")
    dlcore.utils.clear_session(free_memory=False)
    ours = Case(dlcore, seed).model
    ours.set_weights([w * 0 for w in ours.get_weights()])
    ours.load_weights(tmp_path / f"m{ending}")
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_normalization(tmp_path):
    models = []
    for lib in (keras, dlcore):
        rng = np.random.default_rng(0)
        stack = [lib.layers.Dense(3), lib.layers.BatchNormalization(), lib.layers.BatchNormalization(scale=False), lib.layers.Dense(1)]
        model = lib.Sequential([lib.Input((4,)), *stack])
        model.compile("adam", "mse")
        model.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 1)), verbose=0)
        models.append(model)
    exchange(*models, tmp_path)
