"""The table that Model.summary prints."""

import math

import numpy as np

from dlcore import tree


def print_summary(model, line_length=None, print_fn=None, expand_nested=False, show_trainable=False, layer_range=None):
    """Prints name, type, output shape and parameters of each layer, then the totals.

    Args:
        model: A Model.
        line_length: Width in characters.
        print_fn: Takes the whole text; by default it is printed.
        expand_nested: Whether the layers of models inside are listed too.
        show_trainable: Whether a column says what is trained.
        layer_range: Pair of names; only the layers from one to the other are listed.
    """
    import io

    from rich.console import Console
    from rich.table import Table

    headers = ["Layer (type)", "Output Shape", "Param #"]
    chain = _is_chain(model)
    if not chain:
        headers.append("Connected to")
    if show_trainable:
        headers.append("Trainable")
    table = Table(show_lines=False)
    for header in headers:
        table.add_column(header, justify="right" if header == "Param #" else "left")
    for layer, depth in _rows(model, expand_nested, layer_range):
        row = [f"{'  ' * depth}{layer.name} ({type(layer).__name__})", _shape_text(layer), f"{layer.count_params():,}" if layer.built else "0 (unbuilt)"]
        if not chain:
            row.append(_parents(layer, model._graph) if depth == 0 else "")
        if show_trainable:
            row.append("Y" if layer.trainable else "N")
        table.add_row(*row)
    text = io.StringIO()
    console = Console(file=text, width=line_length or 100, force_terminal=False)
    console.print(f"Model: {model.name!r}", markup=False, highlight=False)
    console.print(table)
    trainable, frozen = _count(model.trainable_weights), _count(model.non_trainable_weights)
    optimizer = _count(model.optimizer.variables) if getattr(model, "optimizer", None) is not None and model.optimizer.built else 0
    for title, (n, nbytes) in (("Total", (trainable[0] + frozen[0] + (optimizer[0] if optimizer else 0), trainable[1] + frozen[1] + (optimizer[1] if optimizer else 0))),
                               ("Trainable", trainable), ("Non-trainable", frozen), *([("Optimizer", optimizer)] if optimizer else [])):
        console.print(f" {title} params: {n:,} ({_bytes(nbytes)})", highlight=False)
    (print_fn or (lambda s: print(s, end="")))(text.getvalue())


def _rows(model, expand, layer_range):
    graph = getattr(model, "_graph", None)
    layers = graph.layers if graph is not None and not hasattr(model, "_stack") else model.layers
    if layer_range is not None:
        import re

        names = [layer.name for layer in layers]
        ends = [next((i for i, name in enumerate(names) if re.fullmatch(pattern, name)), None) for pattern in layer_range]
        if len(ends) != 2 or None in ends:
            raise ValueError(f"layer_range must be a pair of names of layers of the model; received layer_range={layer_range}")
        layers = layers[min(ends) : max(ends) + 1]
    for layer in layers:
        yield layer, 0
        if expand and hasattr(layer, "layers"):
            for inner, depth in _rows(layer, True, None):
                yield inner, depth + 1


def _is_chain(model):
    graph = getattr(model, "_graph", None)
    return graph is None or all(len(node.inputs) <= 1 for node in graph.nodes) and len(graph.flat_outputs) == 1


def _shape_text(layer):
    if layer._inbound:
        shapes = tree.map_structure(lambda x: x.shape, layer._inbound[0].outputs)
        return str(shapes)
    graph = getattr(layer, "_graph", None)
    return str(tree.map_structure(lambda x: x.shape, graph.outputs)) if graph is not None else "?"


def _parents(layer, graph):
    names = []
    for node in graph.nodes:
        for x in node.inputs if node.operation is layer else ():
            if x.history is not None and getattr(x.history.operation, "name", None) not in (None, layer.name):
                names.append(x.history.operation.name)
    return ", ".join(dict.fromkeys(names)) or "-"


def _count(variables):
    sizes = [(int(np.prod(v.shape, dtype=np.int64)), v.nbytes) for v in variables]
    return sum(n for n, _ in sizes), sum(b for _, b in sizes)


def _bytes(n):
    if n == 0:
        return "0.00 B"
    unit = min(int(math.log(n, 1024)), 4)
    return f"{n / 1024**unit:.2f} {('B', 'KB', 'MB', 'GB', 'TB')[unit]}"
