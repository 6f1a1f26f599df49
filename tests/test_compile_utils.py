"""What `compile` makes of losses and metrics: totals, names and values as in Keras; errors."""

import json
import pathlib

import numpy as np
import pytest
from golden import record_compile_utils as recorder

from dlcore import losses, metrics
from dlcore._kernels.tape import Tape
from dlcore._kernels.tensor import convert
from dlcore.models import compile_utils
from dlcore.models.compile_utils import CompileLoss, CompileMetrics

FOUND = json.loads(str(np.load(pathlib.Path(__file__).parent / "golden" / "compile_utils.npz")["found"]))
A, B, N = convert(recorder.A), convert(recorder.B), recorder.N


@pytest.mark.parametrize("name", recorder.LOSSES)
def test_losses_of_keras(name):
    totals, trackers = recorder.run_loss(compile_utils, convert, recorder.LOSSES[name])
    expected_totals, expected_trackers = FOUND["losses"][name]
    assert totals == pytest.approx(expected_totals, rel=1e-6)
    assert trackers == pytest.approx(expected_trackers, rel=1e-6)


@pytest.mark.parametrize("name", recorder.METRICS)
def test_metrics_of_keras(name):
    found = recorder.run_metrics(compile_utils, convert, recorder.METRICS[name])
    expected = FOUND["metrics"][name]
    assert [n for n, _ in found] == [n for n, _ in expected]
    assert [v for _, v in found] == pytest.approx([v for _, v in expected], rel=1e-6)


def test_numpy_arrays_will_do():
    assert float(CompileLoss("mse")(recorder.A, recorder.B)) == 5.0
    compiled = CompileMetrics(["mae"])
    compiled.update_state(recorder.A, recorder.B)
    assert float(compiled.result()["mae"]) == 2.0


def test_built_in_functions_are_fused():
    compiled = CompileLoss(losses.mean_squared_error)
    compiled(A, B)
    assert isinstance(compiled._single, losses.MeanSquaredError)
    assert compiled._single.name == "mean_squared_error"


def test_functions_and_objects():
    def distance(y_true, y_pred):
        return abs(y_true - y_pred)

    assert float(CompileLoss(distance)(A, B)) == 2.0
    assert float(CompileLoss(losses.MeanSquaredError(reduction="sum"))(A, B)) == 10.0
    compiled = CompileMetrics([distance, losses.MeanSquaredError(), metrics.MeanSquaredError(name="mine"), metrics.BinaryAccuracy])
    compiled.update_state(A, B)
    assert {k: float(v) for k, v in compiled.result().items()} == {"distance": 2.0, "mean_squared_error": 5.0, "mine": 5.0, "binary_accuracy": 0.0}


def test_gradient_of_the_total():
    p, q = convert(recorder.B.copy()), convert(recorder.A + 1)
    with Tape() as tape:
        tape.watch([p, q])
        total = CompileLoss(["mse", "mse"], [1.0, 3.0], N)([A, A], [p, q])
    dp, dq = tape.gradient(total, [p, q])
    np.testing.assert_allclose(dp.numpy(), recorder.B - recorder.A, rtol=1e-6)
    np.testing.assert_allclose(dq.numpy(), 3 * np.ones((2, 1)), rtol=1e-6)


def test_trackers_and_state():
    compiled = CompileLoss("mse", output_names=N)
    assert compiled.metrics == []
    compiled([A, A], [B, A])
    assert [m.name for m in compiled.metrics] == ["p_loss", "q_loss"]
    assert len(compiled.variables) == 4
    several = CompileMetrics(["mae", "mse"], ["mae", None], N)
    assert several.name == "compile_metrics"
    assert several.metrics == several.variables == []
    several.reset_state()
    several.update_state([A, A], [B, A])
    assert [m.name for m in several.metrics] == ["mae", "mse", "mae"]
    assert len(several.variables) == 6
    several.reset_state()
    assert all(float(v) == 0 for v in several.variables)
    assert all(float(v) == 0 for v in several.result().values())


def test_no_loss_at_all():
    assert CompileLoss([None, None], output_names=N)([A, A], [B, B]) is None


def test_targets_only_for_outputs_with_metrics():
    compiled = CompileMetrics([None, "mae"], output_names=N)
    compiled.update_state([A], [B, A + 1])
    assert float(compiled.result()["q_mae"]) == 1.0


