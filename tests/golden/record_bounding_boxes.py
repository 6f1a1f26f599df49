"""Records bounding_boxes.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_bounding_boxes.py``.

A function, its boxes and options follow from a seed, in Keras as in dlcore. `tests/parity/test_parity_bounding_boxes.py`
makes the same comparisons live, with more seeds.
"""

import pathlib

import numpy as np

FUNCTIONS = (
    "convert_format", "compute_iou", "compute_ciou", "encode_box_to_deltas", "decode_deltas_to_boxes", "clip_to_image_size", "crop", "pad", "affine_transform",
)  # fmt: skip
FORMATS = ("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh")
ABSOLUTE = FORMATS[:5]
SEEDS = range(270)


class Case:
    """A random call of one of the functions.

    Args:
        seed: Seed of everything.
        tensors: Only calls that PyTorch has a gradient for: floats, tensors instead of dicts, no arrays among the options.
    """

    def __init__(self, seed, tensors=False):
        self.rng = np.random.default_rng(seed)
        self.tensors = tensors
        self.name = FUNCTIONS[seed % len(FUNCTIONS)]
        self.height, self.width = (int(size) for size in self.rng.integers(1, 200, 2))
        self.batch = () if self.chance(0.4) else (int(self.rng.integers(1, 4)),)
        self.boxes, self.options = getattr(self, f"_{self.name}")()

    def run(self, library, **changed):
        """What Keras or dlcore makes of it; boxes may be replaced by tensors."""
        given = {**self.boxes, **changed}
        if "boxes_delta" in given and not changed:            # Keras multiplies whatever it is with a tensor
            given["boxes_delta"] = map_arrays(library.ops.convert_to_tensor, given["boxes_delta"])
        return getattr(library.utils.bounding_boxes, self.name)(**given, **self.options)

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, *choices):
        return choices[self.rng.integers(len(choices))]

    def some(self, batch, n, name="xyxy", dtype=None):
        """Boxes of a format, some of them partly or wholly outside of the image."""
        corners = np.sort(self.rng.uniform(-0.3, 1.3, (*batch, n, 2, 2)), -2).reshape(*batch, n, 4)
        numbers = {"yxyx": corners[..., [1, 0, 3, 2]]}.get(name.removeprefix("rel_"), corners)
        if name.endswith("wh"):
            numbers = np.concatenate([corners[..., :2], corners[..., 2:] - corners[..., :2]], -1)
        elif name.endswith("hw"):
            numbers = np.concatenate([corners[..., 1::-1], (corners[..., 2:] - corners[..., :2])[..., ::-1]], -1)
        if not name.startswith("rel_"):
            size = (self.height, self.width) if name in ("yxyx", "center_yxhw") else (self.width, self.height)
            numbers = numbers * np.array([*size, *size])
        if dtype is None:
            dtype = "float32" if self.tensors else self.pick("float32", "float32", "float64", "int32")
        return numbers.astype(dtype)

    def count(self):
        return int(self.rng.integers(1, 9))

    def shape(self, *names):
        """image_shape, where a format asks for it."""
        return {"image_shape": (self.height, self.width, 3)} if any("rel" in name for name in names) or self.chance(0.3) else {}

    def _convert_format(self):
        source, target = self.pick(*FORMATS), self.pick(*FORMATS)
        boxes = self.some(self.batch, self.count(), source)
        options = {"source": source if self.chance(0.8) else source.upper(), "target": target, "height": self.height, "width": self.width}
        if self.batch and not self.tensors and self.chance(0.3):
            options["height"] = self.rng.integers(1, 99, (*self.batch, 1, 1)).astype("float32")
        if "rel" not in source + target and self.chance(0.5):
            del options["height"], options["width"]
        if self.chance(0.3):
            options["dtype"] = self.pick("float32", "float64")
        if self.chance(0.3) and not self.tensors:
            return {"boxes": {"boxes": boxes, "labels": np.arange(3)}}, options
        return {"boxes": boxes}, options

    def _compute_iou(self):
        name = self.pick(*FORMATS)
        one, two = self.pick((self.batch, self.batch), (self.batch, self.batch), (self.batch, ()), ((), self.batch))
        masking = {"use_masking": True} if one == two and self.chance(0.5) else {}               # Keras masks no boxes of different ranks
        if masking and self.chance(0.5):
            masking["mask_val"] = self.pick(-2, 0.5)
        boxes1, boxes2 = self.some(one, self.count(), name), self.some(two, self.count(), name)
        if masking:
            boxes1[..., :1, :], boxes2[..., -1:, :] = -1, -1
        if one == two and self.chance(0.3):
            boxes2 = boxes1.copy()
        return {"boxes1": boxes1, "boxes2": boxes2}, {"bounding_box_format": name, **masking, **self.shape(name)}

    def _compute_ciou(self):
        name = self.pick(*ABSOLUTE)                                                              # Keras refuses all others
        one, two = self.pick((self.batch, self.batch), (self.batch, ()), ((), self.batch))
        n = self.count()
        boxes1 = self.some(one, n, name)
        boxes2 = boxes1.copy() if one == two and self.chance(0.2) and not self.tensors else self.some(two, n, name)
        return {"boxes1": boxes1, "boxes2": boxes2}, {"bounding_box_format": name, **self.shape()}

    def _encode_box_to_deltas(self):
        names, n = (self.pick(*FORMATS), self.pick(*FORMATS)), self.count()
        options = {"anchor_format": names[0], "box_format": names[1], **self.shape(*names), **self._variance("encoding_format")}
        return {"anchors": self.some((), n, names[0]), "boxes": self.some(self.batch, n, names[1])}, options

    def _decode_deltas_to_boxes(self):
        names, n = (self.pick(*FORMATS), self.pick(*FORMATS)), self.count()
        options = {"anchor_format": names[0], "box_format": names[1], **self.shape(*names), **self._variance("encoded_format")}

        def level():
            return self.some((), n, names[0]), self.rng.normal(size=(*self.batch, n, 4)).astype("float32")

        if self.chance(0.3) and not self.tensors:
            anchors, deltas = zip(*[level() for _ in range(3)], strict=True)
            return {"anchors": dict(zip("PQR", anchors, strict=True)), "boxes_delta": dict(zip("PQR", deltas, strict=True))}, options
        anchors, deltas = level()
        return {"anchors": anchors, "boxes_delta": deltas}, options

    def _variance(self, argument):
        options = {argument: "center_xywh"} if self.chance(0.5) else {}
        return {**options, "variance": self.pick([0.1, 0.1, 0.2, 0.2], np.array([0.5, 1.0, 2.0, 3.0]))} if self.chance(0.5) else options

    def _clip_to_image_size(self):
        if self.tensors:
            self.name = "pad"
            return self._pad()
        name, n = self.pick("xyxy", "xyxy", "rel_xyxy"), self.count()
        boxes = {"boxes": self.some(self.batch, n, name, "float32" if name == "rel_xyxy" else None)}
        if self.chance(0.8):
            boxes["labels"] = self.rng.integers(0, 9, (*self.batch, n)).astype(self.pick("int32", "int64", "float32"))
        options = {"height": self.height, "width": self.width} if name == "xyxy" or self.chance(0.5) else {}
        return {"bounding_boxes": boxes}, {**options, "bounding_box_format": name}

    def _edges(self, dtype):
        if self.batch and not self.tensors and self.chance(0.3):
            return {name: self.rng.integers(-9, 30, (*self.batch, 1, 1)).astype(dtype) for name in ("top", "left")}
        return {"top": int(self.rng.integers(-9, 30)), "left": float(self.rng.uniform(-9, 30)) if self.chance(0.3) else int(self.rng.integers(-9, 30))}

    def _crop(self):
        boxes = self.some(self.batch, self.count())
        return {"boxes": boxes}, {**self._edges(boxes.dtype), "height": max(1, self.height // 2), "width": max(1, self.width // 3)}

    def _pad(self):
        boxes = self.some(self.batch, self.count())
        return {"boxes": boxes}, self._edges(boxes.dtype)

    def _affine_transform(self):
        n = int(self.rng.integers(1, 4))
        dtype = "float32" if self.tensors else self.pick("float32", "float64")

        def numbers(low, high):
            return self.rng.uniform(low, high, n).astype(dtype)

        options = {"angle": numbers(-180, 180), "translate_x": numbers(-1, 1), "translate_y": numbers(-1, 1), "scale": numbers(0.3, 2),
                   "shear_x": numbers(-40, 40), "shear_y": numbers(-40, 40), "height": self.height, "width": self.width}  # fmt: skip
        if self.chance(0.3):
            options["center_x"] = self.pick(0.2, numbers(0, 1))
        if self.chance(0.3):
            options["center_y"] = self.pick(0.7, numbers(0, 1))
        return {"boxes": self.some((n,), self.count())}, options


def map_arrays(function, value):
    return {key: map_arrays(function, v) for key, v in value.items()} if isinstance(value, dict) else function(value)


def flat(result, name=""):
    """Name -> array of a result that may be a dict."""
    if isinstance(result, dict):
        return {key: value for part in result for key, value in flat(result[part], f"{name}/{part}").items()}
    return {name: result}


if __name__ == "__main__":
    import keras

    found = {f"{seed}{name}": keras.ops.convert_to_numpy(value) for seed in SEEDS for name, value in flat(Case(seed).run(keras)).items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("bounding_boxes.npz"), **found)
