"""Adamax."""

from dlcore._kernels.optim_moments import adamax_step
from dlcore.optimizers.base import Optimizer


class Adamax(Optimizer):
    """Adam with the largest gradient in place of the root mean square.

    m += (1 - beta_1) * (g - m);  u = max(beta_2 * u, |g|);
    p -= learning_rate / (1 - beta_1**t) * m / (u + epsilon),  t = 1, 2, ...

    Args:
        learning_rate: A float, schedule or callable.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the largest gradient.
        epsilon: Added to the divisor.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Kingma & Ba 2015, *Adam: A Method for Stochastic Optimization*, section 7.1, arXiv:1412.6980.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Adamax(learning_rate=0.5).apply([[3.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.5]
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
        return [("momentum", "norm")]

    def update_run(self, run, slots, learning_rate, decay, step):
        adamax_step(run, slots[0], slots[1], learning_rate, self.beta_1, self.beta_2, self.epsilon, step + 1, decay)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
