"""Data sets of folders and time series, images, splits and pictures of models; numbers as recorded from Keras."""

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dlcore
from dlcore import layers, preprocessing, utils
from dlcore.utils.resizing import METHODS, resize, resize_with_pad

GOLDEN = np.load(Path(__file__).with_name("golden") / "data.npz")
CONFIGS = json.loads(str(GOLDEN["configs"]))


def near(found, expected):
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-3)          # of 255


# ----------------------------------------------------------------------------------------------------------- resizing


@pytest.mark.parametrize("method", METHODS)
def test_resizing_is_that_of_keras(method):
    for k, (_, size) in enumerate(CONFIGS["sizes"]):
        image = GOLDEN[f"image{k}"]
        near(resize(image, size, method), GOLDEN[f"resize_{method}{k}"])
        near(resize_with_pad(image, tuple(size), method), GOLDEN[f"pad_{method}{k}"])
        if f"smart_{method}{k}" in GOLDEN:
            expected = GOLDEN[f"smart_{method}{k}"]
            near(preprocessing.image.smart_resize(image, size, method), expected)
            batch = np.stack([image, image]).transpose(0, 3, 1, 2)
            near(preprocessing.image.smart_resize(batch, size, method, data_format="channels_first")[1].transpose(1, 2, 0), expected)


def test_resizing_refuses():
    image = np.zeros((4, 4, 3))
    assert isinstance(preprocessing.image.smart_resize(dlcore.ops.convert_to_tensor(image), (2, 2)), dlcore.Tensor)
    for args, message in (((image, (2,)), "tuple of 2 integers"), ((image[0], (2, 2)), "incorrect rank"), ((image, (2, 2), "cubic"), "`interpolation` should be one of"),
                          ((image, (0, 2)), "at least one pixel"), ((image, (2, 2), "bilinear", "last"), "data_format")):
        with pytest.raises(ValueError, match=message):
            preprocessing.image.smart_resize(*args)


# ------------------------------------------------------------------------------------------------------------- images


@pytest.fixture
def photos(tmp_path):
    module = pytest.importorskip("PIL.Image")
    for i in range(6):
        file = tmp_path / "photos" / "ab"[i % 2] / f"{'yx'[i // 3]}{i}.png"
        file.parent.mkdir(exist_ok=True, parents=True)
        module.fromarray(GOLDEN[f"file{i}"]).save(file)
    (tmp_path / "photos" / "a" / "notes.txt").write_text("no image")
    (tmp_path / "photos" / ".hidden").mkdir()
    return tmp_path / "photos"


@pytest.mark.parametrize("k", range(len(CONFIGS["folder"])))
def test_folders_of_images_are_read_as_by_keras(photos, k):
    config = {"image_size": (12, 12), **CONFIGS["folder"][k]}
    data = utils.image_dataset_from_directory(photos, shuffle=False, verbose=False, **config)
    batch = data[0]
    assert len(data) == 1 and len(data.file_paths) == 6
    images = batch if config.get("label_mode", "int") is None else batch[0]
    assert images.dtype == "float32"
    if config.get("color_mode") == "grayscale":
        np.testing.assert_allclose(images, GOLDEN[f"folder{k}"], atol=1.5)         # grey of a PNG file: other weights of the colours
    else:
        near(images, GOLDEN[f"folder{k}"])
    if config.get("label_mode", "int") is not None:
        expected = GOLDEN[f"folder_labels{k}"]
        assert batch[1].dtype == expected.dtype and np.array_equal(batch[1], expected)
        assert data.class_names == (["2", "4"] if "labels" in config else config.get("class_names", ["a", "b"]))


@pytest.mark.parametrize("seed", range(3))
def test_files_are_shuffled_and_split_as_by_keras(photos, seed, capsys):
    parts = utils.image_dataset_from_directory(photos, seed=seed, validation_split=0.4, subset="both")
    names = ("training", "validation")
    for part, name in zip(parts, names, strict=True):
        assert [str(Path(p).relative_to(photos)) for p in part.file_paths] == GOLDEN[f"{name}{seed}"].tolist()
        one = utils.image_dataset_from_directory(photos, seed=seed, validation_split=0.4, subset=name, verbose=False)
        assert one.file_paths == part.file_paths
    assert capsys.readouterr().out.splitlines()[:3] == ["Found 6 files belonging to 2 classes.", "Using 4 files for training.", "Using 2 files for validation."]


