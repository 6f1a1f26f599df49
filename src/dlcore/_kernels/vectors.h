/* Vectors of one instruction set for register tiles: loads and stores of whole and part vectors, transposition, packing.
 *
 * Included once per REAL (REAL, REAL_INT, REAL_PER_16, NAME and AVX are set by the leaf), by the headers that hold the tiles.
 * Only gcc/clang vector extensions: the same code serves SSE, AVX, AVX-512 and NEON, by vector width. The exceptions
 * are loads and stores of part of a vector, which are single instructions on AVX and AVX-512.
 */
#ifndef DL_ALWAYS
#include <stddef.h>
#define DL_ALWAYS static inline __attribute__((always_inline))
#endif

#if defined(__AVX__)
#include <immintrin.h>
#endif

/* Tile heights: as many accumulators as registers allow beside NV vectors of B and one element of A. */
#undef VBYTES
#undef MR
#if defined(__AVX512F__)
#define VBYTES 64
#define MR 14
#elif defined(__AVX__)
#define VBYTES 32
#define MR 6
#elif defined(__aarch64__)
#define VBYTES 16
#define MR 12
#else
#define VBYTES 16
#define MR 6
#endif
#undef W
#undef NR
#define W ((Py_ssize_t)(VBYTES / sizeof(REAL)))
#define NR (2 * W)

#define VEC NAME(vec)
#define UVEC NAME(uvec)
typedef REAL VEC __attribute__((vector_size(VBYTES)));
typedef REAL UVEC __attribute__((vector_size(VBYTES), aligned(sizeof(REAL)), may_alias));
typedef REAL_INT NAME(ivec) __attribute__((vector_size(VBYTES)));

DL_ALWAYS VEC NAME(load)(const REAL* p) { return *(const UVEC*)p; }
DL_ALWAYS void NAME(store)(REAL* p, VEC x) { *(UVEC*)p = x; }

/* The first n (0 < n <= W) elements; the others are zero, and their memory is not touched. */
#if defined(__AVX512F__)
DL_ALWAYS VEC NAME(load_part)(const REAL* p, Py_ssize_t n) { return (VEC)AVX(_mm512_maskz_loadu)((1u << n) - 1, p); }
DL_ALWAYS void NAME(store_part)(REAL* p, VEC x, Py_ssize_t n) { AVX(_mm512_mask_storeu)(p, (1u << n) - 1, x); }
#elif defined(__AVX__)
#if REAL_PER_16 == 4
static const REAL_INT NAME(window)[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
#else
static const REAL_INT NAME(window)[8] = {-1, -1, -1, -1};
#endif
DL_ALWAYS __m256i NAME(mask)(Py_ssize_t n) { return _mm256_loadu_si256((const __m256i*)(NAME(window) + W - n)); }
DL_ALWAYS VEC NAME(load_part)(const REAL* p, Py_ssize_t n) { return (VEC)AVX(_mm256_maskload)((const void*)p, NAME(mask)(n)); }
DL_ALWAYS void NAME(store_part)(REAL* p, VEC x, Py_ssize_t n) { AVX(_mm256_maskstore)((void*)p, NAME(mask)(n), x); }
#else
/* Lanes by constant: by variable they would go through memory. */
DL_ALWAYS VEC NAME(load_part)(const REAL* p, Py_ssize_t n) {
    VEC x = {0};
    if (n == W) return NAME(load)(p);
#pragma GCC unroll 4
    for (Py_ssize_t i = 0; i < W; i++)
        if (i < n) x[i] = p[i];
    return x;
}
DL_ALWAYS void NAME(store_part)(REAL* p, VEC x, Py_ssize_t n) {
#pragma GCC unroll 4
    for (Py_ssize_t i = 0; i < W; i++)
        if (i < n) p[i] = x[i];
}
#endif

/* ---- Packing: dst[p*stride + i], p < k, i < stride rounded up to W, from rows or columns of the source. What is
 * written beyond `stride` is overwritten by the next p, so dst needs W elements of slack at its end. */

DL_ALWAYS VEC NAME(zip_low)(VEC a, VEC b);
DL_ALWAYS VEC NAME(zip_high)(VEC a, VEC b);
#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (NAME(ivec)){__VA_ARGS__})
#endif
#if REAL_PER_16 * VBYTES == 16 * 16
DL_ALWAYS VEC NAME(zip_low)(VEC a, VEC b) { return SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23); }
DL_ALWAYS VEC NAME(zip_high)(VEC a, VEC b) { return SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31); }
#elif REAL_PER_16 * VBYTES == 16 * 8
DL_ALWAYS VEC NAME(zip_low)(VEC a, VEC b) { return SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11); }
DL_ALWAYS VEC NAME(zip_high)(VEC a, VEC b) { return SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15); }
#elif REAL_PER_16 * VBYTES == 16 * 4
DL_ALWAYS VEC NAME(zip_low)(VEC a, VEC b) { return SHUFFLE(a, b, 0, 4, 1, 5); }
DL_ALWAYS VEC NAME(zip_high)(VEC a, VEC b) { return SHUFFLE(a, b, 2, 6, 3, 7); }
#else
DL_ALWAYS VEC NAME(zip_low)(VEC a, VEC b) { return SHUFFLE(a, b, 0, 2); }
DL_ALWAYS VEC NAME(zip_high)(VEC a, VEC b) { return SHUFFLE(a, b, 1, 3); }
#endif
#undef SHUFFLE

