"""Over- and undersampling, class weights; and imbalanced-learn beside them."""

import numpy as np
import pytest

import dlcore
from dlcore.utils import class_weights, oversample, set_random_seed, undersample

Y = np.repeat([0, 1, 2], [7, 3, 1])
X = np.arange(11)


def counts(y):
    return np.unique(y, return_counts=True)[1].tolist()


@pytest.mark.parametrize(
    ("ratio", "over", "under"),
    [
        (None, [7, 7, 7], [1, 1, 1]),
        ({0: 1, 1: 1, 2: 1}, [7, 7, 7], [1, 1, 1]),
        ({0: 4, 1: 2, 2: 1}, [7, 4, 2], [4, 2, 1]),
        ({0: 1, 1: 2, 2: 3}, [7, 14, 21], [1, 1, 1]),
        ({0: 0.5, 1: 0.3, 2: 0.2}, [7, 4, 3], [2, 2, 1]),
        ({0: 7, 1: 3, 2: 1}, [7, 3, 1], [7, 3, 1]),
    ],
)
def test_sizes(ratio, over, under):
    x, y, rows = oversample(X, Y, ratio, seed=3, return_indices=True)
    assert counts(y) == over
    assert set(x) == set(X)                                        # nothing lost
    repeats = np.bincount(x, minlength=11)
    for c, labels in enumerate(np.eye(3, dtype=bool)[Y].T):
        assert np.ptp(repeats[labels]) <= 1, c                   # each about equally often
    np.testing.assert_array_equal(X[rows], x)
    np.testing.assert_array_equal(Y[rows], y)
    x, y, rows = undersample(X, Y, ratio, seed=3, return_indices=True)
    assert counts(y) == under and len(set(x)) == len(x)            # nothing repeated
    np.testing.assert_array_equal(Y[rows], y)


def test_seed():
    def draw(**options):
        return oversample(X, Y, return_indices=True, **options)[2].tolist()

    assert draw(seed=1) == draw(seed=1) != draw(seed=2)
    set_random_seed(5)
    first = [draw(), draw()]
    set_random_seed(5)
    assert [draw(), draw()] == first and first[0] != first[1]


def test_structures():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X, "b": X * 2.0}, index=list("klmnopqrstu"))
    x = {"array": X[:, None], "tensor": dlcore.ops.convert_to_tensor(X), "frame": frame, "pair": (X, [X * 3, X * 4]), "list": X.tolist(), "none": None}
    found, y, rows = undersample(x, pandas.Series(Y), seed=0, return_indices=True)
    assert isinstance(found["frame"], pandas.DataFrame) and isinstance(y, pandas.Series) and isinstance(found["tensor"], dlcore.Tensor)
    assert isinstance(found["pair"], tuple) and isinstance(found["pair"][1], list) and isinstance(found["list"], list)
    assert found["none"] is None
    for got in (found["array"][:, 0], found["tensor"], found["frame"]["a"], found["pair"][0], found["pair"][1][0] // 3, found["list"]):
        np.testing.assert_array_equal(got, rows)
    np.testing.assert_array_equal(y, Y[rows])


@pytest.mark.parametrize("y", [Y[:, None], np.eye(3)[Y], Y.astype("float32"), Y.tolist(), np.array(["a", "b", "c"])[Y], np.array(["a", "b", "c"], dtype=object)[Y]])
def test_labels(y):
    found = oversample(X, y, seed=0)
    assert type(found[1]) is type(y)
    assert counts(np.argmax(found[1], 1) if np.ndim(y) == 2 and np.shape(y)[1] == 3 else found[1]) == [7, 7, 7]
    assert list(class_weights(y).values()) == pytest.approx([11 / 21, 11 / 9, 11 / 3])
    assert list(class_weights(y)) == (["a", "b", "c"] if np.asarray(y).dtype.kind in "UO" else [0, 1, 2])


def test_class_weights_in_fit():
    x = np.random.default_rng(0).normal(size=(11, 2)).astype("float32")
    model = dlcore.Sequential([dlcore.layers.Dense(3, activation="softmax")])
    model.compile(loss="sparse_categorical_crossentropy")
    losses = []
    for options in ({"class_weight": class_weights(Y)}, {"sample_weight": np.array([11 / 21, 11 / 9, 11 / 3], "float32")[Y]}):
        model(x)
        model.set_weights([np.ones((2, 3)), np.zeros(3)])
        losses.append(model.fit(x, Y, batch_size=11, verbose=0, **options).history["loss"][0])
    assert losses[0] == pytest.approx(losses[1])


def test_agrees_with_scikit_learn():
    compute = pytest.importorskip("sklearn.utils.class_weight").compute_class_weight
    np.testing.assert_allclose(list(class_weights(Y).values()), compute("balanced", classes=np.unique(Y), y=Y))


def test_imbalanced_learn_works_on_arrays():
    over = pytest.importorskip("imblearn.over_sampling")
    x = np.random.default_rng(0).normal(size=(60, 2)).astype("float32")
    y = np.repeat([0, 1], [50, 10])
    new_x, new_y = over.SMOTE(random_state=0, k_neighbors=3).fit_resample(x, y)
    assert counts(new_y) == [50, 50]
    model = dlcore.Sequential([dlcore.layers.Dense(1, activation="sigmoid")])
    model.compile(loss="binary_crossentropy")
    assert np.isfinite(model.fit(new_x, new_y, verbose=0).history["loss"][0])


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: oversample(X[:5], Y), "x and the labels must have the same number of samples. Received: 5 and 11"),
        (lambda: oversample({"a": X[:5]}, Y), r"x\['a'\] and the labels"),
        (lambda: oversample(X, Y, ratio={0: 1, 1: 2}), r"each of the classes \[0, 1, 2\]"),
        (lambda: oversample(X, Y, ratio={0: 1, 1: 2, 2: 0}), "a positive number"),
        (lambda: undersample(X, []), "at least one label"),
        (lambda: undersample(X, np.zeros((11, 2))), "should be one-hot"),
        (lambda: undersample(X, np.where(Y == 2, np.nan, Y)), "NaN, first at sample 10"),
        (lambda: class_weights(np.array([1, "a", None], dtype=object)), "cannot be ordered"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ValueError, match=match):
        call()
