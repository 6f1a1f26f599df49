/* Convolution for one instruction set: images in, images out, channels last, without a matrix of patches.
 *
 * A convolution, its gradient by data and a transposed convolution are one loop here: each element of a *target* image is a
 * sum over *taps* of source pixels times weights. Along an axis, target position `start + m * tstep` has its taps at source
 * positions `m * sstep + base[k]`. A convolution has sstep = stride, tstep = 1; the gradient by data of one with stride s has
 * sstep = 1, tstep = s and s *phases* (target positions modulo s), each with the taps that reach it. So nothing is ever scattered.
 *
 * A register tile holds neighbouring pixels of a target row times two (or four) vectors of channels, and runs over all
 * taps and source channels at once: `off` says how far from a pixel's corner the source element of each step lies. The source
 * is read where it is if no tap leaves it, else from a padded copy of the rows that a block needs, small enough for L2.
 *
 * The gradient by weights is the same tile turned: rows are the source channels under a tap, the steps are pixels.
 */
#ifndef DL_CONV_TYPES
#define DL_CONV_TYPES
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef void (*dl_finish)(void* ctx, void* c, Py_ssize_t n);

typedef struct {
    Py_ssize_t source, target;                      /* sizes */
    Py_ssize_t kernel, stride, dilation, before;    /* of the convolution, also where its gradient is meant */
    Py_ssize_t phases, sstep, tstep;
    Py_ssize_t lo, reach, most;                     /* least base, span of bases, largest number of positions of a phase */
    int inside;                                     /* no tap leaves the source */
} dl_axis;

typedef struct {
    Py_ssize_t count[3], start[3], k;               /* positions, the first one's place in the target, steps */
    Py_ssize_t taps[3], base[3], apart[3];          /* taps along each axis, base of the first, from one to the next */
    int* off;
    char* weights;
} dl_phase;

typedef struct {
    dl_axis axis[3];
    Py_ssize_t n, groups, sc, tc, gs, gt;           /* images; channels of source and target, and of a group of them */
    int back;                                       /* the target is the input of the convolution */
    const char *x, *mask;                           /* the source; where mask <= 0 (if there is one), it counts as 0 */
    char* y;
    const char *bias, *scale;                       /* per target channel, or NULL */
    int relu, add;
    /* Maximum pooling on the way, over windows of ph x pw that lie side by side (0: none). The field is never stored: y has the
     * maxima, `places` (or NULL) which element of its window each is. In gradients x or g has those of the maxima. The size of
     * the field along an axis is a multiple of the window: what is beyond has no gradient and is not computed. */
    Py_ssize_t ph, pw;
    unsigned char* places;
    dl_finish finish;                               /* called on finished elements of y, or NULL */
    void* ctx;
    /* set by dl_conv_plan: blocks of `images` images, one depth, bh rows and bw columns (positions of phases) */
    Py_ssize_t images, bh, bw, across, down, blocks, phases, span;
    Py_ssize_t row, plane, image;                   /* strides of the source as it is read, in elements */
    Py_ssize_t room;                                /* elements of a block's copy of the source; 0: read where it is */
    int wide;                                       /* rows are so short that tiles have four vectors of channels */
    double cost;
    dl_phase* phase;
    /* gradient by weights: the blocks are summed in chunks, columns cut in parts */
    const char *g, *gmask;                          /* gradient of the target, and where it counts as 0 */
    char* sums;
    Py_ssize_t chunk, parts;
    int *pixel, *corner;                            /* where each pixel's source is in a block's, and each tap and channel */
    int with_bias;
    int failed;
} dl_conv;

static inline Py_ssize_t dl_up(Py_ssize_t a, Py_ssize_t b) { return (a + b - 1) / b; }
static inline Py_ssize_t dl_least(Py_ssize_t a, Py_ssize_t b) { return a < b ? a : b; }
static inline Py_ssize_t dl_most(Py_ssize_t a, Py_ssize_t b) { return a > b ? a : b; }

/* The positions of phase r of an axis, and the first of them in units of m. */
static inline Py_ssize_t dl_positions(const dl_axis* a, int back, Py_ssize_t r, Py_ssize_t* start, Py_ssize_t* first) {
    *start = *first = 0;
    if (!back) return a->target;
    if (a->before > r) *first = dl_up(a->before - r, a->stride);
    *start = r + a->stride * *first - a->before;
    return *start < a->target ? dl_up(a->target - *start, a->stride) : 0;
}

/* Whether tap k reaches phase r, and from where. */
static inline int dl_reaches(const dl_axis* a, int back, Py_ssize_t r, Py_ssize_t first, Py_ssize_t k, Py_ssize_t* base) {
    const Py_ssize_t v = r - k * a->dilation;
    if (!back) {
        *base = k * a->dilation - a->before;
        return 1;
    }
    *base = first + v / a->stride;
    return v % a->stride == 0;
}

/* The taps that reach phase r: how many, the base of the first, and from one base to the next. */
static void dl_line(const dl_axis* a, int back, Py_ssize_t r, Py_ssize_t first, Py_ssize_t* taps, Py_ssize_t* from, Py_ssize_t* apart) {
    Py_ssize_t base;
    *taps = *from = *apart = 0;
    for (Py_ssize_t k = 0; k < a->kernel; k++)
        if (dl_reaches(a, back, r, first, k, &base)) {
            if (*taps == 0) *from = base;
            if (*taps == 1) *apart = base - *from;
            ++*taps;
        }
}

/* The taps of a line [*begin, *end) that meet the source when the position is m; the others would read zeros. */
static inline void dl_meeting(const dl_axis* a, const dl_phase* p, int axis, Py_ssize_t m, Py_ssize_t* begin, Py_ssize_t* end) {
    Py_ssize_t at = m * a->sstep + p->base[axis], k = 0;
    while (k < p->taps[axis] && (at < 0 || at >= a->source)) k++, at += p->apart[axis];
    *begin = k;
    while (k < p->taps[axis] && at >= 0 && at < a->source) k++, at += p->apart[axis];
    *end = k;
}

