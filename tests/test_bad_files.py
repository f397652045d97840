"""Over ten thousand damaged and forged files: each is read rightly, or refused with an error that names it.

Right is what a second, independent reader finds in the same bytes; see bad_files. To see what was read and refused:
`pytest -s tests/test_bad_files.py`.
"""

import faulthandler
import hashlib
import random
import shutil
import struct
import subprocess
import sys
import warnings
import zipfile
import zlib
from pathlib import Path

import bad_files
import numpy as np
import pytest
from bad_files import Table, idx, npy, packed, zipped
from PIL import Image

from mnist_scratch import AveragedSGD, FileFormatError, History, Network, load_mnist, read_idx, recipes, runs
from mnist_scratch import data as data_module
from mnist_scratch.classroom import reports
from mnist_scratch.prepare import prepare_digit, read_picture


@pytest.fixture(autouse=True)
def no_warning_and_no_hang():
    faulthandler.dump_traceback_later(900, exit=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    faulthandler.cancel_dump_traceback_later()


def named(error, path):
    """Whether it is the package's own error, which names the file and tells nothing of what went on inside."""
    alone = error.__suppress_context__ or error.__context__ is None
    return type(error) is FileFormatError and str(error).startswith(f"{path}: ") and alone


# ------------------------------------------------------------------------------------------------------- read_idx


def test_idx_files(tmp_path):
    path, table, unharmed = tmp_path / "file", Table("IDX files, by `read_idx`"), set()
    for kind, content, whole, array, error, peak in bad_files.tried(bad_files.idx_files(), read_idx, path):
        table.note(kind, array is not None, peak)
        true = bad_files.idx_content(content)
        if true is None:
            assert named(error, path), (kind, error)
        else:  # whatever is whole has to be read
            letter, shape, values = true
            assert error is None, (kind, error)
            assert array.shape == shape and array.dtype == np.dtype(letter) and array.dtype.isnative
            assert array.astype(array.dtype.newbyteorder(">")).tobytes() == values, kind
            if true == bad_files.idx_content(whole):
                unharmed.add(kind)
        assert peak < 1_500_000, kind  # one piece of a megabyte, and small things
    print(f"\n{table}")
    assert table.read > 1_000 and table.refused > 2_000 and table.read + table.refused > 6_000
    assert unharmed >= {"gzip_header", "in_two_gzip_members", "wrong_gzip_flags", "bit, packed", "longer, packed"}


# ----------------------------------------------------------------------------------------------------- load_mnist

N_TRAIN, N_TEST = 20, 10
NAMES = list(data_module._MNIST_FILES)


@pytest.fixture
def small_mnist(monkeypatch):
    """The four files, of a few images each, which take the place of the genuine ones: {name: unpacked bytes}."""
    rng = random.Random(0)
    contents = []
    for n in (N_TRAIN, N_TEST):
        contents.append(idx(0x08, [n, 28, 28], rng.randbytes(784 * n)))
        contents.append(idx(0x08, [n], bytes(rng.randrange(10) for _ in range(n))))
    whole = dict(zip(NAMES, contents, strict=True))
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in whole.items()}
    monkeypatch.setattr(data_module, "_MNIST_FILES", digests)
    return whole


def mnist_files(whole, n=24):
    """(kind, {name: bytes}): one file of the four is damaged, or two are swapped."""
    for kind in [*bad_files.DAMAGE, *bad_files.FORGED_IDX, *bad_files.GZIPPED, "names swapped", "untouched"]:
        name = kind if isinstance(kind, str) else kind.__name__
        for i in range(3 * n if kind in bad_files.DAMAGE else 2 if kind is bad_files.bomb else n):
            rng = random.Random(f"MNIST {name} {i}")
            files = {name: packed(content) if rng.random() < 0.5 else content for name, content in whole.items()}
            victim, other = rng.sample(NAMES, 2)
            if kind == "names swapped":
                files[victim], files[other] = files[other], files[victim]
            elif kind in bad_files.DAMAGE:
                files[victim] = kind(rng, files[victim])
                if rng.random() < 0.3:
                    files[victim] = packed(files[victim])
            elif kind in bad_files.GZIPPED:
                files[victim] = kind(rng, whole[victim])
            elif kind in bad_files.FORGED_IDX:
                content = whole[victim]
                shape = list(struct.unpack(f">{content[3]}I", content[4 : 4 + 4 * content[3]]))
                files[victim] = kind(rng, 0x08, shape, content[4 + 4 * content[3] :])
            yield name, files


