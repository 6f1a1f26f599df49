"""Replay: a recorded run on new numbers gives, to the bit, what the ops or the model would."""

import gc
import pickle
import re
import threading
import weakref

import catalogue
import numpy as np
import pytest

import dlcore
from dlcore import Input, Model, Sequential, layers
from dlcore._kernels import parallel, winograd
from dlcore._kernels.replay import Recording
from dlcore.layers.merging import Merge
from dlcore.models import repetition

ENTRIES = catalogue.entries()
RULES = [name for name, cls in vars(dlcore.optimizers).items()
         if isinstance(cls, type) and issubclass(cls, dlcore.optimizers.Optimizer) and name not in ("Optimizer", "MultiOptimizer")]


def normal(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def plain(model, x):
    """What the model gives without a recording."""
    return model.call(dlcore.ops.convert_to_tensor(x), training=False).numpy()


def is_replayed(model, x):
    """Calls the model until it would be replayed, and says whether it is."""
    for _ in range(4):
        model(x)
    replay = model._replay
    return replay is not None and replay.run(model, x) is not None


# ------------------------------------------------------------------------------------------------------------- recordings


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_ops(entry, dtype):
    """Whatever an op says that it reads, new numbers in it give the new result; or it says that it is not to be repeated."""
    first, second = (entry.inputs(np.random.default_rng(seed), dtype) for seed in (1, 2))
    assert all(a.shape == b.shape for a, b in zip(first, second, strict=True))

    def fn(*xs):
        y = entry.fn(*xs)
        return y[-1] if isinstance(y, (tuple, list)) else y

    recorded = Recording(fn, first)
    np.testing.assert_array_equal(recorded.result.numpy(), fn(*map(dlcore.ops.convert_to_tensor, first)).numpy())
    if recorded.repeatable:
        for arrays in (second, first, second):
            np.testing.assert_array_equal(recorded.repeat(*arrays).numpy(), fn(*map(dlcore.ops.convert_to_tensor, arrays)).numpy())


def test_most_ops_can_be_repeated():
    can = set()
    for entry in ENTRIES:
        recorded = Recording(lambda *xs, fn=entry.fn: fn(*xs), entry.inputs(np.random.default_rng(1), "float32"))
        if recorded.repeatable:
            can.add(entry.op)
    assert {"Activation", "BatchNorm", "Binary", "Concatenate", "Conv", "ConvTranspose", "Dense", "Depthwise", "MaxPool", "AveragePool", "PReLU",
            "Reshape", "RowNorm", "Softmax", "Unary", "Upsample"} <= can  # fmt: skip


def test_numbers_that_came_by_another_way():
    """A tensor that no op of the run made may depend on the inputs."""
    x = normal((3, 4))
    assert not Recording(lambda v: v + v.numpy().mean(0), [x]).repeatable
    assert not Recording(lambda v: dlcore.ops.convert_to_tensor(v.numpy()), [x]).repeatable
    assert not Recording(lambda v: dlcore.random.dropout(v, 0.5, seed=1), [x]).repeatable
    assert not Recording(lambda v: (v, v), [x]).repeatable
    assert Recording(lambda v: v, [x]).repeatable


def test_numbers():
    x = normal((3, 4))
    assert Recording(lambda v: v * 2.0, [x]).repeatable
    assert not Recording(lambda v: v * 2.0, [x], numbers=False).repeatable
    assert Recording(lambda v: v * dlcore.ops.max(v), [x], numbers=False).repeatable


def test_constants():
    x, c = normal((3, 4)), dlcore.ops.convert_to_tensor(normal(4))
    assert not Recording(lambda v: v * c, [x]).repeatable
    recorded = Recording(lambda v: v * c, [x], [c])
    np.testing.assert_array_equal(recorded.repeat(2 * x).numpy(), 2 * x * c.numpy())


def test_variables_may_move():
    x, v = normal((3, 4)), dlcore.Variable(normal((2, 4)))
    for fn in (lambda u: u * dlcore.ops.reshape(v, (8,))[2:6], lambda u: u + dlcore.ops.sum(v)):
        recorded = Recording(fn, [x])
        v.assign(v + 1)
        np.testing.assert_array_equal(recorded.repeat(x).numpy(), fn(dlcore.ops.convert_to_tensor(x)).numpy())
        v._hold(normal((2, 4), 3))
        np.testing.assert_array_equal(recorded.repeat(x).numpy(), fn(dlcore.ops.convert_to_tensor(x)).numpy())


def test_repeat_says_what_is_wrong():
    recorded = Recording(dlcore.ops.exp, [normal((3, 4))])
    with pytest.raises(ValueError, match=r"expected 1 inputs .* received 2"):
        recorded.repeat(1.0, 2.0)
    with pytest.raises(ValueError, match=r"expected the shape \(3, 4\) and dtype float32 .* received \(4, 3\)"):
        recorded.repeat(normal((4, 3)))
    with pytest.raises(ValueError, match=r"received .* float64"):
        recorded.repeat(normal((3, 4)).astype("float64"))


# ----------------------------------------------------------------------------------------------------------------- models


def of_layers(shape, *stack):
    model = Sequential([Input(shape), *stack])
    for v in model.variables:
        v.assign(np.abs(normal(v.shape, 7)).astype(v.dtype) if "float" in v.dtype else v.numpy())
    return model


def convolutional():
    return of_layers(
        (12, 12, 2), layers.Conv2D(8, 3, use_bias=False), layers.BatchNormalization(), layers.ReLU(), layers.MaxPooling2D(), layers.Dropout(0.5),
        layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(5, activation="softmax"),
    )  # fmt: skip


def wide():
    """A graph with branches, a shared layer and layers of all kinds."""
    x = Input((8, 8, 4))
    shared = layers.Conv2D(4, 3, padding="same", activation="gelu")
    a, b = shared(x), shared(layers.ZeroPadding2D(1)(layers.Cropping2D(1)(x)))
    y = layers.Concatenate()([layers.Add()([a, b]), layers.DepthwiseConv2D(3, padding="same")(x), layers.LayerNormalization()(a)])
    y = layers.UpSampling2D(2)(layers.SeparableConv2D(6, 3, strides=2)(y))
    y = layers.PReLU()(layers.GroupNormalization(2)(y))
    y = layers.GlobalAveragePooling2D()(y)
    return Model(x, layers.Dense(3)(y + dlcore.ops.relu(y)))


MODELS = {
    "mlp": lambda: of_layers((6,), layers.Dense(8, activation="tanh"), layers.Dense(8), layers.LeakyReLU(), layers.Dense(2)),
    "convolutional": convolutional,
    "graph": wide,
    "nested": lambda: Sequential([Input((6,)), Sequential([Input((6,)), layers.Dense(4)]), layers.Dense(2)]),
    "normalized": lambda: of_layers((6,), layers.Rescaling(0.5, 1.0), layers.Normalization(mean=np.arange(6.0), variance=np.ones(6)), layers.Dense(2)),
    "a reshape at the end": lambda: of_layers((6,), layers.Dense(4), layers.Reshape((2, 2))),
    "nothing but a reshape": lambda: of_layers((6,), layers.Reshape((2, 3))),
    "series": lambda: of_layers((20, 3), layers.Conv1D(8, 5, padding="causal", activation="relu"), layers.MaxPooling1D(), layers.Conv1D(4, 3), layers.GlobalMaxPooling1D()),
    "volumes": lambda: of_layers((4, 4, 4, 2), layers.Conv3D(4, 2), layers.AveragePooling3D(2), layers.Conv3DTranspose(2, 2), layers.Permute((4, 1, 2, 3))),
    "channels first": lambda: of_layers((3, 8, 8), layers.Conv2D(4, 3, data_format="channels_first"), layers.MaxPooling2D(data_format="channels_first"), layers.Flatten()),
}  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_models(name, threads):
    model = MODELS[name]()
    before = parallel.get_num_threads()
    parallel.set_num_threads(threads)
    try:
        for rows in (1, 3):
            shape = (rows, *model.input_shape[1:])
            assert is_replayed(model, normal(shape))
            for seed in range(3):
                x = normal(shape, seed)
                expected = plain(model, x)
                for given in (x, x.astype("float64"), np.asfortranarray(x), dlcore.ops.convert_to_tensor(x)):
                    np.testing.assert_array_equal(model(given).numpy(), expected)
                np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    finally:
        parallel.set_num_threads(before)


def test_results_are_tensors_of_their_own():
    model, x = MODELS["mlp"](), normal((2, 6))
    assert is_replayed(model, x)
    one, other = model(x), model(2 * x)
    assert not np.array_equal(one.numpy(), other.numpy())
    one.numpy()[:] = 7
    np.testing.assert_array_equal(model(2 * x).numpy(), other.numpy())


def test_weights_are_read_anew():
    model, x = convolutional(), normal((1, 12, 12, 2))
    model.compile("adam", "mse")
    for step in range(4):
        assert is_replayed(model, x)
        np.testing.assert_array_equal(model(x).numpy(), plain(model, x))
        before = model(x).numpy().copy()
        if step == 0:
            model.layers[5].kernel.assign(2 * model.layers[5].kernel)
        elif step == 1:
            model.set_weights([w * 0.9 for w in model.get_weights()])
        else:
            model.fit(normal((8, 12, 12, 2)), normal((8, 5)), verbose=0)    # moves the variables, the first time
        assert not np.array_equal(model(x).numpy(), before)
        np.testing.assert_array_equal(model(x).numpy(), plain(model, x))


@pytest.mark.parametrize("name", RULES)
def test_optimizers_say_that_they_wrote(name):
    """What a convolution prepared from its kernel is made anew after a step of any optimizer."""
    model = of_layers((12, 12, 16), layers.Conv2D(32, 3, use_bias=False))
    optimizer = getattr(dlcore.optimizers, name)(learning_rate=0.5)
    optimizer.build(model.trainable_variables)
    x = normal((1, 12, 12, 16))
    gradients = [normal(v.shape, 1) for v in model.trainable_variables]
    for _ in range(3):
        before = model(x).numpy().copy()
        optimizer.apply(gradients, model.trainable_variables)       # writes nothing else, as a metric does
        after = model(x).numpy().copy()
        enabled = winograd.enable(False)
        try:
            direct = plain(model, x)
        finally:
            winograd.enable(enabled)
        scale = np.abs(direct).max()
        np.testing.assert_allclose(after, direct, atol=1e-4 * scale)
        assert not np.array_equal(after, before)


def test_arrays_of_variables_are_read_only():
    v = dlcore.Variable(normal((2, 3)))
    for array in (v.numpy(), np.asarray(v), dlcore.ops.reshape(v, (3, 2)).numpy(), v[1:].numpy()):
        assert np.shares_memory(array, v.numpy())
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    np.from_dlpack(v)[...] = 0
    with pytest.raises(BufferError, match="copy=False"):
        v.__dlpack__(copy=False)
    assert (v.numpy() != 0).all()
    y = dlcore.ops.reshape(dlcore.ops.add(v, 1), (6,)).numpy()
    y[0] = 7
    model = MODELS["mlp"]()
    model.compile("adam", "mse")
    model.fit(normal((4, 6)), normal((4, 2)), verbose=0)
    assert not any(w.numpy().flags.writeable for w in model.variables)
    assert all(w.flags.writeable for w in model.get_weights())


def test_changes_count():
    """Whatever a user sets on a layer ends the recordings."""
    model, x = MODELS["mlp"](), normal((2, 6))
    first, second = model.layers[:2]

    def agrees():
        y = model(x).numpy()
        np.testing.assert_array_equal(y, plain(model, x))
        return y

    assert is_replayed(model, x)
    before = agrees()
    first.activation = "relu"
    assert not np.array_equal(agrees(), before)
    assert is_replayed(model, x)
    second.call = lambda inputs: 2 * inputs
    assert not is_replayed(model, x)
    agrees()
    del second.call
    assert is_replayed(model, x)
    model.add(layers.Dense(3))
    assert agrees().shape == (2, 3)
    assert is_replayed(model, x)
    model.pop()
    assert agrees().shape == (2, 2)
    second.kernel = dlcore.Variable(np.zeros((8, 8), "float32"))
    agrees()


@pytest.mark.parametrize(
    "model",
    [
        lambda: of_layers((4,), layers.Lambda(lambda v: v * 2)),
        lambda: of_layers((4,), layers.Dense(2, activation=lambda v: v * 2)),
        lambda: of_layers((4,), type("Mine", (layers.Dense,), {"call": lambda self, v: v * 3})(4)),
        lambda: (lambda v: Model(v, v / dlcore.ops.convert_to_tensor(2.0)))(Input((4,))),
        lambda: of_layers((4,), layers.ActivityRegularization(0.1)),
    ],
    ids=["lambda", "activation of the user's", "layer of the user's", "op in a graph", "adds losses"],
)
def test_what_is_not_replayed(model):
    model = model()
    x = normal((2, 4))
    assert not is_replayed(model, x)
    np.testing.assert_array_equal(model(2 * x).numpy(), plain(model, 2 * x))


@pytest.mark.parametrize("name", ["call", "__call__"])
def test_classes_whose_functions_are_replaced(monkeypatch, name):
    """Setting a function of a class is no attribute of a layer, but counts as one."""
    model, x = MODELS["mlp"](), normal((2, 6))
    assert is_replayed(model, x)
    before = model(x).numpy().copy()
    original = getattr(layers.Dense, name)
    monkeypatch.setattr(layers.Dense, name, lambda self, *args, **kwargs: 2 * original(self, *args, **kwargs))
    assert not np.array_equal(model(x).numpy(), before)
    assert not is_replayed(model, x)
    np.testing.assert_array_equal(model(x).numpy(), plain(model, x))
    monkeypatch.undo()
    np.testing.assert_array_equal(model(x).numpy(), before)
    assert is_replayed(model, x)


def test_models_inside_with_a_call_of_the_users():
    calls = []

    class Mine(Sequential):
        def __call__(self, *args, **kwargs):
            calls.append(1)
            return super().__call__(*args, **kwargs)

    model, x = Sequential([Input((6,)), Mine([Input((6,)), layers.Dense(4)]), layers.Dense(2)]), normal((2, 6))
    calls.clear()
    for _ in range(6):
        model(x)
    assert len(calls) == 6


def test_methods_of_a_layer_that_are_replaced():
    """Whatever a user's function knows, it is asked at every call."""
    model, x, factor = of_layers((12, 12, 2), layers.Conv2D(4, 3), layers.Flatten()), normal((1, 12, 12, 2)), [1.0]
    layer = model.layers[0]
    original = layer.convolve
    layer.convolve = lambda *args: original(*args) * factor[0]
    is_replayed(model, x)
    before = model(x).numpy().copy()
    factor[0] = 2.0
    assert not np.array_equal(model(x).numpy(), before)
    np.testing.assert_array_equal(model(x).numpy(), plain(model, x))


def test_numbers_that_the_user_writes_into():
    scale = np.array(2.0)
    model, x = of_layers((4,), layers.Rescaling(scale)), normal((2, 4))
    is_replayed(model, x)
    scale[...] = 5
    np.testing.assert_array_equal(model(x).numpy(), 5 * x)


def test_models_are_freed_whatever_their_variables_hold():
    class Rule:
        def __init__(self, model):
            self.model = model

        def __call__(self, v):
            return dlcore.ops.sum(v)

    for name in ("regularizer", "constraint"):
        model = MODELS["mlp"]()
        setattr(model.layers[0].kernel, name, Rule(model))
        is_replayed(model, normal((2, 6)))
        reference = weakref.ref(model)
        del model
        gc.collect()
        assert reference() is None


def test_python_in_a_layer_runs_at_every_call():
    calls = []

    class Counting(layers.Layer):
        def call(self, x):
            calls.append(1)
            return x

    model = Sequential([Input((4,)), Counting(), layers.Dense(2)])
    calls.clear()
    for _ in range(5):
        model(normal((1, 4)))
    assert len(calls) == 5


def test_training_is_not_replayed():
    model, x = convolutional(), normal((4, 12, 12, 2))
    assert is_replayed(model, x)
    quiet = model(x).numpy()
    dlcore.utils.set_random_seed(1)
    a, b = model(x, training=True).numpy().copy(), model(x, training=True).numpy()
    assert not np.array_equal(a, b)
    assert not np.array_equal(a, quiet)


def test_tapes_see_the_layers():
    model, x = MODELS["mlp"](), normal((2, 6))
    assert is_replayed(model, x)
    with dlcore.GradientTape() as tape:
        y = dlcore.ops.sum(model(x))
    assert all(g is not None for g in tape.gradient(y, model.trainable_variables))


def test_masks_are_not_lost():
    model, x = MODELS["mlp"](), normal((2, 6))
    assert is_replayed(model, x)
    given = dlcore.ops.convert_to_tensor(x)
    given.mask = dlcore.ops.convert_to_tensor(np.array([True, False]))
    assert model(given).mask is not None


def test_large_inputs_and_many_shapes():
    model = MODELS["mlp"]()
    assert not is_replayed(model, normal((10000, 6)))
    for rows in (*range(1, 8), *range(1, 8)):
        x = normal((rows, 6), rows)
        assert is_replayed(model, x)
        np.testing.assert_array_equal(model(x).numpy(), plain(model, x))


def test_shapes_in_turn():
    model = MODELS["mlp"]()
    xs = [normal((rows, 6), rows) for rows in (1, 2, 3)]
    for _ in range(4):
        for x in xs:
            model(x)
    assert all(model._replay.run(model, x) is not None for x in xs)


def test_bad_inputs_say_so():
    model = MODELS["mlp"]()
    assert is_replayed(model, normal((2, 6)))
    for bad in (normal((2, 5)), normal((2, 3, 6, 1)), np.array([["a"] * 6]), None):
        with pytest.raises((ValueError, TypeError)):
            model(bad)
    np.testing.assert_array_equal(model(np.ones((2, 6), "int32")).numpy(), plain(model, np.ones((2, 6), "float32")))
    assert model(normal((0, 6))).shape == (0, 2)


def test_copies_have_recordings_of_their_own():
    model, x = MODELS["mlp"](), normal((2, 6))
    assert is_replayed(model, x)
    copied = pickle.loads(pickle.dumps(model))
    model.layers[0].kernel.assign(0 * model.layers[0].kernel)
    assert is_replayed(copied, x)
    assert not np.array_equal(copied(x).numpy(), model(x).numpy())


def test_threads():
    """A recording serves one thread at a time; the others do without."""
    model = convolutional()
    xs = [normal((1, 12, 12, 2), seed) for seed in range(4)]
    expected = [plain(model, x) for x in xs]
    assert is_replayed(model, xs[0])
    wrong = []

    def work(k):
        for _ in range(300):
            if not np.array_equal(model(xs[k]).numpy(), expected[k]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# How to make those that do not go without arguments.
ARGUMENTS = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose", "SeparableConv1D", "SeparableConv2D"), (4, 2)),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D", "RepeatVector", "Dense"), (2,)),
    **{f"{kind}Pooling{rank}D": (2,) for kind in ("Max", "Average", "AdaptiveMax", "AdaptiveAverage") for rank in (1, 2, 3)},
    **dict.fromkeys(("Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "Rescaling", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"), (0.5,)),
    "Activation": ("gelu",), "EinsumDense": ("abc,cd->abd", (None, 3)), "GroupNormalization": (2,), "Permute": ((2, 1),), "Reshape": ((-1, 2),),
    "Dot": (1,),
}  # fmt: skip


@pytest.mark.parametrize("cls", repetition._CALLS, ids=lambda cls: cls.__name__)
def test_layers(cls):
    """Each of the layers that are taken to be repeatable is, and gives what it gives without a recording."""
    name = cls.__name__
    rank = re.search(r"(\d)D", name)
    x = Input((4,) if name == "RepeatVector" else (*(4,) * (int(rank[1]) if rank else 1), 4))
    if name == "InputLayer":
        y = layers.InputLayer(input_tensor=x).output
    else:
        y = cls(*ARGUMENTS.get(name, ()))([x, x] if issubclass(cls, Merge) else x)
    model = Model(x, y)
    for v in model.variables:
        v.assign(np.abs(normal(v.shape, 7)).astype(v.dtype) if "float" in v.dtype else v)
    a, b = normal((1, *x.shape[1:]), 1), normal((1, *x.shape[1:]), 2)
    assert is_replayed(model, a)
    for given in (b, a):
        np.testing.assert_array_equal(model(given).numpy(), plain(model, given))
