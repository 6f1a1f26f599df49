"""Which customers leave the bank? A small network on ten columns, standardised, with the rare class weighted up.

Reads bank/Churn_Modelling.csv (10,000 customers) from the folder DLCORE_DATA.
"""

import csv
import os
import sys

import numpy as np

import dlcore as keras

keras.utils.set_random_seed(0)

path = os.path.join(os.environ.get("DLCORE_DATA", "."), "bank", "Churn_Modelling.csv")
if not os.path.exists(path):
    sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds bank/Churn_Modelling.csv")
with open(path, newline="") as file:
    rows = list(csv.DictReader(file))
numbers = ("CreditScore", "Age", "Tenure", "Balance", "NumOfProducts", "HasCrCard", "IsActiveMember", "EstimatedSalary")
x = np.array([[float(r[k]) for k in numbers] + [r["Geography"] == "Germany", r["Geography"] == "Spain", r["Gender"] == "Male"] for r in rows])
y = np.array([int(r["Exited"]) for r in rows])

order = np.random.permutation(len(x))
train, test = order[:8000], order[8000:]
x = (x - x[train].mean(0)) / x[train].std(0)                 # statistics of the training rows only


def build():
    model = keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    return model


share = y[train].mean()
print(f"{share:.1%} of the customers left; 'nobody leaves' is right for {1 - y[test].mean():.1%} of the test customers\n")
for name, class_weight in (("equal weights", None), ("class weights", {0: 0.5 / (1 - share), 1: 0.5 / share})):
    model = build()
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    history = model.fit(x[train], y[train], batch_size=32, epochs=50, validation_split=0.1, class_weight=class_weight, callbacks=[stop], verbose=0)
    left = model.predict(x[test], verbose=0)[:, 0] > 0.5
    caught = (left & (y[test] == 1)).sum() / (y[test] == 1).sum()
    right = (left & (y[test] == 1)).sum() / max(left.sum(), 1)
    loss, accuracy = model.evaluate(x[test], y[test], verbose=0)
    print(f"{name}: accuracy {accuracy:.1%}, finds {caught:.0%} of those who leave, right in {right:.0%} of its warnings ({len(history.epoch)} epochs)")
