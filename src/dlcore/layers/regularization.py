"""Layers that act only in training."""

from dlcore import ops
from dlcore.layers.base import Layer
from dlcore.random import SeedGenerator


class Dropout(Layer):
    """Sets a random share of the inputs to zero in training and scales the rest by 1 / (1 - rate).

    Args:
        rate: Share, between 0 and 1.
        noise_shape: Shape of the mask, to be broadcast (``None`` or 1 for axes with one decision for all).
        seed: Integer, or SeedGenerator, for reproducible masks.

    Call arguments:
        inputs: Tensor of any rank.
        training: Whether to drop; by default what the surrounding model does.

    References:
        Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
            raise ValueError(f"Invalid value received for argument `rate`. Expected a float value between 0 and 1. Received: rate={rate}")
        self.rate = rate
        self.seed = seed
        self.noise_shape = noise_shape
        self.supports_masking = True
        if rate > 0:
            self.seed_generator = seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, training=False):
        if not training or self.rate == 0:
            return inputs
        key, counter = self.seed_generator.draw()
        return ops.dropout(inputs, self.rate, key, counter, self.noise_shape)
