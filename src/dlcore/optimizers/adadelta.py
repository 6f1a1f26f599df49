"""Adadelta."""

from dlcore._kernels.optim_squares import adadelta_step
from dlcore.optimizers.base import Optimizer


class Adadelta(Optimizer):
    """Steps as long as past ones were, for gradients as large as past ones were.

    a = rho * a + (1 - rho) * g**2;  d = g * sqrt(b + epsilon) / sqrt(a + epsilon);  b = rho * b + (1 - rho) * d**2;
    p -= learning_rate * d.

    Args:
        learning_rate: A float, schedule or callable.
        rho: Decay of the running means.
        epsilon: Added under the roots.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Zeiler 2012, *ADADELTA: An Adaptive Learning Rate Method*, arXiv:1212.5701.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Adadelta(learning_rate=1.0, rho=0.75, epsilon=1.0).apply([[2.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [-0.4142]
    """

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.rho = rho
        self.epsilon = epsilon

    def slot_groups(self):
        return [("accumulated_grad", "accumulated_delta_var")]

    def update_run(self, run, slots, learning_rate, decay, step):
        adadelta_step(run, slots[0], slots[1], learning_rate, self.rho, self.epsilon, decay)

    def get_config(self):
        own = {"rho": self.rho, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
