"""Adam."""

from dlcore._kernels.optim_moments import adam_step
from dlcore.optimizers.base import Optimizer


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square.

    m += (1 - beta_1) * (g - m);  v += (1 - beta_2) * (g**2 - v);
    p -= learning_rate * sqrt(1 - beta_2**t) / (1 - beta_1**t) * m / (sqrt(v) + epsilon),  t = 1, 2, ...

    Args:
        learning_rate: A float, schedule or callable.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Added to the root; the paper's "epsilon hat".
        amsgrad: Whether v in the last line is the largest v so far.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Kingma & Ba 2015, *Adam: A Method for Stochastic Optimization*, arXiv:1412.6980.
        Reddi et al. 2018, *On the Convergence of Adam and Beyond* (AMSGrad).

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Adam(learning_rate=0.5).apply([[3.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.5]
    """

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False, weight_decay=None,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.amsgrad = amsgrad

    def slot_groups(self):
        return [("momentum", "velocity"), ("velocity_hat",)] if self.amsgrad else [("momentum", "velocity")]

    def update_run(self, run, slots, learning_rate, decay, step):
        largest = slots[2] if self.amsgrad else None
        adam_step(run, slots[0], slots[1], largest, learning_rate, self.beta_1, self.beta_2, self.epsilon, step + 1, decay)

    def get_config(self):
        own = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "amsgrad": self.amsgrad}
        return {**super().get_config(), **own}
