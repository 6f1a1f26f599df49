"""Counter-based random numbers: element i of (seed, stream) is the same however a range is split (see rng.h)."""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from dlcore._kernels.types cimport real

cdef extern from "rng.h" nogil:
    void dl_philox(uint32_t key0, uint32_t key1, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                   uint32_t* out) noexcept
    # fill elements [begin, end); out[0] is element `begin`
    void rng_u32 "dl_rng_u32"(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, uint32_t* out) noexcept
    void dl_uniform_f(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, float* out) noexcept
    void dl_uniform_d(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, double* out) noexcept
    void dl_normal_f(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, float* out) noexcept
    void dl_normal_d(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, double* out) noexcept
    uint32_t drop_threshold "dl_drop_threshold"(double rate) noexcept
    void dl_dropout_f(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, uint32_t drop, float scale,
                      const float* x, float* y, uint8_t* mask) noexcept
    void dl_dropout_d(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, uint32_t drop, double scale,
                      const double* x, double* y, uint8_t* mask) noexcept


# [0, 1): 24 random bits in float, 53 in double
cdef inline void rng_uniform(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, real* out) noexcept nogil:
    if real is float:
        dl_uniform_f(seed, stream, begin, end, out)
    else:
        dl_uniform_d(seed, stream, begin, end, out)


# mean 0, variance 1
cdef inline void rng_normal(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, real* out) noexcept nogil:
    if real is float:
        dl_normal_f(seed, stream, begin, end, out)
    else:
        dl_normal_d(seed, stream, begin, end, out)


# y = x * scale where kept, else 0; mask = 1 where kept; drop = drop_threshold(rate), 0 <= rate < 1.
# x, y and mask point at element `begin`; y may be x.
cdef inline void rng_dropout(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, uint32_t drop, real scale,
                             const real* x, real* y, uint8_t* mask) noexcept nogil:
    if real is float:
        dl_dropout_f(seed, stream, begin, end, drop, scale, x, y, mask)
    else:
        dl_dropout_d(seed, stream, begin, end, drop, scale, x, y, mask)
