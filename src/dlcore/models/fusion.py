"""Fusion: layers that follow one another and that one kernel computes.

Where a model is planned, calls that match a pattern become one step, a Chain. Nothing is decided for good then: whenever an attribute
of any layer was set since the last run, the chain looks anew whether its layers are in their plain state, and if one is not, calls
them one by one. So what may change in between (a layer frozen, an activation exchanged, a `call` replaced) is seen, and
nothing that is computed from variables is kept.

The functions below say what a pattern computes. They return None where they cannot; then the next shorter pattern has its turn.
"""

from dlcore import activations, layers
from dlcore._kernels.array import reshape
from dlcore._kernels.channelnorm import folded
from dlcore._kernels.dense import dense
from dlcore._kernels.tape import recording
from dlcore._kernels.tensor import Tensor
from dlcore.layers.context import call_training
from dlcore.variable import Changes

enabled = True              # tests compare both ways

LINEAR = activations.fused_code(activations.linear)
RELU = activations.fused_code(activations.relu)
RELU6 = activations.fused_code(activations.relu6)
_CODES = {id(f): code for f in vars(activations).values() if (code := activations.fused_code(f)) is not None}


def _relu(layer):
    if layer.negative_slope or layer.threshold:
        return None
    return RELU if layer.max_value is None else RELU6 if layer.max_value == 6 else None


# The code of what an activation layer does now; None if there is none.
_ACTIVATIONS = {
    layers.Activation: lambda layer: _CODES.get(id(layer.activation)),
    layers.ReLU: _relu,
}


def _normalized(norm, act):
    code = _ACTIVATIONS[type(act)](act)
    return None if code is None else lambda x, training: norm.activated(x, training or call_training() or False, code)


def _activated(conv, act):
    code = _ACTIVATIONS[type(act)](act)
    return None if code is None or conv._fused != LINEAR else lambda x, training: conv.convolve(x, conv.bias, code)


def _folded(conv, norm, act=None, pool=None):
    """Inference: the normalization is a factor and an offset for each channel, and the convolution has room for both."""
    code = LINEAR if act is None else _ACTIVATIONS[type(act)](act)
    if code is None or conv._fused != LINEAR or conv.data_format != "channels_last" or norm.axis not in (-1, conv.rank + 1):
        return None
    if pool is not None and not _pools(conv, code, pool):
        return None
    pooling = None if pool is None else conv.pooling(code, pool.pool_size)

    def run(x, training):
        if norm.trainable and (training or call_training()) or recording():
            return None
        scale, bias = folded(norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance, norm.epsilon, conv.bias)
        return conv.convolve(x, bias, code, scale) if pooling is None else pooling(x, bias, scale)

    return run


# Whose maxima a convolution can take on the way.
_POOLS = {layers.Conv1D: layers.MaxPooling1D, layers.Conv2D: layers.MaxPooling2D}


def _pools(conv, code, pool):
    return (_POOLS.get(type(conv)) is type(pool) and code in (RELU, LINEAR) and pool.pool_size == pool.strides and pool.padding == "valid"
            and conv.data_format == pool.data_format == "channels_last")


def _pooled(conv, *rest):
    pool = rest[-1]
    code = conv._fused if len(rest) == 1 else _ACTIVATIONS[type(rest[0])](rest[0]) if conv._fused == LINEAR else None
    if not _pools(conv, code, pool):
        return None
    pooling, bias = conv.pooling(code, pool.pool_size), conv.bias
    return lambda x, training: pooling(x, bias, None)


def _flattened(flat, dense_layer):
    code, kernel, bias = dense_layer._fused, dense_layer.kernel, dense_layer.bias
    if code is None or flat.data_format != "channels_last":
        return None
    n = kernel.shape[0]
    return lambda x, training: dense(reshape(x, (x.shape[0], n)), kernel, bias, code)


# What layers are to a pattern. A convolution has a method `convolve(inputs, bias, activation, scale)`.
_KINDS = {layers.BatchNormalization: "norm", **dict.fromkeys(_ACTIVATIONS, "act"), **dict.fromkeys(_POOLS.values(), "pool"),
          layers.Flatten: "flat", layers.Dense: "dense"}
_KINDS |= {cls: "conv" for name in layers.__all__ if hasattr(cls := getattr(layers, name), "convolve")}
# Longest first. The number: after how many of the layers to part them where the pattern does not apply.
_PATTERNS = [
    (("conv", "norm", "act", "pool"), _folded, 1),
    (("conv", "norm", "act"), _folded, 1),
    (("conv", "norm"), _folded, 1),
    (("conv", "act", "pool"), _pooled, 2),
    (("conv", "act"), _activated, 1),
    (("conv", "pool"), _pooled, 1),
    (("norm", "act"), _normalized, 1),
    (("flat", "dense"), _flattened, 1),
]
LONGEST = max(len(kinds) for kinds, _, _ in _PATTERNS)


