/* Winograd convolution for one instruction set (Lavin & Gray, CVPR 2016; Cook-Toom): stride 1, float32, channels last.
 *
 * An output tile of M x M comes from 6 x 6 inputs as A^T [(G g G^T) . (B^T d B)] A, where R x R is the kernel and
 * M + R = 7: F(4x4, 3x3) multiplies a quarter as often as the definition, F(2x2, 5x5) 0.36 times. Kernels of one row (1 x R) go
 * without the vertical half: 1 x M outputs from 1 x 6 inputs, F(4, 3) multiplies half as often. For each of the 36 (or 6)
 * positions the products over channels are a matrix product of (tiles, C) by (C, K), done by register tiles
 * while everything is in the L2 cache. The gradient by the input is the same convolution with kernels turned round; the
 * gradient by the kernel is the transposed algorithm, G^T [sum over tiles of (B^T d B)(A dz A^T)] G.
 *
 * The points are 0, +-3/4, +-3/2 and infinity: exact in binary, and the error is a quarter of that of the usual 0, +-1, +-2.
 *
 * At the lower and right edge tiles may have fewer than M rows or columns. For n of them n + R - 1 of the points suffice: the first
 * so many in the order 0, 3/4, infinity, -3/4, 3/2, -3/2. What belongs to a point in the transformed kernel is the same but for a factor (the
 * product of the distances to the points left out), which the transform of the input makes good.
 *
 * Included without REAL for the types alone, and with it (as float) for the code.
 */
#ifndef DL_WINOGRAD_TYPES
#define DL_WINOGRAD_TYPES
#include <stddef.h>
#include <string.h>

/* A convolution over x (n,h,w,c) with kernels of r x r or 1 x r (rows: r or 1): y is (n,oh,ow,k), and y[0,0] reads x from -top, -left on; around x are zeros. */
typedef struct {
    Py_ssize_t n, h, w, c, oh, ow, k, top, left, r, rows;
    const float *x, *mask;       /* where mask <= 0 (if there is one), x counts as 0 */
    const float* weights;        /* (rows,r,c,k), or if turned (rows,r,k,c): of the convolution whose gradient by its input this is */
    int turned;
    float* y;                    /* in a gradient by the kernel, that */
    int pools;                   /* y holds maxima over windows of two pixels of a row, of one row or (rows > 1) two: (n,oh/2,ow/2,k); oh and ow are even */
    unsigned char* places;       /* which element of its window each is (see conv.h), or NULL */
    const float *bias, *scale;   /* per channel of y, or NULL */
    int relu, add;               /* add: to what y holds */
    void (*finish)(void* ctx, void* y, Py_ssize_t n); /* called on finished elements of y, or NULL */
    void* ctx;
    const float *g, *gmask;      /* gradient by the kernel: gradient of y, and where it counts as 0 */
    /* set by dl_winograd_plan: tiles are mv x m; a segment is a run of at most `seg` tiles of one row of tiles, a block is `per` segments */
    Py_ssize_t m, mv, th, tw, matrices, seg, nseg, segments, per, cp, panels;
    Py_ssize_t ev, eh;                    /* points of the last tile of a column and of a row: 6, or fewer at an edge */
    Py_ssize_t plane_v, plane_m, plane_u; /* elements from one of the 36 or 6 matrices to the next: never a multiple of 4096 bytes */
    int streams;                          /* x and y are larger than the L2 cache */
} dl_winograd;
#endif

#ifdef REAL
#include "tiles.h"
#include "vectors.h"

typedef NAME(vec) dl_wv;
enum { DL_P = 6, DL_M = 4, DL_R = 5, DL_SEGMENT = 32 }; /* arrays of constant size at most: only they live in registers */
#define LOAD NAME(load)
#define STORE NAME(store)
#define LOOP(i, n) _Pragma("GCC unroll 8") for (int i = 0; i < (n); i++)

/* ---- One dimension of the transforms. Squares of the points: */
#define A2 .5625f
#define B2 2.25f
#define A1 .75f
#define B1 1.5f

/* Positions of the points that n of them are (1: there is no such dimension), and whether n of them have that at position i. */
static const unsigned char dl_points[7][DL_P] = {{0}, {0}, {0}, {0, 1, 5}, {0, 1, 2, 5}, {0, 1, 2, 3, 5}, {0, 1, 2, 3, 4, 5}};
DL_ALWAYS int dl_has(Py_ssize_t n, int i) { return i < 2 || i == 5 || (i == 2 && n > 3) || (i == 3 && n > 4) || n > 5; }

/* B^T: from n values those at n points */
DL_ALWAYS void dl_spread(const int N, const dl_wv* d, dl_wv* o) {
    if (N == 6) {
        const dl_wv ea = d[4] - d[2] * B2, oa = d[3] - d[1] * B2, eb = d[4] - d[2] * A2, ob = d[3] - d[1] * A2;
        o[0] = d[4] - d[2] * (A2 + B2) + d[0] * (A2 * B2);
        o[1] = ea + oa * A1;
        o[2] = ea - oa * A1;
        o[3] = eb + ob * B1;
        o[4] = eb - ob * B1;
        o[5] = d[5] - d[3] * (A2 + B2) + d[1] * (A2 * B2);
    } else if (N == 5) {
        const dl_wv e = d[2] - d[0] * A2, f = d[3] - d[1] * A2, g = d[3] - d[1] * (A1 * B1);
        o[0] = f * B1 - e * B2;
        o[1] = (g + d[2] * (A1 - B1)) * (B1 + A1);
        o[2] = (d[3] + d[1] * (A1 * B1) - d[2] * (A1 + B1)) * (B1 - A1);
        o[3] = f * (2 * B1);
        o[5] = d[4] - d[2] * A2 - f * B1;
    } else if (N == 4) {
        o[0] = d[0] * (A2 * B2) - d[2] * B2;
        o[1] = d[2] * (A2 - B2) + d[1] * (A1 * (A2 - B2));
        o[2] = d[2] * (A2 - B2) - d[1] * (A1 * (A2 - B2));
        o[5] = d[3] - d[1] * A2;
    } else {
        o[0] = d[0] * (A2 * B2) - d[1] * (A1 * B2);
        o[1] = d[1] * (2 * A1 * (A2 - B2));
        o[5] = d[2] - d[1] * A1;
    }
}

