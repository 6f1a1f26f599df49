"""Tensor: a pointer, a dtype and a shape, and what NumPy sees of it."""

import numpy as np

cimport cython
cimport numpy as cnp
from cpython.float cimport PyFloat_CheckExact
from cpython.long cimport PyLong_CheckExact
from cpython.object cimport Py_EQ, Py_GT, Py_LE, Py_LT, Py_NE
from cpython.ref cimport Py_INCREF
from libc.stdint cimport int64_t, uint32_t, uintptr_t
from libc.string cimport memcpy, memset

from dlcore._kernels.pool cimport pool_alloc, pool_free
from dlcore._kernels.types cimport F16, F32, F64, I64, TEXT, U8

cnp.import_array()

# ------------------------------------------------------------------------------------------------------------ dtypes

_NAMES = ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64", "string")
_NUMPY = tuple(np.dtype(name) for name in _NAMES[:12])
_CODES = {name: code for code, name in enumerate(_NAMES[:12])}
cdef int _code_of_typenum[32]
cdef int _typenum_of_code[12]
cdef Py_ssize_t[13] _itemsizes
cdef int _c, _d
for _c in range(32):
    _code_of_typenum[_c] = -1
for _c in range(12):
    _typenum_of_code[_c] = _NUMPY[_c].num
    _itemsizes[_c] = _NUMPY[_c].itemsize
# Type numbers depend on the platform's C types (long against long long), so ask NumPy for every spelling.
for _char in "?bBhHiIlLqQefd":
    _dt = np.dtype(_char)
    _code_of_typenum[_dt.num] = _CODES[_dt.name]


cdef Py_ssize_t itemsize(int dtype) noexcept nogil:
    return _itemsizes[dtype]


cdef str dtype_name(int dtype):
    return _NAMES[dtype]


cdef int dtype_code(object name) except -1:
    """The code of a dtype given as a string, a NumPy dtype or a NumPy scalar type."""
    code = _CODES.get(name) if isinstance(name, str) else None
    if code is None:
        try:
            code = _CODES.get(np.dtype(name).name)
        except TypeError:
            code = None
    if code is None:
        raise ValueError(f"dtype must be one of {', '.join(_CODES)}; received dtype={name!r}")
    return code


cdef int[13][13] _promoted
for _c in range(12):
    _promoted[_c][<int>TEXT] = _promoted[<int>TEXT][_c] = TEXT      # an error in the op: see Op.declare
    for _d in range(12):
        # A float beats an integer whatever their sizes, as in Keras; otherwise NumPy's rule.
        if (_c >= F16) != (_d >= F16):
            _promoted[_c][_d] = max(_c, _d)
        else:
            _promoted[_c][_d] = _CODES[np.result_type(_NUMPY[_c], _NUMPY[_d]).name]


cdef int promote(int a, int b) noexcept nogil:
    return _promoted[a][b]


cdef bint is_python_number(object x) noexcept:
    return PyFloat_CheckExact(x) or PyLong_CheckExact(x) or isinstance(x, (bool, int, float)) and not isinstance(x, np.generic)


# ------------------------------------------------------------------------------------------------------------ Tensor

# Operators are ops, and ops are built on Tensor: dlcore.ops fills this table when it is imported.
_operators = {}


def register_operators(table):
    """Gives Tensor its arithmetic: a dict from operator name (``add``, ``matmul``, ``getitem`` ...) to function."""
    _operators.update(table)


