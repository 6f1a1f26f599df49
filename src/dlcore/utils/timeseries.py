"""Windows over a time series."""

import numpy as np

from .sample_batches import SampleBatches


def timeseries_dataset_from_array(
    data,
    targets,
    sequence_length,
    sequence_stride=1,
    sampling_rate=1,
    batch_size=128,
    shuffle=False,
    seed=None,
    start_index=None,
    end_index=None,
    format="tf",
):
    """A data set of windows over a series of measurements.

    Args:
        data: (steps, ...).
        targets: `targets[i]` belongs to the window that begins at step i; None for windows alone.
        sequence_length: the steps in a window.
        sequence_stride: how many steps after another window the next one begins.
        sampling_rate: how many steps lie between two of a window.
        batch_size: windows per batch; None for single windows.
        shuffle: whether each pass through the data has an order of its own.
        seed: the seed for that.
        start_index, end_index: only the steps from `start_index` to before `end_index` are used.
        format: accepted because Keras has it; the result is a `PyDataset` in any case.

    Returns:
        A `PyDataset` of batches (windows, targets), or windows alone: (batch_size, sequence_length, ...), with the dtype of
        the data. Windows are cut out when their batch is asked for.

    Raises:
        ValueError: if an argument is out of range.

    Example:
        >>> import numpy as np
        >>> series = np.arange(6)
        >>> windows, targets = timeseries_dataset_from_array(series[:-2], series[2:], sequence_length=2)[0]
        >>> windows.tolist(), targets.tolist()
        ([[0, 1], [1, 2], [2, 3]], [2, 3, 4])
    """
    steps = len(data)
    if start_index and not 0 <= start_index < steps:
        raise ValueError(f"`start_index` must be 0 or greater and lower than the length of the data. Received: start_index={start_index}, for data of length {steps}")
    if end_index and not max(start_index or 0, 0) < end_index < steps:
        raise ValueError(f"`end_index` must be higher than 0 and `start_index`, and lower than the length of the data. Received: start_index={start_index}, end_index={end_index}, for data of length {steps}")
    for name, value in (("sampling_rate", sampling_rate), ("sequence_stride", sequence_stride)):
        if not 0 < value < steps:
            raise ValueError(f"`{name}` must be higher than 0 and lower than the length of the data. Received: {name}={value}, for data of length {steps}")
    if sequence_length < 1:
        raise ValueError(f"`sequence_length` must be higher than 0. Received: sequence_length={sequence_length}")
    if format not in ("tf", "grain"):
        raise ValueError(f'`format` should be either "tf" or "grain". Received: format={format!r}')
    used = slice(start_index or 0, steps if end_index is None else end_index)
    data = np.asarray(data[used])
    count = len(data) - (sequence_length - 1) * sampling_rate
    if targets is not None:
        count = min(count, len(targets))
        targets = np.asarray(targets[used])
    starts = np.arange(0, count, sequence_stride)
    if shuffle:
        seed = np.random.randint(1_000_000) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    return _Windows(data, targets, starts, np.arange(sequence_length) * sampling_rate, batch_size=batch_size, shuffle=shuffle, seed=seed)


class _Windows(SampleBatches):
    def __init__(self, data, targets, starts, offsets, **kwargs):
        super().__init__(len(starts), **kwargs)
        self._data, self._targets, self._starts, self._offsets = data, targets, starts, offsets

    def samples(self, index):
        starts = self._starts[index]
        windows = self._data[starts[:, None] + self._offsets]
        return windows if self._targets is None else (windows, self._targets[starts])