static void dl_plan_axis(dl_axis* a, int back) {
    Py_ssize_t hi = 0, end = 0, start, first, base;
    int any = 0;
    a->phases = back ? a->stride : 1;
    a->sstep = back ? 1 : a->stride;
    a->tstep = back ? a->stride : 1;
    a->lo = a->most = 0;
    for (Py_ssize_t r = 0; r < a->phases; r++) {
        const Py_ssize_t count = dl_positions(a, back, r, &start, &first);
        a->most = dl_most(a->most, count);
        for (Py_ssize_t k = 0; k < a->kernel && count; k++)
            if (dl_reaches(a, back, r, first, k, &base)) {
                a->lo = any ? dl_least(a->lo, base) : base;
                hi = any ? dl_most(hi, base) : base;
                end = dl_most(end, (count - 1) * a->sstep + base + 1);
                any = 1;
            }
    }
    a->reach = hi - a->lo + 1;
    a->inside = a->lo >= 0 && end <= a->source;
}

static inline Py_ssize_t dl_room(const dl_conv* c, Py_ssize_t bh, Py_ssize_t bw) {
    return c->axis[0].reach * ((bh - 1) * c->axis[1].sstep + c->axis[1].reach) * ((bw - 1) * c->axis[2].sstep + c->axis[2].reach) * c->sc;
}

/* Cuts the work into blocks, by shape alone. `pixels`: how many a block should have at most. */
static void dl_conv_plan(dl_conv* c, Py_ssize_t size, Py_ssize_t mr, Py_ssize_t lanes, Py_ssize_t pixels) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t limit = 196608 / size;
    double flops = 2.0 * c->n * c->groups * c->gs * c->gt;
    for (int i = 0; i < 3; i++) {
        dl_plan_axis(&c->axis[i], c->back);
        flops *= (double)(c->back ? d[i].source : d[i].target) * d[i].kernel;
    }
    c->phases = d->phases * h->phases * w->phases;
    c->cost = flops / (size == 4 ? 180 : 90) + 0.3 * c->n * (double)d->target * h->target * w->target * c->tc;
    Py_ssize_t bh = h->most, bw = w->most, want = 1;
    if (c->ph) pixels = dl_least(pixels, dl_most(16384 / (size * c->tc), c->ph * bw)); /* pooled while they are in L1 */
    const Py_ssize_t weights = d->kernel * h->kernel * w->kernel * c->gs * c->gt * c->groups * size;
    while (bh > 1 && (dl_room(c, bh, bw) > limit || bh * bw > pixels)) bh = dl_up(bh, 2);
    while (bh == 1 && bw > 16 * mr && (dl_room(c, 1, bw) > limit || bw > pixels)) bw = dl_up(bw, 2);
    if (c->cost > 8000) want = (Py_ssize_t)(c->cost / 4000 < 16 ? c->cost / 4000 : 16);
    while (bh > 1 && bh * bw >= 4 * mr && c->n * d->most * dl_up(h->most, bh) * dl_up(w->most, bw) < want) bh = dl_up(bh, 2);
    c->images = 1;
    if (bh == h->most && bw == w->most && d->most == 1 && bh * bw > 0) {
        const Py_ssize_t few = dl_up(weights > 262144 ? 256 : 64, bh * bw);
        c->images = dl_most(1, dl_least(dl_least(few, limit / dl_most(1, dl_room(c, bh, bw))), c->n / want));
    }
    c->bh = dl_most(bh, 1), c->bw = dl_most(bw, 1);
    if (c->ph) c->bh = dl_up(c->bh, c->ph) * c->ph, c->bw = dl_up(c->bw, c->pw) * c->pw;
    c->down = dl_up(h->most, c->bh), c->across = dl_up(w->most, c->bw);
    c->blocks = dl_up(c->n, c->images) * d->most * c->down * c->across;
    c->wide = dl_least(c->bw, w->most) <= mr / 2 && c->gt > 2 * lanes;
    if (d->inside && h->inside && w->inside && !c->mask && !(c->ph && c->back)) {
        c->room = 0;
        c->row = w->source * c->sc, c->plane = h->source * c->row, c->image = d->source * c->plane;
    } else {
        c->row = ((c->bw - 1) * w->sstep + w->reach) * c->sc;
        c->plane = ((c->bh - 1) * h->sstep + h->reach) * c->row;
        c->image = d->reach * c->plane;
        c->room = c->images * c->image;
    }
    c->span = (d->reach - 1) * c->plane + (h->reach - 1) * c->row + w->reach * c->sc;
}

/* Width in vectors of the panel of channels that begins at j of n. */
static inline int dl_panel(Py_ssize_t left, int wide, Py_ssize_t lanes) { return wide && left > 3 * lanes ? 4 : left > lanes ? 2 : 1; }

static Py_ssize_t dl_padded(Py_ssize_t n, int wide, Py_ssize_t lanes) {
    Py_ssize_t total = 0;
    for (Py_ssize_t j = 0; j < n; j += dl_panel(n - j, wide, lanes) * lanes) total += dl_panel(n - j, wide, lanes) * lanes;
    return total;
}

/* Bytes for phases, offsets and packed weights. */
static Py_ssize_t dl_conv_memory(const dl_conv* c, Py_ssize_t size, Py_ssize_t lanes) {
    const Py_ssize_t taps = c->axis[0].kernel * c->axis[1].kernel * c->axis[2].kernel;
    return c->phases * (Py_ssize_t)sizeof(dl_phase) + taps * c->gs * (Py_ssize_t)sizeof(int) + 128 +
           taps * c->gs * c->groups * dl_padded(c->gt, c->wide, lanes) * size;
}

