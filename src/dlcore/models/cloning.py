"""clone_model: a model of the same structure with weights of its own."""

from dlcore import tree
from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import Layer
from dlcore.layers.core import Input, InputLayer
from dlcore.models.model import Functional
from dlcore.models.sequential import Sequential
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object


def clone_model(model, input_tensors=None, clone_function=None, call_function=None, recursive=False, **kwargs):
    """A model of the same structure, with new layers and so with new weights.

    Layers that are shared in the model are shared in the clone. If the model is compiled, the clone is compiled likewise.

    Args:
        model: A Sequential or functional model; a subclassed one is made anew from its ``get_config()``.
        input_tensors: Symbolic inputs to build the clone on, in the structure of ``model.input``.
        clone_function: ``f(layer)`` that gives the layer of the clone; by default a new one of the same configuration.
            Inputs are always new.
        call_function: ``f(layer, *args, **kwargs)`` that calls a cloned layer in a functional model.
        recursive: Whether models inside are cloned by this function and not by `clone_function`.

    Returns:
        The clone.

    Raises:
        ValueError: If an argument does not fit the kind of model.

    Example:
        >>> import dlcore
        >>> model = dlcore.Sequential([dlcore.Input((4,)), dlcore.layers.Dense(2)])
        >>> clone = dlcore.models.clone_model(model)
        >>> [w.shape for w in clone.weights], clone.weights[0] is model.weights[0]
        ([(4, 2), (2,)], False)
    """
    cache = kwargs.pop("cache", None)
    if kwargs:
        raise ValueError(f"clone_model: unexpected keyword arguments {list(kwargs)}")
    clones = cache if cache is not None else {}
    make = clone_function or _same_configuration

    def clone_of(layer):
        if layer not in clones:
            if recursive and isinstance(layer, (Sequential, Functional)):
                function = None if isinstance(layer, Sequential) else call_function
                clones[layer] = clone_model(layer, clone_function=clone_function, call_function=function, recursive=True, cache=clones)
            else:
                clones[layer] = make(layer)
                if not isinstance(clones[layer], Layer):
                    raise ValueError(f"clone_model: clone_function must give a layer; for {layer!r} it gave {clones[layer]!r}")
        return clones[layer]

    if isinstance(model, Sequential):
        if call_function is not None:
            raise ValueError(f"clone_model: call_function is for functional models: the layers of a Sequential are not called one by one. Received call_function={call_function}")
        clone = _sequential(model, clone_of, input_tensors)
    elif isinstance(model, Functional):
        clone = _functional(model, clone_of, call_function, input_tensors)
    else:
        for name, value in (("clone_function", clone_function), ("input_tensors", input_tensors), ("call_function", call_function)):
            if value is not None:
                raise ValueError(f"clone_model: {name} is for Sequential and functional models; received a {type(model).__name__} and {name}={value}")
        return deserialize_keras_object(serialize_keras_object(model), custom_objects={type(model).__name__: type(model)})
    if model.compiled:
        clone.compile_from_config(model.get_compile_config())
    return clone


def _same_configuration(layer):
    return type(layer).from_config(layer.get_config())


def _sequential(model, clone_of, input_tensors):
    stack = [clone_of(layer) for layer in model.layers]
    given = model._stack[0] if model._stack and isinstance(model._stack[0], InputLayer) else None
    if input_tensors is not None:
        tensors = tree.flatten(input_tensors)
        if len(tensors) != 1 or type(tensors[0]) is not KerasTensor:
            raise ValueError(f"clone_model: input_tensors of a Sequential model must be one KerasTensor; received {input_tensors}")
        stack.insert(0, Input(tensor=tensors[0], name=None if given is None else given.name))
    elif given is not None:
        stack.insert(0, Input(batch_shape=given.batch_shape, dtype=given.dtype, name=given.name))
    return Sequential(stack, name=model.name, trainable=model.trainable)


def _functional(model, clone_of, call_function, input_tensors):
    graph = model._graph
    if input_tensors is None:
        inputs = tree.map_structure(lambda x: Input(batch_shape=x.shape, dtype=x.dtype, name=x.name), graph.inputs)
    else:
        inputs = input_tensors
        flat = tree.flatten(inputs)
        if len(flat) != len(graph.flat_inputs) or not all(type(x) is KerasTensor for x in flat):
            raise ValueError(f"clone_model: input_tensors must be KerasTensors in the structure of model.input, {graph.inputs}; received {input_tensors}")

    def call(operation, *args, **kwargs):
        if not isinstance(operation, Layer):
            return operation(*args, **kwargs)
        layer = clone_of(operation)
        return layer(*args, **kwargs) if call_function is None else call_function(layer, *args, **kwargs)

    outputs = graph.replay(tree.flatten(inputs), call)
    return type(model)(inputs, outputs, name=model.name)
