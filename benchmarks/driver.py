"""Drives the workers: one process per peer, asked in turn, round after round."""

import json
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import Peer, environment
from workload import Workload

TIMEOUT = 900  # seconds without an answer: the worker hangs
SETTLE = 0.03  # seconds between turns, for the thread pool of the last peer to stop spinning


class PeerError(RuntimeError):
    """A worker answered with an error, died or hung."""


class Worker:
    """A peer's process."""

    def __init__(self, peer: Peer, threads: int, cores: list[int], python: str | None = None):
        self.peer = peer
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(
            [python or sys.executable, str(Path(__file__).with_name("worker.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment(peer, threads),
        )  # fmt: skip
        try:
            reply = self.ask(do="start", peer=peer.name, threads=threads, cores=cores)
        except PeerError:
            self.close()
            raise
        self.versions = reply["versions"]

    def ask(self, **command) -> dict:
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise PeerError(f"the process ended: {self.last_words()}") from None
        if not select.select([self.process.stdout], [], [], TIMEOUT)[0]:
            self.close()
            raise PeerError(f"no answer within {TIMEOUT} s")
        line = self.process.stdout.readline()
        if not line:
            raise PeerError(f"the process ended: {self.last_words()}")
        reply = json.loads(line)
        if "error" in reply:
            raise PeerError(reply["error"])
        return reply

    def last_words(self) -> str:
        self.log.seek(0)
        return " | ".join(self.log.read().strip().splitlines()[-3:])[-300:]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            try:
                stream.close()
            except BrokenPipeError:
                pass


def start_workers(peers: list[Peer], threads: int, cores: list[int], pythons: dict) -> tuple[dict, dict]:
    """Workers by name, and for the peers that cannot start the reason why."""
    workers, missing = {}, {}
    for peer in peers:
        try:
            workers[peer.name] = Worker(peer, threads, cores, pythons.get(peer.name))
        except PeerError as error:
            missing[peer.name] = str(error)
    return workers, missing


def measure(workload: Workload, workers: dict, rounds: int, seconds: float, smoke: bool, cpu_time: bool = False) -> tuple[dict, dict]:
    """Interleaved rounds of one workload.

    Returns, by peer, `{"seconds": [...], "losses": [...], "cpu": [...], "check": first epoch's loss}`, with one
    value a round in the lists; and the errors by peer. `cpu_time`: seconds of the processor, not of the clock.
    """
    spec = workload.spec | (workload.smoke if smoke else {})
    results, errors = {}, {}

    def attempt(name: str, **command):
        try:
            return workers[name].ask(**command)
        except PeerError as error:
            errors[name] = str(error)
            results.pop(name, None)

    for name in [p for p in workload.peers if p in workers]:
        reply = attempt(name, do="prepare", kind=workload.kind, spec=spec)
        if reply and not reply.get("absent"):
            results[name] = {"seconds": [], "losses": [], "cpu": [], "check": reply["check"]}
    for _ in range(rounds):
        for name in list(results):
            time.sleep(SETTLE)
            reply = attempt(name, do="turn", seconds=seconds)
            if reply:
                results[name]["seconds"].append(reply["seconds"] * (reply["cpu"] if cpu_time else 1))
                results[name]["losses"].append(reply["loss"])
                results[name]["cpu"].append(reply["cpu"])
    return results, errors
