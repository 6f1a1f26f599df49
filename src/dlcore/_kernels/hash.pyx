"""Hashes of text and whole numbers: the fingerprint of FarmHash (farmhashna), and SipHash-2-4 with a key.

Numbers are hashed as their decimal text, as TensorFlow does, so that both give the same buckets.

References:
    FarmHash, https://github.com/google/farmhash; J.-P. Aumasson and D. J. Bernstein, "SipHash: a fast short-input PRF", 2012.
"""

import numpy as np

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

__all__ = []            # keras.ops has no such names; layers import them from here

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL

cdef extern from *:
    """
    static const unsigned long long DL_K0 = 0xc3a5c85c97cb3127ULL;
    static const unsigned long long DL_K1 = 0xb492b66fbe98f273ULL;
    static const unsigned long long DL_K2 = 0x9ae16a3b2f90404fULL;
    static const unsigned long long DL_CAT = 0xc6a4a7935bd1e995ULL;
    static const unsigned long long DL_SIP[4] =
        {0x736f6d6570736575ULL, 0x646f72616e646f6dULL, 0x6c7967656e657261ULL, 0x7465646279746573ULL};
    """
    const uint64_t K0 "DL_K0"
    const uint64_t K1 "DL_K1"
    const uint64_t K2 "DL_K2"
    const uint64_t CAT "DL_CAT"
    const uint64_t[4] SIP "DL_SIP"

cdef struct Pair:
    uint64_t first
    uint64_t second


cdef inline uint64_t fetch64(const char* s) noexcept nogil:
    cdef uint64_t x
    memcpy(&x, s, 8)                                # every machine this runs on is little-endian
    return x


cdef inline uint64_t fetch32(const char* s) noexcept nogil:
    cdef uint32_t x
    memcpy(&x, s, 4)
    return x


cdef inline uint64_t right(uint64_t x, int n) noexcept nogil:
    return (x >> n) | (x << (64 - n))


cdef inline uint64_t left(uint64_t x, int n) noexcept nogil:
    return (x << n) | (x >> (64 - n))


cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    return x ^ (x >> 47)


# ------------------------------------------------------------------------------------------------------------ FarmHash

cdef inline uint64_t hash16(uint64_t u, uint64_t v, uint64_t mul) noexcept nogil:
    cdef uint64_t a = mix((u ^ v) * mul)
    return mix((v ^ a) * mul) * mul


cdef inline uint64_t hash_to_16(const char* s, uint64_t n) noexcept nogil:
    cdef uint64_t mul = K2 + n * 2
    cdef uint64_t a, b
    cdef const uint8_t* u = <const uint8_t*>s
    if n >= 8:
        a = fetch64(s) + K2
        b = fetch64(s + n - 8)
        return hash16(right(b, 37) * mul + a, (right(a, 25) + b) * mul, mul)
    if n >= 4:
        return hash16(n + (fetch32(s) << 3), fetch32(s + n - 4), mul)
    if n > 0:
        a = <uint64_t>u[0] + (<uint64_t>u[n >> 1] << 8)
        b = n + (<uint64_t>u[n - 1] << 2)
        return mix(a * K2 ^ b * K0) * K2
    return K2


cdef inline uint64_t hash_to_32(const char* s, uint64_t n) noexcept nogil:
    cdef uint64_t mul = K2 + n * 2
    cdef uint64_t a = fetch64(s) * K1
    cdef uint64_t b = fetch64(s + 8)
    cdef uint64_t c = fetch64(s + n - 8) * mul
    cdef uint64_t d = fetch64(s + n - 16) * K2
    return hash16(right(a + b, 43) + right(c, 30) + d, a + right(b + K2, 18) + c, mul)


cdef inline uint64_t hash_to_64(const char* s, uint64_t n) noexcept nogil:
    cdef uint64_t mul = K2 + n * 2
    cdef uint64_t a = fetch64(s) * K2
    cdef uint64_t b = fetch64(s + 8)
    cdef uint64_t c = fetch64(s + n - 8) * mul
    cdef uint64_t d = fetch64(s + n - 16) * K2
    cdef uint64_t y = right(a + b, 43) + right(c, 30) + d
    cdef uint64_t z = hash16(y, a + right(b + K2, 18) + c, mul)
    cdef uint64_t e = fetch64(s + 16) * mul
    cdef uint64_t f = fetch64(s + 24)
    cdef uint64_t g = (y + fetch64(s + n - 32)) * mul
    cdef uint64_t h = (z + fetch64(s + n - 24)) * mul
    return hash16(right(e + f, 43) + right(g, 30) + h, e + right(f + a, 18) + g, mul)


cdef inline Pair weak(const char* s, uint64_t a, uint64_t b) noexcept nogil:
    cdef Pair p
    cdef uint64_t c
    a += fetch64(s)
    b = right(b + a + fetch64(s + 24), 21)
    c = a
    a += fetch64(s + 8) + fetch64(s + 16)
    b += right(a, 44)
    p.first = a + fetch64(s + 24)
    p.second = b + c
    return p


