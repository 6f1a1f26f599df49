"""Learning rate schedules: formulas, Keras' numbers, configurations."""

import json
import pathlib

import numpy as np
import pytest
from golden import record_optimizers as recorder

from dlcore._kernels.tensor import convert
from dlcore.optimizers import schedules

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "optimizers.npz")


@pytest.mark.parametrize("i", range(len(recorder.SCHEDULES)), ids=[name for name, _ in recorder.SCHEDULES])
def test_schedules_of_keras(i):
    name, arguments = recorder.SCHEDULES[i]
    schedule = getattr(schedules, name)(**arguments)
    np.testing.assert_allclose([float(schedule(step)) for step in range(40)], GOLDEN[f"schedule{i}"], rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose([schedule.at(step) for step in range(40)], schedule(np.arange(40)).numpy(), rtol=1e-6)
    assert schedule(convert(3)).shape == ()
    again = schedules.deserialize(json.loads(json.dumps(schedules.serialize(schedule))))
    assert again.get_config() == schedule.get_config()


def test_schedule_errors():
    for name in ("ExponentialDecay", "InverseTimeDecay"):
        with pytest.raises(ValueError, match=r"`decay_steps` must be > 0\. Received: decay_steps=0"):
            getattr(schedules, name)(0.1, 0, 0.5)
    for name in ("PolynomialDecay", "CosineDecay", "CosineDecayRestarts"):
        with pytest.raises(ValueError, match=r"must be > 0\. Received: .*=-1"):
            getattr(schedules, name)(0.1, -1)
    with pytest.raises(ValueError, match="length of boundaries should be 1 less"):
        schedules.PiecewiseConstantDecay([1], [0.1])
    with pytest.raises(NotImplementedError, match="must override `__call__"):
        schedules.LearningRateSchedule()(0)
    with pytest.raises(NotImplementedError, match="must override `get_config"):
        schedules.LearningRateSchedule().get_config()


def test_schedule_whose_formula_a_subclass_replaces():
    class Twice(schedules.ExponentialDecay):
        def __call__(self, step):
            return 2 * super().__call__(step).numpy()

    assert Twice(0.1, 10, 0.5).at(10) == pytest.approx(0.1)


def test_beyond_the_range_of_floats():
    assert float(schedules.ExponentialDecay(0.1, 1, 2.0)(10**6)) == np.inf
    assert np.isnan(float(schedules.ExponentialDecay(0.1, 10, -0.5)(5)))
    assert float(schedules.PolynomialDecay(0.1, 10, power=-1.0)(10)) == np.inf


def test_shrinking_periods_come_to_an_end():
    schedule = schedules.CosineDecayRestarts(0.1, 10, t_mul=0.5)
    assert float(schedule(15)) == pytest.approx(0.1)
    with pytest.raises(ValueError, match=r"with t_mul=0.5 all periods together end before step 20. Received: step=20"):
        schedule(20)
    with pytest.raises(ValueError, match=r"Argument `t_mul` must be > 0. Received: t_mul=0"):
        schedules.CosineDecayRestarts(0.1, 10, t_mul=0.0)
