"""Optimizers: update rules against NumPy transcriptions and Keras' numbers, and everything around the rules."""

import copy
import json
import pathlib
import types
import warnings

import numpy as np
import pytest
from golden import record_optimizers as recorder

from dlcore import optimizers
from dlcore._kernels.arena import Arena
from dlcore._kernels.tensor import address, convert
from dlcore.naming import reset as reset_names
from dlcore.optimizers import SGD, Adam, RMSprop, schedules
from dlcore.variable import Variable

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "optimizers.npz")
CASES = json.loads(str(GOLDEN["cases"]))
LIBRARY = types.SimpleNamespace(Variable=Variable, optimizers=optimizers, ops=types.SimpleNamespace(convert_to_tensor=convert))


def pair(dtype="float32"):
    return [Variable(np.ones((3, 4), dtype), name="kernel"), Variable(np.ones(4, dtype), name="bias")]


def ones(variables):
    return [np.ones(v.shape, v.dtype) for v in variables]


# ------------------------------------------------------------------------------------------------------------ the rules


def sgd(p, g, s, t, o):
    if not o.momentum:
        return p - o.rate * g
    s["m"] = o.momentum * s.get("m", 0) - o.rate * g
    return p + (o.momentum * s["m"] - o.rate * g if o.nesterov else s["m"])


def adam(p, g, s, t, o):
    s["m"] = o.beta_1 * s.get("m", 0) + (1 - o.beta_1) * g
    s["v"] = o.beta_2 * s.get("v", 0) + (1 - o.beta_2) * g**2
    s["largest"] = np.maximum(s.get("largest", 0), s["v"])
    v = s["largest"] if o.amsgrad else s["v"]
    return p - o.rate * np.sqrt(1 - o.beta_2**t) / (1 - o.beta_1**t) * s["m"] / (np.sqrt(v) + o.epsilon)


def rmsprop(p, g, s, t, o):
    s["v"] = o.rho * s.get("v", 0) + (1 - o.rho) * g**2
    s["a"] = o.rho * s.get("a", 0) + (1 - o.rho) * g
    d = o.rate * g / np.sqrt(s["v"] - (s["a"] ** 2 if o.centered else 0) + o.epsilon)
    s["m"] = o.momentum * s.get("m", 0) + d
    return p - s["m"]


def random_settings(kind, rng):
    def pick(*options):
        return options[rng.integers(len(options))]

    common = {"learning_rate": float(rng.uniform(0.001, 0.2)), "weight_decay": pick(None, 0.1)}
    own = {
        "SGD": lambda: {"momentum": pick(0.0, 0.5, 0.9), "nesterov": pick(False, True)},
        "Adam": lambda: {"beta_1": pick(0.9, 0.7), "beta_2": pick(0.999, 0.9), "epsilon": pick(1e-7, 1e-2), "amsgrad": pick(False, True)},
        "RMSprop": lambda: {"rho": pick(0.9, 0.5), "momentum": pick(0.0, 0.8), "centered": pick(False, True), "epsilon": pick(1e-7, 1e-2)},
    }
    return {**common, **own[kind]()}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("kind", "rule"), [("SGD", sgd), ("Adam", adam), ("RMSprop", rmsprop)])
