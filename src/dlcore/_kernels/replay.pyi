from collections.abc import Callable, Iterable, Sequence
from typing import Any

from dlcore._kernels.tensor import Tensor

class Recording:
    """The ops of a run of ``function(*inputs)``, to be run again on other inputs of the same shapes."""

    @property
    def result(self) -> Any: ...
    @property
    def repeatable(self) -> bool: ...
    def __init__(self, function: Callable[..., Any], inputs: Iterable[Any], constants: Iterable[Tensor] = (), numbers: bool = True) -> None: ...
    def repeat(self, *inputs: Any) -> Tensor: ...

class Replay:
    """The recordings of a model that is called with one tensor."""

    def __init__(self, dtype: str, constants: Sequence[Tensor], numbers: bool, methods: Sequence[tuple[type, Any, Any]]) -> None: ...
    def run(self, model: Any, x: Any) -> Tensor | None: ...
