"""The random number generator: known answers, independence of how a range is split, distributions."""

import importlib
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

import dlcore._kernels as kernels

KINDS = ["u32", "uniform32", "uniform64", "normal32", "normal64"]
SEED, STREAM = 0x0123456789ABCDEF, 0xFEDCBA9876543210


@pytest.fixture(params=kernels.ISA_AVAILABLE)
def m(request):
    return importlib.import_module(f"dlcore._kernels.{request.param}.mathtest")


def halves(v):
    return v & 0xFFFFFFFF, v >> 32


# Known answers of Philox4x32-10, published with Random123 (Salmon et al. 2011)
@pytest.mark.parametrize(
    ("key", "counter", "answer"),
    [
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 2, (0xFFFFFFFF,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        ((0xA4093822, 0x299F31D0), (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
    ],
)
def test_known_answers(m, key, counter, answer):
    assert m.philox(key, counter) == answer


@pytest.mark.parametrize("block", [0, 1, 12345, (1 << 28) - 1, 1 << 28, 1 << 50])
def test_stream_layout(m, block):
    """Word 16*lane + j of a block is output `lane` of its counter j; key = seed, upper counter half = stream."""
    words = m.random("u32", SEED, STREAM, 64 * block, 64 * block + 64).reshape(4, 16)
    for j in range(16):
        assert tuple(words[:, j]) == m.philox(halves(SEED), (*halves(16 * block + j), *halves(STREAM)))


@pytest.mark.parametrize("kind", KINDS)
def test_any_split_gives_the_same_numbers(m, kind):
    whole = m.random(kind, SEED, STREAM, 0, 1000)
    cuts = [0, 1, 2, 31, 32, 33, 63, 64, 65, 128, 130, 500, 640, 999, 1000]
    parts = [m.random(kind, SEED, STREAM, a, b) for a, b in pairwise(cuts)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_stream_matter(m, kind):
    x = m.random(kind, 1, 1, 0, 10_000).astype(np.float64)
    for seed, stream in [(2, 1), (1, 2), (1 | 1 << 32, 1), (1, 1 | 1 << 32)]:
        y = m.random(kind, seed, stream, 0, 10_000).astype(np.float64)
        assert abs(np.corrcoef(x, y)[0, 1]) < 0.05


def test_same_numbers_on_every_instruction_set():
    modules = [importlib.import_module(f"dlcore._kernels.{level}.mathtest") for level in kernels.ISA_AVAILABLE]
    for kind in KINDS:
        first, *others = (module.random(kind, SEED, STREAM, 5, 5000) for module in modules)
        for other in others:
            if kind.startswith("normal"):  # the logarithm may differ in its last bit
                np.testing.assert_allclose(other, first, rtol=2e-6, atol=1e-9)
            else:
                np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("kind", ["uniform32", "uniform64"])
def test_uniform(m, kind):
    x = m.random(kind, 7, 0, 0, 400_000)
    assert x.min() >= 0 and x.max() < 1
    bits = 24 if kind == "uniform32" else 53
    assert np.all(x * 2.0**bits == np.floor(x * 2.0**bits))
    assert abs(x.mean() - 0.5) < 4 * np.sqrt(1 / 12 / x.size)
    assert abs(x.var(dtype=np.float64) - 1 / 12) < 0.001
    assert stats.kstest(x, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(x[:-1], x[1:])[0, 1]) < 0.01


@pytest.mark.parametrize("kind", ["normal32", "normal64"])
def test_normal(m, kind):
    x = m.random(kind, 11, 3, 0, 400_000).astype(np.float64)
    assert np.isfinite(x).all()
    assert abs(x.mean()) < 4 / np.sqrt(x.size)
    assert abs(x.var() - 1) < 0.01
    assert abs(stats.skew(x)) < 0.02 and abs(stats.kurtosis(x)) < 0.04
    assert np.abs(x).max() > 4
    assert stats.kstest(x, "norm").pvalue > 1e-3
    # both values of a Box-Muller pair, 16 places apart, are uncorrelated, and so are their squares
    assert abs(np.corrcoef(x[:-16], x[16:])[0, 1]) < 0.01
    assert abs(np.corrcoef(x[:-16] ** 2, x[16:] ** 2)[0, 1]) < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_dropout(m, dtype, rate):
    n = 100_000
    x = np.random.default_rng(0).standard_normal(n).astype(dtype)
    y, mask = np.empty_like(x), np.empty(n, np.uint8)
    m.dropout(5, 6, 0, rate, x, y, mask)
    assert set(np.unique(mask)) <= {0, 1}
    np.testing.assert_array_equal(y, np.where(mask, x * dtype(1 / (1 - rate)), 0))
    assert abs((mask == 0).mean() - rate) <= 4 * np.sqrt(rate * (1 - rate) / n)
    # a block of 64 words decides 128 elements, by the lower halves and then by the upper ones
    words = m.random("u32", 5, 6, 0, -(-n // 128) * 64).reshape(-1, 1, 64)
    halves = (words >> np.array([[0], [16]], np.uint32) & 0xFFFF).reshape(-1)[:n]
    clear = halves != int(rate * 2**16)  # where they are equal another number is drawn
    assert clear.mean() > 0.9999
    np.testing.assert_array_equal(mask[clear], (halves > int(rate * 2**16))[clear])
    # in place and in pieces
    z, pieces = x.copy(), np.empty(n, np.uint8)
    for a, b in [(0, 3), (3, 100), (100, 128), (128, 192), (192, n)]:
        m.dropout(5, 6, a, rate, z[a:b], z[a:b], pieces[a:b])
    np.testing.assert_array_equal(z, y)
    np.testing.assert_array_equal(pieces, mask)


def test_dropout_rate_is_finer_than_half_a_word(m):
    n, rate = 1 << 23, 3 * 2.0**-18
    x, mask = np.ones(n, np.float32), np.empty(n, np.uint8)
    m.dropout(5, 6, 0, rate, x, x, mask)
    assert abs((mask == 0).sum() - rate * n) < 3 * np.sqrt(rate * n)  # 0 or 128 without the second look; expected are 96


def test_dropout_zeroes_what_is_not_finite(m):
    x = np.full(1000, np.nan, np.float32)
    y, mask = np.empty_like(x), np.empty(1000, np.uint8)
    m.dropout(1, 1, 0, 0.5, x, y, mask)
    assert np.all(y[mask == 0] == 0) and np.isnan(y[mask == 1]).all()
