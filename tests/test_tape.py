"""Tape: what is recorded, what comes out, and that nothing is left behind."""

import gc
import threading

import numpy as np
import pytest

import dlcore
from dlcore import GradientTape, ops
from dlcore._kernels.pool import pool_info
from dlcore._kernels.tape import recording, stop_recording
from dlcore._kernels.tensor import convert


def tensor(values, dtype="float32"):
    return convert(np.array(values, dtype))


@pytest.fixture(autouse=True)
def nothing_left_open():
    assert not recording()
    yield
    assert not recording()


# --------------------------------------------------------------------------------------------------------- gradients


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_variables_are_watched_and_constants_are_not(dtype):
    v, c = dlcore.Variable(np.array([2.0, 3.0], dtype)), tensor([5.0, 7.0], dtype)
    with GradientTape() as tape:
        y = v * v * c
    dv, dc = tape.gradient(y, [v, c])
    assert dv.tolist() == [20, 42] and dv.dtype == dtype and dc is None


def test_watch():
    x, y = tensor([2.0]), tensor([3.0])
    with GradientTape() as tape:
        tape.watch([x, (y,)])
        z = x * y * y
    assert [g.tolist() for g in tape.gradient(z, [x, y])] == [[9], [12]]
    for bad, error in (("text", ValueError), (tensor([1], "int32"), ValueError), (dlcore.Input((2,)), TypeError)):
        with pytest.raises(error, match=r"GradientTape\.watch"):
            GradientTape().watch(bad)


def test_frozen_variables_are_not_watched():
    v = dlcore.Variable([2.0], trainable=False)
    with GradientTape() as tape:
        y = v * v
    assert tape.gradient(y, v) is None
    with GradientTape() as tape:
        tape.watch(v)
        y = v * v
    assert tape.gradient(y, v).tolist() == [4]


def test_the_same_tensor_several_times():
    v = dlcore.Variable([2.0])
    with GradientTape() as tape:
        y = v * v * v + v
    assert tape.gradient(y, v).tolist() == [13]
    x = tensor([[1.0, 2.0], [3.0, 4.0]])
    with GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(ops.matmul(x, x))
    e = np.ones((2, 2))
    np.testing.assert_allclose(tape.gradient(y, x).numpy(), e @ x.numpy().T + x.numpy().T @ e)


def test_gradients_of_intermediates():
    v = dlcore.Variable([1.0, 2.0])
    with GradientTape() as tape:
        a = v * 3.0
        b = a * a
        loss = ops.sum(b)
    da, db, dv, dloss = tape.gradient(loss, [a, b, v, loss])
    assert (da.tolist(), db.tolist(), dv.tolist(), dloss.tolist()) == ([6, 12], [1, 1], [18, 36], 1)


def test_gradients_that_pass_through_do_not_share_memory():
    # reshape hands its gradient on as it is; x then gets a second one added, which must not reach that of y.
    x = tensor([[1.0, 2.0]])
    with GradientTape() as tape:
        tape.watch(x)
        first = ops.sum(x)
        y = ops.reshape(x, (2,))
        loss = first + ops.sum(y)
    dy, dx = tape.gradient(loss, [y, x])
    assert dy.tolist() == [1, 1] and dx.tolist() == [[2, 2]]


def test_output_gradients_and_several_targets():
    v = dlcore.Variable([1.0, 2.0])
    with GradientTape(persistent=True) as tape:
        y, z = v * 2.0, v * v
    assert tape.gradient(y, v, output_gradients=tensor([10.0, 100.0])).tolist() == [20, 200]
    assert tape.gradient(y, v, output_gradients=[10.0, 100.0]).tolist() == [20, 200]
    assert tape.gradient([y, z], v).tolist() == [4, 6]
    assert tape.gradient([y, z, y], v, output_gradients=[None, [0.0, 1.0], None]).tolist() == [4, 8]
    assert tape.gradient(v, v).tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"must have the shape \(2,\)"):
        tape.gradient(y, v, output_gradients=[1.0])
    assert tape.gradient(y, v).tolist() == [2, 2]


def test_unconnected_gradients_are_none():
    v, w = dlcore.Variable([1.0]), dlcore.Variable([1.0])
    with GradientTape(persistent=True) as tape:
        y = v * 2.0
        w * 2.0
        z = ops.cast(ops.cast(v, "int32"), "float32")
    assert tape.gradient(y, w) is None
    assert tape.gradient(y, [w, v])[0] is None
    assert tape.gradient(z, v) is None
    assert tape.gradient(tensor([1.0]), v) is None