/* Values of the polynomial with n coefficients at N points: A */
DL_ALWAYS void dl_values(const int N, const int n, const dl_wv* z, dl_wv* o) {
    dl_wv ea = z[0], eb = z[0], oa = {0}, ob = {0};
    if (n > 1) oa = z[1] * A1, ob = z[1] * B1;
    if (n > 2) ea += z[2] * A2, eb += z[2] * B2;
    if (n > 3) oa += z[3] * (A1 * A2), ob += z[3] * (B1 * B2);
    if (n > 4) ea += z[4] * (A2 * A2), eb += z[4] * (B2 * B2);
    o[0] = z[0];
    o[1] = n > 1 ? ea + oa : ea;
    if (N > 3) o[2] = n > 1 ? ea - oa : ea;
    if (N > 4) o[3] = n > 1 ? eb + ob : eb;
    if (N > 5) o[4] = eb - ob;
    o[5] = z[n - 1];
}

/* Its transpose, n from N: A^T */
DL_ALWAYS void dl_moments(const int N, const int n, const dl_wv* m, dl_wv* y) {
    const dl_wv sa = N > 3 ? m[1] + m[2] : m[1], da = N > 3 ? m[1] - m[2] : m[1];
    const dl_wv sb = N > 5 ? m[3] + m[4] : m[3], db = N > 5 ? m[3] - m[4] : m[3];
    const int b = N > 4;
    y[0] = m[0] + (b ? sa + sb : sa);
    if (n > 1) y[1] = b ? da * A1 + db * B1 : da * A1;
    if (n > 2) y[2] = b ? sa * A2 + sb * B2 : sa * A2;
    if (n > 3) y[3] = b ? da * (A1 * A2) + db * (B1 * B2) : da * (A1 * A2);
    if (n > 4) y[4] = b ? sa * (A2 * A2) + sb * (B2 * B2) : sa * (A2 * A2);
    y[n - 1] += m[5];
}

/* G is A with each row divided by the product of its point's distances to the others. */
#define N0 (1 / (A2 * B2))
#define NA (1 / (2 * A2 * (A2 - B2)))
#define NB (1 / (2 * B2 * (B2 - A2)))
DL_ALWAYS void dl_divide(dl_wv* o) {
    o[0] *= N0;
    o[1] *= NA;
    o[2] *= NA;
    o[3] *= NB;
    o[4] *= NB;
}

/* ---- Cutting the work */
typedef struct {
    Py_ssize_t image, row, first, count; /* tiles, with one at the edge */
    Py_ssize_t whole, at, edge;          /* how many are not at the right edge, where these are in their block, and where that at the edge is */
    int high, wide;                      /* points of the tiles' columns, and of the rows of the last one */
} dl_segment;

DL_ALWAYS dl_segment dl_locate(const dl_winograd* p, Py_ssize_t s) {
    const Py_ssize_t line = s / p->nseg;
    dl_segment q = {line / p->th, line % p->th, s % p->nseg * p->seg, p->seg};
    if (q.count > p->tw - q.first) q.count = p->tw - q.first;
    q.wide = p->eh;
    q.whole = q.count - (q.wide < DL_P);
    q.high = q.row == p->th - 1 ? p->ev : DL_P;
    return q;
}

/* The order of a block's tiles: those at the lower edge, inner ones, those at the right edge, corners. So tiles that need a position
 * follow one another: all of them, or without the last two, or without the first and the last, or inner ones. */
typedef struct {
    Py_ssize_t start[5], next[4];
} dl_order;

/* Tiles of each kind before segment s */
DL_ALWAYS void dl_before(const dl_winograd* p, Py_ssize_t s, Py_ssize_t* n) {
    const Py_ssize_t line = s / p->nseg, part = s % p->nseg * p->seg, low = p->ev < DL_P ? line / p->th : 0, here = p->ev < DL_P && line % p->th == p->th - 1;
    const Py_ssize_t right = p->eh < DL_P, whole = p->tw - right;
    n[0] = low * whole + (here ? part : 0);
    n[1] = (line - low) * whole + (here ? 0 : part);
    n[2] = (line - low) * right;
    n[3] = low * right;
}

/* Of a block, segments s0 to s1, before its segment s. */
static dl_order dl_winograd_order(const dl_winograd* p, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t s) {
    dl_order o;
    Py_ssize_t first[4], last[4], here[4];
    dl_before(p, s0, first), dl_before(p, s1, last), dl_before(p, s, here);
    o.start[0] = 0;
    LOOP(i, 4) o.start[i + 1] = o.start[i] + last[i] - first[i], o.next[i] = o.start[i] + here[i] - first[i];
    return o;
}

DL_ALWAYS dl_segment dl_next(const dl_winograd* p, Py_ssize_t s, dl_order* o) {
    dl_segment q = dl_locate(p, s);
    const int low = q.high < DL_P;
    q.at = o->next[low ? 0 : 1], o->next[low ? 0 : 1] += q.whole;
    q.edge = o->next[low ? 3 : 2], o->next[low ? 3 : 2] += q.count - q.whole;
    return q;
}

