"""Preprocessing layers: what Keras on TensorFlow makes of the same data, errors, and what Keras does not say."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from golden.record_preprocessing import SEEDS, Case, lanczos

import dlcore
from dlcore._kernels.hash import fingerprints, joined
from dlcore.testing import check_gradient

GOLDEN = np.load(Path(__file__).parent / "golden" / "preprocessing.npz")
STATES = json.loads(str(GOLDEN["states"]))


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)


@pytest.mark.parametrize("kernel", ["bilinear", "lanczos3", "lanczos5"])
def test_golden_interpolation(kernel):
    np.testing.assert_allclose(lanczos(dlcore, kernel), GOLDEN[f"upsampling/{kernel}"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_golden(seed):
    arrays, state = Case(seed).run(dlcore)
    expected = {k.removeprefix(f"{seed}/"): GOLDEN[k] for k in GOLDEN.files if k.startswith(f"{seed}/")}
    assert list(arrays) == list(expected)
    for name, value in expected.items():
        if value.dtype.kind == "U":
            np.testing.assert_array_equal(arrays[name], value)
        else:
            np.testing.assert_allclose(arrays[name], value, rtol=1e-5, atol=1e-5, err_msg=name)
    wanted = STATES[str(seed)]
    for key in wanted:
        if isinstance(wanted[key], list) and wanted[key] and isinstance(wanted[key][0], float):
            np.testing.assert_allclose(state[key], wanted[key], rtol=1e-6, err_msg=key)
        else:
            assert state[key] == wanted[key], key


@pytest.mark.parametrize("seed", range(300, 380))
def test_shapes_configs_and_state(seed, tmp_path):
    case = Case(seed)
    layer = getattr(dlcore.layers, case.name)(**case.arguments)
    if case.adapted is not None:
        layer.adapt(case.adapted)
    y = layer(case.x, **case.call)
    assert tuple(layer.compute_output_shape([x.shape for x in case.x] if case.name == "HashedCrossing" else case.x.shape)) == y.shape
    copy = type(layer).from_config(json.loads(json.dumps(layer.get_config())))
    if case.name == "Normalization":
        copy.build_from_config(layer.get_build_config())
        copy.set_weights(layer.get_weights())
    if "Lookup" in case.name:
        store = {}
        layer.save_own_variables(store)
        layer.save_assets(tmp_path)
        copy.load_own_variables(store)
        copy.load_assets(tmp_path)
        assert copy.get_vocabulary() == layer.get_vocabulary()
    np.testing.assert_array_equal(copy(case.x, **case.call), y)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(layer))(case.x, **case.call), y)
    assert copy.get_config() == layer.get_config()


def test_text_in_all_forms():
    pandas = pytest.importorskip("pandas")
    layer = dlcore.layers.StringLookup(vocabulary=["a", "ä", "c"], mask_token="")
    words = [["a", "ä"], ["", "d"]]
    expected = [[2, 3], [0, 1]]
    for x in (words, tuple(words), np.array(words), np.array(words, dtype=object), np.char.encode(words, "utf-8"), pandas.DataFrame(words)):
        assert layer(x).tolist() == expected
        assert dlcore.layers.Hashing(1000)(x).tolist() == dlcore.layers.Hashing(1000)(words).tolist()
    assert layer(pandas.Series(["a", "c"])).tolist() == [2, 4]
    assert layer("c").tolist() == 4 and layer(["c"]).tolist() == [4]
    assert layer(np.array([], dtype=object)).shape == (0,)
    assert dlcore.layers.StringLookup(vocabulary=["é"], encoding="latin-1")(np.array([b"\xe9"])).tolist() == [1]
    back = dlcore.layers.StringLookup(vocabulary=["a", "ä", "c"], mask_token="", invert=True)(expected)
    assert back.tolist() == [["a", "ä"], ["", "[UNK]"]]


def test_vocabulary_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("tree\nbush\n", encoding="utf-8")
    for vocabulary in (str(path), path):
        layer = dlcore.layers.StringLookup(vocabulary=vocabulary)
        assert layer.get_vocabulary() == ["[UNK]", "tree", "bush"] and layer(["bush"]).tolist() == [2]
    assert layer.get_config()["vocabulary"] is None
    path.write_text("30\n-7")
    assert dlcore.layers.IntegerLookup(vocabulary=str(path))([[-7, 30, 1]]).tolist() == [[2, 1, 0]]
    with pytest.raises(ValueError, match="may not name a vocabulary file"):
        dlcore.layers.StringLookup.from_config({"vocabulary": str(path)})


def test_normalization_from_all_kinds_of_data():
    pandas = pytest.importorskip("pandas")
    x = np.random.default_rng(0).normal(5, 3, size=(60, 2))

    class Dataset:
        def __len__(self):
            return 6

        def __getitem__(self, i):
            return x[10 * i : 10 * i + 10], i

    for data in (x, dlcore.ops.convert_to_tensor(x), pandas.DataFrame(x), [x[:7], x[7:]], (x[i : i + 9] for i in range(0, 60, 9)), Dataset()):
        layer = dlcore.layers.Normalization()
        layer.adapt(data)
        np.testing.assert_allclose(layer.mean, [x.mean(0)], rtol=1e-6)
        np.testing.assert_allclose(layer(x), (x - x.mean(0)) / x.std(0), rtol=1e-4, atol=1e-5)
    again = dlcore.layers.Normalization(invert=True, mean=x.mean(0), variance=x.var(0))
    np.testing.assert_allclose(again(layer(x)), x, rtol=1e-4)
    assert again.weights == [] and layer.weights == [layer.adapt_mean, layer.adapt_variance, layer.count]
    model = dlcore.Sequential([layer, dlcore.layers.Dense(1)])
    before = np.array(model(x))
    model.set_weights([np.zeros(2), np.ones(2), *[np.array(w) for w in model.weights[2:]]])
    assert not np.allclose(model(x), before)                # statistics that are set are in use


def test_gradient_passes_through_scaling():
    x = np.random.default_rng(0).normal(size=(4, 3))
    check_gradient(dlcore.layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0, 0.0, 4.0], dtype="float64"), [x])
    check_gradient(dlcore.layers.Normalization(mean=0.5, variance=2.0, invert=True, dtype="float64"), [x])
    check_gradient(dlcore.layers.Rescaling([1.0, 2.0, 3.0], 0.5, dtype="float64"), [x])


def test_whole_numbers_beyond_float32():
    big = 2**53 + 1
    layer = dlcore.layers.IntegerLookup(vocabulary=[big, big - 1])
    assert layer(np.array([[big - 1, big, 5]])).tolist() == [[2, 1, 0]]
    assert layer([[big]]).tolist() == [[1]]


def test_numeric_layers_in_a_model():
    x = dlcore.Input((2,), dtype="int64")
    lookup = dlcore.layers.IntegerLookup(output_mode="count")
    lookup.adapt([[3, 3, 8], [9, 3, 8]])
    model = dlcore.Model(x, dlcore.layers.Dense(1)(lookup(x)))
    model.compile(loss="mse")
    rows = np.array([[3, 8], [9, 9], [3, 5], [1, 2]])
    model.fit(rows, np.ones((4, 1), "float32"), epochs=2, verbose=0)
    assert model.predict(rows, verbose=0).shape == (4, 1)
    assert lookup(x).shape == (None, 4) and dlcore.layers.Hashing(5)(x).dtype == "int64"
    crossed = dlcore.layers.HashedCrossing(7, output_mode="one_hot")([dlcore.Input((1,), dtype="int64"), dlcore.Input((1,), dtype="int64")])
    assert crossed.shape == (None, 7) and crossed.dtype == "float32"


L = dlcore.layers


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: L.Normalization(mean=1.0), ValueError, "must be given together"),
        (lambda: L.Normalization(mean=[1.0], variance=[1.0, 2.0]), ValueError, r"shapes \(1,\) and \(2,\)"),
        (lambda: L.Normalization(axis=None, mean=[1.0], variance=[1.0]), ValueError, "at most 0 axes"),
        (lambda: L.Normalization(axis=3)(np.ones((2, 2))), ValueError, r"\[-2, 2\)"),
        (lambda: L.Normalization()(dlcore.Input((None,))), ValueError, "known size"),
        (lambda: L.Normalization().adapt([]), ValueError, "without batches"),
        (lambda: L.Normalization().adapt(np.ones((0, 3))), ValueError, "nothing to take a mean of"),
        (lambda: L.Normalization().adapt([[1.0, 2.0]]), TypeError, "iterable of arrays"),
        (lambda: L.Normalization().adapt(3), TypeError, "Received: data of type"),
        (lambda: L.Normalization().adapt([np.ones((2, 3)), np.ones((2, 4))]), ValueError, r"built with input_shape=\(2, 3\)"),
        (lambda: L.Normalization(mean=1.0, variance=1.0).adapt(np.ones((2, 3))), ValueError, "cannot be adapted"),
        (lambda: L.Discretization(), ValueError, "either num_bins or bin_boundaries"),
        (lambda: L.Discretization([1.0], 2), ValueError, "either num_bins or bin_boundaries"),
        (lambda: L.Discretization(num_bins=-1), ValueError, "num_bins=-1"),
        (lambda: L.Discretization([1.0], output_mode="two"), ValueError, "output_mode='two'"),
        (lambda: L.Discretization([1.0], output_mode="one_hot", sparse=True), ValueError, "sparse=True"),
        (lambda: L.Discretization(num_bins=2)(np.ones(2)), ValueError, "adapt"),
        (lambda: L.Discretization([1.0]).adapt(np.ones(2)), ValueError, "cannot be adapted"),
        (lambda: L.Discretization(num_bins=2).adapt(np.ones(0)), ValueError, "received no data"),
        (lambda: L.Discretization([1.0])(["a"]), ValueError, "expected numbers"),
        (lambda: L.CategoryEncoding(), ValueError, "num_tokens=None"),
        (lambda: L.CategoryEncoding(2, "int"), ValueError, "output_mode='int'"),
        (lambda: L.CategoryEncoding(2)([[0, 1], [0, 2]]), ValueError, r"in \[0, 2\); received 2 at place \(1, 1\)"),
        (lambda: L.CategoryEncoding(2)([0.5]), ValueError, r"whole numbers; received 0.5 at place \(0,\)"),
        (lambda: L.CategoryEncoding(2)([np.nan]), ValueError, "received nan"),
        (lambda: L.CategoryEncoding(2)([1], count_weights=[1.0]), ValueError, "count_weights is for"),
        (lambda: L.Hashing(0), ValueError, "num_bins=0"),
        (lambda: L.Hashing(3, salt="a"), ValueError, "salt='a'"),
        (lambda: L.Hashing(3, dtype="float32"), ValueError, "dtype must be 'int32' or 'int64'"),
        (lambda: L.Hashing(3)([None, "a"]), ValueError, "received None"),
        (lambda: L.Hashing(3)([np.inf]), ValueError, "finite"),
        (lambda: L.HashedCrossing(3)(["a"]), ValueError, "at least two inputs"),
        (lambda: L.HashedCrossing(3)([["a"], ["b", "c"]]), ValueError, "one shape"),
        (lambda: L.HashedCrossing(3)([["a"], [0.5]]), ValueError, "float64"),
        (lambda: L.HashedCrossing(3, output_mode="count"), ValueError, "output_mode='count'"),
        (lambda: L.StringLookup(max_tokens=1), ValueError, "max_tokens=1"),
        (lambda: L.StringLookup(pad_to_max_tokens=True), ValueError, "needs max_tokens"),
        (lambda: L.StringLookup(num_oov_indices=-1), ValueError, "num_oov_indices=-1"),
        (lambda: L.StringLookup(sparse=True, output_mode="count"), ValueError, "sparse=True"),
        (lambda: L.StringLookup(invert=True, output_mode="count"), ValueError, "with invert=True"),
        (lambda: L.StringLookup(idf_weights=[1.0]), ValueError, "idf_weights is for"),
        (lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf"), ValueError, "needs idf_weights"),
        (lambda: L.StringLookup(vocabulary=["a"], output_mode="tf_idf", idf_weights=[1.0, 2.0]), ValueError, r"Received shape: \(2,\)"),
        (lambda: L.StringLookup(vocabulary=["a", "b", "a"]), ValueError, r"more than once in the vocabulary: \['a'\]"),
        (lambda: L.StringLookup(vocabulary=["a", ""], mask_token=""), ValueError, "mask token '' is at index 1"),
        (lambda: L.StringLookup(vocabulary=["a", "[UNK]"], invert=True), ValueError, r"OOV token '\[UNK\]' is at index 1"),
        (lambda: L.StringLookup(vocabulary=[]), ValueError, "is empty"),
        (lambda: L.StringLookup(vocabulary="no such file"), ValueError, "'no such file' does not exist"),
        (lambda: L.StringLookup(vocabulary=["a", "b"], max_tokens=2), ValueError, "has 3 tokens with the special ones; max_tokens is 2"),
        (lambda: L.StringLookup(vocabulary=["a"], num_oov_indices=0)(["b", "a"]), ValueError, r"received \['b'\]"),
        (lambda: L.StringLookup(output_mode="count")(["b"]), RuntimeError, "vocabulary must be set"),
        (lambda: L.StringLookup(vocabulary=["a"]).adapt(["b"]), ValueError, "cannot be adapted"),
        (lambda: L.StringLookup(vocabulary=["a"])([1, 2]), ValueError, "expected text; received 1"),
        (lambda: L.StringLookup(vocabulary=["a"])(np.array(["a", np.nan], dtype=object)), ValueError, "received nan of type float at place 1"),
        (lambda: L.StringLookup(vocabulary=["a"], invert=True)([0.5]), ValueError, "whole numbers"),
        (lambda: L.StringLookup(output_mode="one_hot", vocabulary=["a"]).set_vocabulary(["a", "b"]), RuntimeError, "was 2 and would be 3"),
        (lambda: L.StringLookup(color="red"), ValueError, "color"),
        (lambda: L.IntegerLookup(vocabulary_dtype="int32"), ValueError, "vocabulary_dtype='int32'"),
        (lambda: L.IntegerLookup(salt=3), ValueError, "oov_method='farmhash' only"),
        (lambda: L.IntegerLookup(oov_method="md5"), ValueError, "oov_method='md5'"),
        (lambda: L.IntegerLookup(vocabulary=[1])([1.5]), ValueError, "received 1.5"),
        (lambda: L.IntegerLookup(vocabulary=[1])(["a"]), ValueError, "whole numbers"),
        (lambda: fingerprints(["a", 1]), TypeError, "received 1 of type int at place 1"),
        (lambda: joined(np.zeros(2, "uint64"), np.zeros(3, "uint64")), ValueError, "one shape"),
    ],
)
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_token_with_a_line_break_is_not_lost(tmp_path):
    layer = dlcore.layers.StringLookup()
    layer.adapt(["a\nb"])
    with pytest.raises(ValueError, match="line break"):
        layer.save_assets(tmp_path)


def test_published_hashes():
    # SipHash-2-4 of its authors' reference implementation, key 00..0f: messages 00.. of 0, 8 and 15 bytes.
    key = [int.from_bytes(bytes(range(i, i + 8)), "little") for i in (0, 8)]
    found = fingerprints([bytes(range(n)) for n in (0, 8, 15)], key)
    assert [hex(h) for h in found.tolist()] == ["0x726fdb47dd0e0e31", "0x93f5f5799a932462", "0xa129ca6149be45e5"]
