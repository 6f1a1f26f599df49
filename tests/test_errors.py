"""What people get wrong with layers and models, and what they are told."""

import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, Sequential, layers, losses, ops

X, Y = np.ones((4, 3), "float32"), np.ones((4, 1), "float32")


def model(**compile_arguments):
    made = Sequential([Input((3,)), layers.Dense(1)], name="net")
    if compile_arguments:
        made.compile(**compile_arguments)
    return made


def two_outputs(**compile_arguments):
    x = Input((3,))
    made = Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
    made.compile("sgd", **compile_arguments)
    return made


def unconnected():
    return Model(Input((3,)), layers.Dense(1)(Input((3,))))


def same_names():
    x = Input((3,))
    return Model(x, layers.Dense(2, name="twin")(layers.Dense(2, name="twin")(x)))


def no_call():
    class Net(Model):
        pass

    return Net()(X)


def numpy_in_call():
    class Bad(layers.Layer):
        def call(self, x):
            return ops.convert_to_tensor(np.sin(x.numpy()))

    return Bad()(Input((3,)))


def shape_after_building():
    net = model()
    net(X)
    return net(np.ones((4, 5), "float32"))


def rebuilt_optimizer():
    net = model(optimizer="sgd", loss="mse")
    with dlcore.GradientTape() as tape:
        loss = ops.mean(net(X))
    return tape.gradient(loss, net.trainable_weights) and tape.gradient(loss, net.trainable_weights)


