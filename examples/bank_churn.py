"""Which customers leave the bank? A small network on ten columns, standardised, with the rare class weighted up.

Reads bank/Churn_Modelling.csv (10,000 customers) from the folder DLCORE_DATA. Runs with Keras too: replace the import by
`import keras`.
"""

import csv
import os
import sys

import numpy as np

import dlcore as keras

path = os.path.join(os.environ.get("DLCORE_DATA", "."), "bank", "Churn_Modelling.csv")
if not os.path.exists(path):
    sys.exit(f"{path} does not exist: set DLCORE_DATA to the folder that holds bank/Churn_Modelling.csv")
with open(path, newline="") as file:
    rows = list(csv.DictReader(file))
numbers = ("CreditScore", "Age", "Tenure", "Balance", "NumOfProducts", "HasCrCard", "IsActiveMember", "EstimatedSalary")
x = np.array([[float(r[k]) for k in numbers] + [r["Geography"] == "Germany", r["Geography"] == "Spain", r["Gender"] == "Male"] for r in rows])
y = np.array([int(r["Exited"]) for r in rows])


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


def score(weighted):
    """Accuracy, share of those who leave that were found, share of the warnings that were right."""
    order = np.random.permutation(len(x))
    train, test = order[:8000], order[8000:]
    z = (x - x[train].mean(0)) / x[train].std(0)                 # statistics of the training rows only
    share = y[train].mean()
    model = build()
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=5, restore_best_weights=True)
    model.fit(z[train], y[train], batch_size=32, epochs=30, validation_split=0.1, callbacks=[stop], verbose=0,
              class_weight={0: 0.5 / (1 - share), 1: 0.5 / share} if weighted else None)
    accuracy = model.evaluate(z[test], y[test], verbose=0)[1]
    warned, left = model.predict(z[test], verbose=0)[:, 0] > 0.5, y[test] == 1
    return accuracy, (warned & left).sum() / left.sum(), (warned & left).sum() / max(warned.sum(), 1)


print(f"{y.mean():.1%} of the customers left; 'nobody leaves' is right for {1 - y.mean():.1%}")
for name, weighted in (("equal weights", False), ("class weights", True)):
    scores = []
    for seed in range(5):
        keras.utils.set_random_seed(seed)
        scores.append(score(weighted))
    (accuracy, found, right), (accuracy_std, found_std, right_std) = np.mean(scores, 0), np.std(scores, 0)
    print(f"Bank, {name}: accuracy {accuracy:.1%} +- {accuracy_std:.1%}, finds {found:.0%} +- {found_std:.0%} of those who leave, "
          f"right in {right:.0%} +- {right_std:.0%} of its warnings")