/* Blocks of about `tiles` tiles (at least one segment), as equal as possible; 0: one block. */
static void dl_winograd_plan(dl_winograd* p, Py_ssize_t tiles) {
    const Py_ssize_t most = tiles && tiles < DL_SEGMENT ? tiles : DL_SEGMENT;
    p->m = 7 - p->r;
    p->mv = p->rows > 1 ? p->m : 1;
    p->matrices = p->rows > 1 ? 36 : 6;
    p->th = (p->oh + p->mv - 1) / p->mv;
    p->tw = (p->ow + p->m - 1) / p->m;
    p->nseg = (p->tw + most - 1) / most;
    p->seg = (p->tw + p->nseg - 1) / p->nseg;
    p->segments = p->n * p->th * p->nseg;
    p->ev = p->rows > 1 && p->oh % p->m ? p->oh % p->m + p->r - 1 : DL_P;
    p->eh = p->nseg == 1 && p->ow % p->m ? p->ow % p->m + p->r - 1 : DL_P;
    p->per = !tiles ? p->segments : tiles < p->seg ? 1 : tiles / p->seg;
    const Py_ssize_t blocks = (p->segments + p->per - 1) / p->per;
    p->per = (p->segments + blocks - 1) / blocks;
    p->cp = (p->c + W - 1) / W * W;
    p->panels = (p->k + NR - 1) / NR;
    p->plane_v = p->per * p->seg * p->cp + W;
    p->plane_m = p->per * p->seg * NR + W;
    p->plane_u = p->c * NR + W;
    p->streams = p->n * (p->h * p->w * p->c + p->oh * p->ow * p->k) > 1 << 19;
}

/* What follows is inlined with constants: kernels of R columns, and V: not of one row. */
#define HIGH(R) (1 + V * ((R) - 1)) /* without a branch, which would end the unrolling */
#define DL_PV HIGH(DL_P)
#define M (7 - R)

/* ---- x -> V[36][tile][c] for a segment. Columns are transformed downwards once for all tiles that share them (line[x][6]),
 * then along the row. */
static const float dl_no_row[16];

DL_ALWAYS dl_wv dl_kept(dl_wv x, dl_wv mask) { return (dl_wv)((NAME(ivec))x & ~(mask <= 0)); }

/* N pixels down at columns from to end; N = 1: as they are */
DL_ALWAYS void dl_down(const int N, const int FULL, const float** row, const float** mask, const Py_ssize_t* step, Py_ssize_t some, Py_ssize_t from, Py_ssize_t end,
                       dl_wv* line) {
    for (Py_ssize_t j = from; j < end; j++) {
        dl_wv d[DL_P], o[DL_P];
        LOOP(i, N) d[i] = FULL ? LOAD(row[i]) : NAME(load_part)(row[i], some), row[i] += step[i];
        if (mask) LOOP(i, N) d[i] = dl_kept(d[i], FULL ? LOAD(mask[i]) : NAME(load_part)(mask[i], some)), mask[i] += step[i];
        if (N > 1) dl_spread(N, d, o);
        else o[0] = d[0];
        LOOP(i, DL_P)
            if (N > 1 ? dl_has(N, i) : !i) line[j * DL_P + i] = o[i];
    }
}

/* N pixels of a line, of which `high` positions are there, along it: all positions of a tile. */
DL_ALWAYS void dl_along(const int N, Py_ssize_t high, const dl_wv* line, float* to, Py_ssize_t plane) {
    for (Py_ssize_t q = 0; q < high; q++) {
        const Py_ssize_t i = dl_points[high][q];
        dl_wv d[DL_P], o[DL_P];
        LOOP(j, N) d[j] = line[j * DL_P + i];
        dl_spread(N, d, o);
        LOOP(j, DL_P)
            if (dl_has(N, j)) STORE(to + (i * DL_P + j) * plane, o[j]);
    }
}

DL_ALWAYS void dl_input_lanes(const int R, const int V, const int FULL, const dl_winograd* p, dl_segment q, float* v, Py_ssize_t ic, dl_wv* line) {
    const Py_ssize_t high = V ? q.high : 1, cols = q.whole < q.count ? q.whole * M + q.wide : q.count * M + 6 - M;
    const Py_ssize_t y0 = q.row * HIGH(M) - p->top, x0 = q.first * M - p->left, some = p->c - ic;
    const Py_ssize_t from = x0 >= 0 ? 0 : -x0 < cols ? -x0 : cols, end = p->w - x0 < from ? from : p->w - x0 < cols ? p->w - x0 : cols;
    const Py_ssize_t plane = p->plane_v, cp = p->cp;
    const float *row[DL_P], *masks[DL_P], **mask = p->mask ? masks : 0;
    Py_ssize_t step[DL_P];
    LOOP(i, DL_PV) {
        const int there = y0 + i >= 0 && y0 + i < p->h && from < end;
        const Py_ssize_t at = ((q.image * p->h + y0 + i) * p->w + x0 + from) * p->c + ic;
        row[i] = there ? p->x + at : dl_no_row;
        masks[i] = there && p->mask ? p->mask + at : dl_no_row;
        step[i] = there ? p->c : 0;
    }
    for (Py_ssize_t j = 0; j < from; j++) LOOP(i, DL_PV) line[j * DL_P + i] = (dl_wv){0};
    if (!V) dl_down(1, FULL, row, mask, step, some, from, end, line);
    else if (high == 6) dl_down(6, FULL, row, mask, step, some, from, end, line);
    else if (high == 5) dl_down(5, FULL, row, mask, step, some, from, end, line);
    else if (R == 3 && high == 4) dl_down(4, FULL, row, mask, step, some, from, end, line);
    else if (R == 3) dl_down(3, FULL, row, mask, step, some, from, end, line);
    for (Py_ssize_t j = end; j < cols; j++) LOOP(i, DL_PV) line[j * DL_P + i] = (dl_wv){0};
    v += ic;
    for (Py_ssize_t t = 0; t < q.whole; t++) dl_along(6, high, line + t * M * DL_P, v + (q.at + t) * cp, plane);
    if (q.whole == q.count) return;
    line += q.whole * M * DL_P, v += q.edge * cp;
    if (q.wide == 5) dl_along(5, high, line, v, plane);
    else if (R == 3 && q.wide == 4) dl_along(4, high, line, v, plane);
    else if (R == 3) dl_along(3, high, line, v, plane);
}

DL_ALWAYS void dl_input(const int R, const int V, const dl_winograd* p, dl_segment q, float* v) {
    dl_wv line[(DL_SEGMENT * 4 + 2) * DL_P];
    Py_ssize_t ic = 0;
    for (; ic + W <= p->c; ic += W) dl_input_lanes(R, V, 1, p, q, v, ic, line);
    if (ic < p->c) dl_input_lanes(R, V, 0, p, q, v, ic, line);
}

