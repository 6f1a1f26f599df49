"""Catalogue of dropout, with the random numbers transcribed in NumPy."""

import numpy as np
from catalogue import Entry, normal

from dlcore._kernels import dropout as k

KEY, COUNTER = 0x123456789ABCDEF0, 77


MASK = np.uint64(0xFFFFFFFF)


def rounds(key, position):
    """The four words of each counter, under a key."""
    c = [position & MASK, position >> np.uint64(32), np.full_like(position, COUNTER & 0xFFFFFFFF), np.full_like(position, COUNTER >> 32)]
    for r in range(10):
        k0 = np.uint64(((key & 0xFFFFFFFF) + r * 0x9E3779B9) & 0xFFFFFFFF)
        k1 = np.uint64(((key >> 32) + r * 0xBB67AE85) & 0xFFFFFFFF)
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ k0, b & MASK, (a >> np.uint64(32)) ^ c[3] ^ k1, a & MASK]
    return c


def philox(n):
    """The first n words: 16 counters give 64 words, word 16 lane + j being output `lane` of counter j (see rng.h)."""
    i = np.arange(-(-n // 64) * 64)
    return np.choose(i // 16 % 4, rounds(KEY, (i // 64 * 16 + i % 16).astype(np.uint64)))[:n]


def kept(n, rate):
    """Which of n elements dropout keeps: 64 words decide 128, by the lower halves and then the upper ones; ties are drawn again."""
    words = philox(-(-n // 128) * 64).reshape(-1, 1, 64)
    halves = (words >> np.array([[0], [16]], np.uint64) & np.uint64(0xFFFF)).reshape(-1)[:n]
    upper, lower = divmod(int(rate * 2**32), 1 << 16)
    again = rounds(KEY ^ 0xFFFFFFFF, np.arange(n, dtype=np.uint64))[0] >> np.uint64(16)
    return (halves > upper) | ((halves == upper) & (again >= lower))


def reference(rate, noise_shape=None):
    def drop(x):
        shape = [n if k is None else k for n, k in zip(x.shape, noise_shape or [None] * x.ndim, strict=True)]
        return np.where(kept(int(np.prod(shape)), rate).reshape(shape), x / (1 - rate), 0)

    return drop


ENTRIES = [
    Entry(
        op="Dropout", name=f"rate {rate}", fn=lambda x, rate=rate: k.dropout(x, rate, KEY, COUNTER), inputs=normal((5, 31)), reference=reference(rate),
        cases=(normal((2, 3, 64)), normal((1000,)), normal(())), empty=normal((0, 3)), large=normal((3, 40000)),
    )
    for rate in (0.1, 0.5, 0.9)
] + [
    Entry(
        op="Dropout", name=f"noise_shape {shape}", fn=lambda x, shape=shape: k.dropout(x, 0.4, KEY, COUNTER, shape), inputs=normal((4, 5, 6)),
        reference=reference(0.4, shape), large=normal((30, 40, 50)) if 4 not in shape else None,
    )
    for shape in ((None, 1, None), (4, 1, 1), (1, None, None))
] + [
    Entry(op="Dropout", name="rate 1", fn=lambda x: k.dropout(x, 1.0, KEY, COUNTER), inputs=normal((5, 31)), reference=np.zeros_like),
]  # fmt: skip
