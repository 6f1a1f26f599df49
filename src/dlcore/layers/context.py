"""What running layer calls know of one another."""

import threading
import weakref

# Per thread. training: the flag that layers inside the outermost call inherit (absent: no call is running).
# scope: (path, layer) of the innermost layer that is being called or built, for the paths of variables; None outside.
calls = threading.local()
NOT_CALLED = object()

# Layers that hold losses of their last call, in whichever thread it ran: weak references, as keys of a dict because its
# operations are atomic.
_holders = {}


def call_training():
    """The training flag that a call inherits from the layer around it; None if there is none."""
    return getattr(calls, "training", None)


def losses_pending():
    """Whether any layer holds losses of its last call."""
    return bool(_holders)


def holds_losses(layer, holds):
    """Notes that a layer holds losses, or no longer does."""
    if holds:
        _holders[weakref.ref(layer, _forget)] = None
    else:
        _forget(weakref.ref(layer))


def _forget(reference):
    _holders.pop(reference, None)


def enter_scope(layer):
    """Begins the scope of a layer; returns what `leave_scope` needs. A layer that calls its own `build` stays in its scope."""
    outer = getattr(calls, "scope", None)
    if outer is None:
        calls.scope = layer.name, layer
    elif outer[1] is not layer:
        calls.scope = f"{outer[0]}/{layer.name}", layer
    return outer


def leave_scope(outer):
    """Ends the scope that `enter_scope` began."""
    calls.scope = outer
