/* Elementary functions of floats that are computed in double: what is too rare for a fit of its own still vectorises.
 *
 * Series in double, cut off where the rest no longer shows in a float: the results are the nearest float, but for about one
 * in a hundred that lies next to it. Special cases are those of C's functions.
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

/* (e^x - e^-x) / 2; small |x|: the series, which does not cancel */
DL_INLINE float dl_sinhf(float x) {
    double z = x, z2 = z * z;
    z = z > 200.0 ? 200.0 : z;
    z = z < -200.0 ? -200.0 : z;
    double e = dl_wide_exp2(z * 1.44269504088896340736), big = 0.5 * e - 0.5 / e;
    double q = 1.6059043836821613e-10; /* 1 / 13! */
    q = q * z2 + 2.505210838544172e-08;
    q = q * z2 + 2.7557319223985893e-06;
    q = q * z2 + 0.0001984126984126984;
    q = q * z2 + 0.008333333333333333;
    q = q * z2 + 0.16666666666666666;
    q = (q * z2) * x + x;
    float y = fabsf(x) < 1.0f ? (float)q : (float)big;
    return x == x ? y : x;
}

DL_INLINE float dl_coshf(float x) {
    double z = fabsf(x);
    z = z > 200.0 ? 200.0 : z;
    double e = dl_wide_exp2(z * 1.44269504088896340736);
    float y = (float)(0.5 * e + 0.5 / e);
    return x == x ? y : x;
}

/* Reduced to |s| <= tan(pi/8): above 1 to the reciprocal, then arctan t = pi/4 + arctan((t - 1) / (t + 1)). */
DL_INLINE double dl_wide_arctan(double x) {
    double a = fabs(x);
    double t = a > 1.0 ? 1.0 / a : a;
    double s = t > 0.41421356237309503 ? (t - 1.0) / (t + 1.0) : t, s2 = s * s;
    double q = 0.0476190476190476; /* 1 / 21 */
    q = q * s2 - 0.0526315789473684;
    q = q * s2 + 0.0588235294117647;
    q = q * s2 - 0.0666666666666667;
    q = q * s2 + 0.0769230769230769;
    q = q * s2 - 0.0909090909090909;
    q = q * s2 + 0.111111111111111;
    q = q * s2 - 0.142857142857143;
    q = q * s2 + 0.2;
    q = q * s2 - 0.333333333333333;
    q = (q * s2) * s + s;
    q = t > 0.41421356237309503 ? q + 0.78539816339744830962 : q;
    q = a > 1.0 ? 1.57079632679489661923 - q : q;
    return copysign(q, x);
}

DL_INLINE float dl_arctanf(float x) { return (float)dl_wide_arctan(x); }

DL_INLINE float dl_arcsinf(float x) {
    double z = x;
    return (float)dl_wide_arctan(z / sqrt((1.0 - z) * (1.0 + z)));
}

DL_INLINE float dl_arccosf(float x) {
    double z = x;
    return (float)(2.0 * dl_wide_arctan(sqrt((1.0 - z) / (1.0 + z))));
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
DL_TRIG_N(dl_tan_n, dl_tan_core, tanf)

#endif
