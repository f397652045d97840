"""The loops for matrix products in a page: their source, compiled for this machine, and the hook that puts them in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mnist_scratch.browser import products
from tools import products as building

ROOT = Path(__file__).resolve().parents[2]
COMPARE = Path(__file__).with_name("random_products.py")
COMPILER = next(filter(None, map(shutil.which, ["cc", "gcc", "clang"])), None)
SANITIZE = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
TIMES = 3_000

compiled = pytest.mark.skipif(
    COMPILER is None or sys.platform == "win32", reason="there is no C compiler here (cc, gcc or clang)"
)


def library(folder, *flags, source=None):
    """Compile the source, or a changed one, for this machine; the library's path."""
    (folder / "products.c").write_text(source or building.SOURCE.read_text(encoding="utf-8"), encoding="utf-8")
    command = [COMPILER, *(flags or ["-O2"]), "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-shared", "-fPIC"]
    subprocess.run([*command, "products.c", "-o", "products.so"], cwd=folder, check=True)
    return folder / "products.so"


def compare(library, times=TIMES, **environment):
    """Random products with a library's loops, in another Python: this one keeps NumPy's own. The finished process."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    command = [sys.executable, COMPARE, library, str(times)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


@compiled
def test_random_products_are_right(tmp_path):
    run = compare(library(tmp_path))
    assert run.returncode == 0, run.stdout + run.stderr


@compiled
def test_nothing_outside_is_read_or_written_and_nothing_is_undefined(tmp_path):
    try:
        library(tmp_path, *SANITIZE, source="int nothing;")
    except subprocess.CalledProcessError:
        pytest.skip(f"{COMPILER} has no sanitizers here")
    checked = library(tmp_path, *SANITIZE)
    runtime = sanitizer()
    if runtime is None:
        pytest.skip(f"{COMPILER} has no library of its address sanitizer here")
    settings = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0"}
    assert compare(checked, 0, **settings).returncode == 0, "Python itself does not run under the sanitizer"
    run = compare(checked, **settings)
    assert run.returncode == 0, run.stdout + run.stderr
    # planted: one number behind the last row of the left matrix, read and thrown away
    source = changed("    char *packed_right", "    (void)*(volatile T *)&AT(a, (m - 1) * a_row + k * a_column);\n")
    run = compare(library(tmp_path, *SANITIZE, source=source), **settings)
    assert run.returncode != 0 and "AddressSanitizer" in run.stderr


@compiled
def test_without_memory_to_work_in_products_are_right(tmp_path):
    source = changed("static char *work;", "#define malloc(size) ((void *)(__SIZE_TYPE__)((size) & 0))\n")
    run = compare(library(tmp_path, source=source), 300)
    assert run.returncode == 0, run.stdout + run.stderr


def sanitizer():
    """The library that a sanitized one needs to be loaded first; None when it is not found."""
    for name in ("libasan.so", "libclang_rt.asan-x86_64.so", "libclang_rt.asan-aarch64.so"):
        found = subprocess.run([COMPILER, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        if os.path.isabs(found):
            return found
    return None


def changed(before, insert="", old="", new=""):
    """The source with something put in before a place, or in whose first line from a place on a piece is another."""
    source = building.SOURCE.read_text(encoding="utf-8")
    assert source.count(before) == 1, before
    start = source.index(before)
    rest = source[start:]
    if old:
        assert old in rest
        rest = rest.replace(old, new, 1)
    return source[:start] + insert + rest


# a place in the source, and what is wrong there
MISTAKES = {
    "the depth's last step": ("NOT_UNROLLED for (intp p = 0; p < deep; p++, left", "p < deep;", "p < deep - 1;"),
    "the last step of a vector": ("for (intp q = p; q < k; q++)", "q < k", "q < k - 1"),
    "the last row": ("for (intp i = whole, rows; i < high;", "i < high", "i < high - 1"),
    "the last column": ("static void NAME(put)", "j < columns", "j < columns - 1"),
    "rows beside the last tile": ("intp whole = high / ROWS * ROWS", "high /", "(high - 1) /"),
    "columns beside the last panel": ("intp there = right_stays", "wide / COLUMNS", "(wide + 1) / COLUMNS"),
    "filled up with something": ("ALWAYS_INLINE void NAME(pack)", "p * along) : 0;", "p * along) : 1, AT(to, 0) += 1;"),
    "the last part": ("intp wide = min(WIDE, n - j0)", "k - p0", "k - p0 - 1"),
    "the next row of vectors": ("for (; i < m; i++) NAME(dots)", "i < m", "i < m - 1"),
    "the last numbers of a function": ("#define EACH(name)", "count > 0", "count >= LANES"),
    "the last number of a maximum": ("for (; count > 0; count--, a +=", "count > 0", "count > 1"),
    "a shorter series": ("ALWAYS_INLINE NAME(parts) NAME(exp_parts)", "[TERMS]", "[TERMS - 1]"),
    "the sign of 0": ("PLACES sign = (PLACES)x", "(PLACES)x &", "(PLACES)(x < 0) &"),
    "a sum begun anew": ("if (add) sums[i][v]", "add", "0"),
}
# those that the hook, which tries a few numbers only, need not see
FINER = {
    "maximum's sign of 0": ("#define GREATER", "x >= y", "x > y"),
    "something between the numbers": (
        "ALWAYS_INLINE void NAME(write)", "AT(to, c * stride) = v[c]", "AT(to, SIZE) = 0, AT(to, c * stride) = v[c]"
    ),
    "tanh of infinity": ("size = CHOOSE(size > 20", "size > 20, ALL(20)", "size > 19, ALL(19)"),
    "exp of minus infinity": ("#define EXP_LEAST", "-105", "-103"),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------------ the hook

HOOK = """
import sys
import numpy as np
from pathlib import Path
from mnist_scratch.browser import products

