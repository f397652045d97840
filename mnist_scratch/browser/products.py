"""Fast matrix products for a NumPy without BLAS, as in a web page: other inner loops for `A @ W`, of products.c.

With them come loops for three functions that are slow there as well: exp, tanh, and maximum.
"""

import contextlib
import ctypes
from pathlib import Path

import numpy as np

LIBRARY = Path(__file__).with_name("products.wasm")
LOOPS = {
    (np.matmul, np.float32): "matmul_float",
    (np.matmul, np.float64): "matmul_double",
    (np.exp, np.float32): "exp_float",
    (np.tanh, np.float32): "tanh_float",
    (np.tanh, np.float64): "tanh_double",
    (np.maximum, np.float32): "maximum_float",
    (np.maximum, np.float64): "maximum_double",
}
# PyUFunc_ReplaceLoopBySignature's place in the table that NumPy's headers read; it is the same in every NumPy 1 and 2
REPLACE_LOOP = 30
# of (m, k) @ (k, n): with these every part of the loops has work, and rests on all sides
SHAPES = [(7, 521, 37), (8, 35, 45), (7, 20, 31), (5, 521, 12), (1, 9, 75), (1, 40, 9), (9, 43, 1)]


class Unsuitable(Exception):
    """Why NumPy keeps its own loops, in words for the browser's console."""


in_use = []  # the library: it has to stay loaded for as long as NumPy calls it
own = {}  # NumPy's own loops, where others are in their place: {(function, dtype): loop}


def install():
    """Let NumPy take the loops of products.wasm for float32 and float64.

    Returns
    -------
    bool
        Whether it does now. If not, NumPy is as it was, and the browser's console has a line that says why: NumPy has
        a BLAS or is another major version; the library does not load, or lacks a loop; or a loop's results are wrong.
    """
    if not in_use:
        try:
            check_numpy()
            in_use.append(replace_all(load()))
        except Exception as reason:  # whatever it is: the course goes on, only slower
            say(f"mnist_scratch: NumPy keeps its own, slow loops: {reason}")
    return bool(in_use)


def check_numpy():
    """Unsuitable when this NumPy needs no other loops, or may not take them."""
    if np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {}).get("found"):
        raise Unsuitable("NumPy has a BLAS, and its own loops")
    if np.__version__.split(".")[0] != "2":
        raise Unsuitable(f"NumPy {np.__version__} is not known to take other loops")


def load():
    """The library, with all its loops; Unsuitable when there is none."""
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except Exception as error:  # in a page, what is no library is refused in several ways
        raise Unsuitable(f"{LIBRARY.name} does not load: {str(error).partition(chr(10))[0]}") from error
    for name in LOOPS.values():
        if not hasattr(library, name):
            raise Unsuitable(f"{LIBRARY.name} has no {name}")
    return library


def replace_all(library):
    """Give NumPy each loop of the library, and return it; Unsuitable, and NumPy's own are back, when one is wrong."""
    try:
        for (function, dtype), name in LOOPS.items():
            expected = answers(function, dtype)
            own[function, dtype] = replace(function, dtype, ctypes.cast(getattr(library, name), ctypes.c_void_p))
            if not right(answers(function, dtype), expected):
                raise Unsuitable(f"{name} gives wrong results")
    except BaseException:
        while own:
            (function, dtype), loop = own.popitem()
            replace(function, dtype, loop)
        raise
    return library


def replace(function, dtype, loop):
    """Give a function of NumPy another loop for one kind of numbers; the loop it had."""
    kind = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
    pointer = kind(("PyCapsule_GetPointer", ctypes.pythonapi))
    table = ctypes.cast(pointer(np._core._multiarray_umath._UFUNC_API, None), ctypes.POINTER(ctypes.c_void_p))
    given = ctypes.py_object, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_void_p)
    call = ctypes.PYFUNCTYPE(ctypes.c_int, *given)(table[REPLACE_LOOP])
    signature, old = (ctypes.c_int * function.nargs)(*function.nargs * [np.dtype(dtype).num]), ctypes.c_void_p()
    if call(function, loop, signature, ctypes.byref(old)) != 0:
        raise Unsuitable(f"this NumPy has no loop of {function.__name__} for {np.dtype(dtype)} to replace")
    return old


def right(found, expected):
    """Whether answers are the expected ones: whole numbers to the last bit, others nearly so."""
    return all(
        np.allclose(new, old, rtol=4 * np.finfo(old.dtype).eps, atol=0, equal_nan=True)
        for new, old in zip(found, expected, strict=True)
    )


def answers(function, dtype):
    """What a function says to questions of all shapes and ways to lie in memory; products are of whole numbers."""
    if function is np.matmul:
        return [left @ other for m, k, n in SHAPES for left, other in matrices(m, k, n, dtype)]
    x = np.array([*np.linspace(-80, 80, 41), 0.0, -0.0, 0.25, 800, np.inf, -np.inf, np.nan], dtype)
    ways = [x, x[:3], x[::-1], x[::2]]
    with np.errstate(all="ignore"):
        if function.nin == 1:
            return [*map(function, ways), np.copysign(dtype(1), function(x[:-1]))]  # a zero has a sign, too
        pairs = [(way, other) for way in ways for other in (way[::-1].copy(), dtype(0))] + [(dtype(0), x)]
        return [function(*pair) for pair in pairs] + [function.reduce(x[:-1]), function.accumulate(x)]


def matrices(m, k, n, dtype):
    """Pairs of the same two matrices: rows side by side, columns side by side, and neither."""
    A, B = whole_numbers(m, k, dtype), whole_numbers(k, n, dtype)
    yield A, B
    yield A.T.copy().T, B.T.copy().T
    yield A[::-1, ::-1].copy()[::-1, ::-1], np.repeat(B, 2, axis=1)[:, ::2]


def whole_numbers(rows, columns, dtype):
    """A matrix of small whole numbers."""
    return (np.arange(rows * columns) % 13 - 6).astype(dtype).reshape(rows, columns)


def say(line):
    """A line in the browser's console, and none in the notebook."""
    with contextlib.suppress(ImportError):  # there is no console elsewhere
        from js import console

        console.warn(line)