@pytest.mark.parametrize("target", [tensor([1], "int32"), 3.0, np.ones(2), dlcore.Input((2,))])
def test_bad_targets(target):
    with pytest.raises(ValueError, match=r"GradientTape\.gradient: target must be"):
        GradientTape().gradient(target, dlcore.Variable([1.0]))
    with pytest.raises(ValueError, match=r"GradientTape\.gradient: sources must be"):
        GradientTape().gradient(dlcore.Variable([1.0]), 3.0)


def test_many_inputs():
    # More inputs than a machine word has bits.
    variables = [dlcore.Variable([float(i)]) for i in range(150)]
    wanted = set(range(0, 150, 7)) | {149}
    inputs = [v if i in wanted else convert(v.numpy()) for i, v in enumerate(variables)]
    for _ in range(2):
        with GradientTape() as tape:
            y = ops.sum(ops.concatenate(inputs) * tensor(np.arange(150)))
        gradients = tape.gradient(y, variables)
        assert [i for i, g in enumerate(gradients) if g is not None] == sorted(wanted)
        assert all(gradients[i].tolist() == [i] for i in wanted)


def test_long_chains_need_no_recursion():
    v = dlcore.Variable([0.0, 1.0])
    gc.collect()
    live = pool_info()["live"]
    with GradientTape() as tape:
        y = v
        for _ in range(10_000):
            y = y + 1.0
    assert tape.gradient(y, v).tolist() == [1, 1] and y.tolist() == [10_000, 10_001]
    with GradientTape() as tape:
        for _ in range(10_000):
            y = ops.tanh(y)
    del tape, y, _
    assert pool_info()["live"] == live
    x = y = dlcore.Input((2,))
    for _ in range(10_000):
        y = y + 1.0
    model = dlcore.Model(x, y)
    assert model.predict(np.zeros((1, 2), "float32")).tolist() == [[10_000, 10_000]]
    del model, x, y
    gc.collect()


# --------------------------------------------------------------------------------------------------- life of a tape


def test_a_tape_is_used_once_unless_persistent():
    v = dlcore.Variable([3.0])
    with GradientTape() as tape:
        y = v * v
    tape.gradient(y, v)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, v)
    with GradientTape(persistent=True) as tape:
        y = v * v
        z = y * v
    for _ in range(3):
        assert tape.gradient(y, v).tolist() == [6] and tape.gradient(z, v).tolist() == [27]


def test_a_tape_may_record_again():
    v = dlcore.Variable([3.0])
    tape = GradientTape()
    for _ in range(3):
        with tape:
            y = v * v
        assert tape.gradient(y, v).tolist() == [6]
    with tape, pytest.raises(RuntimeError, match="already recording"), tape:
        pass


def test_gradient_inside_the_block():
    v = dlcore.Variable([3.0])
    with GradientTape() as tape:
        y = v * v
        assert tape.gradient(y, v).tolist() == [6]
        assert not recording()  # what follows is not for a tape that has been used
        v * v
    with GradientTape(persistent=True) as tape:
        y = v * v
        assert tape.gradient(y, v).tolist() == [6] and recording()
        z = y * v
    assert tape.gradient(z, v).tolist() == [27]


def test_an_exception_leaves_no_tape_open():
    v = dlcore.Variable([3.0])
    tape = GradientTape()
    with pytest.raises(ZeroDivisionError), tape, GradientTape():
        v * v
        raise ZeroDivisionError
    assert not recording()
    assert tape.gradient(v * v, v) is None
    with pytest.raises(ValueError, match="shape"), tape:
        ops.matmul(v, ops.ones((7, 7)))
    with tape:
        y = v * v
    assert tape.gradient(y, v).tolist() == [6]


def test_an_exception_in_backward_leaves_no_gradients():
    class Fails(dlcore.ops.Function):
        def forward(self, x):
            return x * 1

        def backward(self, dy):
            raise ZeroDivisionError

    v, x = dlcore.Variable([3.0]), tensor([1.0])
    fails = True
    for fails in (True, False):
        with GradientTape() as tape:
            tape.watch(x)
            y = (Fails()(x) if fails else x) * v * x
        if fails:
            with pytest.raises(ZeroDivisionError):
                tape.gradient(y, [x, v])
        else:
            assert [g.tolist() for g in tape.gradient(y, [x, v])] == [[6], [1]]


def test_a_tape_dropped_while_open():
    v = dlcore.Variable([3.0])
    tape = GradientTape()
    tape.__enter__()
    held = [tape]
    del tape
    gc.collect()
    y = v * v
    assert held[0].gradient(y, v).tolist() == [6]  # which also closes it

    def generator():
        with GradientTape():
            yield

    started = generator()
    next(started)
    assert recording()
    del started
    gc.collect()
    assert not recording()


