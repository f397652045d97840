"""Thousands of damaged and forged files, the same on every machine, and readers that say what is truly in them.

These readers, `idx_content` and `parameters`, know neither NumPy nor gzip nor zipfile: bytes, struct and zlib only.
"""

import ast
import json
import random
import struct
import tracemalloc
import zlib
from collections import Counter
from math import prod

TYPES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}  # of IDX, as struct writes them

# ------------------------------------------------------------------------------------------ damage to any bytes


def bit(rng, content):
    """One bit, anywhere."""
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def some_bytes(rng, content):
    """Two to eight bytes, anywhere."""
    changed = bytearray(content)
    for _ in range(rng.randint(2, 8)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut_short(rng, content):
    return content[: rng.randrange(len(content))]


def begun_late(rng, content):
    return content[rng.randint(1, len(content)) :]


def longer(rng, content):
    """Bytes behind the end: noise, zeros, or the file once more."""
    return content + rng.choice([rng.randbytes(rng.randint(1, 40)), bytes(rng.randint(1, 40)), content])


def put_in(rng, content):
    place = rng.randrange(len(content))
    return content[:place] + rng.randbytes(rng.randint(1, 9)) + content[place:]


def taken_out(rng, content):
    place = rng.randrange(len(content))
    return content[:place] + content[place + rng.randint(1, 9) :]


def zeros(rng, content):
    """A stretch of zeros, as a file system leaves it after a power cut."""
    place, n = rng.randrange(len(content)), rng.randint(1, 64)
    return content[:place] + bytes(min(n, len(content) - place)) + content[place + n :]


def swapped(rng, content):
    a, b, c = sorted(rng.randrange(len(content) + 1) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]


DAMAGE = [bit, some_bytes, cut_short, begun_late, longer, put_in, taken_out, zeros, swapped]

# --------------------------------------------------------------------------------------------------------- IDX


def idx(code, shape, values):
    """The bytes of an IDX file."""
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + values


def packed(content, name=b"", comment=b"", extra=b"", check=False):
    """gzip as RFC 1952 has it, with whatever of its header is asked for."""
    flags = (2 * check) | (4 * bool(extra)) | (8 * bool(name)) | (16 * bool(comment))
    header = bytes([0x1F, 0x8B, 8, flags]) + bytes(5) + b"\xff"
    header += struct.pack("<H", len(extra)) + extra if extra else b""
    header += b"".join(text + b"\0" for text in (name, comment) if text)
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF) if check else b""
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = squeeze.compress(content) + squeeze.flush()
    return header + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def some_idx(rng):
    """A whole file of any type and of one to four dimensions."""
    code = rng.choice(list(TYPES))
    shape = [rng.randint(0 if rng.random() < 0.05 else 1, 6) for _ in range(rng.randint(1, 4))]
    return code, shape, rng.randbytes(prod(shape) * struct.calcsize(TYPES[code]))  # some of these floats are NaN


def another_type(rng, code, shape, values):
    return idx(rng.choice([*TYPES, rng.randrange(256)]), shape, values)


def another_number_of_dimensions(rng, code, shape, values):
    content = idx(code, shape, values)
    return content[:3] + bytes([rng.choice([0, 1, 2, 3, 4, 5, 32, 33, 64, 65, 255])]) + content[4:]


def another_size(rng, code, shape, values):
    place = rng.randrange(len(shape))
    return idx(code, [*shape[:place], max(0, shape[place] + rng.choice([-2, -1, 1, 2])), *shape[place + 1 :]], values)


def other_sizes_of_the_same_product(rng, code, shape, values):
    return idx(code, rng.choice([shape[::-1], [1, *shape], [*shape, 1], [prod(shape)], [1] * 20 + shape]), values)


def huge_sizes(rng, code, shape, values):
    sizes = [rng.choice([1 << 16, 1 << 20, 1 << 31, 0xFFFFFFFF, rng.getrandbits(32)]) for _ in shape]
    return idx(code, sizes, values)


def no_values_but_huge_sizes(rng, code, shape, values):
    return idx(code, [0, *(rng.choice([1, 1 << 20, 0xFFFFFFFF]) for _ in range(rng.randint(1, 6)))], b"")