@cython.freelist(64)
@cython.no_gc
cdef class Tensor:
    """An n-dimensional array that ops compute with: dense, C-contiguous, of one dtype.

    Tensors come out of ops and layers; ``dlcore.ops.convert_to_tensor`` makes one from anything NumPy understands.
    They support NumPy's operators and indexing, ``numpy()`` (a view that shares memory), ``np.asarray`` and DLPack.
    """

    def __cinit__(self):
        self.data = NULL
        self.owner = None
        self.capacity = 0
        self.tape_id = 0
        self.symbolic = False
        self.is_leaf_variable = False
        self.grad_ready = False

    def __init__(self, *args, **kwargs):
        raise TypeError("Tensor cannot be called; use dlcore.ops.convert_to_tensor(x)")

    def __dealloc__(self):
        if self.capacity:
            pool_free(self.data, self.capacity)

    cdef set_dims(self, int ndim, const Py_ssize_t* dims):
        cdef int i
        cdef Py_ssize_t n = 1
        self.ndim = ndim
        for i in range(ndim):
            self.dims[i] = dims[i]
            if dims[i] == UNKNOWN or n == UNKNOWN:
                n = UNKNOWN
            elif dims[i] < 0 or dims[i] != 0 and n > (<Py_ssize_t>1 << 46) // dims[i]:
                raise MemoryError(f"a tensor of shape {tuple([dims[j] for j in range(ndim)])} is too large")
            else:
                n *= dims[i]
        self.size = n

    # -- what it is

    @property
    def shape(self):
        """Tuple of dimensions; ``None`` for one that is not known yet."""
        return shape_of(self)

    @property
    def dtype(self):
        """Name of the element type, such as ``"float32"``."""
        return _NAMES[self.dtype]

    @property
    def ndim(self):
        return self.ndim

    @property
    def size(self):
        return None if self.size == UNKNOWN else self.size

    @property
    def nbytes(self):
        return None if self.size == UNKNOWN else self.size * _itemsizes[self.dtype]

    @property
    def T(self):
        return _operators["transpose"](self)

    @property
    def _keras_mask(self):
        return self.mask

    @_keras_mask.setter
    def _keras_mask(self, value):
        self.mask = value

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a 0-dimensional tensor")
        if self.dims[0] == UNKNOWN:
            self._no_value("len()")
        return self.dims[0]

    def __iter__(self):
        if self.ndim == 0:
            raise TypeError("iteration over a 0-dimensional tensor")
        if self.dims[0] == UNKNOWN:
            self._no_value("iteration")
        return (self[i] for i in range(self.dims[0]))

    def __repr__(self):
        return f"<{type(self).__name__} shape={self.shape}, dtype={_NAMES[self.dtype]}, value={to_numpy(self)!r}>"

    # -- its numbers

    def numpy(self):
        """A NumPy array that shares this tensor's memory; read-only if that is a variable's."""
        return to_numpy(self)

    def item(self):
        """The only element, as a Python number."""
        return to_numpy(self).item()

    def tolist(self):
        return to_numpy(self).tolist()

    def __array__(self, dtype=None, copy=None):
        array = to_numpy(self)
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"a tensor of dtype {_NAMES[self.dtype]} cannot become {dtype} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __dlpack__(self, **options):
        array = to_numpy(self)
        if not array.flags.writeable:           # not everyone who takes it knows read-only memory
            if options.get("copy") is False:
                raise BufferError("read-only memory, as a variable's, is not shared by DLPack; received copy=False")
            array = array.copy()
        return array.__dlpack__(**options)

    def __dlpack_device__(self):
        return (1, 0)

    def __float__(self):
        if self.symbolic:
            self._no_value("float()")
        if self.size == 1:
            if self.dtype == F32:
                return (<float*>self.data)[0]
            if self.dtype == F64:
                return (<double*>self.data)[0]
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        return to_numpy(self).__index__()

    def __bool__(self):
        if self.symbolic:
            self._no_value("bool()")
        return bool(to_numpy(self))

    def __format__(self, spec):
        return format(self.item(), spec) if spec else str(self)

    def __reduce__(self):
        return _from_numpy, (to_numpy(self).copy(),)

    def __copy__(self):
        return cast_copy(self, self.dtype)

    def __deepcopy__(self, memo):
        return cast_copy(self, self.dtype)

    def _no_value(self, what):
        raise TypeError(
            f"{what} needs numbers, and {describe(self)} is symbolic: it stands for a value that exists only when the "
            "model runs. Use dlcore.ops functions, or put NumPy code into a Layer or a Function"
        )

    # -- arithmetic

    def __add__(self, other):
        return _operators["add"](self, other)

    def __radd__(self, other):
        return _operators["add"](other, self)

    def __sub__(self, other):
        return _operators["subtract"](self, other)

    def __rsub__(self, other):
        return _operators["subtract"](other, self)

    def __mul__(self, other):
        return _operators["multiply"](self, other)

    def __rmul__(self, other):
        return _operators["multiply"](other, self)

    def __truediv__(self, other):
        return _operators["divide"](self, other)

    def __rtruediv__(self, other):
        return _operators["divide"](other, self)

    def __floordiv__(self, other):
        return _operators["floor_divide"](self, other)

    def __rfloordiv__(self, other):
        return _operators["floor_divide"](other, self)

    def __mod__(self, other):
        return _operators["mod"](self, other)

    def __rmod__(self, other):
        return _operators["mod"](other, self)

    def __pow__(self, other, modulo):
        return _operators["power"](self, other)

    def __rpow__(self, other, modulo):
        return _operators["power"](other, self)

    def __matmul__(self, other):
        return _operators["matmul"](self, other)

    def __rmatmul__(self, other):
        return _operators["matmul"](other, self)

    def __neg__(self):
        return _operators["negative"](self)

    def __pos__(self):
        return self

    def __abs__(self):
        return _operators["absolute"](self)

    def __invert__(self):
        return _operators["logical_not"](self)

    def __and__(self, other):
        return _operators["logical_and"](self, other)

    def __rand__(self, other):
        return _operators["logical_and"](other, self)

    def __or__(self, other):
        return _operators["logical_or"](self, other)

    def __ror__(self, other):
        return _operators["logical_or"](other, self)

    def __richcmp__(self, other, int how):
        if other is None or isinstance(other, str):
            return NotImplemented
        if how == Py_EQ:
            return _operators["equal"](self, other)
        if how == Py_NE:
            return _operators["not_equal"](self, other)
        if how == Py_LT:
            return _operators["less"](self, other)
        if how == Py_LE:
            return _operators["less_equal"](self, other)
        if how == Py_GT:
            return _operators["greater"](self, other)
        return _operators["greater_equal"](self, other)

    def __hash__(self):
        # By identity, so that tensors and variables may be keys of a dict; == compares elements.
        return <Py_ssize_t>(<uintptr_t><void*>self >> 4)

    def __getitem__(self, key):
        return _operators["getitem"](self, key)

    __array_priority__ = 100

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        # np_array + tensor must reach __radd__; an explicit np.exp(tensor) computes with NumPy.
        name = _UFUNCS.get(ufunc.__name__)
        if method == "__call__" and name in _operators and not kwargs and len(inputs) == 2:
            return _operators[name](*inputs)
        arrays = [to_numpy(x) if isinstance(x, Tensor) else x for x in inputs]
        if "out" in kwargs:
            kwargs["out"] = tuple([to_numpy(x) if isinstance(x, Tensor) else x for x in kwargs["out"]])
        return getattr(ufunc, method)(*arrays, **kwargs)


