"""HDF5 files of weights: what an object puts into a mapping is a group of the file.

The layout is that of Keras: the group ``<path of the object>/vars`` holds its arrays and, as an attribute, its name.
A file may come from anywhere, so what could make reading it do more than read numbers is refused: links, data that
lies in other files, data that claims to be enormous.
"""

import math
import os
from contextlib import contextmanager

import numpy as np

_LARGE = 1 << 28            # bytes from which on a dataset must not be much larger than what is stored of it
_EXPANSION = 2000           # the best that compression does with zeros is about 1000


@contextmanager
def reading(path, source=None):
    """An open file. Errors of the HDF5 library become an OSError that names it.

    Args:
        path: The path, for messages and to read from.
        source: A file object to read from instead.
    """
    import h5py

    if source is None and not os.path.exists(path):
        raise FileNotFoundError(f"There is no weights file {path}")
    if source is None and os.path.isdir(path):
        raise IsADirectoryError(f"Expected a weights file, found a directory: {path}")
    if source is None and not os.path.isfile(path):         # reading a pipe would wait for ever
        raise OSError(f"Expected a weights file, found something that is no regular file: {path}")
    try:
        file = h5py.File(path if source is None else source, "r")
    except OSError as error:
        raise OSError(f"Cannot read {path}: {error}. Expected a complete HDF5 file of weights") from error
    with file:
        try:
            yield file
        except (RuntimeError, KeyError, TypeError, SystemError, UnicodeError) as error:         # whatever h5py stumbles over
            raise OSError(f"Cannot read {path}, it is damaged: {error}") from error


def write_store(group, path, store, name=None):
    """Writes what an object saves.

    Args:
        group: Group of an open file.
        path: Path of the object.
        store: Its arrays by name.
        name: The object's name.
    """
    made = group.create_group(f"{path}/vars" if path else "vars")
    if name is not None:
        made.attrs["name"] = name
    for key, value in store.items():
        made.create_dataset(str(key), data=as_numbers(value, f"{path}/vars/{key}"))


def as_numbers(value, what):
    """`value` as an array that a file can hold."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"Only numbers can be saved; received {what} of dtype {array.dtype}: {value!r:.100}")
    return array


def read_store(file, path):
    """The arrays that the file has for an object, by name; an empty dict if there is nothing.

    Raises:
        ValueError: if the file has something else there than arrays of numbers.
        OSError: if the file is damaged.
    """
    group = _group(file, f"{path}/vars" if path else "vars")
    if group is None and path and "_layer_checkpoint_dependencies" in file:         # files of Keras 2.13
        group = _group(file, f"{path.replace('layers', '_layer_checkpoint_dependencies')}/vars")
    if group is None:
        return {}
    store = {}
    _read_all(group, "", store)
    return store


def _read_all(group, prefix, store):
    for key in group:
        if _kind(group, key) == "group":
            _read_all(group[key], f"{prefix}{key}/", store)
        else:
            store[prefix + key] = read_array(group, key)


def _group(parent, path):
    """A group below another, or None; links are not followed."""
    for part in path.split("/"):
        if part not in parent:
            return None
        if _kind(parent, part) != "group":
            raise ValueError(f"{_where(parent, part)}: expected a group, found a dataset")
        parent = parent[part]
    return parent


def child_group(parent, path):
    """A group that must be there."""
    found = _group(parent, path)
    if found is None:
        raise ValueError(f"{_where(parent, path)}: expected a group, found nothing")
    return found


def _kind(parent, name):
    """What lies under a name, without opening what a link points to."""
    import h5py

    link = parent.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{_where(parent, name)}: expected data, found a link, which is not followed")
    found = parent.get(name, getclass=True)
    if found is h5py.Group:
        return "group"
    if found is h5py.Dataset:
        return "dataset"
    raise ValueError(f"{_where(parent, name)}: expected a group or an array, found {found}")


def children(parent, kind):
    """Names of the groups (`kind` "group") or arrays ("dataset") below a group."""
    return [name for name in parent if _kind(parent, name) == kind]


def _where(parent, name):
    return f"{parent.file.filename}: {parent.name.rstrip('/')}/{name}"


def read_array(parent, name):
    """A dataset below a group, as an array of numbers."""
    if "/" in name:
        path, name = name.rsplit("/", 1)
        parent = child_group(parent, path)
    where = _where(parent, name)
    if name not in parent:
        raise ValueError(f"{where}: expected an array, found nothing")
    if _kind(parent, name) != "dataset":
        raise ValueError(f"{where}: expected an array, found a group")
    data = parent[name]
    if data.external or data.is_virtual:
        raise ValueError(f"{where}: the numbers lie in another file, which is not read")
    if data.shape is None:
        raise ValueError(f"{where}: expected an array, found an empty dataset without a shape")
    brain = data.dtype.kind == "V" and data.dtype.itemsize == 2 and data.attrs.get("dtype") == "bfloat16"
    if not brain and data.dtype.kind not in "biuf":
        raise ValueError(f"{where}: expected numbers, found dtype {data.dtype}")
    size = math.prod(data.shape) * data.dtype.itemsize
    if size > _LARGE and size > _EXPANSION * data.id.get_storage_size():
        raise ValueError(f"{where}: claims to hold {size} bytes, of which {data.id.get_storage_size()} are stored; it is not read")
    try:
        array = data[()]
    except (OSError, ValueError) as error:
        raise OSError(f"{where}: cannot be read: {error}") from error
    if brain:                   # the upper half of a float32
        return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.asarray(array)
