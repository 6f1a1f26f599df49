"""RMSprop."""

from dlcore._kernels.optim_squares import rmsprop_step
from dlcore.optimizers.base import Optimizer


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    v = rho * v + (1 - rho) * g**2;  d = learning_rate * g / sqrt(v + epsilon);  p -= d.
    With `centered` the square of the running mean of g is subtracted from v under the root; with `momentum`
    m = momentum * m + d;  p -= m.

    Args:
        learning_rate: A float, schedule or callable.
        rho: Decay of the running means.
        momentum: A float; 0 for none.
        epsilon: Added under the root.
        centered: Whether to divide by an estimate of the standard deviation instead of the root mean square.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Hinton 2012, *Neural Networks for Machine Learning*, lecture 6.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.RMSprop(learning_rate=0.1, rho=0.75).apply([[4.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.8]
    """

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.rho = rho
        self.momentum = momentum
        self.epsilon = epsilon
        self.centered = centered

    def slot_groups(self):
        return [("velocity",)] + [("momentum",)] * (self.momentum > 0) + [("average_gradient",)] * bool(self.centered)

    def update_run(self, run, slots, learning_rate, decay, step):
        momentum = slots[1] if self.momentum > 0 else None
        average = slots[-1] if self.centered else None
        rmsprop_step(run, slots[0], momentum, average, learning_rate, self.rho, self.momentum, self.epsilon, decay)

    def get_config(self):
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return {**super().get_config(), **own}
