"""Memory that training takes: every peer in a fresh process, its peak beside what it held before the first step."""

from statistics import median

import machine
import report
from bench_cnn import CIFAR_CNN, SMALL, TORCH
from driver import PeerError, Worker
from peers import BY_NAME

PEERS = ("dlcore", *(p for p in TORCH if not p.endswith("flush")), "jax", "keras-torch", "keras-tensorflow", "keras-jax")
SPEC = CIFAR_CNN | {"steps": 30, "data": "random"}


def measure(names: list[str] | None, pythons: dict, threads: int, rounds: int, smoke: bool) -> tuple[dict, dict]:
    """By peer {"built": [bytes, ...], "peak": [...]}; and reasons for the missing ones."""
    results, missing = {}, {}
    cores = machine.available_cores()[-threads:]
    for _ in range(rounds):
        for name in PEERS:
            if name in missing or (name not in names if names else BY_NAME[name].optional):
                continue
            worker = None
            try:
                worker = Worker(BY_NAME[name], threads, cores, pythons.get(name))
                reply = worker.ask(do="memory", spec=SPEC | (SMALL if smoke else {}))
                one = results.setdefault(name, {"built": [], "peak": []})
                for key, values in one.items():
                    values.append(reply[key])
            except PeerError as error:
                missing[name] = str(error)
            finally:
                if worker:
                    worker.close()
    return results, missing


def markdown(results: dict, threads: int) -> str:
    head = ["", "MB before the first step", "peak MB", "increase MB"]
    rows = []
    for name, one in results.items():
        increase = [peak - built for peak, built in zip(one["peak"], one["built"], strict=True)]
        rows.append([name, *(report.number(median(v) / 1e6) for v in (one["built"], one["peak"], increase))])
    title = f"## Memory\n\nResident, {SPEC['steps']} steps of the CIFAR CNN with batch normalization, batch {SPEC['batch']}, {threads} thread(s).\n\n"
    return title + report.table(head, rows) + "\n"