/* ---- kernels -> U[36][c - c0][NR] for one panel of NR output channels and channels c0 to c1. If `turned`, they turn by half a circle,
 * and inputs and outputs change places. */
DL_ALWAYS void dl_weights(const int R, const int V, const dl_winograd* p, Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1, float* u, Py_ssize_t plane) {
    const float* g = p->weights;
    for (Py_ssize_t j = panel * NR; j < p->k && j < (panel + 1) * NR; j += W) {
        const Py_ssize_t outs = p->k - j < W ? p->k - j : W;
        for (Py_ssize_t ic = c0; ic < c1; ic += W) {
            const Py_ssize_t ins = c1 - ic < W ? c1 - ic : W;
            dl_wv taps[DL_R * DL_R][VBYTES / sizeof(float)];
            for (int t = 0; t < HIGH(R) * R; t++) {
                if (p->turned) {
                    const float* from = g + ((HIGH(R) * R - 1 - t) * p->k + j) * p->c + ic;
#pragma GCC unroll 16
                    for (Py_ssize_t i = 0; i < W; i++) taps[t][i] = i < outs ? NAME(load_part)(from + i * p->c, ins) : (dl_wv){0};
                    NAME(transpose)(taps[t]);
                } else {
                    const float* from = g + (t * p->c + ic) * p->k + j;
                    for (Py_ssize_t i = 0; i < ins; i++) taps[t][i] = outs == W ? LOAD(from + i * p->k) : NAME(load_part)(from + i * p->k, outs);
                }
            }
            for (Py_ssize_t i = 0; i < ins; i++) {
                dl_wv t[DL_P * DL_R];
                float* to = u + (ic - c0 + i) * NR + (j - panel * NR);
                LOOP(s, R) {
                    dl_wv d[DL_R], o[DL_P];
                    LOOP(r, HIGH(R)) d[r] = taps[r * R + s][i];
                    if (V) dl_values(6, R, d, o), dl_divide(o);
                    LOOP(r, DL_PV) t[r * R + s] = V ? o[r] : d[r];
                }
                LOOP(r, DL_PV) {
                    dl_wv o[DL_P];
                    dl_values(6, R, t + r * R, o);
                    dl_divide(o);
                    LOOP(s, DL_P) STORE(to + (r * DL_P + s) * plane, o[s]);
                }
            }
        }
    }
}

/* ---- M[36][tile][NR] -> y of a segment, for a panel: A^T M A, then what is added and done on the way. */
DL_ALWAYS void dl_output_tile(const int R, const int NV, const int NH, Py_ssize_t plane, const float* m, dl_wv* o) {
    const int ROWS = NV == 1 ? 1 : NV == 6 ? M : NV - R + 1, COLS = NH == 6 ? M : NH - R + 1;
    dl_wv t[DL_M * DL_P];
    LOOP(j, DL_P)
        if (dl_has(NH, j)) {
            dl_wv a[DL_P], b[DL_M];
            LOOP(i, DL_P)
                if (NV == 1 ? !i : dl_has(NV, i)) a[i] = LOAD(m + (i * DL_P + j) * plane);
            if (NV > 1) dl_moments(NV, ROWS, a, b);
            LOOP(i, ROWS) t[i * DL_P + j] = NV > 1 ? b[i] : a[i];
        }
    LOOP(i, ROWS) dl_moments(NH, COLS, t + i * DL_P, o + i * M);
}

/* Where results of some channels go. */
typedef struct {
    const dl_winograd* p;
    dl_wv scale, bias;
    float* y;
    unsigned char* places;
    Py_ssize_t row; /* elements from one row of y to the next */
} dl_sink;

/* 0 instead of negative numbers; NaN stays */
DL_ALWAYS dl_wv dl_positive(dl_wv v) {
#if defined(__AVX512F__)
    return (dl_wv)_mm512_max_ps(_mm512_setzero_ps(), v);
#elif defined(__AVX__)
    return (dl_wv)_mm256_max_ps(_mm256_setzero_ps(), v);
#else
    return (dl_wv)((NAME(ivec))v & ~(v < 0));
#endif
}

DL_ALWAYS dl_wv dl_finished(const dl_winograd* p, dl_wv v, dl_wv scale, dl_wv bias) {
    v = p->scale ? v * scale + bias : v + bias;
    return p->relu ? dl_positive(v) : v;
}

DL_ALWAYS void dl_put(float* to, dl_wv v, Py_ssize_t some) {
    if (some == W) STORE(to, v);
    else NAME(store_part)(to, v, some);
}

