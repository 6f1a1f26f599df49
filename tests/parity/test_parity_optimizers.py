"""Optimizers against Keras itself, in random settings of all their options together."""

import types

import keras
import numpy as np
import pytest
from golden import record_optimizers as recorder

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
    rate = pick({"learning_rate": float(rng.uniform(0.005, 0.05))}, {"schedule": ["ExponentialDecay", dict(initial_learning_rate=0.05, decay_steps=6, decay_rate=0.5)]})
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
