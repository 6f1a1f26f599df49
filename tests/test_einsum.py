"""einsum beside NumPy's, on fixed and on random subscripts."""

import numpy as np
import pytest

from dlcore import KerasTensor, ops
from dlcore.testing import check_gradient

SUBSCRIPTS = (
    "ij,jk->ik", "ij,jk", "ij,jk->ki", "i,i->", "i,i", "i,j->ij", "ij,ij->ij", "ij,ij->", "ij->ji", "ij->", "ii->i", "ii", "iij->j", "iji->j",
    "bij,bjk->bik", "bij,bkj->bik", "bji,bjk->bik", "...ij,...jk->...ik", "...ij,...jk", "...x,xy->...y", "abc,cde->abde", "abcd,cde->abe",
    "aecd,abcd->acbe", "acbe,aecd->abcd", "ab,bc,cd->ad", "ab,bc,cd->da", "ij,kl->ijkl", "a...,b->ab...", "a...,b->ba...", "abij,b->aj", "i...->...",
    "...->...", "ij , jk -> ik", "a,ab,abc->c",
)  # fmt: skip


def random_arrays(rng, text):
    """Arrays that fit, with axes under ellipses and axes of one element that broadcast."""
    size = {c: int(rng.integers(1, 5)) for c in "abcdefghijklmnopqrstuvwxyz"}
    under = [int(n) for n in rng.integers(1, 4, rng.integers(0, 3))]
    arrays = []
    for term in text.split("->")[0].split(","):
        first, dots, last = term.partition("...")
        front, back = ([1 if rng.random() < 0.1 and (first + last).count(c) == 1 else size[c] for c in part] for part in (first, last))
        middle = [1 if rng.random() < 0.3 else n for n in under[len(under) - int(rng.integers(0, len(under) + 1)):]] if dots else []
        arrays.append(rng.standard_normal((*front, *middle, *back)))
    return arrays


@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
def test_like_numpy(subscripts):
    rng, done = np.random.default_rng(len(subscripts)), 0
    for _ in range(8):
        arrays = random_arrays(rng, subscripts.replace(" ", ""))
        try:
            expected = np.einsum(subscripts, *arrays)
        except ValueError:                      # sizes that do not broadcast
            with pytest.raises(ValueError, match="einsum: "):
                ops.einsum(subscripts, *arrays)
            continue
        found = ops.einsum(subscripts, *arrays)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        assert found.shape == expected.shape == ops.einsum(subscripts, *[KerasTensor(a.shape, "float64") for a in arrays]).shape
        check_gradient(lambda *xs: ops.einsum(subscripts, *xs), arrays)
        done += 1
    assert done


def test_random_subscripts():
    rng = np.random.default_rng(1)
    for _ in range(300):
        size = {c: int(rng.integers(0 if rng.random() < 0.1 else 1, 4)) for c in "abcd"}
        terms = ["".join(rng.choice(list("abcd"), int(rng.integers(0, 4)))) for _ in range(int(rng.integers(1, 4)))]
        subscripts = ",".join(terms)
        if rng.random() < 0.8:
            subscripts += "->" + "".join(rng.permutation([c for c in sorted(set("".join(terms))) if rng.random() < 0.5]))
        arrays = [rng.standard_normal([size[c] for c in term]) for term in terms]
        np.testing.assert_allclose(ops.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays), rtol=1e-12, atol=1e-12, err_msg=subscripts)


def test_symbolic():
    assert ops.einsum("abc,cd->abd", KerasTensor((None, None, 3)), np.ones((3, 4), "float32")).shape == (None, None, 4)
    assert ops.einsum("...x,xy->...y", KerasTensor((None, 5, 3)), KerasTensor((3, 4))).shape == (None, 5, 4)


def test_dtypes():
    a = np.arange(6).reshape(2, 3)
    assert ops.einsum("ij,kj->ik", a, a).numpy().tolist() == (a @ a.T).tolist()
    assert ops.einsum("ij,kj->ik", a.astype("int8"), a.astype("int8")).dtype == "int32"
    assert ops.einsum("ij,kj->ik", a.astype("float32"), a.astype("float64")).dtype == "float64"
    assert ops.einsum("ij->j", a.astype("float32"), optimize="greedy").dtype == "float32"


A = np.ones((2, 3))


@pytest.mark.parametrize(("subscripts", "operands", "message"), [
    ("ij,jk->ik", (A,), "expected 2 operands for 'ij,jk->ik'; received 1"),
    ("ij", (A, A), "expected 1 operands"),
    ("i->i", (A,), "'i' in 'i->i' names 1 axes; received an operand with 2"),
    ("ijk...", (A,), "names 3 axes"),
    ("i1->i", (A,), "expected letters"),
    ("i..j->i", (A,), "expected letters"),
    ("ij->k", (A,), "the result may hold each label of the operands once"),
    ("ij->ii", (A,), "the result may hold each label"),
    ("...j->j", (A,), "no place for the axes under the ellipsis"),
    ("ij,ij", (A, A.T), "label 'i' of 'ij,ij' has 2 and 3 elements"),
    ("...,...", (A, A.T), "an axis under the ellipsis"),
    (3, (A,), "subscripts must be a string"),
    ("ij", (), "expected operands"),
    ("abcde,fghij->abcdefghij", (np.ones((1,) * 5),) * 2, "at most 8 dimensions"),
])  # fmt: skip
def test_errors(subscripts, operands, message):
    with pytest.raises(ValueError, match=f"einsum: .*{message}"):
        ops.einsum(subscripts, *operands)


def test_unknown_arguments():
    with pytest.raises(ValueError, match="unknown arguments"):
        ops.einsum("ij", A, order="C")
