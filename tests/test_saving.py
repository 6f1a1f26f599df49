"""Weights in files: those of Keras, damaged and foreign ones, and a process that dies while it writes."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import time

import h5py
import numpy as np
import pytest
from golden import record_saving as recorder

import dlcore
from dlcore import layers, saving
from dlcore.saving.objects import walk

GOLDEN = np.load(pathlib.Path(__file__).parent / "golden" / "saving.npz")


@pytest.fixture
def fresh():
    dlcore.utils.clear_session(free_memory=False)


@pytest.fixture
def keras_files(tmp_path):
    """Writes the files that Keras wrote for a case to a folder."""

    def unpack(case):
        for key in GOLDEN.files:
            if key.startswith(f"file {case} "):
                (tmp_path / key.split(" ", 2)[2]).write_bytes(GOLDEN[key].tobytes())
        return tmp_path

    return unpack


def expected(kind, name):
    return [GOLDEN[key] for key in GOLDEN.files if key.startswith(f"{kind} {name} ")]


def dense(inputs=4, units=3, **options):
    return dlcore.Sequential([dlcore.Input((inputs,)), layers.Dense(units, **options)])


def same(found, wanted):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)


# -------------------------------------------------------------------------------------------------------- Keras' files


@pytest.mark.parametrize("name", ["stack", "graph", "net"])
def test_keras_file_is_read_and_written_alike(name, keras_files, tmp_path, fresh):
    model = recorder.models(dlcore)[name]
    recorder.train(model, recorder.OPTIMIZERS[name])
    model.set_weights([w * 0 for w in model.get_weights()])
    model.load_weights(keras_files(name) / f"{name}.weights.h5")
    same(model.get_weights(), expected("weight", name))
    same([v.numpy() for v in model.optimizer.variables], expected("slot", name))
    if name == "graph":
        assert model.layers[2].layers[1].steps == 7
    path = tmp_path / "ours.weights.h5"
    model.save_weights(path)
    assert recorder.listing(path) == list(GOLDEN[f"listing {name}"])
    again = recorder.models(dlcore)[name]
    again.load_weights(path)
    same(again.get_weights(), model.get_weights())


def test_optimizer_that_is_not_built_is_left_alone_with_a_warning(keras_files, fresh):
    model = recorder.models(dlcore)["stack"]
    model.compile("adam", "mse")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer 'adam'"):
        model.load_weights(keras_files("stack") / "stack.weights.h5")
    same(model.get_weights(), expected("weight", "stack"))


def test_shards(keras_files, tmp_path):
    model = recorder.models(dlcore)["stack"]
    wanted = expected("weight", "plain")
    model.set_weights([w * 0 for w in wanted])
    model.load_weights(keras_files("shards") / "shards.weights.json")
    same(model.get_weights(), wanted)
    with pytest.warns(UserWarning, match=r"ours.weights.h5 becomes .*ours.weights.json"):
        model.save_weights(tmp_path / "ours.weights.h5", max_shard_size=50 / 2**30)
    theirs, mine = (json.loads((tmp_path / f"{name}.weights.json").read_text().replace("ours_", "shards_")) for name in ("shards", "ours"))
    assert mine["metadata"] == theirs["metadata"]
    assert {k: [v] if isinstance(v, str) else v for k, v in mine["weight_map"].items()} == theirs["weight_map"]
    assert any(len(v) == 2 for v in theirs["weight_map"].values())
    model.set_weights([w * 0 for w in wanted])
    model.load_weights(tmp_path / "ours.weights.json")
    same(model.get_weights(), wanted)


def test_shards_refuse(tmp_path):
    model = dense()
    with pytest.raises(ValueError, match=r"/layers/dense.*/vars/0 has 48 bytes, more than max_shard_size"):
        model.save_weights(tmp_path / "x.weights.json", max_shard_size=20 / 2**30)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="max_shard_size must be a positive number of GB; received max_shard_size=0"):
        model.save_weights(tmp_path / "x.weights.json", max_shard_size=0)
    table = tmp_path / "y.weights.json"
    for text in ("no json", "[]", '{"weight_map": {"/vars": "../z.h5"}}', '{"weight_map": {"/vars": 3}}'):
        table.write_text(text)
        with pytest.raises(ValueError, match=r"y.weights.json"):
            model.load_weights(table)


@pytest.mark.parametrize("table", ["[" * 100_000, '{"weight_map": {"/vars": ""}}', '{"weight_map": {"/vars": ".."}}', '{"weight_map": {"/vars": "."}}'])
def test_hostile_tables_of_shards(table, tmp_path):
    path = tmp_path / "m.weights.json"
    path.write_text(table)
    with pytest.raises(ValueError, match=r"m.weights.json(: a shard must be a file in the same folder| is not a table)"):
        dense().load_weights(path)


def test_weights_of_a_whole_model(keras_files):
    model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(3), dlcore.Sequential([layers.Dense(2)])])
    model.load_weights(keras_files("old") / "old.keras")
    same(model.get_weights(), expected("weight", "old"))


def test_bfloat16(keras_files):
    model = dense()
    model.load_weights(keras_files("half") / "half.weights.h5")
    same(model.get_weights()[:1], expected("weight", "half"))


# ------------------------------------------------------------------------------------------------------ files of Keras 2


def old_model(second="second", units=2, first="first"):
    return dlcore.Sequential([dlcore.Input((4,)), layers.Dense(3, name=first), layers.Dropout(0.5), dlcore.Sequential([layers.Dense(units)], name=second)])


def test_legacy_by_order_and_by_name(keras_files):
    path = keras_files("old") / "old.h5"
    wanted = expected("weight", "old")
    model = old_model(second="renamed")
    model.load_weights(path)
    same(model.get_weights(), wanted)
    model = old_model(second="renamed")
    before = model.get_weights()
    model.load_weights(path, by_name=True)
    same(model.get_weights(), wanted[:2] + before[2:])


def test_legacy_mismatch_changes_nothing(keras_files):
    path = keras_files("old") / "old.h5"
    model = old_model(units=5)
    before = model.get_weights()
    for options in ({}, {"by_name": True}):
        with pytest.raises(ValueError, match=r"layer 'second'.* expected shape \(3, 5\), the file has \(3, 2\)"):
            model.load_weights(path, **options)
        same(model.get_weights(), before)
    with pytest.warns(UserWarning, match=r"expected shape \(3, 5\)"):
        model.load_weights(path, skip_mismatch=True)
    same(model.get_weights(), expected("weight", "old")[:2] + before[2:])
    with pytest.raises(ValueError, match=r"the model has 1 layers with weights \['dense.*'\], the file has 2 \['first', 'second'\]"):
        dense().load_weights(path)
    with pytest.raises(ValueError, match=r"expected 1 weights .* the file has 2"):
        dense(use_bias=False, name="first").load_weights(path, by_name=True)


def test_legacy_of_another_kind(tmp_path):
    model = dense()
    model.save_weights(tmp_path / "new.weights.h5")
    (tmp_path / "new.weights.h5").rename(tmp_path / "new.h5")
    with pytest.raises(ValueError, match=r"new.h5: expected weights in the format of Keras 2"):
        model.load_weights(tmp_path / "new.h5")


# -------------------------------------------------------------------------------------------------------------- mismatch


def test_mismatch_changes_nothing(tmp_path):
    path = tmp_path / "m.weights.h5"
    stack = [layers.Dense(3), layers.Dense(2), layers.Dense(1)]
    dlcore.Sequential([dlcore.Input((4,)), *stack]).save_weights(path)
    other = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(3), layers.Dense(5), layers.Dense(1, use_bias=False)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"(?s)m.weights.h5: 2 object\(s\) could not be loaded:\n  layers/dense_1 \(Dense '.*'\): variable '.*/kernel' expected shape \(3, 5\), received shape \(3, 2\)\n"
                       r"  layers/dense_2 .* expected 1 variables \['kernel'\], but the file holds 2.*Nothing was loaded"):
        other.load_weights(path)
    same(other.get_weights(), before)
    with pytest.warns(UserWarning, match="They keep the numbers that they had"):
        other.load_weights(path, skip_mismatch=True)
    same(other.get_weights(), stack[0].get_weights() + before[2:])


def test_missing_layers(tmp_path):
    dense().save_weights(tmp_path / "m.weights.h5")
    deeper = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(3), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"layers/dense_1 .*expected 2 variables \['kernel', 'bias'\], but the file holds 0"):
        deeper.load_weights(tmp_path / "m.weights.h5")


def test_an_error_in_a_layer_of_the_user_changes_nothing(tmp_path):
    class Picky(layers.Dense):
        def load_own_variables(self, store):
            super().load_own_variables(store)
            raise KeyError("no")

    path = tmp_path / "m.weights.h5"
    dense().save_weights(path)
    model = dlcore.Sequential([dlcore.Input((4,)), Picky(3)])
    before = model.get_weights()
    # The file of a Dense calls it "dense"; this class "picky".
    with h5py.File(path, "a") as file:
        file.move("layers/dense", "layers/picky")
    with pytest.raises(ValueError, match=r"layers/picky .*'no'"):
        model.load_weights(path)
    same(model.get_weights(), before)


def test_objects_to_skip(tmp_path):
    model = dlcore.Sequential([dlcore.Input((4,)), layers.Dense(3), layers.Dense(2)])
    saving.save_weights(model, tmp_path / "m.weights.h5", objects_to_skip=[model.layers[0]])
    assert not [name for name in recorder.listing(tmp_path / "m.weights.h5") if name.startswith("layers/dense/")]
    before = model.get_weights()
    model.set_weights([w + 1 for w in before])
    model.load_weights(tmp_path / "m.weights.h5", objects_to_skip=[model.layers[0]])
    same(model.get_weights(), [w + 1 for w in before[:2]] + before[2:])


def test_layers_that_hold_each_other(tmp_path):
    class Friend(layers.Layer):
        def build(self, shape):
            self.w = self.add_weight(shape=(2,))

    friends = [Friend() for _ in range(8)]
    for f in friends:
        f.build(())
        f.friends = friends
    paths = []
    walk(friends[0], lambda obj, path: paths.append(path))
    assert paths[:3] == ["", "friends/friend_1", "friends/friend_1/friends/friend_2"]
    assert len(paths) == 8
    started = time.perf_counter()
    tried = []
    walk(friends[0], lambda obj, path: tried.append(path) or False)         # nothing ever succeeds: it still ends
    assert len(tried) <= 8 * 4 and time.perf_counter() - started < 5


def test_variables_of_layers(fresh):
    layer = layers.Layer()
    layer.first = dlcore.Variable([1.0, 2.0])
    layer.second = layer.add_weight(shape=(3,))
    layer._third = dlcore.Variable(np.ones(4))
    layer.fourth = [dlcore.Variable(np.ones(5))]
    layer.fifth = layer.add_weight(shape=(6,))
    assert [w.shape[0] for w in layer.weights] == [2, 3, 4, 5, 6]
    del layer.second
    assert [w.shape[0] for w in layer.weights] == [2, 4, 5, 6]


# ------------------------------------------------------------------------------------------------------------- arguments


def test_arguments(tmp_path):
    model = dense()
    with pytest.raises(ValueError, match=r"must end in `.weights.h5`. Received: filepath=.*m.h5"):
        model.save_weights(tmp_path / "m.h5")
    with pytest.raises(ValueError, match=r"must end in `.weights.json` when `max_shard_size`"):
        model.save_weights(tmp_path / "m.h5", max_shard_size=1)
    with pytest.raises(ValueError, match="is not built"):
        dlcore.Sequential([layers.Dense(2)]).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(FileNotFoundError, match=r"there is no directory .*nowhere"):
        model.save_weights(tmp_path / "nowhere" / "m.weights.h5")
    (tmp_path / "d.weights.h5").mkdir()
    with pytest.raises(IsADirectoryError, match=r"d.weights.h5"):
        model.save_weights(tmp_path / "d.weights.h5")
    with pytest.raises(IsADirectoryError, match=r"d.weights.h5"):
        model.load_weights(tmp_path / "d.weights.h5")
    for name in ("n.weights.h5", "n.weights.json", "n.keras", "n.h5"):
        with pytest.raises(FileNotFoundError, match=f"There is no weights file .*{name}"):
            model.load_weights(tmp_path / name)
    model.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="is not built"):
        dlcore.Sequential([layers.Dense(2)]).load_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match=r"File format not supported.*m.txt"):
        model.load_weights(tmp_path / "m.txt")
    with pytest.raises(ValueError, match="`by_name` is for files of Keras 2"):
        model.load_weights(tmp_path / "m.weights.h5", by_name=True)
    with pytest.raises(ValueError, match=r"`objects_to_skip` is for `.weights.h5` files"):
        model.load_weights(tmp_path / "m.keras", objects_to_skip=[])
    with pytest.raises(ValueError, match=r"Invalid keyword arguments: {'nane': 1}"):
        model.load_weights(tmp_path / "m.weights.h5", nane=1)


def test_overwrite_asks(tmp_path, monkeypatch):
    model, path = dense(), tmp_path / "m.weights.h5"
    model.save_weights(path, overwrite=False)
    before = path.read_bytes()
    model.set_weights([w + 1 for w in model.get_weights()])
    answers = iter(["what", "n", "y"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))
    model.save_weights(path, overwrite=False)
    assert path.read_bytes() == before
    model.save_weights(path, overwrite=False)
    assert path.read_bytes() != before

    def nobody(question):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(FileExistsError, match="Pass overwrite=True"):
        model.save_weights(path, overwrite=False)


def test_what_cannot_be_saved(tmp_path):
    class Words(layers.Layer):
        def call(self, inputs):
            return inputs

        def save_own_variables(self, store):
            store["words"] = np.array(["a", "b"])

    model = dlcore.Sequential([dlcore.Input((4,)), Words()])
    with pytest.raises(ValueError, match="Only numbers can be saved; received layers/words/vars/words of dtype <U1"):
        model.save_weights(tmp_path / "m.weights.h5")
    assert not list(tmp_path.iterdir())


def test_nested_names_of_a_layer(tmp_path):
    class Nested(layers.Layer):
        got = None

        def call(self, inputs):
            return inputs

        def save_own_variables(self, store):
            store["a/b"] = np.arange(3)
            store["c"] = 1.5

        def load_own_variables(self, store):
            self.got = {k: v.tolist() for k, v in store.items()}

    model = dlcore.Sequential([dlcore.Input((4,)), Nested()])
    model.save_weights(tmp_path / "m.weights.h5")
    model.load_weights(tmp_path / "m.weights.h5")
    assert model.layers[0].got == {"a/b": [0, 1, 2], "c": 1.5}


# -------------------------------------------------------------------------------------------- damaged and hostile files


def hostile(path, change):
    dense().save_weights(path)
    with h5py.File(path, "a") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        change(file, group)


def link(file, group):
    file["elsewhere"] = np.zeros((4, 3))
    group["0"] = h5py.SoftLink("/elsewhere")


def outside(file, group):
    group["0"] = h5py.ExternalLink("other.h5", "/x")


def external(file, group):
    group.create_dataset("0", (4, 3), dtype="f4", external=[("other.bin", 0, 48)])


def virtual(file, group):
    layout = h5py.VirtualLayout((4, 3), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4, 3))
    group.create_virtual_dataset("0", layout)


def bomb(file, group):
    group.create_dataset("0", (1 << 40,), dtype="f4", chunks=(1 << 20,), compression="gzip")


def words(file, group):
    group["0"] = ["a", "b"]


def opaque(file, group):
    group["0"] = np.zeros(3, dtype=[("a", "f4")])


def empty(file, group):
    group["0"] = h5py.Empty("f4")


def array_for_group(file, group):
    del file["layers/dense"]
    file["layers/dense"] = np.zeros(3)


def group_for_array(file, group):
    group.create_group("0")


@pytest.mark.parametrize(("change", "message"), [
    (link, "expected data, found a link"), (outside, "expected data, found a link"), (external, "lie in another file"), (virtual, "lie in another file"),
    (bomb, "claims to hold 4398046511104 bytes"), (words, "expected numbers, found dtype object"), (opaque, "expected numbers"), (empty, "found an empty dataset"),
    (array_for_group, "expected a group, found a dataset"), (group_for_array, "holds 1 for it"),
])  # fmt: skip
def test_hostile_file(change, message, tmp_path):
    path = tmp_path / "h.weights.h5"
    hostile(path, change)
    model = dense()
    before = model.get_weights()
    with pytest.raises(ValueError, match=f"(?s)h.weights.h5.*layers/dense.*{message}"):
        model.load_weights(path)
    same(model.get_weights(), before)


def test_wrong_numbers_of_axes_and_nan(tmp_path):
    path = tmp_path / "h.weights.h5"
    hostile(path, lambda file, group: group.create_dataset("0", data=np.full((4, 3), np.nan, "f8")))
    model = dense()
    model.load_weights(path)                                    # NaN is a number to a file
    assert np.isnan(model.get_weights()[0]).all()
    hostile(path, lambda file, group: group.create_dataset("0", data=3.0))
    with pytest.raises(ValueError, match=r"expected shape \(4, 3\), received shape \(\)"):
        model.load_weights(path)


def test_damaged_file(tmp_path):
    """Cut off or changed anywhere, a file gives an error or other numbers, never a crash or half of it."""
    path = tmp_path / "d.weights.h5"
    model = dlcore.Sequential([dlcore.Input((4,)), *[layers.Dense(8) for _ in range(4)]])
    model.save_weights(path)
    data = path.read_bytes()
    before = [w + 1 for w in model.get_weights()]
    rng = np.random.default_rng(0)
    failures = []
    for i in range(120):
        changed = bytearray(data)
        if i % 2:
            changed = changed[: int(rng.integers(len(data)))]
        else:
            for at in rng.integers(len(data), size=20):
                changed[at] = rng.integers(256)
        path.write_bytes(changed)
        model.set_weights(before)
        try:
            model.load_weights(path)
        except (OSError, ValueError) as error:
            failures.append(str(error))
            same(model.get_weights(), before)
    assert len(failures) > 60
    assert all("d.weights.h5" in message for message in failures)


def test_not_hdf5(tmp_path):
    for name, text in (("a.weights.h5", "hello"), ("b.keras", "hello"), ("c.h5", "")):
        (tmp_path / name).write_text(text)
        with pytest.raises(OSError, match=f"Cannot read .*{name}"):
            dense().load_weights(tmp_path / name)
    import zipfile

    with zipfile.ZipFile(tmp_path / "d.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(ValueError, match=r"d.keras: expected a `.keras` file with model.weights.h5"):
        dense().load_weights(tmp_path / "d.keras")


# ---------------------------------------------------------------------------------------------------------- interruption


def test_failure_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    model, path = dense(), tmp_path / "m.weights.h5"
    model.save_weights(path)
    os.chmod(path, 0o640)
    before = path.read_bytes()

    def fail(self, store):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(layers.Dense, "save_own_variables", fail)
        with pytest.raises(KeyboardInterrupt):
            model.save_weights(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [path.name]
    model.save_weights(path)
    assert path.stat().st_mode & 0o777 == 0o640             # a file that replaces another keeps its permissions
    (tmp_path / "link.weights.h5").symlink_to(path)
    model.save_weights(tmp_path / "link.weights.h5")
    assert (tmp_path / "link.weights.h5").is_symlink()


@pytest.mark.parametrize("name", ["é" * 120, "日" * 80, "a" * 244, "😀"])
def test_long_names(name, tmp_path):
    path = tmp_path / f"{name}.weights.h5"
    model = dense()
    model.save_weights(path)
    model.load_weights(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_what_is_no_file_is_left_alone(tmp_path):
    """A link may lead to a device; as root, /dev/null would be replaced."""
    pipe, link = tmp_path / "pipe.weights.h5", tmp_path / "link.weights.h5"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(OSError, match="it is no regular file"):
            dense().save_weights(path)
        with pytest.raises(OSError, match="found something that is no regular file"):
            dense().load_weights(path)
    assert pipe.is_fifo()


def test_process_killed_while_writing(tmp_path):
    """Whenever it is killed, what lies under the name of the file is whole."""
    path = tmp_path / "m.weights.h5"
    code = textwrap.dedent(f"""
        import numpy as np, dlcore
        from dlcore import layers
        model = dlcore.Sequential([dlcore.Input((64,)), *[layers.Dense(64) for _ in range(20)]])
        i = 0
        while True:
            i += 1
            model.set_weights([np.full_like(w, i) for w in model.get_weights()])
            model.save_weights({str(path)!r})
            if i == 1:
                print("begun", flush=True)
    """)
    model = dlcore.Sequential([dlcore.Input((64,)), *[layers.Dense(64) for _ in range(20)]])
    rng = np.random.default_rng(0)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout.readline() == "begun\n"
        time.sleep(rng.uniform(0.01, 0.2))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        model.load_weights(path)
        values = {float(x) for w in model.get_weights() for x in w.ravel()}
        assert len(values) == 1


# ----------------------------------------------------------------------------------------------------------- registration


def test_registration_is_that_of_utils():
    for name in ("CustomObjectScope", "custom_object_scope", "deserialize_keras_object", "get_custom_objects", "get_registered_name",
                 "get_registered_object", "register_keras_serializable", "serialize_keras_object"):
        assert getattr(saving, name) is getattr(dlcore.utils, name)


def test_h5py_is_imported_when_used():
    code = "import sys, dlcore, dlcore.saving; assert 'h5py' not in sys.modules and 'json' in sys.modules or True; print('h5py' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
