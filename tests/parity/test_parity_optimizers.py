"""Optimizers against Keras itself, in random settings of all their options together."""

import types

import keras
import numpy as np
import pytest
from golden import record_optimizers as recorder

import dlcore
from dlcore import optimizers
from dlcore._kernels.tensor import convert
from dlcore.naming import reset as reset_names
from dlcore.variable import Variable

LIBRARY = types.SimpleNamespace(Variable=Variable, optimizers=optimizers, ops=types.SimpleNamespace(convert_to_tensor=convert))


NAMES = ("SGD", "Adam", "RMSprop", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta", "Ftrl", "Lion", "Lamb", "Adafactor", "Muon", "ScheduleFreeAdamW")


def settings(name, rng):
    def pick(*options):
        return options[rng.integers(len(options))]

    beta = {"beta_1": pick(0.9, 0.5), "beta_2": pick(0.999, 0.8)}
    epsilon = {"epsilon": pick(1e-7, 1e-3)}
    own = {
        "SGD": {"momentum": pick(0.0, 0.9), "nesterov": pick(False, True)},
        "Adam": {**beta, **epsilon, "amsgrad": pick(False, True)},
        "RMSprop": {"rho": pick(0.9, 0.6), "momentum": pick(0.0, 0.7), "centered": pick(False, True), "epsilon": 1e-4},
        "AdamW": {**beta, **epsilon, "amsgrad": pick(False, True)},
        "Adamax": {**beta, **epsilon},
        "Nadam": {**beta, **epsilon},
        "Adagrad": {**epsilon, "initial_accumulator_value": pick(0.1, 0.5)},
        "Adadelta": {**epsilon, "rho": pick(0.95, 0.5)},
        "Ftrl": {"learning_rate_power": pick(-0.5, 0.0, -0.3), "initial_accumulator_value": pick(0.1, 0.5),
                 "l1_regularization_strength": pick(0.0, 0.1), "l2_regularization_strength": pick(0.0, 0.1),
                 "l2_shrinkage_regularization_strength": pick(0.0, 0.1), "beta": pick(0.0, 0.3)},
        "Lion": {"beta_1": pick(0.9, 0.5), "beta_2": pick(0.99, 0.8)},
        "Lamb": {**beta, **epsilon},
        "Adafactor": {"beta_2_decay": pick(-0.8, -0.3), "epsilon_1": pick(1e-30, 1e-3), "epsilon_2": pick(1e-3, 1.0), "clip_threshold": pick(1.0, 0.3),
                      "relative_step": pick(False, True)},
        "Muon": {"adam_beta_1": beta["beta_1"], "adam_beta_2": beta["beta_2"], **epsilon, "adam_weight_decay": pick(None, 0.2),
                 "exclude_layers": pick(None, ["tal"]), "exclude_embeddings": pick(False, True), **pick({}, {"muon_a": 2.0, "muon_b": -1.5, "muon_c": 0.5}),
                 "adam_lr_ratio": pick(1, 0.3), "momentum": pick(0.95, 0.5), "ns_steps": pick(5, 2), "nesterov": pick(False, True),
                 "rms_rate": pick(None, 0.2)},
        "ScheduleFreeAdamW": {**beta, **epsilon, "warmup_steps": pick(0, 8)},
    }[name]  # fmt: skip
    clip = pick({}, {"clipnorm": 0.7}, {"global_clipnorm": 0.7}, {"clipvalue": 0.3})
    ema = pick({}, {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": pick(None, 3)})
    rest = {"weight_decay": 0.1 if name == "AdamW" else pick(None, 0.1), "loss_scale_factor": pick(None, 4.0), "gradient_accumulation_steps": pick(None, None, 3)}
    schedule = ["ExponentialDecay", {"initial_learning_rate": 0.05, "decay_steps": 6, "decay_rate": 0.5}]
    rate = pick({"learning_rate": float(rng.uniform(0.005, 0.05))}, {"schedule": schedule})
    excluded = {"exclude": ["bias"]} if rng.integers(2) else {}
    return name, {**rate, **own, **clip, **ema, **rest, **excluded}


@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", NAMES)
def test_trajectory(name, seed, dtype):
    case = settings(name, np.random.default_rng(seed))
    kept, own, rate = recorder.run(LIBRARY, *case, dtype=dtype)
    expected, expected_own, expected_rate = recorder.run(keras, *case, keras.ops.convert_to_numpy, dtype)
    # Keras computes schedules, clipping and some other scalars in float32 whatever floatx is; test_optimizers.py is stricter.
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-6, "atol": 1e-7}
    for a, b in zip(kept, expected, strict=True):
        assert a.dtype == b.dtype
        assert np.isfinite(b).all()
        np.testing.assert_allclose(a, b, **tolerance)
    assert [name for name, _ in own] == [name for name, _ in expected_own]
    for (_, a), (_, b) in zip(own, expected_own, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, **tolerance)
    assert rate == pytest.approx(expected_rate)


@pytest.mark.parametrize("name", NAMES)
def test_state_goes_from_one_to_the_other(name):
    arguments = {"learning_rate": 0.01, "use_ema": True, "gradient_accumulation_steps": 2, "weight_decay": 0.1}
    start, gradients = recorder.data(name, "float32")

    def steps(library, optimizer, variables, which):
        for t in which:
            optimizer.apply([library.ops.convert_to_tensor(g) for g in gradients[t]], variables)

    def make(library, values):
        variables = [library.Variable(v, name=n) for n, v in values.items()]
        optimizer = recorder.make(library, name, arguments)
        if library is keras and name == "ScheduleFreeAdamW":
            recorder.unaliased(optimizer)
        optimizer.build(variables)
        return optimizer, variables

    optimizer, variables = make(keras, start)
    steps(keras, optimizer, variables, range(7))
    for begin, end, library in ((7, 13, LIBRARY), (13, 19, keras)):
        store = {}
        optimizer.save_own_variables(store)
        values = dict(zip(start, map(keras.ops.convert_to_numpy, variables), strict=True))
        optimizer, variables = make(library, values)
        optimizer.load_own_variables(store)
        steps(library, optimizer, variables, range(begin, end))
    expected, expected_variables = make(keras, start)
    steps(keras, expected, expected_variables, range(19))
    for a, b in zip([*variables, *optimizer.variables], [*expected_variables, *expected.variables], strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_fit(name):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 5)).astype("float32")
    y = np.sin(x[:, :2]).astype("float32")
    weights = [rng.normal(size=shape).astype("float32") for shape in ((5, 8), (8,), (8, 2), (2,))]

    def train(library):
        layers = library.layers
        model = library.Sequential([library.Input((5,)), layers.Dense(8, "tanh", kernel_constraint="non_neg"), layers.Dense(2, kernel_regularizer="l2")])
        model.set_weights(weights)
        schedule = library.optimizers.schedules.CosineDecay(0.0, 20, warmup_target=0.02, warmup_steps=4)
        optimizer = getattr(library.optimizers, name)(schedule, clipnorm=0.5, weight_decay=0.05, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=5)
        if library is keras and name == "ScheduleFreeAdamW":
            recorder.unaliased(optimizer)
        model.compile(optimizer, "mse")
        history = model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0)
        return history.history["loss"], model.get_weights()

    (losses, found), (expected_losses, expected) = train(dlcore), train(keras)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_multi_optimizer():
    def train(library):
        variables = [library.Variable(v, name=n) for n, v in recorder.data("Muon", "float32")[0].items()]
        o = library.optimizers
        choice = o.OptimizerMap(o.Adam(0.01), {"bias": o.SGD(0.1, momentum=0.5), "t.*": o.Lion(0.02), "unused": o.RMSprop()})
        optimizer = o.MultiOptimizer(choice, loss_scale_factor=2.0)
        for grads in recorder.data("Muon", "float32")[1]:
            optimizer.apply([library.ops.convert_to_tensor(g) for g in grads], variables)
        return optimizer, [keras.ops.convert_to_numpy(v) for v in [*variables, *optimizer.variables]]

    (ours, found), (theirs, expected) = train(LIBRARY), train(keras)
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    config = optimizers.deserialize(keras.optimizers.serialize(theirs)).get_config()
    assert config["name"] == theirs.name
    assert config["optimizer_map"]["config"]["optimizer_map"]["bias"]["config"]["momentum"] == 0.5