def test_mnist_files(tmp_path, small_mnist):
    table = Table("MNIST's files, by `load_mnist`")
    true = [bad_files.idx_content(content)[2] for content in small_mnist.values()]
    for kind, files in mnist_files(small_mnist):
        for name, content in files.items():
            (tmp_path / f"{name}.gz").write_bytes(content)
        try:
            mnist = load_mnist(tmp_path, n_validation=5)
        except FileFormatError as error:
            table.note(kind, False)
            guilty = [name for name in NAMES if named(error, tmp_path / f"{name}.gz")]
            assert len(guilty) == 1 and "Restore it" in str(error), (kind, error)
            content = files[guilty[0]]
            assert content != small_mnist[guilty[0]] and bad_files.unpacked(content) != small_mnist[guilty[0]], kind
        else:
            table.note(kind, True)
            images = np.concatenate([mnist.train.images, mnist.validation.images]), mnist.test.images
            labels = np.concatenate([mnist.train.labels, mnist.validation.labels]), mnist.test.labels
            assert [np.rint(part * 255).astype(np.uint8).tobytes() for part in images] == true[::2], kind
            assert [part.astype(np.uint8).tobytes() for part in labels] == true[1::2], kind
    print(f"\n{table}")
    assert table.read > 100 and table.refused > 700 and table.read + table.refused > 1_000
    assert table.counts["untouched", False] == 0 and table.counts["names_swapped", True] == 0


# --------------------------------------------------------------------------------------------------- Network.load


def test_network_files(tmp_path):
    path, table = tmp_path / "model.npz", Table("networks' files, by `Network.load`")
    for kind, content, whole, net, error, peak in bad_files.tried(bad_files.npz_files(), Network.load, path):
        table.note(kind, net is not None, peak)
        if net is None:
            assert named(error, path) and "allow_pickle" not in str(error), (kind, error)
        else:
            true = bad_files.parameters(content)
            assert list(true) and set(true) == set(net.parameter_names()), kind
            for name, array in zip(net.parameter_names(), net.parameters(), strict=True):
                shape, size, numbers = true[name]
                assert array.shape == shape and array.itemsize == size and array.dtype.isnative, kind
                assert np.array_equal(array.ravel(), numbers, equal_nan=True), kind
            if kind in HARMLESS_OR_REFUSED:
                assert sorted(true.items()) == sorted(bad_files.parameters(whole).items()), kind
        assert peak < 300_000 + 12 * len(content), kind
    print(f"\n{table}")
    assert table.read > 1_000 and table.refused > 2_000 and table.read + table.refused > 4_000
    for kind in ("in_another_order", "with_a_comment", "behind_other_bytes", "by_columns", "not_numbers"):
        assert table.counts[kind, False] == 0, kind
    for kind in ("missing", "twice", "one_more", "squeezed", "zip_bomb", "zip_bomb_of_one_kernel", "huge_shape"):
        assert table.counts[kind, True] == 0, kind


HARMLESS_OR_REFUSED = {kind.__name__ for kind in bad_files.DAMAGE} | {
    *("in_another_order", "with_a_comment", "behind_other_bytes", "any_flag", "lying_sizes", "lying_checksum"),
    *("lying_offset", "lying_directory"),
}


# ------------------------------------------------------------------------ what `train` leaves: checkpoints, JSON

