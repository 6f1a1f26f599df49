"""Graph: the calls between the inputs and the outputs of a functional model, in an order in which they can run."""

from dlcore import tree
from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import Layer
from dlcore.layers.core import Input, InputLayer
from dlcore.models.fusion import fuse_steps


class _Slot:
    """Stands in a call's arguments for a value that the run computes."""

    __slots__ = ("index",)

    def __init__(self, index):
        self.index = index


class Graph:
    """An executable graph.

    Args:
        inputs, outputs: Structures of KerasTensors.

    Attributes:
        operations: The layers and the calls (nodes) of ops, deepest first, as Keras orders them.
        layers: The layers among them.
        nodes: The calls in the order in which they run.
    """

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        self.flat_inputs, self.flat_outputs = tree.flatten(inputs), tree.flatten(outputs)
        for side, tensors in (("inputs", self.flat_inputs), ("outputs", self.flat_outputs)):
            for x in tensors:
                if type(x) is not KerasTensor:
                    raise ValueError(f"All `{side}` values must be KerasTensors (made by Input and by calling layers on them). Received: {side}={x!r} of type {type(x)}")
        if len({id(x) for x in self.flat_inputs}) != len(self.flat_inputs):
            raise ValueError("The list of inputs passed to the model contains the same input multiple times. All inputs should only appear once.")
        nodes, visits = self._trace("inputs")
        ordered = nodes
        if any(len(node.follows) > len(node.inputs) for node in nodes):
            ordered, visits = self._trace("follows")        # masks count for the order, but travel with the tensors
        depth = self._depths(ordered)
        # Those of one depth in the order in which they were found to have one: a shared layer with state runs in Keras' order.
        found = {node: i for i, node in enumerate(depth)}
        self.nodes = sorted(nodes, key=lambda node: (-depth[node], found[node]))
        deepest = {}
        for node in nodes:
            deepest[_owner(node)] = max(depth[node], deepest.get(_owner(node), 0))
        for x in self.flat_inputs:                       # inputs that no output depends on
            if x.history is not None and isinstance(x.history.operation, InputLayer) and x.history.operation not in deepest:
                deepest[x.history.operation] = 0
                visits[x.history.operation] = -1
        self.operations = sorted(deepest, key=lambda owner: (-deepest[owner], visits[owner]))
        self.layers = [owner for owner in self.operations if isinstance(owner, Layer)]
        names = [layer.name for layer in self.layers]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"The name {name!r} is used {names.count(name)} times in the model. All operation names should be unique.")
        self.input_names = [x.history.operation.name if x.history and isinstance(x.history.operation, InputLayer) else x.name or f"input_{i}"
                            for i, x in enumerate(self.flat_inputs)]
        self.output_names = _unique([x.history.name or "output" for x in self.flat_outputs])
        self._plan()

    def __getstate__(self):
        # The nodes go first, as a node leads to all those before it that are not copied yet.
        mine = set(self.nodes)
        calls = [node for layer in self.layers for node in layer._inbound if node in mine and node.inputs]
        return {"nodes": self.nodes, **vars(self), "calls": calls}

    def __setstate__(self, state):
        for node in state.pop("calls"):
            node.operation._inbound.append(node)
        vars(self).update(state)

    def _trace(self, parents):
        """Nodes between inputs and outputs, parents before children; and the order in which operations were met."""
        given = {id(x) for x in self.flat_inputs}
        nodes, done, running, visits = [], set(), set(), {}
        stack = [(x, False) for x in reversed(self.flat_outputs)]
        while stack:
            x, finished = stack.pop()
            node = x.history
            if id(x) in given and (node is None or not isinstance(node.operation, InputLayer)):
                continue
            if node is None:
                raise ValueError(f"Graph disconnected: cannot find the origin of {x!r}. Its value does not come from the model's inputs")
            if finished:
                running.discard(node)
                if node not in done:
                    done.add(node)
                    nodes.append(node)
                continue
            if node in done:
                continue
            visits.setdefault(_owner(node), len(visits))
            if isinstance(node.operation, InputLayer) and id(x) not in given and not node.inputs:
                raise ValueError(f"`inputs` not connected to `outputs`: the outputs depend on the input {node.operation.name!r}, which is not among the inputs of the model")
            running.add(node)
            stack.append((x, True))
            if id(x) not in given:
                stack.extend((t, False) for t in reversed(getattr(node, parents)) if t.history is None or t.history not in done)
        return nodes, visits

    def _depths(self, nodes):
        given = {id(x) for x in self.flat_inputs}
        depth, owner_depth = {}, {}
        for node in reversed(nodes):
            d = max(depth.get(node, 0), owner_depth.get(_owner(node), 0))
            depth[node] = owner_depth[_owner(node)] = d
            if any(id(x) in given for x in tree.flatten(node.outputs)):
                continue
            for x in node.follows:
                if x.history is not None:
                    depth[x.history] = max(d + 1, depth.get(x.history, 0))
        return depth

    def _plan(self):
        """Compiles the nodes to steps over a flat list of values."""
        index = {}

        def slot(x):
            return index.setdefault(id(x), len(index))

        self._input_slots = [slot(x) for x in self.flat_inputs]
        given = set(index)
        self._steps = []
        for node in self.nodes:
            outs = tree.flatten(node.outputs)
            if all(id(x) in given for x in outs):
                continue
            op = node.operation
            # A training flag of the run goes before one that the call fixed, as in Keras.
            training = isinstance(op, Layer) and op._spec.has_training and "training" not in op._spec.names[: len(node.args)]
            if len(node.args) == 1 and type(node.args[0]) is KerasTensor and not node.kwargs and type(node.outputs) is KerasTensor:
                self._steps.append((op, slot(node.args[0]), None, training, slot(outs[0])))
            else:
                def replace(x):
                    return _Slot(slot(x)) if type(x) is KerasTensor else x

                template = (tree.map_structure(replace, tuple(node.args)), tree.map_structure(replace, dict(node.kwargs)))
                self._steps.append((op, [slot(x) for x in node.inputs], template, training, [slot(x) for x in outs]))
        self._output_slots = [slot(x) for x in self.flat_outputs]
        self._steps = _with_ends(fuse_steps(self._steps, self._output_slots), self._output_slots)
        self._size = len(index)

    def run(self, inputs, training=None):
        """The outputs for a flat list of input values (tensors or symbolic tensors)."""
        values = [None] * self._size
        for i, x in zip(self._input_slots, inputs, strict=True):
            values[i] = x
        for op, source, template, takes_training, target, done in self._steps:
            if template is None:
                values[target] = op(values[source], training=training) if takes_training else op(values[source])
            else:
                def fill(x):
                    return values[x.index] if type(x) is _Slot else x

                args = tree.map_structure(fill, template[0])
                kwargs = tree.map_structure(fill, template[1])
                if takes_training and training is not None:
                    kwargs["training"] = training
                outs = tree.flatten(op(*args, **kwargs))
                for i, x in zip(target, outs, strict=True):
                    values[i] = x
                x = outs = args = kwargs = None
            for i in done:
                values[i] = None
        if type(self.outputs) is KerasTensor:
            return values[self._output_slots[0]]
        return tree.pack_as(self.outputs, [values[i] for i in self._output_slots])

    def replay(self, inputs, call):
        """The outputs of the same graph on other symbolic inputs.

        Args:
            inputs: Flat list of KerasTensors.
            call: ``f(operation, *args, **kwargs)`` that takes the place of a call in this graph.
        """
        known = {id(x): new for x, new in zip(self.flat_inputs, inputs, strict=True)}
        for node in self.nodes:
            outs = tree.flatten(node.outputs)
            if all(id(x) in known for x in outs):
                continue
            args, kwargs = tree.map_structure(lambda x: known.get(id(x), x) if type(x) is KerasTensor else x, (tuple(node.args), dict(node.kwargs)))
            made = tree.flatten(call(node.operation, *args, **kwargs))
            if not isinstance(node.operation, Layer):
                made[0].history.name = node.name
            known.update(zip(map(id, outs), made, strict=True))
        return tree.pack_as(self.outputs, [known[id(x)] for x in self.flat_outputs])