DL_ALWAYS void dl_store_tile(const int WIDE, const dl_sink* s, const dl_wv* o, Py_ssize_t some, Py_ssize_t rows, Py_ssize_t cols) {
    const dl_winograd* p = s->p;
#pragma GCC unroll 4
    for (Py_ssize_t i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (Py_ssize_t j = 0; j < cols; j++) {
            float* to = s->y + i * s->row + j * p->k;
            const dl_wv v = dl_finished(p, o[i * WIDE + j], s->scale, s->bias);
            dl_put(to, p->add ? (some == W ? LOAD(to) : NAME(load_part)(to, some)) + v : v, some);
        }
}

/* The larger of two integers */
DL_ALWAYS NAME(ivec) dl_larger(NAME(ivec) a, NAME(ivec) b) {
#if defined(__AVX512F__)
    return (NAME(ivec))_mm512_max_epi32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (NAME(ivec))_mm256_max_epi32((__m256i)a, (__m256i)b);
#else
    return (b & (b > a)) | (a & ~(b > a));
#endif
}

/* Windows of HIGH_ rows of two pixels, with the order of conv.h: the first of the largest counts, NaN is larger than numbers, and
 * after relu bits without sign are compared. */
DL_ALWAYS void dl_pool_tile(const int WIDE, const int HIGH_, const int RELU, const int PLACES, const dl_sink* s, const dl_wv* o, Py_ssize_t some,
                            Py_ssize_t rows, Py_ssize_t cols) {
    typedef NAME(ivec) ints;
    typedef unsigned char bytes __attribute__((vector_size(VBYTES / sizeof(float))));
    const dl_winograd* p = s->p;
#pragma GCC unroll 2
    for (Py_ssize_t i = 0; i < rows / HIGH_; i++)
#pragma GCC unroll 2
        for (Py_ssize_t j = 0; j < cols / 2; j++) {
            dl_wv best = {0};
            ints at = {0};
            LOOP(e, 2 * HIGH_) {
                const dl_wv v = dl_finished(p, o[(i * HIGH_ + e / 2) * WIDE + j * 2 + e % 2], s->scale, s->bias);
                const ints u = RELU ? (ints)v & 0x7fffffff : (ints)v;
                const ints more = RELU ? u > (ints)best : ~((v <= best) | (best != best));
                best = !e ? (dl_wv)u : RELU ? (dl_wv)dl_larger(u, (ints)best) : (dl_wv)((u & more) | ((ints)best & ~more));
                if (PLACES && e) at = (more & e) | (at & ~more);
            }
            dl_put(s->y + i * s->row + j * p->k, best, some);
            if (PLACES) {
                const bytes b = __builtin_convertvector(at, bytes);
                memcpy(s->places + i * s->row + j * p->k, &b, some);
            }
        }
}

DL_ALWAYS void dl_sink_tile(const int R, const int V, const dl_sink* s, const dl_wv* o, Py_ssize_t some, Py_ssize_t rows, Py_ssize_t cols) {
    if (!s->p->pools) dl_store_tile(M, s, o, some, rows, cols);
    else if (s->p->relu) (s->places ? dl_pool_tile(M, 1 + V, 1, 1, s, o, some, rows, cols) : dl_pool_tile(M, 1 + V, 1, 0, s, o, some, rows, cols));
    else (s->places ? dl_pool_tile(M, 1 + V, 0, 1, s, o, some, rows, cols) : dl_pool_tile(M, 1 + V, 0, 0, s, o, some, rows, cols));
}

/* EDGE(high, wide) for all numbers of points that kernels of R columns need, constants again. */
#define EDGES(EDGE) EDGES_OF(EDGE, 6) EDGES_OF(EDGE, 5) EDGES_OF(EDGE, 4) EDGES_OF(EDGE, 3)
#define EDGES_OF(EDGE, HIGH_) EDGE(HIGH_, 6) EDGE(HIGH_, 5) EDGE(HIGH_, 4) EDGE(HIGH_, 3)
#define NEEDED(HIGH_, WIDE) ((V || HIGH_ == 6) && (R == 3 || (HIGH_ > 4 && WIDE > 4)))

DL_ALWAYS void dl_output(const int R, const int V, const dl_winograd* p, dl_segment q, const float* m, Py_ssize_t panel) {
    const Py_ssize_t rows = p->oh - q.row * HIGH(M) < HIGH(M) ? p->oh - q.row * HIGH(M) : HIGH(M);
    const int halves = p->pools, half_high = V && halves; /* windows of two */
    const Py_ssize_t width = p->ow >> halves, step = (M >> halves) * p->k, plane = p->plane_m;
    const Py_ssize_t from = ((q.image * (p->oh >> half_high) + (q.row * HIGH(M) >> half_high)) * width + (q.first * M >> halves)) * p->k + panel * NR;
    for (Py_ssize_t j = 0, k; j < NR && (k = panel * NR + j) < p->k; j += W) {
        const Py_ssize_t some = p->k - k < W ? p->k - k : W;
        dl_sink s = {p, {0}, {0}, p->y + from + j, p->places ? p->places + from + j : 0, width * p->k};
        if (p->scale) s.scale = NAME(load_part)(p->scale + k, some);
        if (p->bias) s.bias = NAME(load_part)(p->bias + k, some);
        for (Py_ssize_t t = 0; t < q.count; t++) {
            const Py_ssize_t left = p->ow - (q.first + t) * M, cols = left < M ? left : M;
            const float* tile = m + (t < q.whole ? q.at + t : q.edge) * NR + j;
            dl_wv o[DL_M * DL_M];
            switch (q.high * 8 + (t < q.whole ? 6 : q.wide)) {
#define EDGE(HIGH_, WIDE) \
    case HIGH_ * 8 + WIDE: \
        if (NEEDED(HIGH_, WIDE)) dl_output_tile(R, V ? HIGH_ : 1, WIDE, plane, tile, o); \
        break;
                EDGES(EDGE)
#undef EDGE
            }
            if (some < W) dl_sink_tile(R, V, &s, o, some, rows, cols);
            else if (rows == HIGH(M) && cols == M) dl_sink_tile(R, V, &s, o, W, HIGH(M), M);
            else dl_sink_tile(R, V, &s, o, W, rows, cols);
            s.y += step;
            if (s.places) s.places += step;
        }
    }
}

/* ---- dz -> Z[36][tile][NR] of a segment, for a panel: A dz A^T. */
DL_ALWAYS void dl_grad_along(const int N, const int n, const dl_wv* d, float* z, Py_ssize_t plane) {
    dl_wv o[DL_P];
    dl_values(N, n, d, o);
    LOOP(j, DL_P)
        if (dl_has(N, j)) STORE(z + j * plane, o[j]);
}

DL_ALWAYS dl_wv dl_output_grad_tile(const int R, const int V, const dl_winograd* p, Py_ssize_t at, float* z, Py_ssize_t some, Py_ssize_t rows, Py_ssize_t cols,
                                    Py_ssize_t high, Py_ssize_t wide) {
    const Py_ssize_t plane = p->plane_m;
    dl_wv t[DL_P * DL_M], sum = {0};
    LOOP(j, M) {
        dl_wv d[DL_M], o[DL_P];
        LOOP(i, HIGH(M)) {
            const Py_ssize_t here = at + (i * p->ow + j) * p->k;
            if (i < rows && j < cols) {
                d[i] = some == W ? LOAD(p->g + here) : NAME(load_part)(p->g + here, some);
                if (p->gmask) d[i] = dl_kept(d[i], some == W ? LOAD(p->gmask + here) : NAME(load_part)(p->gmask + here, some));
            } else d[i] = (dl_wv){0};
            sum += d[i];
        }
        if (!V) o[0] = d[0];
        else if (high == 6) dl_values(6, M, d, o);
        else if (high == 5) dl_values(5, 6 - R, d, o);
        else if (R == 3 && high == 4) dl_values(4, 2, d, o);
        else if (R == 3) dl_values(3, 1, d, o);
        LOOP(i, DL_PV) t[i * DL_M + j] = o[i];
    }
    LOOP(i, DL_PV) {
        if (V && !dl_has(high, i)) continue;
        const dl_wv* d = t + i * DL_M;
        float* to = z + i * DL_P * plane;
        if (wide == 6) dl_grad_along(6, M, d, to, plane);
        else if (wide == 5) dl_grad_along(5, 6 - R, d, to, plane);
        else if (R == 3 && wide == 4) dl_grad_along(4, 2, d, to, plane);
        else if (R == 3) dl_grad_along(3, 1, d, to, plane);
    }
    return sum;
}

/* `sums` (NR) receives what is to be added to the gradient by the bias. */
DL_ALWAYS void dl_output_grad(const int R, const int V, const dl_winograd* p, dl_segment q, float* z, Py_ssize_t panel, float* sums) {
    const Py_ssize_t rows = p->oh - q.row * HIGH(M) < HIGH(M) ? p->oh - q.row * HIGH(M) : HIGH(M);
    for (Py_ssize_t j = 0, k; j < NR && (k = panel * NR + j) < p->k; j += W) {
        dl_wv sum = {0};
        for (Py_ssize_t t = 0; t < q.count; t++) {
            const Py_ssize_t column = (q.first + t) * M, cols = p->ow - column < M ? p->ow - column : M;
            const Py_ssize_t at = ((q.image * p->oh + q.row * HIGH(M)) * p->ow + column) * p->k + k;
            float* to = z + (t < q.whole ? q.at + t : q.edge) * NR + j;
            if (rows == HIGH(M) && cols == M && p->k - k >= W) sum += dl_output_grad_tile(R, V, p, at, to, W, HIGH(M), M, 6, 6);
            else sum += dl_output_grad_tile(R, V, p, at, to, p->k - k < W ? p->k - k : W, rows, cols, q.high, t < q.whole ? 6 : q.wide);
        }
        STORE(sums + j, LOAD(sums + j) + sum);
    }
}

/* ---- the sum of `parts` matrices U' (each `apart` after the one before, in this order) -> y: G^T U' G, for a panel and channels
 * c0 to c1, of which U' has the first at its start. */
DL_ALWAYS void dl_weight_grad(const int R, const int V, const dl_winograd* p, const float* u, Py_ssize_t plane, Py_ssize_t parts, Py_ssize_t apart, Py_ssize_t panel,
                              Py_ssize_t c0, Py_ssize_t c1) {
    for (Py_ssize_t j = panel * NR; j < p->k && j < (panel + 1) * NR; j += W) {
        const Py_ssize_t some = p->k - j < W ? p->k - j : W;
        for (Py_ssize_t ic = c0; ic < c1; ic++) {
            dl_wv t[DL_R * DL_P];
            LOOP(s, DL_P) {
                dl_wv a[DL_P], o[DL_R];
                LOOP(r, DL_PV) {
                    const float* from = u + (ic - c0) * NR + (j - panel * NR) + (r * DL_P + s) * plane;
                    a[r] = LOAD(from);
                    for (Py_ssize_t b = 1; b < parts; b++) a[r] += LOAD(from + b * apart);
                }
                if (V) dl_divide(a), dl_moments(6, R, a, o);
                LOOP(r, HIGH(R)) t[r * DL_P + s] = V ? o[r] : a[r];
            }
            LOOP(r, HIGH(R)) {
                dl_wv o[DL_R];
                dl_divide(t + r * DL_P);
                dl_moments(6, R, t + r * DL_P, o);
                LOOP(s, R) {
                    float* to = p->y + ((r * R + s) * p->c + ic) * p->k + j;
                    if (some == W) STORE(to, p->add ? LOAD(to) + o[s] : o[s]);
                    else NAME(store_part)(to, p->add ? NAME(load_part)(to, some) + o[s] : o[s], some);
                }
            }
        }
    }
}

/* ---- For all kernels. */
#define EACH(NAME_, PARAMS, ...)                                                    \
    static __attribute__((noinline)) void NAME_##_33 PARAMS { NAME_(3, 1, __VA_ARGS__); } \
    static __attribute__((noinline)) void NAME_##_55 PARAMS { NAME_(5, 1, __VA_ARGS__); } \
    static __attribute__((noinline)) void NAME_##_13 PARAMS { NAME_(3, 0, __VA_ARGS__); } \
    static __attribute__((noinline)) void NAME_##_15 PARAMS { NAME_(5, 0, __VA_ARGS__); }
#define PICK(NAME_) (p->r == 3 ? p->rows > 1 ? NAME_##_33 : NAME_##_13 : p->rows > 1 ? NAME_##_55 : NAME_##_15)
EACH(dl_input, (const dl_winograd* p, dl_segment q, float* v), p, q, v)
EACH(dl_output, (const dl_winograd* p, dl_segment q, const float* m, Py_ssize_t panel), p, q, m, panel)
EACH(dl_output_grad, (const dl_winograd* p, dl_segment q, float* z, Py_ssize_t panel, float* sums), p, q, z, panel, sums)
EACH(dl_weights, (const dl_winograd* p, Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1, float* u, Py_ssize_t plane), p, panel, c0, c1, u, plane)
EACH(dl_weight_grad, (const dl_winograd* p, const float* u, Py_ssize_t plane, Py_ssize_t parts, Py_ssize_t apart, Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1),
     p, u, plane, parts, apart, panel, c0, c1)

static void dl_winograd_weights(const dl_winograd* p, Py_ssize_t panel, Py_ssize_t c0, Py_ssize_t c1, float* u, Py_ssize_t plane) {
    PICK(dl_weights)(p, panel, c0, c1, u, plane);
}

static void dl_winograd_weight_grad(const dl_winograd* p, const float* u, Py_ssize_t plane, Py_ssize_t parts, Py_ssize_t apart, Py_ssize_t panel, Py_ssize_t c0,
                                    Py_ssize_t c1) {
    PICK(dl_weight_grad)(p, u, plane, parts, apart, panel, c0, c1);
}

/* Segments `from` to `upto` of the block from s0 to s1. */
static void dl_winograd_input(const dl_winograd* p, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t from, Py_ssize_t upto, float* v) {
    dl_order o = dl_winograd_order(p, s0, s1, from);
    for (Py_ssize_t s = from; s < upto; s++) PICK(dl_input)(p, dl_next(p, s, &o), v);
}

static void dl_winograd_output(const dl_winograd* p, Py_ssize_t s0, Py_ssize_t s1, const float* m, Py_ssize_t panel) {
    dl_order o = dl_winograd_order(p, s0, s1, s0);
    for (Py_ssize_t s = s0; s < s1; s++) PICK(dl_output)(p, dl_next(p, s, &o), m, panel);
}

static void dl_winograd_output_grad(const dl_winograd* p, Py_ssize_t s0, Py_ssize_t s1, float* z, Py_ssize_t panel, float* sums) {
    dl_order o = dl_winograd_order(p, s0, s1, s0);
    for (Py_ssize_t s = s0; s < s1; s++) PICK(dl_output_grad)(p, dl_next(p, s, &o), z, panel, sums);
}

/* What remains to be done on the outputs of segments when all their panels are there. */
static void dl_winograd_finish(const dl_winograd* p, Py_ssize_t s0, Py_ssize_t s1) {
    for (Py_ssize_t s = s0; s < s1 && p->finish; s++) {
        const dl_segment q = dl_locate(p, s);
        Py_ssize_t row = q.row * p->mv, rows = p->oh - row < p->mv ? p->oh - row : p->mv, col = q.first * p->m;
        Py_ssize_t cols = p->ow - col < q.count * p->m ? p->ow - col : q.count * p->m;
        float* y = p->y + ((q.image * p->oh + row) * p->ow + col) * p->k;
        if (cols == p->ow) cols *= rows, rows = 1;
        for (; rows > 0; rows--, y += p->ow * p->k) p->finish(p->ctx, y, cols * p->k);
    }
}

/* ---- Memory that later stages need, asked for while the products keep the processor busy (on arrays beyond the caches the
 * transforms would wait for it as long as the products take): `left` items of `lines` cache lines, `step` bytes apart. */
typedef struct {
    const char* at;
    Py_ssize_t left, step, lines;
} dl_stream;

DL_ALWAYS void dl_pull(dl_stream* s, Py_ssize_t n) {
    const char* p = s->at;
    if (n > s->left) n = s->left;
    for (Py_ssize_t i = 0; i < n; i++, p += s->step)
        for (Py_ssize_t j = 0; j < s->lines; j++) __builtin_prefetch(p + 64 * j);
    s->at = p;
    s->left -= n;
}

/* The first pixel of an image (h, w) that no segment before s reads or writes, nearly: `lead` rows of a row of tiles belong to the
 * one before, and rows of several segments are divided as if they lay one after the other. */
DL_ALWAYS Py_ssize_t dl_first_pixel(const dl_winograd* p, Py_ssize_t s, Py_ssize_t h, Py_ssize_t w, Py_ssize_t lead) {
    const Py_ssize_t line = s / p->nseg, row = line % p->th;
    Py_ssize_t y = row ? row * p->mv + lead : 0;
    y = y < 0 ? 0 : y < h ? y : h;
    return (line / p->th * h + y) * w + s % p->nseg * (p->mv * w / p->nseg);
}

/* Part `part` of `parts` of what segments s0 to s1 read of x. */
static dl_stream dl_input_stream(const dl_winograd* p, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t part, Py_ssize_t parts) {
    const Py_ssize_t lead = p->rows - 1 - p->top, from = dl_first_pixel(p, s0, p->h, p->w, lead) * p->c, upto = dl_first_pixel(p, s1, p->h, p->w, lead) * p->c;
    const Py_ssize_t share = (upto - from) / parts;
    const dl_stream s = {(const char*)(p->x + from + part * share), p->streams && share > 0 ? share / 16 + 1 : 0, 64, 1};
    return s;
}

/* What segments s0 to s1 write to a panel of y (or read of its gradient). */
static dl_stream dl_output_stream(const dl_winograd* p, const float* y, Py_ssize_t s0, Py_ssize_t s1, Py_ssize_t panel) {
    const Py_ssize_t window = !p->pools ? 1 : p->rows > 1 ? 4 : 2, k = p->k - panel * NR;
    const Py_ssize_t from = dl_first_pixel(p, s0, p->oh, p->ow, 0) / window, upto = dl_first_pixel(p, s1, p->oh, p->ow, 0) / window;
    const dl_stream s = {(const char*)(y + from * p->k + panel * NR), p->streams && upto > from ? upto - from : 0, 4 * p->k, ((k < NR ? k : NR) + 15) / 16};
    return s;
}

/* ---- Register tile: out[ROWS, NV vectors] (+)= a @ b over k. Element (i, p) of a is a[i*lda + p] if BY_ROW, else a[p*lda + i]; rows
 * of b and out are panels'. */
DL_ALWAYS void dl_product(const int ROWS, const int NV, const int BY_ROW, Py_ssize_t k, const float* a, Py_ssize_t lda, const float* b, float* out, int add) {
    dl_wv acc[MR][2];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) LOOP(v, NV) acc[i][v] = (dl_wv){0};
    /* `out` is in L2, and its addresses are out of reach of the processor's window until the loop ends. */
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) LOOP(v, NV) __builtin_prefetch(out + i * NR + v * W, 1);
    for (Py_ssize_t p = 0; p < k; p++, b += NR) {
        dl_wv x[2];
        LOOP(v, NV) x[v] = LOAD(b + v * W);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const float y = BY_ROW ? a[i * lda] : a[i];
            LOOP(v, NV) acc[i][v] += x[v] * y;
        }
        a += BY_ROW ? 1 : lda;
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) LOOP(v, NV) STORE(out + i * NR + v * W, add ? LOAD(out + i * NR + v * W) + acc[i][v] : acc[i][v]);
}

