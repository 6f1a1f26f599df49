/* Elementary functions that compilers vectorise inside a plain loop.
 *
 * float: branch-free polynomials, so that `for (i...) y[i] = dl_expf(x[i])` becomes vector code at every level without
 * -ffast-math. Each is: reduce the argument, evaluate a polynomial, then overwrite the special cases with selects
 * (both sides computed, one picked: a branch would stop the vectoriser). Bits are moved with memcpy, which vectorises.
 * double: libm, for accuracy (gradient checks run in double), in forms that do not overflow or cancel.
 *
 * Polynomials are our own near-minimax fits: Lawson's iteratively reweighted least squares on 801 Chebyshev nodes, values
 * from 40-digit arithmetic, weighted by the relative error of the final result; coefficients rounded to float one by
 * one, lowest first, the rest refitted each time. "fit 2^-k" is the resulting relative error of the formula; measured
 * bounds in ulp are in tests/test_vmath.py.
 *
 * Multiply-adds are written `a * b + c` and may be contracted to one rounding (FMA) or not: every bound holds for both,
 * but results differ in the last bit between instruction sets. NaN gives NaN. Denormal results may be flushed to zero.
 */
#ifndef DL_VMATH_H
#define DL_VMATH_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define DL_INLINE static inline __attribute__((always_inline))
#else
#define DL_INLINE static inline
#endif

DL_INLINE uint32_t dl_bits(float x) { uint32_t u; memcpy(&u, &x, sizeof u); return u; }
DL_INLINE float dl_float(uint32_t u) { float x; memcpy(&x, &u, sizeof x); return x; }
DL_INLINE uint64_t dl_bits64(double x) { uint64_t u; memcpy(&u, &x, sizeof u); return u; }
DL_INLINE double dl_double(uint64_t u) { double x; memcpy(&x, &u, sizeof x); return x; }

/* Adding 1.5 * 2^23 rounds a float to an integer, which then stands in the low bits of the sum. */
#define DL_ROUND 12582912.0f
#define DL_LOG2E 1.44269504088896341f
#define DL_LN2_HI 0.693359375f /* 10 bits: its product with any exponent is exact (Cody & Waite 1980) */
#define DL_LN2_LO -2.12194440054690583e-4f

/* ---- the exponential family: e^x = 2^n (1 + p), p = e^r - 1, |r| <= ln2/2 ---- */

typedef struct { uint32_t n23; float p; } dl_expansion; /* n23: n shifted to the place of a float's exponent */

/* e^r - 1, fit 2^-28.2. In pairs: what limits such loops is how many links of chains fit in the processor's window. */
DL_INLINE float dl_exp_poly(float r) {
    float r2 = r * r;
    float q = (0.0013818742f * r2 + (0.00836872123f * r + 0.0416682921f)) * r2 + (0.166665211f * r + 0.49999994f);
    return q * r2 + r;
}

DL_INLINE dl_expansion dl_expand(float x) {
    float t = x * DL_LOG2E + DL_ROUND, n = t - DL_ROUND;
    float r = (x - n * DL_LN2_HI) - n * DL_LN2_LO;
    dl_expansion e = {dl_bits(t) << 23, dl_exp_poly(r)};
    return e;
}

DL_INLINE float dl_expf(float x) {
    dl_expansion e = dl_expand(x);
    float y = dl_float(dl_bits(1.0f + e.p) + e.n23);
    y = x > -87.3365448f ? y : 0.0f;             /* log of the smallest normal number */
    return x < 88.7228394f ? y : x + INFINITY;   /* above log of the largest; NaN passes through the sum */
}

DL_INLINE float dl_expm1f(float x) {
    float z = x > -25.0f ? x : -25.0f;
    float t = z * DL_LOG2E + DL_ROUND, n = t - DL_ROUND;
    float r = (z - n * DL_LN2_HI) - n * DL_LN2_LO;
    float q = 0.000197644331f; /* fit 2^-31.1, relative to e^r - 1 */
    q = q * r + 0.00139323878f;
    q = q * r + 0.00833354332f;
    q = q * r + 0.0416664928f;
    q = q * r + 0.166666657f;
    q = q * r + 0.5f;
    float p = (q * r) * r + r;
    float s = dl_float((dl_bits(t) << 23) + 0x3f000000u); /* 2^(n-1): 2^128 would overflow */
    float y = (s * p + (s - 0.5f)) * 2.0f;
    y = fabsf(x) < 5.9604645e-8f ? x : y; /* keeps -0 and denormals, which s * p could flush */
    return x < 88.7228394f ? y : x + INFINITY;
}

