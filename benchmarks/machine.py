"""What the figures were measured on."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

FEATURES = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile", "neon", "sve")


def read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def cpu() -> dict:
    """Model, family and the instruction sets that decide what a kernel can do."""
    fields = {}
    for line in read("/proc/cpuinfo").split("\n\n")[0].splitlines():
        key, _, value = line.partition(":")
        fields[key.strip()] = value.strip()
    flags = fields.get("flags", fields.get("Features", "")).split()
    caches = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (read(f"{index}/{f}").strip() for f in ("level", "type", "size"))
        caches[f"L{level} {kind}"] = size
    return {
        "model": fields.get("model name", platform.processor() or platform.machine()),
        "family": fields.get("cpu family", ""),
        "model number": fields.get("model", ""),
        "features": [f for f in FEATURES if f in flags],
        "caches": caches,
    }


def commit() -> str:
    """The commit of the tree that holds the benchmarks, "+" when it has changes."""
    try:
        git = ["git", "-C", str(Path(__file__).parent)]
        head, changes = (
            subprocess.run(git + a, capture_output=True, text=True, check=True).stdout.strip()
            for a in (["rev-parse", "--short=12", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changes else "")


def available_cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def load() -> list[float]:
    """Runnable processes, averaged over 1, 5 and 15 minutes: above the number of threads used, others interfere."""
    return [round(v, 2) for v in os.getloadavg()] if hasattr(os, "getloadavg") else []


def describe() -> dict:
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": cpu(),
        "cores": len(available_cores()),
        "load": load(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": commit(),
    }