/* A kind of tile is 2 (NV - 1) + BY_ROW. */
#define PARAMETERS (Py_ssize_t k, const float* a, Py_ssize_t lda, const float* b, float* out, int add)
DL_ALWAYS void NAME(dl_kind)(const int ROWS, const int KIND, Py_ssize_t k, const float* a, Py_ssize_t lda, const float* b, float* out, int add) {
    dl_product(ROWS, KIND / 2 + 1, KIND % 2, k, a, lda, b, out, add);
}
typedef void (*dl_product_fn) PARAMETERS;
#define KIND(K) TILES(MR, dl_kind, K, PARAMETERS, k, a, lda, b, out, add)
KIND(0) KIND(1) KIND(2) KIND(3)
/* [vectors - 1][by row][rows - 1] */
static const dl_product_fn dl_product_tiles[2][2][MR] = {{TILE_ROW(MR, dl_kind, 0), TILE_ROW(MR, dl_kind, 1)},
                                                         {TILE_ROW(MR, dl_kind, 2), TILE_ROW(MR, dl_kind, 3)}};
#undef PARAMETERS
#undef KIND

/* The tiles that need position f are lo to hi. */
DL_ALWAYS void dl_range(const dl_winograd* p, const dl_order* o, Py_ssize_t f, Py_ssize_t* lo, Py_ssize_t* hi) {
    const int down = p->rows == 1 || dl_has(p->ev, f / DL_P), along = dl_has(p->eh, f % DL_P);
    *lo = o->start[!down];
    *hi = o->start[!along ? 2 : down ? 4 : 3];
}