/* Lays out phases and offsets in `memory`, and says where the weights of each phase will be. */
static void dl_conv_phases(dl_conv* c, char* memory, Py_ssize_t size, Py_ssize_t lanes) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t taps = d->kernel * h->kernel * w->kernel, columns = c->groups * dl_padded(c->gt, c->wide, lanes);
    int* off = (int*)(memory + c->phases * sizeof(dl_phase));
    char* weights = (char*)(((size_t)(off + taps * c->gs) + 63) / 64 * 64);
    dl_phase* p = c->phase = (dl_phase*)memory;
    for (Py_ssize_t rd = 0; rd < d->phases; rd++)
        for (Py_ssize_t rh = 0; rh < h->phases; rh++)
            for (Py_ssize_t rw = 0; rw < w->phases; rw++, p++) {
                Py_ssize_t fd, fh, fw;
                p->count[0] = dl_positions(d, c->back, rd, &p->start[0], &fd);
                p->count[1] = dl_positions(h, c->back, rh, &p->start[1], &fh);
                p->count[2] = dl_positions(w, c->back, rw, &p->start[2], &fw);
                p->off = off, p->weights = weights, p->k = 0;
                dl_line(d, c->back, rd, fd, &p->taps[0], &p->base[0], &p->apart[0]);
                dl_line(h, c->back, rh, fh, &p->taps[1], &p->base[1], &p->apart[1]);
                dl_line(w, c->back, rw, fw, &p->taps[2], &p->base[2], &p->apart[2]);
                for (Py_ssize_t i = 0; i < p->taps[0]; i++)
                    for (Py_ssize_t j = 0; j < p->taps[1]; j++)
                        for (Py_ssize_t k = 0; k < p->taps[2]; k++, p->k += c->gs) {
                            const Py_ssize_t at = (p->base[0] + i * p->apart[0] - d->lo) * c->plane + (p->base[1] + j * p->apart[1] - h->lo) * c->row +
                                                  (p->base[2] + k * p->apart[2] - w->lo) * c->sc;
                            for (Py_ssize_t m = 0; m < c->gs; m++) *off++ = (int)(at + m);
                        }
                weights += p->k * columns * size;
            }
}

/* A block: images [i0, i1), depth, rows [h0, h1), columns [w0, w1), in positions of phases. */
typedef struct {
    Py_ssize_t i0, i1, depth, h0, h1, w0, w1;
} dl_block;

static dl_block dl_locate(const dl_conv* c, Py_ssize_t t) {
    dl_block b;
    b.w0 = t % c->across * c->bw, t /= c->across;
    b.h0 = t % c->down * c->bh, t /= c->down;
    b.depth = t % c->axis[0].most;
    b.i0 = t / c->axis[0].most * c->images;
    b.i1 = dl_least(b.i0 + c->images, c->n);
    b.h1 = dl_least(b.h0 + c->bh, c->axis[1].most);
    b.w1 = dl_least(b.w0 + c->bw, c->axis[2].most);
    return b;
}

/* What one instruction-set level offers for one dtype. */
typedef struct {
    Py_ssize_t mr, lanes, size;
    void (*pack)(const dl_conv* c, const void* weights, Py_ssize_t begin, Py_ssize_t end);
    int (*block)(const dl_conv* c, Py_ssize_t t);
    int (*item)(const dl_conv* c, Py_ssize_t t);
    void (*pool)(const dl_conv* c, const void* field, Py_ssize_t begin, Py_ssize_t end);
    void (*unpool)(const dl_conv* c, void* field, Py_ssize_t begin, Py_ssize_t end);
    void (*total)(const void* sums, Py_ssize_t chunks, Py_ssize_t stride, Py_ssize_t begin, Py_ssize_t end, void* out, int add);
} dl_conv_table;
#endif

#ifdef REAL
#include "vectors.h"

/* As many addresses as there are registers for. */
#undef MOST_CORNERS
#define MOST_CORNERS (MR > 6 ? 9 : 6)

/* x if x > 0 or NaN, else 0 */
DL_ALWAYS VEC NAME(positive)(VEC x) {
#if defined(__AVX512F__)
    return (VEC)AVX(_mm512_max)(AVX(_mm512_setzero)(), x);
#elif defined(__AVX__)
    return (VEC)AVX(_mm256_max)(AVX(_mm256_setzero)(), x);
#else
    return (VEC)((NAME(ivec))x & ~(NAME(ivec))(x <= (VEC){0}));
#endif
}

/* ---- acc[i][v] += sum over p of a[off[p] + i*lda] * b[p*ldb + v*W]. Arguments in capitals are constants where inlined. */
DL_ALWAYS void NAME(steps)(const int ROWS, const int NV, const int UNIT, Py_ssize_t k, const REAL* a, Py_ssize_t lda, const int* off, const REAL* b,
                           Py_ssize_t ldb, VEC acc[MR][4]) {
    for (Py_ssize_t p = 0; p < k; p++) {
        const REAL* q = a + off[p];
        VEC x[4];
        if (UNIT) __builtin_prefetch(b + 24 * ldb);
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) x[v] = NAME(load)(b + v * W);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const REAL y = UNIT ? q[i] : q[i * lda];
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) acc[i][v] += x[v] * y;
        }
        b += ldb;
    }
}

