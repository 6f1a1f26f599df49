"""WeightNoise: noise on the weights instead of the activations."""

from math import isfinite

import numpy as np

from dlcore import tree
from dlcore._kernels.noise import gaussian_noise
from dlcore._kernels.tape import stop_recording
from dlcore.layers.base import Layer
from dlcore.layers.state import BOOKKEEPING
from dlcore.layers.wrapper import Wrapper
from dlcore.random import SeedGenerator
from dlcore.utils.serialization import deserialize_keras_object
from dlcore.variable import Variable


class WeightNoise(Wrapper):
    """Adds fresh normal noise to the weights of a layer at each call in training: ``y = f(x, W + noise)``.

    The gradient is taken at the noisy weights and applied to the clean ones, which is what ``weights``, regularizers and
    constraints see. In inference the layer is as it is. Training on noisy weights looks for minima that are flat, and for
    recurrent networks it is a regularizer of its own. Keras has no such layer. While a call in training runs, the attributes of
    the layer hold the noisy weights: two threads may not train one layer at once.

    Args:
        layer: The layer (or model) whose trainable weights get noise, also those of the layers in it.
        stddev: Standard deviation of the noise, at least 0.
        seed: Integer, or SeedGenerator, for reproducible noise.

    Call arguments:
        inputs: What the layer takes.
        training: Whether to add noise; by default what the surrounding model does.
        mask: Handed on to a layer that takes one.

    References:
        An, "The effects of adding noise during backpropagation training on a generalization performance", Neural
        Computation 8, 1996; Graves, "Practical variational inference for neural networks", NIPS 2011.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.WeightNoise(dlcore.layers.Dense(3), stddev=0.1, seed=1)
        >>> x = dlcore.ops.ones((1, 2))
        >>> bool((layer(x, training=True).numpy() != layer(x, training=True).numpy()).all())
        True
        >>> bool((layer(x).numpy() == layer.layer(x).numpy()).all())
        True
    """

    def __init__(self, layer, stddev, seed=None, **kwargs):
        super().__init__(layer, **kwargs)
        if not isinstance(stddev, (int, float, np.floating)) or not (stddev >= 0 and isfinite(stddev)):
            raise ValueError(f"WeightNoise: stddev must be a finite number of at least 0; received stddev={stddev!r}")
        self.stddev = stddev
        self.seed = seed = deserialize_keras_object(seed) if isinstance(seed, dict) else seed
        self.supports_masking = layer.supports_masking
        self.seed_generator = seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)

    def call(self, inputs, training=False, mask=None):
        options = {"training": training} if self.layer._spec.takes_training else {}
        if mask is not None and self.layer._spec.has_mask:
            options["mask"] = mask
        if not training or self.stddev == 0:
            return self.layer(inputs, **options)
        if not all(layer.built for layer in self.layer._flatten_layers()):
            with stop_recording():                      # layers inside may get their weights in their first call
                self.layer(inputs, **{**options, "training": False} if "training" in options else options)
        noisy = {}                                      # by identity of the variable: a shared one gets one noise
        changed = [(layer, self._with_noise(layer, noisy)) for layer in self.layer._flatten_layers()]
        try:
            for layer, (_, new) in changed:
                vars(layer).update(new)
            return self.layer(inputs, **options)
        finally:
            for layer, (old, _) in changed:
                vars(layer).update(old)

    def _with_noise(self, layer, noisy):
        """Attributes of a layer that hold trainable variables: as they are, and with noise."""
        def changed(value):
            if not isinstance(value, Variable) or not value.trainable or not value.dtype.startswith("float"):
                return value
            if id(value) not in noisy:
                noisy[id(value)] = gaussian_noise(value, self.stddev, *self.seed_generator.draw())
            return noisy[id(value)]

        old, new = {}, {}
        for key, value in vars(layer).items():
            if isinstance(value, Variable):
                old[key], new[key] = value, changed(value)
            elif isinstance(value, (list, tuple, dict)) and key not in BOOKKEEPING and any(isinstance(leaf, Variable) for leaf in tree.flatten(value)):
                old[key], new[key] = value, tree.map_structure(changed, value)
        return old, new

    def compute_mask(self, inputs, mask=None):
        return self.layer.compute_mask(inputs, mask) if self.supports_masking else None

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def compute_output_spec(self, *args, **kwargs):
        return Layer._call_symbolically(self, args, kwargs)
