"""The worked example of CONTRIBUTING: the catalogue entry of the new op."""

from catalogue import Entry, normal

from dlcore._kernels import cube as k

ENTRIES = [
    Entry(
        op="Cube",
        fn=k.cube,
        inputs=normal((3, 37)),
        reference=lambda x: x**3,
        cases=(normal((2, 3, 5)),),
        single=normal(()),
        empty=normal((0, 3)),
        large=normal((3, 40000)),
    )
]
