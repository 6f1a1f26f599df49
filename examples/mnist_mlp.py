"""A two-layer network on the 70,000 handwritten digits of MNIST: about 98.3 % of the test images right.

Runs with Keras too: replace the import by `import keras` (and `keras.datasets.mnist.load_data()` downloads the data).
The data is looked for in DLCORE_DATA, then in the cache folder, else downloaded.
"""

import sys

import dlcore as keras
from dlcore.datasets import mnist

keras.utils.set_random_seed(int(sys.argv[1]) if len(sys.argv) > 1 else 1)

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape(-1, 784).astype("float32") / 255
x_test = x_test.reshape(-1, 784).astype("float32") / 255

model = keras.Sequential(
    [
        keras.Input((784,)),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(512, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10, activation="softmax"),
    ]
)
model.summary()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=128, epochs=12, validation_split=0.1, verbose=2)

loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, test accuracy {accuracy:.4f}")
