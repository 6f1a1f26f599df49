"""The one place that prints for the user."""

import sys

from .. import config


def print_msg(message, line_break=True):
    """Print a message, or log it where interactive logging is disabled.

    Args:
        message: a string.
        line_break: whether to end the line.

    Example:
        >>> print_msg("Epoch 1/5")
        Epoch 1/5
    """
    message = str(message)
    if not config.is_interactive_logging_enabled():
        import logging

        logging.getLogger("dlcore").info(message.rstrip())
        return
    write(message + "\n" if line_break else message)


def write(text):
    """Write to standard output at once; an output that knows ASCII only gets a plain bar."""
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        sys.stdout.write(text.replace("━", "=").encode(encoding, "replace").decode(encoding))
    sys.stdout.flush()
