"""Loops in C, compiled here and now for this very CPU: what the machine can do when nothing is in the way."""

import ctypes
import shutil
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from workload import Job

SOURCE = r"""
#include <math.h>

void adam(float* restrict p, float* restrict m, float* restrict v, const float* restrict g, long n, float rate) {
    const float b1 = 0.9f, b2 = 0.999f, eps = 1e-7f;
    #pragma omp parallel for simd schedule(static)
    for (long i = 0; i < n; i++) {
        m[i] = b1 * m[i] + (1 - b1) * g[i];
        v[i] = b2 * v[i] + (1 - b2) * g[i] * g[i];
        p[i] -= rate * m[i] / (sqrtf(v[i]) + eps);
    }
}

void scale(const float* restrict x, float* restrict y, long n, float a) {
    #pragma omp parallel for simd schedule(static) if (n > 32768)
    for (long i = 0; i < n; i++) y[i] = a * x[i];
}
"""
# 256-bit vectors: the 512-bit square root and division were 1.4 times slower on the CPU this was tried on (Zen 5).
FLAGS = ["-O3", "-march=native", "-mprefer-vector-width=256", "-fno-math-errno", "-fno-trapping-math", "-fopenmp"]
FLAGS += ["-shared", "-fPIC"]
library = None


def compiled(code: str, flags: list) -> ctypes.CDLL:
    """A library from a C source."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise RuntimeError("no C compiler")
    with tempfile.TemporaryDirectory() as place:
        source, binary = Path(place, "loops.c"), Path(place, "loops.so")
        source.write_text(code)
        subprocess.run([compiler, *flags, str(source), "-o", str(binary), "-lm"], check=True, capture_output=True)
        return ctypes.CDLL(str(binary))


def setup(threads: int, variant: str) -> None:
    global library
    library = compiled(SOURCE, FLAGS)


def pointer(a: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(a.ctypes.data)


def adam_flat(shapes: list) -> Job:
    n = sum(int(np.prod(s)) for s in shapes)
    arrays = [np.random.default_rng(5).standard_normal(n, dtype=np.float32) for _ in range(4)]
    arrays[1][:] = arrays[2][:] = 0
    call = partial(library.adam, *map(pointer, arrays), ctypes.c_long(n), ctypes.c_float(1e-3))
    job = Job(lambda: call() is None, 1)
    job.buffers = arrays  # the pointers do not keep them alive
    return job


def op(name: str, shape: list) -> Job:
    if name != "scale":
        raise NotImplementedError(name)
    x, y = (np.random.default_rng(5).standard_normal(shape, dtype=np.float32) for _ in range(2))
    call = partial(library.scale, pointer(x), pointer(y), ctypes.c_long(x.size), ctypes.c_float(1.5))
    job = Job(lambda: call() is None, x.size)
    job.buffers = (x, y)
    return job
