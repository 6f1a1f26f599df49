"""Layers that prepare and augment images: Keras' recorded numbers, what they draw, masks, labels and boxes, errors."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.record_images import COLORS, FIXED, MOVING, NAMES, SEEDS, TONES, Case, filled, lanczos_calls

import dlcore
from dlcore import config, layers

GOLDEN = np.load(Path(__file__).with_name("golden") / "images.npz")
CONFIGS = json.loads(GOLDEN["configs"].tobytes())
RANDOM = {
    "RandomBrightness": {"factor": 0.3},
    "RandomContrast": {"factor": 0.5},
    "RandomCrop": {"height": 5, "width": 4},
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.3, "width_factor": 0.2},
    "AugMix": {},
    "CutMix": {},
    "MixUp": {},
    "RandAugment": {"num_ops": 3},
    "RandomColorDegeneration": {"factor": 0.9},
    "RandomColorJitter": {"brightness_factor": 0.2, "contrast_factor": 0.2, "saturation_factor": 0.4, "hue_factor": 0.3},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.9},
    "RandomInvert": {"factor": 0.5},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 5},
    "RandomSaturation": {"factor": 0.9},
    "RandomSharpness": {"factor": 1.0},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "Solarization": {"addition_factor": 0.3, "threshold_factor": 0.5},
}


def images(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(dtype)


def close(found, expected):
    """Nearly all pixels agree: where a coordinate lies between two pixels, the last digit decides which is nearest."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    tolerance = 1.0 if found.dtype.kind == "u" else 1e-4 * max(1.0, np.abs(expected).max(initial=0))       # a half may be rounded up or down
    off = np.abs(found.astype("float64") - expected) > tolerance
    assert off.mean() <= 0.02, f"{off.mean():.1%} of the pixels differ"


@pytest.mark.parametrize("seed", SEEDS)
def test_recorded_pixels(seed):
    case = Case(seed)
    recorded = {key.split("|", 1)[1]: GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{seed}|")}
    layer = case.layer(dlcore)
    transformation = filled(case.transformation(dlcore, layer), recorded)
    close(case.apply(dlcore, layer, transformation), recorded["y"])
    expected = CONFIGS[str(seed)]
    assert {k: list(v) if isinstance(v, tuple) else v for k, v in layer.get_config().items() if k in expected} == expected


@pytest.mark.parametrize("name", RANDOM)
def test_random_numbers_follow_from_the_seed(name):
    x = images(6, 9, 8, 3)
    results = []
    for threads in (1, 2, 1):
        config.set_num_threads(threads)
        layer = getattr(layers, name)(**RANDOM[name], seed=3)
        results.append([layer(x, training=True).numpy() for _ in range(3)])
    config.set_num_threads(2)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])
    assert not np.array_equal(results[0][0], results[0][1]) or not np.array_equal(results[0][1], results[0][2])
    other = getattr(layers, name)(**RANDOM[name], seed=4)
    assert any(not np.array_equal(other(x, training=True).numpy(), y) for y in results[0])


def test_threads_do_not_change_large_batches():
    x = images(8, 90, 80, 3)
    results = []
    for threads in (1, 2):
        config.set_num_threads(threads)
        y = x
        for name in RANDOM:
            y = getattr(layers, name)(**RANDOM[name], seed=3)(y, training=True)
        results.append(y.numpy())
    config.set_num_threads(2)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("name", RANDOM)
def test_inference_changes_nothing(name):
    x = images(16, 9, 8, 3)
    layer = getattr(layers, name)(**RANDOM[name], seed=1)
    np.testing.assert_array_equal(layer(x, training=False), x)
    model = dlcore.Sequential([dlcore.Input((9, 8, 3)), layer])
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    assert not np.array_equal(layer(x).numpy(), x), "training is the default outside of a model, as in Keras"


def draw(layer, shape=(4000, 6, 8, 3)):
    return layer.get_random_transformation(np.zeros(shape, "float32"))


def spread(values, low, high):
    """Uniform on [low, high): the bounds, the mean and the deviation."""
    values = np.asarray(values, "float64").ravel()
    assert len(values) >= 1000 and values.min() >= low - 1e-6 and values.max() <= high + 1e-6
    sigma = (high - low) / 12**0.5
    assert abs(values.mean() - (low + high) / 2) < 5 * sigma / len(values) ** 0.5 + 1e-9
    assert abs(values.std() - sigma) < 0.05 * sigma + 1e-9


@pytest.mark.parametrize(("factor", "low", "high"), [(0.2, -72, 72), ((-0.1, 0.3), -36, 108), ([0.5, 0.25], 90, 180)])
def test_angles(factor, low, high):
    drawn = draw(layers.RandomRotation(factor, seed=1))
    spread(drawn["angle"], low, high)
    a = np.deg2rad(drawn["angle"])
    np.testing.assert_allclose(drawn["rotation_matrix"][:, :2], np.stack([np.cos(a), -np.sin(a)], 1), atol=1e-6)


