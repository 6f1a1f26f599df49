"""Weights in the HDF5 files of Keras 2, and of whole models that were saved there as ``.h5``."""

import warnings

import numpy as np

from dlcore.saving import h5
from dlcore.variable import assign_all


def load_legacy_weights(model, path, by_name=False, skip_mismatch=False):
    """Loads weights layer by layer, all or none of them.

    Args:
        model: A built model.
        path: The file.
        by_name: Whether the layers are found by their name instead of by their order; those without one stay as they are.
        skip_mismatch: Whether to leave out, with a warning, what does not fit.

    Raises:
        ValueError: if the file does not fit the model.
    """
    with h5.reading(path) as file:
        group = h5.child_group(file, "model_weights") if not _names(file, "layer_names") and "model_weights" in file else file
        saved = [(name, h5.child_group(group, name)) for name in _names(group, "layer_names")]
        if not saved:
            raise ValueError(f"{path}: expected weights in the format of Keras 2, found no `layer_names`. Files in the format of Keras 3 end in `.weights.h5`")
        pairs = _by_name(model, saved) if by_name else _by_order(model, saved, path)
        if (top := group.get("top_level_model_weights", getlink=True)) is not None and top:
            pairs.append((f"the model {model.name!r} itself", model._own_variables(), h5.child_group(group, "top_level_model_weights")))
        found = [(what, variables, [h5.read_array(data, name) for name in _names(data, "weight_names")]) for what, variables, data in pairs]
    variables, values, complaints = [], [], []
    for what, own, arrays in found:
        if len(own) != len(arrays):
            complaints.append(f"{what}: expected {len(own)} weights {[v.name for v in own]}, the file has {len(arrays)}")
            continue
        for v, value in zip(own, arrays, strict=True):
            if tuple(v.shape) != value.shape:
                complaints.append(f"{what}: weight {v.path!r} expected shape {tuple(v.shape)}, the file has {value.shape}")
            else:
                variables.append(v)
                values.append(value)
    if complaints:
        text = f"{path}: {len(complaints)} mismatch(es):\n  " + "\n  ".join(complaints[:10])
        if not skip_mismatch:
            raise ValueError(f"{text}\nNothing was loaded. With `skip_mismatch=True` these are left out.")
        warnings.warn(f"{text}\nThey keep the numbers that they had.", stacklevel=4)
    assign_all(variables, values)


def _by_order(model, saved, path):
    layers = [layer for layer in model.layers if _weights(layer)]
    saved = [(name, group) for name, group in saved if _names(group, "weight_names")]
    if len(layers) != len(saved):
        raise ValueError(
            f"{path}: the model has {len(layers)} layers with weights {[layer.name for layer in layers]}, "
            f"the file has {len(saved)} {[name for name, _ in saved]}. Nothing was loaded."
        )
    return [(f"layer {layer.name!r} ({name!r} in the file)", _weights(layer), group) for layer, (name, group) in zip(layers, saved, strict=True)]


def _by_name(model, saved):
    return [(f"layer {layer.name!r}", _weights(layer), group) for name, group in saved for layer in model.layers if layer.name == name]


def _weights(layer):
    """Keras 2 wrote what is trained first."""
    return layer.trainable_weights + layer.non_trainable_weights


def _names(group, name):
    """A list of names from the attributes of a group; a long one is cut into several attributes."""
    if name in group.attrs:
        parts = [group.attrs[name]]
    else:
        parts = []
        while f"{name}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{name}{len(parts)}"])
    return [n.decode("utf8") if isinstance(n, bytes) else str(n) for part in parts for n in np.atleast_1d(part)]
