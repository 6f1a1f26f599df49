"""The update rules of the optimizers against NumPy transcriptions and Keras' numbers."""

import json
import pathlib
import types

import numpy as np
import pytest
from golden import record_optimizers as recorder

import dlcore
from dlcore import optimizers
from dlcore._kernels.arena import Arena
from dlcore._kernels.tensor import convert
from dlcore.naming import reset as reset_names
from dlcore.variable import Variable

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "optimizers.npz")
CASES = json.loads(str(GOLDEN["cases"]))
LIBRARY = types.SimpleNamespace(Variable=Variable, optimizers=optimizers, ops=types.SimpleNamespace(convert_to_tensor=convert))


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


def adamax(p, g, s, t, o):
    s["m"] = o.beta_1 * s.get("m", 0) + (1 - o.beta_1) * g
    s["u"] = np.maximum(o.beta_2 * s.get("u", 0), abs(g))
    return p - o.rate / (1 - o.beta_1**t) * s["m"] / (s["u"] + o.epsilon)


def nadam(p, g, s, t, o):
    def u(t):
        return o.beta_1 * (1 - 0.5 * 0.96**t)

    s["product"] = s.get("product", 1.0) * u(t)
    s["m"] = o.beta_1 * s.get("m", 0) + (1 - o.beta_1) * g
    s["v"] = o.beta_2 * s.get("v", 0) + (1 - o.beta_2) * g**2
    m = u(t + 1) * s["m"] / (1 - s["product"] * u(t + 1)) + (1 - u(t)) * g / (1 - s["product"])
    return p - o.rate * m / (np.sqrt(s["v"] / (1 - o.beta_2**t)) + o.epsilon)


def adagrad(p, g, s, t, o):
    s["a"] = s.get("a", o.initial_accumulator_value) + g**2
    return p - o.rate * g / np.sqrt(s["a"] + o.epsilon)


def adadelta(p, g, s, t, o):
    s["a"] = o.rho * s.get("a", 0) + (1 - o.rho) * g**2
    d = np.sqrt(s.get("b", 0) + o.epsilon) / np.sqrt(s["a"] + o.epsilon) * g
    s["b"] = o.rho * s.get("b", 0) + (1 - o.rho) * d**2
    return p - o.rate * d


def ftrl(p, g, s, t, o):
    before = s.get("n", np.full(p.shape, o.initial_accumulator_value))
    s["n"] = before + g**2
    power = -o.learning_rate_power
    s["z"] = s.get("z", 0) + g + 2 * o.l2_shrinkage_regularization_strength * p - (s["n"] ** power - before**power) / o.rate * p
    l1, l2 = o.l1_regularization_strength, o.l2_regularization_strength + o.beta / (2 * o.rate)
    return (np.clip(s["z"], -l1, l1) - s["z"]) / (s["n"] ** power / o.rate + 2 * l2)


def lion(p, g, s, t, o):
    m = s.get("m", 0)
    s["m"] = o.beta_2 * m + (1 - o.beta_2) * g
    return p - o.rate * np.sign(o.beta_1 * m + (1 - o.beta_1) * g)


def lamb(p, g, s, t, o):
    s["m"] = o.beta_1 * s.get("m", 0) + (1 - o.beta_1) * g
    s["v"] = o.beta_2 * s.get("v", 0) + (1 - o.beta_2) * g**2
    u = s["m"] / (1 - o.beta_1**t) / (np.sqrt(s["v"] / (1 - o.beta_2**t)) + o.epsilon)
    return p - o.rate * np.linalg.norm(p) / np.linalg.norm(u) * u


def adafactor(p, g, s, t, o):
    kept = 1 - t**o.beta_2_decay
    q = g**2 + o.epsilon_1
    if p.ndim < 2:
        s["v"] = v = kept * s.get("v", 0) + (1 - kept) * q
    else:
        s["r"] = kept * s.get("r", 0) + (1 - kept) * q.mean(-1)
        s["c"] = kept * s.get("c", 0) + (1 - kept) * q.mean(-2)
        v = (s["r"] / s["r"].mean(-1, keepdims=True))[..., None] * s["c"][..., None, :]
    u = g / np.sqrt(v)
    u /= max(1, np.sqrt(np.mean(u**2)) / o.clip_threshold)
    return p - max(o.epsilon_2, np.sqrt(np.mean(p**2))) * min(o.rate, 1 / np.sqrt(t)) * u


