import numpy as np
import pytest

from dlcore import initializers, random
from dlcore.initializers.random import compute_fans
from dlcore.utils import register_keras_serializable

RANDOM = [
    initializers.RandomNormal,
    initializers.RandomUniform,
    initializers.TruncatedNormal,
    initializers.VarianceScaling,
    initializers.GlorotNormal,
    initializers.GlorotUniform,
    initializers.HeNormal,
    initializers.HeUniform,
    initializers.LecunNormal,
    initializers.LecunUniform,
    initializers.Orthogonal,
]


@pytest.mark.parametrize("cls", RANDOM)
def test_seed(cls):
    init = cls(seed=1)
    np.testing.assert_array_equal(init((4, 3)), init((4, 3)))
    np.testing.assert_array_equal(init((4, 3)), cls(seed=1)((4, 3)))
    unseeded = cls()
    np.testing.assert_array_equal(unseeded((4, 3)), unseeded((4, 3)))
    assert (unseeded((4, 3)) != unseeded.clone()((4, 3))).any()
    generator = cls(seed=random.SeedGenerator(1))
    assert (generator((4, 3)) != generator((4, 3))).any()
    with pytest.raises(ValueError, match="`seed` argument"):
        cls(seed=1.5)


@pytest.mark.parametrize("cls", RANDOM)
def test_global_seed_decides_unseeded_ones(cls):
    random.set_global_seed(4)
    first = cls()((4, 3))
    random.set_global_seed(4)
    np.testing.assert_array_equal(first, cls()((4, 3)))


@pytest.mark.parametrize("cls", [*RANDOM, initializers.Zeros, initializers.Ones, initializers.Constant, initializers.Identity])
def test_config_round_trip_and_dtype(cls):
    init = cls(seed=3) if cls in RANDOM else cls()
    again = initializers.deserialize(initializers.serialize(init))
    assert type(again) is cls and again.get_config() == init.get_config()
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(init((4, 4), dtype), again((4, 4), dtype))
        assert init((4, 4), dtype).dtype == dtype
    assert init((4, 4)).dtype == "float32" and init((4, 4)).flags.c_contiguous


def test_serialized_form_is_that_of_keras():
    assert initializers.serialize(initializers.HeNormal(seed=3)) == {
        "module": "keras.initializers",
        "class_name": "HeNormal",
        "config": {"seed": 3, "input_axes": None, "output_axes": None},
        "registered_name": None,
    }


def test_seed_generator_round_trip():
    init = initializers.HeNormal(seed=random.SeedGenerator(4, name="s"))
    config = initializers.serialize(init)
    assert config["config"]["seed"]["module"] == "keras.random"
    np.testing.assert_array_equal(initializers.deserialize(config)((3, 3)), init((3, 3)))


@pytest.mark.parametrize(
    ("cls", "scale", "n", "limit"),
    [
        (initializers.GlorotUniform, 1, 250, 3**0.5),
        (initializers.GlorotNormal, 1, 250, 2 / 0.87962566),
        (initializers.HeUniform, 2, 300, 3**0.5),
        (initializers.HeNormal, 2, 300, 2 / 0.87962566),
        (initializers.LecunUniform, 1, 300, 3**0.5),
        (initializers.LecunNormal, 1, 300, 2 / 0.87962566),
    ],
)
def test_variance(cls, scale, n, limit):
    w = cls(seed=1)((300, 200))
    stddev = (scale / n) ** 0.5
    assert abs(w.std() / stddev - 1) < 0.01
    assert np.abs(w).max() <= limit * stddev * 1.0001
    assert np.abs(w).max() > limit * stddev * 0.99


def test_fans():
    assert compute_fans(()) == (1, 1)
    assert compute_fans((5,)) == (5, 5)
    assert compute_fans((3, 4, 5, 6)) == (60, 72)
    assert compute_fans((3, 4, 5), input_axes=[0], output_axes=[1, 2]) == (3, 20)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 3, 4), (4, 4)])
def test_orthogonal(shape):
    w = initializers.Orthogonal(gain=2.0, seed=1)(shape, "float64").reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_constants():
    assert initializers.Constant(5)((2,), "int32").tolist() == [5, 5]
    np.testing.assert_array_equal(initializers.Constant([1, 2])((3, 2)), [[1, 2]] * 3)
    again = initializers.deserialize(initializers.serialize(initializers.Constant(np.arange(3.0))))
    np.testing.assert_array_equal(again((3,)), [0, 1, 2])
    assert initializers.Identity(2.0)((2, 3)).tolist() == [[2, 0, 0], [0, 2, 0]]


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("he_normal", initializers.HeNormal),
        ("HeNormal", initializers.HeNormal),
        ("normal", initializers.RandomNormal),
        ("uniform", initializers.RandomUniform),
        ("zero", initializers.Zeros),
        ("one", initializers.Ones),
        ("orthogonal", initializers.Orthogonal),
        ("IdentityInitializer", initializers.Identity),
        (initializers.Ones, initializers.Ones),
        ({"class_name": "Ones", "config": {}}, initializers.Ones),
    ],
)
def test_get(name, cls):
    assert type(initializers.get(name)) is cls


def test_get_others():
    def ones(shape, dtype=None):
        return np.ones(shape)

    assert initializers.get(None) is None
    assert initializers.get(ones) is ones
    given = initializers.get(np.arange(3))
    assert given((3,)).dtype == "float32" and given((3,)).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match=r"Expected `shape` to be \(3,\)"):
        given((2,))


def test_get_a_registered_class():
    @register_keras_serializable("test_initializers")
    class Sevens(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 7, dtype)

    config = initializers.serialize(Sevens())
    assert config["registered_name"] == "test_initializers>Sevens"
    assert type(initializers.deserialize(config)) is Sevens
    assert type(initializers.get("test_initializers>Sevens")) is Sevens


def test_a_class_nobody_named_is_not_built():
    class Unknown(initializers.Initializer):
        pass

    config = initializers.serialize(Unknown())
    with pytest.raises(TypeError, match="Could not locate class 'Unknown'"):
        initializers.deserialize(config)
    assert type(initializers.deserialize(config, custom_objects={"Unknown": Unknown})) is Unknown


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: initializers.get("he_norml"), "he_norml.*Did you mean 'he_normal'"),
        (lambda: initializers.get(3), "Could not interpret initializer identifier: 3"),
        (lambda: initializers.get({"class_name": "nope", "config": {}}), "Could not interpret"),
        (lambda: initializers.VarianceScaling(scale=-1), "`scale` must be positive"),
        (lambda: initializers.VarianceScaling(mode="x"), "`mode`.*'x'"),
        (lambda: initializers.VarianceScaling(distribution="x"), "`distribution`.*'x'"),
        (lambda: initializers.Orthogonal()((3,)), "at least two-dimensional"),
        (lambda: initializers.Identity()((3,)), "only be used for 2D"),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()
