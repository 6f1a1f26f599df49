"""Optimizers: everything around the update rules."""

import copy
import json
import pathlib
import types
import warnings

import numpy as np
import pytest

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


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_accumulation_with_a_variable_that_gets_no_gradient():
    variables = pair()
    optimizer = SGD(1.0, gradient_accumulation_steps=2)
    for gradients in (ones(variables), [ones(variables)[0], None]):
        optimizer.apply(gradients, variables)
    assert np.all(variables[0].numpy() == 0)
    assert all(np.all(v.numpy() == 0) for v in optimizer.variables[2:])


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


def test_names_to_exclude_are_a_list():
    with pytest.raises(ValueError, match=r"`var_names` must be a list of strings. Received: var_names='bias'"):
        SGD(weight_decay=0.5).exclude_from_weight_decay(var_names="bias")


def test_several_optimizers_one_without_gradients():
    sgd, adam = SGD(0.5), Adam(0.5)
    variables = pair()
    both = optimizers.MultiOptimizer(lambda v: sgd if v.name == "kernel" else adam)
    with pytest.raises(ValueError, match=r"No gradients provided for any variable of <Adam name=.*>, which updates \['bias'\]"):
        both.apply([ones(variables)[0], None], variables)
    assert np.all(variables[0].numpy() == 1)


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


def test_rule_of_the_users_on_top_of_a_built_in_one():
    class Plain(Adam):
        def update_step(self, gradient, variable, learning_rate):
            self.assign_sub(variable, float(learning_rate) * gradient.numpy())

    variables = pair()
    Plain(0.5).apply(ones(variables), variables)
    assert np.all(variables[0].numpy() == 0.5)


@pytest.mark.parametrize("rule", [optimizers.SGD, Adam, optimizers.Nadam, optimizers.Lamb, optimizers.Adafactor, optimizers.Muon])
def test_rule_of_the_users_that_calls_a_built_in_one(rule):
    class Halved(rule):
        def update_step(self, gradient, variable, learning_rate):
            super().update_step(0.5 * gradient, variable, learning_rate)

    mine, ours = pair(), pair()
    a, b = Halved(0.1, weight_decay=0.2), rule(0.1, weight_decay=0.2)
    for i in range(4):
        a.apply([i * g for g in ones(mine)], mine)
        b.apply([0.5 * i * g for g in ones(ours)], ours)
    for x, y in zip([*mine, *a.variables], [*ours, *b.variables], strict=True):
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-6)
    with pytest.raises(ValueError, match=r"gradient must have the shape \(.*received gradient of shape \(1,\)"):
        b.update_step(np.ones(1), ours[0], 0.1)


def test_rule_that_overrides_nothing():
    with pytest.raises(NotImplementedError, match=r"Optimizer must override update_step"):
        optimizers.Optimizer(0.1).apply([np.ones(2)], [Variable(np.ones(2, "float32"))])


# ----------------------------------------------------------------------------------------- values and gradients from outside


def test_stateless_apply():
    variables, others = pair(), pair()
    optimizer, other = Adam(0.1, weight_decay=0.1), Adam(0.1, weight_decay=0.1)
    with pytest.raises(ValueError, match="stateless_apply`, Adam must be built"):
        optimizer.stateless_apply([], ones(variables), variables)
    optimizer.build(variables)
    state, values = [np.array(v) for v in optimizer.variables], [np.array(v) for v in variables]
    for _ in range(3):
        values, state = optimizer.stateless_apply(state, ones(variables), values)
        other.apply(ones(others), others)
    assert int(optimizer.iterations) == 0
    assert np.all(variables[0].numpy() == 1)
    for a, b in zip([*values, *state], [*others, *other.variables], strict=True):
        assert np.array_equal(np.asarray(a), np.asarray(b))
    with pytest.raises(ValueError, match=r"`optimizer_variables` of Adam.stateless_apply must hold 6 values; received 1"):
        optimizer.stateless_apply(state[:1], ones(variables), values)
    with pytest.raises(ValueError, match=r"`trainable_variables` of Adam.stateless_apply must hold 2 values; received 1"):
        optimizer.stateless_apply(state, ones(variables), values[:1])


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Lamb", "Adafactor", "Nadam"])
def test_large_gradients_are_read_where_they_are(kind):
    rng = np.random.default_rng(0)
    start = [rng.normal(size=(300, 500)).astype("float32"), rng.normal(size=70001).astype("float32")]
    grads = [rng.normal(size=v.shape).astype("float32") for v in start]
    before = [g.copy() for g in grads]

    def train(lend):
        variables = [Variable(v, name=f"v{i}") for i, v in enumerate(start)]
        optimizer = getattr(optimizers, kind)(0.1, weight_decay=0.1, use_ema=True)
        optimizer.exclude_from_weight_decay(var_list=variables[1:])
        for _ in range(3):
            optimizer.apply(grads if lend else [g.astype("float64") for g in grads], variables)
        if lend:
            assert not any(v._gradient.numpy().any() for v in variables)
        return [np.array(v) for v in [*variables, *optimizer.variables]]

    for a, b in zip(train(True), train(False), strict=True):
        np.testing.assert_array_equal(a, b)
    assert all(np.array_equal(a, b) for a, b in zip(grads, before, strict=True))