/* 1 / (1 + e^-x) = s / (1 + s + p) with e^-x = (1 + p) / s. The rounding errors of the two sums are recovered (Dekker
 * 1971) and put back to first order; multiplying by s, a power of two, is exact. */
DL_INLINE float dl_sigmoidf(float x) {
    float z = -x;
    z = z > 88.0f ? 88.0f : z;
    z = z < -30.0f ? -30.0f : z;
    dl_expansion e = dl_expand(z);
    float s = dl_float(0x3f800000u - e.n23);
    float c = 1.0f + s, d = c + e.p;
    float lost = (s - (c - 1.0f)) + (e.p - (d - c));
    float w = 1.0f / d;
    return s * (w - (w * w) * lost);
}

/* Small |x|: odd polynomial. Else 1 - 2 sigmoid(-2|x|), where the rounding of sigmoid is halved or better. */
DL_INLINE float dl_tanhf(float x) {
    float a = fabsf(x), x2 = x * x;
    float z = a > 10.0f ? 20.0f : a + a;
    dl_expansion e = dl_expand(z);
    float s = dl_float(0x3f800000u - e.n23);
    float big = 1.0f - (s + s) / ((1.0f + s) + e.p);
    float q = -0.00589796668f; /* fit 2^-28.4 */
    q = q * x2 + 0.0207986254f;
    q = q * x2 - 0.0537847169f;
    q = q * x2 + 0.133319363f;
    q = q * x2 - 0.333332986f;
    float small = (q * x2) * a + a;
    return copysignf(a < 0.6f ? small : big, x);
}

/* Small |x|: odd polynomial. Else 1 - e^P(|x|) (the form of N. Juffa's erff; the fits are ours). erf(4) rounds to 1. */
DL_INLINE float dl_erff(float x) {
    float a = fabsf(x), t = a > 4.0f ? 4.0f : a, t2 = t * t;
    float g = ((0.000212895175f * t - 0.00320591242f) * t2 + (0.0228607506f * t - 0.1052159f)) * t2 + /* ln erfc(t) + t = t g(t), fit 2^-28.4 */
              (-0.635753512f * t - 0.128503844f);
    dl_expansion e = dl_expand(g * t - t);
    float big = 1.0f - dl_float(dl_bits(1.0f + e.p) + e.n23);
    float q = 8.00277485e-05f; /* fit 2^-30.0 */
    q = q * t2 - 0.000805080403f;
    q = q * t2 + 0.00519246049f;
    q = q * t2 - 0.0268557407f;
    q = q * t2 + 0.112836257f;
    q = q * t2 - 0.376126289f;
    q = q * t2 + 0.128379166f;
    float small = q * x + x;
    return a < 0.95f ? small : copysignf(big, x);
}

/* ---- logarithms: x = 2^e (1 + f), 1 + f in [2/3, 4/3) ---- */

DL_INLINE float dl_log_poly(float f, float e) {
    float f2 = f * f, f4 = f2 * f2; /* log(1+f) = f - f^2/2 + f^3 q(f), fit 2^-27.7, summed in pairs: the chain is what costs */
    float q = ((-0.128800407f * f + 0.139845937f) * f2 + (-0.121874794f * f + 0.14005734f)) * f4 +
              ((-0.166801959f * f + 0.200104266f) * f2 + (-0.249998063f * f + 0.333332151f));
    float y = (q * f) * f2 + e * DL_LN2_LO;
    y = y - 0.5f * f2;
    return e * DL_LN2_HI + (f + y);
}

/* Denormals count as zero, as everywhere in a kernel. */
DL_INLINE float dl_logf(float x) {
    int32_t i = (int32_t)(dl_bits(x) - 0x3f2aaaabu);
    float f = dl_float(((uint32_t)i & 0x7fffffu) + 0x3f2aaaabu) - 1.0f;
    float y = dl_log_poly(f, (float)(i >> 23));
    y = x >= 1.17549435e-38f ? y : (x < 0.0f ? NAN : -INFINITY);
    return x < INFINITY ? y : x;
}

