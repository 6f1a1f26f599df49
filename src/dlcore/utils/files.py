"""Files that are whole or not there at all: written, or downloaded into a cache folder."""

import os
from contextlib import contextmanager
from pathlib import Path

from .messages import print_msg

TIMEOUT = 30  # seconds without a byte
_CHUNK = 1 << 16


def cache_folder():
    """The folder for downloads: `DLCORE_HOME`, or `~/.dlcore`.

    Returns:
        A `pathlib.Path`; the folder need not exist.

    Example:
        >>> cache_folder().is_absolute()
        True
    """
    return Path(os.environ.get("DLCORE_HOME") or "~/.dlcore").expanduser().absolute()


def get_file(
    fname=None,
    origin=None,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
    force_download=False,
):
    """Download a file unless it is in the cache, and unpack it if asked to.

    Args:
        fname: the name of the file in the cache, by default the last part of `origin`. With `extract`, a name without a
            dot is that of the folder to unpack into.
        origin: the URL.
        untar: old spelling of `extract=True, archive_format="tar"`.
        md5_hash: old spelling of `file_hash`.
        file_hash: the expected hash; a file that has another one is not kept.
        cache_subdir: the folder within `cache_dir`.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"`, which tells them by their length.
        extract: unpack the file and return the folder.
        archive_format: `"tar"`, `"zip"`, a list of both, or `"auto"`.
        cache_dir: by default `DLCORE_HOME`, or `~/.dlcore`.
        force_download: download even if the file is there.

    Returns:
        The path of the file (of the folder, with `extract`) as a string.

    Raises:
        ValueError: if an argument is missing or wrong, or the file has another hash or unsafe contents.
        OSError: if the download fails.

    Example:
        >>> import pathlib, tempfile
        >>> room = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (room / "source.txt").write_text("hello")
        >>> path = get_file("copy.txt", (room / "source.txt").as_uri(), cache_dir=room)  # doctest: +ELLIPSIS
        Downloading data from file:///...source.txt
        >>> open(path).read()
        'hello'
    """
    if origin is None:
        raise ValueError('Please specify the "origin" argument (URL of the file to download).')
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    if untar:
        extract, archive_format = True, "tar"
    name = _file_name(fname, origin)
    folder = Path(cache_dir or cache_folder()).expanduser().absolute() / cache_subdir
    unpacked = None
    target = folder / name
    if extract:
        if fname and "." in name:
            unpacked = folder / f"{name.partition('.')[0]}_extracted"
        else:
            unpacked, target = target, folder / f"{name}_archive"
    digest = _hasher(hash_algorithm, file_hash)
    fresh = force_download or not target.exists()
    if not fresh and file_hash and _hash_of(target, digest) != file_hash.lower():
        print_msg(f"The cached file {target} does not have the hash {file_hash}: downloading it again.")
        fresh = True
    if fresh:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OSError(f"Cannot create the cache folder {folder} ({error}). Set DLCORE_HOME to a folder that can be written.") from error
        _download(origin, target, file_hash, digest)
    if not extract:
        return str(target)
    if fresh or not unpacked.exists():
        from .archives import extract_archive

        extract_archive(target, unpacked, archive_format)
    return str(unpacked)


@contextmanager
def atomic_file(path):
    """A name beside `path` to write to; the file there becomes `path` when the block ends, and is gone if the block fails.

    So a program that is killed at any moment leaves either the old file or the new one, whole.

    Args:
        path: the file to write. A link is followed, and a file that is replaced hands on its permissions.

    Yields:
        The path of a file that does not exist yet, in the same folder.

    Raises:
        IsADirectoryError: if `path` is a folder.
        FileNotFoundError: if its folder does not exist.
        OSError: if `path` is a device or the like, which must not be replaced by a file.

    Example:
        >>> import pathlib, tempfile
        >>> target = pathlib.Path(tempfile.mkdtemp()) / "notes.txt"
        >>> with atomic_file(target) as part:
        ...     _ = part.write_text("hello")
        >>> target.read_text()
        'hello'
    """
    import shutil

    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"Cannot write to {target}: it is a directory, expected the name of a file.")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"Cannot write to {target}: there is no directory {target.parent}.")
    if target.exists() and not target.is_file():
        raise OSError(f"Cannot write to {target}: it is no regular file, which could be replaced.")
    part = _part_of(target)
    try:
        yield part
        with open(part, "rb+") as file:
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _part_of(target):
    """A new name in the same folder, for what is to become the file `target`."""
    import uuid

    start = target.name.encode("utf-8", "surrogateescape")[:200].decode("utf-8", "ignore")      # systems limit names by bytes
    return target.with_name(f".{start}.{uuid.uuid4().hex}.part")


def _sync_folder(folder):
    """Make the new name of a file last through a loss of power, where the system can (Windows does it by itself)."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def _file_name(fname, origin):
    from urllib.parse import urlsplit

    name = os.fspath(fname) if fname else os.path.basename(urlsplit(origin).path)
    if not name:
        raise ValueError(f"Cannot tell the file name from origin={origin!r}. Please specify the `fname` argument.")
    if os.sep in name or "/" in name or name in (".", ".."):
        raise ValueError(f"Argument `fname` must be a plain file name; `cache_dir` and `cache_subdir` say where. Received: fname={name!r}")
    return name


def _hasher(algorithm, file_hash):
    """A function that starts a hash of the right kind."""
    import hashlib

    if algorithm not in ("auto", "sha256", "md5"):
        raise ValueError(f"Argument `hash_algorithm` must be 'auto', 'sha256' or 'md5'. Received: hash_algorithm={algorithm!r}")
    if algorithm == "auto":
        algorithm = "md5" if file_hash and len(file_hash) == 32 else "sha256"
    return lambda: hashlib.new(algorithm, usedforsecurity=False)


def _hash_of(path, digest):
    total = digest()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _download(origin, target, file_hash, digest):
    """Write to a file beside the target, and give it the target's name only when it is whole."""
    import http.client
    from urllib.error import HTTPError, URLError
    from urllib.request import urlopen

    print_msg(f"Downloading data from {origin}")
    part = _part_of(target)
    try:
        try:
            with open(part, "xb") as file, urlopen(origin, timeout=TIMEOUT) as response:
                found = _copy(response, file, digest())
        except HTTPError as error:
            error.close()
            raise OSError(f"URL fetch failure on {origin}: {error.code} -- {error.reason}") from error
        except (URLError, TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise OSError(
                f"URL fetch failure on {origin}: {getattr(error, 'reason', error)}. If this machine is offline, put the file at {target}, "
                "or set DLCORE_DATA to a folder that holds the data sets (see `dlcore.datasets`)."
            ) from error
        if file_hash and found != file_hash.lower():
            raise ValueError(f"Incomplete or corrupted file: {origin} has the hash {found}, expected {file_hash}. Nothing was kept.")
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _copy(response, file, total):
    """Copy with a bar; a body shorter than announced is an error even where no hash is known."""
    from .progbar import Progbar

    announced = response.headers.get("Content-Length")
    size = int(announced) if announced else None
    bar, done = Progbar(size, interval=0.1, verbose=1 if size and size > 1 << 20 else 0, unit_name="byte"), 0
    while chunk := response.read(_CHUNK):
        file.write(chunk)
        total.update(chunk)
        done += len(chunk)
        if size is None or done < size:
            bar.update(done)
    if size is not None and done != size:
        raise ConnectionError(f"the connection ended after {done} of {size} bytes")
    bar.update(done, finalize=True)
    return total.hexdigest()