def test_zooms_and_shifts():
    drawn = draw(layers.RandomZoom(0.3, (-0.5, 0.1), seed=1))
    spread(drawn["height_zoom"], 0.7, 1.3)
    spread(drawn["width_zoom"], 0.5, 1.1)
    assert abs(np.corrcoef(drawn["height_zoom"].ravel(), drawn["width_zoom"].ravel())[0, 1]) < 0.1
    drawn = draw(layers.RandomZoom(0.3, seed=1))
    np.testing.assert_array_equal(drawn["height_zoom"], drawn["width_zoom"])
    drawn = draw(layers.RandomTranslation(0.5, (0.0, 0.25), seed=1))["translations"]
    spread(drawn[:, 1], -3, 3)
    spread(drawn[:, 0], 0, 2)


def test_tones():
    spread(draw(layers.RandomContrast((0.2, 0.6), seed=1))["contrast_factor"], 0.8, 1.6)
    spread(draw(layers.RandomContrast(0.5, seed=1))["contrast_factor"], 1.0, 1.5)
    spread(draw(layers.RandomBrightness(0.2, seed=1))["rgb_delta"], -51, 51)
    spread(draw(layers.RandomBrightness((0.1, 0.5), (0, 1), seed=1))["rgb_delta"], 0.1, 0.5)


def test_flips_and_crops():
    flips = draw(layers.RandomFlip(seed=1))["flips"]
    assert flips.shape == (4000, 1, 1, 1) and abs(flips.mean() - 0.5) < 0.05
    layer = layers.RandomCrop(4, 5, seed=1)
    places = np.array([layer.get_random_transformation(np.zeros((1, 6, 8, 3))) for _ in range(1000)])
    assert set(map(tuple, places)) == {(a, b) for a in range(3) for b in range(4)}
    counts = np.unique(places, axis=0, return_counts=True)[1]
    assert counts.min() > 50


def test_every_image_of_a_batch_is_drawn_for_itself():
    x = np.repeat(images(1, 9, 8, 3), 16, 0)
    for name in RANDOM:
        if name in ("AugMix", "RandAugment", "MixUp", "CutMix", "RandomGaussianBlur", "RandomPosterization", "RandomGrayscale", "RandomInvert"):
            continue                            # all alike, or one of few
        y = getattr(layers, name)(**RANDOM[name], seed=5)(x, training=True).numpy()
        assert (name == "RandomCrop") == (len(np.unique(y, axis=0)) == 1), name


ALIKE = [n for n in (*MOVING, *TONES, *COLORS, "RandomShear", "RandomPerspective") if n in RANDOM]


@pytest.mark.parametrize("name", ALIKE)
def test_labels_and_masks(name):
    x, mask = images(3, 9, 8, 3), np.random.default_rng(0).integers(0, 4, (3, 9, 8, 1)).astype("uint8")
    y = layers.deserialize({"class_name": name, "config": {**RANDOM[name], "seed": 2}})({"images": x, "labels": np.arange(3), "segmentation_masks": mask})
    assert list(y) == ["images", "labels", "segmentation_masks"]
    assert y["labels"].tolist() == [0, 1, 2]
    alone = getattr(layers, name)(**RANDOM[name], seed=2)
    np.testing.assert_array_equal(y["images"], alone(x, training=True))
    found = np.asarray(y["segmentation_masks"])
    assert set(np.unique(found)) <= {0, 1, 2, 3}
    if name in (*TONES, *COLORS):
        np.testing.assert_array_equal(found, mask)
    else:
        alone = getattr(layers, name)(**{**RANDOM[name], **({"interpolation": "nearest"} if name not in ("RandomFlip", "RandomCrop") else {})}, seed=2)
        np.testing.assert_array_equal(found, alone(mask.astype("float32"), training=True))


def test_mixed_labels():
    x, labels = images(6, 8, 8, 3), np.eye(6, dtype="float32")
    for name in ("MixUp", "CutMix"):
        y = getattr(layers, name)(seed=2)({"images": x, "labels": labels, "segmentation_masks": np.arange(6.0)[:, None, None, None] * np.ones((6, 8, 8, 1))}, training=True)
        weights = y["labels"].numpy()
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
        assert ((weights >= 0) & (weights <= 1)).all() and (weights.diagonal() < 1).any()
        if name == "MixUp":
            np.testing.assert_allclose(y["images"].numpy(), np.tensordot(weights, x, 1), rtol=1e-4, atol=1e-2)
            np.testing.assert_allclose(np.asarray(y["segmentation_masks"])[:, 0, 0, 0], weights @ np.arange(6), rtol=1e-4, atol=1e-4)
        else:
            pasted = (np.asarray(y["segmentation_masks"])[..., 0] != np.arange(6)[:, None, None]).mean((1, 2))
            np.testing.assert_allclose(1 - weights.diagonal(), pasted, atol=0.3)


