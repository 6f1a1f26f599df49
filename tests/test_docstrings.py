"""The examples in the docstrings of the installed package."""

import doctest
import importlib
import pkgutil
import warnings

import pytest

import dlcore

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = [
    m.name for m in pkgutil.walk_packages(dlcore.__path__, "dlcore.") if "._kernels" not in m.name and not m.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["dlcore", *MODULES])
def test_examples(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module = importlib.import_module(name)
    # Names of ops such as `round` must not hide the built-in ones.
    names = {"dlcore": dlcore} if name == "dlcore.ops" else None
    assert doctest.testmod(module, globs=names, optionflags=FLAGS).failed == 0
