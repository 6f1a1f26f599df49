"""Records optimizers.npz from Keras: ``KERAS_BACKEND=torch python tests/golden/record_optimizers.py``.

Each case is 20 steps on a kernel (3, 4) and a bias (4,), or more variables where shapes matter, with the same gradients.
Kept are the variables after steps 1, 10 and 20, the optimizer's own variables at the end with their names, and the
learning rate.
"""

import json
import pathlib

import numpy as np

STEPS = 20

# class, constructor arguments, then what is done besides: names excluded from weight decay, a schedule for the rate.
CASES = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.2}),
    ("SGD", {"learning_rate": 0.1, "weight_decay": 0.2, "momentum": 0.5, "exclude": ["bias"]}),
    ("SGD", {"learning_rate": 0.1, "clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "clipvalue": 0.25}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 8.0}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "gradient_accumulation_steps": 3}),
    ("SGD", {"learning_rate": 0.1, "schedule": ["ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 5, "decay_rate": 0.5}]}),
    ("Adam", {}),
    ("Adam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True}),
    ("Adam", {"learning_rate": 0.05, "weight_decay": 0.1, "exclude": ["bias"]}),
    ("Adam", {"learning_rate": 0.05, "global_clipnorm": 0.3, "loss_scale_factor": 3.0}),
    ("Adam", {"learning_rate": 0.05, "gradient_accumulation_steps": 4}),
    ("Adam", {"learning_rate": 0.05, "gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3}),
    ("Adam", {"schedule": ["CosineDecay", {"initial_learning_rate": 0.0, "decay_steps": 10, "warmup_target": 0.1, "warmup_steps": 5}]}),
    ("RMSprop", {}),
    ("RMSprop", {"learning_rate": 0.02, "rho": 0.7, "momentum": 0.5}),
    ("RMSprop", {"learning_rate": 0.02, "centered": True}),
    ("RMSprop", {"learning_rate": 0.02, "centered": True, "momentum": 0.9, "epsilon": 1e-4, "clipnorm": 1.0}),
    ("RMSprop", {"learning_rate": 0.02, "weight_decay": 0.3, "clipvalue": 0.5}),
    ("AdamW", {}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.3, "amsgrad": True, "exclude": ["bias"]}),
    ("Adamax", {}),
    ("Adamax", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Nadam", {}),
    ("Nadam", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2, "weight_decay": 0.1}),
    ("Nadam", {"learning_rate": 0.05, "gradient_accumulation_steps": 3}),
    ("Adagrad", {}),
    ("Adagrad", {"learning_rate": 0.1, "initial_accumulator_value": 0.0, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Adadelta", {}),
    ("Adadelta", {"learning_rate": 1.0, "rho": 0.8, "epsilon": 1e-3, "weight_decay": 0.1}),
    ("Ftrl", {}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": -0.7, "l1_regularization_strength": 0.5, "l2_regularization_strength": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": 0.0, "l2_shrinkage_regularization_strength": 0.2, "beta": 0.5, "weight_decay": 0.1}),
    ("Lion", {}),
    ("Lion", {"learning_rate": 0.01, "beta_1": 0.7, "beta_2": 0.8, "weight_decay": 0.5, "exclude": ["bias"]}),
    ("Lamb", {}),
    ("Lamb", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-2, "weight_decay": 0.3}),
    ("Adafactor", {}),
    ("Adafactor", {"learning_rate": 0.05, "beta_2_decay": -0.5, "epsilon_2": 1e-2, "clip_threshold": 0.5, "weight_decay": 0.3}),
    ("Adafactor", {"schedule": ["CosineDecay", {"initial_learning_rate": 0.9, "decay_steps": 20}]}),
    ("Muon", {}),
    ("Muon", {"learning_rate": 0.05, "momentum": 0.8, "nesterov": False, "ns_steps": 3, "rms_rate": None, "weight_decay": None}),
    ("Muon", {"learning_rate": 0.05, "exclude_layers": ["tal"], "exclude_embeddings": False, "adam_lr_ratio": 0.5, "adam_weight_decay": 0.3,
              "weight_decay": 0.2, "exclude": ["bias"]}),
    ("ScheduleFreeAdamW", {}),
    ("ScheduleFreeAdamW", {"learning_rate": 0.05, "beta_1": 0.8, "beta_2": 0.9, "warmup_steps": 7, "weight_decay": 0.3}),
]

# Rules that see a variable as a whole meet these as well; scalars have no mean over rows.
MORE = {"conv": (2, 3, 4), "tall": (6, 2), "embedding": (5, 3), "scalar": ()}
WHOLE = ("Lamb", "Adafactor", "Muon")

SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.5, "decay_steps": 7, "decay_rate": 0.6}),
    ("ExponentialDecay", {"initial_learning_rate": 0.5, "decay_steps": 7, "decay_rate": 0.6, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.5, "decay_steps": 7, "decay_rate": 0.6}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.5, "decay_steps": 7, "decay_rate": 0.6, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [5, 20], "values": [1.0, 0.5, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.5, "decay_steps": 11, "end_learning_rate": 0.05, "power": 2.0}),
    ("PolynomialDecay", {"initial_learning_rate": 0.5, "decay_steps": 11, "end_learning_rate": 0.05, "cycle": True}),
    ("CosineDecay", {"initial_learning_rate": 0.5, "decay_steps": 25, "alpha": 0.1}),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 20, "warmup_target": 0.5, "warmup_steps": 10}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.5, "first_decay_steps": 9}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.5, "first_decay_steps": 9, "t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1}),
]


def data(name, dtype):
    """Starting values by name, and gradients: sizes from 1e-2 to 1e1, so that clipping now bites and now does not."""
    rng = np.random.default_rng(7)
    shapes = {"kernel": (3, 4), "bias": (4,), **(MORE if name in WHOLE else {})}
    start = {k: np.asarray(rng.normal(size=shape), dtype) for k, shape in shapes.items()}
    sizes = 10.0 ** rng.uniform(-2, 1, STEPS)
    return start, [[np.asarray(size * rng.normal(size=v.shape), dtype) for v in start.values()] for size in sizes]


def make(library, name, arguments):
    """The optimizer of a case, from either library."""
    arguments = dict(arguments)
    excluded = arguments.pop("exclude", None)
    if "schedule" in arguments:
        schedule, inner = arguments.pop("schedule")
        arguments["learning_rate"] = getattr(library.optimizers.schedules, schedule)(**inner)
    optimizer = getattr(library.optimizers, name)(**arguments)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    return optimizer


def unaliased(optimizer):
    """On PyTorch, Keras' ScheduleFreeAdamW reads z after it has changed it where z before is meant; not on its other back-ends."""
    import torch

    def assign_sub(variable, value):
        variable._value = torch.nn.Parameter(variable.value - value, requires_grad=False)

    optimizer.assign_sub = assign_sub


def run(library, name, arguments, numpy=np.array, dtype="float32"):
    """Variables after steps 1, 10, 20 and the optimizer's own as (name, value), from either library."""
    start, gradients = data(name, dtype)
    variables = [library.Variable(v, name=n, dtype=dtype) for n, v in start.items()]
    optimizer = make(library, name, arguments)
    if name == "ScheduleFreeAdamW" and hasattr(library, "backend"):
        unaliased(optimizer)
    optimizer.build(variables)
    kept = []
    for t, grads in enumerate(gradients):
        optimizer.apply([library.ops.convert_to_tensor(g) for g in grads], variables)
        if t + 1 in (1, 10, 20):
            kept += [numpy(v) for v in variables]
    return kept, [(v.name, numpy(v)) for v in optimizer.variables], float(numpy(optimizer.learning_rate))


def flat(arrays):
    """All numbers in one row: an archive of many small arrays is mostly names."""
    return np.concatenate([np.ravel(a) for a in arrays]).astype("float32")


def main():
    import keras

    out = {"cases": json.dumps(CASES), "schedules": json.dumps(SCHEDULES)}
    numpy = keras.ops.convert_to_numpy
    for i, (name, arguments) in enumerate(CASES):
        keras.utils.clear_session()
        kept, own, rate = run(keras, name, arguments, numpy)
        out[f"{i}/names"] = json.dumps([n for n, _ in own])
        out[f"{i}/shapes"] = json.dumps([v.shape for _, v in own])
        out[f"{i}/rate"] = rate
        out[f"{i}/variables"] = flat(kept)
        out[f"{i}/own"] = flat([v for _, v in own])
    for i, (name, arguments) in enumerate(SCHEDULES):
        schedule = getattr(keras.optimizers.schedules, name)(**arguments)
        out[f"schedule{i}"] = np.array([float(numpy(schedule(step))) for step in range(40)])
    np.savez_compressed(pathlib.Path(__file__).with_name("optimizers.npz"), **out)


if __name__ == "__main__":
    main()
