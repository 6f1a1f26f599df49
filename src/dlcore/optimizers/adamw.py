"""AdamW."""

from dlcore.optimizers.adam import Adam


class AdamW(Adam):
    """Adam with decoupled weight decay: p -= learning_rate * weight_decay * p before each step.

    Args:
        learning_rate: A float, schedule or callable.
        weight_decay: A float.
        beta_1: Decay of the mean of the gradients.
        beta_2: Decay of the mean of their squares.
        epsilon: Added to the root; the paper's "epsilon hat".
        amsgrad: Whether to divide by the largest mean square so far.
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name: see `Optimizer`.

    Raises:
        ValueError: if `weight_decay` is `None`.

    References:
        Loshchilov & Hutter 2019, *Decoupled Weight Decay Regularization*, arXiv:1711.05101.

    Example:
        >>> import dlcore
        >>> v = dlcore.Variable([1.0])
        >>> dlcore.optimizers.AdamW(learning_rate=0.5, weight_decay=0.5).apply([[3.0]], [v])
        >>> [round(x, 4) for x in v.numpy().tolist()]
        [0.25]
    """

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
                 ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None, name=None,
                 **kwargs):  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue, global_clipnorm,
                         use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps,
                         name, **kwargs)  # fmt: skip
        if weight_decay is None:
            raise ValueError("Argument `weight_decay` must be a float. Received: weight_decay=None")
