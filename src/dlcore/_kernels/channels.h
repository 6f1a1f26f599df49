/* Passes over rows of channels (channels last), for normalization. Included once for each REAL (with its INT, an integer of that size).
 *
 * Rows come in strips that fit into a cache. A strip is walked in panels of up to four vectors of columns, whose coefficients
 * and sums stay in registers over all its rows; meanwhile memory fetches the strip that follows. What is left at the right end
 * of the rows is walked in vectors of 16 bytes, then of one element.
 */
#ifndef DL_CHANNELS_TYPES
#define DL_CHANNELS_TYPES
#include "simd.h"

enum {
    DL_MOMENTS, /* s += x - m, t += (x - m)^2 */
    DL_SLOPES,  /* s += g, t += g (x - m) */
    DL_AFFINE,  /* out = a (x - m) + b */
    DL_SCALED,  /* out = a g */
    DL_BACK,    /* out = a g + (q (x - m) + d) */
};

#ifndef DL_FEW
#define DL_FEW 8
#endif
/* s, t and the coefficients have an element for each column. */
typedef struct {
    const char *x, *g, *m, *a, *b, *q, *d;
    char *out, *s, *t;
    ptrdiff_t rows, width, ld, ldg, ldo; /* leading dimensions of x, g and out */
    ptrdiff_t ahead;                /* what is fetched lies so many elements further on */
    int relu;                       /* out goes through relu; or g comes from behind one and counts where a (x - m) + b > 0 */
    int accumulate;                 /* out += */
} dl_strip;
#endif