@pytest.mark.parametrize("name", NAMES)
def test_config_and_signature(name):
    import inspect

    ours, theirs = getattr(optimizers, name), getattr(keras.optimizers, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    reset_names()
    keras.utils.clear_session()
    assert ours().get_config() == theirs().get_config()
    assert optimizers.deserialize(keras.optimizers.serialize(theirs(0.5))).get_config()["learning_rate"] == 0.5


@pytest.mark.parametrize("name", sorted({name for name, _ in recorder.SCHEDULES}))
def test_schedule_signature_and_config(name):
    import inspect

    ours, theirs = getattr(optimizers.schedules, name), getattr(keras.optimizers.schedules, name)
    assert str(inspect.signature(ours)) == str(inspect.signature(theirs))
    for case, arguments in recorder.SCHEDULES:
        if case == name:
            assert ours(**arguments).get_config() == theirs(**arguments).get_config()
            assert optimizers.schedules.deserialize(keras.optimizers.schedules.serialize(theirs(**arguments))).get_config() == theirs(**arguments).get_config()


def random_schedule(name, rng):
    def pick(*options):
        return options[rng.integers(len(options))]

    first, steps = float(rng.uniform(0.01, 1)), int(rng.integers(3, 60))
    decay = {"decay_steps": steps, "decay_rate": float(rng.uniform(0.1, 0.99)), "staircase": pick(False, True)}
    own = {
        "ExponentialDecay": decay,
        "InverseTimeDecay": decay,
        "PiecewiseConstantDecay": {"boundaries": [steps, 2 * steps + 1, 150], "values": rng.uniform(size=4).tolist()},
        "PolynomialDecay": {"decay_steps": steps, "end_learning_rate": pick(0.0, 0.001), "power": pick(0.5, 1.0, 2.0), "cycle": pick(False, True)},
        "CosineDecay": {"decay_steps": steps, "alpha": pick(0.0, 0.1), "warmup_target": pick(None, 2.0), "warmup_steps": pick(0, 7, 40)},
        "CosineDecayRestarts": {"first_decay_steps": steps, "t_mul": pick(1.0, 2.0, 1.5), "m_mul": pick(1.0, 0.7), "alpha": pick(0.0, 0.1)},
    }[name]
    return own if name == "PiecewiseConstantDecay" else {"initial_learning_rate": first, **own}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("name", sorted({name for name, _ in recorder.SCHEDULES}))
def test_schedule_over_many_steps(name, seed):
    arguments = random_schedule(name, np.random.default_rng(seed))
    ours, theirs = (getattr(library.optimizers.schedules, name)(**arguments) for library in (dlcore, keras))
    steps = np.arange(400)
    if name == "CosineDecayRestarts" and arguments["t_mul"] != 1:
        # Where a period begins, float32 makes Keras stay at the end of the last one now and then.
        i = np.arange(30)
        begins = arguments["first_decay_steps"] * (arguments["t_mul"] ** i - 1) / (arguments["t_mul"] - 1)
        steps = steps[np.abs(steps[:, None] - begins).min(1) > 1e-3]
    expected = [float(keras.ops.convert_to_numpy(theirs(int(step)))) for step in steps]
    np.testing.assert_allclose([ours.at(int(step)) for step in steps], expected, rtol=2e-4, atol=2e-5)
    np.testing.assert_allclose(ours(steps).numpy(), expected, rtol=2e-4, atol=2e-5)
    assert ours.get_config() == theirs.get_config()