CASES = {
    # layers
    "units": (lambda: layers.Dense(0), "`units`, expected a positive integer. Received: units=0"),
    "units of a float": (lambda: layers.Dense(2.5), "expected a positive integer. Received: units=2.5"),
    "unknown argument": (lambda: layers.Dense(2, size=3), r"Unrecognized keyword arguments passed to Dense: \{'size': 3\}"),
    "unknown activation": (lambda: layers.Dense(2, activation="rellu"), "Could not interpret activation function identifier: 'rellu'"),
    "unknown initializer": (lambda: layers.Dense(2, kernel_initializer="glorrot"), "glorrot"),
    "lora": (lambda: layers.Dense(2, lora_rank=3), "lora_rank is not supported.*received lora_rank=3"),
    "dropout rate": (lambda: layers.Dropout(1.5), "`rate`. Expected a float value between 0 and 1. Received: rate=1.5"),
    "dtype": (lambda: layers.Dense(2, dtype="int32"), "must be 'float32' or 'float64'; received dtype='int32'"),
    "name": (lambda: layers.Dense(2, name=5), "name must be a string; received name=5"),
    "rank of the input": (lambda: layers.Dense(2)(np.ones(3)), r"expected min_ndim=2, found ndim=1. Full shape received: \(3,\)"),
    "width of the input": (shape_after_building, r"expected shape=\(None, 3\), found shape=\(4, 5\)"),
    "unknown width": (lambda: layers.Dense(2)(Input((None,))), "last dimension of the inputs to a Dense layer must be known"),
    "reshape": (lambda: layers.Reshape((2, 2))(X), r"total size of the tensor must be unchanged.*input_shape=\(3,\), target_shape=\(2, 2\)"),
    "two unknown sizes": (lambda: layers.Reshape((-1, -1)), "at most one unknown dimension"),
    "count before building": (lambda: layers.Dense(2).count_params(), "isn't built"),
    "number of weights": (lambda: model().set_weights([np.ones((3, 1))]), "weight list of length 1, but the layer was expecting 2 weights"),
    "shape of weights": (lambda: model().set_weights([np.ones((1, 3)), [0.0]]), r"weight shape \(3, 1\).*provided weight shape \(1, 3\)"),
    "not a tensor": (lambda: layers.Dense(2)("text"), "must be called on tensors"),
    # models
    "not a layer": (lambda: Sequential([3]), "Only instances of `dlcore.Layer` can be added to a Sequential model. Received: 3"),
    "function in sequential": (lambda: Sequential([ops.relu]), "Only instances of `dlcore.Layer`"),
    "same layer twice": (lambda: Sequential([layers.Dense(1, name="d"), layers.Dense(1, name="d")]), "should have unique names. Name 'd'"),
    "second input": (lambda: Sequential([Input((3,)), Input((3,))]), "already been configured to use input shape"),
    "pop from nothing": (lambda: Sequential().pop(), "There are no layers in the model"),
    "empty sequential": (lambda: Sequential().build((None, 3)), "has no layers"),
    "unconnected graph": (unconnected, "not connected to `outputs`"),
    "outputs that are arrays": (lambda: Model(Input((3,)), X), "`outputs` values must be KerasTensors"),
    "only inputs": (lambda: Model(Input((3,))), "both inputs and outputs must be given"),
    "input twice": (lambda: (lambda x: Model([x, x], x + 1.0))(Input((3,))), "contains the same input multiple times"),
    "names twice": (same_names, "The name 'twin' is used 2 times in the model"),
    "shape and batch_shape": (lambda: Input((3,), batch_shape=(1, 3)), "cannot pass both `shape` and `batch_shape`"),
    "no shape": (lambda: Input(), "must pass a `shape`"),
    "unknown layer": (lambda: model().get_layer("dance"), r"No such layer: dance. Existing layers are: \['dense"),
    "layer index": (lambda: model().get_layer(index=7), "layer at index 7 but model only has 1 layers"),
    "name and index": (lambda: model().get_layer("a", 1), "either a layer name or a layer index"),
    "missing input": (lambda: Model([Input((3,), name="p"), q := Input((3,), name="q")], q)({"p": X}), "Missing data for input 'q'.*"),
    "number of inputs": (lambda: Model([Input((3,), name="p"), q := Input((3,), name="q")], q)([X]), r"expects 2 input\(s\) \['p', 'q'\]; received 1"),
    # training
    "fit before compile": (lambda: model().fit(X, Y), r"You must call `compile\(\)` before calling `fit\(\)`"),
    "evaluate before compile": (lambda: model().evaluate(X, Y), r"`compile\(\)` before calling `evaluate\(\)`"),
    "train_on_batch before compile": (lambda: model().train_on_batch(X, Y), r"`compile\(\)` before calling `train_on_batch\(\)`"),
    "unknown optimizer": (lambda: model(optimizer="adamm"), "adamm"),
    "unknown loss": (lambda: model(optimizer="sgd", loss="mze").fit(X, Y, verbose=0), "mze"),
    "unknown metric": (lambda: model(optimizer="sgd", loss="mse", metrics=["mze"]).fit(X, Y, verbose=0), "mze"),
    "metrics as a string": (lambda: model(optimizer="sgd", loss="mse", metrics="mae"), "Expected `metrics` argument to be a list, tuple, or dict"),
    "no loss": (lambda: model(optimizer="sgd").fit(X, Y, verbose=0), "No loss to compute"),
    "epochs": (lambda: model(loss="mse").fit(X, Y, epochs=1.5, verbose=0), "epochs must be a whole number.*received epochs=1.5"),
    "steps_per_execution": (lambda: model(steps_per_execution=0), "steps_per_execution must be a positive integer"),
    "unknown argument of evaluate": (lambda: model(loss="mse").evaluate(X, Y, epochs=3), "Arguments not recognized"),
    "number of targets": (lambda: two_outputs(loss="mse").fit(X, Y, verbose=0), "different structures"),
    "number of losses": (lambda: two_outputs(loss=["mse"]).fit(X, [Y, Y], verbose=0), "one loss .* for each of the 2 outputs"),
    "target shape": (lambda: model(optimizer="sgd", loss="mse").fit(X, np.ones((4, 2, 5)), verbose=0), r"\(4, 1\)|4, 2, 5"),
    "labels out of range": (
        lambda: losses.SparseCategoricalCrossentropy()(np.array([0, 3]), np.full((2, 3), 1 / 3, "float32")), "3"),
    "validation_freq": (
        lambda: model(optimizer="sgd", loss="mse").fit(X, Y, validation_data=(X, Y), validation_freq=1.5, verbose=0), "`validation_freq` to be a list or int"),
    "validation_freq 0": (
        lambda: model(optimizer="sgd", loss="mse").fit(X, Y, validation_data=(X, Y), validation_freq=0, verbose=0), "at least 1.*validation_freq=0"),
    "steps": (lambda: model(optimizer="sgd", loss="mse").fit(X, Y, steps_per_epoch=0, verbose=0), "positive integer or None; received steps=0"),
    "no optimizer": (lambda: model(optimizer=None, loss="mse"), "received optimizer=None"),
    "no targets": (lambda: model(optimizer="sgd", loss="mse").evaluate(X, verbose=0), "expected targets y; received y=None"),
    "class ids": (lambda: model(optimizer="sgd", loss="mse").fit(X, Y, class_weight={"a": 1}, verbose=0), "keys are class ids"),
    "batch size": (lambda: model(optimizer="sgd", loss="mse").predict(X, batch_size=1.5, verbose=0), "received batch_size=1.5"),
    "validation_split": (
        lambda: model(optimizer="sgd", loss="mse").fit(iter([(X, Y)]), validation_split=0.5, verbose=0), "needs x as arrays"),
    "variable shape": (lambda: dlcore.Variable([1.0, 2.0]).assign([1.0]), r"has shape \(2,\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_value_errors(case):
    do, message = CASES[case]
    with pytest.raises(ValueError, match=message):
        do()


OTHERS = {
    "no call": (no_call, NotImplementedError, r"does not have a `call\(\)` method implemented"),
    "numpy in call": (numpy_in_call, TypeError, "needs numbers, and .* is symbolic"),
    "tape used up": (rebuilt_optimizer, RuntimeError, "persistent=True"),
    "input of an unbuilt model": (lambda: Sequential([layers.Dense(1)]).input, AttributeError, "has no defined input"),
    "output before a call": (lambda: layers.Dense(1).output, AttributeError, "never been called"),
    "layers is reserved": (lambda: setattr(two_outputs(loss="mse"), "layers", []), AttributeError, "`Model.layers` attribute is reserved"),
    "loss for an unknown output": (lambda: two_outputs(loss={"a": "mse", "c": "mse"}).fit(X, [Y, Y], verbose=0), (KeyError, ValueError), "c"),
    "callback class": (
        lambda: model(loss="mse").fit(X, Y, callbacks=[dlcore.callbacks.EarlyStopping], verbose=0), TypeError, "did you forget the parentheses"),
    "truth of a symbolic tensor": (lambda: bool(Input((3,)) > 0), TypeError, "symbolic"),
    "iteration over the batch": (lambda: list(Input((3,))), TypeError, "iteration .* is symbolic"),
}  # fmt: skip


@pytest.mark.parametrize("case", OTHERS)
def test_other_errors(case):
    do, kind, message = OTHERS[case]
    with pytest.raises(kind, match=message):
        do()


def test_numpy_in_call_says_what_to_do():
    with pytest.raises(TypeError) as caught:
        numpy_in_call()
    assert any("compute_output_shape" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("old", [{"lr": 0.1}, {"learning_rate": 0.1}])
def test_old_spellings_work(old):
    if "lr" in old:
        with pytest.warns(DeprecationWarning, match="`lr` is deprecated"):
            optimizer = dlcore.optimizers.Adam(**old)
    else:
        optimizer = dlcore.optimizers.Adam(**old)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)
    with pytest.warns(DeprecationWarning, match="negative_slope"):
        assert layers.LeakyReLU(alpha=0.2).negative_slope == 0.2