/* ---- ROWS pixels of a target row times NV vectors of channels, of which `cols` channels exist. */
DL_ALWAYS void NAME(pixels)(const int ROWS, const int NV, Py_ssize_t k, const REAL* a, Py_ssize_t lda, const int* off, const REAL* b, REAL* c, Py_ssize_t ldc,
                            Py_ssize_t cols, const REAL* bias, const REAL* scale, int relu, int add) {
    VEC acc[MR][4];
    const Py_ssize_t last = cols - (NV - 1) * W;
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) {
        const VEC first = scale || !bias ? (VEC){0} : v < NV - 1 || last == W ? NAME(load)(bias + v * W) : NAME(load_part)(bias + v * W, last);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) acc[i][v] = first;
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) __builtin_prefetch(c + i * ldc, 1);
    NAME(steps)(ROWS, NV, 0, k, a, lda, off, b, NV * W, acc);
    __asm__ volatile("" : "+r"(bias), "+r"(scale)); /* or the compiler keeps vectors of them through the loop, and others on the stack */
    if (scale) {
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) {
            const VEC times = v < NV - 1 || last == W ? NAME(load)(scale + v * W) : NAME(load_part)(scale + v * W, last);
            const VEC more = !bias ? (VEC){0} : v < NV - 1 || last == W ? NAME(load)(bias + v * W) : NAME(load_part)(bias + v * W, last);
#pragma GCC unroll 16
            for (int i = 0; i < ROWS; i++) acc[i][v] = acc[i][v] * times + more;
        }
    }
    if (relu) {
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
            for (int v = 0; v < NV; v++) acc[i][v] = NAME(positive)(acc[i][v]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ldc) {
#pragma GCC unroll 4
        for (int v = 0; v < NV - 1; v++) NAME(store)(c + v * W, add ? NAME(load)(c + v * W) + acc[i][v] : acc[i][v]);
        REAL* d = c + (NV - 1) * W;
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}

/* ---- ROWS source channels times NV vectors of target channels, over k pixels. */
DL_ALWAYS void NAME(channels)(const int ROWS, const int NV, Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols,
                              int add) {
    VEC acc[MR][4];
    const Py_ssize_t last = cols - (NV - 1) * W;
    REAL tail[2 * W];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) acc[i][v] = (VEC){0};
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) __builtin_prefetch(c + i * ld, 1);
    if (last == W) NAME(steps)(ROWS, NV, 1, k, a, 0, off, b, ld, acc);
    else {
        /* A row's part vector reads on into the next pixel's; the last pixel has none. */
        const Py_ssize_t safe = dl_most(0, k - dl_up(W, ld));
        NAME(steps)(ROWS, NV, 1, safe, a, 0, off, b, ld, acc);
        for (Py_ssize_t p = safe; p < k; p++) {
            if (NV == 2) NAME(store)(tail, NAME(load)(b + p * ld));
            NAME(store)(tail + (NV - 1) * W, NAME(load_part)(b + p * ld + (NV - 1) * W, last));
            NAME(steps)(ROWS, NV, 1, 1, a, 0, off + p, tail, 0, acc);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ld) {
        REAL* d = c + (NV - 1) * W;
        if (NV == 2) NAME(store)(c, add ? NAME(load)(c) + acc[i][0] : acc[i][0]);
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}

/* ---- The same where so few channels lie side by side that rows are taken from several taps: row i is at a + corner[i]. */
DL_ALWAYS void NAME(corners)(const int ROWS, const int NV, Py_ssize_t k, const REAL* a, const int* corner, const int* off, const REAL* b, REAL* c,
                             Py_ssize_t ld, Py_ssize_t cols, int add) {
    VEC acc[MOST_CORNERS][2];
    const REAL* q[MOST_CORNERS];
    const Py_ssize_t last = cols - (NV - 1) * W, safe = last == W ? k : dl_most(0, k - dl_up(W, ld));
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
        q[i] = a + corner[i];
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) acc[i][v] = (VEC){0};
    }
    for (Py_ssize_t p = 0; p < k; p++, b += ld) {
        const Py_ssize_t at = off[p];
        VEC x[2];
        __builtin_prefetch(b + 24 * ld);
#pragma GCC unroll 2
        for (int v = 0; v < NV; v++) x[v] = v < NV - 1 || p < safe ? NAME(load)(b + v * W) : NAME(load_part)(b + v * W, last);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            const REAL y = q[i][at];
#pragma GCC unroll 2
            for (int v = 0; v < NV; v++) acc[i][v] += x[v] * y;
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++, c += ld) {
        REAL* d = c + (NV - 1) * W;
        if (NV == 2) NAME(store)(c, add ? NAME(load)(c) + acc[i][0] : acc[i][0]);
        if (last == W) NAME(store)(d, add ? NAME(load)(d) + acc[i][NV - 1] : acc[i][NV - 1]);
        else NAME(store_part)(d, add ? NAME(load_part)(d, last) + acc[i][NV - 1] : acc[i][NV - 1], last);
    }
}

typedef void (*NAME(pixels_fn))(Py_ssize_t k, const REAL* a, Py_ssize_t lda, const int* off, const REAL* b, REAL* c, Py_ssize_t ldc, Py_ssize_t cols,
                                const REAL* bias, const REAL* scale, int relu, int add);
typedef void (*NAME(channels_fn))(Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols, int add);
typedef void (*NAME(corners_fn))(Py_ssize_t k, const REAL* a, const int* corner, const int* off, const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols, int add);
#define CORNERS(ROWS, NV)                                                                                                                       \
    static __attribute__((noinline)) void NAME(corners_##ROWS##_##NV)(Py_ssize_t k, const REAL* a, const int* corner, const int* off,            \
        const REAL* b, REAL* c, Py_ssize_t ld, Py_ssize_t cols, int add) {                                                                      \
        NAME(corners)(ROWS, NV, k, a, corner, off, b, c, ld, cols, add);                                                                        \
    }
CORNERS(1, 1) CORNERS(2, 1) CORNERS(3, 1) CORNERS(4, 1) CORNERS(5, 1) CORNERS(6, 1)
CORNERS(1, 2) CORNERS(2, 2) CORNERS(3, 2) CORNERS(4, 2) CORNERS(5, 2) CORNERS(6, 2)
#if MR > 6
CORNERS(7, 1) CORNERS(8, 1) CORNERS(9, 1) CORNERS(7, 2) CORNERS(8, 2) CORNERS(9, 2)
#endif
static const NAME(corners_fn) NAME(corner_tiles)[2][MOST_CORNERS] = {
    {NAME(corners_1_1), NAME(corners_2_1), NAME(corners_3_1), NAME(corners_4_1), NAME(corners_5_1), NAME(corners_6_1),
#if MR > 6
     NAME(corners_7_1), NAME(corners_8_1), NAME(corners_9_1),
#endif
    },
    {NAME(corners_1_2), NAME(corners_2_2), NAME(corners_3_2), NAME(corners_4_2), NAME(corners_5_2), NAME(corners_6_2),
#if MR > 6
     NAME(corners_7_2), NAME(corners_8_2), NAME(corners_9_2),
#endif
    }};
#define PIXELS(ROWS, NV)                                                                                                                        \
    static __attribute__((noinline)) void NAME(pixels_##ROWS##_##NV)(Py_ssize_t k, const REAL* a, Py_ssize_t lda, const int* off, const REAL* b, \
        REAL* c, Py_ssize_t ldc, Py_ssize_t cols, const REAL* bias, const REAL* scale, int relu, int add) {                                     \
        NAME(pixels)(ROWS, NV, k, a, lda, off, b, c, ldc, cols, bias, scale, relu, add);                                                        \
    }
#define CHANNELS(ROWS, NV)                                                                                                                      \
    static __attribute__((noinline)) void NAME(channels_##ROWS##_##NV)(Py_ssize_t k, const REAL* a, const int* off, const REAL* b, REAL* c,      \
        Py_ssize_t ld, Py_ssize_t cols, int add) {                                                                                              \
        NAME(channels)(ROWS, NV, k, a, off, b, c, ld, cols, add);                                                                               \
    }
