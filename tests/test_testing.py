"""check_gradient must find every wrong gradient, and name it."""

import numpy as np
import pytest

from dlcore._kernels import binary, cast, elementwise, matmul, reduce
from dlcore.ops import Function
from dlcore.testing import check_gradient

rng = np.random.default_rng(7)
A = rng.standard_normal((4, 4))
B = rng.standard_normal((4, 4))


class Product(Function):
    """a @ b with gradients that `spoil` may change."""

    def __init__(self, spoil):
        self.spoil = spoil

    def forward(self, a, b):
        self.a, self.b = a, b
        return a @ b

    def backward(self, dy):
        return self.spoil(self, dy, dy @ self.b.T, self.a.T @ dy)


def product(spoil):
    return lambda a, b: Product(spoil)(a, b)


def test_right_gradients_pass():
    check_gradient(product(lambda self, dy, da, db: (da, db)), [A, B])
    check_gradient(lambda a, b: reduce.mean(elementwise.exp(matmul.matmul(a, b))), [A, B])


@pytest.mark.parametrize(
    ("spoil", "culprit"),
    [
        (lambda self, dy, da, db: (da * 1.001, db), "input 0"),
        (lambda self, dy, da, db: (da, db * 0.999), "input 1"),
        (lambda self, dy, da, db: (da.T, db), "input 0"),
        (lambda self, dy, da, db: (da, -db), "input 1"),
        (lambda self, dy, da, db: (da, None), r"input 1.*None"),
        (lambda self, dy, da, db: (da + 1e-4, db), "input 0"),
        (lambda self, dy, da, db: (np.roll(da, 1, axis=0), db), "input 0"),
        (lambda self, dy, da, db: (da, np.where(np.arange(16).reshape(4, 4) == 5, 0, db)), "input 1"),
    ],
    ids=["times 1.001", "times 0.999", "transposed", "sign", "missing", "offset", "rolled", "one element zero"],
)
@pytest.mark.parametrize("seed", range(5))
def test_wrong_gradients_fail(spoil, culprit, seed):
    with pytest.raises(AssertionError, match=culprit):
        check_gradient(product(spoil), [A, B], seed=seed)


def test_missing_term_of_a_sum_fails():
    class Square(Function):
        def forward(self, x):
            self.x = x
            return x * x + 0.001 * x

        def backward(self, dy):
            return 2 * self.x * dy

    with pytest.raises(AssertionError, match=r"input 0 \(x\).*expected .* received"):
        check_gradient(lambda x: Square()(x), [A])


def test_integer_inputs_are_passed_on():
    check_gradient(lambda x, n: binary.multiply(x, cast.cast(n, "float64")), [A, np.arange(16).reshape(4, 4)])


def test_what_cannot_be_checked_is_an_error():
    with pytest.raises(ValueError, match="at least one floating input"):
        check_gradient(lambda n: n, [np.arange(3)])
    with pytest.raises(ValueError, match="must be float64; received float32"):
        check_gradient(lambda x: cast.cast(x, "float32"), [A])


def test_several_outputs():
    check_gradient(lambda x: (elementwise.exp(x), elementwise.sin(x)), [A])