def test_color_jitter_is_its_four_layers():
    x = images(3, 6, 7, 3)
    layer = layers.RandomColorJitter(**RANDOM["RandomColorJitter"], seed=3)
    keys, y = dlcore.random.SeedGenerator(3), x
    for part, factor in (("Brightness", 0.2), ("Contrast", 0.2), ("Saturation", 0.4), ("Hue", 0.3)):
        one = getattr(layers, f"Random{part}")(factor)
        y = one.transform_images(dlcore.ops.convert_to_tensor(y), one.get_random_transformation(y, seed=keys))
    np.testing.assert_array_equal(layer(x, training=True), y)


def test_masks_are_bent_as_images_are():
    x = np.random.default_rng(0).integers(0, 2, (3, 20, 20, 1)).astype("float32")
    y = layers.RandomElasticTransform((1.0, 1.0), (1.0, 1.0), interpolation="nearest", seed=1)({"images": x, "segmentation_masks": x})
    np.testing.assert_array_equal(y["images"], y["segmentation_masks"])
    assert not np.array_equal(y["images"], x)


def test_masks_keep_their_classes_when_resized():
    mask = np.array([[0, 0, 7, 7]], "uint8").reshape(1, 1, 4, 1)
    y = layers.Resizing(2, 3)({"images": images(1, 1, 4, 3), "segmentation_masks": mask})
    assert set(np.unique(y["segmentation_masks"])) == {0, 7} and y["segmentation_masks"].shape == (1, 2, 3, 1)


def test_a_single_image_in_a_dict():
    y = layers.RandomFlip("horizontal", seed=0)({"images": images(4, 5, 3), "labels": 3, "segmentation_masks": np.zeros((4, 5, 1), "uint8")})
    assert y["images"].shape == (4, 5, 3) and y["segmentation_masks"].shape == (4, 5, 1) and int(y["labels"]) == 3


# --------------------------------------------------------------------------------------------------------------- boxes

def box_of(x):
    """The box around what is not zero, per image of a batch."""
    rows = [np.argwhere(one[..., 0] > 0.5) for one in np.asarray(x)]
    return np.array([[[r[:, 1].min(), r[:, 0].min(), r[:, 1].max() + 1, r[:, 0].max() + 1]] for r in rows], "float32")


def marked(n, height, width, left, top, right, bottom):
    x = np.zeros((n, height, width, 1), "float32")
    x[:, top:bottom, left:right] = 1
    return x, np.tile(np.array([[[left, top, right, bottom]]], "float32"), (n, 1, 1))


@pytest.mark.parametrize("make", [
    lambda **k: layers.RandomFlip(seed=1, **k), lambda **k: layers.RandomFlip("vertical", seed=1, **k),
    lambda **k: layers.RandomCrop(20, 24, seed=1, **k), lambda **k: layers.CenterCrop(20, 24, **k),
    lambda **k: layers.Resizing(64, 30, **k), lambda **k: layers.Resizing(30, 30, pad_to_aspect_ratio=True, **k),
    lambda **k: layers.Resizing(60, 40, crop_to_aspect_ratio=True, **k), lambda **k: layers.CenterCrop(64, 64, **k),
    lambda **k: layers.RandomTranslation(0.2, 0.2, "constant", seed=1, **k), lambda **k: layers.RandomZoom((-0.2, 0.4), fill_mode="constant", seed=1, **k),
    lambda **k: layers.RandomRotation((0.25, 0.25), "constant", **k), lambda **k: layers.RandomRotation((0.5, 0.5), "constant", **k),
])  # fmt: skip
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_boxes_follow_the_images(make, data_format):
    x, boxes = marked(4, 32, 40, 12, 10, 26, 22)
    layer = make(bounding_box_format="xyxy", data_format=data_format)
    x = x.transpose(0, 3, 1, 2) if data_format == "channels_first" else x
    y = layer({"images": x, "bounding_boxes": {"boxes": boxes, "labels": np.ones((4, 1), "int32")}}, training=True)
    seen = np.asarray(y["images"])
    seen = seen.transpose(0, 2, 3, 1) if data_format == "channels_first" else seen
    np.testing.assert_allclose(np.asarray(y["bounding_boxes"]["boxes"]), box_of(seen), atol=1.6)
    assert np.asarray(y["bounding_boxes"]["labels"]).tolist() == [[1]] * 4


@pytest.mark.parametrize("name", ["xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"])
def test_box_formats(name):
    from dlcore.utils.bounding_boxes.formats import from_corners, to_corners

    corners = np.array([[[2, 3, 7, 9], [0, 0, 4, 1]]], "float32")
    written = from_corners(corners, name, 10, 20)
    np.testing.assert_allclose(to_corners(written, name, 10, 20), corners, atol=1e-5)
    expected = {"yxyx": [3, 2, 9, 7], "xywh": [2, 3, 5, 6], "center_xywh": [4.5, 6, 5, 6], "center_yxhw": [6, 4.5, 6, 5], "rel_xywh": [0.1, 0.3, 0.25, 0.6]}
    if name in expected:
        np.testing.assert_allclose(written[0, 0], expected[name], atol=1e-6)


