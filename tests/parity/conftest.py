"""Keras on PyTorch beside dlcore: one thread, and one floatx for both."""

import os
import warnings

import pytest

import dlcore

os.environ["KERAS_BACKEND"] = "torch"
warnings.filterwarnings("ignore", module="keras")

try:
    import keras
    import torch
except ImportError:
    collect_ignore_glob = ["test_*.py"]
else:
    if keras.backend.backend() != "torch":
        collect_ignore_glob = ["test_*.py"]

    @pytest.fixture(autouse=True)
    def one_thread():
        """One thread for PyTorch: its results depend on their number."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    @pytest.fixture(autouse=True)
    def fresh_names():
        for library in (keras, dlcore):
            library.utils.clear_session(free_memory=False)

    @pytest.fixture
    def dtype(request):
        """Parametrize it indirectly with "float32" or "float64": floatx of both libraries."""
        for library in (keras, dlcore):
            library.config.set_floatx(request.param)
        yield request.param
        for library in (keras, dlcore):
            library.config.set_floatx("float32")
