"""Damaged and forged files: each is read rightly, or refused with an error that names it, and takes little memory.

Right is what another reader finds in the same bytes. The files are the same on every machine, and drawn from seeds
(`pytest -l` shows which): in the same time Hypothesis, which prepares to shrink each, would try a fifth of them.
"""

import gzip
import io
import json
import random
import struct
import subprocess
import sys
import warnings
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest
from PIL import Image

from mnist_scratch import MNIST, SGD, FileFormatError, Network, read_idx, runs
from mnist_scratch.classroom import reports
from mnist_scratch.prepare import prepare_digit, read_picture
from mnist_scratch.recipes import RECIPES, Recipe

pytestmark = pytest.mark.filterwarnings("error")
ROOT = Path(__file__).resolve().parents[2]


def named(error, path):
    """Whether the error names the file, and tells nothing of what went on inside."""
    alone = error.__suppress_context__ or error.__context__ is None
    return str(error).startswith(f"{path}: ") and "allow_pickle" not in str(error) and alone


def result_or_refusal(reader, path, content):
    """What the reader finds in a file with this content, or None: refused by an error that names it."""
    path.write_bytes(content)
    try:
        return reader(path)
    except FileFormatError as error:
        assert named(error, path)
        return None


def both(seen):
    """Whether there were many of each kind; otherwise the test would prove little."""
    return min(seen[True], seen[False]) > 0.1 * seen.total()


class Dice(random.Random):
    """What decides of a file."""

    def choose(self, *options):
        return self.choice(options)


def damaged(dice, content):
    """One to three damages anywhere: a bit, other bytes for some, more or fewer of them, an early or a late end."""
    for _ in range(dice.choose(1, 1, 2)):
        start, n = dice.randrange(max(1, len(content))), dice.randint(1, 16)
        before, piece, after = content[:start], content[start : start + n], content[start + n :]
        noise = dice.randbytes(n)
        content = dice.choose(
            before + bytes(b ^ 1 << n % 8 for b in piece[:1]) + piece[1:] + after,
            before + noise + after,
            before + bytes(len(piece)) + after,  # zeros, as a file system leaves them after a power cut
            before + noise + piece + after,
            before + after,
            before,
            piece + after,
            content + noise,
            content + bytes(n),
            content + content,
        )
    return content


def idx(code, shape, values):
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + values


def packed(content):
    return gzip.compress(content, 1, mtime=0)


def test_packed_idx_files(tmp_path):
    """What is read of a damaged one is what was packed, for gzip keeps a checksum."""
    values, seen = Dice(0).randbytes(60), Counter()
    whole = packed(idx(0x08, [6, 10], values))
    for seed in range(300):
        array = result_or_refusal(read_idx, tmp_path / "file", damaged(Dice(seed), whole))
        seen[array is not None] += 1
        assert array is None or array.tobytes() == values
    assert seen[True] > 10 and seen[False] > 100