/* out[rows, NR] (+)= a b over a common length k; rows in tiles of nearly equal height. BY_ROW: a is (rows, k), else (k, rows). */
DL_ALWAYS void dl_product_of(const int BY_ROW, Py_ssize_t rows, Py_ssize_t k, const float* a, Py_ssize_t lda, const float* b, float* out, int add, int wide,
                           dl_stream* s1, Py_ssize_t pull1, dl_stream* s2, Py_ssize_t pull2) {
    const Py_ssize_t count = (rows + MR - 1) / MR, height = count > 1 ? rows / count : rows, taller = rows - count * height;
    for (Py_ssize_t t = 0, i = 0, high; t < count; t++, i += high) {
        high = height + (t < taller);
        dl_product_tiles[wide][BY_ROW][high - 1](k, a + i * (BY_ROW ? lda : 1), lda, b, out + i * NR, add);
        dl_pull(s1, pull1);
        dl_pull(s2, pull2);
    }
}

/* The 36 or 6 products of a block and a panel, channels c0 to c1: m[36][tile][NR] (+)= v u */
static void dl_winograd_multiply(const dl_winograd* p, Py_ssize_t b0, Py_ssize_t b1, const float* v, Py_ssize_t c0, Py_ssize_t c1, const float* u, Py_ssize_t plane_u,
                                 float* m, Py_ssize_t panel, dl_stream s1, dl_stream s2) {
    const dl_order o = dl_winograd_order(p, b0, b1, b0);
    const Py_ssize_t pulls = p->matrices * ((o.start[4] + MR - 1) / MR), pull1 = s1.left / pulls + 1, pull2 = s2.left / pulls + 1;
    const int wide = p->k - panel * NR > W;
    for (Py_ssize_t f = 0, lo, hi; f < p->matrices; f++) {
        dl_range(p, &o, f, &lo, &hi);
        dl_product_of(1, hi - lo, c1 - c0, v + f * p->plane_v + lo * p->cp + c0, p->cp, u + f * plane_u, m + f * p->plane_m + lo * NR, c0 > 0, wide, &s1, pull1,
                      &s2, pull2);
    }
}

