"""Models as configurations and back: clone_model, get_config, to_json; and the paths of variables."""

import json
import pickle
from copy import deepcopy

import numpy as np
import pytest
from golden.record_models import Case

import dlcore
from dlcore import Input, Model, Sequential, layers, models, ops


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    dlcore.utils.set_random_seed(0)


def predictions(model, x):
    y = model.predict(x, verbose=0)
    return y if isinstance(y, list) else [y]


COPIES = {
    "clone": models.clone_model,
    "recursive": lambda model: models.clone_model(model, recursive=True),
    "config": lambda model: type(model).from_config(model.get_config()),
    "json": lambda model: models.model_from_json(model.to_json()),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("seed", range(12))
def test_a_random_model_is_copied(seed, how):
    case = Case(dlcore, seed)
    copy = COPIES[how](case.model)
    assert type(copy) is type(case.model)
    assert [layer.name for layer in copy.layers] == [layer.name for layer in case.model.layers]
    assert [w.shape for w in copy.weights] == [w.shape for w in case.model.weights]
    assert not {id(w) for w in copy.weights} & {id(w) for w in case.model.weights}
    copy.set_weights(case.model.get_weights())
    for a, b in zip(predictions(copy, case.x), predictions(case.model, case.x), strict=True):
        np.testing.assert_array_equal(a, b)
    assert json.dumps(copy.get_config()) == json.dumps(case.model.get_config())


def test_the_clone_of_a_compiled_model_is_compiled():
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    clone = models.clone_model(model)
    assert clone.compiled and clone.optimizer is not model.optimizer
    x = np.ones((4, 3))
    assert list(clone.fit(x, x[:, :1], verbose=0).history) == ["loss", "mae"]


def test_clone_function_and_call_function():
    x = Input((3,))
    model = Model(x, layers.Dense(2, name="b")(layers.Dense(4, name="a")(x)))
    wider = models.clone_model(model, clone_function=lambda layer: layers.Dense(layer.units + 1, name=layer.name))
    assert [w.shape for w in wider.weights] == [(3, 5), (5,), (5, 3), (3,)]
    same = models.clone_model(model, clone_function=lambda layer: layer, call_function=lambda layer, *args, **kwargs: ops.relu(layer(*args, **kwargs)))
    assert same.weights[0] is model.weights[0]
    np.testing.assert_array_equal(same(np.ones((1, 3))), np.maximum(model.layers[2](np.maximum(model.layers[1](np.ones((1, 3))), 0)), 0))
    with pytest.raises(ValueError, match="clone_function must give a layer"):
        models.clone_model(model, clone_function=lambda layer: None)
    with pytest.raises(ValueError, match="call_function is for functional models"):
        models.clone_model(Sequential([Input((3,)), layers.Dense(2)]), call_function=print)


def test_input_tensors():
    model = Sequential([Input((3,)), layers.Dense(2)])
    given = Input((3,), name="given")
    assert models.clone_model(model, input_tensors=given).inputs[0] is given
    graph = Model(given, layers.Dense(2)(given))
    other = Input((3,), name="other")
    assert models.clone_model(graph, input_tensors=other).input is other
    with pytest.raises(ValueError, match="input_tensors must be KerasTensors"):
        models.clone_model(graph, input_tensors=np.ones((2, 3)))


def test_a_subclass_is_cloned_by_its_config():
    class Net(Model):
        def __init__(self, width=3):
            super().__init__()
            self.dense = layers.Dense(width)

        def call(self, x):
            return self.dense(x)

    model = Net(5)
    model(np.ones((2, 4)))
    clone = models.clone_model(model)
    assert clone(np.ones((2, 4))).shape == (2, 5) and clone.dense is not model.dense
    with pytest.raises(ValueError, match="clone_function is for Sequential and functional models"):
        models.clone_model(model, clone_function=lambda layer: layer)


def test_functional_is_a_class_of_its_own():
    x = Input((3,))
    model = Model(x, layers.Dense(2)(x))
    assert type(model) is dlcore.Functional and model.name == "functional"
    assert dlcore.utils.serialize_keras_object(model)["class_name"] == "Functional"


def test_paths():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.inner = Sequential([layers.Dense(2, name="dense")], name="inner")

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(), name="scale", initializer="ones")

        def call(self, x):
            return self.inner(x) * self.scale

    model = Net()
    model(np.ones((1, 3)))
    assert sorted(v.path for v in model.weights) == ["net/inner/dense/bias", "net/inner/dense/kernel", "net/scale"]
    assert model.inner.layers[0].path == "net/inner/dense"