def many_dimensions(rng, code, shape, values):
    n = rng.choice([31, 32, 33, 60, 64, 65, 200, 255])
    return idx(code, [1] * (n - 1) + [prod(shape)], values)


def header_the_other_way_round(rng, code, shape, values):
    return struct.pack(f"<BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + values


def values_the_other_way_round(rng, code, shape, values):
    return idx(code, shape, values[::-1])


FORGED_IDX = [
    another_type,
    another_number_of_dimensions,
    another_size,
    other_sizes_of_the_same_product,
    huge_sizes,
    no_values_but_huge_sizes,
    many_dimensions,
    header_the_other_way_round,
    values_the_other_way_round,
]


def gzip_header(rng, content):
    """The same content under another gzip header, a right one."""
    name, comment, extra = (rng.choice([b"", rng.randbytes(9).replace(b"\0", b"x")]) for _ in range(3))
    return packed(content, name, comment, extra, check=rng.random() < 0.5)


def in_two_gzip_members(rng, content):
    place = rng.randrange(len(content))
    return packed(content[:place]) + packed(content[place:]) + bytes(rng.choice([0, 0, 5]))


def one_gzip_member_of_two(rng, content):
    place = rng.randrange(1, len(content))
    return packed(content[:place]) + cut_short(rng, packed(content[place:]))


def packed_twice(rng, content):
    return packed(packed(content))


def wrong_gzip_flags(rng, content):
    return content_with(packed(content), 3, bytes([rng.randrange(1, 256)]))


def wrong_gzip_checksum_or_length(rng, content):
    content = packed(content)
    return content_with(content, len(content) - rng.randint(1, 8), rng.randbytes(1))


def bomb(rng, content):
    """Far more than the header promises, in a thousandth of the bytes."""
    return packed(content + bytes(rng.choice([1, 2, 10]) * 1_000_000))


GZIPPED = [
    gzip_header,
    in_two_gzip_members,
    one_gzip_member_of_two,
    packed_twice,
    wrong_gzip_flags,
    wrong_gzip_checksum_or_length,
    bomb,
]


def content_with(content, place, part):
    """The bytes with a part of them replaced."""
    return content[:place] + part + content[place + len(part) :]


def idx_files(n=150):
    """(kind, bytes of a file, the bytes it was made from): n of each kind, but few bombs, which take their time."""
    for kind in [*DAMAGE, *FORGED_IDX, *GZIPPED]:
        for i in range(n if kind is not bomb else min(n, 10)):
            rng = random.Random(f"{kind.__name__} {i}")
            code, shape, values = some_idx(rng)
            whole = idx(code, shape, values)
            if kind in FORGED_IDX:
                content = kind(rng, code, shape, values)
                yield kind.__name__, packed(content) if rng.random() < 0.3 else content, whole
            elif kind in GZIPPED:
                yield kind.__name__, kind(rng, whole), whole
            else:
                yield f"{kind.__name__}, plain", kind(rng, whole), whole
                yield f"{kind.__name__}, packed", kind(rng, packed(whole)), whole
                yield f"{kind.__name__}, then packed", packed(kind(rng, whole)), whole


def unpacked(content):
    """What a gzip file holds: all of its members, and zeros behind them; None when there is anything else."""
    there = b""
    content = (
        content_with(content, 3, bytes([content[3] & 0x1F])) if len(content) > 3 else content
    )  # zlib asks for 0 there
    while content:
        unpack = zlib.decompressobj(31)
        try:
            there += unpack.decompress(content)
        except zlib.error:
            return None
        if not unpack.eof:
            return None
        content = unpack.unused_data.lstrip(b"\0")
    return there


def idx_content(content):
    """(struct's letter, shape, the bytes of the values) of an IDX file; None when it is none."""
    if content[:2] == b"\x1f\x8b":
        content = unpacked(content)
    if content is None or len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        return None
    n, letter = content[3], TYPES[content[2]]
    if not 1 <= n <= 32 or len(content) < 4 + 4 * n:
        return None
    shape = struct.unpack(f">{n}I", content[4 : 4 + 4 * n])
    values = content[4 + 4 * n :]
    if len(values) != prod(shape) * struct.calcsize(letter):
        return None
    if prod(size or 1 for size in shape) * struct.calcsize(letter) >= 1 << 63:
        return None  # no values, but more rows than can be counted
    return letter, shape, values


# --------------------------------------------------------------------------------------------------------- npz


def npy(descr, shape, values, order=False, version=1, pad=True):
    """The bytes of an .npy file; descr: the type as its header writes it, "'<f4'"."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}".encode("latin1")
    length = 2 if version == 1 else 4
    text += b" " * (-(8 + length + len(text) + 1) % 64) * pad + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(length, "little") + text + values


def text_npy(text):
    return npy(f"'<U{len(text)}'", "()", text.encode("utf-32-le"))


class Member:
    """An entry of a zip file. Whatever is set here is written, true or not."""

    def __init__(self, name, content):
        self.name, self.content = name, content
        self.flags = self.method = 0
        self.stored = content
        self.size = self.stored_size = None  # None: the true ones
        self.offset = None
        self.checksum = None

    def pack(self, method=8):
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
        self.method, self.stored = method, squeeze.compress(self.content) + squeeze.flush()

    def header(self):
        sizes = (
            zlib.crc32(self.content) if self.checksum is None else self.checksum,
            len(self.stored) if self.stored_size is None else self.stored_size,
            len(self.content) if self.size is None else self.size,
        )
        return struct.pack("<HHHHHIIIHH", 20, self.flags, self.method, 0, 0x21, *sizes, len(self.name.encode()), 0)


def zipped(members, comment=b""):
    """The bytes of a zip file, as its description (APPNOTE) has it, of the year 1980."""
    body, directory = b"", b""
    for member in members:
        offset = len(body) if member.offset is None else member.offset
        if member.offset is None:
            body += b"PK\x03\x04" + member.header() + member.name.encode() + member.stored
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + member.header() + struct.pack("<HHHII", 0, 0, 0, 0, offset)
        directory += member.name.encode()
    end = struct.pack("<HHHHIIH", 0, 0, len(members), len(members), len(directory), len(body), len(comment))
    return body + directory + b"PK\x05\x06" + end + comment


def some_network(rng):
    """{name: member} of a whole file as Network.save writes it."""
    sizes = [rng.randint(1, 4) for _ in range(rng.randint(2, 4))]
    letter = rng.choice("fd")
    pair = rng.choice(
        [("softmax", "cross_entropy"), ("softmax", "binary_cross_entropy"), ("sigmoid", "binary_cross_entropy")]
    )
    texts = {"activation": rng.choice(["relu", "sigmoid", "tanh"]), "output": pair[0], "loss": pair[1]}
    members = {name: text_npy(text) for name, text in texts.items()}
    for l, (n_in, n_out) in enumerate(zip(sizes, sizes[1:], strict=False), 1):
        for name, shape in [(f"W{l}", (n_in, n_out)), (f"b{l}", (n_out,))]:
            numbers = [rng.gauss(0, 1) for _ in range(prod(shape))]
            members[name] = npy(
                f"'<f{struct.calcsize(letter)}'", shape, struct.pack(f"<{len(numbers)}{letter}", *numbers)
            )
    return {name: Member(f"{name}.npy", content) for name, content in members.items()}


TEXTS = {"activation", "output", "loss", "settings", "history"}  # the other members are arrays of numbers


def of_an_array(rng, members):
    """Any array of numbers: its name, its shape, its type, the bytes of its values."""
    name = rng.choice([name for name in members if name not in TEXTS])
    content = members[name].content
    start = 10 + int.from_bytes(content[8:10], "little")
    header = ast.literal_eval(content[10:start].decode())
    return name, header["shape"], header["descr"], content[start:]


def with_members(members, **contents):
    return zipped((members | {name: Member(f"{name}.npy", content) for name, content in contents.items()}).values())


def missing(rng, members):
    del members[rng.choice(list(members))]
    return zipped(members.values())


def twice(rng, members):
    """A member's name twice: with the same content, with another one, or without .npy."""
    name = rng.choice(list(members))
    again = Member(rng.choice([f"{name}.npy", f"{name}.npy", name]), rng.choice(list(members.values())).content)
    place = rng.randrange(len(members) + 1)
    return zipped([*list(members.values())[:place], again, *list(members.values())[place:]])


def contents_swapped(rng, members):
    one, two = rng.sample(list(members), 2)
    return with_members(members, **{one: members[two].content, two: members[one].content})


def renamed(rng, members):
    member = members[rng.choice(list(members))]
    number = rng.randrange(6)
    names = [f"W{number}.npy", f"b{number}.npy", "W1", "../W1.npy", "/W1.npy", "W1.npy/", "ß.npy", ""]
    member.name = rng.choice(names)
    return zipped(members.values())


def one_more(rng, members):
    name = rng.choice(["W0", "W9", "velocity", "velocity9", "pickle", ""])
    return with_members(members, **{name: npy("'<f4'", "(2,)", bytes(8))})


def in_another_order(rng, members):
    return zipped(rng.sample(list(members.values()), len(members)))


def with_a_comment(rng, members):
    return zipped(members.values(), rng.randbytes(rng.randint(1, 50)).replace(b"PK", b""))


def behind_other_bytes(rng, members):
    return rng.randbytes(rng.randint(1, 50)) + zipped(members.values())


def other_dtype(rng, members):
    name, shape, descr, values = of_an_array(rng, members)
    other = rng.choice(
        [
            "'>f4'",
            "'>f8'",
            "'<f8'",
            "'<f4'",
            "'<f2'",
            "'<i4'",
            "'<c16'",
            "'<c8'",
            "'|b1'",
            "'|S4'",
            "'<U1'",
            "'|O'",
            "'a4'",
        ]
        + [
            "'|V4'",
            "'<M8[s]'",
            "[('a', '<f4')]",
            "'f4, f4'",
            "'<f16'",
            "'nonsense'",
            "('<f4', (2,))",
            "None",
            "3",
            "{}",
        ]
    )
    return with_members(members, **{name: npy(other, shape, values)})


def every_dtype_other(rng, members):
    """All arrays in another type: as numbers that fit it, or as the bytes happen to be."""
    other = rng.choice(["'<f2'", "'<i4'", "'<c16'", "'>f4'", "'>f8'", "'<f4'", "'<f8'", "'|u1'"])
    size = int(other.strip("'")[2:])
    changed = {}
    for name in [name for name in members if name not in TEXTS]:
        content = members[name].content
        start = 10 + int.from_bytes(content[8:10], "little")
        shape = ast.literal_eval(content[10:start].decode())["shape"]
        changed[name] = npy(other, shape, rng.randbytes(size * prod(shape)))
    return with_members(members, **changed)


def by_columns(rng, members):
    name, shape, descr, values = of_an_array(rng, members)
    return with_members(members, **{name: npy(repr(descr), shape, values, order=True)})


def other_shape(rng, members):
    name, shape, descr, values = of_an_array(rng, members)
    others = [shape[::-1], (*shape, 1), (1, *shape), (prod(shape),), (), (0, *shape), (-1, *shape), (prod(shape) + 1,)]
    others += [tuple(map(float, shape)), tuple(map(str, shape)), list(shape), (True, *shape), (1,) * 60 + shape, 3]
    return with_members(members, **{name: npy(repr(descr), rng.choice(others), values)})


def huge_shape(rng, members):
    name, shape, descr, values = of_an_array(rng, members)
    others = [(1 << 40,), (1 << 20, 1 << 20), (10**30,), (1 << 62, 4), (1 << 31, 1), (50_000_000, 1), (1 << 63, 0)]
    return with_members(members, **{name: npy(repr(descr), rng.choice(others), values)})


def too_few_or_too_many_values(rng, members):
    name, shape, descr, values = of_an_array(rng, members)
    values = rng.choice([values[:-1], values + b"x", values + bytes(8), b"", values * 2])
    return with_members(members, **{name: npy(repr(descr), shape, values)})


def other_npy_version(rng, members):
    name, shape, descr, values = of_an_array(rng, members)
    return with_members(members, **{name: npy(repr(descr), shape, values, version=rng.choice([0, 2, 3, 4, 255]))})


def odd_npy_header(rng, members):
    """What a careless reader would execute, choke on, or warn of."""
    name, shape, descr, values = of_an_array(rng, members)
    n, rest = prod(shape), f"'fortran_order': False, 'shape': {shape}, }}"
    header = rng.choice(
        [
            f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({n}L,), }}",  # as Python 2 wrote it
            f"{{'descr': {descr!r}, 'fortran_order': 0, 'shape': {shape}, }}",
            f"{{'descr': {descr!r}, 'extra': 1, {rest}",
            f"{{'descr': {descr!r}, 'descr': '<f8', {rest}",
            f"{{'descr': __import__('os').abort(), {rest}",
            f"{{'descr': {'-' * rng.choice([50, 900, 9000])}1, {rest}",
            f"{{'descr': {'(' * rng.choice([50, 900, 9000])}1, {rest}",
            f"{{'descr': '\\d', {rest}",
            f"{{'descr': 1if 1else 2, {rest}",
            f"{{'descr': 0x1for x in (1,), {rest}",
            "()",
            "",
            "{" * 60_000,
        ]
    ).encode()
    return with_members(members, **{name: b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + values})


