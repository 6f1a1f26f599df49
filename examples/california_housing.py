"""House prices in California: 16,000 districts to train on, early stopping, a smaller learning rate when nothing improves.

Runs with Keras too: replace the first import by `import keras`. The data is looked for in DLCORE_DATA (as
regression/california_housing.csv.gz), then in the cache folder, else downloaded.
"""

import warnings

import numpy as np

import dlcore as keras
from dlcore.datasets import california_housing

warnings.filterwarnings("ignore", message="California housing")         # some rows lack a value

scores = []
for seed in range(5):
    keras.utils.set_random_seed(seed)
    (x_train, y_train), (x_test, y_test) = california_housing.load_data(seed=seed)
    mean, std = x_train.mean(0), x_train.std(0)
    x_train, x_test = (x_train - mean) / std, (x_test - mean) / std
    y_train, y_test = y_train / 100_000, y_test / 100_000
    model = keras.Sequential(
        [
            keras.Input((8,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    schedule = keras.optimizers.schedules.ExponentialDecay(0.003, decay_steps=1000, decay_rate=0.8)
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse", metrics=["mae"])
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=8, restore_best_weights=True)
    history = model.fit(x_train, y_train, epochs=40, batch_size=64, validation_split=0.1, callbacks=[stop], verbose=0)
    mse, mae = model.evaluate(x_test, y_test, verbose=0)
    scores.append((np.sqrt(mse), mae, 1 - mse / y_test.var()))
    print(f"seed {seed}: error {scores[-1][0]:.3f} (root mean square), {mae:.3f} (mean) hundred thousand dollars, R2 {scores[-1][2]:.3f} ({len(history.epoch)} epochs)")

(rmse, mae, r2), (rmse_std, mae_std, r2_std) = np.mean(scores, 0), np.std(scores, 0)
print(f"California: root mean square error {rmse:.3f} +- {rmse_std:.3f}, mean error {mae:.3f} +- {mae_std:.3f}, R2 {r2:.3f} +- {r2_std:.3f}")