#define TILES(ROWS) PIXELS(ROWS, 1) PIXELS(ROWS, 2) CHANNELS(ROWS, 1) CHANNELS(ROWS, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
PIXELS(1, 4) PIXELS(2, 4) PIXELS(3, 4)
#if MR > 6
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
PIXELS(4, 4) PIXELS(5, 4) PIXELS(6, 4)
#endif
#if MR > 12
TILES(13) TILES(14)
PIXELS(7, 4)
#endif
/* [vectors / 2][rows - 1] */
static const NAME(pixels_fn) NAME(pixel_tiles)[3][MR] = {
    {NAME(pixels_1_1), NAME(pixels_2_1), NAME(pixels_3_1), NAME(pixels_4_1), NAME(pixels_5_1), NAME(pixels_6_1),
#if MR > 6
     NAME(pixels_7_1), NAME(pixels_8_1), NAME(pixels_9_1), NAME(pixels_10_1), NAME(pixels_11_1), NAME(pixels_12_1),
#endif
#if MR > 12
     NAME(pixels_13_1), NAME(pixels_14_1),
#endif
    },
    {NAME(pixels_1_2), NAME(pixels_2_2), NAME(pixels_3_2), NAME(pixels_4_2), NAME(pixels_5_2), NAME(pixels_6_2),
#if MR > 6
     NAME(pixels_7_2), NAME(pixels_8_2), NAME(pixels_9_2), NAME(pixels_10_2), NAME(pixels_11_2), NAME(pixels_12_2),
#endif
#if MR > 12
     NAME(pixels_13_2), NAME(pixels_14_2),
#endif
    },
    {NAME(pixels_1_4), NAME(pixels_2_4), NAME(pixels_3_4),
#if MR > 6
     NAME(pixels_4_4), NAME(pixels_5_4), NAME(pixels_6_4),
#endif
#if MR > 12
     NAME(pixels_7_4),
#endif
    }};
static const NAME(channels_fn) NAME(channel_tiles)[2][MR] = {
    {NAME(channels_1_1), NAME(channels_2_1), NAME(channels_3_1), NAME(channels_4_1), NAME(channels_5_1), NAME(channels_6_1),
#if MR > 6
     NAME(channels_7_1), NAME(channels_8_1), NAME(channels_9_1), NAME(channels_10_1), NAME(channels_11_1), NAME(channels_12_1),
#endif
#if MR > 12
     NAME(channels_13_1), NAME(channels_14_1),
#endif
    },
    {NAME(channels_1_2), NAME(channels_2_2), NAME(channels_3_2), NAME(channels_4_2), NAME(channels_5_2), NAME(channels_6_2),
#if MR > 6
     NAME(channels_7_2), NAME(channels_8_2), NAME(channels_9_2), NAME(channels_10_2), NAME(channels_11_2), NAME(channels_12_2),
#endif
#if MR > 12
     NAME(channels_13_2), NAME(channels_14_2),
#endif
    }};

/* ---- Weights as the pixel tiles read them, for units [begin, end) of (phase, group): panels of channels, each [step][width]. The
 * kernel is (taps, channels of a group of the input, channels of the output) of the convolution. */
static void NAME(conv_pack)(const dl_conv* c, const void* weights, Py_ssize_t begin, Py_ssize_t end) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t columns = dl_padded(c->gt, c->wide, W), ld = c->back ? c->sc : c->tc;
    for (Py_ssize_t u = begin; u < end; u++) {
        const Py_ssize_t phase = u / c->groups, group = u % c->groups;
        const dl_phase* p = &c->phase[phase];
        const Py_ssize_t rd = phase / (h->phases * w->phases), rh = phase / w->phases % h->phases, rw = phase % w->phases;
        REAL* to = (REAL*)p->weights + group * columns * p->k;
        for (Py_ssize_t j = 0, width; j < c->gt; j += width, to += width * p->k) {
            width = dl_panel(c->gt - j, c->wide, W) * W;
            const Py_ssize_t cols = dl_least(width, c->gt - j);
            if (!c->back) {
                NAME(pack_cols)((const REAL*)weights + group * c->gt + j, ld, cols, p->k, to, width);
                continue;
            }
            REAL* at = to;
            Py_ssize_t base;
            for (Py_ssize_t i = 0; i < d->kernel; i++)
                for (Py_ssize_t m = 0; m < h->kernel && dl_reaches(d, 1, rd, 0, i, &base); m++)
                    for (Py_ssize_t q = 0; q < w->kernel && dl_reaches(h, 1, rh, 0, m, &base); q++)
                        if (dl_reaches(w, 1, rw, 0, q, &base)) {
                            const Py_ssize_t tap = (i * h->kernel + m) * w->kernel + q;
                            NAME(pack_rows)((const REAL*)weights + (tap * c->gt + j) * ld + group * c->gs, ld, cols, c->gs, at, width);
                            at += c->gs * width;
                        }
        }
    }
}

/* ---- The rows of the source that a block reads, with zeros around. */
static void NAME(masked)(const REAL* x, const REAL* mask, REAL* to, Py_ssize_t n) {
    if (!mask) memcpy(to, x, n * sizeof(REAL));
    else
        for (Py_ssize_t i = 0; i < n; i++) {
            const REAL v = x[i];
            to[i] = mask[i] <= 0 ? 0 : v;
        }
}

/* Maxima over windows of ph rows (`row` elements apart) by pw pixels. The first of the largest counts, and NaN is larger than numbers.
 * After relu there are no signs, and numbers are ordered as the integers with the same bits are: compared much quicker. */
DL_ALWAYS void NAME(pool_lanes)(const int RELU, const int PLACES, const REAL* x, Py_ssize_t row, Py_ssize_t c, Py_ssize_t ph, Py_ssize_t pw, REAL* y,
                                unsigned char* place, Py_ssize_t some) {
    const NAME(ivec) unsigned_ = (NAME(ivec))(VEC){0} + (REAL_INT)(((unsigned REAL_INT)-1) >> 1);
    VEC best = some == W ? NAME(load)(x) : NAME(load_part)(x, some);
    NAME(ivec) at = {0}, k = {0};
    if (RELU) best = (VEC)((NAME(ivec))best & unsigned_);
    for (Py_ssize_t i = 0; i < ph; i++)
        for (Py_ssize_t j = i ? 0 : 1; j < pw; j++) {
            const REAL* p = x + i * row + j * c;
            const VEC v = some == W ? NAME(load)(p) : NAME(load_part)(p, some);
            NAME(ivec) u = (NAME(ivec))v, more;
            if (RELU) u &= unsigned_, more = u > (NAME(ivec))best;
            else more = ~((v <= best) | (best != best));
            k += 1;
            best = (VEC)((u & more) | ((NAME(ivec))best & ~more));
            if (PLACES) at = (k & more) | (at & ~more);
        }
    if (some == W) NAME(store)(y, best);
    else NAME(store_part)(y, best, some);
    if (PLACES) {
        unsigned char bytes[VBYTES / sizeof(REAL)];
#pragma GCC unroll 16
        for (Py_ssize_t i = 0; i < W; i++) bytes[i] = (unsigned char)at[i];
        memcpy(place, bytes, some);
    }
}

