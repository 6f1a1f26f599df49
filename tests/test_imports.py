"""The architecture, as far as imports show it: they go downward only, and importing the package is quick."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import dlcore

ROOT = Path(dlcore.__file__).parent
# From the ground up. Within a line, modules stand on one floor.
FLOORS = [
    ["_kernels", "naming", "tree", "version"],
    ["config", "errors"],
    ["ops"],
    ["variable"],
    ["utils", "random"],  # what the rest of their floor stands on
    ["initializers", "regularizers", "constraints", "activations", "datasets", "preprocessing"],
    ["layers"],
    ["losses"],
    ["optimizers", "metrics"],
    ["saving"],
    ["callbacks", "data"],
    ["models"],
    ["__init__", "__main__", "testing"],
]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}
HEAVY = ["rich", "h5py", "urllib.request", "http.client", "gzip", "tarfile", "numpy.random", "scipy", "pandas", "torch", "PIL", "pydot", "multiprocessing", "concurrent.futures",
         "dlcore.utils.bounding_boxes"]


def imports(path):
    """The modules of the package that a file imports when it is itself imported; imports inside functions do not count."""
    package = path.relative_to(ROOT.parent).with_suffix("").parts[:-1]
    stack = list(ast.parse(path.read_text()).body)
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


FILES = [p for p in sorted(ROOT.rglob("*.py")) if "_kernels" not in p.parts]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downward(path):
    own = path.relative_to(ROOT).with_suffix("").parts[0]
    assert own in LEVEL, f"{own} has no floor: give it one in FLOORS"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "dlcore" or len(parts) < 2 or parts[1] == own or parts[1] not in LEVEL:
            continue
        pair = {own, parts[1]} <= {"utils", "random"}
        assert LEVEL[parts[1]] < LEVEL[own] or pair, f"{own} may not import {name}: it is not on a lower floor"


def test_files_are_short():
    long = {str(p.relative_to(ROOT)): n for p in FILES if (n := len(p.read_text().splitlines())) > 400}
    assert not long, f"over 400 lines, split by meaning: {long}"
    kernels = (Path(__file__).parents[1] / "src").rglob("*.pyx")           # a wheel has none
    long = {p.name: n for p in kernels if (n := len(p.read_text().splitlines())) > 800}
    assert not long, f"over 800 lines, split by meaning: {long}"


def test_importing_loads_nothing_heavy():
    code = f"import sys, dlcore; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