def graph_between(inputs, outputs):
    """The graph from inputs to outputs. A tensor of `inputs` that a layer made is replaced by an input of its own, as in Keras."""
    graph = Graph(inputs, outputs)
    given = graph.flat_inputs
    made = [x.history is not None and not isinstance(x.history.operation, InputLayer) for x in given]
    if not any(made):
        return graph
    flat = [Input(batch_shape=x.shape, dtype=x.dtype) if inner else x for x, inner in zip(given, made, strict=True)]
    return Graph(tree.pack_as(inputs, flat), graph.replay(flat, lambda operation, *args, **kwargs: operation(*args, **kwargs)))


def _with_ends(steps, kept):
    """Steps with the places of the values that each is the last to read: their memory, still in the cache, serves the steps after it."""
    seen, ended = set(kept), []
    for step in reversed(steps):
        read = {step[1]} if step[2] is None else set(step[1])
        ended.append((*step, tuple(read - seen)))
        seen |= read
    return ended[::-1]


def _owner(node):
    """What has one place in the order however often it is called: a layer, or this one call of an op."""
    return node.operation if isinstance(node.operation, Layer) else node


def _unique(names):
    counts, unique = {}, []
    for name in names:
        n = counts.get(name, 0)
        counts[name] = n + 1
        unique.append(name if n == 0 else f"{name}_{n}")
    return unique
