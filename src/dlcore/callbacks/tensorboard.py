"""Event files that TensorBoard shows."""

import os
import time

import numpy as np

from ..utils.checks import is_count
from .base import Callback
from .learning_rate_scheduler import log_learning_rates


class TensorBoard(Callback):
    """Writes metrics and, if asked to, histograms and images of the weights for TensorBoard. Needs the package `tensorboard`.

    The files are those of Keras: `train/` and `validation/` below `log_dir`, with `epoch_loss`, `epoch_learning_rate`, ... by
    epoch, `batch_loss`, ... by batch, and `evaluation_loss_vs_iterations`, ... by update of the weights.

    Args:
        log_dir: the folder.
        histogram_freq: write histograms of the weights every so many epochs; 0 for none.
        write_graph: accepted; no picture of the model is written.
        write_images: write the weights as images, too, together with the histograms.
        write_steps_per_second: write how fast the training is.
        update_freq: `"epoch"`, `"batch"`, or write the metrics after every so many batches, too.
        profile_batch: must be 0; there is no profiler.
        embeddings_freq: must be 0; embeddings are not written.
        embeddings_metadata: must be `None`.

    Raises:
        ValueError: for an argument that is not supported.
        ImportError: if `tensorboard` is not installed.
    """

    resumable = ("_global_train_batch",)

    def __init__(self, log_dir="logs", histogram_freq=0, write_graph=True, write_images=False, write_steps_per_second=False,
                 update_freq="epoch", profile_batch=0, embeddings_freq=0, embeddings_metadata=None):  # fmt: skip
        super().__init__()
        if profile_batch:
            raise ValueError(f"TensorBoard: there is no profiler here. Received: profile_batch={profile_batch} (must be 0)")
        if embeddings_freq or embeddings_metadata is not None:
            raise ValueError(
                "TensorBoard: embeddings are not written. Expected embeddings_freq=0 and embeddings_metadata=None. "
                f"Received: embeddings_freq={embeddings_freq}, embeddings_metadata={embeddings_metadata}"
            )
        if update_freq == "batch":
            update_freq = 1
        if update_freq != "epoch" and not is_count(update_freq):
            raise ValueError(f"TensorBoard: update_freq must be 'epoch', 'batch' or a positive number of batches. Received: update_freq={update_freq!r}")
        _package()
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = update_freq
        self._global_train_batch = 0
        self._writers = {}
        self._begun = (0.0, 0)                      # of the epoch: time and number of updates
        if update_freq != "epoch":                  # otherwise batches cost nothing
            self._every = int(update_freq)
            self.on_train_batch_begin = self._batch_begin
            self.on_train_batch_end = self._batch_end

    def set_model(self, model):
        super().set_model(model)
        self._writers = {}

    def _writer(self, folder):
        if folder not in self._writers:
            self._writers[folder] = _Writer(os.path.join(self.log_dir, folder))
        return self._writers[folder]

    def on_train_begin(self, logs=None):
        self._global_train_batch = 0

    def on_train_end(self, logs=None):
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def on_test_end(self, logs=None):
        if self.model.optimizer is not None:
            writer = self._writer("validation")
            for name, value in (logs or {}).items():
                writer.scalar(f"evaluation_{name}_vs_iterations", value, int(self.model.optimizer.iterations))
            writer.flush()

    def _batch_begin(self, batch, logs=None):
        self._global_train_batch += 1
        self._batch_start = time.perf_counter()

    def _batch_end(self, batch, logs=None):
        step = self._global_train_batch
        if step % self._every:
            return
        writer = self._writer("train")
        if self.write_steps_per_second:
            writer.scalar("batch_steps_per_second", 1.0 / (time.perf_counter() - self._batch_start), step)
        for name, value in (logs or {}).items():
            writer.scalar(f"batch_{name}", value, step)

    def on_epoch_begin(self, epoch, logs=None):
        if self.write_steps_per_second:
            self._begun = time.perf_counter(), int(self.model.optimizer.iterations)

    def on_epoch_end(self, epoch, logs=None):
        if logs:
            train = {name: value for name, value in logs.items() if not name.startswith("val_")}
            log_learning_rates(self.model, train)
            if self.write_steps_per_second:
                begin, updates = self._begun
                train["steps_per_second"] = (int(self.model.optimizer.iterations) - updates) / (time.perf_counter() - begin)
            validation = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
            for folder, values in (("train", train), ("validation", validation)):
                for name, value in values.items():
                    self._writer(folder).scalar(f"epoch_{name}", value, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        for writer in self._writers.values():       # a training that is killed leaves what it has found out
            writer.flush()

    def _write_weights(self, epoch):
        writer = self._writer("train")
        for layer in self.model.layers:
            for weight in layer.weights:
                tag, value = weight.path.replace(":", "_"), np.asarray(weight)
                writer.histogram(f"{tag}/histogram", value, epoch)
                if self.write_images and (images := _as_images(value)) is not None:
                    writer.images(f"{tag}/image", images, epoch)


def _package():
    try:
        from tensorboard.summary.writer import event_file_writer
    except ImportError as error:
        raise ImportError("The callback TensorBoard needs the package `tensorboard`: pip install dlcore[tensorboard]") from error
    return event_file_writer


class _Writer:
    """One event file; what is written are tensors, as TensorFlow 2 writes them."""

    def __init__(self, folder):
        self._events = _package().EventFileWriter(folder, filename_suffix=".v2")

    def scalar(self, tag, value, step):
        if np.ndim(value) == 0:
            self._add(tag, "scalars", "DATA_CLASS_SCALAR", np.float32(value), step)

    def histogram(self, tag, value, step, buckets=30):
        """Rows of (left edge, right edge, count)."""
        x = value.ravel().astype(np.float64)
        x = x[np.isfinite(x)]
        table = np.zeros((buckets if x.size else 0, 3))
        if x.size and x.min() == x.max():
            table[:, :2] = x[0]
            table[-1, 2] = x.size
        elif x.size:
            table[:, 2], edges = np.histogram(x, buckets)
            table[:, 0], table[:, 1] = edges[:-1], edges[1:]
        self._add(tag, "histograms", "DATA_CLASS_TENSOR", table, step)

    def images(self, tag, images, step, most=3):
        """`images` is (number, height, width, channels), of values between 0 and 1."""
        _, height, width, _ = images.shape
        pngs = [_png(np.clip(np.nan_to_num(image) * 255.5, 0, 255).astype(np.uint8)) for image in images[:most]]
        self._add(tag, "images", "DATA_CLASS_BLOB_SEQUENCE", [str(width).encode(), str(height).encode(), *pngs], step)

    def _add(self, tag, plugin, kind, value, step):
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import DataClass, Summary, SummaryMetadata
        from tensorboard.util.tensor_util import make_tensor_proto

        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name=plugin), data_class=DataClass.Value(kind))
        summary = Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(value))])
        self._events.add_event(Event(step=step, wall_time=time.time(), summary=summary))

    def flush(self):
        self._events.flush()

    def close(self):
        self._events.close()


def _as_images(weight):
    """A weight as gray images, (number, height, width, 1): a row, a lying matrix, or one for each of the last axis of three; else None."""
    x = np.squeeze(weight)
    if not x.size:
        return None
    if x.ndim == 1:
        return x.reshape(1, -1, 1, 1)
    if x.ndim == 2:
        return (x.T if x.shape[0] > x.shape[1] else x)[None, :, :, None]
    return np.moveaxis(x, 2, 0)[..., None] if x.ndim == 3 else None


def _png(image):
    """An image of bytes, (height, width, 1), as a PNG file."""
    import struct
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width, _ = image.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), image[:, :, 0]], axis=1).tobytes()      # each begins with "no filter"
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
