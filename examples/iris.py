"""Which iris? Three species, four lengths: one-hot labels, softmax, categorical cross-entropy.

Reads tabular/iris.csv from the folder DLCORE_DATA. Runs with Keras too: replace the import by `import keras`.
"""

import os
import sys

import numpy as np

import dlcore as keras

path = os.path.join(os.environ.get("DLCORE_DATA", "."), "tabular", "iris.csv")
if not os.path.exists(path):
    sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds tabular/iris.csv")
table = np.genfromtxt(path, delimiter=",", dtype=str)
x = table[:, :4].astype("float64")
species, numbers = np.unique(table[:, 4], return_inverse=True)
y = keras.utils.to_categorical(numbers)

scores = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    order = np.random.permutation(len(x))
    train, test = order[:100], order[100:]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.Adam(learning_rate=0.01), metrics=["accuracy"])
    model.fit(x[train], y[train], epochs=100, batch_size=5, verbose=0)
    scores.append(model.evaluate(x[test], y[test], verbose=0)[1])
    print(f"seed {seed}: {scores[-1]:.1%} of the test flowers right")

flower = np.array([[5.9, 3.0, 5.1, 1.8]])
chances = ", ".join(f"{name} {p:.0%}" for name, p in zip(species, model.predict(flower, verbose=0)[0], strict=True))
print(f"a flower of {flower[0].tolist()} cm: {chances}")
print(f"Iris: accuracy {np.mean(scores):.1%} +- {np.std(scores):.1%}")
