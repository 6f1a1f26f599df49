"""Sequences of different lengths."""

from ..utils.numerical import pad_sequences

__all__ = [
    "pad_sequences",
]
