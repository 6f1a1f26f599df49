"""Embedding: a learned vector for every id."""

import warnings

from dlcore import constraints, initializers, ops, regularizers
from dlcore._kernels.embedding import embedding
from dlcore.layers.base import Layer


class Embedding(Layer):
    """Replaces ids by learned vectors: (batch, steps) -> (batch, steps, output_dim), for inputs of any rank.

    Args:
        input_dim: Number of ids; they run from 0 to input_dim - 1.
        output_dim: Size of the vectors.
        embeddings_initializer: Initializer of the vectors (input_dim, output_dim).
        embeddings_regularizer: Penalty on the vectors.
        embeddings_constraint: Constraint on the vectors, applied after each update.
        mask_zero: Whether id 0 stands for padding: then a mask without it travels to the layers that follow and to the loss.
        weights: The vectors to begin with.
        lora_rank, lora_alpha, quantization_config: Not supported; must be None.

    Call arguments:
        inputs: Tensor of whole numbers; of others, the fraction is cut off.

    Raises:
        ValueError: When called with an id that is negative or not below input_dim; the message has its position.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.Embedding(10, 4, mask_zero=True)
        >>> y = layer(dlcore.ops.convert_to_tensor([[3, 1, 0]]))
        >>> y.shape, y.mask.tolist()
        ((1, 3, 4), [[True, True, False]])
    """

    def __init__(self, input_dim, output_dim, embeddings_initializer="uniform", embeddings_regularizer=None, embeddings_constraint=None,
                 mask_zero=False, weights=None, lora_rank=None, lora_alpha=None, quantization_config=None, **kwargs):
        for option, value in (("input_dim", input_dim), ("output_dim", output_dim)):
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise ValueError(f"`{option}` must be a positive integer. Received: {option}={value!r} (of type {type(value).__name__})")
        for option, value in (("lora_rank", lora_rank), ("lora_alpha", lora_alpha), ("quantization_config", quantization_config)):
            if value is not None:
                raise ValueError(f"Embedding: {option} is not supported and must be None; received {option}={value!r}")
        if kwargs.pop("input_length", None) is not None:
            warnings.warn("Embedding(input_length=...) is deprecated and has no effect; remove it", DeprecationWarning, stacklevel=2)
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self.output_dim = output_dim
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False                           # ids stay what they are
        if weights is not None:
            self.build()
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape=None):
        if not self.built:
            self.embeddings = self.add_weight(shape=(self.input_dim, self.output_dim), name="embeddings", initializer=self.embeddings_initializer,
                                              regularizer=self.embeddings_regularizer, constraint=self.embeddings_constraint)

    def call(self, inputs):
        return embedding(self.embeddings, inputs)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)

    def get_config(self):
        config = super().get_config()
        del config["weights"]                           # numbers, not configuration
        return config
