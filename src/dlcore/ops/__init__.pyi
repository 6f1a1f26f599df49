"""Written by tests/stubs.py. One line of documentation each; help(dlcore.ops.relu) has all of it."""

from typing import Any

import numpy as np

from dlcore._kernels.tensor import Tensor
from dlcore.ops.function import Function as Function

def abs(x: Any) -> Tensor:
    """Absolute value; its gradient at 0 is 0."""

def absolute(x: Any) -> Tensor:
    """Absolute value; its gradient at 0 is 0."""

def adaptive_average_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Tensor:
    """The mean of each of a given number of windows."""

def adaptive_max_pool(inputs: Any, output_size: Any, data_format: Any = None) -> Tensor:
    """The largest element of each of a given number of windows."""

def add(x1: Any, x2: Any) -> Tensor:
    """Sum of two tensors."""

def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether every element is true (not zero) over axes."""

def alpha_dropout(x: Any, rate: Any, key: Any, counter: Any, noise_shape: Any = None) -> Tensor:
    """Dropout for networks of selu: sets a random share to selu's limit and keeps mean 0 and variance 1."""

def amax(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Largest element over axes. Elements that tie share the gradient."""

def amin(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Smallest element over axes. Elements that tie share the gradient."""

def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether some element is true (not zero) over axes."""

def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Tensor:
    """Evenly spaced numbers from `start` to before `stop`."""

def arccos(x: Any) -> Tensor:
    """Inverse cosine, in [0, pi]."""

def arcsin(x: Any) -> Tensor:
    """Inverse sine, in [-pi/2, pi/2]."""

def arctan(x: Any) -> Tensor:
    """Inverse tangent, in [-pi/2, pi/2]."""

def argmax(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first largest element; NaN counts as largest."""

def argmin(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Index of the first smallest element; NaN counts as smallest."""

def average_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: Any = 'valid', data_format: Any = None) -> Tensor:
    """The mean of each window."""

def batch_normalization(x: Any, mean: Any, variance: Any, axis: Any, offset: Any = None, scale: Any = None, epsilon: Any = 0.001, activation: Any = None) -> Tensor:
    """Normalizes every channel with the given mean and variance."""

def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """Cross-entropy of independent yes-or-no questions, element by element."""

def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Repeats x along new axes and along axes of one element."""

def cast(x: Any, dtype: Any) -> Tensor:
    """Converts x to another dtype. Between floating types it passes gradients on."""

def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: Any = -1) -> Tensor:
    """Cross-entropy of one choice among k classes for every sample, labels as probabilities."""

def ceil(x: Any) -> Tensor:
    """Smallest whole number that is not below x. Its gradient is 0."""

def celu(x: Any, alpha: Any = 1.0) -> Tensor:
    """Continuously differentiable exponential linear unit."""

def clip(x: Any, x_min: Any, x_max: Any) -> Tensor:
    """Limits the elements of x to an interval. At the limits themselves the gradient still passes."""

def concatenate(xs: Any, axis: Any = 0) -> Tensor:
    """Joins tensors along an axis they have."""

def conv(inputs: Any, kernel: Any, strides: Any = 1, padding: Any = 'valid', data_format: Any = None, dilation_rate: Any = 1) -> Tensor:
    """Convolution with 1 to 3 spatial axes."""

def conv_transpose(inputs: Any, kernel: Any, strides: Any = 1, padding: Any = 'valid', output_padding: Any = None, data_format: Any = None, dilation_rate: Any = 1) -> Tensor:
    """Transposed convolution: the gradient of a convolution by its input, at `inputs`."""

def convert_to_numpy(x: Any) -> np.ndarray:
    """A NumPy array that shares the memory of x."""

def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Tensor:
    """A tensor of x, sharing its memory where that is possible."""

def cos(x: Any) -> Tensor:
    """Cosine of an angle in radians."""

def cosh(x: Any) -> Tensor:
    """Hyperbolic cosine."""

def count_nonzero(x: Any, axis: Any = None) -> Tensor:
    """Number of elements that are not zero."""

def ctc_loss(target: Any, output: Any, target_length: Any, output_length: Any, mask_index: Any = 0) -> Tensor:
    """Minus the logarithm of the probability of a sequence of labels, whatever the time steps at which they come."""

def dense(x: Any, kernel: Any, bias: Any = None, activation: Any = None) -> Tensor:
    """``activation(x @ kernel + bias)``, fused."""

def depthwise_conv(inputs: Any, kernel: Any, strides: Any = 1, padding: Any = 'valid', data_format: Any = None, dilation_rate: Any = 1) -> Tensor:
    """Convolution of every channel with filters of its own."""

def divide(x1: Any, x2: Any) -> Tensor:
    """Quotient of two tensors."""

def dot(x1: Any, x2: Any) -> Tensor:
    """Product of vectors, matrices or numbers; of the last axis of x1 with the second to last of x2 in general."""

def dropout(x: Any, rate: Any, key: Any, counter: Any, noise_shape: Any = None) -> Tensor:
    """Sets a random share of the elements to zero and scales up the others, so that the mean stays."""

def einsum(subscripts: Any, *operands: Any, **kwargs: Any) -> Tensor:
    """Sums of products, written with a label for every axis."""

def elu(x: Any, alpha: Any = 1.0) -> Tensor:
    """Exponential linear unit."""

def embedding(table: Any, ids: Any) -> Tensor:
    """Rows of a table. The gradients of a row taken several times add up."""

def equal(x1: Any, x2: Any) -> Tensor:
    """Whether two numbers are equal."""

def erf(x: Any) -> Tensor:
    """Error function."""

def exp(x: Any) -> Tensor:
    """Exponential."""

def expand_dims(x: Any, axis: Any) -> Tensor:
    """Inserts axes of one element."""

def expm1(x: Any) -> Tensor:
    """Exponential minus one, accurate for small x."""

def exponential(x: Any) -> Tensor:
    """Exponential."""

def eye(N: Any, M: Any = None, k: Any = 0, dtype: Any = None) -> Tensor:
    """Ones on a diagonal, zeros elsewhere."""

def flip(x: Any, axis: Any = None) -> Tensor:
    """Reverses the order of the elements along axes."""

def floor(x: Any) -> Tensor:
    """Largest whole number that is not above x. Its gradient is 0."""

def floor_divide(x1: Any, x2: Any) -> Tensor:
    """Quotient of two tensors, rounded down. It has no gradient: it is 0."""

def full(shape: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One number, everywhere."""

def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Tensor:
    """One number, in the shape of x."""

def fused_activation(name: Any) -> Tensor:
    """The code with which :func:`dense` fuses the activation of that name, or None if it cannot."""

def gaussian_dropout(x: Any, rate: Any, key: Any, counter: Any) -> Tensor:
    """Multiplies by normal noise of mean 1 and the variance that dropout has."""

def gaussian_noise(x: Any, stddev: Any, key: Any, counter: Any) -> Tensor:
    """Adds normal noise of mean 0. The gradient passes as it is."""

def gelu(x: Any, approximate: bool = True) -> Tensor:
    """Gaussian error linear unit."""

def getitem(x: Any, key: Any) -> Tensor:
    """Indexing as in NumPy: ``x[key]``."""

def glu(x: Any, axis: Any = -1) -> Tensor:
    """Gated linear unit."""

def greater(x1: Any, x2: Any) -> Tensor:
    """Whether x1 is greater than x2."""

def greater_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 is at least x2."""

def hard_shrink(x: Any, threshold: Any = 0.5) -> Tensor:
    """Zero near zero, x elsewhere."""

def hard_sigmoid(x: Any) -> Tensor:
    """Piecewise linear sigmoid."""

def hard_silu(x: Any) -> Tensor:
    """Silu with the piecewise linear sigmoid, also called hard swish."""

def hard_swish(x: Any) -> Tensor:
    """Silu with the piecewise linear sigmoid, also called hard swish."""

def hard_tanh(x: Any) -> Tensor:
    """Clips to [-1, 1]."""

def identity(n: Any, dtype: Any = None) -> Tensor:
    """The identity matrix."""

def isfinite(x: Any) -> Tensor:
    """Whether an element is neither infinite nor NaN."""

def isinf(x: Any) -> Tensor:
    """Whether an element is infinite."""

def isnan(x: Any) -> Tensor:
    """Whether an element is NaN."""

def layer_normalization(x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: Any = None, **kwargs: Any) -> Tensor:
    """Normalizes each row (along `axis`) to mean 0 and variance 1."""

def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Tensor:
    """Rectifier with a slope below zero."""

def less(x1: Any, x2: Any) -> Tensor:
    """Whether x1 is less than x2."""

def less_equal(x1: Any, x2: Any) -> Tensor:
    """Whether x1 is at most x2."""

def linear(x: Any) -> Tensor:
    """The identity."""

def linspace(start: Any, stop: Any, num: Any = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None, axis: Any = 0) -> Any:
    """Evenly spaced numbers from `start` to `stop`."""

def log(x: Any) -> Tensor:
    """Natural logarithm."""

def log10(x: Any) -> Tensor:
    """Logarithm to base 10."""

def log1p(x: Any) -> Tensor:
    """Logarithm of one plus x, accurate for small x."""

def log2(x: Any) -> Tensor:
    """Logarithm to base 2."""

def log_sigmoid(x: Any) -> Tensor:
    """Logarithm of the sigmoid."""

def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """Logarithm of softmax, without underflow."""

def logical_and(x1: Any, x2: Any) -> Tensor:
    """Whether both are true (not zero)."""

def logical_not(x: Any) -> Tensor:
    """Whether an element is false (zero)."""

def logical_or(x1: Any, x2: Any) -> Tensor:
    """Whether at least one is true (not zero)."""

def logical_xor(x1: Any, x2: Any) -> Tensor:
    """Whether exactly one is true (not zero)."""

def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Logarithm of the sum of exponentials over axes, without overflow."""

def matmul(x1: Any, x2: Any) -> Tensor:
    """Matrix product over the last two axes."""

def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Largest element over axes. Elements that tie share the gradient."""

def max_pool(inputs: Any, pool_size: Any, strides: Any = None, padding: Any = 'valid', data_format: Any = None) -> Tensor:
    """The largest element of each window."""

def maximum(x1: Any, x2: Any) -> Tensor:
    """The larger of two numbers; NaN if one of them is. A tie shares the gradient."""

def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Mean over axes."""

def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None) -> Tensor:
    """Smallest element over axes. Elements that tie share the gradient."""

def minimum(x1: Any, x2: Any) -> Tensor:
    """The smaller of two numbers; NaN if one of them is. A tie shares the gradient."""

def mish(x: Any) -> Tensor:
    """Mish."""

def mod(x1: Any, x2: Any) -> Tensor:
    """Remainder of a division, with the sign of x2."""

def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: Any = False) -> Tensor:
    """Mean and variance over axes."""

def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Moves axes to other places; the rest keep their order."""

def multiply(x1: Any, x2: Any) -> Tensor:
    """Product of two tensors."""

def negative(x: Any) -> Tensor:
    """Negation."""

def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: Any = None) -> Tensor:
    """Divides each row (along `axis`) by its norm."""

def not_equal(x1: Any, x2: Any) -> Tensor:
    """Whether two numbers are different."""

def one_hot(x: Any, num_classes: Any, axis: Any = -1, dtype: Any = None, sparse: Any = False) -> Tensor:
    """Ones at the places that x names, zeros elsewhere. A number outside [0, num_classes) gives zeros only."""

def ones(shape: Any, dtype: Any = None) -> Tensor:
    """Ones."""

def ones_like(x: Any, dtype: Any = None) -> Tensor:
    """Ones of the shape of x."""

def pad(x: Any, pad_width: Any, mode: Any = 'constant', constant_values: Any = None) -> Tensor:
    """Puts elements around x."""

def power(x1: Any, x2: Any) -> Tensor:
    """Power."""

def prelu(x: Any, alpha: Any) -> Tensor:
    """Rectifier with a slope below zero for every element, channel, ..."""

def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Product over axes."""

def ravel(x: Any) -> Tensor:
    """Flattens x to one axis, in row-major order."""

def reciprocal(x: Any) -> Tensor:
    """Reciprocal."""

def relu(x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Tensor:
    """Rectifier."""

def relu6(x: Any) -> Tensor:
    """Rectifier that saturates at 6."""

def repeat(x: Any, repeats: Any, axis: Any = None) -> Tensor:
    """Repeats every element along an axis."""

def reshape(x: Any, newshape: Any) -> Tensor:
    """Gives x another shape with the same number of elements, in row-major order."""

def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: Any = None) -> Tensor:
    """Divides each row (along `axis`) by its root mean square."""

def roll(x: Any, shift: Any, axis: Any = None) -> Tensor:
    """Moves elements along axes; what leaves at the end comes back at the front."""

def round(x: Any, decimals: Any = 0) -> Tensor:
    """Nearest number with the given number of decimals; halves go to the even one. Its gradient is 0."""

def rsqrt(x: Any) -> Tensor:
    """Reciprocal of the square root."""

def selu(x: Any) -> Tensor:
    """Scaled exponential linear unit."""

def separable_conv(inputs: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: Any = 'valid', data_format: Any = None, dilation_rate: Any = 1) -> Tensor:
    """Depthwise convolution, whose channels are then mixed."""

def shape(x: Any) -> tuple[int | None, ...]:
    """The shape of x as a tuple."""

def sigmoid(x: Any) -> Tensor:
    """Sigmoid."""

def sign(x: Any) -> Tensor:
    """Sign: -1, 0 or 1. Its gradient is 0."""

def silu(x: Any) -> Tensor:
    """Sigmoid linear unit, also called swish."""

def sin(x: Any) -> Tensor:
    """Sine of an angle in radians."""

def sinh(x: Any) -> Tensor:
    """Hyperbolic sine."""

def soft_shrink(x: Any, threshold: Any = 0.5) -> Tensor:
    """Moves x towards zero by a threshold, and what is nearer to zero to zero."""

def softmax(x: Any, axis: Any = -1) -> Tensor:
    """Softmax."""

def softplus(x: Any) -> Tensor:
    """Softplus."""

def softsign(x: Any) -> Tensor:
    """Softsign."""

def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: Any = -1) -> Tensor:
    """Cross-entropy of one choice among k classes for every sample, labels as class numbers."""

def sparse_plus(x: Any) -> Tensor:
    """Softplus that reaches zero."""

def sparse_sigmoid(x: Any) -> Tensor:
    """Sigmoid that reaches 0 and 1."""

def sparsemax(x: Any, axis: Any = -1) -> Tensor:
    """Sparsemax: the point of the probability simplex that is nearest to x."""

def split(x: Any, indices_or_sections: Any, axis: Any = 0) -> list[Tensor]:
    """Cuts x along an axis."""

def sqrt(x: Any) -> Tensor:
    """Square root."""

def square(x: Any) -> Tensor:
    """Square."""

def squareplus(x: Any, b: Any = 4.0) -> Tensor:
    """Smooth rectifier without an exponential."""

def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Removes axes of one element."""

def stack(x: Any, axis: Any = 0) -> Tensor:
    """Joins tensors along a new axis."""

def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Standard deviation over axes; its gradient where it is 0 is 0."""

def stop_gradient(variable: Any) -> Tensor:
    """The same numbers, through which no gradient flows."""

def subtract(x1: Any, x2: Any) -> Tensor:
    """Difference of two tensors."""

def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over axes."""

def swapaxes(x: Any, axis1: Any, axis2: Any) -> Tensor:
    """Exchanges two axes."""

def swish(x: Any) -> Tensor:
    """Sigmoid linear unit, also called swish."""

def take(x: Any, indices: Any, axis: Any = None) -> Tensor:
    """Elements of x along an axis. The gradients of an element taken several times add up."""

def take_along_axis(x: Any, indices: Any, axis: Any = None) -> Tensor:
    """Elements of x along an axis, with indices of their own for every place."""

def tan(x: Any) -> Tensor:
    """Tangent of an angle in radians."""

def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent."""

def tanh_shrink(x: Any) -> Tensor:
    """What the hyperbolic tangent takes away."""

def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    """Sum of products over several axes."""

def threshold(x: Any, threshold: Any, default_value: Any) -> Tensor:
    """Replaces what does not exceed a threshold."""

def tile(x: Any, repeats: Any) -> Tensor:
    """Repeats x as a whole along its axes."""

def transpose(x: Any, axes: Any = None) -> Tensor:
    """Reorders axes; reverses them by default."""

def true_divide(x1: Any, x2: Any) -> Tensor:
    """Quotient of two tensors."""

def unstack(x: Any, num: Any = None, axis: Any = 0) -> list[Tensor]:
    """Takes x apart along an axis, which disappears."""

def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Variance over axes."""

def where(condition: Any, x1: Any = None, x2: Any = None) -> Tensor:
    """Elements of x1 where the condition holds, of x2 elsewhere."""

def zeros(shape: Any, dtype: Any = None) -> Tensor:
    """Zeros."""

def zeros_like(x: Any, dtype: Any = None) -> Tensor:
    """Zeros of the shape of x."""
