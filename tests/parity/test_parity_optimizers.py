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


def settings(rng):
    def pick(*options):
        return options[rng.integers(len(options))]

    name = pick("SGD", "Adam", "RMSprop")
    own = {
        "SGD": {"momentum": pick(0.0, 0.9), "nesterov": pick(False, True)},
        "Adam": {"beta_1": pick(0.9, 0.5), "amsgrad": pick(False, True), "epsilon": pick(1e-7, 1e-3)},
        "RMSprop": {"rho": pick(0.9, 0.6), "momentum": pick(0.0, 0.7), "centered": pick(False, True), "epsilon": 1e-4},
    }[name]
    clip = pick({}, {"clipnorm": 0.7}, {"global_clipnorm": 0.7}, {"clipvalue": 0.3})
    ema = pick({}, {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": pick(None, 3)})
    rest = {"weight_decay": pick(None, 0.1), "loss_scale_factor": pick(None, 4.0), "gradient_accumulation_steps": pick(None, None, 3)}
    excluded = {"exclude": ["bias"]} if rng.integers(2) else {}
    return name, {"learning_rate": float(rng.uniform(0.005, 0.05)), **own, **clip, **ema, **rest, **excluded}


@pytest.mark.parametrize("seed", range(60))
def test_trajectory(seed):
    case = settings(np.random.default_rng(seed))
    kept, own, rate = recorder.run(LIBRARY, *case)
    expected, expected_own, expected_rate = recorder.run(keras, *case, keras.ops.convert_to_numpy)
    for a, b in zip(kept, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert [name for name, _ in own] == [name for name, _ in expected_own]
    for (_, a), (_, b) in zip(own, expected_own, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert rate == pytest.approx(expected_rate)


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop"])
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
