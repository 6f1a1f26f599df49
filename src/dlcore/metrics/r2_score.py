"""R2: the share of the variation of targets that predictions explain."""

import warnings

import numpy as np

from dlcore._kernels.scores import r2_update
from dlcore._kernels.tensor import convert
from dlcore.losses.base import squeeze_or_expand_to_same_rank
from dlcore.metrics.base import Metric


class R2Score(Metric):
    """1 - sum_i (t_i - p_i)^2 / sum_i (t_i - mean t)^2: 1 for perfect predictions, 0 for those no better than the mean.

    Args:
        class_aggregation: `"uniform_average"` for the mean of the columns of targets, `"variance_weighted_average"` for
            that weighted by their variances, `None` for a value for each.
        num_regressors: Number of independent variables; if it is above 0 the adjusted R2 is computed.
        name, dtype: See `Metric`.

    Raises:
        ValueError: if an argument is out of range; in `update_state`, if the shape is not (n, columns).

    Example:
        >>> round(float(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])), 4)
        0.5714
    """

    _direction = "up"

    def __init__(self, class_aggregation="uniform_average", num_regressors=0, name="r2_score", dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._expect_float()
        known = (None, "uniform_average", "variance_weighted_average")
        if class_aggregation not in known:
            raise ValueError(f"Invalid value for argument `class_aggregation`. Expected one of {known}. Received: class_aggregation={class_aggregation!r}")
        if num_regressors < 0:
            raise ValueError(f"Invalid value for argument `num_regressors`. Expected a value >= 0. Received: num_regressors={num_regressors}")
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), "zeros", name="num_samples")
        self._built = False

    def _build(self, shape):
        if len(shape) != 2:
            raise ValueError(f"R2Score expects predictions of shape (n, columns). Received: y_pred of shape {shape}")
        self.squared_sum = self.add_variable(shape[1:], "zeros", name="squared_sum")
        self.sum = self.add_variable(shape[1:], "zeros", name="sum")
        self.total_mse = self.add_variable(shape[1:], "zeros", name="residual")
        self.count = self.add_variable(shape[1:], "zeros", name="count")
        self._built = True

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_true, y_pred = squeeze_or_expand_to_same_rank(np.asarray(y_true, dtype=self.dtype), np.asarray(y_pred, dtype=self.dtype))
        if not self._built:
            self._build(y_pred.shape)
        r2_update(self.sum, self.squared_sum, self.total_mse, self.count, y_true, y_pred, sample_weight)
        self.num_samples.assign(self.num_samples.numpy() + y_true.size)

    def result(self):
        if not self._built:
            return convert(0.0, self.dtype)
        total_sum, residual = self.sum.numpy(), self.total_mse.numpy()
        with np.errstate(all="ignore"):
            total = self.squared_sum.numpy() - total_sum * (total_sum / self.count.numpy())
            scores = 1 - residual / total
            scores = np.where(np.isinf(scores), 0, scores)
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = (total * scores).sum() / total.sum()
        return convert(np.asarray(self._adjusted(scores), dtype=self.dtype))

    def _adjusted(self, score):
        spare = float(self.num_samples) - self.num_regressors - 1
        if not self.num_regressors:
            return score
        if spare <= 0:
            warnings.warn(
                f"R2Score: num_regressors={self.num_regressors} leaves nothing to adjust by with {int(float(self.num_samples))} targets; "
                "this is the plain R2 score.",
                stacklevel=3,
            )
            return score
        return 1 - (1 - score) * (float(self.num_samples) - 1) / spare

    def get_config(self):
        return {**super().get_config(), "class_aggregation": self.class_aggregation, "num_regressors": self.num_regressors}
