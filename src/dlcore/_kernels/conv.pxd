"""Convolution: the plan of a pass over images, for ops that run it."""

cdef extern from "conv_plan.h":
    ctypedef void (*finish_fn "dl_finish")(void* ctx, void* c, Py_ssize_t n) noexcept nogil
    ctypedef struct dl_axis:
        Py_ssize_t source, target, kernel, stride, dilation, before, phases, sstep, tstep, lo, reach, most
        int inside
    ctypedef struct dl_phase:
        Py_ssize_t k
    ctypedef struct dl_conv:
        dl_axis[3] axis
        Py_ssize_t n, groups, sc, tc, gs, gt
        int back
        const char* x
        const char* mask
        char* y
        const char* bias
        const char* scale
        int relu, add
        Py_ssize_t ph, pw
        unsigned char* places
        finish_fn finish
        void* ctx
        Py_ssize_t images, bh, bw, across, down, blocks, phases, span, row, plane, image, room
        int wide
        Py_ssize_t side, bundles
        double cost
        dl_phase* phase
        const char* g
        const char* gmask
        char* sums
        Py_ssize_t chunk, parts, stride
        int* pixel
        int* corner
        int with_weights, with_bias, failed
    ctypedef struct dl_conv_table:
        Py_ssize_t mr, lanes, size
        void (*pack)(const dl_conv* c, const void* weights, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
        int (*block)(const dl_conv* c, Py_ssize_t t) noexcept nogil
        int (*item)(const dl_conv* c, Py_ssize_t t) noexcept nogil
        void (*pool)(const dl_conv* c, const void* field, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
        void (*unpool)(const dl_conv* c, void* field, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
        void (*total)(const void* sums, Py_ssize_t chunks, Py_ssize_t stride, Py_ssize_t begin, Py_ssize_t end, void* out, int add) noexcept nogil
    void dl_conv_plan(dl_conv* c, Py_ssize_t size, Py_ssize_t mr, Py_ssize_t lanes, Py_ssize_t pixels) noexcept nogil
    Py_ssize_t dl_conv_memory(const dl_conv* c, Py_ssize_t size, Py_ssize_t lanes) noexcept nogil
    void dl_conv_phases(dl_conv* c, char* memory, Py_ssize_t size, Py_ssize_t lanes) noexcept nogil
