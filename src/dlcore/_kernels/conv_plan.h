/* The plan of a convolution: how taps, phases and blocks follow from the shape. Neither dtypes nor instruction sets matter here;
 * the loops are in conv.h.
 *
 * A convolution, its gradient by data and a transposed convolution are one loop: each element of a *target* image is a
 * sum over *taps* of source pixels times weights. Along an axis, target position `start + m * tstep` has its taps at source
 * positions `m * sstep + base[k]`. A convolution has sstep = stride, tstep = 1; the gradient by data of one with stride s has
 * sstep = 1, tstep = s and s *phases* (target positions modulo s), each with the taps that reach it. So nothing is ever scattered.
 */
#ifndef DL_CONV_PLAN
#define DL_CONV_PLAN
#include <stddef.h>
#include <stdint.h>
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
    Py_ssize_t side, bundles;                       /* groups so small that `side` of them share a vector are done in bundles */
    double cost;
    dl_phase* phase;
    /* gradient by weights: the blocks are summed in chunks, columns cut in parts */
    const char *g, *gmask;                          /* gradient of the target, and where it counts as 0 */
    char* sums;                                     /* of each chunk: (taps, gs, tc) of the weights and, behind them, (tc) of the bias, */
    Py_ssize_t chunk, parts, stride;                /* elements from one chunk's to the next */
    int *pixel, *corner;                            /* where each pixel's source is in a block's, and each tap and channel */
    int with_weights, with_bias;
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

/* Where taps are as far apart as the pixels of a tile, how many of them at once share what a tile reads: those that there are tiles for. */
static inline int dl_together(const dl_conv* c, Py_ssize_t taps, Py_ssize_t apart, Py_ssize_t step) {
    return apart != step && apart != -step ? 1 : taps % 3 == 0 ? 3 : taps % 2 == 0 && c->side == 1 ? 2 : 1;
}

/* The groups of a bundle. */
static inline Py_ssize_t dl_members(const dl_conv* c, Py_ssize_t bundle) { return dl_least(c->side, c->groups - bundle * c->side); }

static inline Py_ssize_t dl_room(const dl_conv* c, Py_ssize_t bh, Py_ssize_t bw) {
    return c->axis[0].reach * ((bh - 1) * c->axis[1].sstep + c->axis[1].reach) * ((bw - 1) * c->axis[2].sstep + c->axis[2].reach) * c->sc;
}

/* Cuts the work into blocks, by shape alone. `pixels`: how many a block should have at most. Only `span` counts if it is no int. */
static void dl_conv_plan(dl_conv* c, Py_ssize_t size, Py_ssize_t mr, Py_ssize_t lanes, Py_ssize_t pixels) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t limit = 196608 / size;
    double flops = 2.0 * c->n * c->groups * c->gs * c->gt;
    for (int i = 0; i < 3; i++) {
        dl_plan_axis(&c->axis[i], c->back);
        flops *= (double)(c->back ? d[i].source : d[i].target) * d[i].kernel;
    }
    c->phases = d->phases * h->phases * w->phases;
    /* What no int reaches is refused by the caller; sizes of blocks could overflow even 64 bits. */
    const double least = (double)d->reach * h->reach * w->reach * c->sc;
    if (least > 1e12) {
        c->span = least < 9e18 ? (Py_ssize_t)least : PTRDIFF_MAX;
        return;
    }
    c->side = c->groups > 1 && lanes >= 8 ? dl_most(1, dl_least(c->groups, lanes / dl_most(1, dl_most(c->gs, c->gt)))) : 1;
    c->bundles = dl_up(c->groups, c->side);
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
           taps * c->gs * c->bundles * dl_padded(c->side * c->gt, c->wide, lanes) * size;
}

/* Lays out phases and offsets in `memory`, and says where the weights of each phase will be. */
static void dl_conv_phases(dl_conv* c, char* memory, Py_ssize_t size, Py_ssize_t lanes) {
    const dl_axis *d = c->axis, *h = d + 1, *w = d + 2;
    const Py_ssize_t taps = d->kernel * h->kernel * w->kernel, columns = c->bundles * dl_padded(c->side * c->gt, c->wide, lanes);
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
