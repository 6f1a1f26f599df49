"""keras.utils.bounding_boxes on random boxes, here and in Keras: values and gradients."""

import keras
import numpy as np
import pytest
import torch
from golden.record_bounding_boxes import FUNCTIONS, SEEDS, Case, map_arrays

import dlcore

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

def same(ours, theirs, double=1e-12):
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key, value in theirs.items():
            same(ours[key], value, double)
        return
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype, (ours.shape, theirs.shape, ours.dtype, theirs.dtype)
    tolerance = double if ours.dtype == np.float64 else 2e-6
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * max(1.0, np.nanmax(np.abs(theirs), initial=0) if theirs.dtype.kind == "f" else 1))


@pytest.mark.parametrize("seed", [*SEEDS, *range(1000, 1600)])
def test_values(seed):
    case = Case(seed)
    ours, theirs = map_arrays(np.asarray, case.run(dlcore)), map_arrays(keras.ops.convert_to_numpy, Case(seed).run(keras))
    same(ours, theirs, 1e-6 if case.name == "affine_transform" else 1e-12)               # Keras turns degrees to radians in float32


@pytest.mark.parametrize("seed", range(300))
def test_gradients(seed):
    """Of a weighted sum, for whatever boxes are given."""
    ours, theirs = Case(seed, tensors=True), Case(seed, tensors=True)
    weights = np.random.default_rng(seed)
    mine = {key: dlcore.ops.convert_to_tensor(value) for key, value in ours.boxes.items()}
    with dlcore.GradientTape() as tape:
        tape.watch(list(mine.values()))
        y = ours.run(dlcore, **mine)
        weight = weights.normal(size=y.shape).astype(str(y.dtype))
        total = dlcore.ops.sum(y * weight)
    found = tape.gradient(total, list(mine.values()))
    parameters = {key: torch.tensor(value, requires_grad=True) for key, value in theirs.boxes.items()}
    (theirs.run(keras, **parameters) * torch.tensor(weight)).sum().backward()
    for gradient, parameter in zip(found, parameters.values(), strict=True):
        expected = parameter.grad.numpy()
        scale = np.abs(expected).max(initial=1e-3)
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=1e-3, atol=1e-4 * scale)


def test_every_function_is_drawn():
    drawn = {Case(seed).name for seed in SEEDS}
    assert drawn == set(FUNCTIONS) == {name for name in dir(keras.utils.bounding_boxes) if not name.startswith("_")} == set(dlcore.utils.bounding_boxes.__all__)


# Function, arguments -> both refuse them with the same kind of error.
BOXES = np.array([[1.0, 2.0, 3.0, 4.0]], "float32")
REFUSED = [
    ("convert_format", (BOXES[:, :3], "xyxy", "xywh"), {}),
    ("convert_format", (BOXES, "no", "xywh"), {}),
    ("convert_format", (BOXES, "xyxy", "rel_center_yxhw"), {}),
    ("convert_format", (BOXES, "xyxy", "rel_xyxy"), {}),
    ("convert_format", (BOXES, "rel_yxyx", "rel_xyxy"), {"height": 3}),
    ("clip_to_image_size", ({"boxes": BOXES},), {}),
    ("clip_to_image_size", ({"boxes": BOXES},), {"bounding_box_format": "xywh"}),
    ("crop", (BOXES, 1, 1, 2, 2), {"bounding_box_format": "xywh"}),
    ("pad", (BOXES, 1, 1), {"bounding_box_format": "rel_xyxy"}),
    ("affine_transform", (BOXES[None], *[np.ones(1)] * 6, 4, 4), {"bounding_box_format": "yxyx"}),
    ("encode_box_to_deltas", (BOXES, BOXES, "xyxy", "xyxy"), {"variance": [1.0, 2.0]}),
    ("encode_box_to_deltas", (BOXES, BOXES, "xyxy", "xyxy"), {"encoding_format": "xywh"}),
    ("encode_box_to_deltas", (BOXES, BOXES, "xyxy", "rel_xyxy"), {}),
    ("encode_box_to_deltas", (BOXES, BOXES, "xyxy", "xyxy"), {"image_shape": (3, 4)}),
    ("decode_deltas_to_boxes", (BOXES, BOXES, "xyxy", "xyxy"), {"variance": [1.0, 2.0]}),
    ("decode_deltas_to_boxes", (BOXES, BOXES, "xyxy", "xyxy"), {"encoded_format": "rel_xywh"}),
    ("decode_deltas_to_boxes", ({"a": BOXES}, {"b": BOXES}, "xyxy", "xyxy"), {}),
    ("compute_iou", (BOXES[0], BOXES, "xyxy"), {}),
    ("compute_iou", (BOXES, BOXES[None, None], "xyxy"), {}),
    ("compute_iou", (BOXES, BOXES, "rel_xyxy"), {}),
    ("compute_iou", (BOXES, BOXES, "no"), {}),
    ("compute_ciou", (BOXES, BOXES, "rel_xyxy"), {}),
    ("compute_ciou", (BOXES, BOXES, "no"), {}),
]


@pytest.mark.parametrize(("name", "args", "kwargs"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_refused(name, args, kwargs):
    kinds = []
    for library in (dlcore, keras):
        with pytest.raises((ValueError, TypeError, NotImplementedError, KeyError)) as error:
            getattr(library.utils.bounding_boxes, name)(*args, **kwargs)
        kinds.append(error.type)
    assert kinds[0] is kinds[1]
