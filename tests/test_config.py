import pytest

from dlcore import config, initializers


@pytest.fixture(autouse=True)
def defaults():
    yield
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")


def test_floatx():
    config.set_floatx("float64")
    assert config.floatx() == "float64"
    assert initializers.Zeros()((1,)).dtype == "float64"
    with pytest.raises(ValueError, match=r"`floatx`.*'int8'"):
        config.set_floatx("int8")


def test_epsilon():
    config.set_epsilon(1e-3)
    assert config.epsilon() == 1e-3


def test_image_data_format():
    config.set_image_data_format("channels_first")
    assert config.image_data_format() == config.standardize_data_format(None) == "channels_first"
    with pytest.raises(ValueError, match="`data_format` argument must be one of"):
        config.set_image_data_format("channels")
