"""SpectralNormalization: a layer whose kernel is divided by its largest singular value."""

import numpy as np

from dlcore import config, initializers, ops
from dlcore._kernels.tensor import KerasTensor
from dlcore.layers.base import InputSpec
from dlcore.layers.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """Divides the kernel of a layer by (an estimate of) its largest singular value at every call in training.

    The estimate comes from power iteration, which goes on from call to call. It stabilizes the training of adversarial networks.

    Args:
        layer: A layer with a ``kernel`` or ``embeddings``.
        power_iterations: Iterations at each call.

    References:
        Miyato et al., "Spectral normalization for generative adversarial networks", ICLR 2018.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.SpectralNormalization(dlcore.layers.Dense(2))
        >>> layer(dlcore.ops.ones((3, 4)), training=True).shape
        (3, 2)
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(f"`power_iterations` should be greater than zero. Received: `power_iterations={power_iterations}`")
        self.power_iterations = power_iterations

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        kernel = getattr(self.layer, "kernel", None)
        if kernel is None:
            kernel = getattr(self.layer, "embeddings", None)
        if kernel is None:
            raise ValueError(f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'")
        self.kernel = kernel
        self.vector_u = self.add_weight(name="vector_u", shape=(1, kernel.shape[-1]), initializer=initializers.TruncatedNormal(stddev=0.02),
                                        trainable=False, dtype=kernel.dtype)

    def call(self, inputs, training=False):
        if training and not isinstance(inputs, KerasTensor):
            self.normalize_weights()
        output = self.layer(inputs)
        return ops.cast(output, inputs.dtype) if inputs.dtype.startswith("float") else output

    def normalize_weights(self):
        """Divides the kernel by its estimated largest singular value; a kernel of zeros stays as it is."""
        kernel = self.kernel.numpy()
        if not kernel.any():
            return
        weights = kernel.reshape(-1, kernel.shape[-1])
        u = self.vector_u.numpy()
        for _ in range(self.power_iterations):
            v = _unit(u @ weights.T)
            u = _unit(v @ weights)
        sigma = v @ weights @ u.T
        self.vector_u.assign(u)
        self.kernel.assign(kernel / sigma[0, 0])

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def _unit(x):
    length = np.sqrt(np.sum(x * x))
    return x / np.maximum(length, config.epsilon())