DL_ALWAYS void NAME(pool_windows)(const int RELU, const int PLACES, const REAL* x, Py_ssize_t row, Py_ssize_t n, Py_ssize_t c, Py_ssize_t ph, Py_ssize_t pw,
                                  REAL* y, unsigned char* places) {
    for (Py_ssize_t i = 0; i < n; i++, x += pw * c, y += c, places += PLACES ? c : 0) {
        Py_ssize_t j = 0;
        for (; j + W <= c; j += W) NAME(pool_lanes)(RELU, PLACES, x + j, row, c, ph, pw, y + j, PLACES ? places + j : 0, W);
        if (j < c) NAME(pool_lanes)(RELU, PLACES, x + j, row, c, ph, pw, y + j, PLACES ? places + j : 0, c - j);
    }
}

static __attribute__((noinline)) void NAME(pool_row)(int relu, const REAL* x, Py_ssize_t row, Py_ssize_t n, Py_ssize_t c, Py_ssize_t ph, Py_ssize_t pw, REAL* y,
                                                     unsigned char* places) {
    if (ph != 2 || pw != 2) (places ? NAME(pool_windows)(0, 1, x, row, n, c, ph, pw, y, places) : NAME(pool_windows)(0, 0, x, row, n, c, ph, pw, y, places));
    else if (relu && places) NAME(pool_windows)(1, 1, x, row, n, c, 2, 2, y, places);
    else if (relu) NAME(pool_windows)(1, 0, x, row, n, c, 2, 2, y, places);
    else (places ? NAME(pool_windows)(0, 1, x, row, n, c, 2, 2, y, places) : NAME(pool_windows)(0, 0, x, row, n, c, 2, 2, y, places));
}

/* Row `i` of windows of the gradient of what pool_row read: pixels [from, from + n) of the row, from the row of maxima. */
static __attribute__((noinline)) void NAME(unpool_row)(const REAL* g, const REAL* mask, const unsigned char* places, Py_ssize_t from, Py_ssize_t n, Py_ssize_t c,
                                                       Py_ssize_t i, Py_ssize_t pw, REAL* to) {
    for (Py_ssize_t p = from; p < from + n; p++, to += c) {
        const Py_ssize_t at = p / pw * c;
        const unsigned char here = (unsigned char)(i * pw + p % pw);
        const REAL* v = g + at;
        const unsigned char* q = places + at;
        if (mask) {
            const REAL* m = mask + at;
            for (Py_ssize_t j = 0; j < c; j++) {
                const REAL u = v[j], z = m[j] <= 0 ? 0 : u;
                to[j] = q[j] == here ? z : 0;
            }
        } else
            for (Py_ssize_t j = 0; j < c; j++) {
                const REAL u = v[j];
                to[j] = q[j] == here ? u : 0;
            }
    }
}

/* The whole field, for rows of windows [begin, end) of all images: to y and places, and from c->g. */
static void NAME(conv_pool)(const dl_conv* c, const void* field, Py_ssize_t begin, Py_ssize_t end) {
    const Py_ssize_t row = c->axis[2].target * c->tc, cols = c->axis[2].target / c->pw;
    for (Py_ssize_t i = begin; i < end; i++)
        NAME(pool_row)(c->relu, (const REAL*)field + i * c->ph * row, row, cols, c->tc, c->ph, c->pw, (REAL*)c->y + i * cols * c->tc,
                       c->places ? c->places + i * cols * c->tc : 0);
}

static void NAME(conv_unpool)(const dl_conv* c, void* field, Py_ssize_t begin, Py_ssize_t end) {
    const Py_ssize_t width = c->axis[2].target, at = width / c->pw * c->tc;
    for (Py_ssize_t i = begin; i < end; i++)
        for (Py_ssize_t k = 0; k < c->ph; k++)
            NAME(unpool_row)((const REAL*)c->g + i * at, c->gmask ? (const REAL*)c->gmask + i * at : 0, c->places + i * at, 0, width, c->tc, k, c->pw,
                             (REAL*)field + (i * c->ph + k) * width * c->tc);
}

static void NAME(fetch)(const dl_conv* c, const dl_block* b, REAL* to) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t rows = (b->h1 - b->h0 - 1) * h->sstep + h->reach, wide = (b->w1 - b->w0 - 1) * w->sstep + w->reach;
    const Py_ssize_t z0 = b->depth * d->sstep + d->lo, y0 = b->h0 * h->sstep + h->lo, x0 = b->w0 * w->sstep + w->lo;
    const Py_ssize_t left = dl_least(dl_most(0, -x0), wide), end = dl_most(left, dl_least(wide, w->source - x0));
    for (Py_ssize_t i = b->i0; i < b->i1; i++)
        for (Py_ssize_t z = 0; z < d->reach; z++)
            for (Py_ssize_t y = 0; y < rows; y++) {
                REAL* row = to + (i - b->i0) * c->image + z * c->plane + y * c->row;
                if (z0 + z < 0 || z0 + z >= d->source || y0 + y < 0 || y0 + y >= h->source || end == left) {
                    memset(row, 0, wide * c->sc * sizeof(REAL));
                    continue;
                }
                memset(row, 0, left * c->sc * sizeof(REAL));
                if (c->ph && c->back) {
                    const Py_ssize_t from = (i * (h->source / c->ph) + (y0 + y) / c->ph) * (w->source / c->pw) * c->sc;
                    NAME(unpool_row)((const REAL*)c->x + from, c->mask ? (const REAL*)c->mask + from : 0, c->places + from, x0 + left, end - left, c->sc,
                                     (y0 + y) % c->ph, c->pw, row + left * c->sc);
                    memset(row + end * c->sc, 0, (wide - end) * c->sc * sizeof(REAL));
                    continue;
                }
                const Py_ssize_t at = (((i * d->source + z0 + z) * h->source + y0 + y) * w->source + x0 + left) * c->sc;
                NAME(masked)((const REAL*)c->x + at, c->mask ? (const REAL*)c->mask + at : 0, row + left * c->sc, (end - left) * c->sc);
                memset(row + end * c->sc, 0, (wide - end) * c->sc * sizeof(REAL));
            }
}

