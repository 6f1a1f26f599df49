/* Elementary functions that are rarer than those of vmath.h: powers, and the hyperbolic and the inverse functions.
 *
 * Powers are computed in double, by series that are cut off where the rest no longer shows in a float: the results are the
 * nearest float, but for about one in a hundred that lies next to it. Special cases are those of C's functions.
 */
#ifndef DL_VMATH_WIDE_H
#define DL_VMATH_WIDE_H

#include "vmath.h"

#define DL_ROUND64 6755399441055744.0 /* 1.5 * 2^52: adding it rounds to an integer, which stands in the low bits */

/* 2^p for |p| < 1000 */
DL_INLINE double dl_wide_exp2(double p) {
    double t = p + DL_ROUND64;
    double r = (p - (t - DL_ROUND64)) * 0.69314718055994530942, q = 2.48015873015873e-05; /* 1 / 8! */
    q = q * r + 0.000198412698412698;
    q = q * r + 0.00138888888888889;
    q = q * r + 0.00833333333333333;
    q = q * r + 0.0416666666666667;
    q = q * r + 0.166666666666667;
    q = (q * r + 0.5) * r + 1.0;
    q = q * r + 1.0;
    return dl_double(dl_bits64(q) + (dl_bits64(t) << 52));
}

/* log2 of a float > 0: with m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1), log m = 2 (s + s^3/3 + s^5/5 ...) */
DL_INLINE double dl_wide_log2(double x) {
    uint64_t i = dl_bits64(x) - 0x3fe6a09e667f3bcdULL;
    double m = dl_double((i & 0x000fffffffffffffULL) + 0x3fe6a09e667f3bcdULL);
    double e = dl_double(((i >> 52) & 0xfff) + 0x4330000000000000ULL) - 4503599627370496.0; /* modulo 2^12, as a number */
    e = e > 2047.0 ? e - 4096.0 : e;
    double s = (m - 1.0) / (m + 1.0), s2 = s * s, q = 0.0769230769230769;
    q = q * s2 + 0.0909090909090909;
    q = q * s2 + 0.111111111111111;
    q = q * s2 + 0.142857142857143;
    q = q * s2 + 0.2;
    q = q * s2 + 0.333333333333333;
    q = q * s2 + 1.0;
    return q * s * 2.88539008177792681472 + e;
}

DL_INLINE float dl_powf(float x, float y) {
    float ax = fabsf(x), half = 0.5f * y;
    double l = dl_wide_log2(ax > 0.0f ? (double)ax : 1.0);
    l = ax == 0.0f ? -(double)INFINITY : l;
    l = ax == INFINITY ? (double)INFINITY : l;
    double p = (double)y * l;
    p = p > 300.0 ? 300.0 : p;
    p = p < -300.0 ? -300.0 : p;
    float r = (float)dl_wide_exp2(p);
    int whole = floorf(y) == y;
    int odd = whole & (floorf(half) != half);
    r = odd ? copysignf(r, x) : r;
    r = (x < 0.0f) & (ax != INFINITY) & !whole ? NAN : r;
    r = (x != x) | (y != y) ? NAN : r;
    r = (ax == 1.0f) & (fabsf(y) == INFINITY) ? 1.0f : r;
    return (y == 0.0f) | (x == 1.0f) ? 1.0f : r;
}

/* ---- in float: to one or two ulp ---- */

/* e^a / 4 for a in [0, 89.5]: e^a itself may be beyond the largest number where half of it is not */
DL_INLINE float dl_quarter_exp(float a) {
    dl_expansion e = dl_expand(a > 89.5f ? 89.5f : a);
    float s = dl_float(e.n23 + 0x3e800000u);
    return s * e.p + s;
}

/* (e^x - e^-x) / 2; small |x|: an odd polynomial, which does not cancel */
DL_INLINE float dl_sinhf(float x) {
    float a = fabsf(x), e = dl_quarter_exp(a), x2 = x * x;
    float big = 2.0f * (e - 0.0625f / e);
    float q = (2.78392554e-06f * x2 + 0.000198426351f) * (x2 * x2) + (0.00833331142f * x2 + 0.166666672f); /* fit 2^-31.6 */
    float small = (q * x2) * x + x;
    return a < 1.0f ? small : copysignf(big, x);
}

DL_INLINE float dl_coshf(float x) {
    float e = dl_quarter_exp(fabsf(x));
    return 2.0f * (e + 0.0625f / e);
}