cdef uint64_t farm(const char* s, uint64_t n) noexcept nogil:
    cdef uint64_t x = 81
    cdef uint64_t y, z, t, mul
    cdef Pair v, w
    cdef const char* end
    cdef const char* tail
    if n <= 16:
        return hash_to_16(s, n)
    if n <= 32:
        return hash_to_32(s, n)
    if n <= 64:
        return hash_to_64(s, n)
    y = x * K1 + 113
    z = mix(y * K2 + 113) * K2
    v.first = v.second = w.first = w.second = 0
    x = x * K2 + fetch64(s)
    end = s + (n - 1) // 64 * 64
    tail = end + ((n - 1) & 63) - 63
    while s != end:
        x = right(x + y + v.first + fetch64(s + 8), 37) * K1
        y = right(y + v.second + fetch64(s + 48), 42) * K1
        x ^= w.second
        y += v.first + fetch64(s + 40)
        z = right(z + w.first, 33) * K1
        v = weak(s, v.second * K1, x + w.first)
        w = weak(s + 32, z + w.second, y + fetch64(s + 16))
        t = z
        z = x
        x = t
        s += 64
    mul = K1 + ((z & 0xff) << 1)
    s = tail
    w.first += (n - 1) & 63
    v.first += w.first
    w.first += v.first
    x = right(x + y + v.first + fetch64(s + 8), 37) * mul
    y = right(y + v.second + fetch64(s + 48), 42) * mul
    x ^= w.second * 9
    y += v.first * 9 + fetch64(s + 40)
    z = right(z + w.first, 33) * mul
    v = weak(s, v.second * mul, x + w.first)
    w = weak(s + 32, z + w.second, y + fetch64(s + 16))
    return hash16(hash16(v.first, w.first, mul) + mix(y) * K0 + x, hash16(v.second, w.second, mul) + z, mul)


# ------------------------------------------------------------------------------------------------------------- SipHash

cdef inline void sip_round(uint64_t* v) noexcept nogil:
    v[0] += v[1]
    v[2] += v[3]
    v[1] = left(v[1], 13) ^ v[0]
    v[3] = left(v[3], 16) ^ v[2]
    v[0] = left(v[0], 32)
    v[2] += v[1]
    v[0] += v[3]
    v[1] = left(v[1], 17) ^ v[2]
    v[3] = left(v[3], 21) ^ v[0]
    v[2] = left(v[2], 32)


cdef inline void sip_word(uint64_t* v, uint64_t m) noexcept nogil:
    v[3] ^= m
    sip_round(v)
    sip_round(v)
    v[0] ^= m


cdef uint64_t sip(const char* s, uint64_t n, uint64_t key0, uint64_t key1) noexcept nogil:
    cdef uint64_t v[4]
    cdef uint64_t last = n << 56
    cdef uint64_t i
    v[0] = SIP[0] ^ key0
    v[1] = SIP[1] ^ key1
    v[2] = SIP[2] ^ key0
    v[3] = SIP[3] ^ key1
    for i in range(n // 8):
        sip_word(v, fetch64(s + 8 * i))
    for i in range(n // 8 * 8, n):
        last |= <uint64_t>(<const uint8_t*>s)[i] << 8 * (i & 7)
    sip_word(v, last)
    v[2] ^= 0xff
    for _ in range(4):
        sip_round(v)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


# --------------------------------------------------------------------------------------------------------------- doors

def fingerprints(items, key=None):
    """Hashes of texts or whole numbers.

    Args:
        items: List of str (hashed as UTF-8) and bytes, or an int64 array (hashed as decimal text).
        key: Pair of whole numbers: SipHash-2-4 with that key instead of FarmHash.

    Returns:
        uint64 array of the shape of `items`.

    Raises:
        TypeError: If an item is neither str nor bytes.
    """
    cdef uint64_t key0 = 0
    cdef uint64_t key1 = 0
    cdef bint strong = key is not None
    cdef Py_ssize_t i, size
    cdef const char* text
    cdef char[32] digits
    cdef const int64_t[::1] numbers
    if strong:
        key0, key1 = [k & 0xffffffffffffffff for k in key]
    out = np.empty(items.size if isinstance(items, np.ndarray) else len(items), dtype=np.uint64)
    cdef uint64_t[::1] y = out
    if isinstance(items, np.ndarray):
        numbers = np.ascontiguousarray(items, dtype=np.int64).reshape(-1)
        with nogil:
            for i in range(numbers.shape[0]):
                size = snprintf(digits, 32, "%lld", <long long>numbers[i])
                y[i] = sip(digits, size, key0, key1) if strong else farm(digits, size)
        return out.reshape(items.shape)
    for i, item in enumerate(items):
        if isinstance(item, str):
            text = PyUnicode_AsUTF8AndSize(item, &size)
        elif isinstance(item, bytes):
            text, size = PyBytes_AS_STRING(item), PyBytes_GET_SIZE(item)
        else:
            raise TypeError(f"fingerprints: expected text; received {item!r} of type {type(item).__name__} at place {i}")
        y[i] = sip(text, size, key0, key1) if strong else farm(text, size)
    return out


def joined(a, b):
    """Hashes of pairs of hashes, in their order.

    Args:
        a, b: uint64 arrays of one shape.

    Returns:
        uint64 array of that shape.
    """
    cdef const uint64_t[::1] x = np.ascontiguousarray(a, dtype=np.uint64).reshape(-1)
    cdef const uint64_t[::1] z = np.ascontiguousarray(b, dtype=np.uint64).reshape(-1)
    cdef Py_ssize_t i
    cdef uint64_t h
    if x.shape[0] != z.shape[0]:
        raise ValueError(f"joined: expected arrays of one shape; received {np.shape(a)} and {np.shape(b)}")
    out = np.empty(np.shape(a), dtype=np.uint64)
    cdef uint64_t[::1] y = out.reshape(-1)
    with nogil:
        for i in range(x.shape[0]):
            h = (x[i] ^ CAT) ^ mix(z[i] * CAT) * CAT
            y[i] = mix(mix(h * CAT) * CAT)
    return out
