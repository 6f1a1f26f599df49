"""Rows of data that stays where it is: memory maps, HDF5 data sets, sparse matrices. A batch is read when its turn comes."""

import mmap

import numpy as np

from dlcore import config
from dlcore._kernels.rows import gather_rows, slice_rows
from dlcore._kernels.tensor import Tensor, convert

SMALL = 32 << 20        # bytes; a memory map below that is as good as an array
BUDGET = 64 << 20       # bytes of a memory map that may be resident before they are given back
_FAULT = 2 << 20        # bytes that become resident when one is touched, at most: a huge page


class Rows:
    """What is common: the shape, and the dtype that batches have (that of the data; floats as ``floatx()``)."""

    def __init__(self, source):
        self.source = source
        self.shape = tuple(source.shape)
        self.dtype = np.dtype(config.floatx()) if source.dtype.kind == "f" else source.dtype.newbyteorder("=")

    def read(self, begin, end):
        """Rows begin..end as an array of its own."""
        raise NotImplementedError(f"{type(self).__name__} must define `read`")

    def pick(self, index):
        """The rows that an array of numbers names."""
        raise NotImplementedError(f"{type(self).__name__} must define `pick`")

    def part(self, begin, end):
        """The same for rows begin..end only."""
        raise NotImplementedError(f"{type(self).__name__} must define `part`")


class MappedRows(Rows):
    """A memory map. What was read is given back to the system, so that an epoch over a large file stays small in memory."""

    def __init__(self, source, memmap):
        super().__init__(np.asarray(source))
        self._memmap = memmap
        self._read = 0
        # Private changes (mode "c") live in the pages themselves and would be lost.
        self._gives_back = memmap.mode != "c" and hasattr(mmap, "MADV_DONTNEED")
        self._file_size = memmap.offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY + len(memmap._mmap)

    def read(self, begin, end):
        self._check_file()
        rows = np.array(self.source[begin:end], self.dtype, order="C")
        self._count(len(rows) * abs(self.source.strides[0]))
        return rows

    def pick(self, index):
        rows = np.empty((len(index), *self.shape[1:]), self.dtype)
        cost = _FAULT + self.source[:1].nbytes
        step = max(1, BUDGET // cost)
        for k in range(0, len(index), step):
            self._check_file()
            some = index[k : k + step]
            rows[k : k + step] = self.source[some]
            self._count(len(some) * cost)
        return rows

    def _check_file(self):
        """To read behind the end of a file that somebody has cut off would end the interpreter (SIGBUS)."""
        size = self._memmap._mmap.size()
        if size < self._file_size:
            raise OSError(f"the file of a memory map has become shorter while it is in use: expected {self._file_size} bytes, found {size} ({self._memmap.filename})")

    def _count(self, nbytes):
        self._read += nbytes
        if self._read > BUDGET and self._gives_back:
            self._memmap._mmap.madvise(mmap.MADV_DONTNEED)
            self._read = 0

    def part(self, begin, end):
        return MappedRows(self.source[begin:end], self._memmap)


class Hdf5Rows(Rows):
    """A data set of an HDF5 file. Rows far apart are slow to read; ``shuffle="batch"`` reads in order."""

    def __init__(self, source, begin=0, end=None):
        super().__init__(source)
        self._begin = begin
        self.shape = ((len(source) if end is None else end) - begin, *source.shape[1:])

    def read(self, begin, end):
        return self.source[self._begin + begin : self._begin + end].astype(self.dtype, copy=False)

    def pick(self, index):
        known, place = np.unique(index, return_inverse=True)
        if len(known) and known[-1] - known[0] < 2 * len(known):
            return self.read(known[0], known[-1] + 1)[index - known[0]]
        return self.source[known + self._begin][place].astype(self.dtype, copy=False)

    def part(self, begin, end):
        return Hdf5Rows(self.source, self._begin + begin, self._begin + end)


class SparseRows(Rows):
    """A sparse matrix of SciPy's; batches are dense."""

    def __init__(self, source):
        super().__init__(source.tocsr())

    def read(self, begin, end):
        return self.source[begin:end].toarray().astype(self.dtype, copy=False)

    def pick(self, index):
        return self.source[index].toarray().astype(self.dtype, copy=False)

    def part(self, begin, end):
        return SparseRows(self.source[begin:end])


def lazy(value):
    """Rows of `value` if it is something that should not be loaded as a whole, else None."""
    if isinstance(value, Rows):
        return value
    if isinstance(value, np.ndarray):
        base = value
        while isinstance(base, np.ndarray):
            if isinstance(base, np.memmap):
                return MappedRows(value, base) if value.nbytes > SMALL and value.dtype.kind in "fiub" and base._mmap is not None else None
            base = base.base
        return None
    module = type(value).__module__
    if module.startswith("h5py.") and hasattr(value, "id") and getattr(value, "dtype", None) is not None and value.dtype.kind in "fiub" and value.ndim:
        return Hdf5Rows(value)
    if module.startswith("scipy.sparse") and hasattr(value, "tocsr"):
        if value.ndim != 2:
            raise ValueError(f"sparse data must be matrices; received shape {value.shape}")
        return SparseRows(value)
    return None


def cut(a, begin, end):
    """Rows begin..end of a tensor or of Rows, as a tensor; of an array of text, as an array."""
    if isinstance(a, np.ndarray):
        return a[begin:end]
    return slice_rows(a, begin, end) if isinstance(a, Tensor) else convert(a.read(begin, end))


def gather(a, order, begin, end):
    """The rows that order[begin:end] names, likewise."""
    if isinstance(a, np.ndarray):
        return a[np.asarray(order)[begin:end]]
    return gather_rows(a, order, begin, end) if isinstance(a, Tensor) else convert(a.pick(np.asarray(order)[begin:end]))


def part(a, begin, end):
    """Rows begin..end, not read yet where they are not in memory."""
    if isinstance(a, np.ndarray):
        return a[begin:end]
    return slice_rows(a, begin, end) if isinstance(a, Tensor) else a.part(begin, end)
