"""The type stubs say what is there."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest
import stubs

import dlcore

ROOT = Path(dlcore.__file__).parent
KERNELS = sorted(p.stem for p in (ROOT / "_kernels").glob("*.pyi"))


def parameters(node):
    """(name, default) of the arguments of a function in a stub."""
    a = node.args
    plain = [*a.posonlyargs, *a.args]
    defaults = [inspect.Parameter.empty] * (len(plain) - len(a.defaults)) + [ast.literal_eval(d) for d in a.defaults]
    pairs = list(zip([p.arg for p in plain], defaults, strict=True))
    return pairs + [(p.arg, inspect.Parameter.empty) for p in (a.vararg, a.kwarg) if p is not None]


def real_parameters(function):
    return [(p.name, p.default) for p in inspect.signature(function).parameters.values()]


def test_the_stub_of_ops_is_up_to_date():
    assert stubs.PATH.read_text() == stubs.stub(), "run `python tests/stubs.py`"


def test_signatures_of_ops_survive_compilation():
    assert str(inspect.signature(dlcore.ops.softmax)) == "(x, axis=-1)"
    assert dlcore.ops.relu.__doc__.strip() and "Example:" in dlcore.ops.relu.__doc__
    for name in dlcore.ops.__all__:
        function = getattr(dlcore.ops, name)
        assert function.__name__ and function.__doc__.strip(), name
        assert not function.__doc__.startswith(name + "("), "the first line is a sentence, not the signature"


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_stubs(name):
    module = importlib.import_module(f"dlcore._kernels.{name}")
    tree = ast.parse((ROOT / "_kernels" / f"{name}.pyi").read_text())
    found = {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    public = {n for n, v in vars(module).items() if not n.startswith("_") and getattr(v, "__module__", None) == module.__name__}
    assert set(found) == public
    for key, node in found.items():
        real = getattr(module, key)
        if isinstance(node, ast.FunctionDef):
            assert parameters(node) == real_parameters(real), key
            continue
        declared = {n.name: n for n in node.body if isinstance(n, ast.FunctionDef)} | {n.target.id: n for n in node.body if isinstance(n, ast.AnnAssign)}
        own = {n for n, v in vars(real).items() if not n.startswith("__") and (callable(v) or inspect.isdatadescriptor(v))}
        hidden = {n for n in own if n.startswith("_") and n not in declared}        # of this module alone
        assert own - hidden <= set(declared), key
        for n, member in declared.items():
            assert hasattr(real, n), f"{key}.{n}"
            if isinstance(member, ast.FunctionDef) and not n.startswith("__") and not member.decorator_list:
                assert parameters(member) == real_parameters(getattr(real, n)), f"{key}.{n}"


def test_a_stub_that_differs_is_noticed():
    node = ast.parse("def f(x, axis=0): ...").body[0]
    assert parameters(node) != real_parameters(dlcore.ops.softmax)
    assert parameters(ast.parse("def f(x, axis=-1): ...").body[0]) == real_parameters(dlcore.ops.softmax)
