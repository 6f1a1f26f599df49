"""``python -m dlcore demo`` and ``python -m dlcore config``."""

import argparse
import sys
import time


def demo(epochs=60):
    """Trains a small network on the embedded handwritten digits and shows what it learned."""
    start = time.perf_counter()
    import numpy as np

    import dlcore
    from dlcore import layers

    imported = time.perf_counter()
    dlcore.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = dlcore.datasets.digits.load_data()
    x_train, x_test = (x.reshape(len(x), -1).astype("float32") / 16 for x in (x_train, x_test))
    print(f"Handwritten digits, 8x8: {len(x_train)} to learn from, {len(x_test)} to be tested on.\n")
    model = dlcore.Sequential(
        [dlcore.Input((64,)), layers.Dense(128, activation="relu"), layers.Dropout(0.2), layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")]
    )
    model.summary()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    ready = time.perf_counter()
    # All but the last epoch without a report, to keep the screen short.
    model.fit(x_train, y_train, batch_size=32, epochs=epochs - 1, verbose=0)
    history = model.fit(x_train, y_train, batch_size=32, initial_epoch=epochs - 1, epochs=epochs)
    trained = time.perf_counter()

    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    predicted = model.predict(x_test, verbose=0).argmax(1)
    predict_done = time.perf_counter()
    print(f"\nTest accuracy: {accuracy:.1%} (loss {loss:.3f}; training accuracy {history.history['accuracy'][-1]:.1%})\n")
    _print_confusion(np, y_test, predicted)

    i = int(np.flatnonzero(predicted == y_test)[0])
    print("\nOne test image, what it is, and how sure the network is:\n")
    probabilities = model.predict(x_test[i : i + 1], verbose=0)[0]
    shades = " .:-=+*#%@"
    for r, row in enumerate(x_test[i].reshape(8, 8)):
        bar = f"   {r}: {probabilities[r]:6.1%} " + "#" * round(20 * float(probabilities[r]))
        print("  " + "".join(shades[min(int(v * 9.99), 9)] * 2 for v in row) + bar)
    for r in (8, 9):
        print(" " * 18 + f"   {r}: {probabilities[r]:6.1%} " + "#" * round(20 * float(probabilities[r])))
    print(f"  label {y_test[i]}, predicted {predicted[i]}\n")

    one = x_test[:1]
    n = 2000
    t0 = time.perf_counter()
    for _ in range(n):
        model(one)
    call = (time.perf_counter() - t0) / n
    steps = epochs * -(-len(x_train) // 32)
    print("Where the time went:")
    print(f"  import dlcore       {imported - start:7.2f} s")
    print(f"  data and model      {ready - imported:7.2f} s")
    print(f"  training            {trained - ready:7.2f} s  ({steps} steps of 32 samples, {(trained - ready) / steps * 1e6:.0f} us each)")
    print(f"  test and prediction {predict_done - trained:7.2f} s")
    print(f"  model(one sample)   {call * 1e6:7.1f} us")
    return 0


def _print_confusion(np, truth, predicted):
    from rich.console import Console
    from rich.table import Table

    counts = np.zeros((10, 10), int)
    np.add.at(counts, (truth.astype(int), predicted), 1)
    table = Table(title="Confusion matrix (rows: truth, columns: prediction)", title_justify="left")
    table.add_column("")
    for digit in range(10):
        table.add_column(str(digit), justify="right")
    for digit in range(10):
        table.add_row(str(digit), *["." if v == 0 else str(v) for v in counts[digit]])
    Console(width=80, force_terminal=False).print(table, highlight=False)


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python -m dlcore", description="The Keras 3 API for the CPU on a small compiled core.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("demo", help="train on embedded real data and show the result")
    run.add_argument("--epochs", type=int, default=60)
    commands.add_parser("config", help="print what runs here")
    args = parser.parse_args(argv)
    if args.command == "demo":
        if args.epochs < 1:
            parser.error(f"--epochs must be at least 1; received {args.epochs}")
        return demo(args.epochs)
    import dlcore

    dlcore.show_config()
    return 0


if __name__ == "__main__":
    sys.exit(main())
