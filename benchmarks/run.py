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
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import footprint
import machine
import memory
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
    parser.add_argument("--cpu-time", action="store_true", help="seconds of the processor: on one thread, for a machine that others use")
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
    sys.stdout.flush()


@dataclass
class Session:
    """Everything learned so far; saved after every workload, so that an interrupted run is not lost."""

    args: argparse.Namespace
    machine: dict = field(default_factory=machine.describe)
    versions: dict = field(default_factory=dict)  # by package
    absent: dict = field(default_factory=dict)  # reasons, by peer
    failures: list[str] = field(default_factory=list)
    records: list[dict] = field(default_factory=list)
    footprint: dict = field(default_factory=dict)
    memory: dict = field(default_factory=dict)
    slow_imports: list[str] = field(default_factory=list)

    def save(self) -> None:
        args = self.args
        if args.json:
            known = {k: getattr(self, k) for k in ("machine", "versions", "absent", "failures", "memory", "footprint")}
            settings = {"threads": args.threads, "rounds": args.rounds, "seconds": args.seconds}
            everything = known | settings | {"workloads": [to_json(r) for r in self.records]}
            Path(args.json).write_text(json.dumps(everything, indent=1) + "\n")
        if args.markdown:
            rounds = f"Rounds: {args.rounds}, interleaved; at least {args.seconds} s a turn; pinned to the same cores."
            head = report.header(self.machine, self.versions, rounds)
            last = memory.markdown(self.memory, max(args.threads)) if self.memory else ""
            last += footprint.markdown(self.footprint, self.slow_imports) if self.footprint else ""
            Path(args.markdown).write_text(report.markdown(head, self.records, last, [p.name for p in ALL]))


def run_workloads(session: Session, workloads: list, pythons: dict) -> None:
    args, cores = session.args, machine.available_cores()
    wanted = [p for p in ALL if (p.name in args.peers if args.peers else not p.optional)]
    wanted = [p for p in wanted if any(p.name in w.peers for w in workloads)]
    for threads in args.threads:
        if threads > len(cores):
            print(f"{threads} threads on {len(cores)} cores would measure the scheduler: skipped")
            continue
        workers, missing = start_workers(wanted, threads, cores[-threads:], pythons)
        session.absent |= missing
        for worker in workers.values():
            session.versions |= worker.versions
        for workload in workloads:
            began, load = time.perf_counter(), machine.load()
            result, errors = measure(workload, workers, args.rounds, args.seconds, args.smoke, args.cpu_time)
            session.failures += [f"{workload.name}: {peer}: {message}" for peer, message in errors.items()]
            if result:
                session.records.append({"workload": workload, "threads": threads, "result": result, "load": load})
                progress(workload, threads, result, time.perf_counter() - began)
                if note := "" if args.smoke else report.disturbed(result, threads):
                    print(f"    {note}", flush=True)
                session.failures += report.loss_problems(workload, result)
                session.save()
        for worker in workers.values():
            worker.close()
    session.failures += [f"{peer} was asked for: {reason}" for peer, reason in session.absent.items() if args.peers]


def run_footprint(session: Session, pythons: dict) -> None:
    session.footprint, missing = footprint.measure(session.args.peers, pythons, session.args.rounds)
    session.absent |= missing
    if "dlcore" in session.footprint:
        session.slow_imports = footprint.slowest_imports(pythons.get("dlcore", sys.executable))


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
    session = Session(args)
    run_workloads(session, workloads, pythons)
    if "memory" in args.tiers and not args.only and sys.platform == "linux":
        session.memory, missing = memory.measure(args.peers, pythons, max(args.threads), min(args.rounds, 3), args.smoke)
        session.absent |= missing
        session.save()
    if "footprint" in args.tiers and not args.only:
        run_footprint(session, pythons)
    if not session.records and not session.memory and not session.footprint:
        session.failures.append("nothing was measured")
    session.save()
    for peer, reason in session.absent.items():
        print(f"not there: {peer}: {reason}")
    for failure in session.failures:
        print(f"FAILED {failure}")
    return 1 if session.failures else 0


if __name__ == "__main__":
    sys.exit(main())
