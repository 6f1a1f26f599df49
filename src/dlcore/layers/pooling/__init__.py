"""Layers that make a grid coarser, or one row of it. Exported by ``dlcore.layers``."""
