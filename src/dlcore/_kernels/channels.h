/* Passes over rows of channels (channels last), for normalization. Included once per REAL, like vectors.h.
 *
 * Rows come in strips that fit into a cache. A strip is walked in panels of a few vectors of columns, whose coefficients and sums
 * stay in registers over its rows; meanwhile memory fetches what lies `ahead`.
 */
#include "vectors.h"

#ifndef DL_CHANNELS
#define DL_CHANNELS
enum {
    DL_MOMENTS, /* s += x - m, t += (x - m)^2 */
    DL_SLOPES,  /* s += g, t += g (x - m) */
    DL_AFFINE,  /* out = a (x - m) + b */
    DL_SCALED,  /* out = a g */
    DL_BACK,    /* out = a g + (q (x - m) + d) */
};

/* s, t and the coefficients have an element for each column. */
typedef struct {
    const char *x, *g, *m, *a, *b, *q, *d;
    char *out, *s, *t;
    Py_ssize_t rows, width, ld, ldg, ldo; /* leading dimensions of x, g and out */
    Py_ssize_t ahead;                     /* what is fetched lies so many elements further on */
    int relu;                             /* out goes through relu; or g comes from behind one and counts where a (x - m) + b > 0 */
    int accumulate;                       /* out += */
} dl_strip;
#endif

#define PANEL (VBYTES == 64 ? 4 : 2) /* vectors: five coefficients of each and what is computed find room in the registers */

DL_ALWAYS VEC NAME(get)(const int PART, const REAL* p, Py_ssize_t n) { return PART ? NAME(load_part)(p, n) : NAME(load)(p); }
DL_ALWAYS void NAME(put)(const int PART, REAL* p, VEC x, Py_ssize_t n) {
    if (PART) NAME(store_part)(p, x, n);
    else NAME(store)(p, x);
}
/* w where z > 0, also where z is NaN */
DL_ALWAYS VEC NAME(where_positive)(VEC z, VEC w) { return (VEC)((NAME(ivec))w & ~(NAME(ivec))(z <= (VEC){0})); }

/* NV vectors of columns from column j on, or n columns of one vector. Arguments in capitals are constants where it is inlined. */
DL_ALWAYS void NAME(panel)(const int PASS, const int RELU, const int ADD, const int NV, const int PART, const dl_strip* c, Py_ssize_t j, Py_ssize_t n) {
    const int TO_X = PASS != DL_SCALED || RELU, TO_G = PASS == DL_SLOPES || PASS >= DL_SCALED, TO_OUT = PASS >= DL_AFFINE;
    const REAL* x = TO_X ? (const REAL*)c->x + j : NULL;
    const REAL* g = TO_G ? (const REAL*)c->g + j : NULL;
    REAL* out = TO_OUT ? (REAL*)c->out + j : NULL;
    VEC m[4], a[4], b[4], q[4], d[4], s[4], t[4];
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
        const Py_ssize_t k = j + v * W;
        if (TO_X) m[v] = NAME(get)(PART, (const REAL*)c->m + k, n);
        if (TO_OUT || RELU) a[v] = NAME(get)(PART, (const REAL*)c->a + k, n);
        if (PASS == DL_AFFINE || RELU) b[v] = NAME(get)(PART, (const REAL*)c->b + k, n);
        if (PASS == DL_BACK) q[v] = NAME(get)(PART, (const REAL*)c->q + k, n);
        if (PASS == DL_BACK) d[v] = NAME(get)(PART, (const REAL*)c->d + k, n);
        s[v] = t[v] = (VEC){0};
    }
    for (Py_ssize_t i = 0; i < c->rows; i++) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) {
            VEC p, z, w, y;
            if (TO_X) p = NAME(get)(PART, x + v * W, n) - m[v];
            if (PASS == DL_AFFINE || RELU) z = p * a[v] + b[v];
            if (TO_G) w = NAME(get)(PART, g + v * W, n);
            if (TO_G && RELU) w = NAME(where_positive)(z, w);
            if (PASS == DL_MOMENTS) s[v] += p, t[v] += p * p;
            if (PASS == DL_SLOPES) s[v] += w, t[v] += w * p;
            if (PASS == DL_AFFINE) y = RELU ? NAME(where_positive)(z, z) : z;
            if (PASS == DL_SCALED) y = a[v] * w;
            if (PASS == DL_BACK) y = a[v] * w + (q[v] * p + d[v]);
            if (ADD) y += NAME(get)(PART, out + v * W, n);
            if (TO_OUT) NAME(put)(PART, out + v * W, y, n);
            if (v * VBYTES % 64 == 0) {
                if (TO_X) __builtin_prefetch(x + v * W + c->ahead, 0);
                if (TO_G) __builtin_prefetch(g + v * W + c->ahead, 0);
                if (TO_OUT) __builtin_prefetch(out + v * W + c->ahead, 1);
            }
        }
        if (TO_X) x += c->ld;
        if (TO_G) g += c->ldg;
        if (TO_OUT) out += c->ldo;
    }
    if (TO_OUT) return;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
        REAL *p = (REAL*)c->s + j + v * W, *r = (REAL*)c->t + j + v * W;
        NAME(put)(PART, p, NAME(get)(PART, p, n) + s[v], n);
        NAME(put)(PART, r, NAME(get)(PART, r, n) + t[v], n);
    }
}

