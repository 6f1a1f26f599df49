"""Every public name of Keras 3 exists with the same arguments and defaults, or is listed here with the reason.

The table is recorded from Keras by golden/record_signatures.py.
"""

import importlib
import inspect
import json
import re
from pathlib import Path

import pytest
from golden.record_signatures import parameters

TABLE = json.loads(Path(__file__).with_name("golden").joinpath("signatures.json").read_text())

# Reason -> names (regular expressions of module.name) that do not exist.
MISSING = {
    "spectrograms come with signal processing": r"layers\.(MelSpectrogram|STFTSpectrogram)",
    "recurrent layers and attention come later": r"layers\.(RNN|.*RNN.*|Conv(olution)?LSTM.*|LSTM.*|GRU.*|Bidirectional|TimeDistributed|.*Attention|ReversibleEmbedding)",
    "text vectorization comes later": r"layers\.TextVectorization",
    "layers of other frameworks": r"layers\.(FlaxLayer|JaxLayer|TFSMLayer|TorchModuleWrapper)",
    "the short-time Fourier transform is left out": r"initializers\.(STFT|STFTInitializer|stft)",
    "whole-model files come later": r"(models|saving)\.(load_model|save_model)|saving\.Keras.*",
    "of other frameworks": r"callbacks\.OrbaxCheckpoint",
    "mixed precision is refused": r"optimizers\.LossScaleOptimizer",
    "not part of the dense toolbox": r"utils\.(FeatureSpace|audio_dataset_from_directory)",
}
# Reason -> names (regular expressions of module.Class.method) that do not exist.
MISSING_METHODS = {
    "quantization is refused": r".*\.(quantiz\w*|get_quantization_layer_structure|_int8_call)",
    "LoRA is refused": r".*\.enable_lora",
    "of the JAX back-end": r".*\.(jax_state_sync|compute_loss_and_updates|stateless_\w+|make_\w+_function|(train|test|predict)_step|get_state_tree|set_state_tree)",
    "rematerialization saves memory on accelerators": r".*\.rematerialized_call",
    "whole-model files and exports come later": r"models\..*\.(save|export)",
    "Keras itself only raises an error": r".*\.add_metric",
    "helpers that Keras leaves public": r".*\.symbolic_call|callbacks\.(EarlyStopping\.get_monitor_value|TensorBoard\.summary)|layers\.Discretization\.output_dtype"
    r"|layers\.SpectralNormalization\.normalized_weights|layers\.Random(Zoom|Translation|Shear)\.get_(transformed_x_y|clipped_bbox|shifted_bbox)|metrics\.AUC\.interpolate_pr_auc|optimizers\.Muon\.(lr_adjust|transpose_last_axis|zeropower_via_newtonschulz5)",
    "no dtype policies: a layer has one dtype": r".*\.(dtype_policy|quantization_mode|variable_serialization_spec)",
}
# Name of a function or class -> reason why its arguments differ.
DIFFERENT = {
    "layers.Layer": "Keras' __new__ hides the arguments behind *args, **kwargs",
    "models.Sequential": "the same",
    "layers.Layer.add_weight": "the positional arguments are spelled out",
    "models.Model.add_weight": "the same",
    "optimizers.Adadelta.update_step": "its argument is called grad there and gradient in every other rule",
    "preprocessing.image.smart_resize": "**kwargs there are of other back-ends",
    "saving.deserialize_keras_object": "module_objects is spelled out",
    "utils.deserialize_keras_object": "the same",
}


def reason(table, name):
    return next((why for why, pattern in table.items() if re.fullmatch(pattern, name)), None)


def ours(module, name):
    try:
        return getattr(importlib.import_module(f"dlcore.{module}"), name, None)
    except ImportError:
        return None


NAMES = [(module, name) for module, names in TABLE.items() for name in names]


@pytest.mark.parametrize(("module", "name"), NAMES, ids=lambda value: value)
def test_name(module, name):
    full = f"{module}.{name}"
    found = ours(module, name)
    if reason(MISSING, full):
        assert found is None, f"{full} exists now: take it off the list"
        return
    assert found is not None, f"{full} is missing"
    expected = TABLE[module][name]
    if expected.get("call") and full not in DIFFERENT:
        assert same(parameters(found), expected["call"]), f"{full}: expected {expected['call']}, found {parameters(found)}"
    if inspect.isclass(found):
        for method, arguments in expected.get("methods", {}).items():
            path = f"{full}.{method}"
            if reason(MISSING_METHODS, path) or method in ("call", "build", "compute_output_shape", "compute_output_spec", "get_config", "from_config"):
                continue                    # the latter are protocol: a class of ours may inherit them
            assert hasattr(found, method), f"{path} is missing"
            if path not in DIFFERENT:
                assert same(parameters(getattr(found, method)), arguments), f"{path}: expected {arguments}, found {parameters(getattr(found, method))}"
        for attribute in expected.get("properties", []):
            assert reason(MISSING_METHODS, f"{full}.{attribute}") or hasattr(found, attribute) or attribute in instance_attributes(found), f"{full}.{attribute} is missing"


def same(found, expected):
    """Whether all arguments are there, in order and with their defaults; arguments of our own may follow, before **kwargs."""
    found, expected = ([[name, number(default)] for name, default in arguments or []] for arguments in (found, expected))
    collecting = [a for a in expected if a[0].startswith("*")]
    plain = [a for a in expected if not a[0].startswith("*")]
    return found[: len(plain)] == plain and all(a in found for a in collecting) or found == expected


def number(default):
    """A default that is a number as a number: 4 is 4.0."""
    try:
        return float(default)
    except (TypeError, ValueError):
        return default


def instance_attributes(cls):
    """Names that the classes of a line of descent assign to self."""
    return {name for base in inspect.getmro(cls)[:-1] for name in re.findall(r"self\.(\w+)\b[^=\n]*=", source(base))}


def source(cls):
    try:
        return inspect.getsource(cls)
    except (OSError, TypeError):
        return ""


def test_reasons_are_used():
    for table in (MISSING,):
        for why, pattern in table.items():
            assert any(re.fullmatch(pattern, f"{module}.{name}") for module, name in NAMES), f"nothing is excused by {why!r}"
