"""Arena: where variables and their gradients lie."""

import gc

import numpy as np
import pytest

import dlcore
from dlcore import GradientTape, layers, ops
from dlcore._kernels.arena import Arena, Slots, runs_of
from dlcore._kernels.pool import pool_info
from dlcore._kernels.tensor import address


def variables(*shapes, dtype="float32"):
    return [dlcore.Variable(np.random.default_rng(i).normal(size=s).astype(dtype)) for i, s in enumerate(shapes)]


def backward(arena, loss_of):
    arena.start()
    with GradientTape() as tape:
        loss = loss_of()
    return tape.backward(loss)


def test_variables_lie_back_to_back():
    vs = variables((3, 5), (7,), (), (0, 4), (16,))
    before = [np.array(v) for v in vs]
    arena = Arena(vs)
    (run,) = arena.runs
    assert run.params.shape == run.grads.shape == (16 + 16 + 16 + 0 + 16,)
    assert address(run.params) % 64 == 0
    for v, old, offset in zip(vs, before, run.offsets, strict=True):
        assert address(v) == address(run.params) + 4 * offset and address(v) % 64 == 0
        np.testing.assert_array_equal(v.numpy(), old)
        assert v._gradient.shape == v.shape
    padding = np.ones(run.params.size, bool)
    for v, offset in zip(vs, run.offsets, strict=True):
        padding[offset : offset + v.size] = False
    assert not run.params.numpy()[padding].any()


def test_a_variable_moves_only_once():
    a, b, c = variables((4,), (5,), (6,))
    first = Arena([a, b])
    places = [address(a), address(b)]
    second = Arena([b, c, a])
    assert [address(a), address(b)] == places
    assert [len(run.variables) for run in second.runs] == [1, 1, 1]
    assert [len(run.variables) for run in first.runs] == [2]


def test_each_dtype_has_a_block():
    a, b = variables((4,)) + variables((4,), dtype="float64")
    arena = Arena([a, b])
    assert [run.params.dtype for run in arena.runs] == ["float32", "float64"]


@pytest.mark.parametrize("dtype", ["int32", "float16"])
def test_only_trainable_dtypes(dtype):
    with pytest.raises(ValueError, match=r"must be float32 or float64; received a tensor of shape \(2,\)"):
        Arena([dlcore.Variable(np.ones(2, dtype))])
    a, b = variables((1,), (1,))
    with pytest.raises(ValueError, match="each variable may be given once; received 3 of which 2 differ"):
        Arena([a, b, a])


def test_gradients_are_overwritten_then_added():
    (v,) = variables((3,))
    arena = Arena([v])
    for _ in range(2):
        backward(arena, lambda: ops.sum(v * 2.0))
        np.testing.assert_allclose(v._gradient.numpy(), [2, 2, 2])
    with GradientTape() as tape:
        loss = ops.sum(v * 3.0)
    tape.backward(loss)                                 # no start in between: gradients add up
    np.testing.assert_allclose(v._gradient.numpy(), [5, 5, 5])
    backward(arena, lambda: ops.sum(v * v + v))
    np.testing.assert_allclose(v._gradient.numpy(), 2 * v.numpy() + 1, rtol=1e-6)


def test_a_tape_asked_for_gradients_leaves_the_arena_alone():
    (v,) = variables((3,))
    arena = Arena([v])
    backward(arena, lambda: ops.sum(v * 2.0))
    with GradientTape() as tape:
        loss = ops.sum(v * 7.0)
    assert tape.gradient(loss, v).tolist() == [7, 7, 7]
    np.testing.assert_allclose(v._gradient.numpy(), [2, 2, 2])


def test_before_the_arena_backward_returns_the_gradients():
    (v,) = variables((3,))
    with GradientTape() as tape:
        loss = ops.sum(v * 2.0)
    assert tape.backward(loss)[v].tolist() == [2, 2, 2]


