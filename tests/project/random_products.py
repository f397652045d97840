"""Products of random matrices, in all sizes, and in all ways to lie in memory, compared with exact or bounded results.

    python random_products.py LIBRARY TIMES [SEED]    with the loops of a library for this machine, put in by the hook

A page calls `compare_all` itself. Each array has exactly the bytes between its first and its last one, so that a
reader or writer of one more leaves it; what lies between them is not a number, and may not change.
"""

import ctypes
import itertools
import sys
from pathlib import Path

import numpy as np

SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257]
LONG = [500, 511, 512, 513, 784, 1030]
MOST = 1_000_000  # multiplications of one product
BATCHES = [((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0,), (1,)), ((5,), ()), ((), (4,))]
VALUES = ["whole", "whole", "normal", "not finite"]


def compare_all(times, loops, seed=0):
    """Compare so many products; AssertionError at the first that is wrong.

    loops: the addresses of the loops, {dtype: address}; arrays as NumPy does not hand over itself go to them directly.
    """
    rng = np.random.default_rng(seed)
    for i in range(times):
        try:
            compare_one(rng, loops)
        except AssertionError as error:
            raise AssertionError(f"product {i} of seed {seed}: {error}") from None


def compare_one(rng, loops):
    """One product: through `@`, np.matmul with out=, or the loop itself."""
    m, k, n = sizes(rng)
    dtype = np.dtype(rng.choice([np.float32, np.float64]))
    way, kind = rng.choice(["@", "out", "loop"]), rng.choice(VALUES)
    few = m * k * n < MOST // 30 and way != "loop"
    first, second = BATCHES[rng.integers(len(BATCHES))] if few and rng.random() < 0.3 else BATCHES[0]
    a, b = (
        placed(rng, numbers(rng, (*first, m, k), dtype, kind)),
        placed(rng, numbers(rng, (*second, k, n), dtype, kind)),
    )
    where = f"{dtype} {a.shape} {a.strides} @ {b.shape} {b.strides}, {kind}, {way}"
    with np.errstate(all="ignore"):
        exact = np.einsum("...ij,...jk->...ik", a.astype(np.float64), b.astype(np.float64))
        if way == "@":
            product = vector_product(rng, a, b) if first == second == () else a @ b
        else:
            product = placed(rng, np.full(exact.shape, 7, dtype), writable=True)
            where += f" to {product.strides}"
            memory = product.base if isinstance(product.base, np.ndarray) else product
            before, own = memory.copy(), owned(product, memory)
            if way == "out":
                assert np.matmul(a, b, out=product) is product
            else:
                call(loops[dtype.type], a, b, product)
            assert np.array_equal(memory[~own], before[~own]), f"wrote between the numbers: {where}"
        assert product.shape == exact.shape and product.dtype == dtype, where
        if kind == "normal":
            sizes_added = np.einsum("...ij,...jk->...ik", abs(a).astype(np.float64), abs(b).astype(np.float64))
            most = sizes_added * np.finfo(dtype).eps * (2 + k)  # where a stride is 0, all roundings go one way
            assert np.all(abs(product - exact) <= most), where
        else:
            assert np.array_equal(product, exact.astype(dtype), equal_nan=True), where