def damaged_npy(rng, members):
    """An array file damaged before its checksum was taken."""
    name = rng.choice(list(members))
    return with_members(members, **{name: rng.choice(DAMAGE)(rng, members[name].content)})


def other_text(rng, members):
    name = rng.choice([name for name in members if name in TEXTS])
    texts = [
        "",
        "RELU",
        "softmax",
        "relu",
        "tanh",
        "sigmoid",
        "cross_entropy",
        "binary_cross_entropy",
        "x" * 1000,
        "\0",
    ]
    made = [npy("'<f8'", "()", bytes(8)), npy("'|S4'", "()", b"relu"), npy("'<U4'", "(1,)", "relu".encode("utf-32-le"))]
    made += [npy("'<U1'", "(0,)", b""), npy("'<U0'", "(1000000,)", b""), npy("'<U1'", "()", b"\xff\xff\xff\xff"), b""]
    return with_members(members, **{name: rng.choice([*map(text_npy, texts), *made])})


def not_numbers(rng, members):
    """NaN and infinity, which a network that diverged may well hold."""
    name, shape, descr, values = of_an_array(rng, members)
    bad = rng.choice([float("nan"), float("inf"), -float("inf"), -0.0])
    numbers = struct.pack("<f" if descr == "<f4" else "<d", bad) * prod(shape)
    return with_members(members, **{name: npy(repr(descr), shape, numbers)})


