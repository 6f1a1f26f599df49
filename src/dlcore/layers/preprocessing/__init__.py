"""Layers that turn raw columns into numbers a network can use. Exported by ``dlcore.layers``."""
