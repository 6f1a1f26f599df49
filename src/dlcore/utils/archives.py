"""Unpacking tar and zip files from strangers."""

import os
import shutil
import tempfile
from pathlib import Path


def extract_archive(path, folder, archive_format="auto"):
    """Unpack an archive into a folder, replacing it if it is there.

    Everything is unpacked beside the folder first, so that a folder with its name is always whole. An archive with a
    member that would land outside is refused as a whole.

    Args:
        path: the archive.
        folder: the folder.
        archive_format: `"tar"`, `"zip"`, a list of both, or `"auto"`.

    Raises:
        ValueError: if the file is no archive of that format, or a member is unsafe.
    """
    formats = ["tar", "zip"] if archive_format == "auto" else archive_format or ()
    formats = [formats] if isinstance(formats, str) else list(formats)
    if set(formats) - {"tar", "zip"}:
        raise ValueError(f"Argument `archive_format` must be 'auto', 'tar', 'zip' or a list. Received: archive_format={archive_format!r}")
    folder = Path(folder)
    room = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh = room / "contents"
        fresh.mkdir()
        if not any(_UNPACK[name](path, fresh) for name in formats):
            raise ValueError(f"Could not extract {path}: expected an archive of format {' or '.join(formats) or None}.")
        if folder.exists():
            os.replace(folder, room / "old")
        os.replace(fresh, folder)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _unpack_tar(path, folder):
    import tarfile

    if not tarfile.is_tarfile(path):
        return False
    with tarfile.open(path) as archive:
        try:
            archive.extractall(folder, filter="data")
        except tarfile.FilterError as error:
            raise ValueError(f"Refusing to extract {path}: {error}") from error
    return True


def _unpack_zip(path, folder):
    import zipfile

    if not zipfile.is_zipfile(path):
        return False
    root = folder.resolve()
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if not (root / name).resolve().is_relative_to(root):
                raise ValueError(f"Refusing to extract {path}: member {name!r} would be written outside of the folder.")
        archive.extractall(folder)
    return True


_UNPACK = {"tar": _unpack_tar, "zip": _unpack_zip}
