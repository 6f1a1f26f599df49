"""The logs of the epochs for a server."""

import json
import warnings

import numpy as np

from .base import Callback


class RemoteMonitor(Callback):
    """Posts the metrics of each epoch to a server. Needs the package `requests`.

    Args:
        root: the server, `"http://localhost:9000"`.
        path: where on the server.
        field: name of the form's field that holds the JSON.
        headers: dictionary of HTTP headers.
        send_as_json: send JSON as such, not within a form.

    Raises:
        ImportError: at the beginning of `fit`, if `requests` is not installed.

    Example:
        >>> RemoteMonitor().path
        '/publish/epoch/end/'
    """

    def __init__(self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None, send_as_json=False):
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_train_begin(self, logs=None):
        _requests()

    def on_epoch_end(self, epoch, logs=None):
        requests = _requests()
        send = {"epoch": epoch}
        for key, value in (logs or {}).items():
            send[key] = value.item() if isinstance(value, (np.ndarray, np.generic)) else value
        body = {"json": send} if self.send_as_json else {"data": {self.field: json.dumps(send)}}
        try:
            requests.post(self.root + self.path, headers=self.headers, **body)
        except requests.exceptions.RequestException:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}", stacklevel=2)


def _requests():
    try:
        import requests
    except ImportError as error:
        raise ImportError("RemoteMonitor needs the package `requests`: pip install dlcore[remote]") from error
    return requests