def muon(p, g, s, t, o):
    if p.ndim != 2:
        return adam(p, g, s, t, types.SimpleNamespace(beta_1=o.adam_beta_1, beta_2=o.adam_beta_2, epsilon=o.epsilon, amsgrad=False, rate=o.rate))
    s["m"] = o.momentum * s.get("m", 0) + g
    x = g + o.momentum * s["m"] if o.nesterov else s["m"]
    x = x if x.shape[0] <= x.shape[1] else x.T
    x = x / (np.linalg.norm(x) + 1e-7)
    for _ in range(o.ns_steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
    x = x if p.shape[0] <= p.shape[1] else x.T
    return p - o.rate * x * (0.2 * np.sqrt(max(p.shape)) if o.rms_rate else 1)


def schedule_free(p, g, s, t, o):
    rate = o.rate * min(1, t / o.warmup_steps) if o.warmup_steps else o.rate
    s["v"] = o.beta_2 * s.get("v", 0) + (1 - o.beta_2) * g**2
    before = s["z"]
    s["z"] = before - rate * g / (np.sqrt(s["v"] / (1 - o.beta_2**t)) + o.epsilon)
    x = (p - (1 - o.beta_1) * before) / o.beta_1
    x = x + (s["z"] - x) / t
    return (1 - o.beta_1) * s["z"] + o.beta_1 * x


BETAS = {"beta_1": (0.9, 0.7), "beta_2": (0.999, 0.9), "epsilon": (1e-7, 1e-2)}
RULES = {
    "SGD": (sgd, {"momentum": (0.0, 0.5, 0.9), "nesterov": (False, True)}),
    "Adam": (adam, {**BETAS, "amsgrad": (False, True)}),
    "AdamW": (adam, {**BETAS, "amsgrad": (False, True)}),
    "RMSprop": (rmsprop, {"rho": (0.9, 0.5), "momentum": (0.0, 0.8), "centered": (False, True), "epsilon": (1e-7, 1e-2)}),
    "Adamax": (adamax, BETAS),
    "Nadam": (nadam, BETAS),
    "Adagrad": (adagrad, {"initial_accumulator_value": (0.1, 0.0, 2.0), "epsilon": (1e-7, 1e-2)}),
    "Adadelta": (adadelta, {"rho": (0.95, 0.5), "epsilon": (1e-7, 1e-2)}),
    "Ftrl": (ftrl, {"learning_rate_power": (-0.5, -0.2, 0.0), "initial_accumulator_value": (0.1, 2.0), "beta": (0.0, 0.7),
                    "l1_regularization_strength": (0.0, 0.4), "l2_regularization_strength": (0.0, 0.4),
                    "l2_shrinkage_regularization_strength": (0.0, 0.4)}),
    "Lion": (lion, {"beta_1": (0.9, 0.5), "beta_2": (0.99, 0.5)}),
    "Lamb": (lamb, BETAS),
    "Adafactor": (adafactor, {"beta_2_decay": (-0.8, -0.3), "epsilon_1": (1e-30, 1e-2), "epsilon_2": (1e-3, 1.0), "clip_threshold": (1.0, 0.4)}),
    "Muon": (muon, {"adam_beta_1": (0.9, 0.7), "adam_beta_2": (0.999, 0.9), "epsilon": (1e-7, 1e-2), "momentum": (0.95, 0.5), "ns_steps": (5, 2, 0),
                    "nesterov": (False, True), "rms_rate": (0.2, None)}),
    "ScheduleFreeAdamW": (schedule_free, {**BETAS, "warmup_steps": (0, 7)}),
}  # fmt: skip


def random_settings(kind, rng):
    decay = (0.1, 0.3) if kind == "AdamW" else (None, 0.1)
    options = {**RULES[kind][1], "weight_decay": decay, **({"adam_weight_decay": decay} if kind == "Muon" else {})}
    return {"learning_rate": float(rng.uniform(0.001, 0.2)), **{name: values[rng.integers(len(values))] for name, values in options.items()}}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("kind", RULES)
def test_trajectory(kind, seed):
    rng = np.random.default_rng(seed)
    settings = random_settings(kind, rng)
    o = types.SimpleNamespace(**settings, rate=settings["learning_rate"])
    optimizer = getattr(optimizers, kind)(**{**settings, "learning_rate": lambda: o.rate})      # not rounded to float32
    variables = [Variable(rng.normal(size=shape), name=f"v{i}") for i, shape in enumerate([(5, 3), (3,), (1,), (17,), (2, 3, 4), (3, 9), (), (6, 1)])]
    expected = [np.array(v) for v in variables]
    states = [{"z": 1.0 * p} if kind == "ScheduleFreeAdamW" else {} for p in expected]
    for t in range(1, 21):
        grads = [rng.normal(size=v.shape) for v in variables]
        optimizer.apply(grads, variables)
        for i, g in enumerate(grads):
            decay = o.adam_weight_decay if kind == "Muon" and g.ndim != 2 else o.weight_decay
            expected[i] = RULES[kind][0](expected[i] * (1 - o.rate * (decay or 0)), np.asarray(g), states[i], t, o)
    for v, p in zip(variables, expected, strict=True):
        np.testing.assert_allclose(v.numpy(), p, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("case", range(len(CASES)), ids=[f"{name}-{'-'.join(map(str, kw))}" for name, kw in CASES])
def test_numbers_of_keras(case):
    reset_names()
    kept, own, rate = recorder.run(LIBRARY, *CASES[case])
    np.testing.assert_allclose(recorder.flat(kept), GOLDEN[f"{case}/variables"], rtol=3e-5, atol=1e-5)
    assert [n for n, _ in own] == json.loads(str(GOLDEN[f"{case}/names"]))
    assert [list(v.shape) for _, v in own] == json.loads(str(GOLDEN[f"{case}/shapes"]))
    np.testing.assert_allclose(recorder.flat([v for _, v in own]), GOLDEN[f"{case}/own"], rtol=3e-5, atol=1e-5)
    assert rate == pytest.approx(float(GOLDEN[f"{case}/rate"]), rel=1e-6)


# -------------------------------------------------------------------------------------------- sizes, threads, bad numbers

LARGE = [(300, 1000), (7, 50001), (150000,), (400, 60, 13), (0, 4), ()]


def large_steps(kind, dtype, threads, shapes):
    before = dlcore.config.get_num_threads()
    dlcore.config.set_num_threads(threads)
    try:
        rng = np.random.default_rng(3)
        variables = [Variable(np.asarray(rng.normal(size=shape), dtype)) for shape in shapes]
        optimizer = getattr(optimizers, kind)(0.1)
        arena = Arena(variables)
        for _ in range(2):
            arena.put([np.asarray(rng.normal(size=v.shape), dtype) for v in variables])
            optimizer.step(arena)
    finally:
        dlcore.config.set_num_threads(before)
    return [np.array(v) for v in variables]


@pytest.mark.parametrize("kind", RULES)
def test_numbers_do_not_depend_on_threads(kind):
    shapes = [(300, 200), (7, 301), (9,)] if kind == "Muon" else LARGE
    for a, b in zip(large_steps(kind, "float32", 1, shapes), large_steps(kind, "float32", 4, shapes), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("kind", ["Lamb", "Adafactor", "Muon"])
def test_rules_that_go_over_a_variable_in_blocks(kind):
    shapes = [(300, 200), (7, 301), (301, 7)] if kind == "Muon" else LARGE
    rule, options = RULES[kind]
    settings = {name: values[0] for name, values in options.items()}
    o = types.SimpleNamespace(rate=float(np.float32(0.1)), **settings)
    found = large_steps(kind, "float64", 2, shapes)
    rng = np.random.default_rng(3)
    expected = [np.asarray(rng.normal(size=shape)) for shape in shapes]
    decay = 1 - o.rate * 0.004 if kind == "Muon" else 1
    if kind == "Muon":
        o.nesterov = True
    states = [{} for _ in shapes]
    for t in (1, 2):
        for i, shape in enumerate(shapes):
            g = np.asarray(rng.normal(size=shape))
            if g.size:
                expected[i] = rule(expected[i] * decay, g, states[i], t, o)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    for a, b in zip(large_steps(kind, "float32", 2, shapes), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", RULES)
def test_nan_reaches_the_parameters(kind):
    v = Variable(np.ones(40, "float32"))
    gradient = np.ones(40, "float32")
    gradient[33] = np.nan
    getattr(optimizers, kind)(0.1).apply([gradient], [v])
    assert np.isnan(v.numpy()[33])


def test_adafactor_survives_rows_and_columns_without_gradient():
    v = Variable(np.ones((5, 6), "float32"))
    gradient = np.ones((5, 6), "float32")
    gradient[2] = gradient[:, 3] = 0
    optimizer = optimizers.Adafactor(0.1)
    for _ in range(3):
        optimizer.apply([gradient], [v])
    assert np.isfinite(v.numpy()).all()
    assert np.all(v.numpy()[2] == 1)


def test_lamb_of_a_variable_or_gradient_of_zeros():
    zero, one = Variable(np.zeros(3, "float32")), Variable(np.ones(3, "float32"))
    optimizers.Lamb(0.5).apply([np.ones(3), np.zeros(3)], [zero, one])
    np.testing.assert_allclose(zero.numpy(), np.full(3, -0.5), rtol=1e-5)
    assert np.all(one.numpy() == 1)


def test_muon_makes_steps_orthogonal():
    rng = np.random.default_rng(0)
    for shape in ((20, 50), (50, 20)):
        v = Variable(np.zeros(shape, "float32"), name="kernel")
        optimizers.Muon(1.0, rms_rate=None, weight_decay=None).apply([rng.normal(size=shape)], [v])
        singular = np.linalg.svd(v.numpy(), compute_uv=False)
        assert singular.min() > 0.6
        assert singular.max() < 1.3


def test_schedule_free_starts_where_the_variable_is():
    v = Variable(np.arange(3.0), name="v")
    optimizer = optimizers.ScheduleFreeAdamW()
    optimizer.build([v])
    assert optimizer.variables[2].name == "v_momentum"
    assert optimizer.variables[2].numpy().tolist() == [0, 1, 2]