DL_ALWAYS void NAME(columns)(const int PASS, const int RELU, const int ADD, const dl_strip* all) {
    dl_strip c = *all;
    /* Rows of more than one panel: a few at a time, so that memory is read nearly in order. */
    const Py_ssize_t few = c.width <= PANEL * W ? c.rows : PASS < DL_AFFINE ? 8 : 1;
    for (Py_ssize_t i = 0; i < all->rows; i += few) {
        Py_ssize_t j = 0;
        c.rows = all->rows - i < few ? all->rows - i : few;
        for (; j + PANEL * W <= c.width; j += PANEL * W) NAME(panel)(PASS, RELU, ADD, PANEL, 0, &c, j, W);
        for (; j + W <= c.width; j += W) NAME(panel)(PASS, RELU, ADD, 1, 0, &c, j, W);
        if (j < c.width) NAME(panel)(PASS, RELU, ADD, 1, 1, &c, j, c.width - j);
        c.x += few * c.ld * sizeof(REAL);
        if (PASS == DL_SLOPES || PASS >= DL_SCALED) c.g += few * c.ldg * sizeof(REAL);
        if (PASS >= DL_AFFINE) c.out += few * c.ldo * sizeof(REAL);
    }
}

static void NAME(strip)(int pass, const dl_strip* c) {
    const int relu = c->relu, add = c->accumulate;
    if (pass == DL_MOMENTS) NAME(columns)(DL_MOMENTS, 0, 0, c);
    else if (pass == DL_SLOPES && relu) NAME(columns)(DL_SLOPES, 1, 0, c);
    else if (pass == DL_SLOPES) NAME(columns)(DL_SLOPES, 0, 0, c);
    else if (pass == DL_AFFINE && relu) NAME(columns)(DL_AFFINE, 1, 0, c);
    else if (pass == DL_AFFINE) NAME(columns)(DL_AFFINE, 0, 0, c);
    else if (pass == DL_SCALED && relu && add) NAME(columns)(DL_SCALED, 1, 1, c);
    else if (pass == DL_SCALED && relu) NAME(columns)(DL_SCALED, 1, 0, c);
    else if (pass == DL_SCALED && add) NAME(columns)(DL_SCALED, 0, 1, c);
    else if (pass == DL_SCALED) NAME(columns)(DL_SCALED, 0, 0, c);
    else if (relu && add) NAME(columns)(DL_BACK, 1, 1, c);
    else if (relu) NAME(columns)(DL_BACK, 1, 0, c);
    else if (add) NAME(columns)(DL_BACK, 0, 1, c);
    else NAME(columns)(DL_BACK, 0, 0, c);
}

#undef PANEL
