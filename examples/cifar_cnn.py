"""Colour photographs of 32x32 pixels in ten classes (CIFAR-10): convolutions, normalization, and pictures that move.

With only 6,000 photographs to learn from, each one is flipped and shifted at random, so that the network never sees
the same one twice. Runs with Keras too: replace the import by `import keras` (and `keras.datasets.cifar10.load_data()`
downloads all 60,000). The data is looked for in DLCORE_DATA, then in the cache folder, else downloaded.
"""

import sys

import dlcore as keras
from dlcore.datasets import cifar10

EPOCHS = 30

keras.utils.set_random_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

(x_train, y_train), (x_test, y_test) = cifar10.load_data()
x_train, x_test = x_train.astype("float32") / 255, x_test.astype("float32") / 255


def block(filters):
    """More features, half the size. The normalization would take a bias off again."""
    return [
        keras.layers.Conv2D(filters, 3, padding="same", use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Activation("relu"),
        keras.layers.MaxPooling2D(2),
    ]


model = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomTranslation(0.1, 0.1, fill_mode="reflect"),
        *block(32),
        *block(64),
        *block(128),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
steps = -(-len(x_train) // 64) * EPOCHS
schedule = keras.optimizers.schedules.CosineDecay(2e-3, decay_steps=steps)
model.compile(optimizer=keras.optimizers.Adam(schedule), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=64, epochs=EPOCHS, validation_data=(x_test, y_test), verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
