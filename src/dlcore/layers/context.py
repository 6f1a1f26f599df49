"""What running layer calls know of one another, per thread."""

import threading

# training: the flag that layers inside the outermost call inherit (absent: no call is running).
# pending: whether a layer has added a loss since the last outermost call.
calls = threading.local()
NOT_CALLED = object()


def call_training():
    """The training flag that a call inherits from the layer around it; None if there is none."""
    return getattr(calls, "training", None)


def losses_pending():
    """Whether a layer has added a loss since the last outermost call on this thread."""
    return getattr(calls, "pending", False)