def test_gradients_that_would_be_changed_are_copied():
    gradient = np.ones(100000, "float32")
    for options in ({"clipvalue": 0.5}, {"clipnorm": 0.5}, {"global_clipnorm": 0.5}, {"loss_scale_factor": 2.0}, {"gradient_accumulation_steps": 2}):
        optimizer, v = SGD(0.1, **options), Variable(np.ones(100000, "float32"))
        optimizer.apply([gradient], [v])
        optimizer.apply([gradient], [v])
        assert np.all(gradient == 1)
        assert v.numpy()[0] < 1


# ----------------------------------------------------------------------------------------------------- several optimizers


def split(**options):
    sgd, adam = SGD(0.5), Adam(0.1)
    return optimizers.MultiOptimizer(optimizers.OptimizerMap(adam, {"bias": sgd}), **options), sgd, adam


def test_multi_optimizer():
    both, sgd, adam = split()
    variables, alone = pair(), pair()
    other = Adam(0.1)
    for _ in range(3):
        both.apply(ones(variables), variables)
        other.apply(ones(alone), alone)
    assert np.array_equal(variables[0].numpy(), alone[0].numpy())
    assert np.all(variables[1].numpy() == -0.5)
    assert both.optimizers == [sgd, adam]
    assert [int(o.iterations) for o in (both, sgd, adam)] == [3, 3, 3]
    assert [v.name for v in both.variables] == [
        "iteration", "learning_rate", "iteration", "learning_rate", "iteration", "learning_rate", "kernel_momentum", "kernel_velocity"]  # fmt: skip
    for use in (lambda: both.learning_rate, lambda: setattr(both, "learning_rate", 0.1)):
        with pytest.raises(AttributeError, match="MultiOptimizer"):
            use()
    both.loss_scale_factor = 4.0
    assert sgd.loss_scale_factor == adam.loss_scale_factor == 4.0
    assert both.scale_loss(1.0) == 4.0


def test_multi_optimizer_in_fit_and_saved():
    import dlcore

    x = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")

    def make(optimizer):
        model = dlcore.Sequential([dlcore.Input((3,)), dlcore.layers.Dense(2, kernel_initializer="ones", name="dense")])
        model.compile(optimizer, "mse")
        return model

    ours, sgd, adam = make(split()[0]), make(SGD(0.5)), make(Adam(0.1))
    for model in (ours, sgd, adam):
        model.fit(x, x[:, :2], batch_size=16, epochs=1, verbose=0)
    assert np.array_equal(ours.layers[0].kernel.numpy(), adam.layers[0].kernel.numpy())
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(ours.optimizer))))
    assert again.get_config() == ours.optimizer.get_config()
    store = {}
    ours.optimizer.save_own_variables(store)
    again.build(ours.trainable_variables)
    again.load_own_variables(store)
    for a, b in zip(again.variables, ours.optimizer.variables, strict=True):
        assert np.array_equal(a.numpy(), b.numpy())
    clone = copy.deepcopy(ours)
    clone.fit(x, x[:, :2], batch_size=16, epochs=1, verbose=0)


def test_multi_optimizer_with_averages():
    sgd = SGD(0.5, use_ema=True, ema_momentum=0.5)
    both = optimizers.MultiOptimizer(lambda v: sgd)
    variables = pair()
    both.apply(ones(variables), variables)
    both.apply(ones(variables), variables)
    both.finalize_variable_values(variables)
    assert np.all(variables[0].numpy() == 0.25)


def test_optimizer_map():
    choice = optimizers.OptimizerMap(Adam(), {"a/.*": SGD(), "exact": RMSprop()})
    assert [type(choice[key]).__name__ for key in ("a/b", "b/a/b", "exact")] == ["SGD", "Adam", "RMSprop"]
    choice["c"] = SGD()
    assert list(choice) == ["a/.*", "exact", "c"]
    del choice["c"]
    assert len(choice) == 2
    choice["a/b.*"] = Adam()
    with pytest.raises(ValueError, match="at most one pattern"):
        choice["a/bc"]
    with pytest.raises(ValueError, match="already exists"):
        choice["exact"] = SGD()
    for key, value, message in ((1, SGD(), "key must be a string"), ("x", "sgd", "must be an Optimizer"), ("x", optimizers.MultiOptimizer(choice), "cannot be a Multi")):
        with pytest.raises(ValueError, match=message):
            choice[key] = value
    for arguments in (("adam",), (Adam(), [SGD()])):
        with pytest.raises(TypeError, match="must be"):
            optimizers.OptimizerMap(*arguments)
    for wrong in (lambda v: None, lambda v: split()[0]):
        with pytest.raises(ValueError, match="optimizer of variable 'kernel'"):
            optimizers.MultiOptimizer(wrong).build(pair())