said = []
products.say = said.append
{setting}


def loops():  # those that NumPy has: each is taken out and put back
    found = [products.replace(function, dtype, None) for function, dtype in products.LOOPS]
    for (function, dtype), loop in zip(products.LOOPS, found):
        products.replace(function, dtype, loop)
    return [loop.value for loop in found]


own = loops()
A, B = np.arange(1200.0).reshape(30, 40) % 13, np.arange(2000.0).reshape(40, 50) % 17
before = [(A @ B).tobytes(), (A.astype("f") @ B.astype("f")).tobytes()]
calls = products.install()
assert calls or loops() == own, "NumPy is as it was"
after = [(A @ B).tobytes(), (A.astype("f") @ B.astype("f")).tobytes()]
assert before == after, "whole numbers: the same in any order"
print(calls, len(said), *said)
"""
NO_BLAS = "products.check_numpy = lambda: None\nproducts.LIBRARY = Path({library!r})\n"


def hooked(setting):
    """What install says in another Python, after a setting: [whether it is in use, how many lines, the lines]."""
    code = HOOK.format(setting=setting)
    run = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.split(maxsplit=2)


@compiled
def test_the_hook_puts_the_loops_in_once(tmp_path):
    path = str(library(tmp_path))
    assert hooked(NO_BLAS.format(library=path)) == ["True", "0"]
    assert hooked(NO_BLAS.format(library=path) + "products.install()") == ["True", "0"]


@compiled
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_seen_and_the_loops_are_taken_out_again(mistake, tmp_path):
    before, old, new = MISTAKES[mistake]
    wrong = library(tmp_path, "-O1", source=changed(before, old=old, new=new))
    assert compare(wrong).returncode != 0, "random products and functions do not tell it from the right source"
    fast, lines, said = hooked(NO_BLAS.format(library=str(wrong)))
    assert (fast, lines) == ("False", "1") and "wrong results" in said


@compiled
@pytest.mark.parametrize("mistake", FINER)
def test_a_finer_mistake_is_seen_by_random_numbers(mistake, tmp_path):
    before, old, new = FINER[mistake]
    assert compare(library(tmp_path, "-O1", source=changed(before, old=old, new=new))).returncode != 0


@compiled
def test_a_library_without_a_loop_is_refused(tmp_path):
    path = str(library(tmp_path, "-O1", "-Dmatmul_double=other"))
    fast, lines, said = hooked(NO_BLAS.format(library=path))
    assert (fast, lines) == ("False", "1") and "has no matmul_double" in said


@pytest.mark.parametrize("content", [None, b"", b"no library", b"\x7fELF\x02\x01\x01"])
def test_what_does_not_load_is_refused(content, tmp_path):
    path = tmp_path / "products.so"
    if content is not None:
        path.write_bytes(content)
    fast, lines, said = hooked(NO_BLAS.format(library=str(path)))
    assert (fast, lines) == ("False", "1") and "does not load" in said


@pytest.mark.parametrize("version", ["1.26.4", "3.0.0", "30.1"])
def test_another_numpy_keeps_its_loops(version):
    no_blas = "np.show_config = lambda mode: {'Build Dependencies': {'blas': {'found': False}}}\n"
    fast, lines, said = hooked(no_blas + f"np.__version__ = {version!r}")
    assert (fast, lines) == ("False", "1") and version in said


def test_a_numpy_with_a_blas_keeps_its_loops():
    with_blas = "np.show_config = lambda mode: {'Build Dependencies': {'blas': {'found': True}}}\n"
    fast, lines, said = hooked(with_blas)
    assert (fast, lines) == ("False", "1") and "BLAS" in said


def test_the_place_in_numpys_table_is_that_of_its_headers():
    header = Path(np.get_include(), "numpy", "__ufunc_api.h").read_text(encoding="utf-8")
    assert f"PyUFunc_API[{products.REPLACE_LOOP}])" in header.split("PyUFunc_ReplaceLoopBySignature", 2)[2]


# -------------------------------------------------------------------------------------------- the built file


def test_the_built_file_is_made_of_the_source():
    said = building.made_of(products.LIBRARY.read_bytes())
    assert said["fingerprint"] == building.fingerprint(), "make mnist_scratch/browser/products.wasm"


def test_the_same_compiler_makes_the_same_bytes():
    content = products.LIBRARY.read_bytes()
    try:
        here = building.compiler()
    except RuntimeError as error:
        pytest.skip(str(error))
    if here != building.made_of(content)["compiler"]:
        pytest.skip(f"another compiler made it: {here} is here")
    assert building.build() == content