/* Where the source element at a block's corner is: in x itself, or in the copy that is made in *room. NULL: no memory. */
static const REAL* NAME(source)(const dl_conv* c, const dl_block* b, REAL** room) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    if (!c->room)
        return (const REAL*)c->x + b->i0 * c->image + (b->depth * d->sstep + d->lo) * c->plane + (b->h0 * h->sstep + h->lo) * c->row +
               (b->w0 * w->sstep + w->lo) * c->sc;
    if (!*room) *room = (REAL*)malloc(c->room * sizeof(REAL));
    if (*room) NAME(fetch)(c, b, *room);
    return *room;
}

/* ---- One block of the target. */
static int NAME(conv_block)(const dl_conv* c, Py_ssize_t t) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const dl_block b = dl_locate(c, t);
    REAL* room = 0;
    const REAL* source = NAME(source)(c, &b, &room);
    if (!source) return -1;
    const Py_ssize_t columns = dl_padded(c->gt, c->wide, W), lda = w->sstep * c->sc, ldc = w->tstep * c->tc;
    const int pools = c->ph && !c->back;
    const Py_ssize_t row = pools ? (b.w1 - b.w0) * c->tc : w->target * c->tc, image = pools ? (b.h1 - b.h0) * row : d->target * h->target * row;
    REAL *field = 0, *target = (REAL*)c->y;
    if (pools) {
        field = (REAL*)malloc((b.i1 - b.i0) * image * sizeof(REAL));
        if (!field) return free(room), -1;
        target = field - b.i0 * image - b.h0 * row - b.w0 * c->tc;
    }
    for (const dl_phase* p = c->phase; p < c->phase + c->phases; p++) {
        const Py_ssize_t rows = dl_least(b.h1, p->count[1]), width = dl_least(b.w1, p->count[2]) - b.w0;
        if (b.depth >= p->count[0] || rows <= b.h0 || width <= 0) continue;
        const Py_ssize_t plane = p->taps[1] * p->taps[2] * c->gs; /* steps of the taps of one depth */
        Py_ssize_t d0, d1;
        dl_meeting(d, p, 0, b.depth, &d0, &d1);
        for (Py_ssize_t group = 0; group < c->groups; group++) {
            const REAL* weights = (const REAL*)p->weights + group * columns * p->k;
            for (Py_ssize_t j = 0, nv; j < c->gt; j += nv * W, weights += nv * W * p->k) {
                nv = dl_panel(c->gt - j, c->wide, W);
                const Py_ssize_t at = group * c->gt + j, cols = dl_least(nv * W, c->gt - j);
                const Py_ssize_t tiles = dl_up(width, nv == 4 ? MR / 2 : MR), height = width / tiles, taller = width % tiles;
                const REAL* bias = c->bias ? (const REAL*)c->bias + at : 0;
                const REAL* scale = c->scale ? (const REAL*)c->scale + at : 0;
                for (Py_ssize_t i = b.i0; i < b.i1; i++)
                    for (Py_ssize_t y = b.h0; y < rows; y++) {
                        Py_ssize_t begin = d0 * plane, end = d1 * plane;
                        if (!h->inside && p->taps[0] == 1 && d1 == 1) {
                            dl_meeting(h, p, 1, y, &begin, &end);
                            begin *= p->taps[2] * c->gs, end *= p->taps[2] * c->gs;
                        }
                        const REAL* a = source + (i - b.i0) * c->image + (y - b.h0) * h->sstep * c->row + group * c->gs;
                        REAL* to = target + i * image + ((p->start[0] + b.depth * d->tstep) * h->target + p->start[1] + y * h->tstep) * row +
                                   (p->start[2] + b.w0 * w->tstep) * c->tc + at;
                        for (Py_ssize_t q = 0, n; q < tiles; q++, a += n * lda, to += n * ldc) {
                            n = height + (q < taller);
                            NAME(pixel_tiles)[nv / 2][n - 1](end - begin, a, lda, p->off + begin, weights + begin * nv * W, to, ldc, cols, bias, scale, c->relu, c->add);
                        }
                    }
            }
        }
    }
    free(room);
    if (pools) {
        const Py_ssize_t rows = h->target / c->ph, cols = w->target / c->pw;
        for (Py_ssize_t i = b.i0; i < b.i1; i++)
            for (Py_ssize_t y = b.h0; y < b.h1; y += c->ph) {
                const Py_ssize_t at = ((i * rows + y / c->ph) * cols + b.w0 / c->pw) * c->tc;
                NAME(pool_row)(c->relu, field + (i - b.i0) * image + (y - b.h0) * row, row, (b.w1 - b.w0) / c->pw, c->tc, c->ph, c->pw, (REAL*)c->y + at,
                               c->places ? c->places + at : 0);
            }
        free(field);
    }
    if (c->finish)
        for (Py_ssize_t i = b.i0; i < b.i1; i++)
            c->finish(c->ctx, (REAL*)c->y + (((i * d->target + b.depth) * h->target + b.h0) * w->target + b.w0) * c->tc,
                      (b.w1 - b.w0 == w->target ? (b.h1 - b.h0) * w->target : b.w1 - b.w0) * c->tc);
    return 0;
}

/* ---- Gradient by weights: an item is a chunk of blocks times a part of the panels of target channels. Its sums are
 * (taps, gs, tc) of the weights and, behind them, (tc) of the bias. */
