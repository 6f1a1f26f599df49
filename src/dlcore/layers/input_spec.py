"""InputSpec: what a layer expects of its inputs, and the error when it gets something else."""

from dlcore import tree


class InputSpec:
    """Constraints on one input of a layer.

    Args:
        dtype: Expected dtype, for information only.
        shape: Expected shape; ``None`` for dimensions that may be anything.
        ndim: Exact rank.
        max_ndim, min_ndim: Bounds of the rank.
        axes: Dict from axis to the size it must have.
        allow_last_axis_squeeze: Whether a last axis of size 1 may be missing or extra.
        name: Name of the input, for dicts of inputs.
        optional: Whether the input may be ``None``.
    """

    def __init__(self, dtype=None, shape=None, ndim=None, max_ndim=None, min_ndim=None, axes=None,
                 allow_last_axis_squeeze=False, name=None, optional=False):
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def get_config(self):
        return {k: v for k, v in vars(self).items() if v is not None}

    @classmethod
    def from_config(cls, config):
        return cls(**config)

    def __repr__(self):
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in vars(self).items() if v not in (None, {}, False))})"


def check_inputs(spec, inputs, layer_name):
    """Raises ValueError if `inputs` (a structure of tensors) do not meet `spec` (an InputSpec or a list of them)."""
    specs = spec if isinstance(spec, (list, tuple)) else [spec]
    tensors = [inputs[s.name] for s in specs] if isinstance(inputs, dict) and all(s.name for s in specs) else tree.flatten(inputs)
    if len(tensors) != len(specs):
        raise ValueError(f"Layer {layer_name!r} expects {len(specs)} input(s); received {len(tensors)} input tensors")
    for i, (s, x) in enumerate(zip(specs, tensors, strict=True)):
        if s is None or x is None and s.optional:
            continue
        if not hasattr(x, "shape"):
            raise ValueError(f"Layer {layer_name!r} must be called on tensors or arrays; received {x!r} (of type {type(x).__name__})")
        problem = _problem(s, tuple(x.shape))
        if problem:
            raise ValueError(f"Input {i} of layer {layer_name!r} is incompatible with the layer: {problem}. Full shape received: {tuple(x.shape)}")


def _problem(spec, shape):
    if spec.ndim is not None and len(shape) != spec.ndim and not spec.allow_last_axis_squeeze:
        return f"expected ndim={spec.ndim}, found ndim={len(shape)}"
    if spec.max_ndim is not None and len(shape) > spec.max_ndim:
        return f"expected max_ndim={spec.max_ndim}, found ndim={len(shape)}"
    if spec.min_ndim is not None and len(shape) < spec.min_ndim:
        return f"expected min_ndim={spec.min_ndim}, found ndim={len(shape)}"
    for axis, size in spec.axes.items():
        if size is not None and -len(shape) <= axis < len(shape) and shape[axis] not in (size, None):
            return f"expected axis {axis} of input shape to have value {size}, but received input with shape {shape}"
    if spec.shape is not None:
        expected = spec.shape
        if spec.allow_last_axis_squeeze and len(shape) != len(expected):
            if expected and expected[-1] == 1:
                expected = expected[:-1]
            elif shape and shape[-1] == 1:
                shape = shape[:-1]
        if len(expected) != len(shape) or any(a is not None and b is not None and a != b for a, b in zip(expected, shape, strict=True)):
            return f"expected shape={expected}, found shape={shape}"
    return None
