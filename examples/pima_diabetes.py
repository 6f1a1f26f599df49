"""Who has diabetes? The classic first network: 8 measurements of 768 women, two hidden layers, about 76 % right.

Reads tabular/pima-indians-diabetes.csv from the folder DLCORE_DATA. Runs with Keras too: replace the import by `import keras`.
"""

import os
import sys

import numpy as np

import dlcore as keras

path = os.path.join(os.environ.get("DLCORE_DATA", "."), "tabular", "pima-indians-diabetes.csv")
if not os.path.exists(path):
    sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds tabular/pima-indians-diabetes.csv")
table = np.loadtxt(path, delimiter=",")
x, y = table[:, :8], table[:, 8]

scores = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    order = np.random.permutation(len(x))
    train, test = order[:614], order[614:]
    z = (x - x[train].mean(0)) / x[train].std(0)             # statistics of the training rows only
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(12, activation="relu"),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(z[train], y[train], epochs=50, batch_size=10, verbose=0)
    scores.append(model.evaluate(z[test], y[test], verbose=0)[1])
    print(f"seed {seed}: {scores[-1]:.1%} of the test rows right")

print(f"Pima: accuracy {np.mean(scores):.1%} +- {np.std(scores):.1%} ('nobody' is right for {1 - y.mean():.1%})")
