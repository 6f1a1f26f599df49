"""Lion."""

from dlcore._kernels.optim_moments import lion_step
from dlcore.optimizers.base import Optimizer


class Lion(Optimizer):
    """Steps of one length: the sign of a mean of gradients.

    p -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g);  m = beta_2 * m + (1 - beta_2) * g.
    Take a learning rate 3 to 10 times smaller than for Adam, and as much more weight decay.

    Args:
        learning_rate: A float, schedule or callable.
        beta_1: Share of m in the step, in (0, 1].
        beta_2: Decay of the mean of the gradients.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    Raises:
        ValueError: if `beta_1` is not in (0, 1].

    References:
        Chen et al. 2023, *Symbolic Discovery of Optimization Algorithms*, arXiv:2302.06675.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Lion(learning_rate=0.25).apply([[3.0]], [v])
        >>> v.numpy().tolist()
        [0.75]
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        if not 0 < beta_1 <= 1:
            raise ValueError(f"Argument `beta_1` must be in (0, 1]; with 0 only the sign of the gradient would be left. Received: beta_1={beta_1}.")
        self.beta_1 = beta_1
        self.beta_2 = beta_2

    def slot_groups(self):
        return [("momentum",)]

    def update_run(self, run, slots, learning_rate, decay, step):
        lion_step(run, slots[0], learning_rate, self.beta_1, self.beta_2, decay)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2}
        return {**super().get_config(), **own}