def test_a_box_that_leaves_the_image_loses_its_label():
    x, boxes = marked(1, 8, 8, 0, 0, 2, 2)
    y = layers.CenterCrop(2, 2, bounding_box_format="xyxy")({"images": x, "bounding_boxes": {"boxes": boxes, "labels": np.array([[3]])}})
    assert np.asarray(y["bounding_boxes"]["labels"]).tolist() == [[-1]]


def test_as_many_boxes_for_every_image():
    layer = layers.MaxNumBoundingBoxes(2)
    for count in (1, 2, 5):
        boxes = {"boxes": np.arange(count * 4.0).reshape(1, count, 4), "labels": np.arange(count)[None]}
        y = layer({"images": images(1, 3, 3, 1), "bounding_boxes": boxes})["bounding_boxes"]
        assert np.asarray(y["labels"]).tolist() == [[0, 1 if count > 1 else -1]]
        assert y["boxes"].shape == (1, 2, 4)


# --------------------------------------------------------------------------------------------------- dtypes and models

def test_whole_numbers():
    x = images(2, 6, 7, 3, dtype="uint8")
    for layer, dtype in [(layers.Resizing(4, 4), "uint8"), (layers.RandomBrightness(0.9, seed=1), "uint8"), (layers.CenterCrop(4, 4), "float32"),
                         *[(getattr(layers, n)(**RANDOM[n]), "float32") for n in ("RandomFlip", "RandomRotation", "RandomContrast")]]:  # fmt: skip
        y = layer(x)
        assert y.dtype == dtype, layer
        assert (np.asarray(y) >= 0).all() and (np.asarray(y) <= 255).all()
    exact = layers.RandomBrightness((0.5, 0.5))(x).numpy()
    np.testing.assert_array_equal(exact, np.minimum(x.astype(int) + 127, 255))


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3"])
@pytest.mark.parametrize("options", [{}, {"antialias": True}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True, "fill_value": 300.6}])
def test_bytes_are_resized_as_floats_and_rounded(channels, interpolation, options):
    x = np.random.default_rng(0).choice([0, 1, 127, 200, 255], (2, 9, 8, channels)).astype("uint8")
    for size in ((4, 11), (9, 3), (17, 8), (1, 1)):
        bytes_, floats = (dlcore.ops.image.resize(v, size, interpolation, **options).numpy() for v in (x, x.astype("float32")))
        assert bytes_.dtype == np.uint8
        assert np.abs(bytes_ - np.clip(floats, 0, 255)).max() <= 0.5 + 1e-4


