"""Ftrl."""

from dlcore._kernels.optim_squares import ftrl_step
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.state import Slot


class Ftrl(Optimizer):
    """"Follow the regularized leader": for sparse linear models with many features.

    n' = n + g**2;  z += g + 2 * l2_shrinkage * p - (n'**-power - n**-power) / learning_rate * p;
    p = (clip(z, -l1, l1) - z) / ((beta + n'**-power) / learning_rate + 2 * l2).
    With l1 > 0 a parameter whose z stays within [-l1, l1] is exactly zero.

    Args:
        learning_rate: A float, schedule or callable.
        learning_rate_power: The power above, <= 0; 0 keeps the learning rate constant.
        initial_accumulator_value: Value of n at the start, >= 0.
        l1_regularization_strength: l1, >= 0.
        l2_regularization_strength: l2, >= 0.
        l2_shrinkage_regularization_strength: Like l2, but a penalty on the gradient only, >= 0.
        beta: beta of the paper.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    Raises:
        ValueError: if a strength or `initial_accumulator_value` is negative, or `learning_rate_power` positive.

    References:
        McMahan et al. 2013, *Ad Click Prediction: a View from the Trenches*.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Ftrl(learning_rate=0.5, l1_regularization_strength=10.0).apply([[3.0]], [v])
        >>> v.numpy().tolist()
        [0.0]
    """

    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
                 l1_regularization_strength=0.0, l2_regularization_strength=0.0,
                 l2_shrinkage_regularization_strength=0.0, beta=0.0, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        own = {"initial_accumulator_value": initial_accumulator_value, "l1_regularization_strength": l1_regularization_strength,
               "l2_regularization_strength": l2_regularization_strength,
               "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength}  # fmt: skip
        for argument, value in own.items():
            if value < 0:
                raise ValueError(f"`{argument}` needs to be positive or zero. Received: {argument}={value}.")
        if learning_rate_power > 0:
            raise ValueError(f"`learning_rate_power` needs to be negative or zero. Received: learning_rate_power={learning_rate_power}.")
        self.learning_rate_power = learning_rate_power
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta

    def slot_groups(self):
        return [(Slot("accumulator", self.initial_accumulator_value), "linear")]

    def update_run(self, run, slots, learning_rate, decay, step):
        ftrl_step(run, slots[0], slots[1], learning_rate, self.learning_rate_power, self.l1_regularization_strength,
                  self.l2_regularization_strength, self.l2_shrinkage_regularization_strength, self.beta, decay)  # fmt: skip

    def get_config(self):
        own = {"learning_rate_power": self.learning_rate_power,
               "initial_accumulator_value": self.initial_accumulator_value,
               "l1_regularization_strength": self.l1_regularization_strength,
               "l2_regularization_strength": self.l2_regularization_strength,
               "l2_shrinkage_regularization_strength": self.l2_shrinkage_regularization_strength, "beta": self.beta}
        return {**super().get_config(), **own}
