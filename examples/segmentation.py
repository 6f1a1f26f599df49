"""Which pixels are inside of a cell? A small U-Net on electron microscopy (ISBI 2012), written with the functional API.

An encoder makes the picture smaller and its features richer; a decoder makes it large again, and at every size it sees
what the encoder saw there (the skip connections). Reads membrane/membrane_30.npz from the folder DLCORE_DATA: 30 pictures
of 512x512, cut into tiles of 128x128; without the file the script draws cells of its own. Writes segmentation.png: pictures,
truth and prediction side by side (needs Pillow). Runs with Keras too: replace the import by `import keras`.
"""

import os
import sys

import numpy as np

import dlcore as keras

try:
    from PIL import Image
except ImportError:
    sys.exit("Pillow writes the picture: pip install pillow")

SIZE, EPOCHS = 128, 25

keras.utils.set_random_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 1)


def load():
    """Images (n, 512, 512, 1) in [0, 1] and masks: 1 inside of a cell, 0 on a membrane."""
    path = os.path.join(os.environ.get("DLCORE_DATA", "."), "membrane", "membrane_30.npz")
    if os.path.exists(path):
        with np.load(path) as file:
            return file["image"][..., None] / np.float32(255), np.unpackbits(file["label"], axis=2)[..., None].astype("float32")
    print(f"{path} does not exist (set DLCORE_DATA to the folder that holds membrane/membrane_30.npz): drawing cells instead")
    y, x = np.mgrid[:512, :512].astype("float32")
    masks = np.empty((30, 512, 512, 1), "float32")
    for mask in masks:  # a pixel is on a membrane if two of the centres are about as near
        nearest = second = np.full((512, 512), np.inf, "float32")
        for a, b in np.random.uniform(0, 512, (60, 2)):
            distance = np.hypot(y - a, x - b)
            second = np.minimum(second, np.maximum(nearest, distance))
            nearest = np.minimum(nearest, distance)
        mask[..., 0] = second - nearest > 8
    return np.clip(0.4 + 0.2 * masks + np.random.normal(0, 0.15, masks.shape), 0, 1).astype("float32"), masks


def tiles(images):
    n, side = len(images), 512 // SIZE
    return images.reshape(n, side, SIZE, side, SIZE, 1).swapaxes(2, 3).reshape(-1, SIZE, SIZE, 1)


def convolutions(x, filters):
    for _ in range(2):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
    return x


def build_model():
    inputs = x = keras.Input((SIZE, SIZE, 1))
    skips = []
    for filters in (16, 32, 64):
        x = convolutions(x, filters)
        skips.append(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Dropout(0.3)(convolutions(x, 128))
    for filters in (64, 32, 16):
        x = keras.layers.Conv2DTranspose(filters, 2, strides=2)(x)
        x = convolutions(keras.layers.Concatenate()([skips.pop(), x]), filters)
    return keras.Model(inputs, keras.layers.Conv2D(1, 1, activation="sigmoid")(x))


images, masks = load()
x_train, y_train = tiles(images[:24]), tiles(masks[:24])
x_test, y_test = tiles(images[24:]), tiles(masks[24:])

model = build_model()
model.summary()
schedule = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=-(-len(x_train) // 16) * EPOCHS)
model.compile(optimizer=keras.optimizers.Adam(schedule), loss="binary_crossentropy", metrics=[keras.metrics.BinaryAccuracy(name="accuracy")])
model.fit(x_train, y_train, batch_size=16, epochs=EPOCHS, verbose=2)

prediction = model.predict(x_test, batch_size=16, verbose=0)


def scores(guess):
    accuracy = keras.metrics.BinaryAccuracy()
    accuracy.update_state(y_test, guess)
    values = [float(accuracy.result())]
    for metric in (keras.metrics.BinaryIoU([1]), keras.metrics.BinaryIoU([0]), keras.metrics.BinaryIoU([0, 1])):
        metric.update_state(y_test, guess)
        values.append(float(metric.result()))
    return "pixel accuracy {:.4f}, IoU of cells {:.4f}, of membranes {:.4f}, mean {:.4f}".format(*values)


print("always 1:", scores(np.ones_like(y_test)))
print("the model:", scores(prediction))

rows = [np.concatenate([a[i, :, :, 0] for a in (x_test, y_test, prediction)], axis=1) for i in (0, 16, 32)]
Image.fromarray((255 * np.concatenate(rows)).astype("uint8")).save("segmentation.png")
print("segmentation.png: image, truth, prediction")
