"""`get_file` against a server on this machine."""

import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from pathlib import Path

import pytest

from dlcore.utils import files, get_file

BODY = b"0123456789" * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.requests.append(self.path)
        body = self.server.bodies.get(self.path)
        if body is None:
            self.send_error(404)
            return
        cut = self.path.startswith("/cut")
        self.send_response(200)
        if not self.path.startswith("/unknown"):
            self.send_header("Content-Length", str(len(body) * (2 if cut else 1)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.bodies = [], {"/data.bin": BODY, "/cut.bin": BODY, "/unknown.bin": BODY}
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(server, path="/data.bin", folder=None, **kwargs):
    return get_file(kwargs.pop("fname", None), server.url + path, cache_dir=folder, **kwargs)


def listing(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("file_hash", [None, SHA256, SHA256.upper(), MD5])
def test_download_once(server, tmp_path, file_hash):
    for _ in range(2):
        path = fetch(server, folder=tmp_path, file_hash=file_hash)
        assert path == str(tmp_path / "datasets" / "data.bin")
    assert Path(path).read_bytes() == BODY
    assert server.requests == ["/data.bin"] and listing(tmp_path) == ["datasets/data.bin"]
    fetch(server, folder=tmp_path, force_download=True)
    assert len(server.requests) == 2


def test_names_and_folders(server, tmp_path, monkeypatch):
    assert fetch(server, folder=tmp_path, fname="a.bin", cache_subdir="b/c") == str(tmp_path / "b" / "c" / "a.bin")
    monkeypatch.setenv("DLCORE_HOME", str(tmp_path / "home"))
    assert fetch(server) == str(tmp_path / "home" / "datasets" / "data.bin")


def test_old_arguments(server, tmp_path):
    fetch(server, folder=tmp_path, md5_hash=MD5)
    with pytest.raises(ValueError, match="0000"):
        fetch(server, folder=tmp_path, md5_hash="0" * 32)


def test_no_length_announced(server, tmp_path):
    assert Path(fetch(server, "/unknown.bin", tmp_path)).read_bytes() == BODY


def test_wrong_hash(server, tmp_path):
    with pytest.raises(ValueError, match=f"{SHA256}, expected {'0' * 64}"):
        fetch(server, folder=tmp_path, file_hash="0" * 64)
    assert listing(tmp_path) == []


@pytest.mark.parametrize("file_hash", [None, SHA256])
def test_truncated(server, tmp_path, file_hash):
    with pytest.raises(OSError, match="after 10000 of 20000 bytes"):
        fetch(server, "/cut.bin", tmp_path, file_hash=file_hash)
    assert listing(tmp_path) == []


def test_failure_keeps_the_old_file(server, tmp_path):
    path = fetch(server, folder=tmp_path)
    server.bodies["/data.bin"] = b"other"
    with pytest.raises(ValueError, match="Nothing was kept"):
        fetch(server, folder=tmp_path, file_hash=SHA256, force_download=True)
    assert Path(path).read_bytes() == BODY and listing(tmp_path) == ["datasets/data.bin"]


def test_damaged_cache_is_downloaded_again(server, tmp_path, capsys):
    path = fetch(server, folder=tmp_path)
    Path(path).write_bytes(b"damaged")
    fetch(server, folder=tmp_path, file_hash=SHA256)
    assert Path(path).read_bytes() == BODY and "downloading it again" in capsys.readouterr().out


def test_404(server, tmp_path):
    with pytest.raises(OSError, match=r"URL fetch failure on http.*nothing.*404"):
        fetch(server, "/nothing", tmp_path)
    assert listing(tmp_path) == []


def test_offline(server, tmp_path):
    server.shutdown()
    server.server_close()
    with pytest.raises(OSError, match="set DLCORE_DATA"):
        fetch(server, folder=tmp_path)


def test_a_server_that_never_answers(tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(files, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(OSError, match="timed out"):
        get_file("x", f"http://127.0.0.1:{silent.getsockname()[1]}/x", cache_dir=tmp_path)
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"origin": None}, '"origin"'),
        ({"origin": "http://x/"}, "`fname`"),
        ({"fname": "a/b"}, "plain file name"),
        ({"fname": ".."}, "plain file name"),
        ({"hash_algorithm": "crc"}, "`hash_algorithm`"),
    ],
)
def test_wrong_arguments(tmp_path, kwargs, message):
    with pytest.raises(ValueError, match=message):
        get_file(**{"origin": "http://127.0.0.1:9/x", "cache_dir": tmp_path, **kwargs})


def test_unwritable_cache(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="DLCORE_HOME"):
        fetch(server, folder=tmp_path / "file")


def archive(kind, members):
    out = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(out, "w") as file:
            for name, data in members.items():
                file.writestr(name, data)
    else:
        with tarfile.open(fileobj=out, mode="w:gz") as file:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                if data is None:
                    info.type, info.linkname = tarfile.SYMTYPE, "../../outside"
                    file.addfile(info)
                else:
                    info.size = len(data)
                    file.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize(("fname", "folder"), [(None, "pack.x"), ("set", "set"), ("set.tgz", "set_extracted")])
def test_extract(server, tmp_path, kind, fname, folder):
    server.bodies["/pack.x"] = archive(kind, {"a.txt": b"1", "sub/b.txt": b"2"})
    for _ in range(2):
        path = fetch(server, "/pack.x", tmp_path, fname=fname, extract=True)
    assert path == str(tmp_path / "datasets" / folder)
    assert [f for f in listing(tmp_path) if folder + "/" in f] == [f"datasets/{folder}/a.txt", f"datasets/{folder}/sub/b.txt"]
    assert len(server.requests) == 1
    server.bodies["/pack.x"] = archive(kind, {"c.txt": b"3"})
    fetch(server, "/pack.x", tmp_path, fname=fname, extract=True, force_download=True)
    assert [f for f in listing(tmp_path) if folder + "/" in f] == [f"datasets/{folder}/c.txt"]


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("tar", {"good.txt": b"1", "../evil.txt": b"2"}),
        ("tar", {"good.txt": b"1", "a/../../evil.txt": b"2"}),
        ("tar", {"link": None}),
        ("zip", {"good.txt": b"1", "../evil.txt": b"2"}),
        ("zip", {"/evil.txt": b"2"}),
    ],
)
def test_hostile_archives(server, tmp_path, kind, members):
    server.bodies["/pack"] = archive(kind, members)
    with pytest.raises(ValueError, match="Refusing to extract"):
        fetch(server, "/pack", tmp_path, fname="pack", extract=True)
    assert listing(tmp_path) == ["datasets/pack_archive"]


def test_no_archive(server, tmp_path):
    with pytest.raises(ValueError, match="expected an archive of format tar or zip"):
        fetch(server, folder=tmp_path, extract=True)
    with pytest.raises(ValueError, match="`archive_format`"):
        fetch(server, folder=tmp_path, extract=True, archive_format="rar")
