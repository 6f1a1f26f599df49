"""dlcore.utils.bounding_boxes: Keras' numbers, gradients, refusals."""

import itertools
import pathlib

import numpy as np
import pytest
from golden.record_bounding_boxes import FORMATS, SEEDS, Case, flat

import dlcore
from dlcore import ops
from dlcore.testing import check_gradient
from dlcore.utils import bounding_boxes
from dlcore.utils.bounding_boxes import deltas, moves, overlap

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "bounding_boxes.npz")
BOXES = np.array([[1.0, 2.0, 3.0, 4.0], [0.0, 2.0, 8.0, 5.0]], "float32")


def boxes(*shape, seed=0):
    """Boxes (left, top, right, bottom) in an image of 20 by 20, with sizes that are not 0."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 9, (*shape, 2))
    return np.concatenate([corner, corner + rng.uniform(1, 9, (*shape, 2))], -1)


@pytest.mark.parametrize("seed", SEEDS)
def test_keras_numbers(seed):
    case = Case(seed)
    found = flat(case.run(dlcore))
    assert [f"{seed}{name}" for name in found] == [key for key in GOLDEN.files if key.split("/")[0] == str(seed)]
    for name, value in found.items():
        expected, value = GOLDEN[f"{seed}{name}"], np.asarray(value)
        assert value.shape == expected.shape and value.dtype == expected.dtype
        tolerance = 1e-12 if value.dtype == "float64" and case.name != "affine_transform" else 2e-6
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=1))


# ------------------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize(("source", "target"), [*itertools.permutations(FORMATS, 2)])
def test_gradient_of_formats(source, target):
    check_gradient(lambda x: bounding_boxes.convert_format(x, source, target, 13, 17, "float64"), [boxes(2, 3)])


@pytest.mark.parametrize(("one", "two"), [((3,), (5,)), ((2, 3), (4,)), ((3,), (2, 1)), ((2, 3), (2, 4))])
def test_gradient_of_overlap(one, two):
    check_gradient(overlap.pairs_iou, [boxes(*one), boxes(*two, seed=1)])
    check_gradient(overlap.complete_iou, [boxes(*one[:-1], 3), boxes(*two[:-1], 3, seed=1)])


def test_gradient_of_deltas():
    centers = [bounding_boxes.convert_format(boxes(*shape, seed=3), "xyxy", "center_xywh", dtype="float64").numpy() for shape in [(4,), (2, 4)]]
    check_gradient(deltas.to_deltas, centers)
    check_gradient(deltas.from_deltas, [centers[0], np.random.default_rng(0).normal(size=(2, 4, 4))])


def test_gradient_of_moves():
    rng = np.random.default_rng(0)
    check_gradient(lambda x: bounding_boxes.crop(x, 2, 3, 7, 8), [boxes(2, 3)])
    check_gradient(lambda x: bounding_boxes.pad(x, 2, 3), [boxes(2, 3)])
    check_gradient(lambda x: moves.clip(x, 5.0, 6.0)[0], [boxes(2, 3)])
    check_gradient(lambda x, *numbers: bounding_boxes.affine_transform(x, *numbers, 20, 20), [boxes(2, 3), *rng.uniform(0.2, 1, (6, 2))])


# ------------------------------------------------------------------------------------------------------------ properties


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back(name):
    there = bounding_boxes.convert_format(BOXES, "xyxy", name.upper(), 10, 20)
    np.testing.assert_allclose(bounding_boxes.convert_format(there, name, "XYXY", 10, 20).numpy(), BOXES, rtol=1e-6)
    back = {"anchor_format": "xyxy", "image_shape": (10, 20, 3), "variance": (0.1, 0.1, 0.2, 0.2)}
    differences = bounding_boxes.encode_box_to_deltas(BOXES[::-1], there, box_format=name, **back)
    np.testing.assert_allclose(bounding_boxes.decode_deltas_to_boxes(BOXES[::-1], differences, box_format=name, **back).numpy(), there.numpy(), rtol=2e-6, atol=2e-6)


def test_dicts_are_left_as_they_are():
    given = {"boxes": BOXES, "labels": [1, 2], "more": "kept"}
    found = bounding_boxes.convert_format(given, "xyxy", "yxyx")
    assert given["boxes"] is BOXES and found["labels"] == [1, 2] and found["more"] == "kept"
    np.testing.assert_array_equal(found["boxes"].numpy(), BOXES[:, [1, 0, 3, 2]])
    found = bounding_boxes.clip_to_image_size(given, 3, 0)
    assert given["boxes"] is BOXES and found["labels"].numpy().tolist() == [-1, -1] and found["more"] == "kept"


def test_sizes_of_each_image():
    size = np.array([10, 20]).reshape(2, 1, 1)
    both = bounding_boxes.convert_format(np.stack([BOXES, BOXES]), "xyxy", "rel_xywh", size, 2 * size).numpy()
    for i in range(2):
        np.testing.assert_array_equal(both[i], bounding_boxes.convert_format(BOXES, "xyxy", "rel_xywh", (10, 20)[i], (20, 40)[i]).numpy())
    with pytest.raises(ValueError, match=r"`height` must be .* \(batch, 1, 1\). Received: height of shape \(2,\)"):
        bounding_boxes.convert_format(BOXES, "xyxy", "rel_xywh", [10, 20], 10)


def test_masked_boxes_of_different_ranks():
    some = np.stack([BOXES, BOXES - 100])
    for one, two in ((some, BOXES), (BOXES, some)):
        found = bounding_boxes.compute_iou(one, two, "xyxy", use_masking=True, mask_val=-3).numpy()
        np.testing.assert_array_equal(found[0], bounding_boxes.compute_iou(BOXES, BOXES, "xyxy").numpy())
        assert (found[1] == -3).all()


def test_ciou_of_relative_boxes():
    relative = bounding_boxes.convert_format(BOXES, "xyxy", "rel_yxyx", 10, 20)
    found = bounding_boxes.compute_ciou(relative, relative[::-1], "rel_yxyx", image_shape=(10, 20, 3))
    np.testing.assert_allclose(found.numpy(), bounding_boxes.compute_ciou(BOXES, BOXES[::-1], "xyxy").numpy(), rtol=1e-5)


def test_affine_takes_numbers():
    numbers = (30.0, 0.1, -0.2, 1.5, 10.0, 5.0)
    expected = bounding_boxes.affine_transform(BOXES[None], *[np.array([n], "float32") for n in numbers], 10, 20).numpy()
    np.testing.assert_allclose(bounding_boxes.affine_transform(BOXES, *numbers, 10, 20).numpy(), expected[0], rtol=1e-5, atol=1e-5)


def test_scalars_of_numpy_do_not_change_the_dtype():
    for one in (1, np.float64(1), np.int64(1)):
        assert bounding_boxes.crop(BOXES, one, one, one, one).dtype == bounding_boxes.pad(BOXES, one, one).dtype == "float32"
        assert bounding_boxes.affine_transform(BOXES, *[one] * 6, 10 * one, 10 * one).dtype == "float32"


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_no_boxes(shape):
    none = np.zeros((*shape, 4), "float32")
    numbers = [np.zeros(shape[0], "float32") if len(shape) == 2 else 0.0] * 6
    for result in (
        bounding_boxes.convert_format(none, "xyxy", "rel_center_xywh", 3, 4),
        bounding_boxes.clip_to_image_size({"boxes": none, "labels": np.zeros(shape)}, 3, 4)["boxes"],
        bounding_boxes.crop(none, 1, 1, 2, 2),
        bounding_boxes.pad(none, 1, 1),
        bounding_boxes.affine_transform(none, *numbers, 3, 4),
        bounding_boxes.encode_box_to_deltas(none, none, "xyxy", "xyxy"),
        bounding_boxes.decode_deltas_to_boxes(none, none, "xyxy", "xyxy"),
    ):
        assert result.shape == none.shape
    assert bounding_boxes.compute_iou(none, BOXES, "xyxy", use_masking=True).shape == (*shape, 2)
    assert bounding_boxes.compute_ciou(none, none, "xyxy").shape == shape


def test_in_a_functional_model():
    differences = dlcore.Input((2, 4))
    found = bounding_boxes.decode_deltas_to_boxes(BOXES, differences, "xyxy", "rel_xywh", variance=[0.1, 0.1, 0.2, 0.2], image_shape=(10, 20, 3))
    model = dlcore.Model(differences, [found, bounding_boxes.compute_ciou(found, found, "rel_xywh", image_shape=(10, 20, 3))])
    x = np.random.default_rng(0).normal(size=(3, 2, 4)).astype("float32")
    expected = bounding_boxes.decode_deltas_to_boxes(BOXES, x, "xyxy", "rel_xywh", variance=[0.1, 0.1, 0.2, 0.2], image_shape=(10, 20, 3))
    for outputs in (model(x), model.predict(x, verbose=0), type(model).from_config(model.get_config())(x)):
        np.testing.assert_allclose(np.asarray(outputs[0]), expected.numpy(), rtol=1e-6)
        np.testing.assert_allclose(np.asarray(outputs[1]), 1, rtol=1e-5)


def test_a_loss_brings_boxes_together():
    box = dlcore.Variable(np.array([[10.0, 0.0, 12.0, 9.0]], "float32"))
    optimizer = dlcore.optimizers.Adam(0.1)
    for _ in range(200):
        with dlcore.GradientTape() as tape:
            loss = ops.sum(1 - bounding_boxes.compute_ciou(box, BOXES[1:], "xyxy"))
        optimizer.apply(tape.gradient(loss, [box]), [box])
    assert bounding_boxes.compute_iou(box, BOXES[1:], "xyxy").numpy().item() > 0.9


# -------------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (ValueError, r"`boxes` must have 4 numbers .* boxes.shape=\(2, 3\)", lambda b: b.convert_format(BOXES[:, :3], "xyxy", "xywh")),
        (ValueError, "source must be one of .* source='no'", lambda b: b.convert_format(BOXES, "no", "xywh")),
        (ValueError, "target must be one of .* target=None", lambda b: b.convert_format(BOXES, "xyxy", None)),
        (ValueError, "must receive `height` and `width` .* height=3, width=None", lambda b: b.convert_format(BOXES, "xyxy", "rel_xyxy", height=3)),
        (ValueError, r"the key 'boxes'. Received: a dict with the keys \['box'\]", lambda b: b.convert_format({"box": BOXES}, "xyxy", "xywh")),
        (ValueError, "the key 'boxes'. Received: ndarray", lambda b: b.clip_to_image_size(BOXES, 3, 3)),
        (ValueError, "`height` and `width` must be given .* height=None, width=3", lambda b: b.clip_to_image_size({"boxes": BOXES}, width=3)),
        (ValueError, r"one label for every box. .* shape \(2, 1\)", lambda b: b.clip_to_image_size({"boxes": BOXES, "labels": [[1], [2]]}, 3, 3)),
        (NotImplementedError, "must be 'xyxy' or 'rel_xyxy'; .*='xywh'", lambda b: b.clip_to_image_size({"boxes": BOXES}, 3, 3, "xywh")),
        (NotImplementedError, "crop: bounding_box_format must be 'xyxy'; .*='rel_xyxy'", lambda b: b.crop(BOXES, 1, 1, 2, 2, "rel_xyxy")),
        (ValueError, r"`top` must be a number, or an array of shape \(batch, 1, 1\). .* shape \(2,\)", lambda b: b.crop(BOXES, [1, 2], 1, 2, 2)),
        (ValueError, r"`left` must be a number, .* shape \(2,\)", lambda b: b.pad(BOXES, 1, [1, 2])),
        (NotImplementedError, "pad: bounding_box_format", lambda b: b.pad(BOXES, 1, 1, bounding_box_format="yxyx")),
        (NotImplementedError, "affine_transform: bounding_box_format", lambda b: b.affine_transform(BOXES, 0, 0, 0, 1, 0, 0, 9, 9, bounding_box_format="xywh")),
        (ValueError, r"`scale` must be a number, .* shape \(1, 1\)", lambda b: b.affine_transform(BOXES, 0, 0, 0, [[1.0]], 0, 0, 9, 9)),
        (ValueError, r"`variance` must have 4 numbers. .* shape \(2,\)", lambda b: b.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", variance=[1, 2])),
        (ValueError, "`encoding_format` must be .*='xywh'", lambda b: b.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", "xywh")),
        (ValueError, r"`image_shape` must be \(height, width, channels\). .*\(3, 4\)", lambda b: b.encode_box_to_deltas(BOXES, BOXES, "xyxy", "xyxy", image_shape=(3, 4))),
        (ValueError, r"`anchors` must have 4 numbers", lambda b: b.encode_box_to_deltas(1.0, BOXES, "xyxy", "xyxy")),
        (ValueError, "`encoded_format` must be .*='xyxy'", lambda b: b.decode_deltas_to_boxes(BOXES, BOXES, "xyxy", "xyxy", "xyxy")),
        (ValueError, "anchors of type dict, boxes_delta of type ndarray", lambda b: b.decode_deltas_to_boxes({"a": BOXES}, BOXES, "xyxy", "xyxy")),
        (KeyError, r"Received: no \['a'\]", lambda b: b.decode_deltas_to_boxes({"a": BOXES}, {"b": BOXES}, "xyxy", "xyxy")),
        (ValueError, r"boxes1.shape=\(4,\), boxes2.shape=\(2, 4\)", lambda b: b.compute_iou(BOXES[0], BOXES, "xyxy")),
        (ValueError, "`image_shape` must be given .*image_shape=None", lambda b: b.compute_iou(BOXES, BOXES, "rel_xyxy")),
        (ValueError, "`image_shape` must be given .*image_shape=None", lambda b: b.compute_ciou(BOXES, BOXES, "rel_xyxy")),
        (ValueError, "do not broadcast", lambda b: b.compute_ciou(np.repeat(BOXES, 2, 0)[:3], BOXES, "xyxy")),
    ],
)
def test_refused(error, message, call):
    with pytest.raises(error, match=message):
        call(bounding_boxes)