_UFUNCS = {name: name for name in (
    "add", "subtract", "multiply", "divide", "floor_divide", "power", "matmul", "equal", "not_equal", "less", "less_equal",
    "greater", "greater_equal", "logical_and", "logical_or")} | {"remainder": "mod", "true_divide": "divide"}


def _from_numpy(array):
    return tensor(array)


cdef tuple shape_of(Tensor x):
    cdef int i
    if x.ndim == 2 and x.dims[0] >= 0 and x.dims[1] >= 0:
        return (x.dims[0], x.dims[1])
    if x.ndim == 0:
        return ()
    return tuple([None if x.dims[i] == UNKNOWN else x.dims[i] for i in range(x.ndim)])


cdef bint same_shape(Tensor a, Tensor b) noexcept nogil:
    cdef int i
    if a.ndim != b.ndim:
        return False
    for i in range(a.ndim):
        if a.dims[i] != b.dims[i]:
            return False
    return True


cdef str describe(object x):
    """For error messages: shape and dtype of a tensor or array, or the type of anything else."""
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        return f"a tensor of shape {tuple(x.shape)} and dtype {x.dtype}"
    return f"{x!r} of type {type(x).__name__}"


# ------------------------------------------------------------------------------------------------- making and copying

cdef Tensor empty(int dtype, int ndim, const Py_ssize_t* dims):
    cdef Tensor x = Tensor.__new__(Tensor)
    cdef Py_ssize_t nbytes
    if dtype == TEXT:
        raise TypeError("expected numbers; received text. Turn it into numbers first, with StringLookup or Hashing")
    x.dtype = dtype
    x.set_dims(ndim, dims)
    nbytes = x.size * _itemsizes[dtype]
    x.data = <char*>pool_alloc(nbytes)
    x.capacity = nbytes if nbytes > 0 else 1
    return x


