"""What running layer calls know of one another, per thread."""

import threading

# training: the flag that layers inside the outermost call inherit (absent: no call is running).
# pending: whether a layer has added a loss since the last outermost call.
# scope: (path, layer) of the innermost layer that is being called or built, for the paths of variables; None outside.
calls = threading.local()
NOT_CALLED = object()


def call_training():
    """The training flag that a call inherits from the layer around it; None if there is none."""
    return getattr(calls, "training", None)


def losses_pending():
    """Whether a layer has added a loss since the last outermost call on this thread."""
    return getattr(calls, "pending", False)


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
