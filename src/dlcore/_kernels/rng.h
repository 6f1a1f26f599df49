/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011). A number is a pure function of (seed, stream, position), so any split of a range over threads gives
 * the same numbers, and a checkpoint needs only the position.
 *
 * Layout: the 128-bit counter is (low 64 bits: position / 4; high 64 bits: stream), the 64-bit key is the seed. One
 * block is 16 consecutive counters = 64 words, and word 16*lane + j of a block is output `lane` of its counter j: this
 * order (fixed for all instruction sets) gives vector code contiguous stores. Little-endian machines only.
 *
 * Functions fill elements [begin, end) of the sequence (seed, stream); out[0] is element `begin`.
 */
#ifndef DL_RNG_H
#define DL_RNG_H

#include "simd.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#define DL_RNG_W 16
#define DL_RNG_BLOCK 64

#define DL_PHILOX_M0 0xD2511F53u
#define DL_PHILOX_M1 0xCD9E8D57u
#define DL_PHILOX_W0 0x9E3779B9u
#define DL_PHILOX_W1 0xBB67AE85u

/* The definition, one counter at a time; the tests hold the vector form below against it. */
static inline void dl_philox(uint32_t key0, uint32_t key1, uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3,
                             uint32_t *out) {
    for (uint32_t i = 0; i < 10; i++) {
        uint64_t a = (uint64_t)DL_PHILOX_M0 * c0, b = (uint64_t)DL_PHILOX_M1 * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ (key0 + i * DL_PHILOX_W0);
        c1 = (uint32_t)b;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ (key1 + i * DL_PHILOX_W1);
        c3 = (uint32_t)a;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* 64-bit lanes of which only the lower halves count. */
typedef uint64_t dl_vu __attribute__((vector_size(DL_VBYTES), aligned(4), may_alias));
enum { DL_VU_LANES = DL_VBYTES / 8 };

/* 32 x 32 -> 64 bits of the lower halves. Left to itself gcc makes a full 64-bit multiplication of it (5 x slower at
 * AVX2), and widening a 32-bit vector in a plain loop costs more shuffles than arithmetic. */
#if defined(__AVX512F__)
#define DL_MUL32(a, b) ((dl_vu)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#define DL_XOR3(a, b, c) ((dl_vu)_mm512_ternarylogic_epi64((__m512i)(a), (__m512i)(b), (__m512i)(c), 0x96))
#elif defined(__AVX2__)
#define DL_MUL32(a, b) ((dl_vu)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#elif defined(__SSE2__)
#define DL_MUL32(a, b) ((dl_vu)_mm_mul_epu32((__m128i)(a), (__m128i)(b)))
#else
#define DL_MUL32(a, b) (((a) & 0xffffffffu) * ((b) & 0xffffffffu))
#endif

#ifndef DL_XOR3
#define DL_XOR3(a, b, c) ((a) ^ (b) ^ (c))
#endif

#define DL_PHILOX_ROUND(c0, c1, c2, c3, k0, k1)        \
    do {                                               \
        dl_vu a = DL_MUL32(c0, m0), b = DL_MUL32(c2, m1); \
        c0 = DL_XOR3(b >> 32, c1, k0);                 \
        c1 = b;                                        \
        c2 = DL_XOR3(a >> 32, c3, k1);                 \
        c3 = a;                                        \
    } while (0)

/* Even and odd counters run in two sets of registers; interleaving them is a shift and an or, no shuffle. */
static inline void dl_rng_block(uint64_t seed, uint64_t stream, uint64_t block, uint32_t *out) {
    uint64_t first = block * DL_RNG_W; /* a multiple of 16: adding j < 16 never carries into the upper word */
    dl_vu zero = {0}, m0 = zero + DL_PHILOX_M0, m1 = zero + DL_PHILOX_M1, low = zero + 0xffffffffu, even = zero;
    for (int j = 0; j < DL_VU_LANES; j++) even[j] = 2 * (uint64_t)j;
    for (int g = 0; g < DL_RNG_W; g += 2 * DL_VU_LANES) {
        dl_vu e0 = even + ((first + (uint64_t)g) & 0xffffffffu), e1 = zero + (first >> 32);
        dl_vu e2 = zero + (stream & 0xffffffffu), e3 = zero + (stream >> 32);
        dl_vu o0 = e0 + 1, o1 = e1, o2 = e2, o3 = e3;
        dl_vu k0 = zero + (seed & 0xffffffffu), k1 = zero + (seed >> 32);
        for (int i = 0; i < 10; i++) {
            DL_PHILOX_ROUND(e0, e1, e2, e3, k0, k1);
            DL_PHILOX_ROUND(o0, o1, o2, o3, k0, k1);
            k0 += DL_PHILOX_W0;
            k1 += DL_PHILOX_W1;
        }
        *(dl_vu *)(out + g) = (e0 & low) | (o0 << 32);
        *(dl_vu *)(out + 16 + g) = (e1 & low) | (o1 << 32);
        *(dl_vu *)(out + 32 + g) = (e2 & low) | (o2 << 32);
        *(dl_vu *)(out + 48 + g) = (e3 & low) | (o3 << 32);
    }
}

/* Fills [begin, end) by whole blocks of SIZE elements made by MAKE(seed, stream, block, T *out); the ends are copied. */
#define DL_RNG_FILL(NAME, T, SIZE, MAKE)                                                               \
    static inline void NAME(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, T *out) {      \
        for (int64_t i = begin; i < end;) {                                                            \
            int64_t off = i % (SIZE), take = (SIZE) - off < end - i ? (SIZE) - off : end - i;          \
            if (take == (SIZE)) {                                                                      \
                MAKE(seed, stream, (uint64_t)(i / (SIZE)), out + (i - begin));                         \
            } else {                                                                                   \
                T buf[SIZE];                                                                           \
                MAKE(seed, stream, (uint64_t)(i / (SIZE)), buf);                                       \
                memcpy(out + (i - begin), buf + off, (size_t)take * sizeof(T));                        \
            }                                                                                          \
            i += take;                                                                                 \
        }                                                                                              \
    }

/* [0, 1) on a grid of 2^-24 */
static inline void dl_uniform_block_f(uint64_t seed, uint64_t stream, uint64_t block, float *__restrict out) {
    uint32_t u[DL_RNG_BLOCK];
    dl_rng_block(seed, stream, block, u);
    for (int j = 0; j < DL_RNG_BLOCK; j++) out[j] = (float)(int32_t)(u[j] >> 8) * 5.9604644775390625e-08f;
}

/* [0, 1) on a grid of 2^-53, two words each */
static inline void dl_uniform_block_d(uint64_t seed, uint64_t stream, uint64_t block, double *__restrict out) {
    uint32_t u[DL_RNG_BLOCK];
    dl_rng_block(seed, stream, block, u);
    for (int h = 0; h < 2; h++)
        for (int j = 0; j < 16; j++) {
            double a = (double)(int32_t)(u[32 * h + j] >> 5), b = (double)(int32_t)(u[32 * h + 16 + j] >> 6);
            out[16 * h + j] = (a * 67108864.0 + b) * 1.1102230246251565e-16;
        }
}

/* sin and cos of 2 pi k / 2^24 for a 24-bit k: the octant is exact integer arithmetic, so float suffices */
DL_INLINE void dl_sincos_turn(uint32_t k, float *sine, float *cosine) {
    uint32_t q = (k + (1u << 21)) >> 22; /* nearest quarter turn, 0..4 */
    float r = (float)((int32_t)k - (int32_t)(q << 22)) * 3.74507012e-07f; /* 2 pi / 2^24 */
    float r2 = r * r;
    float s = -0.000195179004f; /* fit 2^-27.9 */
    s = s * r2 + 0.00833218731f;
    s = s * r2 - 0.166666552f;
    s = (s * r2) * r + r;
    float c = 2.44306684e-05f; /* fit 2^-33.1 */
    c = c * r2 - 0.00138873013f;
    c = c * r2 + 0.0416666456f;
    c = (c * r2 - 0.5f) * r2 + 1.0f;
    float a = (q & 1) ? c : s, b = (q & 1) ? s : c;
    *sine = dl_float(dl_bits(a) ^ ((q & 2) << 30));
    *cosine = dl_float(dl_bits(b) ^ (((q + 1) & 2) << 30));
}

/* Box-Muller (Box & Muller 1958): sqrt(-2 log u) (cos, sin)(2 pi v). u has 31 bits and is never 0: tails to 6.6 sigma. */
static inline void dl_normal_block_f(uint64_t seed, uint64_t stream, uint64_t block, float *__restrict out) {
    uint32_t u[DL_RNG_BLOCK];
    dl_rng_block(seed, stream, block, u);
    for (int h = 0; h < 2; h++)
        for (int j = 0; j < 16; j++) {
            float v = ((float)(int32_t)(u[32 * h + j] >> 1) + 0.5f) * 4.656612873077393e-10f;
            float rad = sqrtf(-2.0f * dl_logf(v)), sine, cosine;
            dl_sincos_turn(u[32 * h + 16 + j] >> 8, &sine, &cosine);
            out[32 * h + j] = rad * cosine;
            out[32 * h + 16 + j] = rad * sine;
        }
}

static inline void dl_normal_block_d(uint64_t seed, uint64_t stream, uint64_t block, double *__restrict out) {
    double u[DL_RNG_BLOCK / 2];
    dl_uniform_block_d(seed, stream, block, u);
    for (int j = 0; j < 16; j++) {
        double rad = sqrt(-2.0 * log1p(-u[j])), angle = 6.283185307179586477 * u[16 + j]; /* 1 - u is never 0 */
        out[j] = rad * cos(angle);
        out[16 + j] = rad * sin(angle);
    }
}

DL_RNG_FILL(dl_rng_u32, uint32_t, 64, dl_rng_block)
DL_RNG_FILL(dl_uniform_f, float, 64, dl_uniform_block_f)
DL_RNG_FILL(dl_uniform_d, double, 32, dl_uniform_block_d)
DL_RNG_FILL(dl_normal_f, float, 64, dl_normal_block_f)
DL_RNG_FILL(dl_normal_d, double, 32, dl_normal_block_d)

/* ---- dropout: y = x * scale where kept, else 0; mask = 1 where kept ----
 *
 * Half a word for each element: a block of 64 words decides 128 elements, the lower halves the first 64. The rate is
 * nevertheless good to 2^-32: where a half equals the upper half of the threshold, one element in 65536, the lower half
 * of the threshold is compared with another number. */

#define DL_DROP_BLOCK 128

/* An element is dropped with probability threshold / 2^32: rate 0 keeps all. (Rate 1 is the caller's zero fill; one in
 * 65536 is always kept.) */
static inline uint32_t dl_drop_threshold(double rate) {
    double t = rate * 4294967296.0;
    return t >= 4294901760.0 ? 0xffff0000u : t > 0.0 ? (uint32_t)t : 0u;
}

/* The second look, by a key of its own; out[j] is element j of the block. */
static inline void dl_drop_ties(uint64_t seed, uint64_t stream, uint64_t block, uint32_t drop, uint32_t *out) {
    for (uint32_t j = 0; j < DL_DROP_BLOCK; j++) {
        uint64_t i = block * DL_DROP_BLOCK + j;
        uint32_t u[4];
        if (out[j] >> 16 != drop >> 16) continue;
        dl_philox(~(uint32_t)seed, (uint32_t)(seed >> 32), (uint32_t)i, (uint32_t)(i >> 32), (uint32_t)stream, (uint32_t)(stream >> 32), u);
        out[j] = drop & 0xffff0000u;
        if (u[0] >> 16 >= (drop & 0xffffu)) out[j] += 0x10000u;
    }
}

/* 128 numbers that are below `limit` where the element is dropped; returns the limit. */
static inline uint32_t dl_drop_block(uint64_t seed, uint64_t stream, uint64_t block, uint32_t drop, uint32_t *out) {
    uint32_t *u = out + 64;
    dl_rng_block(seed, stream, block, u);
    for (int j = 0; j < 64; j++) out[j] = u[j] << 16;
    if (!(drop & 0xffffu)) return drop;
    uint32_t ties = 0;
    for (int j = 0; j < DL_DROP_BLOCK; j++) ties |= (out[j] ^ drop) < 0x10000u;
    if (ties) dl_drop_ties(seed, stream, block, drop, out);
    return (drop & 0xffff0000u) + 0x10000u;
}

/* Fetches `bytes` that are `ahead`. Drawing takes so long that the processor itself looks no further than this block. */
#define DL_AHEAD(p, bytes, ahead, write) \
    for (size_t line = 0; line < (bytes); line += 64) __builtin_prefetch((const char *)(p) + (ahead) + line, write)

#define DL_DROPOUT(NAME, T)                                                                                  \
    DL_INLINE void NAME##_part(const uint32_t *u, const T *x, T *y, uint8_t *__restrict mask, int64_t n,     \
                               uint32_t drop, T scale) {                                                     \
        for (int64_t k = 0; k < n; k++) {                                                                    \
            T v = x[k] * scale;                                                                              \
            y[k] = u[k] >= drop ? v : 0;                                                                     \
        }                                                                                                    \
        for (int64_t k = 0; k < n; k++) mask[k] = u[k] >= drop;                                              \
    }                                                                                                        \
    /* x, y, mask point at element `begin`; y may be x */                                                    \
    static inline void NAME(uint64_t seed, uint64_t stream, int64_t begin, int64_t end, uint32_t drop, T scale, \
                            const T *x, T *y, uint8_t *mask) {                                               \
        for (int64_t i = begin; i < end;) {                                                                  \
            int64_t off = i % 128, take = 128 - off < end - i ? 128 - off : end - i, k = i - begin;          \
            uint32_t u[DL_DROP_BLOCK], limit = dl_drop_block(seed, stream, (uint64_t)(i / 128), drop, u);    \
            DL_AHEAD(x + k, 128 * sizeof(T), 4096, 0);                                                       \
            DL_AHEAD(y + k, 128 * sizeof(T), 4096, 1);                                                       \
            DL_AHEAD(mask + k, 128, 1024, 1);                                                                \
            if (take == 128)                                                                                 \
                NAME##_part(u, x + k, y + k, mask + k, 128, limit, scale);                                   \
            else                                                                                             \
                NAME##_part(u + off, x + k, y + k, mask + k, take, limit, scale);                            \
            i += take;                                                                                       \
        }                                                                                                    \
    }
DL_DROPOUT(dl_dropout_f, float)
DL_DROPOUT(dl_dropout_d, double)

#endif
