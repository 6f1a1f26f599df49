"""ContrastLimitedAdaptiveHistogramEqualization, in NumPy."""

import numpy as np

from dlcore._kernels.tensor import convert
from dlcore.layers.preprocessing.images.colors import ArrayColors


class ContrastLimitedAdaptiveHistogramEqualization(ArrayColors):
    """Equalizes the values of images tile by tile, without making noise in flat ones stand out; in training and in inference.

    Every tile has a table that makes its values about equally frequent; between the middles of tiles tables are interpolated.

    Args:
        value_range: The least and the largest value of a pixel.
        clip_limit: How much more often than the average a value may count; what is more is spread over all values. 0: no limit.
        tile_grid_size: The numbers of tiles along height and width.
        data_format: ``"channels_last"`` or ``"channels_first"``.

    Call arguments:
        data: Images (n, height, width, channels), one image without n, or a dict. The dtype stays.

    References:
        Zuiderveld, "Contrast limited adaptive histogram equalization", Graphics Gems IV, 1994.

    Example:
        >>> import dlcore, numpy as np
        >>> x = np.arange(16.0).reshape(4, 4, 1)
        >>> dlcore.layers.ContrastLimitedAdaptiveHistogramEqualization(clip_limit=0, tile_grid_size=(1, 1))(x).numpy().ravel()[[0, 5, 15]].tolist()
        [0.0..., 85.0..., 255.0...]
    """

    def __init__(self, value_range=(0, 255), clip_limit=4.0, tile_grid_size=(8, 8), data_format=None, **kwargs):
        super().__init__(data_format=data_format, **kwargs)
        tiles = tuple(tile_grid_size)
        if len(tiles) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in tiles):
            raise ValueError(f"tile_grid_size must be two positive whole numbers. Received: tile_grid_size={tile_grid_size!r}")
        self.value_range, self.clip_limit, self.tile_grid_size = value_range, clip_limit, tiles

    def transform_images(self, images, transformation=None, training=True):
        images = convert(images)
        x = np.asarray(images)
        x = x if x.ndim == 4 else x[None]
        x = np.moveaxis(x, 1, -1) if self.data_format == "channels_first" else x
        y = self._stretched(self._equalized(self._stretched(x.astype(np.float32), self.value_range, (0, 255))), (0, 255), self.value_range)
        y = np.moveaxis(y, -1, 1) if self.data_format == "channels_first" else y
        return convert(np.ascontiguousarray(y, x.dtype).reshape(images.shape))

    def _equalized(self, x):
        n, height, width, channels = x.shape
        if x.size == 0:
            return x
        rows, columns = self.tile_grid_size
        tall, wide = -(-height // rows), -(-width // columns)
        x = np.pad(x, ((0, 0), (0, tall * rows - height), (0, wide * columns - width), (0, 0)), mode="symmetric")
        pixels = np.clip(x, 0, 255).astype(np.int64)
        tables = self._tables(pixels.reshape(n, rows, tall, columns, wide, channels), tall * wide)
        # Beyond the middles of the outermost tiles their own tables hold.
        tables = np.pad(tables, ((0, 0), (1, 1), (1, 1), (0, 0), (0, 0)), mode="edge")
        image, channel = np.arange(n)[:, None, None, None], np.arange(channels)
        (top, bottom, down), (left, right, across) = _between(rows, tall), _between(columns, wide)
        down, across = down[:, None, None], across[:, None]

        def value(i, j):
            return tables[image, i[:, None, None], j[:, None], channel, pixels]

        y = (value(top, left) * (1 - across) + value(top, right) * across) * (1 - down) + (value(bottom, left) * (1 - across) + value(bottom, right) * across) * down
        return y[:, :height, :width]

    def _tables(self, tiles, size):
        """What becomes of each of 256 values in each tile: (n, rows, columns, channels, 256)."""
        n, rows, _, columns, _, channels = tiles.shape
        number = np.arange(n * rows * columns * channels).reshape(n, rows, 1, columns, 1, channels)
        count = np.bincount((number * 256 + tiles).ravel(), minlength=number.size * 256).reshape(n, rows, columns, channels, 256).astype(np.float32)
        if self.clip_limit > 0:
            kept = np.minimum(count, np.float32(self.clip_limit * size / 256.0))
            count = kept + (count - kept).sum(-1, keepdims=True) / np.float32(256)
        total = np.cumsum(count, axis=-1, dtype=np.float32)
        least = total.min(-1, keepdims=True)
        rest = size - least
        return np.clip((total - least) * 255 / np.where(rest == 0, 1, rest), 0, 255)


def _between(tiles, size):
    """For every pixel along an axis: the tiles (counted from 1) between whose middles it lies, and how far on."""
    place = (np.arange(tiles * size, dtype=np.float32) - np.float32(size / 2)) / np.float32(size) + 1
    low = np.floor(place)
    return (*(np.clip(low + k, 0, tiles + 1).astype(np.int64) for k in (0, 1)), place - low)