/* log(1+x) for x > -1. f = x / 2^e + (1 / 2^e - 1) is one rounding away from exact, while 1 + x alone would lose x
 * (the reduction of SLEEF's log1pf, Shibata & Petrogalli 2020). */
DL_INLINE float dl_log1pf(float x) {
    int32_t i = (int32_t)(dl_bits(1.0f + x) - 0x3f2aaaabu);
    int32_t e = i >> 23;
    float s = dl_float((uint32_t)(127 - e) << 23);
    float near = x * s + (s - 1.0f);
    float far = dl_float(((uint32_t)i & 0x7fffffu) + 0x3f2aaaabu) - 1.0f;
    float y = copysignf(dl_log_poly(e > 24 ? far : near, (float)e), x); /* log1p(-0) = -0 */
    y = x > -1.0f ? y : (x < -1.0f ? NAN : -INFINITY);
    return x < INFINITY ? y : x;
}

/* log(1 + e^x) = max(x, 0) + log(1 + w), w = e^-|x| in [0, 1]. A NaN in x is passed on by the maximum. */
DL_INLINE float dl_softplusf(float x) {
    float a = fabsf(x);
    dl_expansion e = dl_expand(-a);
    float w = dl_float(dl_bits(1.0f + e.p) + e.n23);
    w = a < 87.3365448f ? w : 0.0f;
    float w2 = w * w, w4 = w2 * w2; /* log(1 + w) = w + w^2 q(w), fit 2^-27.5 */
    float q = (-0.00329107977f * w4 + ((0.0200884696f * w - 0.0574604869f) * w2 + (0.106613711f * w - 0.153449774f))) * w4 +
              ((0.196921214f * w - 0.249580204f) * w2 + (0.333304644f * w - 0.499999315f));
    return (x < 0.0f ? 0.0f : x) + (q * w2 + w);
}

/* ---- activations built from the above ---- */

DL_INLINE float dl_log_sigmoidf(float x) { return -dl_softplusf(-x); }

/* x / (1 + e^-x) = x s / (s + 1 + p) as in dl_sigmoidf, to two ulp. The clamp at -88 makes s zero, and f(-inf) = -0. */
DL_INLINE float dl_siluf(float x) {
    float z = x < -88.0f ? -88.0f : x;
    dl_expansion e = dl_expand(z > 30.0f ? -30.0f : -z);
    float s = dl_float(0x3f800000u - e.n23);
    return z * (s / ((1.0f + s) + e.p));
}

/* The Mills ratio P(-t) e^(t^2/2) of the normal distribution, t >= 0: P(t) / Q(t) with positive coefficients. With the
 * exponential it gives the distribution function, relatively accurate in the left tail too (1 + erf cancels there).
 * t^2/2 is split into its float and the small rest that was rounded off, which joins the reduced argument. */
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define DL_HALF_SQUARE(t, z, rest) \
    float half = 0.5f * (t), z = -half * (t), rest = __builtin_fmaf(-half, (t), -z)
#else
#define DL_HALF_SQUARE(t, z, rest)                          \
    float head = dl_float(dl_bits(t) & 0xfffff000u);        \
    float z = -0.5f * head * head, rest = -0.5f * ((t) - head) * ((t) + head)
#endif

/* t P(-t) = above / below, or P(-t) when `times` is 1 */
DL_INLINE float dl_normal_tail(float t, float times) {
    DL_HALF_SQUARE(t, z, rest);
    float k = z * DL_LOG2E + DL_ROUND, n = k - DL_ROUND;
    float r = ((z - n * DL_LN2_HI) - n * DL_LN2_LO) + rest;
    float e = dl_exp_poly(r);
    float t2 = t * t; /* fit 2^-27.6 on [0, 13.3] */
    float a = (0.00402019224f * t2 + (0.0399841803f * t + 0.181306778f)) * t2 + (0.435686336f * t + 0.5f);
    float b = ((0.0100769843f * t + 0.100232858f) * t2 + (0.464380384f * t + 1.19448428f)) * t2 + (1.66925759f * t + 1.0f);
    float g = (a * times) / b;
    return (e * g + g) * dl_float(0x3f800000u + (dl_bits(k) << 23));
}