/* out[36][c - c0][NR] (+)= sum over the tiles of a block of v z */
static void dl_winograd_correlate(const dl_winograd* p, Py_ssize_t b0, Py_ssize_t b1, const float* v, Py_ssize_t c0, Py_ssize_t c1, const float* z, float* out,
                                  Py_ssize_t plane, int add, Py_ssize_t panel, dl_stream s1, dl_stream s2) {
    const dl_order o = dl_winograd_order(p, b0, b1, b0);
    const Py_ssize_t pulls = p->matrices * ((c1 - c0 + MR - 1) / MR), pull1 = s1.left / pulls + 1, pull2 = s2.left / pulls + 1;
    const int wide = p->k - panel * NR > W;
    for (Py_ssize_t f = 0, lo, hi; f < p->matrices; f++) {
        dl_range(p, &o, f, &lo, &hi);
        dl_product_of(0, c1 - c0, hi - lo, v + f * p->plane_v + lo * p->cp + c0, p->cp, z + f * p->plane_m + lo * NR, out + f * plane, add, wide, &s1, pull1,
                      &s2, pull2);
    }
}

/* ---- Scratch of `count` threads at most, whoever they are: rooms of `size` bytes, the first 64 of which say whether it is taken. */
static char* dl_room_take(char* rooms, Py_ssize_t size, Py_ssize_t count) {
    for (Py_ssize_t i = 0;; i = i + 1 < count ? i + 1 : 0)
        if (!__atomic_exchange_n((int*)(rooms + i * size), 1, __ATOMIC_ACQUIRE)) return rooms + i * size;
}
static void dl_room_leave(char* room) { __atomic_store_n((int*)room, 0, __ATOMIC_RELEASE); }

static const Py_ssize_t dl_winograd_lanes = W, dl_winograd_panel = NR;

#undef LOAD
#undef STORE
#undef LOOP
#undef EACH
#undef PICK
#undef HIGH
#undef M
#undef VEC
#undef UVEC
#endif
