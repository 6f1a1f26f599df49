"""The small helpers of keras.utils on random arguments, here and in Keras."""

import inspect
import random
import warnings

import keras
import numpy as np
import pytest

import dlcore
from dlcore.datasets import imdb

warnings.filterwarnings("ignore", message=".*RGBA.*")


def both(name, *args, **kwargs):
    """What the two libraries give, or the type of the error."""
    found = []
    for library in (dlcore, keras):
        function = library
        for part in name.split("."):
            function = getattr(function, part)
        try:
            found.append(function(*args, **kwargs))
        except (ValueError, TypeError, IndexError) as error:
            found.append(type(error))
    return found


def same(ours, theirs):
    if isinstance(theirs, type):
        assert ours is theirs, (ours, theirs)
    else:
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=1e-12) if ours.dtype.kind == "f" else np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("seed", range(60))
def test_pad_sequences(seed):
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    item = choose.choice([(), (), (2,), (2, 3)])
    sequences = [rng.integers(0, 50, (choose.randint(0, 6), *item)) for _ in range(choose.randint(1, 5))]         # Keras fails on none
    if not item and choose.random() < 0.5:
        sequences = [s.tolist() for s in sequences]
    options = {"maxlen": choose.choice([None, 1, 3, 10]), "dtype": choose.choice(["int32", "float32", "int64", object]), "padding": choose.choice(["pre", "post"]),
               "truncating": choose.choice(["pre", "post"]), "value": choose.choice([0.0, 7, -1.5, "pad"])}
    same(*both("utils.pad_sequences", sequences, **options))
    same(*both("preprocessing.sequence.pad_sequences", sequences, maxlen=choose.choice([None, 2])))


def test_pad_sequences_refuses():
    for args in (([[1], 2],), (3,), ([[1], [[2]]],), ([[1]], None, "int32", "middle"), ([[1]], None, "int32", "pre", "middle")):
        ours, theirs = both("utils.pad_sequences", *args)
        assert isinstance(ours, type) and isinstance(theirs, type), args


@pytest.mark.parametrize("seed", range(40))
def test_to_categorical_and_normalize(seed):
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    shape = choose.choice([(5,), (1,), (4, 1), (2, 3), (2, 3, 1), (6, 1, 1), ()])
    labels = rng.integers(0, 4, shape)
    labels = choose.choice([lambda v: v, lambda v: v.astype("float32"), lambda v: v.astype("uint8"), lambda v: v.tolist()])(labels)
    same(*both("utils.to_categorical", labels, choose.choice([None, 4, 9])))
    x = rng.normal(size=choose.choice([(5,), (4, 3), (2, 3, 4)]))
    x.flat[0] = 0
    # Keras divides along axis 0 by the wrong norms, or fails.
    options = {"axis": choose.choice([-1, x.ndim - 1 or -1]), "order": choose.choice([1, 2, 2, np.inf])}
    same(*both("utils.normalize", choose.choice([x, x.astype("float32"), x * 0]), **options))


@pytest.mark.parametrize("seed", range(30))
def test_images(seed, tmp_path):
    module = pytest.importorskip("PIL.Image")
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    shape = (rng.integers(2, 9), rng.integers(2, 9), choose.choice([1, 3, 4]))
    x = rng.normal(size=shape) * 100
    data_format = choose.choice([None, "channels_first"])
    if data_format:
        x = x.transpose(2, 0, 1)
    options = {"data_format": data_format, "scale": choose.choice([True, True, False])}
    if not options["scale"]:
        x = np.clip(abs(x), 0, 255)
    ours, theirs = both("utils.array_to_img", x, **options)
    assert ours.mode == theirs.mode
    same(ours, theirs)
    same(*both("utils.img_to_array", ours, data_format=data_format, dtype=choose.choice([None, "float64", "uint8"])))
    dlcore.utils.save_img(tmp_path / "ours.png", x, **options)
    keras.utils.save_img(tmp_path / "theirs.png", x, **options)
    same(module.open(tmp_path / "ours.png"), module.open(tmp_path / "theirs.png"))
    load = {"color_mode": choose.choice(["rgb", "rgba", "grayscale"]), "target_size": choose.choice([None, (5, 4), (10, 3)]),
            "interpolation": choose.choice(["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming", "cubic"]), "keep_aspect_ratio": choose.random() < 0.5}
    same(*both("utils.load_img", tmp_path / "ours.png", **load))


@pytest.mark.parametrize("dtype", [None, bool, int, float, str, complex, "int", "int32", "bfloat16", np.float64, np.dtype("uint8"), "object", "float12", 3])
def test_standardize_dtype(dtype):
    ours, theirs = both("utils.standardize_dtype", dtype)
    assert ours == theirs


def test_pack_and_unpack():
    for args in ((1,), ([1],), ((1, 2),), (1, 2), (1, None, 3), (1, 2, 3)):
        ours, theirs = both("utils.pack_x_y_sample_weight", *args)
        assert ours == theirs
    for data in (1, [1], (1,), (1, 2), [1, 2], (1, 2, 3), (1, 2, 3, 4), ()):
        ours, theirs = both("utils.unpack_x_y_sample_weight", data)
        assert ours == theirs


@pytest.mark.parametrize("seed", range(12))
def test_imdb(seed, tmp_path, monkeypatch):
    choose, rng = random.Random(seed), np.random.default_rng(seed)
    rows = np.empty(20, object)
    rows[:] = [rng.integers(1, 40, rng.integers(1, 12)).tolist() for _ in range(20)]
    np.savez(tmp_path / "imdb.npz", x_train=rows, y_train=np.arange(20) % 2, x_test=rows[:9], y_test=np.arange(9) % 2)
    monkeypatch.setenv("DLCORE_DATA", str(tmp_path))
    monkeypatch.setattr(keras.datasets.imdb.load_data.__globals__["get_file"], "__code__", (lambda fname, origin, file_hash: fname).__code__)
    monkeypatch.setattr(keras.datasets.imdb.load_data.__globals__["get_file"], "__defaults__", (None,) * 0)
    options = {"num_words": choose.choice([None, 10, 30]), "skip_top": choose.choice([0, 5]), "maxlen": choose.choice([None, 8]), "seed": seed,
               "start_char": choose.choice([1, None]), "oov_char": choose.choice([2, None]), "index_from": choose.choice([3, 0, None])}
    if options["index_from"] is None and options["start_char"] is not None:
        options["index_from"] = 0
    ours = imdb.load_data(**options)
    theirs = keras.datasets.imdb.load_data(path=str(tmp_path / "imdb.npz"), **options)
    for a, b in zip(ours, theirs, strict=True):
        assert [list(map(int, row)) for row in a[0]] == [list(map(int, row)) for row in b[0]] and a[0].dtype == b[0].dtype
        np.testing.assert_array_equal(a[1], b[1])


@pytest.mark.parametrize("module", ["utils", "preprocessing", "preprocessing.image", "preprocessing.sequence", "datasets.imdb"])
def test_names_and_arguments(module):
    ours, theirs = dlcore, keras
    for part in module.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    missing = {"FeatureSpace", "audio_dataset_from_directory", "bounding_boxes", "legacy"}
    for name in (name for name in dir(theirs) if not name.startswith("_") and name not in missing):
        assert hasattr(ours, name), name
        if inspect.isfunction(getattr(theirs, name)):
            found, expected = ([(p.name, p.default) for p in inspect.signature(getattr(library, name)).parameters.values() if p.kind is not p.VAR_KEYWORD] for library in (ours, theirs))
            assert found[: len(expected)] == expected, name