def compare_functions(times, seed=0):
    """Compare exp, tanh and maximum of random arrays with more exact ones; AssertionError at the first wrong one."""
    rng = np.random.default_rng(seed)
    for i in range(times):
        kind, size = rng.choice([np.float32, np.float64]), rng.integers(200)
        x, y = (placed(rng, any_numbers(rng, size, kind)) for _ in "xy")
        with np.errstate(all="ignore"):
            for function, most in (np.exp, 1.1), (np.tanh, 2.5):
                wanted = function(x.astype(np.longdouble))
                in_place = rng.random() < 0.3
                out = x.copy() if in_place else placed(rng, np.zeros(size, kind), writable=True)
                memory = out.base if isinstance(out.base, np.ndarray) else out
                before, own = memory.copy(), owned(out, memory)
                found = function(out if in_place else x, out=out)
                assert np.array_equal(memory[~own], before[~own]), f"{function.__name__} wrote between the numbers, {i}"
                ahead = x.copy()  # each number of the output lies before the input's
                if function is np.tanh or kind is np.float32:  # exp of float64 is NumPy's own
                    assert same_numbers(function(ahead[1:], out=ahead[:-1]), function(x[1:].copy())), f"ahead, {i}"
                rounded = wanted.astype(kind)
                same = (found == rounded) | np.isnan(found) & np.isnan(rounded)
                # the functions of longer numbers that a page has are themselves no better than those of float64
                slack = 2 * (sys.platform == "emscripten" and kind is np.float64)
                near = abs(found - wanted) <= (most + slack) * np.spacing(abs(rounded)) * np.isfinite(x)
                assert np.all(same | near), f"{function.__name__} {kind.__name__}, {i}: {x[~(same | near)]}"
                signs = (np.signbit(found) == np.signbit(rounded)) | np.isnan(rounded)
                assert np.all(signs), f"the sign of {function.__name__} {kind.__name__}, {i}: {x[~signs]}"
            for a, b in [(x, y), (x, np.full_like(x, 0)), (np.full_like(x, 0.5), y)]:
                greater, found = np.array(list(map(greater_of, a, b)), kind), np.maximum(a, b)
                assert same_numbers(found, greater), f"maximum, {i}"
                for inputs in (a.copy(), b), (a, b.copy()):
                    for out in inputs:
                        if out is not a and out is not b:
                            assert same_numbers(np.maximum(*inputs, out=out), greater), f"maximum in place, {i}"
            for number in 0, 0.5:  # one number beside an array that is the output, too
                wanted, out = np.maximum(x, np.full_like(x, number)), x.copy()
                assert same_numbers(np.maximum(out, kind(number), out=out), wanted), f"maximum in place, {i}"
                wanted, out = np.maximum(np.full_like(x, number), x), x.copy()
                assert same_numbers(np.maximum(kind(number), out, out=out), wanted), f"maximum in place, {i}"
            assert np.array_equal(np.maximum(x, kind(0)), np.maximum(x, np.full_like(x, 0)), equal_nan=True)
            assert np.array_equal(np.maximum(kind(0.5), y), found, equal_nan=True)
            row = list(itertools.accumulate(x, greater_of))
            assert np.array_equal(np.maximum.accumulate(x), row, equal_nan=True), f"maximum.accumulate, {i}"
            assert size == 0 or np.array_equal(x.max(), row[-1], equal_nan=True), f"max, {i}"
            rows = x[: size // 3 * 3].reshape(3, -1)
            assert np.array_equal(
                rows.max(axis=0), list(map(greater_of, map(greater_of, *rows[:2]), rows[2])), equal_nan=True
            )


def same_numbers(found, wanted):
    """Whether two arrays are equal, signs of zeros too; NaN is NaN."""
    nan = np.isnan(wanted)
    return np.array_equal(found, wanted, equal_nan=True) and np.array_equal(
        np.signbit(found)[~nan], np.signbit(wanted)[~nan]
    )


def greater_of(a, b):
    """The greater of two numbers; NaN when one of them is."""
    return a if a >= b or np.isnan(a) else b


def any_numbers(rng, size, kind):
    """Numbers near 0, numbers whose exponential is one, or any bits there are; and those that are special."""
    unsigned = np.dtype(f"u{np.dtype(kind).itemsize}")
    choice = rng.integers(4)
    if choice == 0:
        x = rng.integers(0, np.iinfo(unsigned).max, size, unsigned).view(kind)
    else:
        x = (rng.standard_normal(size) * [1, 30, 300][choice - 1]).astype(kind)
    special = [0.0, -0.0, np.nan, np.inf, -np.inf, 88.72284, -103.97209, 709.782712893384, -745.1332191019412, 1e-40]
    x[rng.random(size) < 0.05] = rng.choice(special)
    return x


def sizes(rng):
    """(m, k, n) of a product that does not take long; a vector in a third of them."""
    while True:
        m, k, n = (int(rng.choice(LONG if rng.random() < 0.1 else SIZES)) for _ in range(3))
        if rng.random() < 0.3:
            m, n = [(1, n), (m, 1), (1, 1)][rng.integers(3)]
        if m * k * n <= MOST:
            return m, k, n


def numbers(rng, shape, dtype, kind):
    """Numbers whose sums of products are exact in any order (whole, or not finite), or normal ones."""
    if kind == "normal":
        return rng.standard_normal(shape).astype(dtype)
    values = rng.integers(-8, 9, shape).astype(dtype)
    if kind == "not finite" and values.size:
        for value in (np.nan, np.inf, -np.inf, -0.0):
            values.flat[rng.integers(values.size, size=1 + values.size // 500)] = value
    return values


def placed(rng, values, writable=False):
    """An equal array in exactly as many bytes as reach from its first to its last one.

    The axes come in any order, run forwards or backwards, with gaps or without; lines may be the same memory unless
    they are to be written to. What lies between the numbers is NaN.
    """
    size, strides, reach = values.itemsize, [0] * values.ndim, values.itemsize
    style = rng.random()
    order = range(values.ndim)[::-1] if style < 0.4 else rng.permutation(values.ndim)
    for axis in order:
        length = values.shape[axis]
        if not writable and style > 0.9 and length > 1 and rng.random() < 0.3:
            values = np.repeat(values.take([0], axis), length, axis)  # the same memory again and again
            continue
        gap = rng.choice([0, 0, 0, size, 5 * size, 1, 3]) if style > 0.2 else 0
        strides[axis] = int(reach + gap) * (1 if style < 0.6 or rng.random() < 0.5 else -1)
        reach += abs(strides[axis]) * max(0, length - 1)
    if values.size == 0:
        return values
    offset = -sum(stride * (length - 1) for stride, length in zip(strides, values.shape, strict=True) if stride < 0)
    array = np.ndarray(values.shape, values.dtype, np.full(reach, 255, np.uint8), offset, strides)
    array[...] = values
    return array


def owned(array, memory):
    """Which bytes of a memory belong to the numbers of an array."""
    own = np.zeros(memory.shape, bool)
    if memory is array:
        own[...] = True
    elif array.size:
        start = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
        bytes_of = np.ndarray((*array.shape, array.itemsize), bool, own, start, (*array.strides, 1))
        bytes_of[...] = True
    return own


def vector_product(rng, a, b):
    """a @ b, in half of the products in which one has a single line with a vector for it."""
    if b.shape[1] == 1 and rng.random() < 0.5:
        return (a @ b[:, 0])[:, None]
    if a.shape[0] == 1 and rng.random() < 0.5:
        return (a[0] @ b)[None]
    return a @ b


def call(loop, a, b, product):
    """Call a loop as NumPy would, also with what NumPy would first copy: numbers at any address."""
    whole = ctypes.c_ssize_t
    (m, k), n = a.shape, b.shape[1]
    pointers = (ctypes.c_void_p * 3)(*(array.__array_interface__["data"][0] for array in (a, b, product)))
    lengths, strides = (whole * 4)(1, m, k, n), (whole * 9)(0, 0, 0, *a.strides, *b.strides, *product.strides)
    given = [ctypes.addressof(array) for array in (pointers, lengths, strides)]
    ctypes.CFUNCTYPE(None, *4 * [ctypes.c_void_p])(loop)(*given, None)


def addresses(library, names):
    """The addresses of a library's loops of np.matmul, {dtype: address}."""
    loops = {dtype: getattr(library, name) for (function, dtype), name in names.items() if function is np.matmul}
    return {dtype: ctypes.cast(loop, ctypes.c_void_p).value for dtype, loop in loops.items()}


def main(library, times, seed=0):
    from mnist_scratch.browser import products

    products.LIBRARY = Path(library)
    products.check_numpy = lambda: None  # this NumPy has a BLAS
    products.right = lambda found, expected: True  # what follows looks closer
    products.say = print
    assert products.install() and products.install()
    compare_all(int(times), addresses(products.in_use[0], products.LOOPS), int(seed))
    compare_functions(int(times) // 10, int(seed))
    print(f"all {times} are right")


if __name__ == "__main__":
    main(*sys.argv[1:])
