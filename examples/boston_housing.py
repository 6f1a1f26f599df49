"""House prices in Boston, for the repetition of old results only (one of the columns encodes race): a small regression.

Runs with Keras too: replace the first import by `import keras`. The data is looked for in DLCORE_DATA (as
regression/boston_housing.csv), then in the cache folder, else downloaded.
"""

import numpy as np

import dlcore as keras
from dlcore.datasets import boston_housing

scores = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = boston_housing.load_data(seed=seed)
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
    model = keras.Sequential(
        [
            keras.Input((13,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
    model.fit(x_train, y_train, epochs=100, batch_size=16, verbose=0)
    scores.append(model.evaluate(x_test, y_test, verbose=0))
    print(f"seed {seed}: mean squared error {scores[-1][0]:.1f}, mean absolute error {scores[-1][1]:.2f} thousand dollars")

(mse, mae), (mse_std, mae_std) = np.mean(scores, 0), np.std(scores, 0)
print(f"Boston: mean squared error {mse:.1f} +- {mse_std:.1f}, mean absolute error {mae:.2f} +- {mae_std:.2f} thousand dollars")
