"""The graph of a functional model as a configuration, and back.

The format is that of Keras 3: every operation with the calls in which it takes part; a symbolic tensor is named by the
operation that made it, which call of it that was, and which of its outputs.
"""

import inspect
from typing import Any

from dlcore import tree
from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import Layer
from dlcore.naming import uniquify
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object

KEYS = ("name", "layers", "input_layers", "output_layers")


def graph_config(model):
    """Configuration of a model that is a graph: name, layers with their calls, inputs and outputs."""
    graph = model._graph
    operations, names = _operations(graph)
    place = {}                          # id of a tensor -> [name, call, output]
    for operation, nodes in operations.items():
        for call, node in enumerate(nodes, _first_call(operation)):
            for output, x in enumerate(tree.flatten(node.outputs)):
                place[id(x)] = [names[operation], call, output]

    def written(value):
        if type(value) is KerasTensor:
            return {"class_name": "__keras_tensor__", "config": {"shape": list(value.shape), "dtype": value.dtype, "keras_history": place[id(value)]}}
        if isinstance(value, dict):
            return {key: written(item) for key, item in value.items()}
        if isinstance(value, list):
            return [written(item) for item in value]
        if isinstance(value, tuple):        # JSON has none, and an index (slice, slice) is not a list of them
            return {"class_name": "__tuple__", "config": [written(item) for item in value]}
        return serialize_keras_object(value)

    layers = []
    for operation, nodes in operations.items():
        owner = operation if isinstance(operation, Layer) else operation.operation
        calls = [{"args": written(list(node.args)), "kwargs": written(dict(node.kwargs))} for node in nodes if node.inputs]
        layers.append({**serialize_keras_object(owner), "name": names[operation], "inbound_nodes": calls})
    return {"name": model.name, "trainable": model.trainable, "layers": layers,
            "input_layers": tree.map_structure(lambda x: place[id(x)], graph.inputs),
            "output_layers": tree.map_structure(lambda x: place[id(x)], graph.outputs)}


def _operations(graph):
    """The calls of each layer, and each call of an op by itself, in order; and their names."""
    nodes = list(graph.nodes)
    for x in graph.flat_inputs:         # also inputs that no output depends on
        if x.history is not None and x.history not in nodes:
            nodes.insert(0, x.history)
    operations, names = {owner: [] for owner in graph.operations}, {}
    for node in nodes:
        operations[node.operation if isinstance(node.operation, Layer) else node].append(node)
    for layer, calls in operations.items():
        if isinstance(layer, Layer):
            names[layer] = layer.name
            calls.sort(key=layer._inbound.index)
    for node in operations:
        if not isinstance(node, Layer):
            names[node] = uniquify(node.name or "op", set(names.values()))
    return operations, names


def _first_call(operation):
    """Keras counts the making of a functional model as its first call."""
    from dlcore.models.model import Functional

    return int(isinstance(operation, Functional))


def graph_from_config(cls, config, custom_objects=None):
    """The model that `graph_config` described, with weights of its own.

    Raises:
        ValueError: If a call refers to a tensor that no call gives.
    """
    config = dict(config)
    layers, inputs, ends = (config.pop(key) for key in KEYS[1:])
    made, tensors, waiting = {}, {}, []
    for layer in layers:
        name = layer["name"]
        made[name] = operation = deserialize_keras_object({k: v for k, v in layer.items() if k not in ("name", "inbound_nodes")}, custom_objects)
        if not callable(operation):
            raise ValueError(f"the configuration of model {config.get('name')!r} describes a layer {name!r} that is not one; received {operation!r}")
        waiting += [(name, call, node) for call, node in enumerate(layer["inbound_nodes"], _first_call(operation))]
        if not layer["inbound_nodes"] and isinstance(operation, Layer) and operation._inbound:       # an Input
            _keep(tensors, name, 0, operation._inbound[0].outputs)
    while waiting:
        later = []
        for name, call, node in waiting:
            if _known(node, tensors) and not any(name == other for other, *_ in later):
                args, kwargs = _read(node["args"], tensors), _read(node["kwargs"], tensors)
                outputs = made[name](*args, **kwargs)
                if not isinstance(made[name], Layer):
                    tree.flatten(outputs)[0].history.name = name
                _keep(tensors, name, call, outputs)
            else:
                later.append((name, call, node))
        if len(later) == len(waiting):
            raise ValueError(f"the configuration of model {config.get('name')!r} is not a graph: these calls depend on tensors that nothing gives: {sorted({w[0] for w in later})}")
        waiting = later
    return cls(_pick(inputs, tensors), _pick(ends, tensors), **config)


def takes_graph(cls):
    """Whether the constructor of a model class takes inputs and outputs."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return [p.name for p in parameters[:2]] == ["inputs", "outputs"] or bool(parameters) and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL


def _keep(tensors, name, call, outputs):
    for i, x in enumerate(tree.flatten(outputs)):
        tensors[name, call, i] = x


def _is_tensor(value):
    return isinstance(value, dict) and value.get("class_name") == "__keras_tensor__"


def _place(value):
    return tuple(value["config"]["keras_history"])


def _known(value, tensors):
    if _is_tensor(value):
        return _place(value) in tensors
    if isinstance(value, (list, tuple, dict)):
        return all(_known(item, tensors) for item in (value.values() if isinstance(value, dict) else value))
    return True


def _read(value, tensors) -> Any:
    if _is_tensor(value):
        return tensors[_place(value)]
    if isinstance(value, dict) and value.get("class_name") == "__tuple__":
        return tuple(_read(item, tensors) for item in value["config"])
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _read(item, tensors) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_read(item, tensors) for item in value)
    return deserialize_keras_object(value)


def _pick(places, tensors):
    if isinstance(places, dict):
        return {key: _pick(item, tensors) for key, item in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        place = tuple(places)
        if place not in tensors:
            raise ValueError(f"the configuration names {places} as an input or output; there is no such tensor")
        return tensors[place]
    return type(places)(_pick(item, tensors) for item in places)
