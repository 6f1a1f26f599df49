"""The numbers that Keras gave for random models of the whole toolbox; parity/test_parity_models.py asks Keras itself."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.record_models import LEFT_OUT, Case, dtype_of

import dlcore

GOLDEN = np.load(Path(__file__).with_name("golden") / "models.npz")
INDEX = json.loads(GOLDEN["index"].tobytes())


@pytest.fixture(autouse=True)
def fresh():
    dlcore.utils.clear_session(free_memory=False)
    yield
    dlcore.config.set_floatx("float32")


def test_there_are_enough():
    assert len(INDEX) >= 400


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", INDEX)
def test_numbers_of_keras(seed):
    structure, keys, shapes = INDEX[seed]
    dlcore.config.set_floatx(dtype_of(int(seed)))
    case = Case(dlcore, int(seed), dtype_of(int(seed)))
    assert json.loads(json.dumps(case.structure())) == structure
    found = {name: value for name, value in case.run().items() if name.split("/")[0] not in LEFT_OUT or name in keys}
    expected, at = GOLDEN[seed], 0
    assert sorted(found) == sorted([*keys, *(name for name, _ in shapes)])
    for name, value in keys.items():
        assert list(found[name]) == value
    for name, shape in shapes:
        size = int(np.prod(shape))
        np.testing.assert_allclose(found[name], expected[at : at + size].reshape(shape), rtol=1e-3, atol=1e-3, err_msg=name)
        at += size
