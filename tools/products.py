"""Build mnist_scratch/browser/products.wasm, the loops for a NumPy in a web page, from products.c beside it.

    make mnist_scratch/browser/products.wasm

takes clang and LLVM's linker wasm-ld, of version 14 or later (on Debian and Ubuntu: apt-get install clang lld), or
else PyPI's ziglang, which brings both. The file says what it was made of: a section of its own holds a fingerprint of
source and flags, and the compiler's name.
"""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "mnist_scratch" / "browser" / "products.c"
# -disable-lsr: else an address is computed anew for each load, and nothing is left in the loads' own constant offsets
FLAGS = (
    *"-target wasm32-emscripten -Os -msimd128 -mllvm -disable-lsr -fwrapv".split(),
    *"-fPIC -fvisibility=hidden -ffreestanding -fno-builtin -Wall -Wextra".split(),
)
LINK_FLAGS = ("--experimental-pic", "-shared", "--no-entry", "--strip-all")
SECTION = "made_of"


def tools():
    """The commands of compiler and linker that are installed; RuntimeError when there are none."""
    if shutil.which("clang") and shutil.which("wasm-ld"):
        return ["clang"], ["wasm-ld"]
    if importlib.util.find_spec("ziglang"):
        zig = [sys.executable, "-m", "ziglang"]
        return [*zig, "cc"], [*zig, "wasm-ld"]
    raise RuntimeError("clang and wasm-ld are needed (apt-get install clang lld), or ziglang (pip install ziglang)")


def compiler():
    """The name and version of the compiler that is installed."""
    run = subprocess.run([*tools()[0], "--version"], capture_output=True, text=True, check=True)
    return run.stdout.splitlines()[0]


def fingerprint():
    """What the built file depends on besides the compiler, as a number in hexadecimal."""
    flags = " ".join((*FLAGS, *LINK_FLAGS)).encode()
    return hashlib.sha256(flags + b"\n" + SOURCE.read_bytes()).hexdigest()


def build():
    """The built file's content, as bytes."""
    clang, linker = tools()
    with tempfile.TemporaryDirectory() as scratch:
        compiled, linked = Path(scratch, "products.o"), Path(scratch, "products.wasm")
        for command in (
            [*clang, *FLAGS, "-c", SOURCE.name, "-o", compiled],
            [*linker, *LINK_FLAGS, compiled, "-o", linked],
        ):
            subprocess.run(command, cwd=SOURCE.parent, check=True)
        content = linked.read_bytes()
    name, text = SECTION.encode(), json.dumps({"fingerprint": fingerprint(), "compiler": compiler()}).encode()
    payload = number(len(name)) + name + text
    return content + b"\0" + number(len(payload)) + payload


def made_of(content):
    """What a built file says of itself: a dictionary of fingerprint and compiler."""
    at = 8  # after the format's name and version; then come sections: a kind, a length, and the payload
    while at < len(content):
        kind, (length, start) = content[at], read_number(content, at + 1)
        if kind == 0:
            size, begin = read_number(content, start)
            if content[begin : begin + size] == SECTION.encode():
                return json.loads(content[begin + size : start + length])
        at = start + length
    raise RuntimeError(f"there is no section {SECTION}")


def number(value):
    """A number as the format writes it: seven bits a byte, the lowest first."""
    return bytes([value]) if value < 128 else bytes([value % 128 + 128]) + number(value // 128)


def read_number(content, at):
    """A number of the format, and the place after it."""
    value = shift = 0
    while True:
        value |= (content[at] & 127) << shift
        if content[at] < 128:
            return value, at + 1
        at, shift = at + 1, shift + 7


def main():
    try:
        content = build()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    SOURCE.with_suffix(".wasm").write_bytes(content)
    print(f"{len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
