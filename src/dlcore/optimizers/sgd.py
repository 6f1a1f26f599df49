"""Stochastic gradient descent."""

from dlcore._kernels.optim_moments import sgd_step
from dlcore.optimizers.base import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum if asked for.

    Without momentum p -= learning_rate * g. With it m = momentum * m - learning_rate * g, and then p += m, or with
    `nesterov` p += momentum * m - learning_rate * g.

    Args:
        learning_rate: A float, schedule or callable.
        momentum: A float in [0, 1].
        nesterov: Whether to use Nesterov's form.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    Raises:
        ValueError: if `momentum` is not a float in [0, 1].

    References:
        Sutskever et al. 2013, *On the importance of initialization and momentum in deep learning*.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.SGD(learning_rate=0.25).apply([[2.0]], [v])
        >>> v.numpy().tolist()
        [0.5]
    """

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None, clipnorm=None, clipvalue=None,
                 global_clipnorm=None, use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None,
                 loss_scale_factor=None, gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        if not isinstance(momentum, float) or not 0 <= momentum <= 1:
            raise ValueError(f"`momentum` must be a float between [0, 1]. Received: momentum={momentum!r}")
        self.momentum = momentum
        self.nesterov = nesterov

    def slot_groups(self):
        return [("momentum",)] if self.momentum else []

    def update_run(self, run, slots, learning_rate, decay, step):
        sgd_step(run, slots[0] if slots else None, learning_rate, self.momentum, self.nesterov, decay)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum, "nesterov": self.nesterov}
