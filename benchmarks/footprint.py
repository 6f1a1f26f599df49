"""Import time, memory after import and size on disk: every import in a fresh process, interleaved."""

import json
import os
import subprocess
import sys
from statistics import median

import report

# name: (what is imported, distribution whose dependencies are weighed too, environment)
CASES = {
    "numpy": ("numpy", "numpy", {}),
    "numpy + scipy": ("numpy, scipy.linalg", "scipy", {}),
    "dlcore": ("dlcore", "dlcore", {}),
    "onnxruntime": ("onnxruntime", "onnxruntime", {}),
    "jax": ("jax.numpy", "jax", {}),
    "torch": ("torch", "torch", {}),
    "keras-jax": ("keras", "keras jax", {"KERAS_BACKEND": "jax"}),
    "keras-torch": ("keras", "keras torch", {"KERAS_BACKEND": "torch"}),
    "keras-tensorflow": ("keras", "keras tensorflow", {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}),
}

IMPORT = """
import sys, time
began = time.perf_counter()
import {names}
seconds = time.perf_counter() - began
try:
    resident = int(open("/proc/self/statm").read().split()[1]) * __import__("os").sysconf("SC_PAGE_SIZE")
except OSError:  # no /proc: the peak instead
    resident = __import__("resource").getrusage(0).ru_maxrss
print(seconds, resident)
"""

DISK = """
import json, re, sys
from importlib import metadata
seen, todo, own, total = set(), {roots}, 0, 0
while todo:
    name = todo.pop()
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in seen:
        continue
    seen.add(key)
    try:
        d = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        continue
    size = 0
    for f in d.files or ():
        try:
            size += f.locate().stat().st_size
        except OSError:
            pass
    total += size
    own += size if name in {roots} else 0
    todo += [re.match(r"[\\w.-]+", r)[0] for r in d.requires or () if "extra ==" not in r and "sys_platform == \\"win" not in r]
print(json.dumps([own, total]))
"""


def run(python: str, code: str, env: dict) -> str:
    command = [python, "-c", code]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=os.environ | env, timeout=300)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stdout.strip().splitlines()[-1]


def measure(names: list[str] | None, pythons: dict, rounds: int) -> tuple[dict, dict]:
    """By case {"seconds": [...], "resident": [...], "own": bytes, "disk": bytes}; and reasons for missing ones."""
    results, missing = {}, {}
    for i in range(rounds + 1):  # the first round warms the page cache and is dropped
        for name, (imports, _, env) in CASES.items():
            if name in missing or (names and name not in names and not name.startswith("numpy")):
                continue
            try:
                out = run(pythons.get(name, sys.executable), IMPORT.format(names=imports), env).split()
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                missing[name] = str(error)
                continue
            if i:
                one = results.setdefault(name, {"seconds": [], "resident": []})
                one["seconds"].append(float(out[0]))
                one["resident"].append(float(out[1]))
    for name, one in results.items():
        roots = CASES[name][1].split()
        one["own"], one["disk"] = json.loads(run(pythons.get(name, sys.executable), DISK.format(roots=roots), {}))
    return results, missing


def slowest_imports(python: str, count: int = 12) -> list[str]:
    """The modules that cost most in `import dlcore`, by their own time."""
    code = [python, "-X", "importtime", "-c", "import dlcore"]
    lines = subprocess.run(code, check=False, capture_output=True, text=True).stderr.splitlines()
    rows = [line.removeprefix("import time:").split("|") for line in lines if line.startswith("import time:")]
    rows = [(int(r[0]), r[2].strip()) for r in rows if r[0].strip().isdigit()]
    return [f"{micros / 1e3:.1f} ms {module}" for micros, module in sorted(rows, reverse=True)[:count]]


def markdown(results: dict, slow: list[str]) -> str:
    rows = [
        [name, report.spread(r["seconds"]), number(median(r["resident"])), number(r["own"]), number(r["disk"])]
        for name, r in results.items()
    ]
    head = ["", "import s", "resident MB after import", "on disk MB, alone", "with its dependencies"]
    text = "## Footprint\n\n" + report.table(head, rows)
    return text + (f"\nSlowest modules of `import dlcore`: {', '.join(slow)}.\n" if slow else "") + "\n"


def number(size: float) -> str:
    return report.number(size / 1e6)
