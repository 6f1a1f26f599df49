"""What `compile` makes of its `loss` and `metrics` arguments."""

from dlcore import losses as losses_module
from dlcore import metrics as metrics_module
from dlcore import tree
from dlcore._kernels.tensor import Tensor
from dlcore.losses import Loss, LossFunctionWrapper
from dlcore.metrics import Mean, MeanMetricWrapper, Metric
from dlcore.models.outputs import NESTS, Outputs
from dlcore.naming import to_snake_case


def _kind(y_true, y_pred):
    """Whether labels are "binary", "sparse_categorical" or "categorical", by their shapes."""
    true, pred = tuple(y_true.shape), tuple(y_pred.shape)
    if pred[-1] == 1:
        return "binary"
    if len(true) < len(pred) or true[-1] == 1:
        return "sparse_categorical"
    return "categorical"


def _object_name(obj):
    return obj.name if hasattr(obj, "name") else to_snake_case(getattr(obj, "__name__", type(obj).__name__))


def get_loss(identifier, y_true, y_pred):
    """The Loss that an item of `compile(loss=...)` stands for; `None` for `None`."""
    if identifier is None:
        return None
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        loss = getattr(losses_module, _kind(y_true, y_pred) + "_crossentropy")
    else:
        loss = losses_module.get(identifier)
    if isinstance(loss, Loss):
        return loss
    name = identifier if isinstance(identifier, str) else _object_name(loss)
    return fused(loss, name) or LossFunctionWrapper(loss, name=name)


def fused(function, name):
    """The Loss of a built-in loss function, which computes weights and mean in its kernel; `None` for other functions."""
    cls = losses_module.CLASSES.get(function) if getattr(function, "__hash__", None) else None
    return cls(name=name) if cls else None


# Metrics that compute the mean of a built-in function in one kernel.
_FUSED_METRICS = {getattr(metrics_module, to_snake_case(cls.__name__)): cls for cls in (
    metrics_module.BinaryAccuracy, metrics_module.CategoricalAccuracy, metrics_module.SparseCategoricalAccuracy,
    metrics_module.TopKCategoricalAccuracy, metrics_module.SparseTopKCategoricalAccuracy, metrics_module.MeanSquaredError,
    metrics_module.MeanAbsoluteError)}  # fmt: skip


def get_metric(identifier, y_true, y_pred):
    """The Metric that an item of `compile(metrics=...)` stands for."""
    if identifier is None:
        raise ValueError("Expected metric, received `None`")
    if isinstance(identifier, str) and identifier.lower() in ("accuracy", "acc"):
        kinds = {"binary": "BinaryAccuracy", "sparse_categorical": "SparseCategoricalAccuracy", "categorical": "CategoricalAccuracy"}
        metric = getattr(metrics_module, kinds[_kind(y_true, y_pred)])(name=identifier)
    else:
        metric = metrics_module.get(identifier)
    name = identifier if isinstance(identifier, str) else _object_name(metric)
    if not isinstance(metric, Metric):
        kernel = _FUSED_METRICS.get(metric) if getattr(metric, "__hash__", None) else None
        metric = kernel(name=name) if kernel else MeanMetricWrapper(metric, name=name)
    metric.name = name
    return metric