@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_is_the_same_for_any_number_of_threads_and_images(channels):
    x = np.random.default_rng(0).normal(size=(40, 61, 53, channels)).astype("float32")
    for interpolation in ("bicubic", "bilinear"):
        several = []
        for threads in (1, 3, 2):
            config.set_num_threads(threads)
            several.append(dlcore.ops.image.resize(x, (47, 90), interpolation).numpy())
        assert (several[0] == several[1]).all() and (several[0] == several[2]).all()
        assert (dlcore.ops.image.resize(x[7], (47, 90), interpolation).numpy() == several[0][7]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", [{"antialias": True}, {"interpolation": "bicubic"}, {"interpolation": "lanczos3", "antialias": True}])
def test_an_image_is_resized_alone_as_among_others(options, dtype):
    """Rows of one channel that are left over go one by one, with the bits of eight."""
    rng = np.random.default_rng(0)
    for size, to in (((12, 12), (26, 4)), ((26, 21), (28, 10)), ((5, 40), (7, 3)), ((9, 30), (3, 61))):
        x = rng.normal(size=(3, *size, 1)).astype(dtype)
        together = dlcore.ops.image.resize(x, to, **options).numpy()
        for i in range(3):
            assert (dlcore.ops.image.resize(x[i], to, **options).numpy() == together[i]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("size", [(3, 1), (9, 30), (31, 7), (40, 41), (20, 5000)])
def test_one_channel_is_as_one_of_two(dtype, size):
    """Rows of one channel go eight at a time, if there are so many and they are not too long."""
    rng = np.random.default_rng(0)
    x, g = (rng.uniform(0, 255, (3, 13, 18, 1))).astype(dtype), rng.normal(size=(3, *size, 1))
    for options in ({}, {"antialias": True}, {"interpolation": "lanczos3", "antialias": True}):
        found = []
        for v in (x, np.concatenate([x, x], -1)):
            v = dlcore.ops.convert_to_tensor(v)
            with dlcore.GradientTape() as tape:
                if dtype != "uint8":
                    tape.watch(v)
                y = dlcore.ops.image.resize(v, size, **options)
                total = None if dtype == "uint8" else dlcore.ops.sum(y * g.astype(dtype)) + dlcore.ops.sum(v * v)
            found.append([y.numpy()[..., :1].astype("float64")] + ([] if total is None else [tape.gradient(total, v).numpy()[..., :1]]))
        for one, two in zip(*found, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1 if dtype == "uint8" else 1e-3 if dtype == "float32" else 1e-10)


def test_images_in_a_model_train():
    x, y = images(32, 8, 8, 3) / 255, np.arange(32) % 2
    model = dlcore.Sequential([layers.RandomFlip(seed=1), layers.RandomRotation(0.1, seed=2), layers.RandomZoom(0.1, seed=3), layers.RandomContrast(0.1, (0, 1), seed=4),
                               layers.Resizing(6, 6), layers.Flatten(), layers.Dense(2, activation="softmax")])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert len(model.weights) == 2
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
    dlcore.models.clone_model(model)


@pytest.mark.parametrize("name", RANDOM)
def test_weights_in_front_of_images_train_or_it_is_an_error(name):
    x = images(4, 9, 8, 3)
    layer = getattr(layers, name)(**RANDOM[name], seed=1)
    model = dlcore.Sequential([dlcore.Input((9, 8, 3)), layers.Dense(3, kernel_initializer="identity"), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    if name in ("RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomShear", "RandomPerspective", "RandomCrop", "RandomBrightness", "RandomContrast"):
        model.fit(x, np.ones((4, 1)), verbose=0)
        assert (model.get_weights()[0] != before).any()
    else:
        with pytest.raises(ValueError, match=f"{name} works in NumPy and passes no gradient on.*received images.*stop_gradient"):
            model.fit(x, np.ones((4, 1)), verbose=0)
    dlcore.Sequential([layer, model.layers[0]])(x, training=True)      # in front nothing is missing
    with dlcore.GradientTape():
        layer(dlcore.ops.stop_gradient(dlcore.Variable(x)), training=True)


def test_a_dict_in_a_functional_model():
    inputs = {"images": dlcore.Input((8, 8, 3)), "segmentation_masks": dlcore.Input((8, 8, 1), dtype="uint8")}
    outputs = layers.RandomCrop(4, 5)(inputs)
    assert outputs["images"].shape == (None, 4, 5, 3) and outputs["segmentation_masks"].shape == (None, 4, 5, 1)


def test_unknown_sizes():
    x = dlcore.Input((None, None, 3))
    assert layers.Resizing(4, 5)(x).shape == (None, 4, 5, 3)
    assert layers.RandomRotation(0.1)(x).shape == (None, None, None, 3)
    model = dlcore.Model(x, layers.Resizing(4, 5)(x))
    for size in (3, 9):
        assert model(images(2, size, size, 3)).shape == (2, 4, 5, 3)


def test_empty_batches():
    for name in [*NAMES, *RANDOM]:
        layer = getattr(layers, name)(**RANDOM.get(name, {"height": 5, "width": 4} if name in FIXED else {}))
        assert layer(np.zeros((0, 9, 8, 3), "float32"), training=True).shape[0] == 0, name


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_wild_transformations_do_not_crash(bad):
    x = images(1, 5, 6, 3)
    for fill in ("reflect", "wrap", "constant", "nearest", "mirror"):
        for way in ("bilinear", "nearest"):
            assert dlcore.ops.image.affine_transform(x, [bad, 0, bad, 0, 1, bad, 0, bad], way, fill).shape == x.shape


# -------------------------------------------------------------------------------------------------------------- errors

@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: layers.RandomRotation(1.5), ValueError, r"`factor` argument .* in the range \[-1, 1\]. Received: factor=1.5"),
    (lambda: layers.RandomRotation("0.1"), ValueError, "Received: factor='0.1'"),
    (lambda: layers.RandomRotation((0.1, 0.2, 0.3)), ValueError, "a list of two numbers"),
    (lambda: layers.RandomRotation(0.1, fill_mode="mirror"), NotImplementedError, "fill_mode must be one of .*'mirror'"),
    (lambda: layers.RandomZoom(0.1, interpolation="bicubic"), NotImplementedError, "interpolation must be one of"),
    (lambda: layers.RandomZoom(-1.0), ValueError, r"`height_factor` .* in the range \(-1.0, 1.0\]"),
    (lambda: layers.RandomZoom(0.1, (0.1, 2)), ValueError, "`width_factor`"),
    (lambda: layers.RandomTranslation(0.1, 1.1), ValueError, r"`width_factor` .* in the range \[-1.0, 1.0\]"),
    (lambda: layers.RandomContrast(1.2), ValueError, "`factor`"),
    (lambda: layers.RandomBrightness(0.1, value_range=3), ValueError, "`value_range` argument should be a list of two numbers"),
    (lambda: layers.RandomGrayscale(2), ValueError, "`factor` should be between 0 and 1"),
    (lambda: layers.RandomPosterization(9), ValueError, r"in the range \[1, 8\]"),
    (lambda: layers.Solarization(1.5), ValueError, "addition_factor=1.5"),
    (lambda: layers.Equalization(bins=0), ValueError, "bins must be a positive whole number"),
    (lambda: layers.RandomGaussianBlur(kernel_size=4), ValueError, "kernel_size must be an odd number"),
    (lambda: layers.RandomErasing(fill_value=(1, 2)), ValueError, "`fill_value` argument should be a number"),
    (lambda: layers.RandomShear(1.5), ValueError, "`x_factor`"),
    (lambda: layers.RandomPerspective(scale=2), ValueError, "`scale` argument"),
    (lambda: layers.RandomElasticTransform(fill_mode="edge"), NotImplementedError, "fill_mode must be one of"),
    (lambda: layers.MixUp(alpha=0), ValueError, "alpha must be a positive number. Received: alpha=0"),
    (lambda: layers.MixUp()({"images": np.zeros((1, 2, 2, 1)), "bounding_boxes": {"boxes": np.zeros((1, 1, 4))}}), ValueError, "MixUp does not transform bounding boxes"),
    (lambda: layers.RandomGrayscale()(np.zeros((2, 3, 3, 2)), training=True), ValueError, "Invalid channel size"),
    (lambda: layers.RandomFlip("sideways"), ValueError, "mode must be one of"),
    (lambda: layers.RandomFlip(factor=0.1), ValueError, "does not take a `factor` argument"),
    (lambda: layers.RandomFlip(seed="a"), ValueError, "seed"),
    (lambda: layers.RandomFlip(bounding_box_format="corners"), ValueError, "bounding_box_format must be one of"),
    (lambda: layers.RandomFlip(data_format="last"), ValueError, "data_format"),
    (lambda: layers.Resizing(0, 3), ValueError, "height must be a positive whole number. Received: height=0"),
    (lambda: layers.Resizing(4, 3, interpolation="area"), ValueError, "interpolation must be one of"),
    (lambda: layers.Resizing(4, 3, fill_mode="reflect"), ValueError, "fill_mode must be one of"),
    (lambda: layers.Resizing(4, 3, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "only one of"),
    (lambda: layers.RandomFlip()(np.zeros((3, 3))), ValueError, "rank 3"),
    (lambda: layers.RandomFlip()({"labels": np.zeros(3)}), ValueError, "needs the key 'images'"),
    (lambda: layers.RandomRotation((0.0, np.nan)), ValueError, r"`factor` argument should be .*Received: factor=\(0.0, nan\)"),
    (lambda: layers.RandomBrightness((0.0, np.inf)), ValueError, r"`factor` argument should be .*Received: factor=\(0.0, inf\)"),
    (lambda: layers.RandomErasing(scale=(np.nan, 0.5)), ValueError, r"`scale` argument should be .*Received: scale=\(nan, 0.5\)"),
    (lambda: layers.RandomZoom(np.nan), ValueError, "`height_factor` argument should be .*Received: height_factor=nan"),
    (lambda: layers.RandomTranslation(0.1, (0.0, np.nan)), ValueError, "`width_factor` argument should be .*nan"),
    (lambda: layers.MixUp(np.nan), ValueError, "alpha must be a positive number. Received: alpha=nan"),
    (lambda: layers.MixUp(np.inf), ValueError, "alpha must be a positive number. Received: alpha=inf"),
    (lambda: layers.RandomBrightness(0.1)(np.ones((1, 2, 2, 1), bool), training=True), ValueError, "expected images of numbers. Received: shape .* bool"),
    (lambda: layers.RandomFlip()({"images": np.zeros((1, 2, 2, 1)), "bounding_boxes": {"boxes": np.zeros((1, 1, 4)), "labels": np.zeros((1, 1))}}), ValueError, "bounding_box_format"),
    (lambda: layers.Resizing(2, 2)(np.zeros((1, 0, 2, 1))), ValueError, "at least one pixel"),
    (lambda: layers.RandomRotation(0.1)(np.zeros((1, 0, 2, 1), "float32")), ValueError, None),
])  # fmt: skip
def test_errors(make, error, message):
    if message is None:
        make()
        return
    with pytest.raises(error, match=message):
        make()


# ------------------------------------------------------------------------------------------------------------- ops.image

def test_lanczos():
    recorded = np.load(Path(__file__).with_name("golden") / "images_lanczos.npz")
    for key, x, size, kind, antialias in lanczos_calls():
        np.testing.assert_allclose(dlcore.ops.image.resize(x, size, kind, antialias), recorded[key], atol=2e-6, err_msg=key)


def test_ops_in_a_functional_model():
    from dlcore.ops import image

    inputs = dlcore.Input((8, 9, 3))
    outputs = image.rgb_to_hsv(image.affine_transform(image.resize(inputs, (5, 6)), [1, 0, 1, 0, 1, 0, 0, 0]))
    outputs = image.sobel_edges(image.pad_images(image.crop_images(outputs, 1, 1, 1, 1), 2, 2, 2, 2))
    assert outputs.shape == (None, 7, 8, 3, 2)
    model = dlcore.Model(inputs, outputs)
    x = images(2, 8, 9, 3)
    y = image.rgb_to_hsv(image.affine_transform(image.resize(x, (5, 6)), [1, 0, 1, 0, 1, 0, 0, 0]))
    np.testing.assert_array_equal(model(x), image.sobel_edges(image.pad_images(image.crop_images(y, 1, 1, 1, 1), 2, 2, 2, 2)))


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(("call", "shape"), [
    (lambda i, x: i.crop_images(x, 1, 2, 3, 0), (None, None, None, 3)),
    (lambda i, x: i.crop_images(x, 1, 2, target_height=4, target_width=5), (None, 4, 5, 3)),
    (lambda i, x: i.pad_images(x, 1, 2, 3, 0), (None, None, None, 3)),
    (lambda i, x: i.pad_images(x, 1, 2, target_height=14, target_width=15), (None, 14, 15, 3)),
    (lambda i, x: i.extract_patches(x, 2, padding="same"), (None, None, None, 12)),
    (lambda i, x: i.gaussian_blur(x), (None, None, None, 3)),
    (lambda i, x: i.sobel_edges(x), (None, None, None, 3, 2)),
    (lambda i, x: i.elastic_transform(x, seed=1), (None, None, None, 3)),
])  # fmt: skip
def test_symbolic_images(call, shape, known):
    x = images(2, 8, 9, 3)
    inputs = dlcore.Input((8, 9, 3) if known else (None, None, 3))
    outputs = call(dlcore.ops.image, inputs)
    expected = call(dlcore.ops.image, x)
    assert outputs.shape == ((None, *expected.shape[1:]) if known else shape)
    np.testing.assert_array_equal(dlcore.Model(inputs, outputs)(x), expected)


def test_structural_similarity():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2, 9, 13, 3))
    y = np.clip(x + rng.normal(0, 40, x.shape), 0, 255).round()
    bell = np.exp(-((np.arange(5) - 2) ** 2) / (2 * 1.5**2))
    weights = np.outer(bell, bell) / bell.sum() ** 2
    expected = []
    for a, b in zip(x.astype(float), y, strict=True):
        a, b = (np.lib.stride_tricks.sliding_window_view(v, (5, 5), (0, 1)) for v in (a, b))
        mean_a, mean_b, aa, bb, ab = ((weights * v).sum((-2, -1)) for v in (a, b, a * a, b * b, a * b))
        c1, c2 = 2.55**2, 7.65**2
        top = (2 * mean_a * mean_b + c1) * (2 * (ab - mean_a * mean_b) + c2)
        expected.append((top / ((mean_a**2 + mean_b**2 + c1) * (aa - mean_a**2 + bb - mean_b**2 + c2))).mean())
    for dtype in ("float64", "float32", "uint8"):
        ssim = dlcore.ops.image.ssim(x.astype(dtype), y.astype(dtype), 255, filter_size=5)
        assert ssim.dtype == ("float64" if dtype == "float64" else "float32")
        np.testing.assert_allclose(ssim, expected, rtol=1e-5)
    first = dlcore.ops.image.ssim(np.moveaxis(x[0], 2, 0).astype("float64"), np.moveaxis(y[0], 2, 0), 255, filter_size=5, data_format="channels_first")
    assert first.shape == ()
    np.testing.assert_allclose(first, expected[0])
    assert dlcore.ops.image.ssim(dlcore.Input((16, 16, 3)), dlcore.Input((16, 16, 3))).shape == (None,)


