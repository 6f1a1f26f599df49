"""Functions of two numbers and their derivatives, for the loops of binary.pyx."""

from libc.math cimport copysign, floor, fmod

from dlcore._kernels.types cimport real
from dlcore._kernels.vmath cimport log_, pow_

cdef inline real plus(real a, real b) noexcept nogil:
    return a + b

cdef inline real minus(real a, real b) noexcept nogil:
    return a - b

cdef inline real times(real a, real b) noexcept nogil:
    return a * b

cdef inline real over(real a, real b) noexcept nogil:
    return a / b

cdef inline real larger(real a, real b) noexcept nogil:
    cdef real m = b if b > a else a                 # two selects: `or` would be a branch
    return m if b == b else b                       # NaN wins

cdef inline real smaller(real a, real b) noexcept nogil:
    cdef real m = b if b < a else a
    return m if b == b else b

cdef inline real modulo(real a, real b) noexcept nogil:
    # of the sign of b, as in Python
    cdef real r = <real>fmod(a, b)
    if r == 0:
        return <real>copysign(0.0, b) if r == r else r
    return r + b if (r < 0) != (b < 0) else r

cdef inline real floor_over(real a, real b) noexcept nogil:
    cdef real r = <real>fmod(a, b)
    cdef real q
    if b == 0:
        return a / b
    q = (a - r) / b
    if r != 0 and (r < 0) != (b < 0):
        q -= 1
    return <real>floor(q + <real>0.5)               # q is whole but for its rounding

cdef inline real second_power(real a, real b) noexcept nogil:
    return a * a

# Derivatives with respect to a and b, times dy.

cdef inline real times_da(real a, real b, real dy) noexcept nogil:
    return dy * b

cdef inline real times_db(real a, real b, real dy) noexcept nogil:
    return dy * a

cdef inline real over_da(real a, real b, real dy) noexcept nogil:
    return dy / b

cdef inline real over_db(real a, real b, real dy) noexcept nogil:
    return -dy * (a / b) / b

cdef inline real larger_da(real a, real b, real dy) noexcept nogil:
    cdef real share = dy * <real>0.5 if a == b else 0      # a tie is shared
    return dy if a > b else share

cdef inline real larger_db(real a, real b, real dy) noexcept nogil:
    cdef real share = dy * <real>0.5 if a == b else 0
    return dy if b > a else share

cdef inline real smaller_da(real a, real b, real dy) noexcept nogil:
    cdef real share = dy * <real>0.5 if a == b else 0
    return dy if a < b else share

cdef inline real smaller_db(real a, real b, real dy) noexcept nogil:
    cdef real share = dy * <real>0.5 if a == b else 0
    return dy if b < a else share

cdef inline real power_da(real a, real b, real dy) noexcept nogil:
    return dy * b * pow_(a, b - 1) if b != 0 else 0

cdef inline real power_db(real a, real b, real dy) noexcept nogil:
    return dy * pow_(a, b) * log_(a) if a != 0 or b < 0 else 0

cdef inline real second_power_da(real a, real b, real dy) noexcept nogil:
    return 2 * dy * a

cdef inline real modulo_db(real a, real b, real dy) noexcept nogil:
    return -dy * <real>floor(a / b)

cdef inline real same(real a, real b, real dy) noexcept nogil:
    return dy

cdef inline real negated(real a, real b, real dy) noexcept nogil:
    return -dy

cdef inline real flat(real a, real b, real dy) noexcept nogil:
    return 0

cdef inline bint is_equal(real a, real b) noexcept nogil:
    return a == b

cdef inline bint is_unequal(real a, real b) noexcept nogil:
    return a != b

cdef inline bint is_less(real a, real b) noexcept nogil:
    return a < b

cdef inline bint is_less_equal(real a, real b) noexcept nogil:
    return a <= b
