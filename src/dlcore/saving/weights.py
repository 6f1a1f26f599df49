"""The numbers of a model in a file and back."""

import contextlib
import os
import warnings

import numpy as np

from dlcore.layers.state import State
from dlcore.optimizers.base import Optimizer
from dlcore.saving import h5
from dlcore.saving.objects import walk
from dlcore.utils.files import atomic_file

_IN_ARCHIVE = "model.weights.h5"


def save_weights(model, filepath, overwrite=True, max_shard_size=None, **kwargs):
    """Saves the weights of a model, and the state of its optimizer if it is compiled, in Keras' format.

    The file is complete or not there: whatever happens while it is written, a file that was there before stays whole.

    Args:
        model: A built model (or layer).
        filepath: Path that ends in ``.weights.h5``, or in ``.weights.json`` with `max_shard_size`.
        overwrite: Whether to overwrite a file without asking.
        max_shard_size: Size in GB beyond which the weights go to several files.
        **kwargs: `objects_to_skip`, a list of layers and the like whose numbers are not saved.

    Raises:
        ValueError: if the model is not built or the path has another ending.

    Example:
        >>> import pathlib, tempfile, dlcore
        >>> model = dlcore.Sequential([dlcore.Input((4,)), dlcore.layers.Dense(1)])
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "model.weights.h5"
        >>> save_weights(model, path)
        >>> load_weights(model, path)
    """
    skip = _only(kwargs, "objects_to_skip")["objects_to_skip"] or ()
    path = os.fspath(filepath)
    if max_shard_size is None and not path.endswith(".weights.h5"):
        raise ValueError(f"The filename must end in `.weights.h5`. Received: filepath={path}")
    if max_shard_size is not None and not path.endswith(("weights.h5", "weights.json")):
        raise ValueError(f"The filename must end in `.weights.json` when `max_shard_size` is given. Received: filepath={path}")
    if not model.built:
        raise ValueError(f"Model {model.name!r} has no weights to save: it is not built. Call it on data, or call `build()`, first.")
    if not overwrite and os.path.exists(path) and not _may_overwrite(path):
        return
    if max_shard_size is not None:
        from dlcore.saving.shards import Shards

        with Shards(path, max_shard_size) as shards:
            write_state(model, shards.write, skip)
        return
    import h5py

    with atomic_file(path) as part, h5py.File(part, "w") as file:
        write_state(model, lambda *args: h5.write_store(file, *args), skip)


def write_state(root, write, skip=()):
    """Calls ``write(path, arrays, name)`` for every object below `root` that has numbers to save."""

    def visit(obj, path):
        if hasattr(obj, "save_own_variables"):
            store = {}
            obj.save_own_variables(store)
            write(path, store, obj.name if isinstance(getattr(obj, "name", None), str) else None)

    walk(root, visit, skip)


def load_weights(model, filepath, skip_mismatch=False, **kwargs):
    """Loads weights (and the state of the optimizer, if it is built) from a file that Keras or dlcore saved.

    Either everything is loaded or nothing changes.

    Args:
        model: A built model of the same structure.
        filepath: Path that ends in ``.weights.h5``, ``.weights.json`` (sharded), ``.keras`` (its weights), or ``.h5`` or
            ``.hdf5`` (weights of Keras 2).
        skip_mismatch: Leave out, with a warning, the layers that the file has no fitting numbers for.
        **kwargs: `objects_to_skip`, a list of layers and the like to leave alone; `by_name`, for files of Keras 2,
            whether layers are found by their name and not by their order.

    Raises:
        ValueError: if the model is not built, the file does not fit it, or is of another kind.
        OSError: if the file cannot be read.
    """
    options = _only(kwargs, "objects_to_skip", "by_name")
    skip, by_name = options["objects_to_skip"], options["by_name"]
    path = os.fspath(filepath)
    old = path.endswith((".h5", ".hdf5")) and not path.endswith(".weights.h5")
    if not path.endswith((".keras", ".weights.json", ".h5", ".hdf5")):
        raise ValueError(f"File format not supported: expected a path that ends in `.weights.h5`, `.weights.json`, `.keras`, `.h5` or `.hdf5`. Received: filepath={path}")
    if by_name is not None and not old:
        raise ValueError(f"`by_name` is for files of Keras 2, which end in `.h5` or `.hdf5`. Received: filepath={path}")
    if skip is not None and (old or path.endswith(".keras")):
        raise ValueError(f"`objects_to_skip` is for `.weights.h5` files. Received: filepath={path}")
    if not model.built:
        raise ValueError(f"Model {model.name!r} has no weights to load into: it is not built. Call it on data, or call `build()`, first.")
    if old:
        from dlcore.saving.legacy import load_legacy_weights

        load_legacy_weights(model, path, bool(by_name), skip_mismatch)
        return
    with _reader(path) as read:
        read_state(model, read, path, skip_mismatch, skip or ())