/* NV vectors of columns from column j on. Arguments in capitals are constants where it is inlined. */
#define DL_PANEL(KIND, SIZE)                                                                                                  \
    typedef REAL NAME(KIND) __attribute__((vector_size(SIZE), aligned(sizeof(REAL)), may_alias));                             \
    typedef INT NAME(KIND##_mask) __attribute__((vector_size(SIZE), aligned(sizeof(REAL)), may_alias));                       \
    DL_INLINE void NAME(KIND##_panel)(const int PASS, const int RELU, const int ADD, const int NV, const dl_strip *c, ptrdiff_t j) { \
        typedef NAME(KIND) V;                                                                                                 \
        typedef NAME(KIND##_mask) M;                                                                                          \
        enum { L = SIZE / sizeof(REAL) };                                                                                     \
        const int TO_X = PASS != DL_SCALED || RELU, TO_G = PASS == DL_SLOPES || PASS >= DL_SCALED;                            \
        const REAL *x = (const REAL *)c->x + j, *g = TO_G ? (const REAL *)c->g + j : x;                                       \
        REAL *out = PASS >= DL_AFFINE ? (REAL *)c->out + j : 0;                                                               \
        V m[4], a[4], b[4], q[4], d[4], s[4], t[4];                                                                           \
        _Pragma("GCC unroll 4") for (int v = 0; v < NV; v++) {                                                                \
            if (TO_X) m[v] = *(const V *)((const REAL *)c->m + j + v * L);                                                    \
            if (PASS >= DL_AFFINE || RELU) a[v] = *(const V *)((const REAL *)c->a + j + v * L);                               \
            if (PASS == DL_AFFINE || RELU) b[v] = *(const V *)((const REAL *)c->b + j + v * L);                               \
            if (PASS == DL_BACK) q[v] = *(const V *)((const REAL *)c->q + j + v * L);                                         \
            if (PASS == DL_BACK) d[v] = *(const V *)((const REAL *)c->d + j + v * L);                                         \
            s[v] = t[v] = (V){0};                                                                                             \
        }                                                                                                                     \
        for (ptrdiff_t i = 0; i < c->rows; i++) {                                                                             \
            _Pragma("GCC unroll 4") for (int v = 0; v < NV; v++) {                                                            \
                V p, z, w, y;                                                                                                 \
                if (TO_X) p = *(const V *)(x + v * L) - m[v];                                                                 \
                if (PASS == DL_AFFINE || RELU) z = p * a[v] + b[v];                                                           \
                if (TO_G) w = *(const V *)(g + v * L);                                                                        \
                if (TO_G && RELU) w = (V)((M)w & ~(M)(z <= (V){0}));                                                          \
                if (PASS == DL_MOMENTS) s[v] += p, t[v] += p * p;                                                             \
                if (PASS == DL_SLOPES) s[v] += w, t[v] += w * p;                                                              \
                if (PASS == DL_AFFINE) y = z;                                                                                 \
                if (PASS == DL_AFFINE && RELU) y = (V)((M)z & ~(M)(z <= (V){0}));                                             \
                if (PASS == DL_SCALED) y = a[v] * w;                                                                          \
                if (PASS == DL_BACK) y = a[v] * w + (q[v] * p + d[v]);                                                        \
                if (ADD) y += *(const V *)(out + v * L);                                                                      \
                if (PASS >= DL_AFFINE) *(V *)(out + v * L) = y;                                                               \
                if (v * SIZE % 64 == 0) {                                                                                     \
                    if (TO_X) __builtin_prefetch(x + v * L + c->ahead, 0);                                                    \
                    if (TO_G) __builtin_prefetch(g + v * L + c->ahead, 0);                                                    \
                    if (PASS >= DL_AFFINE) __builtin_prefetch(out + v * L + c->ahead, 1);                                     \
                }                                                                                                             \
            }                                                                                                                 \
            x += c->ld, g += TO_G ? c->ldg : 0, out += PASS >= DL_AFFINE ? c->ldo : 0;                                         \
        }                                                                                                                     \
        if (PASS <= DL_SLOPES) _Pragma("GCC unroll 4") for (int v = 0; v < NV; v++) {                                         \
            *(V *)((REAL *)c->s + j + v * L) += s[v];                                                                         \
            *(V *)((REAL *)c->t + j + v * L) += t[v];                                                                         \
        }                                                                                                                     \
    }                                                                                                                         \
    DL_INLINE ptrdiff_t NAME(KIND##_panels)(const int PASS, const int RELU, const int ADD, const int NV, const dl_strip *c, ptrdiff_t j) { \
        enum { L = SIZE / sizeof(REAL) };                                                                                     \
        for (; j + NV * L <= c->width; j += NV * L) NAME(KIND##_panel)(PASS, RELU, ADD, NV, c, j);                            \
        for (; j + L <= c->width; j += L) NAME(KIND##_panel)(PASS, RELU, ADD, 1, c, j);                                       \
        return j;                                                                                                             \
    }
DL_PANEL(wide, DL_VBYTES)
DL_PANEL(short, 16)
DL_PANEL(single, sizeof(REAL))

DL_INLINE void NAME(columns)(const int PASS, const int RELU, const int ADD, const dl_strip *all) {
    const int MOST = DL_VBYTES == 64 ? 4 : 2;
    dl_strip c = *all;
    /* Rows of more than one panel: a few at a time, so that memory is read nearly in order. */
    const ptrdiff_t few = c.width <= MOST * DL_VBYTES / (ptrdiff_t)sizeof(REAL) ? c.rows : PASS < DL_AFFINE ? DL_FEW : 1;
    for (ptrdiff_t i = 0, j; i < all->rows; i += few) {
        c.rows = all->rows - i < few ? all->rows - i : few;
        j = NAME(wide_panels)(PASS, RELU, ADD, MOST, &c, 0);
        j = NAME(short_panels)(PASS, RELU, ADD, 1, &c, j);
        NAME(single_panels)(PASS, RELU, ADD, 1, &c, j);
        c.x += few * c.ld * sizeof(REAL);
        c.g += PASS == DL_SLOPES || PASS >= DL_SCALED ? few * c.ldg * sizeof(REAL) : 0;
        c.out += PASS >= DL_AFFINE ? few * c.ldo * sizeof(REAL) : 0;
    }
}

static void NAME(strip)(int pass, const dl_strip *c) {
    int add = c->accumulate;
    if (pass == DL_MOMENTS) NAME(columns)(DL_MOMENTS, 0, 0, c);
    else if (pass == DL_SLOPES && c->relu) NAME(columns)(DL_SLOPES, 1, 0, c);
    else if (pass == DL_SLOPES) NAME(columns)(DL_SLOPES, 0, 0, c);
    else if (pass == DL_AFFINE && c->relu) NAME(columns)(DL_AFFINE, 1, 0, c);
    else if (pass == DL_AFFINE) NAME(columns)(DL_AFFINE, 0, 0, c);
    else if (pass == DL_SCALED && c->relu && add) NAME(columns)(DL_SCALED, 1, 1, c);
    else if (pass == DL_SCALED && c->relu) NAME(columns)(DL_SCALED, 1, 0, c);
    else if (pass == DL_SCALED && add) NAME(columns)(DL_SCALED, 0, 1, c);
    else if (pass == DL_SCALED) NAME(columns)(DL_SCALED, 0, 0, c);
    else if (c->relu && add) NAME(columns)(DL_BACK, 1, 1, c);
    else if (c->relu) NAME(columns)(DL_BACK, 1, 0, c);
    else if (add) NAME(columns)(DL_BACK, 0, 1, c);
    else NAME(columns)(DL_BACK, 0, 0, c);
}
