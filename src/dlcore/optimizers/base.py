"""Optimizer: everything that the update rules have in common."""

import math
import warnings
from itertools import groupby

import numpy as np

from dlcore._kernels import optim
from dlcore._kernels.arena import Arena, alone, runs_of
from dlcore._kernels.tape import stop_recording
from dlcore._kernels.tensor import Tensor, convert
from dlcore.naming import auto_name, to_snake_case
from dlcore.optimizers.rates import Rates
from dlcore.optimizers.state import ACCUMULATOR, AVERAGE, OwnVariables, State, restore
from dlcore.utils.serialization import deserialize_keras_object, serialize_keras_object
from dlcore.variable import Variable

LEND_FROM = 65536           # elements of a variable from which a copy of its gradient costs more than a kernel call of its own


class Optimizer(Rates, OwnVariables):
    """Base class of the optimizers.

    One step takes the gradients g in this order: divide by `loss_scale_factor`, accumulate, clip, shrink the parameters
    (p -= learning_rate * weight_decay * p), apply the rule, average (EMA), apply constraints, count the iteration.

    A rule of your own overrides :meth:`update_step`, which sees one variable at a time, and :meth:`build` if it needs
    state. The built-in rules name their state in :meth:`slot_groups` and override :meth:`update_run`, which sees all
    variables that lie back to back in memory at once, or one at a time if `alone` is set.

    Args:
        learning_rate: A float, a `LearningRateSchedule`, or a callable without arguments that returns a float.
        weight_decay: Decoupled weight decay, a float or `None`.
        clipnorm: Largest norm of the gradient of one variable.
        clipvalue: Largest absolute value of an element of a gradient.
        global_clipnorm: Largest norm of all gradients together.
        use_ema: Whether to keep an exponential moving average of the variables.
        ema_momentum: average = ema_momentum * average + (1 - ema_momentum) * variable.
        ema_overwrite_frequency: Overwrite the variables by their averages every so many iterations; `None`: only after `fit`.
        loss_scale_factor: Factor by which :meth:`scale_loss` multiplies the loss; gradients are divided by it.
        gradient_accumulation_steps: Update once in so many steps, with the mean of their gradients.
        name: Name; made up from the class by default.

    Raises:
        ValueError: if an argument is out of range, unknown, or more than one way of clipping is asked for.

    Example:
        >>> import dlcore
        >>> class Sign(dlcore.optimizers.Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, learning_rate * dlcore.ops.sign(gradient))
        >>> v = dlcore.Variable([1.0, 2.0])
        >>> Sign(learning_rate=0.5).apply([[3.0, -3.0]], [v])
        >>> v.numpy().tolist()
        [0.5, 2.5]
    """

    def __init__(self, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None,
                 use_ema=False, ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
                 gradient_accumulation_steps=None, name=None, **kwargs):  # fmt: skip
        if "lr" in kwargs:
            warnings.warn("The argument `lr` is deprecated, use `learning_rate` instead.", DeprecationWarning, stacklevel=3)
            learning_rate = kwargs.pop("lr")
        if kwargs.pop("decay", None) is not None:
            warnings.warn("Argument `decay` is no longer supported and will be ignored. Use a learning rate schedule.", stacklevel=3)
        if kwargs:
            raise ValueError(f"Argument(s) not recognized: {kwargs}")
        numbers = {"weight_decay": weight_decay, "clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm,
                   "loss_scale_factor": loss_scale_factor}  # fmt: skip
        for argument, value in numbers.items():
            if value is not None and (np.ndim(value) or np.asarray(value).dtype.kind not in "iuf"):
                raise ValueError(f"`{argument}` must be a number or None. Received: {argument}={value!r}")
        if loss_scale_factor == 0:
            raise ValueError("`loss_scale_factor` must not be 0, because gradients are divided by it. Received: loss_scale_factor=0")
        if gradient_accumulation_steps and not (isinstance(gradient_accumulation_steps, (int, np.integer)) and gradient_accumulation_steps >= 2):
            raise ValueError(f"`gradient_accumulation_steps` must be an integer >= 2. Received: gradient_accumulation_steps={gradient_accumulation_steps}")
        if use_ema and not 0 <= ema_momentum <= 1:
            raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
        if use_ema and ema_overwrite_frequency and not (isinstance(ema_overwrite_frequency, int) and ema_overwrite_frequency >= 1):
            raise ValueError(f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={ema_overwrite_frequency}")
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. "
                f"Received: clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
            )
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.global_clipnorm = global_clipnorm
        self.clipvalue = clipvalue
        self.use_ema = use_ema
        self.ema_momentum = ema_momentum
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        self.built = False

        self._own = []                          # variables that a rule of the user's added
        self._arena = self._applied = self._state = None
        self._start_rate(learning_rate)

    # -- the rule

    alone = False

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "update_step" in vars(cls) and "update_run" not in vars(cls):     # a rule of the user's on top of a built-in one
            cls.update_run = Optimizer.update_run

    def slot_groups(self):
        """The state that the rule keeps for each variable, names or `Slot`s in tuples: a tuple's stand side by side in `variables`."""
        return ()

    def begin_update(self, step):
        """Called once before the runs of an update."""

    def update_run(self, run, slots, learning_rate, decay, step):
        """Applies the rule to variables that lie back to back.

        Args:
            run: `run.params` and `run.grads` are flat tensors, `run.variables` the variables they consist of (only one if
                the rule sets `alone`).
            slots: Flat tensors with the same layout, one for each name in :meth:`slot_groups`. If the rule sets `alone`,
                the slots of the one variable.
            learning_rate: A float.
            decay: A float; the parameters are to shrink by `decay * p` first.
            step: Number of updates so far.
        """
        # A rule of the user's, one variable after the other.
        with stop_recording():
            for variable in run.variables:
                if decay:
                    variable.assign(variable.numpy() * (1 - decay))
                self.update_step(variable._gradient, variable, self.learning_rate)

    def update_step(self, gradient, variable, learning_rate):
        """Updates one variable; for rules written in `dlcore.ops` or NumPy.

        Args:
            gradient: Tensor of the shape of `variable`, valid during the call.
            variable: The variable to change, with :meth:`assign` and the like.
            learning_rate: The current learning rate, a scalar.
        """
        # That of a built-in rule, for a rule of the user's on top of it.
        rule = next((vars(cls)["update_run"] for cls in type(self).__mro__ if vars(cls).get("update_run", Optimizer.update_run) is not Optimizer.update_run), None)
        if rule is None:
            raise NotImplementedError(f"{type(self).__name__} must override update_step(gradient, variable, learning_rate)")
        self._check_known([variable])
        gradient = convert(np.asarray(gradient, variable.dtype))
        if gradient.shape != variable.shape:
            raise ValueError(f"update_step: gradient must have the shape {variable.shape} of the variable; received gradient of shape {gradient.shape}")
        step = self._updates()
        rule(self, alone(variable, gradient), self._state.rule_slots_of(variable), float(learning_rate), 0.0, step)

    # -- state

    def build(self, variables):
        """Makes the state for `variables`, the trainable variables that are to be updated."""
        if self.built:
            return
        base = [(AVERAGE,)] if self.use_ema else []
        base += [(ACCUMULATOR,)] if self.gradient_accumulation_steps else []
        self._state = State(self.name, [tuple(group) for group in self.slot_groups()], base, variables)
        self.built = True

    def _bind(self, arena):
        """Plans the steps on an arena: one kernel call for each run, cut where weight decay changes."""
        if not self.built:
            self.build(list(arena.variables))
        for variable in arena.variables:
            if variable not in self._state:
                if type(self).build is not Optimizer.build:
                    self._check_known([variable])           # a rule of the user's has no state for it
                self._state.add(variable)
        self._plan = self._cut(arena.runs)
        self._constrained = any(v.constraint is not None for v in arena.variables)
        self._arena = arena

    def _cut(self, runs):
        plan = []
        for run in runs:
            for decay, variables in groupby(run.variables, self._decay_of):
                variables = list(variables)
                if self.alone:
                    plan += [(alone(v), self._state.rule_slots_of(v), decay) for v in variables]
                else:
                    part = run if len(variables) == len(run.variables) else runs_of(variables)[0]
                    plan.append((part, self._state.rule_slots(part), decay))
        return plan

    def _trained(self):
        return self._state.variables

    @property
    def variables(self):
        """Iteration counter, learning rate, then the state of the rule."""
        variables = [self._iterations]
        if isinstance(self._learning_rate, Variable):
            variables.append(self._learning_rate)
        if self.built:
            variables += self._state.ordered()
        return variables + self._own

    def _get_variable_index(self, variable):
        return self._state.index[id(variable)]

    def _check_known(self, variables):
        for v in variables:
            if v not in self._state:
                raise ValueError(
                    f"Unknown variable: {v}. This optimizer can only be called for the variables it was originally built with. "
                    "When working with a new set of variables, you should recreate a new optimizer instance."
                )

    # -- a step

    def step(self, arena):
        """Updates the variables of an arena with the gradients that lie there.

        Raises:
            ValueError: if no gradient was written.
        """
        if arena is not self._arena:
            self._bind(arena)
        runs = arena.ready_runs()
        plan = self._plan if runs is arena.runs else self._partial_plan(arena, runs)
        if self.loss_scale_factor is not None:
            optim.scale_gradients(runs, 1.0 / self.loss_scale_factor)
        every = self.gradient_accumulation_steps
        if not every or self._accumulate(runs, every):
            if self.clipnorm or self.global_clipnorm or self.clipvalue:
                self._clip(runs)
            self._update(plan)
        self._finish(arena, plan)

    def _updates(self):
        return self._iterations._add_int(0) // (self.gradient_accumulation_steps or 1)

    def _update(self, plan):
        step = self._updates()
        rate = self._rate()
        self.begin_update(step)
        for run, slots, decay in plan:
            weight_decay = decay and getattr(self, decay)
            self.update_run(run, slots, rate, rate * weight_decay if weight_decay else 0.0, step)

    def _finish(self, arena, plan):
        if self.use_ema:
            self._average(arena)
        if self._constrained:
            for run, _, _ in plan:
                for variable in run.variables:
                    if variable.constraint is not None:
                        variable.assign(variable.constraint(variable))
        self._iterations._add_int(1)

    def apply(self, grads, trainable_variables=None):
        """Updates variables with given gradients.

        Args:
            grads: Arrays or tensors, or `None` for a variable to leave alone.
            trainable_variables: The variables, in the order of `grads`; by default those the optimizer was built with.

        Raises:
            ValueError: if variables are unknown, do not match `grads`, or there is no gradient at all.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        key = [id(v) for v in variables]
        if self._applied is None or self._applied[0] != key:
            self._applied = key, Arena(variables)
        arena = self._applied[1]
        if not self._lend(arena, grads):
            arena.put(grads)
            self.step(arena)

    def _variables_for(self, grads, variables):
        if variables is None:
            if not self.built:
                raise ValueError("When passing `grads` without variables, the optimizer must already be built. Call `optimizer.build(variables)` first.")
            variables = self._trained()
        else:
            variables = list(variables)
            if not self.built:
                self.build(variables)
            self._check_known(variables)
        if len(grads) != len(variables):
            raise ValueError(f"`grads` must hold a gradient or None for each variable. Received {len(grads)} gradients for {len(variables)} variables.")
        return variables

    def _lend(self, arena, grads):
        """Updates from large gradients where they are, if the rule is one that reads them only once: whether that was done."""
        changed = self.clipnorm or self.global_clipnorm or self.clipvalue or self.gradient_accumulation_steps or self.loss_scale_factor is not None
        if changed or sum(v.size for v in arena.variables) < LEND_FROM * len(grads) or type(self).update_run is Optimizer.update_run:
            return False
        if not all(isinstance(g, (Tensor, np.ndarray)) and (g.dtype, tuple(g.shape)) == (v.dtype, v.shape) for g, v in zip(grads, arena.variables, strict=True)):
            return False
        if arena is not self._arena:
            self._bind(arena)
        plan = [(alone(v, convert(g)), self._state.rule_slots_of(v), self._decay_of(v)) for g, v in zip(grads, arena.variables, strict=True)]
        self._update(plan)
        self._finish(arena, plan)
        return True

    def apply_gradients(self, grads_and_vars):
        """Updates variables with (gradient, variable) pairs. Returns the iteration counter."""
        pairs = list(grads_and_vars)
        if not pairs:
            raise ValueError("No gradients provided for any variable.")
        grads, variables = zip(*pairs, strict=True)
        self.apply(grads, variables)
        return self._iterations

    def _partial_plan(self, arena, runs):
        if not runs:
            raise ValueError("No gradients provided for any variable.")
        ready = {id(v) for run in runs for v in run.variables}
        missing = [v.path for v in arena.variables if id(v) not in ready]
        warnings.warn(
            f"Gradients do not exist for variables {missing} when minimizing the loss. "
            "If using `model.compile()`, did you forget to provide a `loss` argument?",
            stacklevel=3,
        )
        return self._cut(runs)

    def _accumulate(self, runs, every):
        """Adds the gradients up; whether it is time for an update, with their mean where the gradients were."""
        last = (self._iterations._add_int(0) + 1) % every == 0
        if last:
            self._state.release(runs, every)
        else:
            self._state.accumulate(runs)
        return last

    def _clip(self, runs):
        if self.clipnorm and self.clipnorm > 0:
            optim.clip_each_norm(runs, self.clipnorm)
        elif self.global_clipnorm and self.global_clipnorm > 0:
            norm = optim.global_norm(runs)
            if not norm <= self.global_clipnorm:            # an infinite or NaN norm must not pass for a small step
                optim.scale_gradients(runs, self.global_clipnorm / norm if math.isfinite(norm) else math.nan)
        elif self.clipvalue and self.clipvalue > 0:
            optim.clip_values(runs, self.clipvalue)

    def _average(self, arena):
        iteration = int(self.iterations)
        overwrite = self.ema_overwrite_frequency and (iteration + 1) % self.ema_overwrite_frequency == 0
        self._state.average(arena.runs, self.ema_momentum if iteration else 0.0, overwrite)

    def finalize_variable_values(self, var_list):
        """Overwrites the variables by their moving averages, if there are any; what `fit` does at the end."""
        if self.use_ema:
            self._check_known(var_list)
            for variable in var_list:
                variable.assign(self._state.average_of(variable))

    def scale_loss(self, loss):
        """`loss`, times `loss_scale_factor` if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    # -- saving

    def get_config(self):
        """The constructor arguments, as a dictionary."""
        rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": float(rate) if isinstance(rate, Variable) else serialize_keras_object(rate),
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """An optimizer from :meth:`get_config`."""
        config = dict(config)
        if isinstance(config.get("learning_rate"), dict):
            config["learning_rate"] = deserialize_keras_object(config["learning_rate"], custom_objects)
        return cls(**config)

    def __reduce__(self):
        # The state belongs to variables: a copy is built on their copies, and its model hands it the numbers.
        return restore, (type(self), self.get_config(), np.array(self._iterations), self._excluded, self._excluded_names)

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
