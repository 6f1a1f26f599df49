"""Data sets made up in the formats of the real ones; the real ones too, where `DLCORE_DATA` has them."""

import gzip
import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest

from dlcore import config
from dlcore.datasets import _files, boston_housing, california_housing, cifar10, digits, fashion_mnist, imdb, mnist
from dlcore.utils import files

REAL = os.environ.get("DLCORE_DATA")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty `DLCORE_DATA`, an empty cache, and no network."""

    def no_network(origin, *args):
        raise OSError(f"no network: {origin}")

    monkeypatch.setattr(files, "_download", no_network)
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path))
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path / "home"))
    return tmp_path


def write_idx(path, array):
    path.parent.mkdir(exist_ok=True)
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    with gzip.open(path, "wb") as file:
        file.write(header + array.tobytes())


def small_images(n):
    return np.arange(n * 784, dtype=np.uint32).astype(np.uint8).reshape(n, 28, 28), (np.arange(n) % 10).astype(np.uint8)


def write_idx_set(folder):
    parts = small_images(5), small_images(3)
    for name, array in zip(_files.IDX_FILES, (a for part in parts for a in part), strict=True):
        write_idx(folder / name, array)
    return parts


def same(found, expected):
    for part, other in zip(found, expected, strict=True):
        for a, b in zip(part, other, strict=True):
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype and a.flags.writeable


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1437, 8, 8) and x_test.shape == (360, 8, 8)
    assert x_train.dtype == y_train.dtype == np.uint8 and y_test.shape == (360,)
    assert x_train.max() == 16 and x_train.min() == 0
    assert np.bincount(np.r_[y_train, y_test]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    same(digits.load_data(), digits.load_data())
    assert (digits.load_data(seed=1)[0][1] != y_train).any()
    assert digits.load_data(test_split=0)[1][0].shape == (0, 8, 8)
    with pytest.raises(ValueError, match="`test_split`"):
        digits.load_data(test_split=1)


def test_fashion_mnist_subset():
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data(subset=True)
    assert x_train.shape == (2000, 28, 28) and x_test.shape == (500, 28, 28) and x_train.dtype == np.uint8
    assert np.bincount(y_train).tolist() == [200] * 10 and np.bincount(y_test).tolist() == [50] * 10


def test_licences_are_shipped():
    text = (_files.EMBEDDED / "LICENSES.md").read_text()
    assert "Copyright (c) 2017 Zalando SE" in text and "CC BY 4.0" in text


@pytest.mark.parametrize(("module", "folder"), [(mnist, "mnist"), (fashion_mnist, "fashion_mnist")])
def test_idx_files(data, module, folder):
    expected = write_idx_set(data / folder)
    same(module.load_data(), expected)


@pytest.mark.parametrize("where", ["mnist.npz", "mnist/mnist.npz", "home/datasets/mnist.npz"])
def test_mnist_npz(data, where, monkeypatch):
    (x_train, y_train), (x_test, y_test) = parts = small_images(5), small_images(3)
    path = data / where
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    monkeypatch.setattr(mnist, "_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    same(mnist.load_data(), parts)


@pytest.mark.parametrize("module", [mnist, fashion_mnist, cifar10, boston_housing, california_housing])
def test_not_there(data, module):
    with pytest.raises(OSError, match="no network: https://"):
        module.load_data()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"\0\0\x08\x01\0\0\0\x05ab", "should hold 5 values, but holds 2"), (b"\0\0\x0d\x01", "not an IDX file")],
)
def test_broken_idx(tmp_path, content, message):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=message):
        _files.read_idx(path)
    path.write_bytes(gzip.compress(content)[:-6])
    with pytest.raises(ValueError, match="not a complete gzip"):
        _files.read_idx(path)


def cifar_archive(path, extra=None):
    x = np.random.RandomState(0).randint(0, 256, (6, 2, 3, 32, 32)).astype(np.uint8)
    with tarfile.open(path, "w:gz") as archive:
        for i, name in enumerate([*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"]):
            batch = {b"data": x[i].reshape(2, -1), b"labels": [i, 9 - i], **(extra or {})}
            content = pickle.dumps(batch, protocol=2)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return x


def test_cifar10(data):
    x = cifar_archive(data / "cifar-10-python.tar.gz")
    (x_train, y_train), (x_test, y_test) = cifar10.load_data()
    np.testing.assert_array_equal(x_train, x[:5].reshape(10, 3, 32, 32).transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(x_test, x[5].transpose(0, 2, 3, 1))
    assert y_train.ravel().tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5] and y_test.shape == (2, 1) and y_test.dtype == np.uint8
    config.set_image_data_format("channels_first")
    try:
        assert cifar10.load_data()[0][0].shape == (10, 3, 32, 32)
    finally:
        config.set_image_data_format("channels_last")


def test_cifar10_runs_nothing(data):
    cifar_archive(data / "cifar-10-python.tar.gz", extra={b"x": print})
    with pytest.raises(pickle.UnpicklingError, match="refusing to load"):
        cifar10.load_data()


def test_cifar10_subset(data):
    x = np.random.RandomState(0).randint(0, 256, (4, 3, 32, 32)).astype(np.uint8)
    dx = np.diff(np.diff(x, axis=3, prepend=np.uint8(0)), axis=2, prepend=np.uint8(0))
    (data / "cifar10").mkdir()
    y = np.arange(4)
    np.savez(data / "cifar10" / "cifar10_small.npz", dx_train=dx, y_train=y, dx_test=dx[:1], y_test=y[:1])
    with pytest.warns(UserWarning, match="using the subset"):
        (x_train, y_train), _ = cifar10.load_data()
    np.testing.assert_array_equal(x_train, x.transpose(0, 2, 3, 1))
    assert y_train.shape == (4, 1)


def test_boston_housing(data):
    (data / "regression").mkdir()
    table = np.random.RandomState(0).rand(50, 14)
    np.savetxt(data / "regression" / "boston_housing.csv", table, delimiter=",")
    from_csv = boston_housing.load_data(test_split=0.3)
    assert from_csv[0][0].shape == (35, 13) and from_csv[1][1].shape == (15,)
    np.savez(data / "boston_housing.npz", x=table[:, :13], y=table[:, 13])
    same(from_csv, boston_housing.load_data(test_split=0.3))


def test_california_housing(data):
    (data / "regression").mkdir()
    rows = ["longitude,latitude,age,rooms,bedrooms,population,households,income,value,place"]
    rows += [f"-122.0,37.0,{i},20.0,{'' if i == 3 else 10.0},6.0,2.0,5.5,{1000 * i}.0,INLAND" for i in range(700)]
    with gzip.open(data / "regression" / "california_housing.csv.gz", "wt") as file:
        file.write("\n".join(rows) + "\n")
    with pytest.warns(UserWarning, match="1 rows of"):
        (x_train, y_train), (x_test, _) = california_housing.load_data()
    assert len(x_train) + len(x_test) == 699 and x_train.dtype == y_train.dtype == np.float32
    np.testing.assert_array_equal(x_train[0], [5.5, y_train[0] / 1000, 10, 5, 6, 3, 37, -122])
    with pytest.warns(UserWarning, match="left out"):
        assert len(california_housing.load_data(version="small", test_split=0)[0][0]) == 600
    with pytest.raises(ValueError, match="`version`"):
        california_housing.load_data(version="tiny")


@pytest.mark.skipif(not REAL, reason="DLCORE_DATA is not set")
def test_the_real_ones():
    (x_train, y_train), (x_test, _) = mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert np.bincount(y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    (x_train, _), _ = fashion_mnist.load_data()
    assert x_train.shape == (60000, 28, 28) and abs(x_train.mean() - 72.940) < 1e-3
    (x_train, y_train), _ = boston_housing.load_data()  # the first row that Keras gives
    assert y_train[0] == 15.2 and x_train[0, 0] == 1.23247


@pytest.mark.parametrize("content", [b"\0\0\x08\x03\0\0", b"\0\0\x08\xff" + bytes(4 * 255), b"\0\0\x08\x04" + b"\x80\0\0\0" * 2 + b"\0\0\0\x04\0\0\0\x01"],
                         ids=["short header", "255 axes", "overflow"])  # fmt: skip
def test_a_wrong_idx_header_is_named(tmp_path, content):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=r"x\.gz (is not an IDX file|should hold)"):
        _files.read_idx(path)


def test_a_broken_npz_is_named(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, a=np.arange(1000))
    whole = path.read_bytes()
    for content in (b"", b"junk", whole[:900]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"x\.npz is not a complete \.npz file with the arrays a"):
            _files.read_npz(path, "a")
    path.write_bytes(whole)
    with pytest.raises(ValueError, match="with the arrays b"):
        _files.read_npz(path, "b")


# ---------------------------------------------------------------------------------------------------------------- imdb


def write_reviews(folder, good=("A fine film,<br />fine it is.", "don't miss it"), bad=("It is a BAD film", "bad, bad")):
    (folder / "imdb").mkdir()
    for name in ("imdb_train_8000", "imdb_test_4000"):
        with gzip.open(folder / "imdb" / f"{name}.tsv.gz", "wt", encoding="utf-8") as file:
            file.writelines(f"{int(text in good)}\t5\tx.txt\t{text}\n" for text in (*good, *bad))


def test_imdb_from_texts(data):
    write_reviews(data)
    index = imdb.get_word_index()
    assert index == {"bad": 1, "it": 2, "a": 3, "film": 4, "fine": 5, "is": 6, "don't": 7, "miss": 8}
    with pytest.warns(UserWarning, match="subset of 4 and 4 reviews"):
        (x, y), (x_test, _) = imdb.load_data()
    assert x.dtype == object and y.dtype == np.int64 and sorted(y) == [0, 0, 1, 1] and len(x_test) == 4
    words = {i + 3: word for word, i in index.items()} | {1: "<", 2: "?"}
    read = {" ".join(words[i] for i in row): label for row, label in zip(x, y, strict=True)}
    assert read == {"< a fine film fine it is": 1, "< don't ? it": 1, "< it is a bad film": 0, "< bad bad": 0}     # the largest number is left out, as in Keras


@pytest.fixture
def reviews(data):
    """A file like that of Keras; one review a list, as NumPy pickles it."""
    rows = np.empty(6, object)
    rows[:] = [[5, 1, 2], [1], [9, 9, 9, 9], [2, 3], [7, 8, 1, 1, 1], [4]]
    np.savez(data / "imdb.npz", x_train=rows, y_train=np.arange(6) % 2, x_test=rows[:3], y_test=np.array([1, 1, 0]))
    return rows


def test_imdb_as_keras_reads_it(reviews, data):
    """Recorded from Keras 3.15 with this file."""
    (x, y), (x_test, y_test) = imdb.load_data()
    order = np.arange(6)
    np.random.RandomState(113).shuffle(order)
    assert x.tolist() == [[1, *(w + 3 if w + 3 < 12 else 2 for w in reviews[i])] for i in order] and y.tolist() == (order % 2).tolist()
    assert len(x_test) == 3 and sorted(y_test) == [0, 1, 1]
    (x, y), _ = imdb.load_data(num_words=8, skip_top=5, oov_char=None, start_char=None, index_from=0, seed=1)
    assert sorted(x.tolist()) == [[], [], [], [], [5], [7]]
    (x, y), _ = imdb.load_data(maxlen=3)
    assert sorted(map(len, x)) == [2, 2] and len(y) == 2
    with pytest.raises(ValueError, match="Increase maxlen"):
        imdb.load_data(maxlen=1)
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        imdb.load_data(nb_words=3)


def test_imdb_refuses_other_pickles(data):
    rows = np.empty(1, object)
    rows[0] = os.system
    np.savez(data / "imdb.npz", x_train=rows, y_train=np.arange(1), x_test=rows, y_test=np.arange(1))
    with pytest.raises(pickle.UnpicklingError, match="refusing to load"):
        imdb.load_data()


@pytest.mark.skipif(not REAL or not os.path.exists(os.path.join(REAL, "imdb", "imdb_train_8000.tsv.gz")), reason="DLCORE_DATA has no reviews")
@pytest.mark.filterwarnings("ignore:IMDB")
def test_real_reviews():
    (x, y), (x_test, y_test) = imdb.load_data(num_words=10_000)
    assert x.shape == (8000,) and x_test.shape == (4000,) and y.mean() == y_test.mean() == 0.5
    assert max(map(max, x)) == 9_999 and imdb.get_word_index()["the"] == 1
