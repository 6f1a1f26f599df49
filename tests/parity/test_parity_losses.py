"""Losses, metrics and what `compile` makes of them, against Keras itself."""

import inspect
import json
import warnings

import keras
import numpy as np
import pytest
import torch
from golden import record_compile_utils

import dlcore
from dlcore import losses, metrics
from dlcore._kernels.tape import Tape
from dlcore._kernels.tensor import convert
from dlcore.models import compile_utils

# The losses, and the functions that compute a value for each sample
LOSSES = sorted(name for name, obj in vars(losses).items() if isinstance(obj, type) and name not in ("Loss", "LossFunctionWrapper", "Family"))
FUNCTIONS = [fn.__name__ for fn in losses.CLASSES]
METRICS = ["Mean", "Sum", "MeanMetricWrapper", "Accuracy", "BinaryAccuracy", "CategoricalAccuracy", "SparseCategoricalAccuracy"]
METRICS += ["MeanSquaredError", "MeanAbsoluteError", "BinaryCrossentropy", "CategoricalCrossentropy", "SparseCategoricalCrossentropy"]


def signature(obj):
    return str(inspect.signature(obj))


@pytest.mark.parametrize("name", [*LOSSES, "Loss"])
def test_loss_signature_and_config(name):
    ours, theirs = getattr(losses, name), getattr(keras.losses, name)
    assert signature(ours) == signature(theirs)
    if name != "Loss":
        assert ours().get_config() == theirs().get_config()
        assert losses.deserialize(keras.losses.serialize(theirs(reduction="sum"))).reduction == "sum"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_signature(name):
    assert signature(getattr(losses, name)) == signature(getattr(keras.losses, name))
    assert losses.serialize(getattr(losses, name)) == keras.losses.serialize(getattr(keras.losses, name))


def test_all_names_of_keras():
    assert {name for name in vars(keras.losses) if not name.startswith("_")} <= set(losses.__all__)
    for name in set(keras.src.losses.ALL_OBJECTS_DICT) - {"LossFunctionWrapper"}:
        assert getattr(losses.get(name), "__name__", name) == getattr(keras.losses.get(name), "__name__", name)


@pytest.mark.parametrize("name", METRICS)
def test_metric_signature_and_config(name):
    ours, theirs = getattr(metrics, name), getattr(keras.metrics, name)
    assert signature(ours) == signature(theirs)
    if name != "MeanMetricWrapper":
        assert ours().get_config() == theirs().get_config()
        assert metrics.deserialize(keras.metrics.serialize(theirs(name="mine"))).name == "mine"


@pytest.mark.parametrize("alias", ["mse", "MSE", "mae", "MAE", "bce", "BCE", "mean_squared_error", "binary_crossentropy", "sparse_categorical_crossentropy"])
def test_aliases(alias):
    assert losses.get(alias).__name__ == keras.losses.get(alias).__name__
    assert type(metrics.get(alias)).__name__ == type(keras.metrics.get(alias)).__name__
    assert metrics.get(alias).name == keras.metrics.get(alias).name


# Arguments to choose from for each loss
OPTIONS = {
    "BinaryCrossentropy": {"from_logits": [False, True], "label_smoothing": [0.0, 0.2], "axis": [-1, "any"]},
    "BinaryFocalCrossentropy": {
        "from_logits": [False, True], "label_smoothing": [0.0, 0.2], "axis": [-1, "any"], "apply_class_balancing": [False, True],
        "alpha": [0.25, 0.6], "gamma": [2.0, 0.0, 1.0, 1.7, 3.0],
    },
    "CategoricalCrossentropy": {"from_logits": [False, True], "label_smoothing": [0.0, 0.2], "axis": [-1, "any"]},
    "CategoricalFocalCrossentropy": {
        "from_logits": [False, True], "label_smoothing": [0.0, 0.2], "axis": [-1, "any"], "alpha": [0.25, 0.6], "gamma": [2.0, 0.0, 1.0, 1.7, 3.0],
    },
    "CategoricalGeneralizedCrossEntropy": {"q": [0.5, 0.1, 0.9]},
    "Circle": {"gamma": [80.0, 3.0], "margin": [0.4, 0.1], "remove_diagonal": [True, False]},
    "CosineSimilarity": {"axis": [-1, "any"]},
    "Dice": {"axis": [None, "any", "several"]},
    "Huber": {"delta": [1.0, 0.3, 2.5]},
    "SparseCategoricalCrossentropy": {"from_logits": [False, True], "axis": [-1, "any"], "ignore_class": [None, 1, -1]},
    "Tversky": {"axis": [None, "any", "several"], "alpha": [0.5, 0.2], "beta": [0.5, 0.9]},
}  # fmt: skip