cdef Tensor zeros(int dtype, int ndim, const Py_ssize_t* dims):
    cdef Tensor x = empty(dtype, ndim, dims)
    memset(x.data, 0, x.size * _itemsizes[dtype])
    return x


cdef Tensor empty_like(Tensor x):
    return empty(x.dtype, x.ndim, x.dims)


cdef Tensor view(Tensor base, Py_ssize_t offset, int ndim, const Py_ssize_t* dims):
    cdef Tensor x = Tensor.__new__(Tensor)
    x.dtype = base.dtype
    x.set_dims(ndim, dims)
    point(x, base, offset)
    return x


cdef int point(Tensor x, Tensor base, Py_ssize_t offset) except -1:
    x.data = base.data + offset
    x.owner = base if base.owner is None else base.owner
    return 0


cdef object to_numpy(Tensor x):
    cdef cnp.ndarray array
    cdef cnp.npy_intp dims[MAX_NDIM]
    cdef int i
    if x.symbolic:
        x._no_value("numpy()")
    for i in range(x.ndim):
        dims[i] = x.dims[i]
    array = cnp.PyArray_SimpleNewFromData(x.ndim, dims, _typenum_of_code[x.dtype], x.data)
    # The array lives as long as the buffer: a Variable's pointer may move to an arena, so its owner is what is kept.
    owner = x if x.owner is None else x.owner
    if isinstance(owner, Tensor) and (<Tensor>owner).kept or cnp.PyArray_Check(owner) and not cnp.PyArray_ISWRITEABLE(<cnp.ndarray>owner):
        cnp.PyArray_CLEARFLAGS(array, cnp.NPY_ARRAY_WRITEABLE)
    Py_INCREF(owner)
    cnp.PyArray_SetBaseObject(array, owner)
    return array


cdef Tensor cast_copy(Tensor x, int dtype):
    """A fresh tensor with the values of x as dtype."""
    cdef Tensor y
    cdef Py_ssize_t i
    if x.symbolic:
        x._no_value("a copy")
    y = empty(dtype, x.ndim, x.dims)
    if dtype == x.dtype:
        memcpy(y.data, x.data, x.size * _itemsizes[dtype])
    elif dtype == F32 and x.dtype == F64:
        for i in range(x.size):
            (<float*>y.data)[i] = <float>(<double*>x.data)[i]
    elif dtype == F64 and x.dtype == F32:
        for i in range(x.size):
            (<double*>y.data)[i] = (<float*>x.data)[i]
    elif dtype == F32 and x.dtype == U8:
        for i in range(x.size):
            (<float*>y.data)[i] = (<unsigned char*>x.data)[i]
    elif dtype == F32 and x.dtype == I64:
        for i in range(x.size):
            (<float*>y.data)[i] = <float>(<int64_t*>x.data)[i]
    else:
        with np.errstate(all="ignore"):
            np.copyto(to_numpy(y), to_numpy(x), casting="unsafe")
    return y


