"""How far does a car go? Miles per gallon from weight, power, year and origin, with missing values and a column of codes (1 USA, 2 Europe, 3 Japan).

Reads regression/auto_mpg.csv from the folder DLCORE_DATA. Runs with Keras too: replace the import by `import keras`.
"""

import csv
import os
import sys

import numpy as np

import dlcore as keras

path = os.path.join(os.environ.get("DLCORE_DATA", "."), "regression", "auto_mpg.csv")
if not os.path.exists(path):
    sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds regression/auto_mpg.csv")
with open(path, newline="") as file:
    rows = [row for row in csv.DictReader(file) if row["horsepower"] not in ("", "?")]          # six cars lack it
numbers = ("cylinders", "displacement", "horsepower", "weight", "acceleration", "model_year")
x = np.array([[float(row[name]) for name in numbers] + [row["origin"] == place for place in ("1", "2", "3")] for row in rows])
y = np.array([float(row["mpg"]) for row in rows])

scores = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    order = np.random.permutation(len(x))
    train, test = order[:314], order[314:]
    z = (x - x[train].mean(0)) / x[train].std(0)
    model = keras.Sequential(
        [
            keras.Input((9,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer=keras.optimizers.RMSprop(learning_rate=0.001), loss="mse", metrics=["mae"])
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=20, restore_best_weights=True)
    model.fit(z[train], y[train], epochs=300, batch_size=32, validation_split=0.2, callbacks=[stop], verbose=0)
    scores.append(model.evaluate(z[test], y[test], verbose=0)[1])
    print(f"seed {seed}: mean absolute error {scores[-1]:.2f} miles per gallon")

print(f"Auto MPG: mean absolute error {np.mean(scores):.2f} +- {np.std(scores):.2f} miles per gallon (always the mean: {abs(y - y.mean()).mean():.2f})")