TINY = recipes.Recipe("tiny", (3, 2, 2), AveragedSGD(0.1, momentum=0.5), epochs=5, batch_size=2, weight_decay=1e-4)
HALF_WAY = {
    "train_loss": [2.3, 1.5, 1.1],
    "penalty": [0.1, 0.2, 0.3],
    "train_accuracy": [0.1, 0.5, 0.8],
    "validation_loss": [2.4, 1.6, 1.2],
    "validation_accuracy": [0.1, 0.4, 0.7],
    "learning_rate": [0.1, 0.1, 0.1],
    "seconds": [0.0, 0.5, 1.0],
}


@pytest.fixture
def members_of_a_checkpoint(tmp_path):
    """A function that returns the members of a whole checkpoint; NumPy wrote them, but for their dates."""
    net = TINY.network(0)
    history = History(**HALF_WAY, velocity=TINY.optimizer.initial_velocity(net.parameters()))
    runs._save_checkpoint(tmp_path / "checkpoint", TINY, net, history)
    with zipfile.ZipFile(tmp_path / "checkpoint") as file:
        contents = {name: file.read(name) for name in file.namelist()}
    return lambda rng: {name.removesuffix(".npy"): bad_files.Member(name, data) for name, data in contents.items()}


def test_checkpoint_files(tmp_path, members_of_a_checkpoint):
    def reader(path):
        net = TINY.network(seed=1)
        history = runs._load_checkpoint(path, TINY, net)
        return net, history

    path, table = tmp_path / "checkpoint-seed0-all.npz", Table("checkpoints, by `train --resume`")
    files = bad_files.npz_files(12, members_of_a_checkpoint)
    for kind, content, whole, result, error, peak in bad_files.tried(files, reader, path):
        table.note(kind, result is not None, peak)
        if result is None:
            if type(error) is ValueError:  # a whole checkpoint, of another recipe
                assert str(error).startswith(f"{path} was made with other settings"), (kind, error)
                assert bad_files.npz_content(content)["settings"] != bad_files.npz_content(whole)["settings"], kind
            else:
                assert named(error, path), (kind, error)
        else:
            net, history = result
            true = bad_files.parameters(content)
            there = dict(zip([f"parameter{i}" for i in range(4)], net.parameters(), strict=True))
            there |= {f"velocity{i}": array for i, array in enumerate(history.velocity)}
            assert set(true) == set(there), kind
            for name, array in there.items():
                shape, size, numbers = true[name]
                assert array.shape == shape and array.itemsize == size
                assert np.array_equal(array.ravel(), numbers, equal_nan=True), kind
            if kind != "damaged_npy":
                assert {name: getattr(history, name) for name in HALF_WAY} == HALF_WAY, kind
        assert peak < 400_000 + 12 * len(content), kind
    print(f"\n{table}")
    assert table.read > 80 and table.refused > 300


@pytest.mark.parametrize("name", ["summary.json", "history.json"])
def test_result_files(tmp_path, name):
    """Whatever is read can be used: by `train`, which looks for finished runs, and by the table and picture of all."""
    recipe = recipes.RECIPES["relu-128-64"]
    folder = tmp_path / recipe.name
    shutil.copytree(Path(__file__).parents[1] / "results" / recipe.name, folder)

    def use(path):
        if name == "summary.json":
            runs.finished(recipe, 0, folder)
            return reports._cells(recipe, tmp_path)
        for stages in runs.load_histories(folder).values():
            for history in stages.values():
                validation = history.validation_loss or history.train_loss
                np.array([history.train_loss, history.train_accuracy, validation, history.seconds], float)  # curves
        return True

    path, table = folder / name, Table(f"{name}, by `train` and `compare`")
    for kind, _, _, result, error, peak in bad_files.tried(
        bad_files.json_files(path.read_text(encoding="utf-8"), 100), use, path
    ):
        table.note(kind, result is not None, peak)
        assert result is not None or named(error, path), (kind, error)
    print(f"\n{table}")
    assert table.read > 20 and table.refused > 100