cdef Tensor _from_array(cnp.ndarray array):
    cdef Tensor x
    cdef int num = cnp.PyArray_TYPE(array)
    cdef int ndim = cnp.PyArray_NDIM(array)
    cdef int code = _code_of_typenum[num] if 0 <= num < 32 else -1
    cdef Py_ssize_t dims[MAX_NDIM]
    cdef int i
    if code < 0:
        raise TypeError(
            f"cannot make a tensor from an array of dtype {array.dtype}: expected one of {', '.join(_NAMES)}. "
            "Convert text or objects to numbers first, for example with array.astype('float32')"
        )
    if ndim > MAX_NDIM:
        raise ValueError(f"tensors have at most {MAX_NDIM} dimensions; received an array of shape {(<object>array).shape}")
    if not cnp.PyArray_IS_C_CONTIGUOUS(array) or not cnp.PyArray_ISALIGNED(array) or cnp.PyArray_ISBYTESWAPPED(array):
        array = np.array(array, dtype=_NUMPY[code], order="C")
    x = Tensor.__new__(Tensor)
    x.dtype = code
    for i in range(ndim):
        dims[i] = cnp.PyArray_DIM(array, i)
    x.set_dims(ndim, dims)
    x.data = <char*>cnp.PyArray_DATA(array)
    x.owner = array
    return x


cdef Tensor tensor(object x):
    cdef Tensor y
    cdef object array
    if isinstance(x, Tensor):
        return <Tensor>x
    if isinstance(x, np.ndarray):
        return _from_array(x)
    if PyFloat_CheckExact(x):
        y = empty(F32, 0, NULL)
        (<float*>y.data)[0] = x
        return y
    if x is None:
        raise ValueError("expected a tensor, an array or a number; received None")
    try:
        if hasattr(x, "__dlpack__") and not isinstance(x, np.generic):
            # torch's tensors that want gradients refuse to be shared; their values do not.
            return _from_array(np.from_dlpack(x.detach() if hasattr(x, "detach") else x))
        if isinstance(x, (list, tuple)) and any(isinstance(item, Tensor) for item in x):
            return _operators["stack"](list(x))
        array = np.asarray(x)
    except Exception as error:
        raise ValueError(f"cannot make a tensor from {type(x).__name__}: {error}") from error
    # Python numbers have no size of their own: floats become float32, whole numbers int32 where they fit.
    if not isinstance(x, np.generic) and not hasattr(x, "dtype") and not hasattr(x, "dtypes"):
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        elif array.dtype == np.int64 and (array.size == 0 or (array.min() >= -(1 << 31) and array.max() < (1 << 31))):
            array = array.astype(np.int32)
    return _from_array(np.asarray(array))


cdef Tensor tensor_as(object x, int dtype):
    cdef Tensor y
    if PyFloat_CheckExact(x) or PyLong_CheckExact(x):
        y = empty(dtype, 0, NULL)
        if dtype == F32:
            (<float*>y.data)[0] = x
            return y
        if dtype == F64:
            (<double*>y.data)[0] = x
            return y
        return _from_array(np.asarray(x).astype(_NUMPY[dtype]))
    y = tensor(x)
    return y if y.dtype == dtype else cast_copy(y, dtype)


def convert(x, dtype=None):
    """A Tensor of x, without a copy where the memory can be shared; of the given dtype if one is named."""
    cdef Tensor y = tensor(x)
    cdef int code = -1 if dtype is None else dtype_code(dtype)
    if code < 0 or y.dtype == code:
        return y
    return _operators["cast"](y, dtype) if y.symbolic else cast_copy(y, code)


def address(Tensor x):
    """The data pointer as an integer, for tests of alignment and of what shares memory."""
    return <uintptr_t>x.data


# --------------------------------------------------------------------------------------------------------- variables

# Kernels keep what they prepared from variables. Nothing but the functions that call `wrote` can change the numbers, because arrays
# of them are read-only.
cdef long long _writes = 0


cdef void wrote() noexcept:
    global _writes
    _writes += 1


cdef long long writes() noexcept:
    return _writes


