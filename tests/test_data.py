"""Where data enters: arrays of all kinds, structures, frames, iterables; what does not fit is refused."""

import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, Sequential, layers
from dlcore.data import ArrayBatches, IterableBatches, batches, pack_x_y_sample_weight, train_validation_split, unpack_x_y_sample_weight
from dlcore.data.arrays import as_arrays


@pytest.fixture
def model():
    model = Sequential([Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


GRID = np.arange(12).reshape(6, 2)
SUMS = GRID.sum(1, keepdims=True)


class Slice:
    """A sequence that is no list."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        if i >= 3:
            raise IndexError
        return GRID[2 * i : 2 * i + 2].astype("float32"), SUMS[2 * i : 2 * i + 2].astype("float32")


ARRAYS = {
    "float64": GRID.astype("float64"),
    "float32": GRID.astype("float32"),
    "int64": GRID,
    "int32": GRID.astype("int32"),
    **{name: GRID.astype(name) for name in ("uint8", "int8", "uint16", "int16", "uint32", "uint64", "float16", "longdouble")},
    "list": GRID.tolist(),
    "tuple rows": [tuple(row) for row in GRID.tolist()],
    "object": GRID.astype(object),
    "fortran": np.asfortranarray(GRID.astype("float32")),
    "reversed": GRID[::-1].astype("float32")[::-1],
    "strided": np.repeat(GRID, 2, axis=1).astype("float32")[:, ::2],
    "big endian": GRID.astype(">f4"),
    "read-only": np.frombuffer(GRID.astype("float32").tobytes(), "float32").reshape(6, 2),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_of_all_kinds(model, kind):
    x = ARRAYS[kind]
    np.testing.assert_array_equal(model.predict(x, verbose=0), SUMS)
    assert model.evaluate(x, SUMS, batch_size=4, verbose=0) == 0.0
    assert model.fit(x, SUMS, batch_size=4, epochs=2, verbose=0).history["loss"] == [0.0, 0.0]
    assert model.train_on_batch(x, SUMS) == 0.0
    assert model.predict_on_batch(x).shape == (6, 1)


def test_tensors_and_booleans(model):
    np.testing.assert_array_equal(model.predict(dlcore.ops.convert_to_tensor(GRID), verbose=0), SUMS)
    np.testing.assert_array_equal(model.predict(GRID % 2 == 1, verbose=0), np.ones((6, 1)))
    history = model.fit(GRID % 2 == 1, np.ones(6, bool), verbose=0)
    assert history.history["loss"] == [0.0]


def test_torch_tensors(model):
    torch = pytest.importorskip("torch")
    np.testing.assert_array_equal(model.predict(torch.tensor(GRID, dtype=torch.float32), verbose=0), SUMS)


def test_frames(model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(GRID, columns=["a", "b"])
    frame["y"] = SUMS[:, 0]
    np.testing.assert_array_equal(model.predict(frame[["a", "b"]], verbose=0), SUMS)
    history = model.fit(frame[["a", "b"]], frame["y"], sample_weight=frame["y"] * 0 + 1, validation_split=0.5, shuffle=True, verbose=0)
    assert history.history == {"loss": [0.0], "val_loss": [0.0]}
    assert model.evaluate(frame[["a", "b"]].iloc[::2], frame[["y"]].iloc[::2], verbose=0) == 0.0


@pytest.mark.parametrize("values", [["a", "b"], [None, "1.5x"]])
def test_columns_that_are_no_numbers_are_named(model, values):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"fine": [1.0, 2.0], "bad one": values})
    with pytest.raises(ValueError, match=r"Failed to convert x .*Columns that hold something else: \['bad one'\]"):
        model.fit(frame, SUMS[:2], verbose=0)
    frame["bad one"] = pd.Timestamp("2020-01-01")
    with pytest.raises(ValueError, match=r"Columns that hold something else: \['bad one'\]"):
        model.fit(frame, SUMS[:2], verbose=0)


def test_a_series_is_a_column_as_in_keras(model):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})
    assert as_arrays("x", frame["a"]).shape == (2, 1)
    assert np.asarray(as_arrays("x", frame)).tolist() == [[1.0, 1.0, 0.5], [2.0, 0.0, 1.5]]
    found = as_arrays("x", dict(frame))
    assert {name: (x.shape, x.dtype) for name, x in found.items()} == {"a": ((2, 1), "int64"), "b": ((2, 1), "bool"), "c": ((2, 1), "float32")}
    with pytest.raises(ValueError, match=r"x .*objects.*to numbers"):
        as_arrays("x", frame.assign(d=["x", "y"]))


def test_nested_structures_and_missing_targets():
    found = as_arrays("x", [[GRID, SUMS], {"a": (GRID,)}])
    assert found[0][1].shape == (6, 1) and found[1]["a"][0].shape == (6, 2)
    assert as_arrays("x", [np.float64(1.5), np.float64(2.5)]).shape == (2,)
    assert as_arrays("y", [None, GRID])[0] is None
    a = Input((2,))
    model = Model(a, [layers.Dense(1, name="left")(a), layers.Dense(1, name="right")(a)])
    model.compile("sgd", [None, "mse"])
    model.fit(GRID, [None, SUMS], batch_size=4, validation_split=0.5, verbose=0)


def test_torch_loaders(model):
    torch = pytest.importorskip("torch")
    x, y = torch.tensor(GRID, dtype=torch.float32), torch.tensor(SUMS, dtype=torch.float64)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=4)
    assert model.fit(loader, epochs=2, verbose=0).history["loss"] == [0.0, 0.0]
    assert model.evaluate(loader, verbose=0) == 0.0
    np.testing.assert_array_equal(model.predict(loader, verbose=0), SUMS)
    assert batches(loader).size == 2
    assert np.shares_memory(np.asarray(as_arrays("x", x)), x.numpy())
    assert as_arrays("x", x.clone().requires_grad_()).shape == (6, 2) and as_arrays("x", x.bfloat16()).dtype == "float32"

    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter(zip(x, y, strict=True))

    stream = torch.utils.data.DataLoader(Stream(), batch_size=4)
    assert model.fit(stream, epochs=2, verbose=0).history["loss"] == [0.0, 0.0]


def test_data_is_not_changed(model):
    x, y = GRID.astype("float32"), SUMS.astype("float32")
    model.compile(dlcore.optimizers.SGD(0.001), "mae")
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert np.array_equal(x, GRID) and np.array_equal(y, SUMS)


def test_structures():
    a, b = Input((2,), name="a"), Input((1,), name="b")
    model = Model({"a": a, "b": b}, [layers.Dense(1)(a), layers.Dense(2)(b)])
    model.compile("sgd", "mse")
    x = {"a": GRID, "b": SUMS}
    model.fit(x, [SUMS, GRID], batch_size=4, validation_split=0.5, verbose=0)
    found = model.predict(x, batch_size=4, verbose=0)
    assert [f.shape for f in found] == [(6, 1), (6, 2)]


def test_a_list_of_arrays_is_several_inputs():
    a, b = Input((1,)), Input((1,))
    model = Model([a, b], a + b)
    assert model.predict([np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])], verbose=0).tolist() == [[4.0], [6.0]]


def test_sequences_and_iterators(model):
    assert model.fit(Slice(), epochs=2, verbose=0).history["loss"] == [0.0, 0.0]
    assert model.fit(iter(Slice()), verbose=0).history["loss"] == [0.0]
    assert model.evaluate(Slice(), verbose=0) == 0.0
    np.testing.assert_array_equal(model.predict(Slice(), verbose=0), SUMS)
    np.testing.assert_array_equal(model.predict((GRID[i : i + 4] for i in (0, 4)), verbose=0), SUMS)
    assert model.fit(Slice(), validation_data=Slice(), verbose=0).history["val_loss"] == [0.0]


def test_generators_with_weights(model):
    def weighted():
        for i in range(0, 6, 2):
            yield GRID[i : i + 2], SUMS[i : i + 2] + 1.0, np.array([0.0, 2.0])

    assert model.evaluate(weighted(), verbose=0) == 1.0


class TestBatches:
    def test_cuts_and_keeps_the_rest(self):
        source = ArrayBatches(GRID, SUMS, batch_size=4)
        sizes = [(len(x), len(y)) for x, y in source.epoch()]
        assert sizes == [(4, 4), (2, 2)] and source.size == 2 and source.rows == 6

    def test_rows_stay_together_when_shuffled(self):
        dlcore.utils.set_random_seed(0)
        source = ArrayBatches(GRID, SUMS, sample_weight=SUMS[:, 0], batch_size=4, shuffle=True)
        rows = [np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*source.epoch(), strict=True)]
        assert np.array_equal(rows[0].sum(1, keepdims=True), rows[1]) and np.array_equal(rows[1][:, 0], rows[2])
        assert sorted(rows[2]) == sorted(SUMS[:, 0]) and not np.array_equal(rows[0], GRID)

    def test_shuffles_within_batches(self):
        dlcore.utils.set_random_seed(0)
        x = np.arange(11)
        found = [np.asarray(batch[0]).tolist() for batch in ArrayBatches(x, batch_size=3, shuffle="batch").epoch()]
        assert [sorted(batch) for batch in found] == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10]] and np.concatenate(found).tolist() != x.tolist()

    def test_steps(self):
        assert len(list(ArrayBatches(GRID, batch_size=2, steps=2).epoch())) == 2

    def test_which_source(self):
        assert isinstance(batches(GRID), ArrayBatches) and isinstance(batches(Slice()), IterableBatches)
        assert isinstance(batches([GRID, GRID]), ArrayBatches) and isinstance(batches(iter([GRID])), IterableBatches)

    def test_pack_and_unpack(self):
        assert unpack_x_y_sample_weight(GRID)[0] is GRID
        x, y, w = unpack_x_y_sample_weight((1, 2, 3))
        assert (x, y, w) == (1, 2, 3) and unpack_x_y_sample_weight((1,)) == (1, None, None)
        assert pack_x_y_sample_weight(1, 2) == (1, 2) and pack_x_y_sample_weight(1) == 1 and pack_x_y_sample_weight(1, 2, 3) == (1, 2, 3)

    def test_split(self):
        (x, y, w), (vx, vy, vw) = train_validation_split((GRID, SUMS, None), 0.34)
        assert np.array_equal(np.asarray(x), GRID[:3]) and np.array_equal(np.asarray(vy), SUMS[3:]) and w is None and vw is None
        assert len(y) == 3 and len(vx) == 3


BAD = {
    "different lengths": ((GRID, SUMS[:5]), {}, "Data cardinality is ambiguous.*x: 6; y: 5"),
    "weights of another length": ((GRID, SUMS), {"sample_weight": np.ones(4)}, "Data cardinality is ambiguous.*sample_weight: 4"),
    "ragged": (([[1.0, 2.0], [3.0]], SUMS[:2]), {}, "inhomogeneous|same length"),
    "ragged objects": ((np.array([[1, 2], [3]], dtype=object), SUMS[:2]), {}, "x .*objects.*same length"),
    "text": ((np.array([["a", "b"]] * 6), SUMS), {}, "dtype <U1 .* Models take numbers"),
    "dates": ((GRID.astype("datetime64[D]"), SUMS), {}, "x has dtype datetime64.*models take numbers"),
    "empty": ((GRID[:0], SUMS[:0]), {}, "fit received no batches"),
    "nothing": ((None, None), {}, "x must be given"),
    "no x": ((None, SUMS), {}, "x must be given"),
    "scalar": ((np.float32(1.0), np.float32(1.0)), {}, "x must have a first axis of samples"),
    "an object": ((object(), SUMS), {}, "Unrecognized data type for x"),
    "y with a generator": ((iter([GRID]), SUMS), {}, "`y` should not be specified"),
    "batch size": ((GRID, SUMS), {"batch_size": -1}, "batch_size must be a positive integer; received batch_size=-1"),
    "batch size of a float": ((GRID, SUMS), {"batch_size": 2.0}, "batch_size must be a positive integer; received batch_size=2.0"),
    "shuffle": ((GRID, SUMS), {"shuffle": "rows"}, "shuffle must be True, False or 'batch'; received shuffle='rows'"),
    "split": ((GRID, SUMS), {"validation_split": 1.5}, "`validation_split` must be in the interval"),
    "split leaves nothing": ((GRID[:1], SUMS[:1]), {"validation_split": 0.1}, "1 samples, which is not sufficient"),
    "both weights": ((GRID, SUMS), {"class_weight": {0: 1.0}, "sample_weight": np.ones(6)}, "class_weight.*sample_weight"),
    "class weight": ((GRID, SUMS), {"class_weight": [1.0]}, "class_weight must be a dict"),
    "classes that are no numbers": ((GRID, SUMS), {"class_weight": {"a": 1.0}}, "keys are class ids"),
    "classes that are fractions": ((GRID, SUMS), {"class_weight": {0.5: 1.0}}, "keys are class ids"),
    "class that is NaN": ((GRID, SUMS), {"class_weight": {float("nan"): 1.0}}, "keys are class ids"),
    "weights that are no numbers": ((GRID, SUMS), {"class_weight": {0: "a"}}, "class_weight must be a dict whose values are numbers"),
    "weights that are lists": ((GRID, SUMS), {"class_weight": {0: [1.0, 2.0]}}, "class_weight must be a dict whose values are numbers"),
    "wrong columns": ((SUMS, SUMS), {}, r"expected shape=\(None, 2\), found shape=\(6, 1\)"),
    "weights of outputs": ((GRID, [SUMS, SUMS]), {"sample_weight": [np.ones(6)]}, "one `sample_weight` array per output.*a list of 2 for y and a list of 1"),
    "wide weights of outputs": ((GRID, [SUMS, SUMS]), {"sample_weight": np.ones((6, 2))}, r"one value per sample.*shape \(6, 2\)"),
    "complex": ((GRID * 1j, SUMS), {}, "x has dtype complex128; models take numbers"),
    "two arrays for one input": (([GRID, GRID], SUMS), {}, "expects 1 input|takes one tensor|one"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_does_not_fit_is_refused(model, case):
    args, options, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        model.fit(*args, verbose=0, **options)
    assert model.evaluate(GRID, SUMS, verbose=0) == 0.0             # and the model is as it was


def test_generator_with_a_wrong_batch(model):
    with pytest.raises(ValueError, match=r"same number of samples.*\[4, 6\]"):
        model.fit(iter([(GRID, SUMS[:4])]), verbose=0)
    with pytest.raises(ValueError, match="a tuple of 4"):
        model.fit(iter([(GRID, SUMS, SUMS, SUMS)]), verbose=0)


def test_long_doubles_become_floatx():
    assert as_arrays("x", np.ones((2, 3), np.longdouble)).dtype == "float32"