@pytest.mark.parametrize(
    ("loss", "weights", "total"),                       # of the outputs q and p, in this order, whose losses are 1 and 4
    [
        ("mse", 0.5, 2.5),
        ("mse", [0.5], 2.5),
        ({"p": "mse", "q": "mse"}, [10.0, 1.0], 14.0),
        ({"q": "mse", "p": "mse"}, [10.0, 1.0], 14.0),
        ({"p": "mse", "q": "mse"}, {"p": 1.0, "q": 10.0}, 14.0),
        (["mse", "mse"], {"p": 1.0, "q": 10.0}, 14.0),
    ],
)
def test_loss_weights(loss, weights, total):
    zeros = np.zeros((2, 1), "float32")
    assert float(CompileLoss(loss, weights, ["q", "p"])([zeros, zeros], [convert(zeros + 1), convert(zeros + 2)])) == total


def test_loss_weights_of_nested_outputs():
    y_true, y_pred = {"a": [A, A], "b": {"c": A}}, {"a": [B, B], "b": {"c": B}}
    one = float(CompileLoss("mse")(A, B))
    loss = CompileLoss({"a": ["mse", "mse"], "b": {"c": "mse"}}, {"a": [1.0, 2.0], "b": {"c": 4.0}})
    assert float(loss(y_true, y_pred)) == pytest.approx(7 * one)


@pytest.mark.parametrize(
    ("arguments", "y", "error", "message"),
    [
        (("mse", 2), None, ValueError, "Expected `loss_weights` argument to be a float.*Received instead: loss_weights=2"),
        (("foo",), ([A, A], [B, B]), ValueError, "Could not interpret loss identifier: 'foo'"),
        ((["mse"] * 3, None, N), ([A, A], [B, B]), KeyError, r"The path: \(2,\) in the `loss` argument.*2 outputs; received 3 losses"),
        ((["mse"], None, N), ([A, A], [B, B]), ValueError, "one loss .or None. for each of the 2 outputs"),
        ((["mse", "mae"], [1.0], N), ([A, A], [B, B]), ValueError, "must match the number of losses, got 2 losses and 1 weights"),
        (("mse", [1.0, 2.0], N), ([A, A], [B, B]), ValueError, "got 1 losses and 2 weights"),
        ((["mse", "mae"], {"p": 1.0, "z": 1.0}, N), ([A, A], [B, B]), KeyError, r"`loss_weights` has keys \['z'\] that are not outputs"),
        (({"p": "mse"}, None, N), ([A, A], [B, B]), ValueError, r"Expected keys \['p', 'q'\] in loss dict, but found loss.keys\(\)=\['p'\]"),
        (({"z": "mse"}, None, N), ({"p": A, "q": A}, {"p": B, "q": B}), KeyError, r"\('z',\) in the `loss` argument, can't be found"),
        (("mse", None, N), ([A, A, A], [B, B]), ValueError, "y_true and y_pred have different structures"),
        (("mse", None, N), (A, [B, B]), ValueError, "different structures.\ny_true: \\*\ny_pred: 2 outputs named"),
        (("mse", None, N), ([A, A], [B, B], {"z": A}), ValueError, r"sample_weight has keys \['z'\] that are not outputs"),
        (("mse", None, N), ([A, A], [B, B], [A, A, A]), ValueError, "one array for each of the 2 outputs; received 3"),
    ],
)
def test_wrong_losses(arguments, y, error, message):
    with pytest.raises(error, match=message):
        CompileLoss(*arguments)(*y)


@pytest.mark.parametrize(
    ("arguments", "y", "message"),
    [
        (("mae",), None, "Expected `metrics` argument to be a list, tuple, or dict. Received instead: metrics=mae"),
        ((None, "mae"), None, "Expected `weighted_metrics` argument to be a list"),
        ((["foo"],), (A, B), r"Could not interpret metric identifier: 'foo'.*\nReceived: metrics=\['foo'\]"),
        (([None],), (A, B), "Expected metric, received `None`"),
        ((["mae"], None, N), ([A, A], [B, B]), r"Invalid `metrics`.*each of the 2 outputs.*\['p', 'q'\]"),
        ((None, {"z": "mae"}, N), ([A, A], [B, B]), r"Invalid `weighted_metrics`.*\nReceived: weighted_metrics={'z': 'mae'}"),
        ((["mae", "mse"], None, N), ([A], [B, B]), "y_true and y_pred have different structures"),
    ],
)
def test_wrong_metrics(arguments, y, message):
    with pytest.raises(ValueError, match=message):
        CompileMetrics(*arguments).update_state(*y)


def test_result_before_the_first_batch():
    with pytest.raises(ValueError, match="has not yet been built"):
        CompileMetrics(["mae"]).result()