def squeezed(rng, members):
    """Packed by deflate, or by a method of any other number."""
    for name in rng.sample(list(members), rng.randint(1, len(members))):
        members[name].pack(rng.choice([8, 8, 8, 12, 14, 93, 99]))
    return zipped(members.values())


def zip_bomb(rng, members):
    """Megabytes of zeros, packed; its header may promise them, and its size may be hidden."""
    n = rng.choice([1, 5]) * 1_000_000
    shape = rng.choice([(n, 1), (1, n), (n,), (2, 2)])
    content = npy("'<f4'", shape, bytes(4 * n))
    member = Member("W1.npy", content)
    member.pack()
    if rng.random() < 0.5:
        member.size = rng.choice([10, 200, len(member.stored)])
    return zipped((members | {"W1": member}).values())


def zip_bomb_of_one_kernel(rng, members):
    """Hundreds of members that all point at the same bytes."""
    n = rng.randint(300, 600)
    kernel = Member("W1.npy", npy("'<f4'", "(50, 100)", rng.randbytes(20_000)))
    others = [Member(rng.choice(["W1.npy", f"W{i}.npy"]), kernel.content) for i in range(2, n)]
    for other in others:
        other.offset = 0
    return zipped([kernel, *others, *members.values()])


def any_flag(rng, members):
    """Encrypted, patched, of unknown length, of a name in another code."""
    for name in rng.sample(list(members), rng.randint(1, 2)):
        members[name].flags = 1 << rng.randrange(16)
    return zipped(members.values())


