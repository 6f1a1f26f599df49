"""Build of the compiled core. Data first, then the little code that turns it into extension modules.

Trunk modules are compiled once for the baseline of the architecture. Leaf modules (every other ``.pyx`` in
``_kernels``) are translated to C once and compiled once per instruction-set level into
``dlcore/_kernels/<level>/``; ``dlcore._kernels`` picks the directory at import.

Environment: ``DLCORE_DEBUG=1`` bounds checks and -O1; ``DLCORE_SANITIZE=address,undefined`` adds those sanitizers;
``DLCORE_LEVELS=v3`` builds only the levels named (comma separated), for quick development builds; ``DLCORE_ONLY=dense``
builds only the modules named, into a tree in which the others are built.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

KERNELS = Path("src/dlcore/_kernels")
TRUNK = ["cpu", "parallel", "pool", "tensor", "rows", "tape", "replay", "arena", "blas"]
LEAVES = sorted(p.stem for p in KERNELS.glob("*.pyx") if p.stem not in TRUNK)
if os.environ.get("DLCORE_ONLY"):
    only = os.environ["DLCORE_ONLY"].split(",")
    if unknown := sorted(set(only) - {*TRUNK, *LEAVES}):
        sys.exit(f"DLCORE_ONLY names {unknown}; there are {TRUNK + LEAVES}")
    TRUNK, LEAVES = [n for n in TRUNK if n in only], [n for n in LEAVES if n in only]

LEVELS = {
    "x86_64": {
        "v2": ["-march=x86-64-v2"],
        "v3": ["-march=x86-64-v3", "-mprefer-vector-width=256"],
        "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
    },
    "aarch64": {"neon": []},
}.get({"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine()), {"base": []})
if os.environ.get("DLCORE_LEVELS"):
    wanted = os.environ["DLCORE_LEVELS"].split(",")
    unknown = [name for name in wanted if name not in LEVELS]
    if unknown:
        sys.exit(f"DLCORE_LEVELS names {unknown}; this machine's compiler levels are {list(LEVELS)}")
    LEVELS = {name: LEVELS[name] for name in wanted}

DEBUG = os.environ.get("DLCORE_DEBUG", "0") not in ("", "0")
SANITIZE = os.environ.get("DLCORE_SANITIZE", "")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "binding": True,            # inspect.signature works on compiled functions
    "embedsignature": False,    # so the docstrings need not repeat it
    "freethreading_compatible": False,
}
# No -ffast-math: NaN and infinity mean what they mean. errno and FP traps are never read, so loops may vectorise.
CFLAGS = ["-O1", "-g1" if SANITIZE else "-g", "-UNDEBUG"] if DEBUG else ["-O3", "-g0"]
CFLAGS += ["-fno-math-errno", "-fno-trapping-math"]
# What Cython generates: functions that are not used, loops that gcc thinks leave an array, const that is cast away.
CFLAGS += ["-Wno-unused-function", "-Wno-unreachable-code", "-Wno-array-bounds", "-Wno-maybe-uninitialized", "-Wno-discarded-qualifiers"]
LDFLAGS = [] if DEBUG or sys.platform == "darwin" else ["-Wl,-s"]
if SANITIZE:
    CFLAGS += [f"-fsanitize={SANITIZE}", "-fno-omit-frame-pointer", "-fno-sanitize-recover=undefined"]
    LDFLAGS += [f"-fsanitize={SANITIZE}"]
MACROS = [("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION"), ("CYTHON_USE_TYPE_SPECS", "0")]
OPENMP = ["-fopenmp"]


def openmp_works():
    """Whether the compiler builds an OpenMP program (a build without it works, serially)."""
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler

    compiler = new_compiler()
    customize_compiler(compiler)
    with tempfile.TemporaryDirectory() as room:
        source = Path(room, "probe.c")
        source.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
        try:
            objects = compiler.compile([str(source)], output_dir=room, extra_postargs=OPENMP)
            compiler.link_executable(objects, str(Path(room, "probe")), extra_postargs=OPENMP)
        except Exception:
            return False
    return True


def extension(name, source, flags=(), openmp=False):
    return Extension(
        name,
        [str(source)],
        include_dirs=[numpy.get_include(), str(KERNELS)],
        define_macros=MACROS,
        extra_compile_args=[*CFLAGS, *flags, *(OPENMP if openmp else [])],
        extra_link_args=[*LDFLAGS, *(OPENMP if openmp else [])],
    )


def extensions():
    from Cython.Build import cythonize

    openmp = openmp_works()
    if not openmp:
        bar = "*" * 78
        print(f"{bar}\ndlcore: the compiler has no working OpenMP; building WITHOUT threads (one core only).\n{bar}", file=sys.stderr)
    cores = os.cpu_count() or 1
    options = {"compiler_directives": DIRECTIVES, "nthreads": cores if sys.platform == "linux" else 0, "quiet": True}
    modules = [extension(f"dlcore._kernels.{n}", KERNELS / f"{n}.pyx", openmp=openmp and n == "parallel") for n in TRUNK + LEAVES]
    modules = cythonize(modules, include_path=["src"], **options)
    trunk, leaves = modules[: len(TRUNK)], modules[len(TRUNK) :]
    built = list(trunk)
    for leaf in leaves:
        source = Path(leaf.sources[0])
        for level, flags in LEVELS.items():
            # One copy of the C file per level: each level needs an object file of its own.
            copy = Path("build", "leaves", level, source.name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            if not copy.exists() or copy.read_bytes() != source.read_bytes():
                shutil.copyfile(source, copy)
            built.append(extension(f"dlcore._kernels.{level}.{source.stem}", copy, [*flags, f"-DDL_LEVEL_{level}"]))
    for module in built:
        module.depends = sorted(headers(module.sources[0]))
    return built


def headers(source, found=()):
    """The headers of ours that a C file includes, also through others: what it must be compiled again for."""
    names = re.findall(r'^\s*#include "(\w+\.h)"', Path(source).read_text(), re.MULTILINE)
    found = set(found)
    for path in {str(KERNELS / name) for name in names} - found:
        if Path(path).exists():
            found |= headers(path, found | {path})
    return found


class ParallelBuild(build_ext):
    """``build_ext`` on all cores without a command-line flag, so that plain ``pip install .`` is quick."""

    def finalize_options(self):
        super().finalize_options()
        if self.parallel is None:
            self.parallel = os.cpu_count() or 1

    def run(self):
        if self.inplace:
            for level in LEVELS:
                (KERNELS / level).mkdir(exist_ok=True)
        super().run()


setup(ext_modules=extensions() if not {"clean", "egg_info", "sdist", "dist_info"} >= set(sys.argv[1:2]) else [], cmdclass={"build_ext": ParallelBuild})
