"""Dense: the fully connected layer."""

from dlcore import constraints, initializers, regularizers
from dlcore._kernels.dense import dense  # not through ops: a layer's call is recorded as a whole
from dlcore.layers.activated import Activated
from dlcore.layers.base import InputSpec


class Dense(Activated):
    """``activation(inputs @ kernel + bias)`` on the last axis of inputs of any rank.

    Args:
        units: Size of the output's last axis.
        activation: Activation function or name; linear by default.
        use_bias: Whether a bias is added.
        kernel_initializer, bias_initializer: Initializers of kernel (inputs, units) and bias (units,).
        kernel_regularizer, bias_regularizer, activity_regularizer: Penalties.
        kernel_constraint, bias_constraint: Constraints applied after each update.
        lora_rank, lora_alpha, quantization_config: Not supported; must be None.

    Example:
        >>> import dlcore
        >>> layer = dlcore.layers.Dense(3, activation="relu")
        >>> layer(dlcore.ops.ones((2, 4))).shape
        (2, 3)
    """

    def __init__(self, units, activation=None, use_bias=True, kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None, kernel_constraint=None,
                 bias_constraint=None, lora_rank=None, lora_alpha=None, quantization_config=None, **kwargs):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        if not isinstance(units, int) or isinstance(units, bool) or units <= 0:
            raise ValueError(f"Received an invalid value for `units`, expected a positive integer. Received: units={units!r}")
        for option, value in (("lora_rank", lora_rank), ("lora_alpha", lora_alpha), ("quantization_config", quantization_config)):
            if value is not None:
                raise ValueError(f"Dense: {option} is not supported and must be None; received {option}={value!r}")
        self.units = units
        self.activation = activation
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self.input_spec = InputSpec(min_ndim=2)
        self.supports_masking = True
        self.bias = None

    def build(self, input_shape):
        inputs = input_shape[-1]
        if inputs is None:
            raise ValueError(f"The last dimension of the inputs to a Dense layer must be known; received input_shape={input_shape}")
        self.kernel = self.add_weight(name="kernel", shape=(inputs, self.units), initializer=self.kernel_initializer,
                                      regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=self.bias_initializer,
                                        regularizer=self.bias_regularizer, constraint=self.bias_constraint)
        self.input_spec = InputSpec(min_ndim=2, axes={-1: inputs})

    def call(self, inputs):
        if self._fused is None:
            return self.activation(dense(inputs, self.kernel, self.bias))
        return dense(inputs, self.kernel, self.bias, self._fused)
