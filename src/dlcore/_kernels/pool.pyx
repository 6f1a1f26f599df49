"""The pool that the memory of tensors and the scratch of kernels come from.

It exists because a training step keeps many large activations alive at once, and fresh pages for each of them cost
1.8 to 3.2 times the arithmetic. Freed blocks wait in size classes that waste at most an eighth. All functions are
called with the GIL held.
"""

import os

from libc.string cimport memset

cdef extern from *:
    """
    #include <stdlib.h>
    #include <stdint.h>
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    static void* dl_aligned(size_t nbytes) {
        void* p = NULL;
        /* Large blocks sit on huge-page boundaries and ask for huge pages: a page fault per 2 MiB, not per 4 KiB. */
        size_t align = nbytes >= (4u << 20) ? (2u << 20) : 64;
        if (posix_memalign(&p, align, nbytes)) return NULL;
    #if defined(__linux__) && defined(MADV_HUGEPAGE)
        if (align > 64) madvise(p, nbytes, MADV_HUGEPAGE);
    #endif
        return p;
    }
    static void dl_aligned_free(void* p) { free(p); }
    #ifndef __SANITIZE_ADDRESS__
    #define __SANITIZE_ADDRESS__ 0      /* under it, blocks end where they are meant to and none is used again: nothing stays hidden */
    #endif
    static int dl_log2(size_t n) { return 63 - __builtin_clzll((unsigned long long)n); }
    """
    void* dl_aligned(size_t nbytes) nogil
    void dl_aligned_free(void* p) nogil
    int dl_log2(size_t n) nogil
    const bint sanitized "__SANITIZE_ADDRESS__"


cdef enum:
    MIN_CLASS_BYTES = 64
    CLASSES = 8 * 48

cdef void* _free_list[CLASSES]
cdef Py_ssize_t _held = 0                   # bytes waiting in the free lists
cdef Py_ssize_t _live = 0                   # bytes handed out
cdef Py_ssize_t _cap = 0
cdef bint _poison = os.environ.get("DLCORE_POISON", "0") not in ("", "0")


cdef Py_ssize_t _size_class(Py_ssize_t nbytes, Py_ssize_t* rounded) noexcept nogil:
    # Classes are (8 + k) / 8 * 2^e for k in 0..7: at most an eighth is wasted.
    cdef int e
    cdef Py_ssize_t step, k
    if sanitized or nbytes <= MIN_CLASS_BYTES:
        rounded[0] = nbytes if sanitized else MIN_CLASS_BYTES
        return 0
    e = dl_log2(nbytes - 1)
    step = (<Py_ssize_t>1 << e) >> 3
    k = (nbytes - (<Py_ssize_t>1 << e) + step - 1) // step
    rounded[0] = (<Py_ssize_t>1 << e) + k * step
    return (e - 6) * 8 + k


cdef void* pool_alloc(Py_ssize_t nbytes) except NULL:
    global _held, _live
    cdef Py_ssize_t rounded
    cdef Py_ssize_t c
    cdef void* block
    if nbytes < 0 or nbytes > (<Py_ssize_t>1 << 46):
        raise MemoryError(f"cannot allocate {nbytes} bytes")
    c = _size_class(nbytes, &rounded)
    block = _free_list[c]
    if block != NULL:
        _free_list[c] = (<void**>block)[0]
        _held -= rounded
    else:
        block = dl_aligned(rounded)
        if block == NULL:
            pool_trim()
            block = dl_aligned(rounded)
        if block == NULL:
            raise MemoryError(f"cannot allocate {nbytes} bytes for a tensor")
    _live += rounded
    if _poison:
        memset(block, 0xFF, rounded)          # every float and double becomes NaN
    return block


cdef void pool_free(void* block, Py_ssize_t nbytes) noexcept:
    global _held, _live
    cdef Py_ssize_t rounded
    cdef Py_ssize_t c = _size_class(nbytes, &rounded)
    _live -= rounded
    if _held + rounded > _cap:
        dl_aligned_free(block)
        return
    (<void**>block)[0] = _free_list[c]
    _free_list[c] = block
    _held += rounded


def pool_trim():
    """Returns all waiting blocks to the operating system."""
    global _held
    cdef void* block
    cdef int c
    for c in range(CLASSES):
        while _free_list[c] != NULL:
            block = _free_list[c]
            _free_list[c] = (<void**>block)[0]
            dl_aligned_free(block)
    _held = 0


def pool_info():
    """Bytes in use, bytes waiting for reuse, and the cap on the latter."""
    return {"live": _live, "held": _held, "cap": _cap}


def set_poison(bint on):
    """Fills every new buffer with NaN bytes, so that a kernel that reads what it did not write is noticed. For tests."""
    global _poison
    _poison = on


def _default_cap():
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (AttributeError, ValueError, OSError):
        return 1 << 30


_cap = 0 if sanitized else _default_cap()