def test_each_pass_has_an_order_of_its_own(photos):
    data = utils.image_dataset_from_directory(photos, seed=1, batch_size=2, image_size=4, verbose=False)
    passes = [np.concatenate([x.mean((1, 2, 3)) for x, _ in data]) for _ in range(3)]
    assert not np.array_equal(passes[0], passes[1]) and np.allclose(np.sort(passes[0]), np.sort(passes[1]))
    again = utils.image_dataset_from_directory(photos, seed=1, batch_size=2, image_size=4, verbose=False)
    np.testing.assert_array_equal(passes[0], np.concatenate([x.mean((1, 2, 3)) for x, _ in again]))
    single = utils.image_dataset_from_directory(photos, batch_size=None, image_size=4, verbose=False, shuffle=False)
    assert len(single) == 6 and single[0][0].shape == (4, 4, 3) and single[5][1] == 1
    with pytest.raises(IndexError, match="batch 6 of a data set of 6"):
        single[6]


def test_training_on_a_folder(photos):
    data = utils.image_dataset_from_directory(photos, image_size=(6, 6), label_mode="binary", batch_size=4, seed=0, verbose=False)
    model = dlcore.Sequential([dlcore.Input((6, 6, 3)), layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    data.workers = 2
    assert len(model.fit(data, validation_data=data, epochs=2, verbose=0).history["val_loss"]) == 2


def test_images_of_all_kinds(tmp_path):
    module = pytest.importorskip("PIL.Image")
    rgb = np.random.default_rng(0).integers(0, 256, (5, 6, 3)).astype("uint8")
    module.fromarray(rgb).save(tmp_path / "a.bmp")
    module.fromarray(rgb).convert("P", palette=module.Palette.ADAPTIVE, colors=256).save(tmp_path / "b.gif")
    module.fromarray((rgb[..., 0].astype("uint16") << 8) + 7).save(tmp_path / "c.png")
    module.fromarray(np.dstack([rgb, rgb[..., :1]])).save(tmp_path / "d.png")
    module.fromarray(rgb).save(tmp_path / "E.JPG", quality=95)
    for mode, channels in (("rgb", 3), ("rgba", 4), ("grayscale", 1)):
        images = utils.image_dataset_from_directory(tmp_path, labels=None, color_mode=mode, image_size=(5, 6), shuffle=False, verbose=False)[0]
        assert images.shape == (5, 5, 6, channels)
        if channels > 1:
            for i in (1, 2, 4):                             # E.JPG comes first
                assert np.array_equal(images[i, ..., :3], rgb) or i == 2
            assert np.array_equal(images[3, ..., 0], rgb[..., 0]) and np.abs(images[0, ..., :3] - rgb).mean() < 50     # noise is hard for JPEG


BAD_FOLDERS = {
    "labels": ({"labels": "guess"}, "`labels` argument should be"),
    "number of labels": ({"labels": [1, 2]}, r"len\(labels\) is 2 while we found 6 files"),
    "class names with labels": ({"labels": [1] * 6, "class_names": ["a"]}, "only pass `class_names` if"),
    "class names without labels": ({"labels": None, "class_names": ["a"]}, "can only be given with"),
    "unknown class names": ({"class_names": ["a", "c"]}, r"did not match.*\['a', 'b'\]"),
    "label mode": ({"label_mode": "onehot"}, "`label_mode` argument must be one of"),
    "binary of three": ({"labels": [1, 2, 3] * 2, "label_mode": "binary"}, "exactly 2 class_names"),
    "color mode": ({"color_mode": "cmyk"}, "`color_mode` must be one of"),
    "image size": ({"image_size": (1, 2, 3)}, "Invalid `image_size`"),
    "image size of no pixels": ({"image_size": (0, 4)}, r"a tuple of 2 positive integers. Received: image_size=\(0, 4\)"),
    "image size of a fraction": ({"image_size": (2.5, 4)}, "a tuple of 2 positive integers"),
    "image size of a truth": ({"image_size": True}, "a tuple of 2 positive integers"),
    "interpolation": ({"interpolation": "cubic"}, "`interpolation` should be one of"),
    "format": ({"format": "torch"}, "`format` should be"),
    "crop and pad": ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one of"),
    "data format": ({"data_format": "first"}, "`data_format` argument must be one of"),
    "batch size": ({"batch_size": 0}, "`batch_size` must be a positive integer or None"),
    "split": ({"validation_split": 1.5, "subset": "both", "seed": 0}, "between 0 and 1"),
    "split without subset": ({"validation_split": 0.5}, "`subset` is set"),
    "subset": ({"validation_split": 0.5, "subset": "test", "seed": 0}, "`subset` must be either"),
    "split without seed": ({"validation_split": 0.5, "subset": "both"}, "must provide a `seed`"),
    "nothing to validate": ({"validation_split": 0.01, "subset": "validation", "seed": 0}, "No validation images found"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_folders_refuse(photos, case):
    options, message = BAD_FOLDERS[case]
    with pytest.raises(ValueError, match=message):
        utils.image_dataset_from_directory(photos, verbose=False, **options)


def test_empty_and_missing_folders(tmp_path):
    pytest.importorskip("PIL")
    with pytest.raises(ValueError, match="No images found in directory"):
        utils.image_dataset_from_directory(tmp_path, verbose=False)
    with pytest.raises(FileNotFoundError):
        utils.image_dataset_from_directory(tmp_path / "nowhere", verbose=False)


@pytest.mark.parametrize("keep", [0, 60, 900])
def test_damaged_images_are_named(photos, tmp_path, keep):
    folder = tmp_path / "a"
    folder.mkdir()
    utils.save_img(folder / "whole.png", np.random.default_rng(0).random((30, 30, 3)))
    (folder / "cut off.png").write_bytes((folder / "whole.png").read_bytes()[:keep])
    with pytest.raises(OSError, match=r"Cannot read the image .*cut off.png: "):
        utils.image_dataset_from_directory(tmp_path, image_size=4, verbose=False)[0]
    (folder / "cut off.png").unlink()
    (folder / "cut off.png").symlink_to(folder / "gone.png")
    with pytest.raises(OSError, match=r"Cannot read the image .*cut off.png: "):
        utils.image_dataset_from_directory(tmp_path, image_size=4, verbose=False)[0]


def test_images_and_arrays(tmp_path):
    module = pytest.importorskip("PIL.Image")
    x = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype("float32")
    x[0, 0], x[0, 1] = 0, 255
    image = utils.array_to_img(x)
    assert image.size == (7, 5) and image.mode == "RGB"
    np.testing.assert_array_equal(utils.img_to_array(image), x)
    np.testing.assert_array_equal(utils.img_to_array(image, data_format="channels_first", dtype="uint8"), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(utils.img_to_array(utils.array_to_img(x.transpose(2, 0, 1), data_format="channels_first", scale=False)), x)
    assert utils.array_to_img(x[..., :1]).mode == "L" and utils.array_to_img(x[..., :1] * 3, scale=False).mode == "I"
    assert utils.array_to_img(np.zeros((2, 2, 4))).mode == "RGBA"
    assert np.asarray(utils.array_to_img(np.array([[[-1.0], [1.0], [0.0]]]))).tolist() == [[0, 255, 127]]
    utils.save_img(tmp_path / "x.png", x)
    for path in (tmp_path / "x.png", str(tmp_path / "x.png"), io.BytesIO((tmp_path / "x.png").read_bytes())):
        np.testing.assert_array_equal(utils.img_to_array(utils.load_img(path)), x)
    assert utils.load_img(tmp_path / "x.png", color_mode="grayscale", target_size=(3, 4)).size == (4, 3)
    assert utils.load_img(tmp_path / "x.png", color_mode="rgba").mode == "RGBA"
    kept = utils.load_img(tmp_path / "x.png", target_size=(5, 5), keep_aspect_ratio=True)
    np.testing.assert_array_equal(np.asarray(kept), x[:, 1:6])
    with pytest.warns(UserWarning, match="does not support RGBA"):
        utils.save_img(tmp_path / "x.jpg", np.dstack([x, x[..., :1]]))
    buffer = io.BytesIO()
    utils.save_img(buffer, x, file_format="png")
    assert module.open(io.BytesIO(buffer.getvalue())).format == "PNG"
    for call, error, message in ((lambda: utils.array_to_img(x[0]), ValueError, "rank 3"), (lambda: utils.array_to_img(x[..., :2]), ValueError, "channel number: 2"),
                                 (lambda: utils.img_to_array(np.zeros(3)), ValueError, "Unsupported image shape"), (lambda: utils.load_img(3), TypeError, "path-like"),
                                 (lambda: utils.load_img(tmp_path / "x.png", "hsv"), ValueError, "color_mode must be"),
                                 (lambda: utils.load_img(tmp_path / "x.png", target_size=(2, 2), interpolation="cubic"), ValueError, "Invalid interpolation method cubic"),
                                 (lambda: utils.img_to_array(x, data_format="last"), ValueError, "data_format")):
        with pytest.raises(error, match=message):
            call()


def test_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    for call in (lambda: utils.load_img("x.png"), lambda: utils.array_to_img(np.zeros((2, 2, 3))), lambda: utils.image_dataset_from_directory(tmp_path)):
        with pytest.raises(ImportError, match="needs Pillow, which is not installed"):
            call()


def test_real_photographs(tmp_path):
    from dlcore.datasets._files import find_local

    archive = find_local("cifar10/cifar10_jpegs_500.zip")
    if archive is None:
        pytest.skip("DLCORE_DATA has no photographs")
    pytest.importorskip("PIL")
    with zipfile.ZipFile(archive) as file:
        file.extractall(tmp_path)
    root = next(p.parent for p in sorted(tmp_path.rglob("*")) if p.is_dir() and any(p.glob("*.jpg")))
    train, test = utils.image_dataset_from_directory(root, image_size=(32, 32), seed=0, validation_split=0.2, subset="both", verbose=False)
    assert len(train.class_names) == 10 and len(train.file_paths) == 400 and len(test.file_paths) == 100
    labels = np.concatenate([y for _, y in train])
    assert set(labels) == set(range(10)) and all(Path(p).parent.name == train.class_names[n] for p, n in zip(test.file_paths, np.concatenate([y for _, y in test]), strict=True))
    mean = np.concatenate([x for x, _ in train]).mean((0, 1, 2))
    np.testing.assert_allclose(mean, [125.3, 123.0, 113.9], atol=6)          # that of the whole of CIFAR-10


# -------------------------------------------------------------------------------------------------------------- texts


def test_folders_of_texts(tmp_path):
    texts = {"bad/1.txt": "gr\u00e4sslich\r\n", "bad/0.txt": "a bad one", "good/more/2.TXT": "good", "good/notes.md": "not read"}
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(text.encode())
    data = utils.text_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    assert data[0][0].tolist() == ["a bad one", "gr\u00e4sslich\r\n", "good"] and data[0][1].tolist() == [0, 0, 1] and data.class_names == ["bad", "good"]
    short = utils.text_dataset_from_directory(tmp_path, label_mode=None, max_length=3, batch_size=2, shuffle=False, verbose=False)
    assert [batch.tolist() for batch in short] == [["a b", "gr\u00e4"], ["goo"]] and short.class_names is None
    train, test = utils.text_dataset_from_directory(tmp_path, label_mode="binary", seed=3, validation_split=0.34, subset="both", verbose=False)
    assert len(train.file_paths) == 2 and test[0][1].shape == (1, 1)
    assert preprocessing.text_dataset_from_directory is utils.text_dataset_from_directory
    with pytest.raises(ValueError, match="No text files found"):
        utils.text_dataset_from_directory(tmp_path / "nowhere", labels=None, verbose=False)
    with pytest.raises(ValueError, match="`max_length` must be"):
        utils.text_dataset_from_directory(tmp_path, max_length=1.5)


# ------------------------------------------------------------------------------------------------------------ windows


@pytest.mark.parametrize("k", range(len(CONFIGS["windows"])))
def test_windows_are_those_of_keras(k):
    config, targets = CONFIGS["windows"][k], f"windows{k}_targets"
    data = utils.timeseries_dataset_from_array(GOLDEN[f"windows{k}_data"], GOLDEN.get(targets), **config)
    batches = [b if isinstance(b, tuple) else (b,) for b in data]
    assert [len(batches), *(np.size(b[0]) for b in batches)] == GOLDEN[f"windows{k}_sizes"].tolist()
    for i, part in enumerate(zip(*batches, strict=True)):
        np.testing.assert_array_equal(np.concatenate([np.ravel(p) for p in part]), GOLDEN[f"windows{k}_{i}"])
    assert (f"windows{k}_1" in GOLDEN) == (len(batches[0]) == 2 if batches else f"windows{k}_1" in GOLDEN)


def test_windows_shuffled_and_trained_on():
    series = np.sin(np.arange(60) / 3).astype("float32")[:, None]
    plain, shuffled = (utils.timeseries_dataset_from_array(series[:-4], series[4:], 4, batch_size=8, shuffle=s, seed=1) for s in (False, True))
    x, y = (np.concatenate(part) for part in zip(*shuffled, strict=True))
    order = np.argsort([np.flatnonzero((plain_x == row).all((1, 2)))[0] for plain_x in [np.concatenate([b[0] for b in plain])] for row in x])
    np.testing.assert_array_equal(y[order], np.concatenate([b[1] for b in plain]))
    assert not np.array_equal(order, np.arange(len(order)))
    model = dlcore.Sequential([dlcore.Input((4, 1)), layers.Flatten(), layers.Dense(1)])
    model.compile(dlcore.optimizers.Adam(0.05), "mse")
    assert model.fit(shuffled, epochs=60, verbose=0).history["loss"][-1] < 1e-3


def test_windows_refuse():
    for options, message in (({"start_index": -1}, "start_index"), ({"start_index": 9}, "start_index"), ({"end_index": 9}, "end_index"), ({"start_index": 4, "end_index": 3}, "end_index"),
                             ({"sampling_rate": 0}, "sampling_rate"), ({"sequence_stride": 9}, "sequence_stride"), ({"format": "np"}, "format"), ({"sequence_length": 0}, "sequence_length")):
        with pytest.raises(ValueError, match=f"`{message}`"):
            utils.timeseries_dataset_from_array(np.arange(9), None, **{"sequence_length": 2, **options})


# -------------------------------------------------------------------------------------------------------------- splits


@pytest.mark.parametrize("k", range(len(CONFIGS["splits"])))
def test_splits_are_those_of_keras(k):
    parts = utils.split_dataset([np.arange(10), np.arange(20).reshape(10, 2)], **CONFIGS["splits"][k])
    for side, part in zip(("left", "right"), parts, strict=True):
        np.testing.assert_array_equal(np.stack([np.r_[a, b] for a, b in part]), GOLDEN[f"{side}{k}"])


def test_splits_of_other_data():
    left, right = utils.split_dataset(np.arange(8), left_size=0.75)
    assert [int(v) for v in left] == list(range(6)) and [b.tolist() for b in right.batch(2)] == [[6, 7]]
    windows = utils.timeseries_dataset_from_array(np.arange(20), np.arange(20), 3, batch_size=4)
    left, right = utils.split_dataset(windows, right_size=5)
    assert [len(b[1]) for b in left] == [4, 4, 4, 1] and right[1][1].tolist() == [17]
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.arange(6), torch.arange(6) * 2)
    assert utils.split_dataset(data, left_size=4)[1][0] == (4, 8)


@pytest.mark.parametrize(("data", "options", "error", "message"), [
    (np.arange(4), {}, ValueError, "At least one of"), (np.arange(4), {"left_size": 4}, ValueError, "positive integer smaller than 4"), (np.arange(4), {"right_size": 1.5}, ValueError, "right_size"),
    (np.arange(4), {"left_size": "2"}, TypeError, "Invalid `left_size` Type"), (np.arange(4), {"left_size": 0.7, "right_size": 0.7}, ValueError, "greater than 1"),
    (np.arange(4), {"left_size": 3, "right_size": 2}, ValueError, "at most 4"), (np.arange(4), {"left_size": 0.01}, ValueError, "one side would be empty"), ([], {"left_size": 1}, ValueError, "empty"),
    ([np.arange(3), np.arange(4)], {"left_size": 1}, ValueError, "different lengths: 3, but 4 at index 1"), ([1, 2], {"left_size": 1}, ValueError, "Expected a list of"), ({}, {"left_size": 1}, TypeError, "must be an array"),
])
def test_splits_refuse(data, options, error, message):
    with pytest.raises(error, match=message):
        utils.split_dataset(data, **options)


# ------------------------------------------------------------------------------------------------------------- models


@pytest.fixture
def network():
    x = dlcore.Input((2,), name="x")
    hidden = layers.Dense(3, activation="relu", name="hidden")(x)
    inner = dlcore.Sequential([dlcore.Input((3,)), layers.Dense(4, name="inner")], name="stack")
    return dlcore.Model(x, [inner(hidden), dlcore.ops.tanh(hidden)], name="net")


def test_models_as_graphs(network):
    pytest.importorskip("pydot")
    dot = utils.model_to_dot(network, show_shapes=True, show_dtype=True, show_layer_activations=True, show_trainable=True, rankdir="LR", dpi=50)
    text = dot.to_string()
    for part in ("<b>hidden</b> (Dense)", "Activation: <b>relu</b>", "Input shape: <b>(None, 2)</b>", "Output dtype: <b>float32</b>", "<b>Trainable</b>", "<b>tanh</b> (Tanh)", "rankdir=LR", "dpi=50"):
        assert part in text
    assert len(dot.get_edges()) == 3 and not dot.get_subgraphs() and "inner" not in text
    expanded = utils.model_to_dot(network, expand_nested=True, show_layer_names=False)
    assert [g.get_label() for g in expanded.get_subgraphs()] == ["stack"] and "<b>Dense</b>" in expanded.to_string() and "hidden" not in expanded.to_string()
    assert len(expanded.get_edges()) == 3
    assert utils.model_to_dot(network, subgraph=True).get_label() == "net"

    class Own(dlcore.Model):
        def call(self, x):
            return x

    own = Own()
    with pytest.raises(ValueError, match="has not yet been built"):
        utils.model_to_dot(own)
    own(np.ones((1, 2)))
    assert len(utils.model_to_dot(own).get_nodes()) == 2            # the defaults count as one
    with pytest.raises(ValueError, match="Unrecognized keyword arguments"):
        utils.plot_model(network, layer_range=(1, 2))


def test_pictures_of_models(network, tmp_path, monkeypatch):
    pytest.importorskip("pydot")
    program = tmp_path / "bin" / "dot"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\nsource = open([a for a in sys.argv[1:] if not a.startswith('-')][-1]).read()\nsys.stdout.write(sys.argv[1] + source)\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    utils.plot_model(network, tmp_path / "net.pdf", show_layer_names=True)
    written = (tmp_path / "net.pdf").read_text()
    assert written.startswith("-Tpdf") and "hidden" in written
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImportError, match="needs the program Graphviz"):
        utils.plot_model(network, tmp_path / "net.pdf")
    monkeypatch.setitem(sys.modules, "pydot", None)
    with pytest.raises(ImportError, match="needs pydot, which is not installed"):
        utils.plot_model(network)


# ---------------------------------------------------------------------------------------------------------- the others


def test_symbolic_helpers():
    a, b = dlcore.Input((2,)), dlcore.Input((2,))
    y = layers.Dense(1)(a + b) + layers.Dense(1)(a)
    assert [id(x) for x in utils.get_source_inputs(y)] == [id(a), id(b)]
    assert [id(x) for x in utils.get_source_inputs(a)] == [id(a)] and utils.get_source_inputs(3) == 3
    assert utils.is_keras_tensor(a) and not utils.is_keras_tensor(np.ones(2))
    assert [utils.standardize_dtype(d) for d in (None, bool, int, "int", float, str, np.float64, np.dtype("uint8"), "bfloat16")] == [
        "float32", "bool", "int32", "int32", "float32", "string", "float64", "uint8", "bfloat16"]
    with pytest.raises(ValueError, match="Invalid dtype: float12"):
        utils.standardize_dtype("float12")
    torch = pytest.importorskip("torch")
    assert utils.standardize_dtype(torch.int64) == "int64"


def test_config():
    config = utils.Config(rate=0.1)
    config.momentum, config["steps"] = 0.9, 3
    assert config.as_dict() == {"rate": 0.1, "momentum": 0.9, "steps": 3} and list(config) == ["momentum", "rate", "steps"]
    assert config.pop("steps") == 3 and "steps" not in config and len(config) == 2 and config.get("steps", 7) == 7
    config.update(rate=0.2)
    del config["momentum"]
    assert json.loads(config.to_json()) == {"rate": 0.2} and repr(config) == "<Config {'rate': 0.2}>"
    config.freeze()
    for change in (lambda: setattr(config, "rate", 1), lambda: config.pop("rate"), lambda: config.update(a=1), lambda: config.__setitem__("a", 1)):
        with pytest.raises(ValueError, match="frozen"):
            change()
    config.unfreeze()
    with pytest.raises(AttributeError, match=r"Unknown attribute: 'rat'\. Did you mean 'rate'"):
        _ = config.rat