def test_trajectory(kind, rule, seed):
    rng = np.random.default_rng(seed)
    settings = random_settings(kind, rng)
    o = types.SimpleNamespace(**settings, rate=settings["learning_rate"])
    optimizer = getattr(optimizers, kind)(**{**settings, "learning_rate": lambda: o.rate})      # not rounded to float32
    variables = [Variable(rng.normal(size=shape), name=f"v{i}") for i, shape in enumerate([(5, 3), (3,), (1,), (17,)])]
    expected = [np.array(v) for v in variables]
    states = [{} for _ in variables]
    for t in range(1, 21):
        grads = [rng.normal(size=v.shape) for v in variables]
        optimizer.apply(grads, variables)
        for i, g in enumerate(grads):
            p = expected[i] * (1 - o.rate * (o.weight_decay or 0))
            expected[i] = p + (rule(expected[i], g, states[i], t, o) - expected[i])
    for v, p in zip(variables, expected, strict=True):
        np.testing.assert_allclose(v.numpy(), p, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{name}-{'-'.join(map(str, kw))}" for name, kw in CASES])
def test_numbers_of_keras(case):
    reset_names()
    kept, own, rate = recorder.run(LIBRARY, *CASES[case])
    np.testing.assert_allclose(recorder.flat(kept), GOLDEN[f"{case}/variables"], rtol=3e-5, atol=1e-5)
    assert [n for n, _ in own] == json.loads(str(GOLDEN[f"{case}/names"]))
    assert [list(v.shape) for _, v in own] == json.loads(str(GOLDEN[f"{case}/shapes"]))
    np.testing.assert_allclose(recorder.flat([v for _, v in own]), GOLDEN[f"{case}/own"], rtol=3e-5, atol=1e-5)
    assert rate == pytest.approx(float(GOLDEN[f"{case}/rate"]), rel=1e-6)


# ------------------------------------------------------------------------------------------------------ arena and slots


def test_step_takes_gradients_from_the_arena():
    variables = pair()
    arena = Arena(variables)
    optimizer = SGD(0.5)
    optimizer.build(variables)
    arena.start()
    arena.put(ones(variables))
    optimizer.step(arena)
    assert variables[0].numpy().tolist() == np.full((3, 4), 0.5).tolist()
    assert int(optimizer.iterations) == 1


def test_slots_lie_like_the_run():
    variables = pair()
    optimizer = Adam()
    optimizer.build(variables)
    assert len(Arena(variables).runs) == 1
    m_kernel, v_kernel, m_bias, v_bias = optimizer.variables[2:]
    assert address(m_bias) - address(m_kernel) == address(variables[1]) - address(variables[0])
    assert address(v_bias) - address(v_kernel) == address(variables[1]) - address(variables[0])


def test_variable_without_gradient_is_skipped_with_a_warning():
    variables = pair()
    optimizer = Adam(0.1)
    with pytest.warns(UserWarning, match=r"Gradients do not exist for variables \['bias'\]"):
        optimizer.apply([np.ones((3, 4)), None], variables)
    assert variables[0].numpy().max() < 1
    assert variables[1].numpy().tolist() == [1, 1, 1, 1]
    assert np.all(optimizer.variables[4].numpy() == 0)


def test_no_gradient_at_all():
    variables = pair()
    optimizer = SGD()
    with pytest.raises(ValueError, match="No gradients provided for any variable"):
        optimizer.apply([None, None], variables)
    assert int(optimizer.iterations) == 0
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.apply_gradients([])


def test_freezing_and_unfreezing_keeps_slots():
    variables = pair()
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.apply(ones(variables), variables)
    kernel_momentum, bias_momentum = optimizer.variables[2:]
    frozen = Arena(variables[:1])
    frozen.put(ones(variables[:1]))
    optimizer.step(frozen)
    np.testing.assert_allclose(kernel_momentum.numpy(), np.full((3, 4), -0.19), rtol=1e-6)
    np.testing.assert_allclose(bias_momentum.numpy(), np.full(4, -0.1), rtol=1e-6)
    both = Arena(variables)
    both.put(ones(variables))
    optimizer.step(both)
    np.testing.assert_allclose(bias_momentum.numpy(), np.full(4, -0.19), rtol=1e-6)
    assert optimizer.variables[2] is kernel_momentum
    assert int(optimizer.iterations) == 3


def test_new_variables_start_with_zero_slots():
    variables = pair()
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.apply(ones(variables), variables)
    added = Variable(np.ones(2, "float32"), name="added")
    arena = Arena([*variables, added])
    arena.put(ones(arena.variables))
    optimizer.step(arena)
    assert [v.name for v in optimizer.variables[2:]] == ["kernel_momentum", "bias_momentum", "added_momentum"]
    np.testing.assert_allclose(optimizer.variables[4].numpy(), [-0.1, -0.1], rtol=1e-6)
    np.testing.assert_allclose(optimizer.variables[3].numpy(), np.full(4, -0.19), rtol=1e-6)


def test_mixed_dtypes():
    variables = [Variable(np.ones(3, "float32"), name="a"), Variable(np.ones(3, "float64"), name="b"), Variable(np.ones(2, "float32"), name="c")]
    optimizer = Adam(0.5)
    optimizer.apply(ones(variables), variables)
    for v in variables:
        np.testing.assert_allclose(v.numpy(), np.full(v.shape, 0.5), rtol=1e-5)
    assert optimizer.variables[4].dtype == "float64"


def test_result_does_not_depend_on_how_variables_are_cut_into_runs():
    def train(order):
        rng = np.random.default_rng(1)
        variables = [Variable(rng.normal(size=(n,)).astype("float32"), name=f"v{n}") for n in (5, 40, 3)]
        Arena([variables[i] for i in order])                    # fixes the places
        optimizer = Adam(0.1, weight_decay=0.1)
        optimizer.exclude_from_weight_decay(var_list=[variables[1]])
        for _ in range(5):
            optimizer.apply([rng.normal(size=v.shape) for v in variables], variables)
        return [np.array(v) for v in variables]

    for a, b in zip(train([0, 1, 2]), train([2, 0, 1]), strict=True):
        assert np.array_equal(a, b)


# ------------------------------------------------------------------------------------------------- everything around it


def test_constraint_runs_after_the_update():
    variables = pair()
    variables[0].constraint = lambda w: np.maximum(w.numpy(), 0)
    SGD(10.0).apply(ones(variables), variables)
    assert variables[0].numpy().max() == 0
    assert variables[1].numpy().max() == -9


def test_constraint_also_when_a_gradient_is_missing():
    variables = pair()
    variables[0].constraint = lambda w: np.maximum(w.numpy(), 0)
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        SGD(10.0).apply([np.ones((3, 4)), None], variables)
    assert variables[0].numpy().max() == 0


def test_clipping_of_infinite_gradients():
    for limit in ("clipnorm", "global_clipnorm"):
        for bad in (np.inf, np.nan):
            v = Variable(np.ones(2, "float32"), name="v")
            SGD(0.1, **{limit: 1.0}).apply([np.array([bad, 1.0])], [v])
            assert np.isnan(v.numpy()[0])


def test_global_norm_counts_only_gradients_that_exist():
    variables = pair()
    optimizer = SGD(1.0, global_clipnorm=1.0)
    optimizer.apply(ones(variables), variables)
    before = np.array(variables[1])
    with pytest.warns(UserWarning, match="do not exist"):
        optimizer.apply([None, np.full(4, 2.0)], variables)
    np.testing.assert_allclose(before - variables[1].numpy(), np.full(4, 0.5), rtol=1e-6)


def test_learning_rate_property():
    optimizer = SGD(0.5)
    assert float(optimizer.learning_rate) == 0.5
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == 0.25
    optimizer.learning_rate.assign(0.125)
    variables = pair()
    optimizer.apply(ones(variables), variables)
    assert variables[1].numpy()[0] == 0.875


def test_schedule_sees_step_zero_first_and_cannot_be_overwritten():
    seen = []

    class Mine(schedules.LearningRateSchedule):
        def __call__(self, step):
            seen.append(int(step))
            return 0.5

    optimizer = SGD(Mine())
    variables = pair()
    optimizer.apply(ones(variables), variables)
    optimizer.apply(ones(variables), variables)
    assert seen == [0, 1]
    assert variables[1].numpy()[0] == 0
    assert [v.name for v in optimizer.variables] == ["iteration"]
    with pytest.raises(TypeError, match="learning rate is not settable"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = schedules.ExponentialDecay(0.5, 1, 0.5)
    assert float(optimizer.learning_rate) == 0.125


def test_callable_learning_rate():
    optimizer = SGD(lambda: 0.5)
    variables = pair()
    optimizer.apply(ones(variables), variables)
    assert variables[1].numpy()[0] == 0.5
    assert optimizer.learning_rate == 0.5


def test_replacing_the_rate_by_a_schedule_drops_its_variable():
    optimizer = SGD(0.5)
    optimizer.learning_rate = schedules.CosineDecay(0.1, 10)
    assert [v.name for v in optimizer.variables] == ["iteration"]


def test_finalize_variable_values():
    variables = pair()
    optimizer = SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.apply(ones(variables), variables)         # 0.5, average 0.5
    optimizer.apply(ones(variables), variables)         # 0.0, average 0.25
    assert variables[0].numpy().max() == 0
    optimizer.finalize_variable_values(variables)
    assert np.all(variables[0].numpy() == 0.25)


def test_accumulation_counts_updates():
    variables = pair()
    optimizer = SGD(1.0, gradient_accumulation_steps=2)
    optimizer.apply(ones(variables), variables)
    assert np.all(variables[0].numpy() == 1)
    assert int(optimizer.iterations) == 0
    optimizer.apply([3 * g for g in ones(variables)], variables)
    assert np.all(variables[0].numpy() == -1)
    assert int(optimizer.iterations) == 1
    assert np.all(optimizer.variables[2].numpy() == 0)


def test_weight_decay_exclusion_by_variable_and_name():
    for exclude in ({"var_names": ["bi"]}, {"var_list": None}):
        variables = pair()
        if "var_list" in exclude:
            exclude["var_list"] = [variables[1]]
        optimizer = SGD(0.5, weight_decay=0.5)
        optimizer.exclude_from_weight_decay(**exclude)
        optimizer.apply([np.zeros(v.shape) for v in variables], variables)
        assert np.all(variables[0].numpy() == 0.75)
        assert np.all(variables[1].numpy() == 1)


def test_scale_loss():
    assert SGD(loss_scale_factor=4.0).scale_loss(2.0) == 8.0
    assert SGD().scale_loss(2.0) == 2.0


def test_rule_of_the_users():
    class Momentum(optimizers.Optimizer):
        def build(self, variables):
            if self.built:
                return
            super().build(variables)
            self.velocities = self.add_optimizer_variables(variables, "velocity")

        def update_step(self, gradient, variable, learning_rate):
            v = self.velocities[self._get_variable_index(variable)]
            self.assign(v, 0.9 * v.numpy() + gradient.numpy())
            self.assign_sub(variable, float(learning_rate) * v.numpy())

    mine, ours = pair(), pair()
    a, b = Momentum(learning_rate=0.1, weight_decay=0.2), SGD(0.1, momentum=0.9, weight_decay=0.2)
    for _ in range(5):
        a.apply(ones(mine), mine)
        b.apply(ones(ours), ours)
    for x, y in zip(mine, ours, strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-5)
    assert [v.name for v in a.variables] == ["iteration", "learning_rate", "kernel_velocity", "bias_velocity"]
    with pytest.raises(ValueError, match="Unknown variable"):
        a.step(Arena([Variable(np.ones(2, "float32"))]))


def test_rule_that_overrides_nothing():
    with pytest.raises(NotImplementedError, match=r"Optimizer must override update_step"):
        optimizers.Optimizer(0.1).apply([np.ones(2)], [Variable(np.ones(2, "float32"))])


# ----------------------------------------------------------------------------------------------------- names and saving


def test_names():
    reset_names()
    assert [SGD().name, SGD().name, RMSprop().name, Adam(name="mine").name] == ["sgd", "sgd_1", "rm_sprop", "mine"]
    optimizer = Adam(name="mine")
    optimizer.build(pair())
    assert [v.path for v in optimizer.variables] == [
        "mine/iteration", "mine/learning_rate", "mine/kernel_momentum", "mine/kernel_velocity", "mine/bias_momentum", "mine/bias_velocity"]  # fmt: skip
    assert optimizer.variables[0].dtype == "int64"


@pytest.mark.parametrize("optimizer", [SGD(0.5, momentum=0.5, nesterov=True), Adam(amsgrad=True, clipnorm=1.0), RMSprop(centered=True, rho=0.5)])
def test_config(optimizer):
    again = type(optimizer).from_config(optimizer.get_config())
    assert again.get_config() == optimizer.get_config()
    config = optimizers.serialize(optimizer)
    assert config["module"] == "keras.optimizers"
    assert config["registered_name"] is None
    assert optimizers.deserialize(json.loads(json.dumps(config))).get_config() == optimizer.get_config()


def test_config_with_a_schedule():
    optimizer = SGD(schedules.CosineDecay(0.1, 10, warmup_target=0.5, warmup_steps=3))
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert [float(again._learning_rate(t)) for t in range(9)] == [float(optimizer._learning_rate(t)) for t in range(9)]


def test_save_and_load():
    def steps(optimizer, variables, n):
        for _ in range(n):
            optimizer.apply([0.1 * v.numpy() for v in variables], variables)

    variables, store = pair(), {}
    optimizer = Adam(0.1)
    steps(optimizer, variables, 3)
    optimizer.save_own_variables(store)
    middle = [np.array(v) for v in variables]
    steps(optimizer, variables, 3)

    resumed = [Variable(v, name=n) for v, n in zip(middle, ("kernel", "bias"), strict=True)]
    other = Adam(0.5)
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer .* has not been built"):
        other.load_own_variables(store)
    other.build(resumed)
    other.load_own_variables(store)
    steps(other, resumed, 3)
    for a, b in zip(variables, resumed, strict=True):
        assert np.array_equal(a.numpy(), b.numpy())


def test_set_weights():
    optimizer = SGD(momentum=0.9)
    with pytest.raises(ValueError, match="not yet been built"):
        optimizer.set_weights([])
    optimizer.build(pair())
    optimizer.set_weights([3, 0.5, np.ones((3, 4)), np.ones(4)])
    assert int(optimizer.iterations) == 3
    with pytest.raises(ValueError, match="kernel_momentum has shape"):
        optimizer.set_weights([3, 0.5, np.ones((3, 3)), np.ones(4)])


def test_deepcopy():
    optimizer = Adam(0.25)
    optimizer.apply([np.ones(2)], [Variable(np.ones(2, "float32"))])
    other = copy.deepcopy(optimizer)
    assert float(other.learning_rate) == 0.25
    assert int(other.iterations) == 1


def test_get():
    assert isinstance(optimizers.get("adam"), Adam)
    assert isinstance(optimizers.get("Adam"), Adam)
    assert isinstance(optimizers.get("RMSPROP"), RMSprop)
    assert optimizers.get({"class_name": "SGD", "config": {"momentum": 0.5}}).momentum == 0.5
    assert optimizers.get(None) is None
    optimizer = SGD()
    assert optimizers.get(optimizer) is optimizer
    for bad in ("foo", 3, SGD):
        with pytest.raises(ValueError, match="Could not interpret optimizer identifier"):
            optimizers.get(bad)


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set.*clipnorm=1.0"),
        ({"learning_rate": 1}, "Argument `learning_rate` should be float.*learning_rate=1"),
        ({"learning_rate": "0.1"}, "Argument `learning_rate` should be float"),
        ({"momentum": 2.0}, "`momentum` must be a float between.*momentum=2.0"),
        ({"momentum": 1}, "`momentum` must be a float"),
        ({"use_ema": True, "ema_momentum": 2.0}, r"`ema_momentum` must be in the range \[0, 1\].*ema_momentum=2.0"),
        ({"use_ema": True, "ema_overwrite_frequency": 0.5}, "`ema_overwrite_frequency` must be an integer >= 1 or None.*=0.5"),
        ({"gradient_accumulation_steps": 1}, "`gradient_accumulation_steps` must be an integer >= 2.*=1"),
        ({"foo": 1}, r"Argument\(s\) not recognized: {'foo': 1}"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SGD(**arguments)


def test_old_spellings():
    with pytest.warns(DeprecationWarning, match="`lr` is deprecated"):
        assert float(Adam(lr=0.5).learning_rate) == 0.5
    with pytest.warns(UserWarning, match="`decay` is no longer supported"):
        SGD(decay=1e-6)


def test_wrong_gradients():
    variables = pair()
    optimizer = SGD()
    with pytest.raises(ValueError, match="must already be built"):
        optimizer.apply(ones(variables))
    optimizer.build(variables)
    optimizer.apply([])
    with pytest.raises(ValueError, match="Received 1 gradients for 2 variables"):
        optimizer.apply(ones(variables)[:1])
    with pytest.raises(ValueError, match=r"must have the shape \(3, 4\) of its variable"):
        optimizer.apply([np.ones((4, 3)), np.ones(4)])
    with pytest.raises(ValueError, match="Unknown variable: <Variable path=w"):
        optimizer.apply([np.ones(2)], [Variable(np.ones(2, "float32"), name="w")])
    with pytest.raises(ValueError, match="must be float32 or float64"):
        SGD().build([Variable(np.ones(2, "int32"))])


def test_apply_gradients_returns_the_counter():
    variables = pair()
    optimizer = SGD()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert int(optimizer.apply_gradients(zip(ones(variables), variables, strict=True))) == 1


# ------------------------------------------------------------------------------------------------------------ schedules


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