class Chain:
    """A step of a model that runs layers which follow one another, with one kernel if they are in their plain state.

    Args:
        members: The layers.
        fuse: ``f(*members)`` gives ``run(x, training)``, which computes them or returns None; or None.
        parts: Steps that do the same: layers and shorter chains.
    """

    __slots__ = ("dtype", "fuse", "members", "parts", "run", "seen")

    def __init__(self, members, fuse, parts):
        self.members, self.fuse, self.parts = members, fuse, parts
        self.seen = self.dtype = self.run = None

    def __reduce__(self):
        return type(self), (self.members, self.fuse, self.parts)

    def __call__(self, x, training=None):
        if enabled and type(x) is Tensor and x.mask is None:
            if self.seen is not Changes.settings or x.dtype is not self.dtype:
                self._look(x.dtype)
            if self.run is not None:
                try:
                    y = self.run(x, training)
                except ValueError:
                    y = None                        # the layer that it belongs to says what is wrong
                if y is not None:
                    return y
        for part in self.parts:
            x = part(x, training=training) if takes_training(part) else part(x)
        return x

    def _look(self, dtype):
        """What to run, for as long as nobody sets an attribute of a layer."""
        self.seen, self.dtype = Changes.settings, dtype
        # A `call` of its own is one that somebody has put in its place.
        plain = all(layer.compute_dtype is dtype and _is_plain(layer) and "call" not in layer.__dict__ for layer in self.members)
        self.run = self.fuse(*self.members) if plain else None


def _is_plain(layer):
    """Whether a layer only computes, like one that `Layer.__call__` found to be plain. This must not depend on whether the layer was
    called before: a model that was loaded gives the very numbers of the one that was saved."""
    return layer.built and layer.activity_regularizer is None and not layer._adds_losses


def takes_training(step):
    """Whether a step of a model is called with the training flag."""
    return type(step) is Chain or step._spec.has_training


def match(members):
    """The longest pattern that layers begin with, as (Chain, number of layers); (None, 1) if there is none.

    Only layers of exactly a class of this library take part, as long as nobody has replaced its `call`.
    """
    kinds = []
    for layer in members[:LONGEST]:
        kind = _KINDS.get(type(layer))
        if kind is None or type(layer).call is not _CALLS[type(layer)]:
            break
        kinds.append(kind)
    for pattern, fuse, parting in _PATTERNS:
        n = len(pattern)
        if tuple(kinds[:n]) == pattern:
            return Chain(tuple(members[:n]), fuse, (*steps(members[:parting]), *steps(members[parting:n]))), n
    return None, 1


_CALLS = {cls: cls.call for cls in _KINDS}


def steps(members):
    """Layers that follow one another as a list of layers and chains."""
    found, i = [], 0
    while i < len(members):
        chain, n = match(members[i:])
        found.append(members[i] if chain is None else chain)
        i += n
    return found


_NOISE = {cls: cls.call for cls in (layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
                                    layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise)}


def quiet(members):
    """Those of the layers that do something outside of training; for as long as nobody sets an attribute of a layer."""
    return [layer for layer in members
            if not (type(layer) in _NOISE and _is_plain(layer) and "call" not in layer.__dict__ and type(layer).call is _NOISE[type(layer)])]


def fuse_steps(plan, kept):
    """A graph's steps with chains in the place of calls that match.

    Args:
        plan: List of ``(operation, source, template, takes_training, target)``; template None marks a call on one tensor, else source and
            target are lists of places.
        kept: Places of values that are read when the steps are done.

    Returns:
        The new list. A chain stands where its normalization stood: the layers around it keep no state, but a normalization that
        is shared follows its inputs in order.
    """
    readers = {}
    for i, (_, source, template, _, _) in enumerate(plan):
        for place in [source] if template is None else source:
            readers.setdefault(place, []).append(i)
    for place in kept:
        readers.setdefault(place, []).append(None)

    def following(i):
        """The steps from i on of which each is the only reader of the one before."""
        run = []
        while i is not None and plan[i][2] is None and len(run) < LONGEST:
            run.append(i)
            i = next(iter(readers.get(plan[i][4], [None]))) if len(readers.get(plan[i][4], ())) == 1 else None
        return run

    chains, gone = {}, set()
    for i in range(len(plan)):
        if i in gone or plan[i][2] is not None:
            continue
        run = following(i)
        chain, n = match([plan[k][0] for k in run])
        if chain is not None:
            gone.update(run[:n])
            at = next((k for k in run[:n] if _KINDS[type(plan[k][0])] == "norm"), i)
            chains[at] = chain, plan[i][1], None, True, plan[run[n - 1]][4]
    return [chains.get(i, step) for i, step in enumerate(plan) if i in chains or i not in gone]