def random_case(name, rng, dtype):
    """Arguments, y_true, y_pred, sample weights and mask."""
    rank = int(rng.integers(1, 5))
    if name == "CTC":
        rank = 3
    elif name in ("Circle", "CategoricalGeneralizedCrossEntropy") or "Sparse" in name:
        rank = 2 if name == "Circle" else max(rank, 2)
    shape = [int(n) for n in rng.integers(2, 6, rank)]
    if name == "CTC":
        shape[1] += 6
    arguments = {key: values[rng.integers(len(values))] for key, values in OPTIONS.get(name, {}).items()}
    axes = rng.permutation(rank)[: int(rng.integers(1, rank + 1))]
    if arguments.get("axis") == "any":
        arguments["axis"] = int(axes[0]) - rank * int(rng.integers(2))
    elif arguments.get("axis") == "several":
        arguments["axis"] = tuple(int(axis) for axis in axes)
    axis = arguments.get("axis", -1)
    arguments["reduction"] = ["sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None][rng.integers(6)]
    logits = arguments.get("from_logits", name in ("CTC", "CosineSimilarity", "Hinge", "Huber", "LogCosh", "SquaredHinge", "CategoricalHinge"))
    y_pred = rng.normal(size=shape) * 2 if logits or name.startswith("Mean") else rng.uniform(0.05, 0.95, size=shape)
    if name == "Circle":
        y_pred = rng.normal(size=shape)
        y_pred /= np.linalg.norm(y_pred, axis=1, keepdims=True)
        y_true = rng.integers(0, 3, size=shape[:1] if rng.integers(2) else (shape[0], 1))
    elif name == "CTC":
        y_true = rng.integers(1, shape[2], size=(shape[0], 3))
        y_true[:, 2] *= rng.integers(0, 2, shape[0])
    elif "Sparse" in name or "Generalized" in name:
        classes = shape.pop(axis)
        y_true = rng.integers(0, classes, size=shape)
        if axis in (-1, rank - 1) and "Sparse" in name and rng.integers(2):
            y_true = y_true[..., None]
        if arguments.get("ignore_class") is not None:
            y_true.flat[0] = arguments["ignore_class"]
    elif name in ("Poisson", "MeanSquaredLogarithmicError", "MeanAbsolutePercentageError") or name.startswith("Mean"):
        y_true = rng.integers(0, 4, size=shape) if name == "Poisson" else rng.normal(size=shape)
    elif name in ("Hinge", "SquaredHinge") and rng.integers(2):
        y_true = rng.choice([-1, 1], size=shape)
    elif name == "KLDivergence" or name.startswith(("Cosine", "Huber", "Log")):
        y_true = rng.uniform(0, 1.1, size=shape)
    else:
        y_true = rng.integers(0, 2, size=shape)
    y_true = y_true.astype([dtype, "float32", "int64"][rng.integers(3)]) if np.issubdtype(y_true.dtype, np.integer) else y_true.astype(dtype)
    values = np.shape(keras.ops.convert_to_numpy(getattr(keras.losses, name)(**{**arguments, "reduction": None})(y_true, y_pred)))
    w = None
    mask = rng.uniform(size=values) < 0.7 if len(values) and not rng.integers(4) else None
    masked = mask is not None or name == "Circle" or arguments.get("ignore_class") is not None
    kind = rng.integers(2 if masked else 4)                                # with a mask Keras on torch wants weights of its shape
    if kind:
        full = [n if kind == 1 or rng.integers(2) else 1 for n in values]
        w = rng.uniform(size=full[int(rng.integers(len(full))) :] if kind == 3 and full else full)
        if kind == 2 and len(values) > 1 and rng.integers(2):
            w = w[..., None]
    return arguments, y_true, y_pred.astype(dtype), None if w is None else w.astype(dtype), mask


def run_keras(loss, y_true, y_pred, w, mask):
    p = torch.tensor(y_pred, requires_grad=True)
    if mask is not None:
        keras.src.backend.set_keras_mask(p, torch.tensor(mask))
    value = loss(y_true, p, None if w is None else w.copy())               # Keras multiplies the mask into it
    try:
        value.sum().backward()
    except RuntimeError as error:
        if "must be contiguous" not in str(error):                         # torch fails for classes that were transposed
            raise
        return (value.detach().numpy(),)
    return value.detach().numpy(), p.grad.numpy()


def run_ours(loss, y_true, y_pred, w, mask):
    p = convert(y_pred.copy())
    p.mask = None if mask is None else convert(mask)
    with Tape() as tape:
        tape.watch(p)
        value = loss(y_true, p, w)
    return value.numpy(), tape.gradient(value, p).numpy()


@pytest.mark.parametrize("dtype", ["float32", "float64"], indirect=True)
@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("name", LOSSES)
def test_random_losses(name, seed, dtype):
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)                     # one class
        arguments, *case = random_case(name, rng, dtype)
        theirs = getattr(keras.losses, name)(**arguments)
        ours = run_ours(getattr(losses, name)(**arguments), *case)
        expected = run_keras(theirs, *case)
    exact = dtype == "float64" and name != "CTC"                           # which Keras computes in float32
    rtol, atol = (5e-7, 1e-7) if exact else (2e-4, 2e-5)
    for a, b in zip(ours, expected, strict=False):
        np.testing.assert_allclose(a.reshape(b.shape), b, rtol=rtol, atol=atol * max(1, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("case", record_compile_utils.LOSSES)
def test_compile_loss(case):
    case = record_compile_utils.LOSSES[case]
    ours = record_compile_utils.run_loss(compile_utils, convert, case)
    theirs = record_compile_utils.run_loss(keras.src.trainers.compile_utils, keras.ops.convert_to_tensor, case)
    assert ours[0] == pytest.approx(theirs[0], rel=1e-6)
    assert ours[1] == pytest.approx(theirs[1], rel=1e-6)


# What a model of the family predicts, and targets that go with it: activation, units, targets
TASKS = {
    "BinaryCrossentropy": ("sigmoid", 3, lambda rng: rng.integers(0, 2, (24, 3))),
    "CTC": (None, 5, lambda rng: rng.integers(1, 5, (24, 2))),
    "CategoricalCrossentropy": ("softmax", 3, lambda rng: np.eye(3)[rng.integers(0, 3, 24)]),
    "Circle": (None, 4, lambda rng: rng.integers(0, 3, 24)),
    "Hinge": ("tanh", 3, lambda rng: rng.choice([-1, 1], (24, 3))),
    "MeanSquaredError": (None, 3, lambda rng: rng.normal(size=(24, 3))),
    "Poisson": ("softplus", 3, lambda rng: rng.poisson(1.5, (24, 3))),
    "SparseCategoricalCrossentropy": ("softmax", 3, lambda rng: rng.integers(0, 3, 24)),
}
TASK_OF = dict.fromkeys(LOSSES, "MeanSquaredError") | {name: name for name in TASKS}
TASK_OF |= {"BinaryFocalCrossentropy": "BinaryCrossentropy", "Dice": "BinaryCrossentropy", "Tversky": "BinaryCrossentropy"}
TASK_OF |= {"CategoricalFocalCrossentropy": "CategoricalCrossentropy", "CategoricalHinge": "CategoricalCrossentropy", "KLDivergence": "CategoricalCrossentropy"}
TASK_OF |= {"CategoricalGeneralizedCrossEntropy": "SparseCategoricalCrossentropy", "SquaredHinge": "Hinge", "MeanSquaredLogarithmicError": "Poisson"}


def train(library, inputs, targets, weights, task, loss, sample_weight, **compiled):
    """Weights and history of some steps."""
    activation, units, _ = task
    model = library.Sequential([library.layers.Input(inputs.shape[1:]), library.layers.Dense(units, activation=activation, name="d")])
    model.set_weights([w.copy() for w in weights])
    model.compile(optimizer=library.optimizers.SGD(0.01), loss=loss, **compiled)
    history = model.fit(inputs, targets, batch_size=10, epochs=2, shuffle=False, sample_weight=sample_weight, verbose=0).history
    return model.get_weights(), history


@pytest.mark.parametrize("how", ["name", "class name", "function", "object"])
@pytest.mark.parametrize("name", LOSSES)
def test_training(name, how):
    task = TASKS[TASK_OF[name]]
    rng = np.random.default_rng(5)
    inputs = rng.normal(size=(24, 6, 4) if name == "CTC" else (24, 4)).astype("float32")
    targets = task[2](rng).astype("float32")
    weights = [rng.normal(size=(4, task[1])).astype("float32") * 0.5, np.zeros(task[1], "float32")]
    function = next(fn.__name__ for fn, cls in losses.CLASSES.items() if cls.__name__ == name)
    if name == "CategoricalGeneralizedCrossEntropy" and how != "object":    # Keras does not know its name
        how = "object"
    results = []
    for library in (keras, dlcore):
        loss = {"name": lambda: function, "class name": lambda: name, "function": lambda m=library: getattr(m.losses, function),
                "object": lambda m=library: getattr(m.losses, name)(reduction="sum")}[how]()  # fmt: skip
        w = None if how != "object" or name in ("Dice", "Tversky") else rng.uniform(0.5, 1.5, 24).astype("float32") if not results else results[0][2]
        results.append((*train(library, inputs, targets, weights, task, loss, w), w))
    (theirs, their_history, _), (ours, our_history, _) = results
    assert list(our_history) == list(their_history)
    np.testing.assert_allclose(our_history["loss"], their_history["loss"], rtol=2e-5)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_several_outputs():
    """User functions, losses and names together; the names in the history."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(20, 3)).astype("float32"), [rng.uniform(0.1, 1, size=(20, 2)).astype("float32") for _ in range(4)]
    start = [rng.normal(size=s).astype("float32") * 0.3 for s in [(3, 2), (2,)] * 4]
    results = []
    for library in (keras, dlcore):
        ops = library.ops

        def quartic(y_true, y_pred, ops=ops):
            return ops.mean(ops.square(ops.square(y_true - y_pred)), axis=-1)

        class Own(library.losses.Loss):
            def call(self, y_true, y_pred, ops=ops):
                return ops.abs(y_true - y_pred)

        inputs = library.layers.Input((3,))
        model = library.Model(inputs, [library.layers.Dense(2, activation="sigmoid", name=name)(inputs) for name in "abcd"])
        model.set_weights([w.copy() for w in start])
        loss = {"a": quartic, "b": Own(name="mine"), "c": "kl_divergence", "d": library.losses.Huber(delta=0.5)}
        model.compile(optimizer=library.optimizers.SGD(0.1), loss=loss, loss_weights={"a": 1.0, "b": 0.5, "c": 2.0, "d": 3.0}, metrics={"a": ["mse"]})
        history = model.fit(x, dict(zip("abcd", y, strict=True)), batch_size=8, epochs=2, shuffle=False, verbose=0).history
        results.append((history, model.get_weights()))
    (theirs, their_weights), (ours, our_weights) = results
    assert list(ours) == list(theirs)
    for key in ours:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-5)
    for a, b in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_configs_are_read_by_both(name):
    """A loss with arguments of its own, there and back."""
    arguments = {key: values[-1] for key, values in OPTIONS.get(name, {}).items() if values[-1] != "any"}
    arguments |= {"axis": (0, 1)} if arguments.get("axis") == "several" else {}
    function = next(fn.__name__ for fn, cls in losses.CLASSES.items() if cls.__name__ == name)
    for one, other in ((keras, dlcore), (dlcore, keras)):
        if one is dlcore and "Generalized" in name:                        # Keras itself cannot read it
            continue
        loss = getattr(one.losses, name)(reduction="sum", name="mine", **arguments)
        config = json.loads(json.dumps(one.losses.serialize(loss)))
        again = other.losses.deserialize(config)
        assert type(again).__name__ == name
        if one is keras:
            assert json.loads(json.dumps(other.losses.serialize(again))) == config
        else:
            assert again._fn_kwargs == loss._fn_kwargs or name in ("Dice", "Tversky")      # whose tuple came back as a list
        assert other.losses.deserialize(one.losses.serialize(getattr(one.losses, function))) is getattr(other.losses, function)