def npy(descr, shape, values, order=False, version=1):
    """The bytes of an .npy file; descr: the type as its header writes it, "'<f4'"."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode("latin1")
    text += b" " * (-(11 + len(text)) % 64) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + values


def npy_text(text):
    return npy(f"'<U{len(text)}'", "()", text.encode("utf-32-le"))


def npy_of(array):
    text = array.dtype.kind == "U"
    return npy_text(str(array)) if text else npy(repr(array.dtype.str), array.shape, array.tobytes())


def member(name, content, **lies):
    """An entry of a zip file; whatever lies say is written, true or not."""
    stored = lies.pop("stored", content)
    true = {"flags": 0, "method": 0, "checksum": zlib.crc32(content), "stored_size": len(stored), "size": len(content)}
    return {"name": f"{name}.npy".encode(), "stored": stored, "offset": None} | true | lies


def squeezed(name, content, **lies):
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return member(name, content, stored=squeeze.compress(content) + squeeze.flush(), method=8, **lies)


def zipped(members, comment=b""):
    """The bytes of a zip file, as its description (APPNOTE) has it, of the year 1980."""
    body = directory = b""
    for m in members:
        sizes = m["checksum"], m["stored_size"], m["size"], len(m["name"])
        header = struct.pack("<HHHHHIIIHH", 20, m["flags"], m["method"], 0, 0x21, *sizes, 0)
        offset = len(body) if m["offset"] is None else m["offset"]
        if m["offset"] is None:
            body += b"PK\3\4" + header + m["name"] + m["stored"]
        directory += b"PK\1\2\x14\0" + header + struct.pack("<HHHII", 0, 0, 0, 0, offset) + m["name"]
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), len(comment))
    return body + directory + b"PK\5\6" + end + comment


DTYPES = ["'>f4'", "'>f8'", "'<f8'", "'<f4'", "'<f2'", "'<i4'", "'<c16'", "'|b1'", "'|S4'", "'<U1'", "'|O'", "'|V4'"]
DTYPES += ["'<M8[s]'", "[('a', '<f4')]", "'f4, f4'", "'<f16'", "'nonsense'", "('<f4', (2,))", "None", "3", "{}"]
# what a careless reader would execute, choke on, or warn of
DTYPES += ["__import__('os').abort()", "-" * 900 + "1", "(" * 9000 + "1", r"'\d'", "1if 1else 2", "{" * 60_000]
TEXTS = ["", "RELU", "relu", "tanh", "sigmoid", "softmax", "cross_entropy", "binary_cross_entropy", "x" * 1000, "\0"]


def forged_array(dice, array):
    """The bytes of an .npy file like that of the array, but for one thing or another."""
    descr, shape, values, n = repr(array.dtype.str), array.shape, array.tobytes(), array.size
    shapes = [shape[::-1], (*shape, 1), (n,), (), (0, n), (-1, n), (n + 1,), (1.0 * n,), [n], (1,) * 60, n]
    shapes += [(1 << 40,), (1 << 20, 1 << 20), (10**30,), (1 << 62, 4), (1 << 63, 0), f"({n}L,)", "(True, 1)"]
    special = (array * 0 + array.dtype.type(dice.choose("nan", "inf", "-0.0"))).tobytes()
    return dice.choose(
        npy(dice.choose(*DTYPES), shape, values),
        npy(descr, dice.choose(*shapes), values),
        npy(descr, shape, dice.choose(special, values[:-1], values + b"x", values * 2, b"")),
        npy(descr, shape, values, order=dice.choose(True, 0)),
        npy(descr, shape, values, version=dice.choose(0, 2, 3, 255)),
        damaged(dice, npy(descr, shape, values)),
    )


def archive(dice, whole):
    """The bytes of a zip file of {name: array}, texts included: right, forged in one or two places, or damaged."""
    contents = {name: npy_of(array) for name, array in whole.items()}
    members = {name: member(name, content) for name, content in contents.items()}
    for name in dice.choose(
        [], [dice.choose(*whole)], [dice.choose(*whole)], [dice.choose(*whole), dice.choose(*whole)]
    ):
        content, text = contents[name], whole[name].dtype.kind == "U"
        lie = {
            dice.choose("size", "stored_size", "checksum", "offset"): dice.choose(
                0, 37, len(content) - 1, 1 << 31, 2**32 - 1
            )
        }
        members[name] = dice.choose(
            member(name, npy_text(dice.choose(*TEXTS)) if text else forged_array(dice, whole[name])),
            member(name, npy_text(dice.choose(*TEXTS)) if text else forged_array(dice, whole[name])),
            member(name, contents[dice.choose(*whole)]),
            member(dice.choose(*whole, "W0", "W9", "../W1", "W1.npy/", "ß", ""), content),
            member(name, content, **lie),
            member(name, content, flags=1 << dice.choose(*range(16))),
            squeezed(name, content) | dice.choose({}, {"method": dice.choose(12, 14, 93, 99)}),
        )
    entries = list(members.values())
    entries = dice.choose(
        entries, entries, entries[::-1], entries[1:], [*entries, entries[0]], [*entries, member("x", b"")]
    )
    content = dice.choose(b"", b"", b"before") + zipped(entries, dice.choose(b"", b"", b"a comment"))
    return dice.choose(content, content, damaged(dice, content))


def truly_in(content):
    """{name: array} as NumPy's own reader finds them, which is told to trust nothing."""
    with ZipFile(io.BytesIO(content)) as file:
        names = file.namelist()
        assert len(set(names)) == len(names) and all(m.compress_type == ZIP_STORED for m in file.infolist())
        arrays = {}
        for name in names:
            with file.open(name) as entry, warnings.catch_warnings():  # NumPy's, of old headers
                warnings.simplefilter("ignore")
                arrays[name.removesuffix(".npy")] = np.lib.format.read_array(entry, allow_pickle=False)
                assert entry.read() == b""
    return arrays


