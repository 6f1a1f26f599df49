"""Rock or mine? 60 sonar echoes of 208 objects: cross-validation with 5 folds, since a test part would be tiny.

Reads tabular/sonar.csv from the folder DLCORE_DATA. Runs with Keras too: replace the import by `import keras`.
"""

import os
import sys

import numpy as np

import dlcore as keras

path = os.path.join(os.environ.get("DLCORE_DATA", "."), "tabular", "sonar.csv")
if not os.path.exists(path):
    sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds tabular/sonar.csv")
table = np.genfromtxt(path, delimiter=",", dtype=str)
x, y = table[:, :60].astype("float64"), (table[:, 60] == "M").astype("int64")


def build():
    model = keras.Sequential(
        [
            keras.Input((60,)),
            keras.layers.Dense(60, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(30, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=0.05, momentum=0.8), metrics=["accuracy"])
    return model


scores = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    folds = np.array_split(np.random.permutation(len(x)), 5)
    right = 0
    for test in folds:
        train = np.setdiff1d(np.arange(len(x)), test)
        z = (x - x[train].mean(0)) / x[train].std(0)
        model = build()
        model.fit(z[train], y[train], epochs=50, batch_size=8, verbose=0)
        right += model.evaluate(z[test], y[test], verbose=0)[1] * len(test)
    scores.append(right / len(x))
    print(f"seed {seed}: {scores[-1]:.1%} right in cross-validation")

print(f"Sonar: accuracy {np.mean(scores):.1%} +- {np.std(scores):.1%} ('always a mine' is right for {y.mean():.1%})")
