"""Logistic regression is a network of one neuron: benign or malignant from 30 measurements of cell nuclei.

Reads tabular/breast_cancer.csv from the folder DLCORE_DATA; without it, tells digits 0-4 from 5-9 with the embedded data.
"""

import os
import sys

import numpy as np

import dlcore as keras

keras.utils.set_random_seed(0)

folder = os.environ.get("DLCORE_DATA")
if folder:
    path = os.path.join(folder, "tabular", "breast_cancer.csv")
    if not os.path.exists(path):
        sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds tabular/breast_cancer.csv")
    table = np.loadtxt(path, delimiter=",", skiprows=1)
    x, y = table[:, :-1], table[:, -1]
    task = "breast cancer (569 samples, 30 measurements)"
else:
    (x, y), _ = keras.datasets.digits.load_data()
    x, y = x.reshape(len(x), -1), (y >= 5).astype("float32")
    task = "digits 0-4 against 5-9 (set DLCORE_DATA for the breast cancer data)"

order = np.random.permutation(len(x))
train, test = order[: len(x) * 4 // 5], order[len(x) * 4 // 5 :]
mean, std = x[train].mean(0), x[train].std(0) + 1e-8
x = (x - mean) / std

model = keras.Sequential([keras.Input((x.shape[1],)), keras.layers.Dense(1, activation="sigmoid")])
model.compile(optimizer=keras.optimizers.SGD(learning_rate=0.1), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x[train], y[train], batch_size=32, epochs=50, verbose=0)

loss, accuracy = model.evaluate(x[test], y[test], verbose=0)
print(f"{task}: test loss {loss:.3f}, test accuracy {accuracy:.1%}")
weights, bias = model.get_weights()
strongest = np.argsort(-np.abs(weights[:, 0]))[:5]
print("strongest inputs:", ", ".join(f"{i} ({weights[i, 0]:+.2f})" for i in strongest), f"bias {bias[0]:+.2f}")