def test_gradients_may_be_missing():
    a, b, c = variables((4,), (5,), (6,))
    arena = Arena([a, b, c])
    backward(arena, lambda: ops.sum(a) + ops.sum(c))
    ready = arena.ready_runs()
    assert [run.variables for run in ready] == [(a,), (c,)]
    backward(arena, lambda: ops.sum(a) + ops.sum(b) + ops.sum(c))
    assert arena.ready_runs() is arena.runs
    before = b.numpy().copy()
    optimizer = dlcore.optimizers.SGD(1.0)
    backward(arena, lambda: ops.sum(a) + ops.sum(c))
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.step(arena)
    np.testing.assert_array_equal(b.numpy(), before)


def test_put():
    a, b = variables((2,), (3,))
    arena = Arena([a, b])
    arena.put([np.array([1.0, 2.0]), None])
    assert a._gradient.tolist() == [1, 2] and [run.variables for run in arena.ready_runs()] == [(a,)]
    with pytest.raises(ValueError, match=r"must have the shape \(2,\) of its variable"):
        arena.put([np.ones(3), None])
    with pytest.raises(ValueError, match=r"argument 2 is shorter"):
        arena.put([np.ones(2)])


def test_slots_follow_the_layout():
    a, b, c = variables((4,), (5,), (6,))
    arena, slots = Arena([a, b, c]), Slots([0.0, 0.0])
    flat = slots.of_run(arena.runs[0])
    assert [s.shape for s in flat] == [(48,), (48,)] and not any(s.numpy().any() for s in flat)
    flat[1].numpy()[16:21] = 5
    assert slots.of_variable(b)[1].tolist() == [5] * 5
    (part,) = runs_of([b, c])
    assert slots.of_run(part)[1].numpy()[:5].tolist() == [5] * 5


def test_freezing_and_thawing_between_fits():
    dlcore.utils.set_random_seed(0)
    model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(5), layers.Dense(6), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    for frozen in ([], [1], [0, 2], []):
        for i, layer in enumerate(model.layers):
            layer.trainable = i not in frozen
        model.compile(model.optimizer, "mse")
        before = [layer.get_weights() for layer in model.layers]
        model.fit(x, y, verbose=0)
        changed = [not np.array_equal(a[0], b.get_weights()[0]) for a, b in zip(before, model.layers, strict=True)]
        assert changed == [i not in frozen for i in range(3)]
        assert sum(len(run.variables) for run in model.arena.runs) == 6 - 2 * len(frozen)


def test_models_that_share_layers():
    dlcore.utils.set_random_seed(0)
    shared, a, b = layers.Dense(5), layers.Dense(1), layers.Dense(1)
    x = dlcore.Input((4,))
    first, second = dlcore.Model(x, a(shared(x))), dlcore.Model(x, b(shared(x)))
    first.compile("sgd", "mse")
    second.compile("adam", "mse")
    data = np.ones((8, 4), "float32"), np.ones((8, 1), "float32")
    for model, own, other in ((first, a, b), (second, b, a), (first, a, b)):
        before = [layer.get_weights()[0].copy() for layer in (shared, own, other)]
        model.fit(*data, verbose=0)
        changed = [not np.array_equal(w, layer.get_weights()[0]) for w, layer in zip(before, (shared, own, other), strict=True)]
        assert changed == [True, True, False]
    assert first.layers[1] is second.layers[1]
    np.testing.assert_allclose(first.predict(data[0], verbose=0), a(shared(data[0])).numpy())


def test_blocks_are_given_back():
    gc.collect()
    live = pool_info()["live"]
    a, b = variables((100, 100), (100,))
    arena = Arena([a, b])
    arena.start()
    with GradientTape() as tape:
        loss = ops.sum(ops.matmul(a, a)) + ops.sum(b)
    tape.backward(loss)
    slots = Slots([0.0, 0.0])
    slots.of_run(arena.runs[0])
    view = a.numpy()
    del arena, slots, a, b, tape, loss
    gc.collect()
    assert 40_000 < pool_info()["live"] - live < 60_000     # the parameters, for the view; nothing else
    del view
    assert pool_info()["live"] == live
