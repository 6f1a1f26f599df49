"""Data that stays in its file: memory maps larger than the memory allowed, HDF5 data sets, sparse matrices."""

import os
import sys

import h5py
import numpy as np
import processes
import pytest
import scipy.sparse

import dlcore
from dlcore import layers
from dlcore.data import ArrayBatches, rows, train_validation_split

GRID = np.arange(60, dtype="float32").reshape(20, 3)
SUMS = GRID.sum(1, keepdims=True)


@pytest.fixture(autouse=True)
def all_maps_are_large(monkeypatch):
    monkeypatch.setattr(rows, "SMALL", 0)
    monkeypatch.setattr(rows, "BUDGET", 200_000)        # given back every few rows


@pytest.fixture
def model():
    model = dlcore.Sequential([dlcore.Input((3,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(dlcore.optimizers.SGD(1e-4), "mse")
    return model


def mapped(folder, array, mode="r"):
    path = folder / f"{abs(hash(array.tobytes()))}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode=mode)


def hdf5(folder, array):
    return h5py.File(folder / f"{abs(hash(array.tobytes()))}.h5", "a").create_dataset("x", data=array)


KINDS = {
    "map": mapped,
    "map that may be written": lambda folder, array: mapped(folder, array, "r+"),
    "private map": lambda folder, array: mapped(folder, array, "c"),
    "float64 map": lambda folder, array: mapped(folder, array.astype("float64")),
    "int map": lambda folder, array: mapped(folder, array.astype("int16")),
    "part of a map": lambda folder, array: mapped(folder, np.repeat(array, 2, axis=0))[::2],
    "plain view": lambda folder, array: np.asarray(mapped(folder, array)),
    "hdf5": hdf5,
    "hdf5 of float64": lambda folder, array: hdf5(folder, array.astype("float64")),
    "sparse": lambda folder, array: scipy.sparse.csr_matrix(array),
    "sparse by columns": lambda folder, array: scipy.sparse.csc_array(array.astype("float64")),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_as_from_an_array(tmp_path, model, kind):
    x, y = KINDS[kind](tmp_path, GRID), KINDS[kind](tmp_path, SUMS)
    first = model.get_weights()
    for options in ({"shuffle": False}, {"shuffle": True}, {"shuffle": "batch"}, {"validation_split": 0.25}, {"steps_per_epoch": 2}, {"batch_size": 7}, {"batch_size": 100}):
        found = []
        for data in ((x, y), (GRID, SUMS), ([x], y)):
            dlcore.utils.set_random_seed(1)
            model.set_weights(first)
            found.append(model.fit(*data, epochs=2, verbose=0, **{"batch_size": 4, **options}).history)
        assert found[0] == found[1] == found[2]
    model.set_weights(first)
    np.testing.assert_array_equal(model.predict(x, batch_size=6, verbose=0), SUMS)
    assert model.evaluate(x, y, verbose=0) == 0.0
    assert model.train_on_batch(x, y) == 0.0 and model.predict_on_batch(x).shape == (20, 1)
    assert model.evaluate(((x[i : i + 5], y[i : i + 5]) for i in (0, 5)), verbose=0) == 0.0


def test_changes_of_a_private_map_are_kept(tmp_path, model):
    x = mapped(tmp_path, np.zeros_like(GRID), "c")
    x[:] = GRID
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(x, verbose=0, batch_size=1), SUMS)
    y = mapped(tmp_path, np.zeros_like(GRID), "r+")
    y[:] = GRID
    for _ in range(3):
        np.testing.assert_array_equal(model.predict(y, verbose=0, batch_size=1), SUMS)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not let a file be cut that is mapped")
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_file_that_becomes_shorter_is_an_error(tmp_path, shuffle):
    """And not the end of the interpreter."""
    x = mapped(tmp_path, np.ones((100, 1000)))
    source = ArrayBatches(x, batch_size=10, shuffle=shuffle).epoch()
    assert next(source)[0].shape == (10, 1000)
    os.truncate(x.filename, 10_000)
    with pytest.raises(OSError, match=r"has become shorter while it is in use: expected 800128 bytes, found 10000 .*npy"):
        list(source)


def test_splitting_reads_nothing(tmp_path):
    x = mapped(tmp_path, GRID)
    (left, _, _), (right, _, _) = train_validation_split((x, None, None), 0.3)
    assert isinstance(left, rows.MappedRows) and left.shape == (14, 3) and np.array_equal(right.read(0, 6), GRID[14:])
    (left, _, _), (right, _, _) = train_validation_split((hdf5(tmp_path, GRID), None, None), 0.3)
    assert np.array_equal(left.read(1, 3), GRID[1:3]) and np.array_equal(right.pick(np.array([5, 0, 3, 3])), GRID[14:][[5, 0, 3, 3]])


def test_class_weights_of_labels_in_a_file(tmp_path, model):
    y = mapped(tmp_path, np.arange(20) % 2)
    weights = ArrayBatches(GRID, y, class_weight={1: 3.0}).sample_weight
    assert np.array_equal(weights, np.where(np.arange(20) % 2 == 1, 3.0, 1.0))


def test_small_maps_are_arrays(tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "SMALL", 1 << 20)
    assert isinstance(ArrayBatches(mapped(tmp_path, GRID)).x, dlcore.Tensor)


def test_what_does_not_fit_is_refused(tmp_path, model):
    with pytest.raises(ValueError, match=r"cardinality.*x: 20; y: 19"):
        model.fit(mapped(tmp_path, GRID), SUMS[:19], verbose=0)
    with pytest.raises(ValueError, match=r"received data of dtype .S1 .*Models take numbers"):
        model.fit(hdf5(tmp_path, np.array([b"a", b"b"])), SUMS[:2], verbose=0)
    with pytest.raises(ValueError, match=r"expected shape=\(None, 3\)"):
        model.fit(mapped(tmp_path, GRID[:, :2].copy()), SUMS, verbose=0)


@pytest.mark.parametrize("shuffle", [False, True])
def test_an_epoch_over_a_map_larger_than_memory(tmp_path, shuffle):
    """A sparse file of 3 GB, in a process that may have 300 MB resident."""
    path = tmp_path / "large.dat"
    with open(path, "wb") as file:
        file.truncate(3 << 30)
    code = """
import resource, sys
import numpy as np
import dlcore

def peak():                     # in MB; ru_maxrss is that of the process that started this one, if that was larger
    try:
        return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) // 1024
    except FileNotFoundError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

x = np.memmap(sys.argv[1], "float32", "r", shape=(3 << 16, 4096))
y = np.zeros((len(x), 1), "float32")
model = dlcore.Sequential([dlcore.Input((4096,)), dlcore.layers.Dense(1)])
model.compile("sgd", "mse")
history = model.fit(x, y, batch_size=512, shuffle=sys.argv[2] == "True", validation_split=0.1, verbose=0).history
assert history == {"loss": [0.0], "val_loss": [0.0]}, history
assert model.predict(x[: 1 << 14], batch_size=1024, verbose=0).shape == (1 << 14, 1)
print(peak())
"""
    assert int(processes.run(code, path, shuffle)) < 300