def same(array, true):
    native = array.dtype.isnative and array.dtype == true.dtype.newbyteorder("=")
    return native and array.shape == true.shape and np.array_equal(array, true, equal_nan=True)


def network_file(dice):
    sizes = [dice.randint(1, 4) for _ in range(dice.randint(2, 4))]
    output, loss = dice.choose(("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"))
    net = Network(sizes, "tanh", output, loss, dtype=dice.choose("float32", "float64"))
    whole = {"activation": "tanh", "output": output, "loss": loss}
    whole |= dict(zip(net.parameter_names(), net.parameters(), strict=True))
    return archive(dice, {name: np.asarray(value) for name, value in whole.items()})


def test_network_files(tmp_path):
    seen = Counter()
    for seed in range(1_000):
        content = network_file(Dice(seed))
        net = result_or_refusal(Network.load, tmp_path / "model.npz", content)
        seen[net is not None] += 1
        if net is not None:
            true = truly_in(content)
            kind = [str(true.pop(name)) for name in ("activation", "output", "loss")]
            assert kind == [net.activation, net.output, net.loss_name]
            assert set(true) == set(net.parameter_names())
            assert all(same(*pair) for pair in zip(net.parameters(), map(true.get, net.parameter_names()), strict=True))
            assert net.sizes == [len(net.weights[0]), *map(len, net.biases)]
    assert both(seen)


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", ">f8"])
def test_what_is_unusual_but_whole_is_read(tmp_path, dtype):
    """Other programs, and other machines, write arrays by columns, backwards, in any order, in any zip file."""
    net, path = Network([3, 2, 4], seed=1, dtype="float64"), tmp_path / "model.npz"
    texts = {"loss": "cross_entropy", "output": "softmax", "activation": "relu"}
    entries = [member(name, npy_text(text)) for name, text in texts.items()]
    for name, array in zip(net.parameter_names(), net.parameters(), strict=True):
        array[-1] = np.nan  # which a network that diverged may well hold
        entries.append(member(name, npy(repr(dtype), array.shape, array.astype(dtype).tobytes("F"), order=True)))
    path.write_bytes(b"before" + zipped(entries[::-1], b"a comment"))
    for array, right in zip(Network.load(path).parameters(), net.parameters(), strict=True):
        assert same(array, right.astype(dtype))


