"""Muon."""

import math
import re

from dlcore._kernels.optim_moments import adam_step
from dlcore._kernels.optim_norms import muon_step
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.state import Slot


class Muon(Optimizer):
    """Orthogonal steps for matrices, Adam for everything else.

    For a matrix m = momentum * m + g; x = m, or with `nesterov` momentum * m + g, with its singular values brought near 1
    by `ns_steps` steps x = a * x + (b * A + c * A @ A) @ x, A = x @ x.T, from x / |x|; then
    p -= learning_rate * rms_rate * sqrt(largest dimension) * x.
    Variables that are not matrices, embeddings and those of excluded layers follow Adam.

    Args:
        learning_rate: A float, schedule or callable.
        adam_beta_1: Adam's decay of the mean of the gradients.
        adam_beta_2: Adam's decay of the mean of their squares.
        adam_weight_decay: Decoupled weight decay of the variables that follow Adam, a float or `None`.
        epsilon: Adam's epsilon.
        weight_decay: Decoupled weight decay of the matrices, a float or `None`.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name: see `Optimizer`.
        exclude_layers: Regular expressions; variables in whose path one is found follow Adam.
        exclude_embeddings: Whether variables with "embedding" in their path follow Adam.
        muon_a, muon_b, muon_c: The coefficients a, b, c.
        adam_lr_ratio: Factor of the learning rate for the variables that follow Adam.
        momentum: Decay of the sum of gradients.
        ns_steps: Number of steps towards orthogonality.
        nesterov: Whether to use Nesterov's form.
        rms_rate: The factor above, which makes steps as long as Adam's; `None` for steps without it and the root.

    References:
        Jordan et al. 2024, *Muon: An optimizer for hidden layers in neural networks*.
        Liu et al. 2025, *Muon is Scalable for LLM Training*, arXiv:2502.16982 (`rms_rate`).

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([[1.0, 0.0], [0.0, 1.0]], name="kernel")
        >>> dlcore.optimizers.Muon(learning_rate=0.5).apply([[[3.0, 0.0], [0.0, 3.0]]], [v])
        >>> [[round(x, 3) for x in row] for row in v.numpy().tolist()]
        [[0.841, 0.0], [0.0, 0.841]]
    """

    alone = True

    def __init__(self, learning_rate=0.001, adam_beta_1=0.9, adam_beta_2=0.999, adam_weight_decay=0.004, epsilon=1e-7,
                 weight_decay=0.004, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 exclude_layers=None, exclude_embeddings=True, muon_a=3.4445, muon_b=-4.775, muon_c=2.0315,
                 adam_lr_ratio=1, momentum=0.95, ns_steps=5, nesterov=True, rms_rate=0.2, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = exclude_layers or []
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _should_use_adamw(self, variable):
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(re.search(pattern, variable.path) for pattern in self.exclude_layers)

    def slot_groups(self):
        return [("momentum", Slot("velocity", shape=lambda v: v.shape if self._should_use_adamw(v) else None))]

    def _decay_of(self, variable):
        if not self._use_weight_decay(variable):
            return None
        return "adam_weight_decay" if self._should_use_adamw(variable) else "weight_decay"

    def update_run(self, run, slots, learning_rate, decay, step):
        m, v = slots
        if v is not None:
            adam_step(run, m, v, None, learning_rate * self.adam_lr_ratio, self.adam_beta_1, self.adam_beta_2, self.epsilon, step + 1, decay)
            return
        if self.rms_rate is not None:
            learning_rate *= self.rms_rate * math.sqrt(max(run.variables[0].shape))
        muon_step(run, m, learning_rate, self.momentum, self.nesterov, self.ns_steps, self.muon_a, self.muon_b, self.muon_c, decay)

    def get_config(self):
        own = {"adam_beta_1": self.adam_beta_1, "adam_beta_2": self.adam_beta_2, "epsilon": self.epsilon,
               "exclude_layers": self.exclude_layers, "muon_a": self.muon_a, "muon_b": self.muon_b, "muon_c": self.muon_c,
               "adam_lr_ratio": self.adam_lr_ratio, "momentum": self.momentum, "ns_steps": self.ns_steps,
               "nesterov": self.nesterov, "exclude_embeddings": self.exclude_embeddings,
               "adam_weight_decay": self.adam_weight_decay, "rms_rate": self.rms_rate}  # fmt: skip
        return {**super().get_config(), **own}
