import subprocess
import sys

import numpy as np
import pytest

from dlcore import random
from dlcore.random import SeedGenerator


def test_seed_generator_counts():
    generator = SeedGenerator(5)
    assert [generator.next().tolist() for _ in range(3)] == [[5, 0], [5, 1], [5, 2]]
    assert generator.state.tolist() == [5, 3]
    assert generator.next().dtype == np.uint32


def test_seed_generator_keys_are_copies():
    generator = SeedGenerator(5)
    key = generator.next()
    key[:] = 0
    assert generator.state.tolist() == [5, 1]


def test_seed_generator_counter_wraps():
    generator = SeedGenerator(1)
    generator.state.assign([1, 0xFFFFFFFF])
    generator.next()
    assert generator.state.tolist() == [1, 0]


@pytest.mark.parametrize("seed", [-5, 2**31 + 5, 2**40 + 1, np.int64(7)])
def test_seed_generator_takes_any_integer(seed):
    assert SeedGenerator(seed).state[0] == int(seed) % 2**32


@pytest.mark.parametrize("seed", ["a", 1.5, [1]])
def test_seed_must_be_an_integer(seed):
    with pytest.raises(ValueError, match="`seed` must be an integer"):
        SeedGenerator(seed)
    with pytest.raises(ValueError, match="`seed` must be either an integer"):
        random.normal((2,), seed=seed)


def test_seed_generator_config():
    generator = SeedGenerator(5, name="noise")
    assert generator.get_config() == {"seed": 5, "name": "noise"}
    assert SeedGenerator.from_config(generator.get_config()).next().tolist() == [5, 0]


DRAWS = {
    "normal": lambda **k: random.normal((50, 3), **k),
    "truncated_normal": lambda **k: random.truncated_normal((50, 3), **k),
    "uniform": lambda **k: random.uniform((50, 3), **k),
    "randint": lambda **k: random.randint((50, 3), 0, 1000, **k),
    "categorical": lambda **k: random.categorical(np.zeros((5, 7)), 30, **k),
    "dropout": lambda **k: random.dropout(np.ones((50, 3)), 0.5, **k),
    "shuffle": lambda **k: random.shuffle(np.arange(50), **k),
    "gamma": lambda **k: random.gamma((50, 3), 2.0, **k),
    "beta": lambda **k: random.beta((50, 3), 2.0, 3.0, **k),
    "binomial": lambda **k: random.binomial((50, 3), 100, 0.5, **k),
}


@pytest.mark.parametrize("name", DRAWS)
def test_what_the_seed_decides(name):
    draw = DRAWS[name]
    np.testing.assert_array_equal(draw(seed=1), draw(seed=1))
    assert (draw(seed=1) != draw(seed=2)).any()
    generator = SeedGenerator(1)
    first, second = draw(seed=generator), draw(seed=generator)
    np.testing.assert_array_equal(first, draw(seed=1))
    assert (first != second).any()
    random.set_global_seed(9)
    first, second = draw(), draw()
    assert (first != second).any()
    random.set_global_seed(9)
    np.testing.assert_array_equal(first, draw())


def test_the_same_numbers_from_run_to_run():
    code = "from dlcore import random; print(random.normal((3,), seed=7).tolist(), random.make_default_seed())"
    code = code.replace("print", "random.set_global_seed(3); print")
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 1


def test_unseeded_runs_differ():
    code = "from dlcore import random; print(random.make_default_seed())"
    runs = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(runs) == 2


def test_default_seeds_have_no_pattern():
    random.set_global_seed(0)
    seeds = np.array([random.make_default_seed() for _ in range(1000)])
    assert len(set(seeds.tolist())) == 1000
    assert 0.4 < (seeds / 2**32).mean() < 0.6


def test_distributions():
    x = random.normal((100_000,), 2.0, 3.0, dtype="float64", seed=1)
    assert abs(x.mean() - 2) < 0.05 and abs(x.std() - 3) < 0.05
    x = random.truncated_normal((100_000,), 0.0, 2.0, seed=1)
    assert np.abs(x).max() < 4 and abs(x.std() - 2 * 0.87962566) < 0.02
    x = random.uniform((100_000,), -1.0, 3.0, seed=1)
    assert x.min() >= -1 and x.max() < 3 and abs(x.mean() - 1) < 0.02
    x = random.randint((100_000,), 2, 5, seed=1)
    assert x.dtype == np.int32 and set(x.tolist()) == {2, 3, 4}
    x = random.dropout(np.ones(100_000, "float32"), 0.25, seed=1)
    assert x.dtype == np.float32 and abs((x == 0).mean() - 0.25) < 0.01 and abs(x.mean() - 1) < 0.02
    x = random.binomial((10_000,), 10, 0.3, seed=1)
    assert abs(x.mean() - 3) < 0.1


def test_categorical_follows_the_logits():
    x = random.categorical(np.log([[0.1, 0.2, 0.7], [0.5, 0.5, 1e-300]]), 20_000, seed=1)
    assert x.shape == (2, 20_000) and x.dtype == np.int32
    np.testing.assert_allclose(np.bincount(x[0]) / 20_000, [0.1, 0.2, 0.7], atol=0.02)
    assert 2 not in x[1]


def test_dtype_and_shape():
    for dtype in ("float16", "float32", "float64"):
        for draw in (random.normal, random.uniform, random.truncated_normal):
            assert draw((2, 3), dtype=dtype, seed=1).dtype == dtype
            assert draw((), dtype=dtype, seed=1).shape == ()
            assert draw((0, 2), dtype=dtype, seed=1).shape == (0, 2)


def test_dropout_edges_and_noise_shape():
    x = np.ones((4, 5), "float32")
    assert random.dropout(x, 0.0) is x
    assert not random.dropout(x, 1.0).any()
    y = random.dropout(x, 0.5, noise_shape=(None, 1), seed=3)
    assert (y == y[:, :1]).all()


def test_shuffle_keeps_slices_together():
    x = np.arange(12).reshape(3, 4)
    y = random.shuffle(x, axis=1, seed=1)
    assert sorted(y.T.tolist()) == sorted(x.T.tolist())


def test_wrong_arguments():
    with pytest.raises(ValueError, match="floating point `dtype`"):
        random.uniform((2,), dtype="int32")
    with pytest.raises(ValueError, match="integer `dtype`"):
        random.randint((2,), 0, 3, dtype="float32")
    with pytest.raises(ValueError, match="2-D"):
        random.categorical([0.0, 1.0], 2)
