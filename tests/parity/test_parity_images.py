"""Layers that prepare and augment images, and dlcore.ops.image, beside Keras itself."""

import copy
import inspect

import keras
import numpy as np
import pytest
from golden.record_images import NAMES, POLICIES, Case, as_arrays

import dlcore


def close(found, expected, tolerance=1e-4):
    """Nearly all pixels agree: where a coordinate lies between two pixels, the last digit decides which is nearest."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    whole = found.dtype.kind == "u"
    found, expected = found.astype("float64"), expected.astype("float64")
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    off = np.abs(found - expected) > max(tolerance * scale, 1.0 if whole else 0.0)      # a half may be rounded up or down
    assert off.mean() <= 0.02, f"{off.mean():.1%} of the pixels differ, by up to {np.abs(found - expected).max():.3g}"


@pytest.mark.parametrize("name", [*NAMES, *POLICIES, "RandomColorJitter", "RandomElasticTransform"])
def test_signature(name):
    assert str(inspect.signature(getattr(dlcore.layers, name))) == str(inspect.signature(getattr(keras.layers, name)))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("seed", "dtype"), [(seed, ("float32", "float64")[seed // len(NAMES) % 2]) for seed in range(1000, 1000 + 24 * len(NAMES))], indirect=["dtype"])
def test_given_transformation(seed, dtype):
    case = Case(seed, dtype=dtype)
    theirs, ours = case.layer(keras), case.layer(dlcore)
    transformation = case.transformation(keras, theirs)
    found = case.apply(dlcore, ours, as_arrays(transformation))
    close(found, case.apply(keras, theirs, transformation))
    assert tuple(ours.compute_output_shape(case.x.shape)) == tuple(theirs.compute_output_shape(case.x.shape)) == found.shape
    own = case.transformation(dlcore, ours)
    assert [np.shape(v) for v in keras.tree.flatten(own)] == [np.shape(v) for v in keras.tree.flatten(as_arrays(transformation))]
    for training in (True, False):
        y, expected = ours(case.x, training=training), theirs(case.x, training=training)
        assert (tuple(y.shape), y.dtype) == (tuple(expected.shape), keras.backend.standardize_dtype(expected.dtype))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3000, 3000 + 6 * len(NAMES)))
def test_configuration(seed):
    case = Case(seed)
    theirs, ours = case.layer(keras), case.layer(dlcore)
    left_out = ("name", "seed", "dtype")
    expected, found = ({k: v for k, v in layer.get_config().items() if k not in left_out} for layer in (theirs, ours))
    assert found == {k: v if not isinstance(v, tuple) else type(found[k])(v) for k, v in expected.items()}
    again = dlcore.layers.deserialize(keras.layers.serialize(theirs))
    assert {k: v for k, v in again.get_config().items() if k not in left_out} == found
    if case.name == "RandomShear":
        return                                  # Keras cannot read its own configuration
    assert keras.layers.deserialize(dlcore.layers.serialize(ours)).get_config()["data_format"] == case.data_format


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(5000, 5060))
def test_policies(seed):
    case = Case(seed, POLICIES)
    theirs, ours = case.layer(keras), case.layer(dlcore)
    drawn = case.transformation(keras, theirs)
    if case.data_format == "channels_first" and "auto_contrast" in str(drawn["chain_transforms"] if case.name == "AugMix" else ""):
        pytest.skip("Keras takes the wrong axes there")
    found = case.apply(dlcore, ours, as_arrays(drawn))
    if case.name == "AugMix":
        close(found, case.apply(keras, theirs, drawn))
        return
    # Keras runs all layers and keeps what was chosen; but its RandomBrightness and RandomRotation write into their inputs.
    x = keras.ops.cast(case.x, "float32")
    for i in drawn["layer_idxes"]:
        name = list(drawn["transforms"])[int(i)]
        if name == "auto_contrast" and case.data_format == "channels_first":
            pytest.skip("Keras takes the wrong axes there")
        given = copy.deepcopy(drawn["transforms"][name])
        x = getattr(theirs, name).transform_images(keras.ops.copy(x), given)
    close(found, np.asarray(x))


# ------------------------------------------------------------------------------------------------------------- ops.image

FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")


def image_calls(rng):
    """(name, arguments by place, arguments by name) of calls of functions of ops.image."""
    first = bool(rng.random() < 0.3)
    n, height, width = int(rng.integers(1, 4)), int(rng.integers(4, 9)), int(rng.integers(4, 9))
    x = rng.uniform(0, 1, (n, height, width, 3)).astype("float32")
    x = np.ascontiguousarray(x.transpose(0, 3, 1, 2)) if first else x
    x = x[0] if rng.random() < 0.3 else x
    single = x.ndim == 3
    form = {"data_format": "channels_first" if first else "channels_last"}
    way = {"interpolation": ("nearest", "bilinear")[rng.integers(2)]}
    matrix = (np.array([1, 0, 0, 0, 1, 0, 0, 0]) + rng.normal(size=(n, 8)) * [0.4, 0.4, 2, 0.4, 0.4, 2, 0, 0]).astype("float32")
    corners = np.array([[0, 0], [width - 1, 0], [0, height - 1], [width - 1, height - 1]], "float32")
    ends = (corners + rng.uniform(-1, 1, (n, 4, 2))).astype("float32")
    starts = np.repeat(corners[None], n, 0)
    places = [rng.uniform(-4, 12, (5, 6)).astype("float32") for _ in range(3)]
    yield "resize", (x, (5, 7)), {**form, "interpolation": ("nearest", "bilinear", "bicubic")[rng.integers(3)], "antialias": bool(rng.random() < 0.5)}
    yield "affine_transform", (x, matrix[0] if single else matrix), {**form, **way, "fill_mode": FILLS[rng.integers(5)], "fill_value": 0.5}
    yield "perspective_transform", (x, starts[0] if single else starts, ends[0] if single else ends), {**form, **way, "fill_value": 0.5}
    yield "crop_images", (x, 1, 2), {**form, "target_height": 2, "right_cropping": 1}
    yield "pad_images", (x, 1), {**form, "right_padding": 3, "bottom_padding": 2, "target_width": width + 4}
    yield "extract_patches", (x, (2, 3)), {**form, "strides": (None, 1, 2)[rng.integers(3)], "padding": ("valid", "same")[rng.integers(2)]}
    yield "extract_patches", (x, 2), {**form, "strides": 1, "dilation_rate": 2, "padding": ("valid", "same")[rng.integers(2)]}
    yield "rgb_to_grayscale", (x,), form
    yield "rgb_to_hsv", (x,), form
    yield "hsv_to_rgb", (x,), form
    size = int(rng.integers(3)) * 2 + 1
    yield "gaussian_blur", (x, (size, size), (0.8, 1.3)), form
    for axes in (1, 2, 3):
        source = x[0] if x.ndim == 4 else x
        source = source if axes == 3 else source[0] if axes == 2 else source[0, 0]
        yield "map_coordinates", (source, np.stack(places[:axes]), int(rng.integers(2))), {"fill_mode": FILLS[rng.integers(5)], "fill_value": 0.5}
    whole = (x * 255).astype("int32")
    yield "map_coordinates", (whole[..., 0] if x.ndim == 3 else whole[0, ..., 0], np.stack(places[:2]), 1), {"fill_mode": FILLS[rng.integers(5)], "fill_value": 3}
    if not single:
        yield "sobel_edges", (x,), form
        yield "ssim", (x, np.clip(x + rng.normal(0, 0.2, x.shape), 0, 1).astype(x.dtype), 1.0, 3), form
        method = ("linear", "cubic", "lanczos3", "lanczos5")[rng.integers(4)]
        shape = (n, 5, 7, 3) if not first else (n, 3, 5, 7)
        scale, shift = rng.uniform(0.4, 2, 2).astype("float32"), rng.uniform(-2, 2, 2).astype("float32")
        yield "scale_and_translate", (x, shape, scale, shift, (2, 3) if first else (1, 2), method), {"antialias": bool(rng.random() < 0.5)}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(40))
def test_ops(seed):
    for name, args, kwargs in image_calls(np.random.default_rng(seed)):
        found = np.asarray(getattr(dlcore.ops.image, name)(*args, **kwargs))            # before Keras writes into its arguments
        given = [keras.ops.convert_to_tensor(np.array(a)) if isinstance(a, np.ndarray) else a for a in args]
        expected = np.asarray(getattr(keras.ops.image, name)(*given, **kwargs))
        close(found, expected)


@pytest.mark.parametrize("name", dlcore.ops.image.__all__)
def test_signature_of_op(name):
    assert str(inspect.signature(getattr(dlcore.ops.image, name))) == str(inspect.signature(getattr(keras.ops.image, name)))