def test_checkpoint_files(tmp_path, monkeypatch, mnist):
    """A run that is resumed from the checkpoint of its last epoch has nothing left to train: it ends as it began."""
    recipe = Recipe("tiny", (784, 2, 10), SGD(0.1, momentum=0.5), epochs=1, batch_size=20, n_validation=0)
    made = MNIST(mnist.train[:20], mnist.train[:0], mnist.test[:100])
    monkeypatch.setattr(runs, "load_mnist", lambda **_: made)

    def press(*_):
        raise KeyboardInterrupt

    runs.run_recipe(recipe, 0, tmp_path, progress=False, on_epoch=press)
    [path] = tmp_path.glob("checkpoint*")
    whole = truly_in(path.read_bytes())
    seen = Counter()
    for seed in range(100):
        content = archive(Dice(seed), whole)
        path.write_bytes(content)
        try:
            net = runs.run_recipe(recipe, 0, tmp_path, resume=True, progress=False).net
        except FileFormatError as error:
            assert named(error, path)
            seen[False] += 1
        except ValueError as error:  # a whole checkpoint, of other settings
            assert str(error).startswith(f"{path} was made with other settings")
            assert truly_in(content)["settings"] != whole["settings"]
            seen[False] += 1
        else:
            true = truly_in(content)
            assert set(true) == set(whole)
            assert all(same(array, true[f"parameter{i}"]) for i, array in enumerate(net.parameters()))
            seen[True] += 1
        for file in tmp_path.iterdir():  # what a run that ended well left
            file.unlink()
    assert both(seen)


VALUES = [None, True, 0, -1, 10**400, 1.5, float("nan"), float("inf"), "", "x", "3", [], [0.5], [[]], {}, {"x": 1}]


def forged(dice, value):
    """A JSON value of which any part, at any depth, is another value or missing."""
    if not (isinstance(value, dict | list) and value) or dice.random() < 0.1:
        return dice.choice(VALUES)
    changed, key = value.copy(), dice.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if dice.random() < 0.1:
        del changed[key]
    else:
        changed[key] = forged(dice, value[key])
    return changed


def use_summary(recipe, folder):
    runs.finished(recipe, 0, folder)
    with suppress(FileNotFoundError):  # a forged summary may be one of another data set, which is not compared
        return reports.comparison(folder.parent)
    return ""


def use_histories(recipe, folder):
    curves = [history for stages in runs.load_histories(folder).values() for history in stages.values()]
    return [
        np.array([h.train_loss, h.train_accuracy, h.validation_loss or h.train_loss, h.seconds], float) for h in curves
    ]


@pytest.mark.parametrize("name, use", [("summary.json", use_summary), ("history.json", use_histories)])
def test_result_files(tmp_path, name, use):
    """Whatever is read can be used: by `train`, which looks for finished runs, and by the table and picture of all."""
    recipe, seen = RECIPES["relu-128-64"], Counter()
    folder = tmp_path / recipe.name
    folder.mkdir()
    text = (ROOT / "results" / recipe.name / name).read_text(encoding="utf-8")
    whole = json.loads(text)
    for seed in range(200):
        dice = Dice(seed)
        bad = damaged(dice, text.encode()), json.dumps(forged(dice, whole)).encode()
        content = dice.choose(*bad, bad[1])
        seen[result_or_refusal(lambda _: use(recipe, folder), folder / name, content) is not None] += 1
    assert both(seen)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_pictures(tmp_path, form, mnist):
    path, seen = tmp_path / "digit", Counter()
    sheet = np.pad(255 - np.rint(mnist.test.images[0].reshape(28, 28) * 255), 6, constant_values=255).astype(np.uint8)
    Image.fromarray(sheet).save(path, form)
    whole, genuine = path.read_bytes(), read_picture(path)
    for seed in range(200):
        grays = result_or_refusal(read_picture, path, damaged(Dice(seed), whole))
        seen[grays is not None] += 1
        if grays is not None:
            assert grays.ndim == 2 and grays.dtype == np.float32 and 0 <= grays.min() and grays.max() <= 1
            if form == "PNG":  # it keeps checksums
                assert np.array_equal(grays, genuine)
            try:
                assert prepare_digit(grays, "this picture").shape == (784,)
            except ValueError as error:
                assert str(error).startswith("this picture")
    assert both(seen)


MEGABYTES = 4_000  # that a bomb unpacks to


