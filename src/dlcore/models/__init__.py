"""Models, by Keras' names."""

from dlcore.models.model import Functional, Model
from dlcore.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential"]