# ------------------------------------------------------------------------------------------------------- pictures


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_pictures(tmp_path, form, mnist):
    path, table = tmp_path / "digit", Table(f"{form} pictures, by `predict`")
    sheet = np.pad(255 - np.rint(mnist.test.images[0].reshape(28, 28) * 255), 6, constant_values=255).astype(np.uint8)
    Image.fromarray(sheet).save(path, form)
    whole, genuine = path.read_bytes(), read_picture(path)
    files = (
        (kind.__name__, kind(random.Random(f"{form} {kind.__name__} {i}"), whole), whole)
        for kind in bad_files.DAMAGE
        for i in range(60)
    )
    for kind, _, _, greys, error, peak in bad_files.tried(files, read_picture, path):
        table.note(kind, greys is not None, peak)
        if greys is None:
            assert named(error, path), (kind, error)
            continue
        assert greys.ndim == 2 and greys.dtype == np.float32 and 0 <= greys.min() and greys.max() <= 1, kind
        if form == "PNG":  # it keeps checksums
            assert np.array_equal(greys, genuine), kind
        try:
            assert prepare_digit(greys, "this picture").shape == (784,)
        except ValueError as error:
            assert str(error).startswith("this picture"), kind
    print(f"\n{table}")
    assert table.read > 20 and table.refused > 100


# ---------------------------------------------------------------------------------------------------------- bombs

MEGABYTES = 4_000  # that a bomb unpacks to


