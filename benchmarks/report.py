"""From raw seconds to figures: tables in Markdown, ratios round by round, agreement of losses."""

from statistics import median

from workload import UNITS, Workload

TIERS = {
    "op": "Operations",
    "bandwidth": "Share of the memory's bandwidth",
    "layer": "Layers",
    "conv": "Convolutions",
    "e2e": "Whole models",
    "memory": "Memory",
    "footprint": "Footprint",
}


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def spread(values: list[float]) -> str:
    """Median (min to max)."""
    middle, low, high = number(median(values)), number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low} – {high})"


def figures(workload: Workload, seconds: list[float]) -> list[float]:
    factor, inverse = UNITS[workload.unit]
    return [factor * workload.count / s if inverse else s * factor / workload.count for s in seconds]


def cell(workload: Workload, seconds: list[float]) -> str:
    text = spread(figures(workload, seconds))
    if workload.rate:
        name, amount = workload.rate
        text += f" · {number(amount / median(seconds))} {name}"
    return text


def disturbed(result: dict, threads: int) -> str:
    """On one thread: how many turns had less than nine tenths of their core. Such figures are worth little."""
    shares = [share for one in result.values() for share in one["cpu"]] if threads == 1 else []
    low = sum(share < 0.9 for share in shares)
    return f"{low} of {len(shares)} turns shared their core with another process" if low else ""


def ratios(result: dict, baseline: str) -> dict[str, list[float]]:
    """Time of each peer divided by the baseline's in the same round: above 1 the peer is slower."""
    base = result.get(baseline, {}).get("seconds", [])
    return {p: [s / b for s, b in zip(r["seconds"], base, strict=True)] for p, r in result.items() if p != baseline and base}


def loss_problems(workload: Workload, result: dict) -> list[str]:
    """The first epoch's loss must agree between peers; with dropout, each one's must fall."""
    problems = []
    checks = {p: r["check"] for p, r in result.items() if r["check"] is not None}
    if workload.check == "equal" and checks:
        middle = median(checks.values())
        for peer, loss in checks.items():
            if not abs(loss - middle) <= workload.tolerance * abs(middle):
                problems.append(f"{workload.name}: {peer} has loss {loss:.6g}, the others {middle:.6g}")
    if workload.check == "falls":
        for peer, loss in checks.items():
            last = result[peer]["losses"][-1:]
            if last and not last[0] < loss:
                problems.append(f"{workload.name}: {peer}'s loss went from {loss:.6g} to {last[0]:.6g}")
    return problems


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def tier_tables(tier: str, records: list[dict], order: list[str]) -> str:
    """One table of figures and, when dlcore ran, one of ratios."""
    peers = [p for p in order if any(p in r["result"] for r in records)]
    measured, compared = [], []
    for r in records:
        w, result = r["workload"], r["result"]
        label = [f"{w.name} [{w.unit}]", str(r["threads"])]
        measured.append(label + [cell(w, result[p]["seconds"]) if p in result else "" for p in peers])
        by_peer = ratios(result, "dlcore")
        if by_peer:
            best = min(by_peer, key=lambda p: median(by_peer[p]))
            compared.append([*label, spread(by_peer[best]) + f" {best}"])
            compared[-1] += [spread(by_peer[p]) if p in by_peer else "" for p in peers if p != "dlcore"]
    text = f"## {TIERS[tier]}\n\nMedian of the rounds (min – max).\n\n"
    text += table(["workload", "threads", *peers], measured)
    if compared:
        text += "\nTime divided by dlcore's in the same round (above 1: dlcore is faster).\n\n"
        if tier == "bandwidth":
            text += "So this is dlcore's share of what STREAM reaches; the best peer is the one that counts.\n\n"
        text += table(["workload", "threads", "best peer", *(p for p in peers if p != "dlcore")], compared)
    return text + "\n"


def loss_table(records: list[dict], order: list[str]) -> str:
    """Losses: of the first epoch from the common weights, and of the last epoch that was timed."""
    records = [r for r in records if r["workload"].check != "none" and r["workload"].tier == "e2e"]
    if not records:
        return ""
    peers = [p for p in order if any(p in r["result"] for r in records)]
    rows = []
    for r in records:
        cells = []
        for p in peers:
            one = r["result"].get(p)
            last = one and one["losses"] and one["losses"][-1]
            cells.append("" if not one else f"{one['check']:.5g}" + (f" → {last:.5g}" if last else ""))
        rows.append([r["workload"].name, str(r["threads"]), *cells])
    return "## Losses\n\nFirst epoch → last epoch timed.\n\n" + table(["workload", "threads", *peers], rows) + "\n"


def header(machine: dict, versions: dict, settings: str) -> str:
    cpu = machine["cpu"]
    caches = ", ".join(f"{k} {v}" for k, v in cpu["caches"].items())
    known = ", ".join(f"{k} {v}" for k, v in sorted(versions.items()))
    return (
        f"# Benchmark results\n\n{machine['date']}, commit {machine['commit']}. {cpu['model']} (family {cpu['family']}, "
        f"model {cpu['model number']}; {', '.join(cpu['features'])}; {caches}), {machine['cores']} cores, "
        f"load {machine['load']}, {machine['system']}, Python {machine['python']}. {known}. {settings}\n\n"
    )


def markdown(head: str, records: list[dict], footprint: str, order: list[str]) -> str:
    text = head
    for tier in TIERS:
        chosen = [r for r in records if r["workload"].tier == tier]
        if chosen:
            text += tier_tables(tier, chosen, order)
    return text + loss_table(records, order) + footprint
