"""Models, by Keras' names."""

from dlcore.models.cloning import clone_model
from dlcore.models.model import Functional, Model, model_from_json
from dlcore.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "clone_model", "model_from_json"]