static void NAME(add_rows)(const REAL* g, Py_ssize_t rows, Py_ssize_t n, REAL* total, int add) {
    for (Py_ssize_t j = 0; j < n; j += 4 * W) {
        VEC s[4] = {{0}};
        const Py_ssize_t some = dl_least(4 * W, n - j);
        if (some == 4 * W) {
            for (Py_ssize_t i = 0; i < rows; i++)
#pragma GCC unroll 4
                for (int v = 0; v < 4; v++) s[v] += NAME(load)(g + i * n + j + v * W);
#pragma GCC unroll 4
            for (int v = 0; v < 4; v++) NAME(store)(total + j + v * W, add ? NAME(load)(total + j + v * W) + s[v] : s[v]);
        } else
            for (Py_ssize_t v = 0; v < some; v += W) {
                const Py_ssize_t m = dl_least(W, some - v);
                VEC u = {0};
                for (Py_ssize_t i = 0; i < rows; i++) u += m == W ? NAME(load)(g + i * n + j + v) : NAME(load_part)(g + i * n + j + v, m);
                REAL* to = total + j + v;
                if (m == W) NAME(store)(to, add ? NAME(load)(to) + u : u);
                else NAME(store_part)(to, add ? NAME(load_part)(to, m) + u : u, m);
            }
    }
}

static int NAME(conv_item)(const dl_conv* c, Py_ssize_t t) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t taps = d->kernel * h->kernel * w->kernel, part = t % c->parts, first = t / c->parts * c->chunk;
    const Py_ssize_t panels = dl_up(c->gt, 2 * W), from = part * c->groups * panels / c->parts, to = (part + 1) * c->groups * panels / c->parts;
    const int merged = w->dilation == 1 && c->groups == 1;
    const int few = (merged ? w->kernel * c->gs : c->gs) < MOST_CORNERS && taps > (merged ? w->kernel : 1);
    const Py_ssize_t run = few ? taps * c->gs : merged ? w->kernel * c->gs : c->gs, most = few ? MOST_CORNERS : MR;
    const Py_ssize_t tiles = dl_up(run, most), height = run / tiles, taller = run % tiles;
    REAL *sums = (REAL*)c->sums + t / c->parts * (taps * c->gs + 1) * c->tc, *room = 0, *masked = 0;
    if (c->gmask || c->ph) {
        masked = (REAL*)malloc(c->images * c->bh * c->bw * c->tc * sizeof(REAL));
        if (!masked) return -1;
    }
    for (Py_ssize_t block = first; block < dl_least(first + c->chunk, c->blocks); block++) {
        const dl_block b = dl_locate(c, block);
        const REAL* source = NAME(source)(c, &b, &room);
        if (!source) return free(masked), -1;
        const Py_ssize_t at = (((b.i0 * d->target + b.depth) * h->target + b.h0) * w->target + b.w0) * c->tc;
        const Py_ssize_t pixels = (b.i1 - b.i0) * (b.h1 - b.h0) * (b.w1 - b.w0);
        const REAL* g = (const REAL*)c->g + at;
        const int add = block > first;
        if (c->ph) {
            const Py_ssize_t cols = w->target / c->pw, width = (b.w1 - b.w0) * c->tc;
            REAL* to = masked;
            for (Py_ssize_t i = b.i0; i < b.i1; i++)
                for (Py_ssize_t y = b.h0; y < b.h1; y++, to += width) {
                    const Py_ssize_t from = (i * (h->target / c->ph) + y / c->ph) * cols * c->tc;
                    NAME(unpool_row)((const REAL*)c->g + from, c->gmask ? (const REAL*)c->gmask + from : 0, c->places + from, b.w0, b.w1 - b.w0, c->tc,
                                     y % c->ph, c->pw, to);
                }
            g = masked;
        } else if (masked) {
            NAME(masked)(g, (const REAL*)c->gmask + at, masked, pixels * c->tc);
            g = masked;
        }
        if (c->with_bias && part == 0) NAME(add_rows)(g, pixels, c->tc, sums + taps * c->gs * c->tc, add);
        for (Py_ssize_t u = from; u < to; u++) {
            const Py_ssize_t group = u / panels, j = u % panels * 2 * W, cols = dl_least(2 * W, c->gt - j), column = group * c->gt + j;
            const NAME(channels_fn)* tile = NAME(channel_tiles)[cols > W];
            for (Py_ssize_t q = 0, i = 0, n; few && q < tiles; q++, i += n) {
                n = height + (q < taller);
                NAME(corner_tiles)[cols > W][n - 1](pixels, source + group * c->gs, c->corner + i, c->pixel, g + column, sums + i * c->tc + column, c->tc, cols, add);
            }
            if (few) continue;
            for (Py_ssize_t k = 0; k < (merged ? taps / w->kernel : taps); k++) {
                const Py_ssize_t tap = merged ? k * w->kernel : k;
                const REAL* a = source + tap / (h->kernel * w->kernel) * d->dilation * c->plane + tap / w->kernel % h->kernel * h->dilation * c->row +
                                tap % w->kernel * w->dilation * c->sc + group * c->gs;
                REAL* out = sums + tap * c->gs * c->tc + column;
                for (Py_ssize_t q = 0, n; q < tiles; q++, a += n, out += n * c->tc) {
                    n = height + (q < taller);
                    tile[n - 1](pixels, a, c->pixel, g + column, out, c->tc, cols, add);
                }
            }
        }
    }
    free(room);
    free(masked);
    return 0;
}

/* out[begin:end] (+)= the sums of all chunks, in order. */
static void NAME(conv_total)(const void* sums, Py_ssize_t chunks, Py_ssize_t stride, Py_ssize_t begin, Py_ssize_t end, void* out, int add) {
    const REAL* s = (const REAL*)sums;
    REAL* o = (REAL*)out;
    for (Py_ssize_t i = begin; i < end; i += 256) {
        const Py_ssize_t n = dl_least(256, end - i);
        REAL total[256];
        memcpy(total, s + i, n * sizeof(REAL));
        for (Py_ssize_t k = 1; k < chunks; k++)
            for (Py_ssize_t j = 0; j < n; j++) total[j] += s[k * stride + i + j];
        for (Py_ssize_t j = 0; j < n; j++) o[i - begin + j] = add ? o[i - begin + j] + total[j] : total[j];
    }
}

static const dl_conv_table NAME(conv_table) = {MR, W, sizeof(REAL), NAME(conv_pack), NAME(conv_block), NAME(conv_item), NAME(conv_pool),
                                               NAME(conv_unpool), NAME(conv_total)};

#undef PIXELS
#undef CORNERS
#undef CHANNELS
#undef TILES
#undef VEC
#undef UVEC
#endif