def lying_sizes(rng, members):
    for name in rng.sample(list(members), rng.randint(1, 2)):
        lie = rng.choice(["size", "stored_size"])
        true = len(members[name].content)
        setattr(members[name], lie, rng.choice([0, 1, true - 1, true + 1, 2 * true, 1 << 31, 0xFFFFFFFE, 0xFFFFFFFF]))
    return zipped(members.values())


def lying_checksum(rng, members):
    member = members[rng.choice(list(members))]
    member.checksum = rng.getrandbits(32)
    return zipped(members.values())


def lying_offset(rng, members):
    """A member of the directory that lies nowhere, or in place of another."""
    last = list(members.values())[-1]
    last.offset = rng.choice([0, 1, 37, 0x7FFFFFFF, 0xFFFFFFFF, rng.randrange(500)])
    return zipped(members.values())


def lying_directory(rng, members):
    """The record at the end says otherwise: how many members, how long and where the directory is."""
    content = zipped(members.values())
    return content_with(content, len(content) - 22 + rng.randint(4, 19), rng.randbytes(2))


FORGED_NPZ = [
    missing,
    twice,
    contents_swapped,
    renamed,
    one_more,
    in_another_order,
    with_a_comment,
    behind_other_bytes,
    other_dtype,
    every_dtype_other,
    by_columns,
    other_shape,
    huge_shape,
    too_few_or_too_many_values,
    other_npy_version,
    odd_npy_header,
    damaged_npy,
    other_text,
    not_numbers,
    squeezed,
    zip_bomb,
    zip_bomb_of_one_kernel,
    any_flag,
    lying_sizes,
    lying_checksum,
    lying_offset,
    lying_directory,
]


