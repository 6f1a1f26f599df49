"""Adagrad."""

from dlcore._kernels.optim_squares import adagrad_step
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.state import Slot


class Adagrad(Optimizer):
    """Steps divided by the root of the sum of all squared gradients so far.

    a += g**2;  p -= learning_rate * g / sqrt(a + epsilon).

    Args:
        learning_rate: A float, schedule or callable.
        initial_accumulator_value: Value of a at the start.
        epsilon: Added under the root.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Duchi, Hazan & Singer 2011, *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization*.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Adagrad(learning_rate=0.5, initial_accumulator_value=0.0).apply([[3.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.5]
    """

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.initial_accumulator_value = initial_accumulator_value
        self.epsilon = epsilon

    def slot_groups(self):
        return [(Slot("accumulator", self.initial_accumulator_value),)]

    def update_run(self, run, slots, learning_rate, decay, step):
        adagrad_step(run, slots[0], learning_rate, self.epsilon, decay)

    def get_config(self):
        own = {"initial_accumulator_value": self.initial_accumulator_value, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