def deflated(start=b""):
    """The deflate stream of a beginning and then megabytes of zeros, which are never made."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = squeeze.compress(start) + squeeze.flush(zlib.Z_FULL_FLUSH)
    megabyte = squeeze.compress(bytes(1_000_000)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return start + megabyte * MEGABYTES + squeeze.flush()


def network(**members):
    texts = {"activation": "relu", "output": "softmax", "loss": "cross_entropy"}
    entries = {name: member(name, npy_text(text)) for name, text in texts.items()} | {"b1": member("b1", b"")}
    return zipped((entries | members).values())


def png(side, *chunks):
    """A PNG picture of side × side pixels of 8 bits, without its pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in [(b"IHDR", header), *chunks, (b"IEND", b"")]
    )


def bombs():
    """Files of some megabytes that unpack to gigabytes, or promise them, or keep a parser busy."""
    gz, size = b"\x1f\x8b\x08\0\0\0\0\0\0\xff", MEGABYTES * 1_000_000
    honest, zeros = gz + deflated(idx(0x08, [size], b"")), deflated()
    start = npy("'<f4'", f"({size // 8}, 2)", b"")
    W1 = member("W1", b"", stored=deflated(start), method=8)
    kernel = member("W0", npy("'<f4'", "(500000,)", bytes(2_000_000)))
    same_bytes = [kernel | {"name": f"W{i}.npy".encode(), "offset": 0} for i in range(1, 3000)]
    return {
        "idx-honest": honest,
        "idx-of-more-than-promised": packed(idx(0x08, [3], b"abc")) + gz + zeros,
        "idx-of-a-gigabyte-promised": packed(idx(0x08, [10**9], bytes(100))),
        "idx-with-a-long-name": b"\x1f\x8b\x08\x08\0\0\0\0\0\xff" + b"n" * 2_000_000,
        "idx-of-empty-members": packed(b"") * 100_000,
        "train-images-idx3-ubyte.gz": honest,
        "model-of-gigabytes.npz": network(W1=W1 | {"size": size + len(start)}),
        "model-of-hidden-gigabytes.npz": network(W1=W1 | {"size": 1000}),
        "model-of-terabytes-promised.npz": network(W1=member("W1", npy("'<f8'", "(1000000, 1000000)", bytes(80)))),
        "model-of-one-kernel.npz": zipped([kernel, *same_bytes]),
        "model-of-nothing.npz": zipped([member("", b"")] * 20_000),
        "summary.json": b"[" * 4_000_000,
        "picture-of-text.png": png(20, (b"zTXt", b"Comment\0\0\x78\xda" + zeros)),
        "picture-of-a-profile.png": png(20, (b"iCCP", b"name\0\0\x78\xda" + zeros)),
        "picture-of-a-billion.png": png(2**31 - 1, (b"IDAT", b"\x78\xda" + zeros)),
        "picture-of-a-length.png": png(20)[:33] + b"\x7f\xff\xff\xffIDAT" + bytes(100),
    }


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
        outcome = READERS[path.name.replace(".", "-").split("-")[0]](path)
    except FileFormatError as error:
        outcome = "refused" if str(error).startswith(f"{path}: ") else f"UNNAMED {error}"
    except BaseException as error:
        outcome = f"{type(error).__name__} {error}"
    print(path.name, (kilobytes("VmHWM") - before) // 1000, outcome, sep="\\t", flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells and limits what a process takes")
def test_bombs_take_little_memory(tmp_path):
    """In a process of its own, which gets 200 megabytes for all that it does: how much more it has after each file."""
    for name, content in bombs().items():
        assert len(content) < 4_500_000
        (tmp_path / name).write_bytes(content)
    run = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert (run.returncode, run.stderr) == (0, "")
    rows = [line.split("\t") for line in run.stdout.splitlines()]
    assert len(rows) == len(bombs())
    for name, megabytes, outcome in rows:
        assert outcome == "refused" and int(megabytes) < 60, (name, megabytes, outcome)
