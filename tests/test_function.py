"""Function: a user's own operation in NumPy."""

import gc

import numpy as np
import pytest

import dlcore
from dlcore import GradientTape, ops
from dlcore._kernels.pool import pool_info, set_poison
from dlcore._kernels.tensor import address, convert
from dlcore.ops import Function


class Cube(Function):
    def forward(self, x):
        self.x = x
        return x**3

    def backward(self, dy):
        return 3 * self.x**2 * dy


class SumAndProduct(Function):
    def forward(self, a, b):
        self.a, self.b = a, b
        return a + b, a * b

    def backward(self, dsum, dproduct):
        return dsum + dproduct * self.b, dsum + dproduct * self.a


def made(forward, backward=lambda self, *dy: dy):
    return type("Made", (Function,), {"forward": forward, "backward": backward})()


def gradient(f, *values):
    inputs = [convert(np.array(v, "float32")) for v in values]
    with GradientTape() as tape:
        tape.watch(inputs)
        y = f(*inputs)
    return tape.gradient(y, inputs)


def test_one_input_one_output():
    y = Cube()([1.0, 2.0])
    assert y.tolist() == [1, 8] and y.dtype == "float32"
    assert [g.tolist() for g in gradient(Cube(), [1.0, 2.0])] == [[3, 12]]
    assert Cube()(np.float64(2)).dtype == "float64"


def test_several_inputs_and_outputs():
    def f(a, b):
        s, p = SumAndProduct()(a, b)
        return ops.sum(s * s + p)

    assert [g.tolist() for g in gradient(f, [2.0], [3.0])] == [[13], [12]]


@pytest.mark.parametrize("which", [0, 1])
def test_outputs_that_are_not_used_have_zero_gradients(which):
    set_poison(True)
    try:
        da, db = gradient(lambda a, b: SumAndProduct()(a, b)[which], [2.0], [3.0])
    finally:
        set_poison(False)
    assert (da.tolist(), db.tolist()) == [([1], [1]), ([3], [2])][which]


def test_integer_outputs():
    def backward(self, dindex, dvalue):
        assert dindex.dtype.kind == "i" and not dindex.any()
        return dvalue * self.x * 0 + dvalue

    f = made(lambda self, x: (setattr(self, "x", x), (x.argmax(-1), x * 1))[1], backward)
    assert gradient(lambda x: f(x)[1], [1.0, 2.0])[0].tolist() == [1, 1]


def test_none_gradients():
    f = made(lambda self, a, b: a * b, lambda self, dy: (None, dy))
    da, db = gradient(f, [2.0], [3.0])
    assert da is None and db.tolist() == [1]


@pytest.mark.parametrize(("backward", "message"), [
    (lambda self, dy: dy[:1], r"Made.backward: the gradient of input 0 must have its shape \(2,\); received a tensor of shape \(1,\)"),
    (lambda self, dy: (dy, dy), "Made.backward must return one gradient for each of the 1 inputs of forward; received 2"),
    (lambda self, dy: (), "one gradient for each of the 1 inputs of forward; received 0"),
    (lambda self, dy: "text", "cannot make a tensor from an array of dtype"),
])  # fmt: skip
def test_wrong_gradients(backward, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gradient(made(lambda self, x: x * 1, backward), [1.0, 2.0])


@pytest.mark.parametrize("result", [None, (), (None,), (1.0, None), dlcore.Input((2,))])
def test_wrong_results(result):
    f = made(lambda self, x: result)
    for x in ([1.0], dlcore.Input((2,))):
        with pytest.raises(ValueError, match=r"Made.forward must return an array or a tuple of arrays; received"):
            f(x)


def test_missing_methods():
    with pytest.raises(TypeError, match=r"must define forward"):
        Function()([1.0])
    with pytest.raises(TypeError, match=r"must define backward"):
        gradient(type("Half", (Function,), {"forward": lambda self, x: x * 2})(), [1.0])


def test_one_instance_used_many_times():
    cube = Cube()
    assert gradient(lambda x: cube(cube(x)), [2.0])[0].tolist() == [9 * 2**8]
    assert gradient(lambda a, b: cube(a) * cube(b), [2.0], [1.0])[0].tolist() == [12]
    assert not hasattr(cube, "x")


@pytest.mark.parametrize("forward", [lambda self, x: x, lambda self, x: x[::1], lambda self, x: x.reshape(2, 1), lambda self, x: x[1:]])
def test_results_do_not_share_memory_with_inputs(forward):
    v = dlcore.Variable([1.0, 2.0])
    y = made(forward)(v)
    before = y.tolist()
    v.assign([5.0, 5.0])
    assert y.tolist() == before and not address(v) <= address(y) < address(v) + v.nbytes


def test_arrays_given_to_the_user_are_read_only():
    x = convert(np.array([1.0], "float32"))
    with pytest.raises(ValueError, match="read-only"):
        made(lambda self, x: x.__iadd__(1))(x)
    with pytest.raises(ValueError, match="read-only"):
        gradient(made(lambda self, x: x * 1, lambda self, dy: dy.__imul__(2)), [1.0])
    assert x.tolist() == [1]


def test_what_backward_returns_is_copied():
    kept = np.ones(2, "float32")
    dx, = gradient(lambda x: made(lambda self, x: x * 1, lambda self, dy: kept)(x) + x, [1.0, 2.0])
    assert dx.tolist() == [2, 2] and kept.tolist() == [1, 1]


def test_in_a_functional_model():
    x = dlcore.Input((3,))
    s, p = SumAndProduct()(Cube()(x), x)
    model = dlcore.Model(x, dlcore.layers.Dense(1, kernel_initializer="ones")(s + p))
    a = np.array([[1.0, 2.0, 0.0]], "float32")
    assert model.output_shape == (None, 1)
    assert model.predict(a).tolist() == [[float((a**3 + a + a**4).sum())]]
    model.compile("sgd", "mse")
    before = model.get_weights()[0].copy()
    model.fit(np.repeat(a, 8, axis=0), np.zeros((8, 1)), epochs=1, verbose=0)
    assert not np.array_equal(before, model.get_weights()[0])


def test_symbolic_shapes():
    assert made(lambda self, x: x.mean(axis=-1))(dlcore.Input((4, 5))).shape == (None, 4)
    assert made(lambda self, x: x.sum())(dlcore.Input((4,))).shape == ()
    assert made(lambda self, x: np.int32(x.argmax(-1)))(dlcore.Input((4,))).dtype == "int32"
    with pytest.raises(ValueError, match="depending on the batch"):
        made(lambda self, x: x if len(x) == 2 else x[0])(dlcore.Input((4,)))


def test_nothing_is_kept():
    gc.collect()
    live = pool_info()["live"]
    for _ in range(5):
        gradient(Cube(), np.ones((100, 100)))
    gc.collect()
    assert pool_info()["live"] == live