def test_a_configuration_without_a_tensor():
    x = Input((3,))
    config = Model(x, layers.Dense(2)(x)).get_config()
    config["output_layers"] = ["nothing", 0, 0]
    with pytest.raises(ValueError, match="there is no such tensor"):
        Model.from_config(config)
    config = Model(x, layers.Dense(2)(x)).get_config()
    config["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "nothing"
    with pytest.raises(ValueError, match="is not a graph"):
        Model.from_config(config)


def test_build_config():
    layer = layers.Dense(2)
    assert layer.get_build_config() is None
    layer.build((None, 3))
    assert layer.get_build_config() == {"input_shape": (None, 3)}
    other = layers.Dense(2)
    other.build_from_config(layer.get_build_config())
    assert [w.shape for w in other.weights] == [(3, 2), (2,)]


def test_what_keras_looks_for_in_json():
    x = Input((3,))
    written = json.loads(Model(x, layers.Lambda(dlcore.activations.relu)(x)).to_json())
    # Keras does not export this class, and takes the function of a Lambda by name nowhere.
    assert (written["module"], written["class_name"], written["registered_name"]) == ("keras.src.models.functional", "Functional", "Functional")
    assert written["config"]["layers"][1]["config"]["function"]["config"] == "relu"


@pytest.mark.parametrize("how", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deepcopy", "pickle"])
class TestCopies:
    def test_a_deep_model(self, how):
        x = y = Input((3,))
        for _ in range(400):
            y = layers.Dense(3, "tanh")(y)
        model = Model(x, y)
        data = np.ones((2, 3), "float32")
        np.testing.assert_array_equal(how(model)(data), model(data))

    def test_the_calls_of_shared_layers(self, how):
        a, shared = Input((3,)), layers.Dense(3)
        first = shared(a)
        model = Model(a, layers.add([shared(layers.Dense(3)(first)), shared(layers.Dense(3)(a))]))
        twin = how(model)
        assert json.dumps(twin.get_config()) == json.dumps(model.get_config())
        texts = []
        for one in (model, twin):
            one.summary(print_fn=texts.append)
        assert texts[0] == texts[1]
        assert twin.get_layer(shared.name).output.history.operation is twin.get_layer(shared.name)
        np.testing.assert_array_equal(twin(np.ones((2, 3))), model(np.ones((2, 3))))

    def test_a_layer_comes_without_the_model_it_is_in(self, how):
        layer = layers.Dense(2)
        Model(x := Input((3,)), layer(layers.Dense(3)(x)))
        twin = how(layer)
        assert not twin._inbound and len(layer._inbound) == 1
        np.testing.assert_array_equal(twin(np.ones((2, 3))), layer(np.ones((2, 3))))


def test_a_model_that_begins_at_a_layer_has_inputs_of_its_own():
    x = Input((4,))
    a, b = layers.Dense(3, name="a")(x), layers.Dense(3, name="b")(x)
    whole = Model(x, layers.Dense(2, name="d")(layers.Add(name="add")([a, b])))
    part = Model([whole.get_layer("a").output, whole.get_layer("b").output], whole.output)
    assert [type(layer).__name__ for layer in part.layers] == ["InputLayer", "InputLayer", "Add", "Dense"]
    assert part.get_layer("d") is whole.get_layer("d")
    data = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    twin = models.model_from_json(part.to_json())
    twin.set_weights(part.get_weights())
    np.testing.assert_array_equal(twin(list(data)), part(list(data)))
    text = []
    whole.summary(print_fn=text.append)
    assert "input_layer_" not in text[0]            # nothing of the other model
