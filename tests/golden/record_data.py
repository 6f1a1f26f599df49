"""Records what Keras' data helpers give, for tests/test_data_utils.py. They need TensorFlow:

    KERAS_BACKEND=tensorflow python tests/golden/record_data.py
"""

import json
import random
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

METHODS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
SIZES = [((7, 9), (5, 4)), ((7, 9), (10, 13)), ((13, 20), (12, 7)), ((1, 1), (2, 3)), ((6, 6), (6, 6))]
FOLDER = [{}, {"color_mode": "grayscale", "image_size": (8, 10)}, {"image_size": (16, 10), "crop_to_aspect_ratio": True, "label_mode": "categorical"},
          {"image_size": (16, 10), "pad_to_aspect_ratio": True, "label_mode": "binary", "data_format": "channels_first"},
          {"image_size": (9, 9), "labels": [4, 2, 4, 2, 4, 2], "label_mode": "categorical"}, {"image_size": 8, "interpolation": "area", "label_mode": None},
          {"image_size": (8, 12), "crop_to_aspect_ratio": True, "interpolation": "bicubic", "data_format": "channels_first", "class_names": ["b", "a"]}]
SPLITS = [{"left_size": 0.7}, {"right_size": 3}, {"left_size": 4, "right_size": 2}, {"left_size": 0.5, "shuffle": True, "seed": 3}, {"left_size": 0.3, "right_size": 0.4, "shuffle": True, "seed": 0}]


def windows(choose):
    steps = choose.randint(6, 40)
    config = {"sequence_length": choose.randint(1, 5), "sequence_stride": choose.randint(1, 4), "sampling_rate": choose.choice([1, 1, 2, 3]), "batch_size": choose.choice([None, 1, 4, 128])}
    if choose.random() < 0.4:
        config["start_index"] = choose.randint(0, steps // 2)
    if choose.random() < 0.4:
        config["end_index"] = choose.randint(steps // 2 + 1, steps - 1)
    data = np.arange(steps * 2, dtype="float32").reshape(steps, 2) if choose.random() < 0.5 else np.arange(steps)
    targets = None if choose.random() < 0.3 else np.arange(100, 100 + choose.choice([steps, steps, steps - 2]))
    return data, targets, config


def main():
    out, window_configs = {}, []
    rng = np.random.default_rng(0)
    for k, (old, new) in enumerate(SIZES):
        image = out[f"image{k}"] = rng.integers(0, 256, (*old, 3)).astype("uint8")
        for method in METHODS:
            out[f"resize_{method}{k}"] = tf.image.resize(image, new, method=method).numpy().astype("float32")
            out[f"pad_{method}{k}"] = tf.image.resize_with_pad(image, *new, method=method).numpy().astype("float32")
            if method not in ("gaussian", "mitchellcubic"):
                out[f"smart_{method}{k}"] = np.asarray(keras.preprocessing.image.smart_resize(image, new, interpolation=method), "float32")
    with tempfile.TemporaryDirectory() as room:
        for i in range(6):
            pixels = out[f"file{i}"] = rng.integers(0, 256, (10 + i, 14, 3)).astype("uint8")
            file = Path(room, "ab"[i % 2], f"{'yx'[i // 3]}{i}.png")
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(tf.io.encode_png(pixels).numpy())
        for k, config in enumerate(FOLDER):
            config = {"image_size": (12, 12), **config}
            batch = next(iter(keras.utils.image_dataset_from_directory(room, shuffle=False, verbose=False, **config)))
            out[f"folder{k}"] = (batch[0] if isinstance(batch, tuple) else batch).numpy().astype("float32")
            if isinstance(batch, tuple):
                out[f"folder_labels{k}"] = batch[1].numpy()
        for seed in range(3):
            parts = keras.utils.image_dataset_from_directory(room, seed=seed, validation_split=0.4, subset="both", verbose=False)
            for part, name in zip(parts, ("training", "validation"), strict=True):
                out[f"{name}{seed}"] = [str(Path(p).relative_to(room)) for p in part.file_paths]
    for k in range(30):
        data, targets, config = windows(random.Random(k))
        batches = [b if isinstance(b, tuple) else (b,) for b in keras.utils.timeseries_dataset_from_array(data, targets, **config).as_numpy_iterator()]
        window_configs.append(config)
        out[f"windows{k}_data"] = data
        if targets is not None:
            out[f"windows{k}_targets"] = targets
        out[f"windows{k}_sizes"] = [len(batches), *(np.size(b[0]) for b in batches)]
        for i, part in enumerate(zip(*batches, strict=True)):
            out[f"windows{k}_{i}"] = np.concatenate([np.ravel(p) for p in part])
    for k, config in enumerate(SPLITS):
        for side, part in zip(("left", "right"), keras.utils.split_dataset([np.arange(10), np.arange(20).reshape(10, 2)], **config), strict=True):
            out[f"{side}{k}"] = np.stack([np.r_[a, b] for a, b in part.as_numpy_iterator()])
    out["configs"] = json.dumps({"sizes": SIZES, "folder": FOLDER, "splits": SPLITS, "windows": window_configs})
    np.savez_compressed(Path(__file__).with_name("data.npz"), **out)


if __name__ == "__main__":
    main()
