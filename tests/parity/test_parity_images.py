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
