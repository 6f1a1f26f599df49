"""ScheduleFreeAdamW."""

import numpy as np

from dlcore._kernels.optim_moments import schedule_free_step
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.state import Slot


class ScheduleFreeAdamW(Optimizer):
    """AdamW that needs no schedule: it averages where others decay the learning rate.

    v as in Adam;  z -= learning_rate * g / (sqrt(v / (1 - beta_2**t)) + epsilon);  x is the mean of all z so far, and the
    parameters are p = (1 - beta_1) * z + beta_1 * x. The slot `momentum` is z; x is found back from p and z.

    Args:
        learning_rate: A float, schedule or callable.
        beta_1: Share of x in the parameters.
        beta_2: Decay of the mean of the squared gradients.
        epsilon: Added to the divisor.
        warmup_steps: Steps in which the learning rate rises from zero.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Defazio et al. 2024, *The Road Less Scheduled*, arXiv:2405.15682.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.ScheduleFreeAdamW(learning_rate=0.5).apply([[3.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.5]
    """

    def __init__(self, learning_rate=0.0025, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup_steps=0, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.warmup_steps = warmup_steps

    def slot_groups(self):
        return [(Slot("momentum", start=np.array), "velocity")]

    def update_run(self, run, slots, learning_rate, decay, step):
        if self.warmup_steps > 0:
            learning_rate *= min((step + 1) / self.warmup_steps, 1.0)
        schedule_free_step(run, slots[0], slots[1], learning_rate, self.beta_1, self.beta_2, self.epsilon, step + 1, decay)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon,
               "warmup_steps": self.warmup_steps}
        return {**super().get_config(), **own}