/* Transpose W x W in registers: log2(W) perfect shuffles. */
DL_ALWAYS void NAME(transpose)(VEC* r) {
    VEC t[VBYTES / sizeof(REAL)];
#pragma GCC unroll 4
    for (Py_ssize_t s = 1; s < W; s *= 2) {
#pragma GCC unroll 8
        for (Py_ssize_t i = 0; i < W / 2; i++) {
            t[2 * i] = NAME(zip_low)(r[i], r[i + W / 2]);
            t[2 * i + 1] = NAME(zip_high)(r[i], r[i + W / 2]);
        }
#pragma GCC unroll 16
        for (Py_ssize_t i = 0; i < W; i++) r[i] = t[i];
    }
}

/* Element (i, p) of the source is src[i*ld + p], i < rows; rows that do not exist become zero. */
static __attribute__((noinline)) void NAME(pack_rows)(const REAL* src, Py_ssize_t ld, Py_ssize_t rows, Py_ssize_t k, REAL* dst, Py_ssize_t stride) {
    for (Py_ssize_t p = 0; p < k; p += W) {
        const Py_ssize_t some = k - p < W ? k - p : W;
        /* Last strip first: what it writes beyond `stride` belongs to the first strip. */
        for (Py_ssize_t s = (stride - 1) / W * W; s >= 0; s -= W) {
            VEC r[VBYTES / sizeof(REAL)];
            const REAL* q = src + s * ld + p;
            if (some == W && rows - s >= W) {
#pragma GCC unroll 16
                for (Py_ssize_t i = 0; i < W; i++) r[i] = NAME(load)(q + i * ld);
            } else {
#pragma GCC unroll 16
                for (Py_ssize_t i = 0; i < W; i++) r[i] = s + i < rows ? NAME(load_part)(q + i * ld, some) : (VEC){0};
            }
            NAME(transpose)(r);
#pragma GCC unroll 16
            for (Py_ssize_t i = 0; i < W; i++)
                if (i < some) NAME(store)(dst + (p + i) * stride + s, r[i]);
        }
    }
}

/* Element (i, p) of the source is src[p*ld + i], i < cols; the others become zero. */
static __attribute__((noinline)) void NAME(pack_cols)(const REAL* src, Py_ssize_t ld, Py_ssize_t cols, Py_ssize_t k, REAL* dst, Py_ssize_t stride) {
    for (Py_ssize_t p = 0; p < k; p++, src += ld, dst += stride) {
        Py_ssize_t s = 0;
        for (; s + W <= cols; s += W) NAME(store)(dst + s, NAME(load)(src + s));
        if (s < cols) NAME(store)(dst + s, NAME(load_part)(src + s, cols - s)), s += W;
        for (; s < stride; s += W) NAME(store)(dst + s, (VEC){0});
    }
}

