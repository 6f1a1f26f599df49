"""One peer in its own process: reads commands (JSON lines) from a pipe, answers on another.

Libraries with thread pools of their own disturb one another inside one process, so each lives alone, is
kept alive, and works only when it is its turn.
"""

import json
import os
import sys
import time
import traceback
from importlib import import_module, metadata
from pathlib import Path

from peers import BY_NAME
from workload import Network


def version(package: str) -> str:
    """Installed version; a package may be used from its source tree, without metadata."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return getattr(sys.modules.get(package), "__version__", "unknown")


def start(command: dict):
    """Pin the process, then import the peer: libraries size their thread pools when they load."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, command["cores"])
    peer = BY_NAME[command["peer"]]
    for name in peer.imports:
        if name != "mkl":  # a package of shared libraries only
            import_module(name)
        else:
            metadata.version(name)
    module = import_module("peers." + peer.module)
    module.setup(command["threads"], peer.variant)
    return module, {name: version(name) for name in peer.imports}


def turn(job, seconds: float) -> dict:
    """Repeat the job for at least `seconds` (once at least); seconds per item, and the last loss.

    `cpu` is CPU time by elapsed time: on one thread, clearly below 1 means that another process took the core.
    """
    began, cpu = time.perf_counter(), time.process_time()
    loss = job.run()
    once, busy = time.perf_counter() - began, time.process_time() - cpu
    if once < seconds / 4:  # short: what was just done warmed the caches after the other peers' turns
        repeats = max(1, int(seconds / max(once, 1e-7)))
        run = job.run
        began, cpu = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            loss = run()
        once, busy = (time.perf_counter() - began) / repeats, (time.process_time() - cpu) / repeats
    return {"seconds": once / job.items, "loss": loss, "cpu": busy / once}


def resident(field: str) -> int:
    """Bytes of memory that the process holds (VmRSS) or held at most (VmHWM); the latter begins anew from here."""
    lines = Path("/proc/self/status").read_text().splitlines()
    size = next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))
    Path("/proc/self/clear_refs").write_text("5")
    return size


def answer(command: dict, state: dict) -> dict:
    match command["do"]:
        case "start":
            state["module"], versions = start(command)
            return {"versions": versions}
        case "prepare":
            state["job"] = None  # free the previous one before building the next
            make = getattr(state["module"], command["kind"], None)
            if make is None:
                return {"absent": True}
            state["job"] = make(**command["spec"])
            if state["job"].check is None:  # a training has run its first epoch already
                state["job"].run()  # compiles, allocates, touches its memory: none of it is measured
            return {"check": state["job"].check}
        case "memory":
            epoch = state["module"].training(Network(**command["spec"]))
            built = resident("VmRSS")
            epoch()
            return {"built": built, "peak": resident("VmHWM")}
        case "turn":
            return turn(state["job"], command["seconds"])
    raise ValueError(f"unknown command {command['do']!r}")


def main() -> None:
    # Libraries print; the pipe must stay clean. So stdout becomes stderr, a copy of it is the pipe.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    state: dict = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except Exception as error:  # a peer may raise anything; the harness goes on
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        pipe.write(json.dumps(reply) + "\n")
        pipe.flush()


if __name__ == "__main__":
    main()
