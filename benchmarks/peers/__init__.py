"""The peers: which module plays each one, and how its process is set up."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Peer:
    name: str
    module: str  # file in this package
    imports: tuple[str, ...]  # what must be importable; the version of the first is reported
    variant: str = ""  # passed to the module's setup()
    optional: bool = False  # runs only when named with --peers
    env: tuple[tuple[str, str], ...] = ()


ALL = (
    Peer("dlcore", "keras_api", ("dlcore",), "dlcore"),
    Peer("numpy", "numpy_hand", ("numpy",)),
    Peer("c", "c_loop", ("numpy",)),
    Peer("stream-copy", "stream", ("numpy",), "copy"),
    Peer("stream-triad", "stream", ("numpy",), "triad"),
    Peer("stream-update", "stream", ("numpy",), "update"),
    Peer("torch", "pytorch", ("torch",)),
    Peer("torch-flush", "pytorch", ("torch",), "flush"),
    Peer("torch-default", "pytorch", ("torch",), "default-optimizer"),
    Peer("torch-last", "pytorch", ("torch",), "channels-last"),
    Peer("torch-last-flush", "pytorch", ("torch",), "channels-last flush"),
    Peer("torch-script", "pytorch", ("torch",), "channels-last flush script"),
    Peer("torch-compile", "pytorch", ("torch",), "channels-last compile", optional=True),
    Peer("torch-compile-flush", "pytorch", ("torch",), "channels-last compile flush", optional=True),
    Peer("jax", "jax_jit", ("jax",)),
    Peer("jax-scan", "jax_jit", ("jax",), "scan"),
    Peer("keras-torch", "keras_api", ("keras", "torch"), "torch", env=(("KERAS_BACKEND", "torch"),)),
    Peer("keras-jax", "keras_api", ("keras", "jax"), "jax", env=(("KERAS_BACKEND", "jax"),)),
    Peer("keras-tensorflow", "keras_api", ("keras", "tensorflow"), "tensorflow",
         env=(("KERAS_BACKEND", "tensorflow"), ("TF_CPP_MIN_LOG_LEVEL", "2"))),
    Peer("onnxruntime", "onnx_runtime", ("onnxruntime",)),
    Peer("scipy", "blas", ("scipy",), "scipy"),
    Peer("mkl", "blas", ("mkl",), "mkl"),
)  # fmt: skip
BY_NAME = {p.name: p for p in ALL}


def environment(peer: Peer, threads: int) -> dict[str, str]:
    """Environment of a worker: every library reads its own variable, so all are set."""
    env = dict(os.environ)
    for name in ("OMP", "OPENBLAS", "MKL", "DLCORE", "TF_NUM_INTRAOP", "TF_NUM_INTEROP", "NPROC"):
        suffix = "_THREADS" if name.startswith("TF_") else "" if name == "NPROC" else "_NUM_THREADS"
        env[name + suffix] = str(threads)
    # Intel's OpenMP spins for 200 ms after a region by default, that is into the next peer's turn.
    env["KMP_BLOCKTIME"] = "1"
    if threads == 1:
        env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false " + env.get("XLA_FLAGS", "")
    env.update(peer.env)
    return env