#define DL_HALF_PI 1.57079637f
#define DL_HALF_PI_REST (-4.37113883e-08f)

/* Above 1 by the reciprocal: pi/2 - arctan(1/x) */
DL_INLINE float dl_arctanf(float x) {
    float a = fabsf(x), t = a > 1.0f ? 1.0f / a : a, u = t * t, u2 = u * u, u4 = u2 * u2;
    float q = (0.00291972281f * u - 0.016364133f) * u2 + (0.0432058573f * u - 0.0755172372f); /* fit 2^-25.8 */
    q = q * u4 + ((0.106657855f * u - 0.142110035f) * u2 + (0.199937671f * u - 0.333331525f));
    float r = (q * u) * t, far = DL_HALF_PI - (t + (r - DL_HALF_PI_REST));
    return copysignf(a > 1.0f ? far : t + r, x);
}

/* arcsin s = s + s z P(z), z = s^2, for s up to 1/2; beyond it arcsin a = pi/2 - 2 arcsin(sqrt((1 - a) / 2)). */
typedef struct { float a, r; } dl_arcsine;

DL_INLINE dl_arcsine dl_reduced_arcsin(float x) {
    float a = fabsf(x), square = a * a, z = a > 0.5f ? 0.5f - 0.5f * a : square;
    float s = a > 0.5f ? sqrtf(z) : a, z2 = z * z;
    float q = (0.0422197059f * z2 + (0.0241481662f * z + 0.0454766564f)) * z2 + (0.0749524906f * z + 0.166667536f); /* fit 2^-27.6 */
    dl_arcsine y = {a, (q * z) * s + s};
    return y;
}

DL_INLINE float dl_arcsinf(float x) {
    dl_arcsine y = dl_reduced_arcsin(x);
    float far = DL_HALF_PI - (2.0f * y.r - DL_HALF_PI_REST);
    return copysignf(y.a > 0.5f ? far : y.r, x);
}

DL_INLINE float dl_arccosf(float x) {
    dl_arcsine y = dl_reduced_arcsin(x);
    float from = y.a > 0.5f ? y.r : copysignf(y.r, x), rest = DL_HALF_PI - (from - DL_HALF_PI_REST);
    float far = 2.0f * (x > 0.0f ? y.r : rest);
    return y.a > 0.5f ? far : rest;
}

/* sin / cos; the reduction is that of dl_sincos_core, good to DL_TRIG_MAX */
DL_INLINE float dl_tan_core(float x) {
    double t = (double)x * 0.63661977236758134308 + DL_ROUND64, n = t - DL_ROUND64;
    double r = ((double)x - n * 1.57079631090164184570) - n * 1.58932547735281966916e-08;
    double r2 = r * r;
    double s = -2.50521083854417e-08;
    s = s * r2 + 2.75573192239859e-06;
    s = s * r2 - 0.000198412698412698;
    s = s * r2 + 0.00833333333333333;
    s = s * r2 - 0.166666666666667;
    s = r * (s * r2 + 1.0); /* keeps -0 */
    double c = 2.08767569878681e-09;
    c = c * r2 - 2.75573192239859e-07;
    c = c * r2 + 2.48015873015873e-05;
    c = c * r2 - 0.00138888888888889;
    c = c * r2 + 0.0416666666666667;
    c = (c * r2 - 0.5) * r2 + 1.0;
    double up = dl_bits64(t) & 1 ? -c : s, down = dl_bits64(t) & 1 ? s : c;
    return (float)(up / down);
}
#ifdef DL_TRIG_NEAR
/* tan r, or -1 / tan r in odd quarters; fit 2^-25.3 */
DL_INLINE float dl_tan_near(float x) {
    DL_TRIG_REDUCE(x, t, r, rest);
    float r2 = r * r, r4 = r2 * r2;
    float q = ((0.00968893711f * r2 + 0.0025958647f) * r4 + (0.0247652885f * r2 + 0.053314466f)) * r4 + (0.133400127f * r2 + 0.333331078f);
    float y = r + ((q * r2) * r + (rest * r2 + rest));
    y = dl_bits(t) & 1 ? -1.0f / y : y;
    return x == 0.0f ? x : y;
}
#else
#define dl_tan_near dl_tan_core
#endif
DL_TRIG_N(dl_tan_n, dl_tan_near, dl_tan_core, tanf)

#endif
