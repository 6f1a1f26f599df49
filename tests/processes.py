"""Scripts in a fresh interpreter, for what must be chosen before `import dlcore` or might hang."""

import os
import subprocess
import sys

SETTINGS = ("DLCORE_ISA", "DLCORE_NUM_THREADS", "DLCORE_GEMM", "DLCORE_WINOGRAD", "DLCORE_POISON", "OMP_NUM_THREADS")


def run(code, *args, timeout=120, **environment):
    """What the code printed. A script that fails or does not end in time fails the test."""
    done = start(code, *args, timeout=timeout, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(code, *args, timeout=120, **environment):
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return subprocess.run([sys.executable, "-c", code, *map(str, args)], env=clean | environment, capture_output=True, text=True, timeout=timeout)