DL_INLINE float dl_normcdff(float x) {
    float a = fabsf(x), t = a > 13.25f ? 13.25f : a; /* e^(-13.25^2/2) is below the smallest normal number */
    float tail = dl_normal_tail(t, 1.0f);
    return x > 0.0f ? 1.0f - tail : tail;
}

/* x P(x) = max(x, 0) - |x| P(-|x|) */
DL_INLINE float dl_geluf(float x) {
    float a = fabsf(x), t = a > 13.25f ? 13.25f : a;
    return (x < 0.0f ? 0.0f : x) - dl_normal_tail(t, t);
}

/* x/2 (1 + tanh u) = x sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3): cheaper, and does not cancel for x < 0 */
DL_INLINE float dl_gelu_tanhf(float x) {
    float z = x < -100.0f ? -100.0f : x;
    float u = z * (0.0713548163f * (z * z) + 1.59576912f);
    u = u < -88.0f ? -88.0f : u;
    dl_expansion e = dl_expand(u > 30.0f ? -30.0f : -u);
    float s = dl_float(0x3f800000u - e.n23);
    return z * (s / ((1.0f + s) + e.p));
}

/* x tanh(softplus(x)) without the logarithm: with e = e^x, tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2), which is 1
 * from x = 20 on. */
DL_INLINE float dl_mishf(float x) {
    float z = x < -88.0f ? -88.0f : x;
    dl_expansion a = dl_expand(z > 20.0f ? 20.0f : z);
    float e = dl_float(dl_bits(1.0f + a.p) + a.n23);
    e = z > -87.3365448f ? e : 0.0f;
    float n = e * (e + 2.0f);
    return z * (n / (n + 2.0f));
}

/* ---- sine and cosine ----
 * Reduced by pi/2 in double with pi/2 in two parts, the first of 25 bits (as in FreeBSD's e_rem_pio2f.c); good to
 * |x| < 2^28 pi/2 = 4.2e8. Beyond that the value is meaningless: dl_sin_n / dl_cos_n hand such elements to libm. */
#define DL_TRIG_MAX 4.2e8f

DL_INLINE float dl_sincos_core(float x, uint64_t quarter) {
    double t = (double)x * 0.63661977236758134308 + 6755399441055744.0; /* 1.5 * 2^52 */
    double n = t - 6755399441055744.0;
    double r = ((double)x - n * 1.57079631090164184570) - n * 1.58932547735281966916e-08;
    uint64_t q = dl_bits64(t) + quarter;
    double r2 = r * r;
    double s = 2.7180465283637815e-06; /* fit 2^-37.5 */
    s = s * r2 - 0.00019839304420996712;
    s = s * r2 + 0.0083333292805393491;
    s = s * r2 - 0.16666666640588323;
    s = r * (s * r2 + 1.0); /* keeps -0; in double the rounding does not matter */
    double c = -2.7209548073803486e-07; /* fit 2^-43.2 */
    c = c * r2 + 2.4799511767786055e-05;
    c = c * r2 - 0.0013888883722638816;
    c = c * r2 + 0.041666666622477234;
    c = (c * r2 - 0.5) * r2 + 1.0;
    double y = (q & 1) ? c : s;
    return (float)dl_double(dl_bits64(y) ^ ((q & 2) << 62));
}

DL_INLINE float dl_sinf(float x) { return dl_sincos_core(x, 0); }
DL_INLINE float dl_cosf(float x) { return dl_sincos_core(x, 1); }

/* Near zero, up to 2^13, reduced in float with pi/2 in parts of 24, 11 and 24 bits. Multiply-adds of one rounding make the
 * first step exact, and the second too where r is small; elsewhere they find what it rounds off. Without them, the above. */
#define DL_TRIG_CLOSE 8192.0f

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
#define DL_TRIG_NEAR
#define DL_TRIG_REDUCE(x, t, r, rest)                                                                  \
    float t = __builtin_fmaf(x, 0.636619747f, DL_ROUND), turns = DL_ROUND - t;                         \
    float first = __builtin_fmaf(turns, 1.57079637f, x), r = __builtin_fmaf(turns, -4.37139533e-08f, first); \
    float rest = __builtin_fmaf(turns, -4.37139533e-08f, first - r);                                   \
    rest = __builtin_fmaf(turns, 2.56334407e-12f, rest)

