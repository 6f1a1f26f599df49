"""Pictures of models. Needs pydot, which is an extra (`pip install dlcore[plot]`), and the program Graphviz."""

import itertools
import os

from .. import tree


def model_to_dot(
    model,
    show_shapes=False,
    show_dtype=False,
    show_layer_names=True,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    subgraph=False,
    show_layer_activations=False,
    show_trainable=False,
    splines="ortho",
    **kwargs,
):
    """The graph of a model in the language of Graphviz.

    Args:
        model: a built model.
        show_shapes: show the shapes of inputs and outputs.
        show_dtype: show the dtypes of outputs.
        show_layer_names: show the names of layers beside their types.
        rankdir: `"TB"` draws from top to bottom, `"LR"` from left to right.
        expand_nested: draw the layers of models within the model.
        dpi: dots per inch.
        subgraph: return a cluster, to be put into another graph.
        show_layer_activations: show the activations of layers that have one.
        show_trainable: show whether layers with weights are trained.
        splines: how lines are drawn: `"ortho"`, `"curved"`, `"polyline"`, `"spline"` or `"line"`.

    Returns:
        A `pydot.Dot`, or a `pydot.Cluster`.

    Raises:
        ValueError: if the model has not been built, or an argument is unknown.
        ImportError: if pydot is not installed.

    Example:
        >>> import dlcore
        >>> model = dlcore.Sequential([dlcore.Input((4,)), dlcore.layers.Dense(1)])
        >>> print(model_to_dot(model).to_string())  # doctest: +SKIP
    """
    if not model.built:
        raise ValueError("This model has not yet been built. Build the model first by calling `build()` or by calling the model on a batch of data.")
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments: {kwargs}")
    pydot = _pydot("model_to_dot")
    show = {"shapes": show_shapes, "dtype": show_dtype, "names": show_layer_names, "activations": show_layer_activations, "trainable": show_trainable}
    if subgraph:
        dot = _cluster(pydot, model)
    else:
        dot = pydot.Dot(rankdir=rankdir, concentrate=True, dpi=dpi, splines=splines)
        dot.set_node_defaults(shape="record")
    _Drawing(pydot, show, expand_nested).draw(model, dot)
    return dot


def plot_model(
    model,
    to_file="model.png",
    show_shapes=False,
    show_dtype=False,
    show_layer_names=False,
    rankdir="TB",
    expand_nested=False,
    dpi=200,
    show_layer_activations=False,
    show_trainable=False,
    splines="ortho",
    **kwargs,
):
    """Draw a model into a file.

    Args:
        model: a built model.
        to_file: the file; its ending says which format (`.png`, `.svg`, `.pdf`, ...).
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested, dpi, show_layer_activations, show_trainable,
            splines: as for `model_to_dot`.

    Returns:
        An image for notebooks if IPython is installed, else None.

    Raises:
        ValueError: if the model has not been built, or an argument is unknown.
        ImportError: if pydot or Graphviz is not installed.

    Example:
        >>> plot_model(model, "model.svg", show_shapes=True)  # doctest: +SKIP
    """
    dot = model_to_dot(
        model, show_shapes=show_shapes, show_dtype=show_dtype, show_layer_names=show_layer_names, rankdir=rankdir, expand_nested=expand_nested,
        dpi=dpi, show_layer_activations=show_layer_activations, show_trainable=show_trainable, splines=splines, **kwargs)
    to_file = os.fspath(to_file)
    extension = os.path.splitext(to_file)[1][1:] or "png"
    try:
        dot.write(to_file, format=extension)
    except FileNotFoundError as error:
        if error.filename == to_file or os.path.dirname(to_file) and not os.path.isdir(os.path.dirname(to_file)):
            raise
        raise ImportError("plot_model needs the program Graphviz, which was not found: see https://graphviz.org/download. "
                          "`model_to_dot(model).to_string()` gives the graph as text without it.") from error
    if extension != "pdf":
        try:
            from IPython.core.display import SVG, Image
        except ImportError:
            return None
        return (SVG if extension == "svg" else Image)(filename=to_file)
    return None


def _pydot(user):
    try:
        import pydot
    except ImportError as error:
        raise ImportError(f"{user} needs pydot, which is not installed: `pip install pydot`, or `pip install dlcore[plot]`.") from error
    return pydot


def _cluster(pydot, model):
    return pydot.Cluster(model.name, style="dashed", label=model.name, labeljust="l")


