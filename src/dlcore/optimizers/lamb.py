"""Lamb."""

from dlcore._kernels.optim_norms import lamb_step
from dlcore.optimizers.base import Optimizer


class Lamb(Optimizer):
    """Adam whose step has, in each variable, a length in proportion to that of the variable.

    m and v as in Adam;  u = m / (1 - beta_1**t) / (sqrt(v / (1 - beta_2**t)) + epsilon);
    p -= learning_rate * |p| / |u| * u, with Euclidean norms of the whole variable (1 in place of the quotient if one is zero).
    For training with large batches.

    Args:
        learning_rate: A float, schedule or callable.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Added to the divisor.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        You et al. 2020, *Large Batch Optimization for Deep Learning: Training BERT in 76 minutes*, arXiv:1904.00962.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Lamb(learning_rate=0.5).apply([[3.0]], [v])
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
        return [("momentum", "velocity")]

    def update_run(self, run, slots, learning_rate, decay, step):
        lamb_step(run, slots[0], slots[1], learning_rate, self.beta_1, self.beta_2, self.epsilon, step + 1, decay)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
