"""Adafactor."""

from dlcore._kernels.optim_norms import adafactor_step
from dlcore.optimizers.base import Optimizer
from dlcore.optimizers.state import Slot


def _dtype(variable):
    return variable.dtype if len(variable.shape) > 1 else "int32"


class Adafactor(Optimizer):
    """Adam's scaling with much less state: squares are remembered by row and by column.

    Of a variable with two or more dimensions the running means r and c of g**2 + epsilon_1 along the last two axes are kept,
    v = r / mean(r) * c is their product; of others v is the running mean itself. Its decay is 1 - t**beta_2_decay;
    u = g / sqrt(v);  p -= max(epsilon_2, rms(p)) * min(learning_rate, 1 / sqrt(t)) * u / max(1, rms(u) / clip_threshold).

    Args:
        learning_rate: A float, schedule or callable.
        beta_2_decay: Exponent of the decay.
        epsilon_1: Added to the squared gradient.
        epsilon_2: The least that the root mean square of a variable counts for.
        clip_threshold: Root mean square of u from which it is scaled down.
        relative_step: Kept for Keras: the bound 1 / sqrt(t) holds either way.
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            loss_scale_factor, gradient_accumulation_steps, name: see `Optimizer`.

    References:
        Shazeer & Stern 2018, *Adafactor: Adaptive Learning Rates with Sublinear Memory Cost*, arXiv:1804.04235.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.Adafactor(learning_rate=0.5).apply([[3.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.5]
    """

    alone = True

    def __init__(self, learning_rate=0.001, beta_2_decay=-0.8, epsilon_1=1e-30, epsilon_2=0.001, clip_threshold=1.0,
                 relative_step=True, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        super().__init__(learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum,
                         ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name, **kwargs)  # fmt: skip
        self.beta_2_decay = beta_2_decay
        self.epsilon_1 = epsilon_1
        self.epsilon_2 = epsilon_2
        self.clip_threshold = clip_threshold
        self.relative_step = relative_step

    def slot_groups(self):
        # Keras has v even where it follows from r and c, and a scalar where r and c have no use.
        r = Slot("r", shape=lambda v: v.shape[:-1] if len(v.shape) > 1 else (), dtype=_dtype, bare=True)
        c = Slot("c", shape=lambda v: (*v.shape[:-2], v.shape[-1]) if len(v.shape) > 1 else (), dtype=_dtype, bare=True)
        return [(r, c, "velocity")]

    def update_run(self, run, slots, learning_rate, decay, step):
        r, c, v = slots
        adafactor_step(run, r, c, v, learning_rate, self.beta_2_decay, self.epsilon_1, self.epsilon_2, self.clip_threshold, step + 1, decay)

    def get_config(self):
        own = {"beta_2_decay": self.beta_2_decay, "epsilon_1": self.epsilon_1,
               "epsilon_2": self.epsilon_2, "clip_threshold": self.clip_threshold, "relative_step": self.relative_step}
        return {**super().get_config(), **own}