class _Drawing:
    """Draws models, each layer once."""

    def __init__(self, pydot, show, expand):
        self.pydot, self.show, self.expand = pydot, show, expand
        self.edges = set()
        self.ends = {}                  # of a model drawn within: the boxes of its inputs and of its outputs

    def draw(self, model, dot):
        """Adds the boxes and lines of a model; returns the boxes that its inputs and outputs are."""
        from ..models.sequential import Sequential

        graph = model._graph
        if isinstance(model, Sequential) and (graph is not None or not self.expand):
            layers, ends = model.layers, []
            for layer in layers:
                ends.append(self.box(layer, layer, dot))
            for (_, outputs), (inputs, _) in itertools.pairwise(ends):
                self.line(dot, outputs[0], inputs[0])
            return (ends[0][0], ends[-1][1]) if ends else ([None], [None])
        if graph is None:               # a model that is a program: one box
            return self.box(model, model, dot, whole=True)
        ends = {}
        for node in graph.nodes:
            ends[node] = self.box(node.operation if hasattr(node.operation, "built") else node, node.operation, dot, node)
        for node in graph.nodes:
            inputs = ends[node][0]
            for i, x in enumerate(node.inputs):
                source = self.source(x, ends)
                if source is not None:
                    self.line(dot, source, inputs[i] if i < len(inputs) else inputs[0])
        return [self.source(x, ends) for x in graph.flat_inputs], [self.source(x, ends) for x in graph.flat_outputs]

    @staticmethod
    def source(x, ends):
        if x.history not in ends:
            return None
        outputs = ends[x.history][1]
        place = next((i for i, t in enumerate(tree.flatten(x.history.outputs)) if t is x), 0)
        return outputs[place] if place < len(outputs) else outputs[0]

    def line(self, dot, start, end):
        if None not in (start, end) and (start, end) not in self.edges:
            self.edges.add((start, end))
            dot.add_edge(self.pydot.Edge(start, end, penwidth="2"))

    def box(self, key, operation, dot, node=None, whole=False):
        """The boxes that lines to and from an operation end at."""
        key = str(id(key))
        if key not in self.ends:
            if self.expand and not whole and getattr(operation, "_graph", None) is not None:
                inner = _cluster(self.pydot, operation)
                self.ends[key] = self.draw(operation, inner)
                dot.add_subgraph(inner)
            else:
                dot.add_node(self.pydot.Node(key, label=_label(operation, node, self.show), fontname="Helvetica", border="0", margin="0"))
                self.ends[key] = [key], [key]
        return self.ends[key]


def _label(operation, node, show):
    """The text of a box: a table in Graphviz' HTML."""
    from html import escape

    calls = getattr(operation, "_inbound", None) or ([node] if node is not None else [])
    is_input = type(operation).__name__ == "InputLayer"
    if hasattr(operation, "built"):
        name, kind = operation.name, type(operation).__name__
        if kind == "Model" and getattr(operation, "_graph", None) is not None:
            kind = "Functional"                         # what Keras calls a model made of inputs and outputs
    else:
        name = getattr(operation, "__name__", type(operation).__name__)
        kind = "".join(word.capitalize() for word in name.split("_"))
    cells = []

    def cell(text, value):
        cells.append(f'<td bgcolor="white"><font point-size="14">{text}: <b>{escape(str(value), quote=False)}</b></font></td>')

    if show["shapes"]:
        if not is_input:
            cell("Input shape", tree.map_structure(lambda x: x.shape, calls[0].input_tensors) if calls else "?")
        cell("Output shape", tree.map_structure(lambda x: x.shape, calls[0].outputs) if calls else "?")
    if show["dtype"]:
        cell("Output dtype", tree.map_structure(lambda x: x.dtype, calls[0].outputs) if calls else "?")
    if show["trainable"] and getattr(operation, "weights", None):
        color, text = ("forestgreen", "Trainable") if operation.trainable else ("firebrick", "Non-trainable")
        cells.append(f'<td bgcolor="{color}"><font point-size="14" color="white"><b>{text}</b></font></td>')
    title = f"<b>{escape(name)}</b> ({escape(kind)})" if show["names"] else f"<b>{escape(kind)}</b>"
    span = max(1, len(cells))
    rows = [f'<td colspan="{span}" bgcolor="black"><font point-size="16" color="white">{title}</font></td>']
    activation = getattr(operation, "activation", None)
    if show["activations"] and activation is not None:
        text = getattr(activation, "name", None) or getattr(activation, "__name__", None) or str(activation)
        rows.append(f'<td colspan="{span}" bgcolor="white"><font point-size="14">Activation: <b>{escape(text)}</b></font></td>')
    if cells:
        rows.append("".join(cells))
    return '<<table border="0" cellborder="1" bgcolor="black" cellpadding="10">' + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>>"