@contextlib.contextmanager
def _reader(path):
    if path.endswith(".weights.json"):
        from dlcore.saving.shards import ShardReader

        with ShardReader(path) as shards:
            yield shards.read
        return
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(_archived(path)) if path.endswith(".keras") else None
        file = stack.enter_context(h5.reading(path, source))
        yield lambda inner: h5.read_store(file, inner)


@contextlib.contextmanager
def _archived(path):
    """The weights within a ``.keras`` file, as a file object."""
    import io
    import zipfile

    if not os.path.exists(path):
        raise FileNotFoundError(f"There is no weights file {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo(_IN_ARCHIVE)
            if info.file_size > 1 << 28 and info.file_size > 2000 * info.compress_size:
                raise ValueError(f"{path}: {_IN_ARCHIVE} claims to hold {info.file_size} bytes, of which {info.compress_size} are stored; it is not read")
            data = archive.read(info)
    except (zipfile.BadZipFile, EOFError) as error:
        raise OSError(f"Cannot read {path}: {error}. Expected a complete `.keras` file") from error
    except KeyError as error:
        raise ValueError(f"{path}: expected a `.keras` file with {_IN_ARCHIVE} in it, found none") from error
    yield io.BytesIO(data)


def read_state(root, read, where, skip_mismatch=False, skip=()):
    """Gives every object below `root` its numbers, or none of them.

    Args:
        root: A model or the like.
        read: Gives a dict of arrays for the path of an object.
        where: Name of the file, for messages.
        skip_mismatch: Whether to go on without the objects that the file does not fit.
        skip: Objects to leave alone.
    """
    failed = {}

    def visit(obj, path):
        if not hasattr(obj, "load_own_variables"):
            return True
        store = read(path)
        try:
            obj.load_own_variables(store)
        except Exception as error:          # of a user's method it may be any
            failed.setdefault(id(obj), f"{path or 'the model itself'} ({type(obj).__name__} {getattr(obj, 'name', '')!r}): {error}")
            return False
        failed.pop(id(obj), None)
        return True

    with _all_or_nothing(root):
        walk(root, visit, skip)
        if failed and not skip_mismatch:
            raise ValueError(_complaint(failed, where, "Nothing was loaded. With `skip_mismatch=True` these are left out"))
    if failed:
        warnings.warn(_complaint(failed, where, "They keep the numbers that they had"), stacklevel=4)


def _complaint(failed, where, rest):
    lines = list(failed.values())
    more = f"\n  and {len(lines) - 10} more" if len(lines) > 10 else ""
    return f"{where}: {len(failed)} object(s) could not be loaded:\n  " + "\n  ".join(lines[:10]) + f"{more}\n{rest}."


@contextlib.contextmanager
def _all_or_nothing(root):
    """Puts all variables back as they were if the block fails."""
    before = {}

    def remember(obj, path):
        found = obj._own_variables() + obj._generator_states() if isinstance(obj, State) else obj.variables if isinstance(obj, Optimizer) else []
        before.update({id(v): (v, np.array(v)) for v in found})

    walk(root, remember)
    try:
        yield
    except BaseException:
        for v, value in before.values():
            v.assign(value)
        raise


def _only(kwargs, *known):
    unknown = {k: v for k, v in kwargs.items() if k not in known}
    if unknown:
        raise ValueError(f"Invalid keyword arguments: {unknown}; expected only {list(known)}")
    return {name: kwargs.get(name) for name in known}


def _may_overwrite(path):
    """Asks the user."""
    while True:
        try:
            answer = input(f"{path} exists already. Overwrite it? [y/n] ").strip().lower()
        except EOFError:
            raise FileExistsError(f"{path} exists already, and there is nobody to ask whether to overwrite it. Pass overwrite=True") from None
        if answer in ("y", "n"):
            return answer == "y"