DL_INLINE float dl_sincos_near(float x, uint32_t quarter) {
    DL_TRIG_REDUCE(x, t, r, rest);
    uint32_t q = dl_bits(t) + quarter;
    float r2 = r * r, r4 = r2 * r2;
    float s = -0.000195068365f * r4 + (0.00833210163f * r2 - 0.166666538f); /* fit 2^-27.9 */
    s = r + ((s * r2) * r + rest);
    float c = 2.44306648e-05f * r4 + (-0.00138873013f * r2 + 0.0416666456f); /* fit 2^-33.1 */
    c = 1.0f + ((c * r4 - r * rest) - (0.5f * r) * r); /* r^2 is not rounded on its own */
    float y = (q & 1) ? c : s;
    return dl_float(dl_bits(y) ^ ((q & 2) << 30));
}

DL_INLINE float dl_sin_near(float x) {
    float y = dl_sincos_near(x, 0);
    return x == 0.0f ? x : y; /* the sign of zero */
}
DL_INLINE float dl_cos_near(float x) { return dl_sincos_near(x, 1); }
#else
#define dl_sin_near dl_sinf
#define dl_cos_near dl_cosf
#endif

/* y may be x: where any is far, the inputs are kept for the second look. */
#define DL_TRIG_N(NAME, NEAR, FAST, EXACT)                                      \
    static inline void NAME(const float *x, float *y, ptrdiff_t n) {            \
        for (ptrdiff_t b = 0; b < n; b += 256) {                                \
            ptrdiff_t m = n - b < 256 ? n - b : 256;                            \
            const float *p = x + b;                                             \
            float *z = y + b, buf[256];                                         \
            int far = 0;                                                        \
            for (ptrdiff_t i = 0; i < m; i++) far |= fabsf(p[i]) > DL_TRIG_CLOSE; \
            if (!far) {                                                         \
                for (ptrdiff_t i = 0; i < m; i++) z[i] = NEAR(p[i]);            \
                continue;                                                       \
            }                                                                   \
            for (ptrdiff_t i = 0; i < m; i++) buf[i] = p[i];                    \
            for (ptrdiff_t i = 0; i < m; i++) z[i] = FAST(buf[i]);              \
            for (ptrdiff_t i = 0; i < m; i++)                                   \
                if (fabsf(buf[i]) > DL_TRIG_MAX) z[i] = EXACT(buf[i]);          \
        }                                                                       \
    }
DL_TRIG_N(dl_sin_n, dl_sin_near, dl_sinf, sinf)
DL_TRIG_N(dl_cos_n, dl_cos_near, dl_cosf, cosf)

/* ---- double ---- */

DL_INLINE double dl_sigmoid(double x) {
    double z = exp(-fabs(x));
    return (x < 0.0 ? z : 1.0) / (1.0 + z);
}

DL_INLINE double dl_softplus(double x) { return (x > 0.0 ? x : 0.0) + log1p(exp(-fabs(x))); }

DL_INLINE double dl_log_sigmoid(double x) { return -dl_softplus(-x); }

DL_INLINE double dl_silu(double x) {
    double z = x < -800.0 ? -800.0 : x;
    return z * dl_sigmoid(z);
}

DL_INLINE double dl_normcdf(double x) { return 0.5 * erfc(x * -0.70710678118654752440); }

DL_INLINE double dl_gelu(double x) {
    double z = x < -100.0 ? -100.0 : x;
    return z * dl_normcdf(z);
}

DL_INLINE double dl_gelu_tanh(double x) {
    double z = x < -100.0 ? -100.0 : x;
    return z * dl_sigmoid(z * (0.07135481627260025 * (z * z) + 1.59576912160573071));
}

DL_INLINE double dl_mish(double x) {
    double z = x < -800.0 ? -800.0 : x;
    double w = exp(-fabs(z));
    double num = z > 0.0 ? 1.0 + 2.0 * w : w * (w + 2.0);
    return z * (num / (num + (z > 0.0 ? 2.0 * w * w : 2.0)));
}

#endif