def npz_files(n=120, members_of=some_network):
    """(kind, bytes of a file, the bytes it was made from): n of each kind, but few bombs, which take their time.

    members_of: a function of a random.Random that returns the members of a whole file.
    """
    for kind in [*DAMAGE, *FORGED_NPZ]:
        for i in range(n if kind not in (zip_bomb, zip_bomb_of_one_kernel) else min(n, 10)):
            rng = random.Random(f"{kind.__name__} {i}")
            members = members_of(rng)
            whole = zipped(members.values())
            yield kind.__name__, kind(rng, members if kind in FORGED_NPZ else whole), whole


def npz_content(content):
    """{name: (type, shape, by columns?, the bytes of its values)} of a file of stored arrays; else ValueError."""
    end = content.rfind(b"PK\5\6")
    if end < 0 or len(content) < end + 22:
        raise ValueError("no end")
    length, start = struct.unpack("<II", content[end + 12 : end + 20])
    shift = end - length - start  # bytes before the zip file proper
    at, arrays = end - length, {}
    while at < end:
        if content[at : at + 4] != b"PK\1\2":
            raise ValueError("no directory")
        method, _, checksum, stored, size, n_name, n_extra, n_comment = struct.unpack(
            "<H4sIIIHHH", content[at + 10 : at + 34]
        )
        (offset,) = struct.unpack("<I", content[at + 42 : at + 46])
        name = content[at + 46 : at + 46 + n_name].decode()
        at += 46 + n_name + n_extra + n_comment
        offset += shift
        if content[offset : offset + 4] != b"PK\3\4" or method != 0:
            raise ValueError("no member, or a packed one")
        n_name, n_extra = struct.unpack("<HH", content[offset + 26 : offset + 30])
        begin = offset + 30 + n_name + n_extra
        body = content[begin : begin + min(stored, size)]
        if zlib.crc32(body) != checksum or content[offset + 30 : offset + 30 + n_name].decode() != name:
            raise ValueError("damaged")
        if (key := name.removesuffix(".npy")) in arrays:
            raise ValueError("twice")
        arrays[key] = npy_content(body)
    return arrays