cdef class VariableBase(Tensor):
    """The compiled part of a Variable: a tensor whose memory may move into an arena, where its gradient has a place."""

    cdef hold(self, Tensor store):
        """Takes the memory of `store` as its own, which nobody else may write to."""
        self.dtype = store.dtype
        self.set_dims(store.ndim, store.dims)
        self.data = store.data
        self.owner = store
        store.kept = True
        wrote()

    def _hold(self, store):
        self.hold(tensor(store))

    @property
    def _wants_grad(self):
        return self.is_leaf_variable

    @_wants_grad.setter
    def _wants_grad(self, bint value):
        self.is_leaf_variable = value

    def _copy_in(self, value):
        """Overwrites the numbers in place; shape and dtype stay."""
        cdef Tensor x = tensor_as(value, self.dtype)
        if x.symbolic:
            x._no_value("assign")
        if not same_shape(x, self):
            raise ValueError(f"expected a value of shape {self.shape}; received {describe(x)}")
        memcpy(self.data, x.data, self.size * _itemsizes[self.dtype])
        wrote()

    def _add_int(self, int64_t n):
        """Adds n to an int64 scalar in place; the new value. For step counters."""
        (<int64_t*>self.data)[0] += n
        return (<int64_t*>self.data)[0]

    def _next_key(self):
        """(seed, counter) of a uint32 pair, as the generator of random numbers keeps it; the counter goes up by one."""
        cdef uint32_t* pair = <uint32_t*>self.data
        pair[1] += 1
        return pair[0], <uint32_t>(pair[1] - 1)

    @property
    def _gradient(self):
        """The view into the arena's gradients, or None before the variable has a place there."""
        return self.grad_view


# -------------------------------------------------------------------------------------------------------- symbolic

cdef class KerasTensor(Tensor):
    """A tensor without numbers: a shape and a dtype in the graph of a functional model.

    ``history`` is the Node that makes it, or None for a placeholder.

    Args:
        shape: Tuple with ``None`` for unknown dimensions (the batch).
        dtype: Element type; ``"string"`` for text, which only some preprocessing layers take.
        name: Name for summaries and error messages.
    """

    def __init__(self, shape, dtype="float32", name=None):
        cdef Py_ssize_t dims[MAX_NDIM]
        cdef int i
        shape = tuple(shape)
        if len(shape) > MAX_NDIM:
            raise ValueError(f"tensors have at most {MAX_NDIM} dimensions; received shape={shape}")
        for i in range(len(shape)):
            if shape[i] is not None and (not isinstance(shape[i], (int, np.integer)) or shape[i] < 0):
                raise ValueError(f"shape must hold whole numbers or None; received shape={shape}")
            dims[i] = UNKNOWN if shape[i] is None else shape[i]
        self.symbolic = True
        self.dtype = TEXT if dtype is str or isinstance(dtype, str) and dtype in ("string", "str") else dtype_code(dtype)
        self.set_dims(len(shape), dims)
        self.name = name

    def __reduce__(self):
        return KerasTensor, (self.shape, _NAMES[self.dtype], self.name), (None, {"history": self.history, "mask": self.mask})

    def __copy__(self):
        return KerasTensor(self.shape, _NAMES[self.dtype], self.name)

    def __deepcopy__(self, memo):
        # Its node and that node's other tensors are copied with it: a copy of a graph is a graph of copies.
        import copy

        memo[id(self)] = other = KerasTensor(self.shape, _NAMES[self.dtype], self.name)
        other.history, other.mask = copy.deepcopy((self.history, self.mask), memo)
        return other

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={_NAMES[self.dtype]}, name={self.name}>"


def fits(Tensor spec, Tensor x):
    """Whether x has the dtype and the rank of spec, and its dimensions where both are known."""
    cdef int i
    if spec.dtype != x.dtype or spec.ndim != x.ndim:
        return False
    for i in range(x.ndim):
        if spec.dims[i] != x.dims[i] and spec.dims[i] != UNKNOWN and x.dims[i] != UNKNOWN:
            return False
    return True


def symbolic_like(Tensor x):
    """A placeholder with the shape and dtype of x."""
    return KerasTensor(shape_of(x), _NAMES[x.dtype])
