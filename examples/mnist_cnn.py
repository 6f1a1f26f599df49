"""A convolutional network on the 70,000 handwritten digits of MNIST: more than 99 % of the test images right.

Runs with Keras too: replace the import by `import keras` (and `keras.datasets.mnist.load_data()` downloads the data).
The data is looked for in DLCORE_DATA, then in the cache folder, else downloaded; without a network the 1,797 digits of 8x8
pixels that come with the package do.
"""

import sys

import dlcore as keras
from dlcore.datasets import digits, mnist

keras.utils.set_random_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

try:
    (x_train, y_train), (x_test, y_test) = mnist.load_data()
    batch_size, epochs = 128, 12
except OSError as error:
    print(f"MNIST is not there ({error}): small digits instead")
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    batch_size, epochs = 32, 30
x_test = x_test[..., None].astype("float32") / x_train.max()  # one channel: (n, height, width, 1)
x_train = x_train[..., None].astype("float32") / x_train.max()

model = keras.Sequential(
    [
        keras.Input(x_train.shape[1:]),
        keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(2),
        keras.layers.Flatten(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=batch_size, epochs=epochs, validation_split=0.1, verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
