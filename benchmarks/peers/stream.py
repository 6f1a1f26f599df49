"""STREAM's copy and triad: what the memory of this machine gives to plain loads and stores.

Bytes are counted as STREAM does: those that are read and written by name, not the line that a store to another array
reads first. A kernel that works in place has no such lines; `update` is the triad that does so.
"""

import ctypes
from functools import partial

import numpy as np
from workload import Job

from peers.c_loop import FLAGS, compiled, pointer

LENGTH = 20_000_000  # floats in each of three arrays: far beyond any cache
SOURCE = r"""
void copy(const float* restrict a, const float* restrict b, float* restrict c, long n) {
    #pragma omp parallel for simd schedule(static)
    for (long i = 0; i < n; i++) c[i] = a[i];
}

void triad(const float* restrict a, const float* restrict b, float* restrict c, long n) {
    #pragma omp parallel for simd schedule(static)
    for (long i = 0; i < n; i++) c[i] = a[i] + 3.0f * b[i];
}

void update(float* restrict a, const float* restrict b, float* restrict c, long n) {
    #pragma omp parallel for simd schedule(static)
    for (long i = 0; i < n; i++) a[i] = a[i] + 1e-9f * b[i];
}
"""
BYTES = {"copy": 8, "triad": 12, "update": 12}  # per element
library, kernel = None, ""


def setup(threads: int, variant: str) -> None:
    global library, kernel
    # Without the flag gcc turns the copy into memcpy, which goes around the cache.
    library, kernel = compiled(SOURCE, [*FLAGS, "-fno-tree-loop-distribute-patterns"]), variant


def bandwidth(**anything) -> Job:
    """The same beside every kernel."""
    a, b, c = (np.ones(LENGTH, np.float32) for _ in range(3))
    call = partial(getattr(library, kernel), *map(pointer, (a, b, c)), ctypes.c_long(LENGTH))
    job = Job(lambda: call() is None, LENGTH * BYTES[kernel])
    job.buffers = (a, b, c)  # the pointers do not keep them alive
    return job