def npy_content(body):
    """(type, shape, order, the bytes of the values) of an .npy file."""
    if body[:6] != b"\x93NUMPY":
        raise ValueError("no array")
    width = 2 if body[6] == 1 else 4
    start = 8 + width + int.from_bytes(body[8 : 8 + width], "little")
    header = ast.literal_eval(body[8 + width : start].decode("latin1").strip().replace("L,", ","))
    return header["descr"], header["shape"], header["fortran_order"], body[start:]


def parameters(content):
    """{name: (shape, size of a number in bytes, the numbers, row by row)} of a file's arrays of numbers."""
    return {name: numbers(*array) for name, array in npz_content(content).items() if name not in TEXTS}


def numbers(descr, shape, by_columns, values):
    size = int(descr[2:])
    if len(values) != prod(shape) * size:
        raise ValueError("another number of values")
    order, letter = descr[0], {"f4": "f", "f8": "d", "c16": "dd"}[descr[1:]]
    flat = [complex(*value) if len(value) > 1 else value[0] for value in struct.iter_unpack(order + letter, values)]
    if by_columns and len(shape) == 2:
        flat = [flat[column * shape[0] + row] for row in range(shape[0]) for column in range(shape[1])]
    return shape, size, flat


# -------------------------------------------------------------------------------------------------------- JSON


def json_files(text, n=120):
    """(kind, bytes of a file, those it was made from): a JSON text damaged, or with any value in place of another."""
    for kind in [*DAMAGE, another_value, one_key_less]:
        for i in range(n):
            rng = random.Random(f"JSON {kind.__name__} {i}")
            content = kind(rng, text.encode()) if kind in DAMAGE else json.dumps(kind(rng, json.loads(text))).encode()
            yield kind.__name__, content, text.encode()


VALUES = [
    None,
    True,
    False,
    0,
    -1,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "3",
    [],
    [0.5],
    [[]],
    {},
    {"x": 1},
]


def places(value):
    """Every list or dictionary within a value, itself included, with each of its keys."""
    if isinstance(value, dict | list):
        for key in range(len(value)) if isinstance(value, list) else value:
            yield value, key
            yield from places(value[key])


def another_value(rng, value):
    if rng.random() < 0.1:
        return rng.choice(VALUES)
    # deep places are many: first how deep, then where
    inside, key = rng.choice(rng.choice([list(places(value)), [(value, key) for key in value]]))
    inside[key] = rng.choice(VALUES)
    return value


def one_key_less(rng, value):
    inside, key = rng.choice(rng.choice([list(places(value)), [(value, key) for key in value]]))
    del inside[key]
    return value


# ----------------------------------------------------------------------------------------------------- counting


class Table:
    """How many files of each kind were read and refused, and the most memory that one of them took."""

    def __init__(self, title):
        self.title, self.counts, self.peak = title, Counter(), Counter()

    def note(self, kind, read, peak=0):
        self.counts[kind, bool(read)] += 1
        self.peak[kind] = max(self.peak[kind], peak)

    @property
    def read(self):
        return sum(n for (_, read), n in self.counts.items() if read)

    @property
    def refused(self):
        return self.counts.total() - self.read

    def __str__(self):
        lines = [f"| {self.title} | read | refused | most memory, kB |", "|---|---:|---:|---:|"]
        for kind in dict.fromkeys(kind for kind, _ in self.counts):
            name, kilobytes = kind.replace("_", " "), self.peak[kind] / 1000
            lines.append(f"| {name} | {self.counts[kind, True]:,} | {self.counts[kind, False]:,} | {kilobytes:,.0f} |")
        most = max(self.peak.values()) / 1000
        return "\n".join([*lines, f"| all | {self.read:,} | {self.refused:,} | {most:,.0f} |"])


def tried(files, reader, path):
    """Read each file: (kind, its bytes, those it was made from, result, error, most memory in bytes)."""
    for i, (kind, content, whole) in enumerate(files):
        if i == 0:  # what a first call loads and keeps is not counted
            path.write_bytes(whole)
            reader(path)
        path.write_bytes(content)
        tracemalloc.start()
        try:
            result, error = reader(path), None
        except Exception as caught:
            result, error = None, caught
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        yield kind, content, whole, result, error, peak