def squeezed_zeros(megabytes):
    """The deflate stream of so many megabytes of zeros, without making them: one megabyte again and again."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte = squeeze.compress(bytes(1_000_000)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return megabyte * megabytes + squeeze.flush()


def png(side, *chunks, colour=6):
    """A PNG picture of side × side pixels of 8 bits, without its pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def bombs(folder):
    """Files of some megabytes that unpack to gigabytes, or promise them, or keep a parser busy."""
    zeros = squeezed_zeros(MEGABYTES)
    gz = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    size = (MEGABYTES - 1) * 1_000_000
    one = zlib.compressobj(9, zlib.DEFLATED, -15)
    header = one.compress(idx(0x08, [size], b"")) + one.flush(zlib.Z_FULL_FLUSH)
    lengthy = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"n" * 2_000_000
    empty = packed(b"")
    for name, content in {
        "idx-honest": gz + header + zeros,
        "idx-of-more-than-promised": packed(idx(0x08, [3], b"abc")) + gz + zeros,
        "idx-of-terabytes-promised": idx(0x0E, [1 << 20, 1 << 20], bytes(100)),
        "idx-of-a-gigabyte-promised": packed(idx(0x08, [10**9], bytes(100))),
        "idx-with-a-long-name": lengthy,
        "idx-of-empty-members": empty * 100_000,
        "train-images-idx3-ubyte.gz": gz + header + zeros,
    }.items():
        (folder / name).write_bytes(content)

    def network(**changed):
        members = {name: bad_files.Member(f"{name}.npy", b"") for name in ("activation", "output", "loss", "W1", "b1")}
        for name, text in [("activation", "relu"), ("output", "softmax"), ("loss", "cross_entropy")]:
            members[name].content = members[name].stored = bad_files.text_npy(text)
        return zipped((members | changed).values())

    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = npy("'<f4'", f"({MEGABYTES * 250_000 // 2}, 2)", b"")
    stored = squeeze.compress(start) + squeeze.flush(zlib.Z_FULL_FLUSH) + zeros
    W1 = bad_files.Member("W1.npy", b"")
    W1.method, W1.stored, W1.size = 8, stored, MEGABYTES * 1_000_000 + len(start)
    lying = bad_files.Member("W1.npy", b"")
    lying.method, lying.stored, lying.size = 8, stored, 1000
    promised = bad_files.Member("W1.npy", npy("'<f8'", "(1000000, 1000000)", bytes(80)))
    kernel = bad_files.Member("W0.npy", npy("'<f4'", "(500000,)", bytes(2_000_000)))
    same = [bad_files.Member(f"W{i}.npy", b"") for i in range(1, 3000)]
    for member in same:
        member.offset, member.size, member.stored_size = 0, len(kernel.content), len(kernel.content)
    for name, content in {
        "model-of-gigabytes.npz": network(W1=W1),
        "model-of-hidden-gigabytes.npz": network(W1=lying),
        "model-of-terabytes-promised.npz": network(W1=promised),
        "model-of-one-kernel.npz": zipped([kernel, *same]),
        "model-of-nothing.npz": zipped([bad_files.Member("", b"")] * 20_000),
    }.items():
        (folder / name).write_bytes(content)
    (folder / "summary.json").write_bytes(b"[" * 4_000_000)

    zlib_zeros = b"\x78\xda" + zeros
    for name, content in {
        "picture-of-text.png": png(20, (b"zTXt", b"Comment\0\0" + zlib_zeros)),
        "picture-of-a-profile.png": png(20, (b"iCCP", b"name\0\0" + zlib_zeros)),
        "picture-of-a-billion.png": png(2**31 - 1, (b"IDAT", zlib_zeros)),
        "picture-of-a-length.png": png(20)[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(100),
    }.items():
        (folder / name).write_bytes(content)


CHILD = """
import re, resource, sys
from pathlib import Path
from mnist_scratch import FileFormatError, Network, load_mnist, read_idx
from mnist_scratch.prepare import read_picture
from mnist_scratch.runs import load_summary

READERS = {"idx": read_idx, "train": lambda path: load_mnist(path.parent), "model": Network.load}
READERS |= {"summary": lambda path: load_summary(path.parent), "picture": read_picture}

def kilobytes(name):
    return int(re.search(rf"{name}:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

import PIL.JpegImagePlugin, PIL.PngImagePlugin  # what a first call would load
resource.setrlimit(resource.RLIMIT_AS, ((kilobytes("VmSize") + 200_000) * 1024,) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    before = kilobytes("VmHWM")
    try:
        READERS[path.name.replace(".", "-").split("-")[0]](path)
    except FileFormatError as error:
        outcome = str(error)[:110] if str(path) in str(error) else f"UNNAMED {error}"
    except BaseException as error:
        outcome = f"{type(error).__name__} {error}"
    else:
        outcome = "READ"
    print(path.name, (kilobytes("VmHWM") - before) // 1000, outcome, sep="\\t", flush=True)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells what a process has taken, and keeps it to a limit"
)
def test_bombs_take_little_memory(tmp_path):
    """In a process of its own, which gets 200 megabytes for all that it does: how much more it has after each file."""
    folder = tmp_path / "bombs"
    folder.mkdir()
    bombs(folder)
    assert max(path.stat().st_size for path in folder.iterdir()) < 4_500_000
    run = subprocess.run([sys.executable, "-c", CHILD, str(folder)], capture_output=True, text=True, timeout=600)
    print(f"\n{run.stdout}")
    assert run.returncode == 0 and run.stderr == "", run.stderr
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert [name for name, _, _ in rows] == sorted(path.name for path in folder.iterdir())
    for name, megabytes, outcome in rows:
        assert outcome.startswith(str(folder / name)), (name, outcome)
        assert int(megabytes) < 60, (name, megabytes)


def test_the_limit_of_read_idx_is_kept_to_the_byte(tmp_path):
    path = tmp_path / "file"
    for content in (idx(0x0B, [50, 10], bytes(1000)), packed(idx(0x0B, [50, 10], bytes(1000)))):
        path.write_bytes(content)
        assert read_idx(path, limit=1012).shape == (50, 10)
        with pytest.raises(FileFormatError, match="limit=1,011"):
            read_idx(path, limit=1011)
