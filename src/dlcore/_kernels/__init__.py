"""The compiled core. Importing it chooses the best instruction-set level that was built and runs here.

Leaf modules live in one directory per level with the same names; choosing a level is putting its directory on this
package's path. ``DLCORE_ISA`` forces a level.
"""

import os

from dlcore._kernels.cpu import runnable_levels


def _choose():
    here = os.path.dirname(__file__)
    built = [name for name in ("v4", "v3", "v2", "neon", "base") if os.path.isdir(os.path.join(here, name))]
    available = [name for name in runnable_levels() if name in built]
    forced = os.environ.get("DLCORE_ISA")
    if forced and forced not in available:
        raise ImportError(f"DLCORE_ISA={forced!r} cannot run here: built are {built}, this processor runs {available}. Unset DLCORE_ISA or set it to one of {available}.")
    if not available:
        raise ImportError(f"dlcore was built for the instruction sets {built}, and this processor runs none of them. Reinstall it on this machine: pip install --force-reinstall --no-binary dlcore dlcore")
    level = forced or available[0]
    __path__.append(os.path.join(here, level))
    return level, available


ISA, ISA_AVAILABLE = _choose()