def test_tapes_may_close_in_any_order():
    v = dlcore.Variable([3.0])
    a, b = GradientTape(), GradientTape()
    a.__enter__()
    b.__enter__()
    y = v * v
    a.__exit__(None, None, None)
    z = y * v
    b.__exit__(None, None, None)
    assert not recording()
    assert a.gradient(y, v).tolist() == [6] and b.gradient(z, v).tolist() == [27]


def test_a_tape_closes_on_its_own_thread():
    tape, errors = GradientTape(), []

    def close():
        try:
            tape.__exit__(None, None, None)
        except RuntimeError as error:
            errors.append(str(error))

    with tape:
        thread = threading.Thread(target=close)
        thread.start()
        thread.join()
    assert "on the thread on which it was opened" in errors[0]


def test_threads_have_tapes_of_their_own():
    v = dlcore.Variable([3.0])
    seen = []
    with GradientTape():
        thread = threading.Thread(target=lambda: seen.append((recording(), v * v)))
        thread.start()
        thread.join()
    assert seen[0][0] is False


def test_stop_recording():
    v = dlcore.Variable([3.0])
    with GradientTape() as tape:
        with stop_recording():
            c = v * v
        y = v * c
    assert tape.gradient(y, v).tolist() == [9]


# ---------------------------------------------------------------------------------------------------------- nesting


@pytest.mark.parametrize("inner_is_older", [False, True])
def test_nested_tapes(inner_is_older):
    v = dlcore.Variable([3.0])
    outer, inner = GradientTape(), GradientTape()
    if inner_is_older:
        outer, inner = inner, outer
    with outer:
        a = v * v
        with inner:
            y = a * v
        z = y * v
    assert outer.gradient(z, v).tolist() == [108]  # d v^4
    assert inner.gradient(y, v).tolist() == [9]  # a is a constant to it


def test_gradients_do_not_leak_from_one_tape_to_another():
    x = tensor([3.0])
    for _ in range(3):
        with GradientTape() as outer:
            outer.watch(x)
            a = x * x
            with GradientTape() as inner:
                inner.watch(a)
                y = a * a
        # The outer one first: its run goes through what the inner one recorded and watched.
        assert outer.gradient(y, x).tolist() == [108]
        assert inner.gradient(y, a).tolist() == [18]
    older, newer = GradientTape(), GradientTape(persistent=True)
    with newer:
        newer.watch(x)
        a = x * x
    with older:
        b = a * dlcore.Variable([1.0])
    older.gradient(b, a)
    older = GradientTape()
    assert newer.gradient(a, x).tolist() == [6]


def test_an_outer_watch_does_not_end_an_inner_one():
    v = dlcore.Variable([3.0])
    with GradientTape() as outer, GradientTape() as inner:
        y = v * v
        outer.watch(y)
        z = y * v
    assert inner.gradient(z, v).tolist() == [27]
    assert outer.gradient(z, y).tolist() == [3]


def test_differentiating_twice_names_the_op():
    v = dlcore.Variable([3.0])
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = ops.tanh(v)
        g = inner.gradient(y, v)
        penalty = ops.sum(g * g) + ops.sum(v)
    with pytest.raises(RuntimeError, match=r"differentiating twice is not supported: .* the op Activation,"):
        outer.gradient(penalty, v)
    with GradientTape() as outer:
        with GradientTape() as inner:
            y = v * v
        inner.gradient(y, v)
        z = y * v
    assert outer.gradient(z, v).tolist() == [27]  # computed, but not used


# -------------------------------------------------------------------------------------------------------- bookkeeping


def test_without_a_tape_nothing_is_kept():
    v = dlcore.Variable(np.ones((50, 50), "float32"))
    gc.collect()
    live = pool_info()["live"]
    y = ops.sum(ops.tanh(ops.matmul(v, v)))
    assert pool_info()["live"] - live <= 64
    with GradientTape() as tape:
        y = ops.sum(ops.tanh(ops.matmul(v, v)))
    assert pool_info()["live"] - live >= 20_000
    g = tape.gradient(y, v)
    del y, tape, g
    assert pool_info()["live"] == live


def test_float16_gradients_of_a_function_add_up():
    """They are two bytes wide: adding them as something wider would write past their end."""

    class Same(dlcore.ops.Function):
        def forward(self, x):
            return x.copy()

        def backward(self, dy):
            return dy

    x = dlcore.ops.convert_to_tensor(np.arange(5, dtype="float16"))
    same = Same()
    with dlcore.GradientTape() as tape:
        tape.watch(x)
        y = dlcore.ops.sum(dlcore.ops.cast(same(x), "float32")) + dlcore.ops.sum(2 * dlcore.ops.cast(same(x), "float32"))
    assert tape.gradient(y, x).tolist() == [3.0] * 5