def test_gradients_reach_the_images_only():
    x, matrix = dlcore.Variable(images(1, 4, 4, 1)), dlcore.Variable(np.array([[1, 0, 0.5, 0, 1, 0, 0, 0]], "float32"))
    with dlcore.GradientTape() as tape:
        y = dlcore.ops.image.affine_transform(x, dlcore.ops.stop_gradient(matrix))
    np.testing.assert_allclose(np.asarray(tape.gradient(y, x))[0, :, :, 0], np.tile([0.5, 1, 1, 1], (4, 1)))
    with dlcore.GradientTape() as tape:
        y = dlcore.ops.image.affine_transform(x, matrix)
    with pytest.raises(ValueError, match="no gradient by the map"):
        tape.gradient(y, matrix)


@pytest.mark.parametrize(("call", "message"), [
    (lambda i, x: i.resize(x, (4,)), "`size` must be a tuple of two"),
    (lambda i, x: i.resize(x, (4, 0)), "`size` must be a tuple of two"),
    (lambda i, x: i.resize(x, (4, 4), interpolation="area"), "`interpolation`"),
    (lambda i, x: i.resize(x[0, 0], (4, 4)), "Invalid images rank"),
    (lambda i, x: i.affine_transform(x, np.zeros((3, 8))), r"expected matrices \(n or 1, 8\)"),
    (lambda i, x: i.affine_transform(x, np.zeros(6)), r"expected matrices \(n or 1, 8\)"),
    (lambda i, x: i.affine_transform(x, np.zeros((1, 1, 8))), "Invalid transform rank"),
    (lambda i, x: i.affine_transform(x, np.zeros(8), fill_mode="edge"), "`fill_mode`"),
    (lambda i, x: i.affine_transform(np.zeros((1, 0, 3, 1), "float32")[:, :, :0], np.zeros(8), fill_mode="wrap"), None),
    (lambda i, x: i.perspective_transform(x, np.zeros((4, 2)), np.zeros((3, 2))), "Invalid end_points shape"),
    (lambda i, x: i.perspective_transform(x, np.zeros((4, 2)), np.zeros((4, 2))), "lie on one line"),
    (lambda i, x: i.crop_images(x, 1, 1), "exactly two of top_cropping"),
    (lambda i, x: i.crop_images(x, 3, 0, 3, 0), "target_height must be >= 0"),
    (lambda i, x: i.crop_images(x, 2, 0, target_height=9, right_cropping=0), "do not lie in images of 4 x 5"),
    (lambda i, x: i.pad_images(x, 1, 1, target_height=3, right_padding=1), "bottom_padding must be >= 0"),
    (lambda i, x: i.pad_images(x, 2**63 - 1, 2, 2**63 - 1, 2), "pad_width must be .* from 0 to 2 .. 46"),
    (lambda i, x: i.pad_images(x, 2**64, 2, 0, 2), "pad_width must be .* from 0 to 2 .. 46"),
    (lambda i, x: i.extract_patches(x, 2, strides=1.5), "Invalid `strides` argument. .* Received: strides=1.5"),
    (lambda i, x: i.extract_patches(x, 2, dilation_rate="a"), "Invalid `dilation_rate` argument. .* Received: dilation_rate=a"),
    (lambda i, x: i.scale_and_translate(x, (2, 4, 5, 3), [0.0, 1.0], [0.0, 0.0], (1, 2), "linear"), r"scale must be positive numbers.*scale=\[0.0, 1.0\]"),
    (lambda i, x: i.scale_and_translate(x, (2, 4, 5, 3), [np.nan, 1.0], [0.0, 0.0], (1, 2), "linear"), "scale must be positive numbers"),
    (lambda i, x: i.scale_and_translate(x, (2, 4, 5, 3), [1.0, 1.0], [0.0, np.inf], (1, 2), "linear"), r"finite ones in `translation`.*inf"),
    (lambda i, x: i.scale_and_translate(x, (2, -4, 5, 3), [1.0, 1.0], [0.0, 0.0], (1, 2), "linear"), r"output_shape=\(2, -4, 5, 3\)"),
    (lambda i, x: i.extract_patches(x, 7), "do not fit"),
    (lambda i, x: i.extract_patches(x, 2, padding="full"), "`padding`"),
    (lambda i, x: i.map_coordinates(x, [[0.0]], 1), "First dim of `coordinates`"),
    (lambda i, x: i.rgb_to_hsv(x.astype("uint8")), "expected float dtype"),
    (lambda i, x: i.rgb_to_grayscale(x[..., :2]), "Invalid channel size"),
    (lambda i, x: i.gaussian_blur(x, (2, 2)), "two odd numbers"),
    (lambda i, x: i.ssim(x, x[:1]), r"must have the same shape. Received: image1.shape=\(2, 4, 5, 3\), image2.shape=\(1, 4, 5, 3\)"),
    (lambda i, x: i.ssim(x, x), "at least filter_size=11 pixels high and wide"),
    (lambda i, x: i.ssim(x, x, filter_size=2), "filter_size must be an odd number"),
    (lambda i, x: i.ssim(x[0, 0], x), "Invalid image1 rank"),
    (lambda i, x: i.scale_and_translate(x, (2, 2), [1.0], [0.0], [1], "linear"), "expected 4 numbers in `output_shape`"),
])  # fmt: skip
def test_errors_of_ops(call, message):
    if message is None:
        call(dlcore.ops.image, images(2, 4, 5, 3))
        return
    with pytest.raises(ValueError, match=message):
        call(dlcore.ops.image, images(2, 4, 5, 3))
    with pytest.raises(TypeError, match="`size`"):
        dlcore.ops.image.extract_patches(images(2, 4, 5, 3), (1, 2, 3, 4))
    with pytest.raises(NotImplementedError, match="order"):
        dlcore.ops.image.map_coordinates([1.0], [[0.0]], 2)