# ----------------------------------------------------------------------------------------------------- names and saving


def test_names():
    reset_names()
    assert [SGD().name, SGD().name, RMSprop().name, Adam(name="mine").name] == ["sgd", "sgd_1", "rm_sprop", "mine"]
    optimizer = Adam(name="mine")
    optimizer.build(pair())
    assert [v.path for v in optimizer.variables] == [
        "mine/iteration", "mine/learning_rate", "mine/kernel_momentum", "mine/kernel_velocity", "mine/bias_momentum", "mine/bias_velocity"]  # fmt: skip
    assert optimizer.variables[0].dtype == "int64"


@pytest.mark.parametrize("optimizer", [
    SGD(0.5, momentum=0.5, nesterov=True),
    Adam(amsgrad=True, clipnorm=1.0),
    RMSprop(centered=True, rho=0.5),
    optimizers.AdamW(weight_decay=0.5, amsgrad=True),
    optimizers.Adamax(beta_1=0.5, use_ema=True, ema_overwrite_frequency=3),
    optimizers.Nadam(beta_2=0.5, gradient_accumulation_steps=2),
    optimizers.Adagrad(initial_accumulator_value=0.5, loss_scale_factor=2.0),
    optimizers.Adadelta(rho=0.5, clipvalue=0.5),
    optimizers.Ftrl(learning_rate_power=-0.3, l1_regularization_strength=0.5, beta=0.5),
    optimizers.Lion(beta_2=0.5, weight_decay=0.5),
    optimizers.Lamb(epsilon=0.5, global_clipnorm=0.5),
    optimizers.Adafactor(beta_2_decay=-0.5, relative_step=False),
    optimizers.Muon(exclude_layers=["head"], rms_rate=None, ns_steps=3, nesterov=False),
    optimizers.ScheduleFreeAdamW(warmup_steps=5),
], ids=lambda o: type(o).__name__)  # fmt: skip
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


def test_every_name():
    for name in optimizers.__all__:
        cls = getattr(optimizers, name)
        if name not in ("MultiOptimizer", "Optimizer", "OptimizerMap", "deserialize", "get", "schedules", "serialize"):
            assert type(optimizers.get(name.lower())) is cls
            assert type(copy.deepcopy(cls(name="mine"))) is cls
            with pytest.warns(DeprecationWarning, match="`lr` is deprecated"):
                assert float(cls(lr=0.5).learning_rate) == 0.5


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
        ({"gradient_accumulation_steps": 2.5}, "`gradient_accumulation_steps` must be an integer >= 2.*=2.5"),
        ({"clipnorm": "1"}, "`clipnorm` must be a number or None. Received: clipnorm='1'"),
        ({"weight_decay": [0.1]}, r"`weight_decay` must be a number or None. Received: weight_decay=\[0.1\]"),
        ({"loss_scale_factor": 0}, "`loss_scale_factor` must not be 0"),
        ({"gradient_accumulation_steps": 1}, "`gradient_accumulation_steps` must be an integer >= 2.*=1"),
        ({"foo": 1}, r"Argument\(s\) not recognized: {'foo': 1}"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        SGD(**arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("AdamW", {"weight_decay": None}, "`weight_decay` must be a float.*weight_decay=None"),
        ("Lion", {"beta_1": 0.0}, r"`beta_1` must be in \(0, 1\].*beta_1=0.0"),
        ("Lion", {"beta_1": 1.5}, "beta_1=1.5"),
        ("Ftrl", {"learning_rate_power": 0.5}, "`learning_rate_power` needs to be negative or zero.*=0.5"),
        *(("Ftrl", {argument: -1.0}, f"`{argument}` needs to be positive or zero.*{argument}=-1.0") for argument in (
            "initial_accumulator_value", "l1_regularization_strength", "l2_regularization_strength", "l2_shrinkage_regularization_strength")),
        ("Muon", {"gradient_accumulation_steps": 1}, "gradient_accumulation_steps=1"),
    ],
)  # fmt: skip
def test_wrong_arguments_of_one(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(optimizers, name)(**arguments)


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
    with pytest.raises(ValueError, match=r"must have the shape \(3, 4\) of its variable 'kernel'"):
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
