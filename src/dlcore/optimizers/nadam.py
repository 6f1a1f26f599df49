"""Nadam."""

from dlcore import config
from dlcore._kernels.optim_moments import nadam_step
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.state import make_variable


class Nadam(Optimizer):
    """Adam with Nesterov momentum.

    u_t = beta_1 * (1 - 0.96**t / 2), U the product of u_1 to u_t;  m and v as in Adam;
    p -= learning_rate * (u_{t+1} * m / (1 - U * u_{t+1}) + (1 - u_t) * g / (1 - U)) / (sqrt(v / (1 - beta_2**t)) + epsilon).

    Args:
        learning_rate: A float, schedule or callable.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Added to the divisor.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Dozat 2015, *Incorporating Nesterov Momentum into Adam*.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Nadam(learning_rate=0.5).apply([[3.0]], [v])
        >>> [round(x, 3) for x in v.numpy().tolist()]
        [0.402]
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None, clipnorm=None,
                 clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def slot_groups(self):
        return [("momentum", "velocity")]

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        # Keras calls it so, too, and keeps it last.
        self._u_product = make_variable(1.0, variables[0].dtype if variables else config.floatx(), "variable", self.name)
        self._own.append(self._u_product)

    def _momentum(self, t):
        return self.beta_1 * (1 - 0.5 * 0.96**t)

    def begin_update(self, step):
        self._product = float(self._u_product) * self._momentum(step + 1)
        self._u_product.assign(self._product)

    def update_run(self, run, slots, learning_rate, decay, step):
        t = step + 1
        nadam_step(run, slots[0], slots[1], learning_rate, self.beta_1, self.beta_2, self.epsilon, self._momentum(t),
                   self._momentum(t + 1), self._product, t, decay)  # fmt: skip

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
