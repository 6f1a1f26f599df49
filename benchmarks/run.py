"""Benchmarks of dlcore against NumPy by hand, PyTorch, JAX, Keras and ONNX Runtime.

    python benchmarks/run.py --tiers e2e --threads 1 2 --rounds 5 --json out.json --markdown out.md
    python benchmarks/run.py --smoke
    python benchmarks/run.py --only logistic --peers dlcore numpy --python keras-tensorflow=PATH/TO/python

Peers that are not installed are left out, except those named with --peers, which must be there.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from statistics import median

import footprint
import machine
import report
from driver import measure, start_workers
from peers import ALL, BY_NAME
from workload import TIERS, load_workloads


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiers", nargs="+", choices=TIERS, default=list(TIERS))
    parser.add_argument("--only", nargs="+", default=[], metavar="TEXT", help="workloads whose name contains TEXT")
    parser.add_argument("--peers", nargs="+", choices=list(BY_NAME), help="default: all that are installed")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.25, help="least time of one peer's turn")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one round, only dlcore and numpy")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="interpreter of a peer")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--markdown", metavar="FILE")
    parser.add_argument("--list", action="store_true", help="print the workloads and stop")
    args = parser.parse_args()
    if args.smoke:
        args.peers = args.peers or ["dlcore", "numpy"]
        args.threads, args.rounds, args.seconds = [1], 1, 0.0
        args.tiers = [t for t in args.tiers if t != "footprint"]
    return args


def progress(workload, threads: int, result: dict, took: float) -> None:
    print(f"{workload.name} [{workload.unit}], threads {threads}  ({took:.0f} s)")
    for peer, one in result.items():
        print(f"    {peer:18} {report.cell(workload, one['seconds'])}")
    note = report.disturbed(result, threads)
    print(f"    {note}\n" if note else "", end="", flush=True)


def run_workloads(args, workloads: list, pythons: dict) -> tuple[list[dict], dict, dict, list[str]]:
    """Records, versions by package, reasons of the absent peers, failures."""
    records, versions, absent, failures = [], {}, {}, []
    cores = machine.available_cores()
    wanted = [p for p in ALL if (p.name in args.peers if args.peers else not p.optional)]
    wanted = [p for p in wanted if any(p.name in w.peers for w in workloads)]
    for threads in args.threads:
        if threads > len(cores):
            print(f"{threads} threads on {len(cores)} cores would measure the scheduler: skipped")
            continue
        workers, missing = start_workers(wanted, threads, cores[-threads:], pythons)
        absent |= missing
        for worker in workers.values():
            versions |= worker.versions
        for workload in workloads:
            began = time.perf_counter()
            result, errors = measure(workload, workers, args.rounds, args.seconds, args.smoke)
            failures += [f"{workload.name}: {peer}: {message}" for peer, message in errors.items()]
            if result:
                records.append({"workload": workload, "threads": threads, "result": result, "load": machine.load()})
                progress(workload, threads, result, time.perf_counter() - began)
                failures += report.loss_problems(workload, result)
        for worker in workers.values():
            worker.close()
    failures += [f"{peer} was asked for: {reason}" for peer, reason in absent.items() if args.peers]
    return records, versions, absent, failures


def to_json(record: dict) -> dict:
    w, result = record["workload"], record["result"]
    peers = {
        name: one | {"median": median(one["seconds"]), "ratios": report.ratios(result, "dlcore").get(name, [])}
        for name, one in result.items()
        if one["seconds"]
    }
    return {"name": w.name, "tier": w.tier, "unit": w.unit, "count": w.count, "threads": record["threads"],
            "load": record["load"], "spec": w.spec, "peers": peers}  # fmt: skip


def main() -> int:
    args = arguments()
    workloads = [w for w in load_workloads() if w.tier in args.tiers]
    workloads = [w for w in workloads if not args.only or any(text.lower() in w.name.lower() for text in args.only)]
    if args.smoke:  # the second figure is computed from the full size
        workloads = [replace(w, rate=None) for w in workloads]
    if args.list:
        print("\n".join(f"{w.tier:6} {w.name}" for w in workloads))
        return 0
    pythons = dict(item.split("=", 1) for item in args.python)
    about = machine.describe()
    records, versions, absent, failures = run_workloads(args, workloads, pythons)
    sizes, slow = {}, []
    if "footprint" in args.tiers and not args.only:
        sizes, missing = footprint.measure(args.peers, pythons, args.rounds)
        absent |= missing
        slow = footprint.slowest_imports(pythons.get("dlcore", sys.executable)) if "dlcore" in sizes else []
    settings = f"Rounds: {args.rounds}, interleaved; at least {args.seconds} s a turn; pinned to the same cores."
    head = report.header(about, versions, settings)
    last = footprint.markdown(sizes, slow) if sizes else ""
    text = report.markdown(head, records, last, [p.name for p in ALL])
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"machine": about, "versions": versions, "threads": args.threads, "rounds": args.rounds,
                       "seconds": args.seconds, "absent": absent, "failures": failures, "footprint": sizes,
                       "workloads": [to_json(r) for r in records]}, file, indent=1)  # fmt: skip
    if args.markdown:
        with open(args.markdown, "w") as file:
            file.write(text)
    for peer, reason in absent.items():
        print(f"not there: {peer}: {reason}")
    for failure in failures:
        print(f"FAILED {failure}")
    if not records and not sizes:
        print("FAILED nothing was measured")
        return 1
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