class CompileLoss:
    """The total loss of a model: sum_k loss_weights_k * loss_k(y_true_k, y_pred_k) over its outputs k.

    Args:
        loss: A name, function or `Loss` for all outputs; or a list, tuple or dict of them, `None` for outputs without.
        loss_weights: A float, or a list, tuple or dict of them as `loss`.
        output_names: Names of the outputs, if the model knows them.

    Raises:
        ValueError: at once if `loss_weights` is of a wrong type, at the first call if structures do not match.
        KeyError: at the first call, if `loss` names an output that does not exist.
    """

    def __init__(self, loss, loss_weights=None, output_names=None):
        if loss_weights and not isinstance(loss_weights, (float, *NESTS)):
            raise ValueError(
                "Expected `loss_weights` argument to be a float (single output case) or a list, tuple, or dict (multiple output case). "
                f"Received instead: loss_weights={loss_weights} of type {type(loss_weights)}"
            )
        self.name = "compile_loss"
        self.output_names = output_names
        self.metrics = []
        self.built = False
        self._loss = loss
        self._loss_weights = loss_weights
        self._single = None                     # the loss, if there is just one output and no weight

    @property
    def variables(self):
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true, y_pred):
        """Resolves names, now that the shapes are known."""
        self._outputs = outputs = Outputs(y_pred, self.output_names)
        spread = self._spread_losses(outputs)
        self._wanted = [loss is not None for loss in spread]
        weights = self._spread_weights(outputs)
        targets = outputs.of_true(y_true, self._wanted)
        predictions = outputs.of_pred(y_pred)
        self._losses = [get_loss(*row) for row in zip(spread, targets, predictions, strict=True)]
        self._weights = weights
        if sum(self._wanted) > 1:
            self.metrics = [
                Mean(name=f"{name or loss.name}_loss") for name, loss in zip(outputs.loss_names, self._losses, strict=True) if loss is not None
            ]
        if outputs.count == 1 and not isinstance(y_pred, NESTS) and weights[0] is None:
            self._single = self._losses[0]
        self.built = True

    def _spread_losses(self, outputs):
        loss, names = self._loss, outputs.names
        if outputs.nested and isinstance(loss, dict) and set(loss) != set(names):
            return outputs.spread(loss)
        if isinstance(loss, dict):
            if outputs.keys is None and set(loss) != set(names):
                raise ValueError(f"Expected keys {names} in loss dict, but found loss.keys()={list(loss)}")
            for key in loss:
                if key not in names:
                    raise KeyError(f"The path: ({key!r},) in the `loss` argument, can't be found in the model's outputs {names}.")
            return [loss.get(name) for name in names]
        if isinstance(loss, (list, tuple)):
            flat = tree.flatten(loss)
            if len(flat) > outputs.count:
                path = f"The path: ({outputs.count},) in the `loss` argument, can't be found"
                raise KeyError(f"{path}: the model has {outputs.count} outputs; received {len(flat)} losses.")
            if len(flat) < outputs.count:
                raise ValueError(f"`loss` must hold one loss (or None) for each of the {outputs.count} outputs of the model; received loss={loss}")
            return flat
        return [loss] * outputs.count

    def _spread_weights(self, outputs):
        weights = self._loss_weights
        if weights is None:
            return [None] * outputs.count
        given = len(tree.flatten(self._loss))
        flat = tree.flatten(weights)
        if len(flat) != given:
            raise ValueError(f"`loss_weights` must match the number of losses, got {given} losses and {len(flat)} weights.")
        if not isinstance(self._loss, NESTS) and not isinstance(weights, dict):
            return flat * outputs.count                 # one loss for all outputs has one weight
        if outputs.nested and isinstance(self._loss, NESTS) and len(flat) == outputs.count:
            return flat
        if isinstance(weights, dict):
            unknown = set(weights) - set(outputs.names)
            if unknown:
                raise KeyError(f"`loss_weights` has keys {sorted(unknown)} that are not outputs; expected some of {outputs.names}")
            return [weights.get(name) for name in outputs.names]
        if isinstance(self._loss, dict) and outputs.keys:       # of a dict of outputs, which has no order, that of the sorted keys
            by_name = dict(zip(sorted(self._loss), flat, strict=True))
            return [by_name.get(name) for name in outputs.names]
        return flat

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The total as a scalar tensor; `None` if no output has a loss."""
        if self._single is not None and isinstance(y_pred, Tensor) and not isinstance(y_true, NESTS):
            return self._single(y_true, y_pred, sample_weight)
        if not self.built:
            self.build(y_true, y_pred)
        outputs = self._outputs
        total = None
        trackers = iter(self.metrics)
        rows = zip(
            self._losses, self._weights, outputs.of_true(y_true, self._wanted), outputs.of_pred(y_pred), outputs.of_weight(sample_weight), strict=True
        )
        for loss, weight, target, prediction, sample_weight in rows:
            if loss is None:
                continue
            value = loss(target, prediction, sample_weight)
            if self.metrics:
                next(trackers).update_state(value, sample_weight=prediction.shape[0])
            if weight is not None:
                value = value * weight
            total = value if total is None else total + value
        return total


class CompileMetrics(Metric):
    """The metrics of a model.

    Args:
        metrics: List of metrics, functions or names; for several outputs a list or dict with an item or list for each.
        weighted_metrics: The same; these see the sample weights.
        output_names: Names of the outputs, if the model knows them.

    Raises:
        ValueError: at once if an argument is not a list, tuple or dict; at the first update if it does not match the
            outputs or holds something unknown.
    """

    def __init__(self, metrics=None, weighted_metrics=None, output_names=None):
        for name, value in (("metrics", metrics), ("weighted_metrics", weighted_metrics)):
            if value and not isinstance(value, NESTS):
                raise ValueError(f"Expected `{name}` argument to be a list, tuple, or dict. Received instead: {name}={value} of type {type(value)}")
        super().__init__(name="compile_metrics")
        self.output_names = output_names
        self.built = False
        self._user_metrics = metrics
        self._user_weighted_metrics = weighted_metrics
        self._named = []                        # (name in the logs, metric)

    @property
    def metrics(self):
        return [metric for _, metric in self._named]

    @property
    def variables(self):
        return [v for m in self.metrics for v in m.variables]

    def build(self, y_true, y_pred):
        """Resolves names, now that the shapes are known."""
        self._outputs = outputs = Outputs(y_pred, self.output_names)
        plain = self._spread(self._user_metrics, "metrics")
        weighted = self._spread(self._user_weighted_metrics, "weighted_metrics")
        self._wanted = [bool(a or b) for a, b in zip(plain, weighted, strict=True)]
        pairs = list(zip(outputs.of_true(y_true, self._wanted), outputs.of_pred(y_pred), strict=True))
        self._plain = self._resolve(plain, pairs, f"metrics={self._user_metrics}")
        self._weighted = self._resolve(weighted, pairs, f"weighted_metrics={self._user_weighted_metrics}")
        self._named = self._name_all()
        self._single = outputs.count == 1
        self.built = True

    def _spread(self, metrics, argument):
        """For each output the list of what was given for it."""
        outputs = self._outputs
        if not metrics:
            return [[]] * outputs.count
        if outputs.count == 1:
            return [tree.flatten(metrics)]
        if outputs.nested:
            try:
                spread = outputs.spread(metrics)
            except ValueError as error:
                raise ValueError(f"{error}\nInvalid `{argument}`. `{argument}` should have the structure of the outputs.\nReceived: {argument}={metrics}") from None
        elif isinstance(metrics, dict) and set(metrics) <= set(outputs.names):
            spread = [metrics.get(name) for name in outputs.names]
        elif not isinstance(metrics, dict) and len(metrics) == outputs.count:
            spread = metrics
        else:
            raise ValueError(
                f"Invalid `{argument}`. `{argument}` should be a list with an item (a metric, a list of them, or None) for each "
                f"of the {outputs.count} outputs of the model, or a dict by their names {outputs.names}.\nReceived: {argument}={metrics}"
            )
        return [list(item) if isinstance(item, (list, tuple)) else [] if item is None else [item] for item in spread]

    def _resolve(self, spread, pairs, received):
        try:
            return [[get_metric(item, *pair) for item in items] for items, pair in zip(spread, pairs, strict=True)]
        except ValueError as error:
            raise ValueError(f"{error}\nReceived: {received}") from error

    def _name_all(self):
        """Prefixes of outputs, "weighted_" and numbers that keep the names in the logs apart, as Keras sets them."""
        named, seen = [], {}
        prefixes = [f"{name}_" if name and self._outputs.count > 1 else "" for name in self._outputs.names]
        for weighted, table in ((False, self._plain), (True, self._weighted)):
            for prefix, metrics in zip(prefixes, table, strict=True):
                for metric in metrics:
                    name = prefix + metric.name
                    if weighted and name in seen:
                        name = f"{prefix}weighted_{metric.name}"
                    number = seen.get(name, 0)
                    seen[name] = number + 1
                    named.append((f"{name}_{number}" if number else name, metric))
        return named

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Gathers a batch."""
        if not self.built:
            self.build(y_true, y_pred)
        if self._single and isinstance(y_pred, Tensor) and not isinstance(y_true, NESTS):
            for metric in self._plain[0]:
                metric.update_state(y_true, y_pred)
            for metric in self._weighted[0]:
                metric.update_state(y_true, y_pred, sample_weight)
            return
        outputs = self._outputs
        rows = zip(self._plain, self._weighted, outputs.of_true(y_true, self._wanted), outputs.of_pred(y_pred), outputs.of_weight(sample_weight), strict=True)
        for plain, weighted, target, prediction, weight in rows:
            for metric in plain:
                metric.update_state(target, prediction)
            for metric in weighted:
                metric.update_state(target, prediction, weight)

    def reset_state(self):
        """Sets all metrics back to their beginning."""
        for _, metric in self._named:
            metric.reset_state()

    def result(self):
        """Dict from the names in the logs to values."""
        if not self.built:
            raise ValueError("Cannot get result() since the metric has not yet been built.")
        return {name: metric.result() for name, metric in self._named}
