"""Text as an input of models: what takes it, how batches are cut, and what refuses it."""

import copy
import pickle

import numpy as np
import pytest

import dlcore
from dlcore import Input, layers

COLOR = np.random.default_rng(0).choice(["red", "green", "blue", "ä"], size=(24, 1))
SIZE = np.random.default_rng(1).normal(size=(24, 2)).astype("float32")
Y = (COLOR == "red").astype("float32")


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def functional():
    lookup = layers.StringLookup(output_mode="one_hot")
    lookup.adapt(COLOR)
    color, size = Input((1,), dtype="string", name="color"), Input((2,), name="size")
    columns = layers.Concatenate()([lookup(color), size, layers.Hashing(8, output_mode="one_hot")(color)])
    model = dlcore.Model({"color": color, "size": size}, layers.Dense(1, activation="sigmoid")(columns))
    model.compile("sgd", "binary_crossentropy")
    return model


def numeric(model, color):
    """The columns that the dense layer of the model sees."""
    found = [layer for layer in model.layers if isinstance(layer, (layers.StringLookup, layers.Hashing))]
    return np.concatenate([np.asarray(found[0](color)), SIZE[: len(color)], np.asarray(found[1](color))], axis=1)


def test_training_equals_that_on_numbers():
    model = functional()
    plain = dlcore.Sequential([layers.Dense(1, activation="sigmoid")])
    plain(numeric(model, COLOR))
    plain.set_weights(model.get_weights())
    plain.compile("sgd", "binary_crossentropy")
    for m, x in ((model, {"color": COLOR, "size": SIZE}), (plain, numeric(model, COLOR))):
        dlcore.utils.set_random_seed(1)
        m.fit(x, Y, batch_size=5, epochs=2, validation_split=0.25, verbose=0)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    x = {"color": COLOR, "size": SIZE}
    np.testing.assert_allclose(model.predict(x, verbose=0, batch_size=7), plain.predict(numeric(model, COLOR), verbose=0), rtol=1e-6)
    np.testing.assert_allclose(model.evaluate(x, Y, verbose=0), plain.evaluate(numeric(model, COLOR), Y, verbose=0), rtol=1e-6)


def test_forms_of_the_data():
    pandas = pytest.importorskip("pandas")
    model = dlcore.Sequential([Input((1,), dtype="string"), layers.StringLookup(vocabulary=["red", "ä"], output_mode="one_hot"), layers.Dense(1)])
    model.compile("sgd", "mse")
    expected = model.predict(COLOR, verbose=0)
    for x in (COLOR.astype(object), np.char.encode(COLOR, "utf-8"), COLOR[:, 0], COLOR.tolist(), pandas.DataFrame(COLOR)):
        np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    np.testing.assert_array_equal(model(COLOR), expected)
    np.testing.assert_array_equal(model.predict(COLOR[:3], verbose=0), expected[:3])
    model.fit(((COLOR[i : i + 4], Y[i : i + 4]) for i in range(0, 24, 4)), verbose=0)
    assert np.isfinite(model.train_on_batch(COLOR, Y))
    assert model.predict_on_batch(COLOR).shape == (24, 1)


def test_sequential_without_an_input_and_subclass():
    class Own(dlcore.Model):
        def __init__(self):
            super().__init__()
            self.lookup = layers.StringLookup(vocabulary=["red"], output_mode="one_hot")
            self.head = layers.Dense(1)

        def call(self, x):
            return self.head(self.lookup(x))

    for model in (Own(), dlcore.Sequential([layers.StringLookup(vocabulary=["red"], output_mode="one_hot"), layers.Dense(1)])):
        model.compile("sgd", "mse")
        assert np.isfinite(model.fit(COLOR, Y, verbose=0).history["loss"][0])
        assert model.predict(COLOR, verbose=0).shape == (24, 1)


def test_text_comes_out():
    x = Input((1,), dtype="int64")
    model = dlcore.Model(x, layers.StringLookup(vocabulary=["red"], invert=True)(x))
    assert model.output.dtype == "string"
    assert model.predict(np.array([[1], [0]]), verbose=0).tolist() == [["red"], ["[UNK]"]]


def test_copies():
    model = functional()
    x = {"color": COLOR, "size": SIZE}
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))
        assert {t.dtype for t in other.inputs} == {"string", "float32"}
    x = Input((2,), dtype="string")
    assert x.dtype == copy.copy(x).dtype == Input((2,), dtype=str).dtype == "string" and "string" in repr(x)


TEXT = Input((2,), dtype="string")


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: TEXT + 1, TypeError, "expected numbers; received text"),
        (lambda: TEXT == TEXT, TypeError, "expected numbers"),
        (lambda: dlcore.ops.exp(TEXT), TypeError, r"expected numbers; received .* dtype string.*StringLookup"),
        (lambda: dlcore.ops.cast(TEXT, "float32"), TypeError, "expected numbers"),
        (lambda: dlcore.ops.cast(1.0, "string"), ValueError, "received dtype='string'"),
        (lambda: dlcore.ops.zeros((2,), "string"), ValueError, "received dtype='string'"),
        (lambda: dlcore.ops.concatenate([TEXT, np.ones((1, 2))]), TypeError, "expected numbers"),
        (lambda: dlcore.ops.where(TEXT, 1.0, 2.0), TypeError, "expected numbers"),
        (lambda: dlcore.ops.sum(TEXT), TypeError, "expected numbers"),
        (lambda: dlcore.ops.take(TEXT, [0], 1), TypeError, "expected numbers"),
        (lambda: dlcore.ops.zeros_like(TEXT), TypeError, "expected numbers"),
        (lambda: layers.Dense(2)(TEXT), TypeError, "expected numbers"),
        (lambda: layers.Dense(2)(COLOR), ValueError, "tensors or arrays of numbers; received"),
        (lambda: functional().predict({"color": SIZE[:, :1], "size": SIZE}), ValueError, r"'color'.*expected string of shape \(None, 1\), received data of dtype float32"),
        (lambda: functional().predict({"color": COLOR, "size": COLOR}), ValueError, "'size'.*expected float32.*received data of dtype <U5"),
        (lambda: functional()({"color": np.repeat(COLOR, 2, 1), "size": SIZE}), ValueError, r"expected string of shape \(None, 1\).*shape \(24, 2\)"),
        (lambda: functional().predict({"color": "red", "size": SIZE}), ValueError, "x"),
    ],
)
def test_what_refuses_text(call, error, match):
    with pytest.raises(error, match=match):
        call()
