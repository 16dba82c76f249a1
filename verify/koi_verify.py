#!/usr/bin/env python3
"""Checks what a Koi server published, from the public files alone. Python 3.9 or later, nothing but its standard library.

    python3 koi_verify.py [--json] [--key VKEY] [--witness VKEY]... [--quorum N] [--campaign ID]...
                          [--receipt FILE]... [--coupon ID]... [--exclusions FILE] INPUT...

INPUT is a log (a folder, or an address such as https://koi.example.com/log), or what a person keeps: a receipt, a
coupon's proof, a proof of a draw. Exit status: 0 all holds, 1 something is wrong, 2 it could not be checked.

Written from docs/fairness.md and the formats that it names; it shares no code with Koi. It can be read from the top:

    1. pieces      numbers, base64, hexadecimal, instants, canonical JSON (RFC 8785)
    2. signatures  Ed25519 (RFC 8032), signed notes, checkpoints, cosignatures of witnesses (C2SP)
    3. trees       RFC 6962 hashes, proofs (tlog-proof), tiles (tlog-tiles)
    4. luck        the beacon (drand), fair selection, packets, draws
    5. statements  what a leaf of the log may say
    6. campaigns   what each said of itself, and everything drawn again
    7. logs        key, checkpoint, witnesses, files, statements, campaigns
    8. papers      receipts, proofs of coupons, proofs of draws
    9. the command

What it does NOT check: the beacon's own BLS signature, unless the package `py_ecc` is there (`pip install py_ecc`); it
always checks that the randomness is the SHA-256 of the signature, that the signature is a point of the right group in its one
encoding, and that the round is the formula's. It says so (caveat `signature_not_checked`). Nor can it know whether the times
are true: the signatures of witnesses show that.
"""

import argparse
import base64
import collections
import functools
import hashlib
import json
import os
import re
import struct
import sys
import tempfile
import urllib.error
import urllib.request

# ------------------------------------------------------------------------------------------------------ limits

NUMBER_MAX = 2**53 - 1  # of JSON: what every reader has exactly
U64_MAX = 2**64 - 1
DEPTH_MAX = 127  # of JSON: lists and objects within each other
NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100
FILE_BYTES_MAX = 2_000_000
KEY_BYTES_MAX = 4096
HASHES_MAX = 64  # of a proof: no tree is higher
FINDINGS_MAX = 100  # that are kept of each campaign; all are counted
CAMPAIGNS_MAX = 10_000
TIERS_MAX = 100
PACKETS_MAX = 2**32 - 1
MOVE_MAX = 4096  # packets of one move
GAP_MAX = 10_000  # receipts that may be missing in a row for the replay to go on behind them
LINE_BITS = 50
INDICES_MAX = 10_000_000  # of one draw
WIDTH = 256  # hashes of a tile, entries of a bundle


class Refused(Exception):
    """Something is wrong. `code` is stable, the rest is for people."""

    def __init__(self, code, detail, **where):
        super().__init__(detail)
        self.code, self.detail, self.where = code, detail, where

    def finding(self, **more):
        return {"code": self.code, **self.where, **more, "detail": self.detail}


class CannotRun(Exception):
    """Nothing can be said: no such file, no answer, a wrong call."""


# ----------------------------------------------------------------------------------------------- 1. the pieces
# Each value has exactly one spelling, and every other one is refused.


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def be32(number):
    return struct.pack(">I", number)


def be64(number):
    return struct.pack(">Q", number)


def number_of(text):
    """A decimal below 2^64 without sign or leading zeros; None for anything else."""
    if len(text) > 20 or not re.fullmatch("0|[1-9][0-9]*", text) or int(text) > U64_MAX:
        return None
    return int(text)


def base64_of(data):
    return base64.b64encode(data).decode()


def bytes_of_base64(text):
    """The bytes of base64 in its one spelling (RFC 4648, 4, with padding); None for anything else."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if base64_of(data) == text else None


def bytes_of_hex(text, length=None):
    """The bytes of lower-case hexadecimal; None for anything else."""
    if type(text) is not str or not re.fullmatch("(?:[0-9a-f]{2})*", text):
        return None
    data = bytes.fromhex(text)
    return data if length in (None, len(data)) else None


def utf8(data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


@functools.lru_cache(maxsize=4096)
def days_of(year, month, day):
    """Days since 1970-01-01 of a real date of the years 0 to 9999; None for any other."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if not (1 <= month <= 12 and 1 <= day <= lengths[month - 1]):
        return None
    before = year - 1
    leaps = before // 4 - before // 100 + before // 400
    return before * 365 + leaps + sum(lengths[: month - 1]) + day - 719_163


INSTANT = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z")
RFC3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
INSTANT_MAX = 253_402_207_200_999  # 9999-12-30T22:00:00.999Z: it has a date in the years up to 9999 everywhere


def instant_of(text):
    """Milliseconds since 1970 of an instant in its one spelling, such as 2018-07-15T00:00:00.000Z; None for anything else."""
    if type(text) is not str:
        return None
    match = INSTANT.fullmatch(text)
    if not match:
        return None
    year, month, day, hour, minute, second, millisecond = map(int, match.groups())
    days = days_of(year, month, day)
    if days is None or hour > 23 or minute > 59 or second > 59:
        return None
    instant = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond
    return instant if instant <= INSTANT_MAX else None


def instant_of_rfc3339(text):
    """The same of an instant with any offset and precision, as campaign documents have them; cut to the millisecond."""
    match = RFC3339.fullmatch(text) if type(text) is str else None
    if not match:
        return None
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = match.groups()[6:]
    days = days_of(year, month, day)
    if days is None or hour > 23 or minute > 59 or second > 60:
        return None
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + min(second, 59)
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            return None
        offset = (int(offset_hours) * 60 + int(offset_minutes)) * 60
        seconds += -offset if sign == "+" else offset
    nanoseconds = seconds * 10**9 + int((fraction or "0").ljust(9, "0"))
    instant = nanoseconds // 10**6 if nanoseconds >= 0 else -(-nanoseconds // 10**6)
    return instant if instant <= INSTANT_MAX else None


# --- canonical JSON: RFC 8785 for documents without fractions


def whole(digits):
    number = int(digits) if len(digits) <= 17 else NUMBER_MAX + 1
    if not -NUMBER_MAX <= number <= NUMBER_MAX:
        raise ValueError(f"the number {digits} is beyond 2^53 - 1")
    return number


def no_fraction(digits):
    raise ValueError(f"the number {digits} is not a whole one")


READER = json.JSONDecoder(parse_int=whole, parse_float=no_fraction, parse_constant=no_fraction)
# Escapes only quotes, backslashes and control characters, in the spelling of RFC 8785, and sorts names by their characters.
WRITER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def canonical_text(value):
    """The canonical text, with names sorted by their UTF-16 code units: that differs from characters beyond U+FFFF."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{WRITER.encode(name)}:{canonical_text(value[name])}" for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_text, value)) + "]"
    return WRITER.encode(value)


def is_deep(text):
    """Whether lists and objects of JSON are more than DEPTH_MAX within each other."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return False
    depth = deepest = 0
    for bracket in re.sub(r'"(?:[^"\\]|\\.)*"', "", text, flags=re.DOTALL):
        depth += (bracket in "[{") - (bracket in "]}")
        deepest = max(deepest, depth)
    return deepest > DEPTH_MAX


def canonical(data):
    """Reads bytes that must be canonical JSON."""
    text = utf8(data)
    if text is None:
        raise Refused("statement_not_canonical", "it is not in UTF-8")
    try:
        if is_deep(text):
            raise ValueError("it is too deep")
        value = READER.decode(text)
        # Only a text with characters beyond U+FFFF can have names in another order than that of characters.
        again = WRITER.encode(value) if text.isascii() or max(text) <= "\uffff" else canonical_text(value)
    except (ValueError, RecursionError) as why:
        raise Refused("statement_not_canonical", f"it is not canonical JSON: {why}") from None
    if again != text:
        raise Refused("statement_not_canonical", "it is JSON, but not in canonical form (RFC 8785)")
    return value


# ------------------------------------------------------------------------------------------- 2. the signatures
# Ed25519 (RFC 8032), strict: one encoding of every point and number, no points of small order, no cofactor.

ED_P = 2**255 - 19
ED_L = 2**252 + 27742317777372353535851937790883648493
ED_D = -121665 * pow(121666, -1, ED_P) % ED_P
ED_ROOT = pow(2, (ED_P - 1) // 4, ED_P)  # of -1
ED_NOTHING = (0, 1, 1, 0)  # points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z


def ed_sum(one, other):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = one, other
    a, b = (y1 - x1) * (y2 - x2) % ED_P, (y1 + x1) * (y2 + x2) % ED_P
    c, d = 2 * ED_D * t1 * t2 % ED_P, 2 * z1 * z2 % ED_P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % ED_P, g * h % ED_P, f * g % ED_P, e * h % ED_P


def ed_double(point):
    x, y, z, _ = point
    a, b, c = x * x % ED_P, y * y % ED_P, 2 * z * z % ED_P
    e, g, h = (x + y) * (x + y) % ED_P - a - b, b - a, -a - b
    f = g - c
    return e * f % ED_P, g * h % ED_P, f * g % ED_P, e * h % ED_P


def ed_decoded(data):
    """The point of 32 bytes in its one encoding; None for anything else."""
    number = int.from_bytes(data, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if len(data) != 32 or y >= ED_P:
        return None
    u, v = (y * y - 1) % ED_P, (ED_D * y * y + 1) % ED_P
    x = u * v**3 * pow(u * v**7, (ED_P - 5) // 8, ED_P) % ED_P
    if v * x * x % ED_P == -u % ED_P:
        x = x * ED_ROOT % ED_P
    if v * x * x % ED_P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = ED_P - x
    return x, y, 1, x * y % ED_P


def ed_encoded(point):
    x, y, z, _ = point
    inverse = pow(z, -1, ED_P)
    return ((y * inverse % ED_P) | (x * inverse % ED_P & 1) << 255).to_bytes(32, "little")


def ed_is_small(point):
    """Whether its order divides 8: such keys fit many messages."""
    for _ in range(3):
        point = ed_double(point)
    return point[0] == 0 and point[1] == point[2]


ED_BASE = ed_decoded(bytes.fromhex("58" + "66" * 31))


def ed_verifies(key, point, message, signature):
    """Whether 64 bytes are the signature of a message by a key, whose point is given."""
    if len(signature) != 64:
        return False
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    if s >= ED_L:
        return False
    k = int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % ED_L
    minus = (-point[0] % ED_P, point[1], 1, -point[3] % ED_P)
    # s times the base minus k times the key, bit by bit of both.
    table = [None, ED_BASE, minus, ed_sum(ED_BASE, minus)]
    found = ED_NOTHING
    for bit in range(max(s.bit_length(), k.bit_length()) - 1, -1, -1):
        found = ed_double(found)
        step = table[(s >> bit & 1) | (k >> bit & 1) << 1]
        if step:
            found = ed_sum(found, step)
    return ed_encoded(found) == r and not ed_is_small(found)


# --- keys: `<name>+<id>+<base64 of type and key>` (C2SP signed-note)

NAME_REFUSED = re.compile("[\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]")
TYPE_NOTE, TYPE_WITNESS = 0x01, 0x04


class Key:
    """A name, a type and an Ed25519 key."""

    def __init__(self, text, kind):
        """Raises ValueError unless it is a sound key of this type."""
        name, _, rest = text.partition("+")
        stated, _, encoded = rest.partition("+")
        typed = bytes_of_base64(encoded)
        if not name or NAME_REFUSED.search(name) or not re.fullmatch("[0-9a-f]{8}", stated) or not typed:
            raise ValueError("a key is a name, an id and base64 with + between them")
        self.text, self.name, self.bytes = text, name, typed[1:]
        self.id = sha256(name.encode(), b"\n", typed)[:4]
        if self.id.hex() != stated:
            raise ValueError("the id of the key is not that of its name and bytes")
        if typed[0] != kind:
            raise ValueError(f"the key is of type {typed[0]:#04x}, not {kind:#04x}: logs sign notes, witnesses cosign")
        self.point = ed_decoded(self.bytes)
        if self.point is None or ed_is_small(self.point):
            raise ValueError("the key is not a sound Ed25519 key")

    def verifies(self, message, signature):
        return ed_verifies(self.bytes, self.point, message, signature)


class Note:
    """A text, and the signatures under it: (name, id, bytes) each."""

    def __init__(self, note):
        """Raises Refused unless it is a note. Nothing is verified yet."""

        def malformed(detail):
            raise Refused("note_malformed", detail)

        if len(note.encode()) > NOTE_BYTES_MAX:
            malformed("the note is too long")
        if re.search("[\x00-\x09\x0b-\x1f]", note):
            malformed("the note has a control character")
        if not note.endswith("\n"):
            malformed("the note does not end in a newline")
        # The text may have empty lines, the signatures may not: the last one separates them.
        end = note.rfind("\n\n")
        lines = note[end + 2 :].split("\n")[:-1]
        if end < 0 or not lines:
            malformed("no empty line separates the text from the signatures")
        if len(lines) > SIGNATURES_MAX:
            malformed("the note has too many signatures")
        self.text, self.signatures = note[: end + 1], []
        for line in lines:
            dash, _, rest = line.partition(" ")
            name, _, encoded = rest.partition(" ")
            data = bytes_of_base64(encoded)
            if dash != "\u2014" or not name or NAME_REFUSED.search(name) or not data or len(data) < 5:
                malformed("a line under the text is not a signature")
            self.signatures.append((name, data[:4], data[4:]))

    def of(self, key):
        """What stands under the name and id of a key."""
        return [data for name, id, data in self.signatures if name == key.name and id == key.id]

    def opened(self, key):
        """The text, if the key signed it once and rightly."""
        found = self.of(key)
        if not found:
            raise Refused("signature_missing", f"{key.name} did not sign it")
        if len(found) > 1:
            raise Refused("signed_twice", f"{key.name} signed it twice")
        if not key.verifies(self.text.encode(), found[0]):
            raise Refused("signature_wrong", f"the signature of {key.name} is not right")
        return self.text


class Checkpoint:
    """How large a log is, and its root (C2SP tlog-checkpoint)."""

    def __init__(self, note, key):
        """Raises Refused unless it is a checkpoint of the log of this key."""
        self.note = Note(note)
        signers = [(name, id) for name, id, _ in self.note.signatures]
        if len(set(signers)) < len(signers):
            raise Refused("signed_twice", "two signatures of the checkpoint are of the same key")
        lines = self.note.text.split("\n")[:-1]
        if len(lines) < 3 or not all(lines):
            raise Refused("checkpoint_malformed", "a checkpoint has an origin, a size and a root, and no empty line")
        self.origin, self.size, self.root = lines[0], number_of(lines[1]), bytes_of_base64(lines[2])
        self.extensions = lines[3:]
        if self.size is None or self.root is None or len(self.root) != 32:
            raise Refused("checkpoint_malformed", "the size or the root is not in its one spelling")
        if self.size == 0 and self.root != sha256():
            raise Refused("checkpoint_malformed", "the root of an empty log is not the hash of nothing")
        if self.origin != key.name:
            raise Refused("checkpoint_origin", f"it is the checkpoint of {self.origin}, not of {key.name}")
        self.note.opened(key)


class Quorum:
    """Named witnesses, and how many of them must have cosigned (C2SP tlog-cosignature, type 0x04)."""

    def __init__(self, witnesses, needed):
        """Raises ValueError if they cannot make a quorum."""
        if needed > len(witnesses):
            raise ValueError(f"{needed} witnesses are needed of {len(witnesses)}")
        if len({key.name for key in witnesses}) < len(witnesses) or len({key.bytes for key in witnesses}) < len(witnesses):
            raise ValueError("a witness is named twice: it would count for two")
        self.witnesses, self.needed = witnesses, needed

    def reached(self, note, before=None):
        """Who cosigned, each as (name, seconds); with `before`, only those earlier than that."""
        found = []
        for key in self.witnesses:
            cosignatures = note.of(key)
            if not cosignatures:
                continue
            if len(cosignatures) > 1 or len(cosignatures[0]) < 8:
                raise Refused("cosignature_wrong", f"the cosignature of {key.name} is not right")
            time_s = int.from_bytes(cosignatures[0][:8], "big")
            if not 1 <= time_s < 2**63:
                raise Refused("cosignature_time", f"the cosignature of {key.name} has no time")
            message = f"cosignature/v1\ntime {time_s}\n{note.text}".encode()
            if not key.verifies(message, cosignatures[0][8:]):
                raise Refused("cosignature_wrong", f"the cosignature of {key.name} is not right")
            found.append((key.name, time_s))
        if len(found) < self.needed:
            raise Refused("quorum_too_few", f"{len(found)} of the witnesses cosigned, {self.needed} are needed")
        in_time = [(name, time_s) for name, time_s in found if before is None or time_s < before]
        if len(in_time) < self.needed:
            raise Refused("quorum_too_late", f"{len(in_time)} witnesses cosigned early enough, {self.needed} are needed")
        return in_time


def cosigned_text(cosignatures):
    return [{"name": name, "at": seconds_text(time_s)} for name, time_s in cosignatures]


def seconds_text(time_s):
    """RFC 3339 in UTC; plain seconds beyond the year 9999."""
    if time_s > INSTANT_MAX // 1000:
        return str(time_s)
    days, rest = divmod(time_s, 86400)
    year = 1970 + days * 400 // 146_097 + 1
    while days_of(year, 1, 1) > days:
        year -= 1
    month = next(month for month in range(12, 0, -1) if days_of(year, month, 1) <= days)
    day = days - days_of(year, month, 1) + 1
    return f"{year:04}-{month:02}-{day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}Z"


# ------------------------------------------------------------------------------------------------ 3. the trees


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def complete_root(hashes):
    """The root over hashes whose number is a power of two."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[place], hashes[place + 1]) for place in range(0, len(hashes), 2)]
    return hashes[0]


class Tree:
    """A tree that grows: the roots of its complete subtrees, from the left, are enough."""

    def __init__(self):
        self.size, self.peaks = 0, []

    def append(self, leaf):
        size = self.size
        while size & 1:
            leaf, size = node_hash(self.peaks.pop(), leaf), size >> 1
        self.peaks.append(leaf)
        self.size += 1

    def root(self):
        return functools.reduce(lambda right, left: node_hash(left, right), reversed(self.peaks)) if self.peaks else sha256()


def check_length(proof, needed):
    if len(proof) != needed:
        raise Refused("inclusion_length", f"the proof has {len(proof)} hashes, it needs {needed}")


def path_of(index, last):
    """How many hashes of a path lie below where it leaves the right edge of the tree, and how many above."""
    inner = (index ^ last).bit_length()
    return inner, bin(index >> inner).count("1")


def check_inclusion(index, size, leaf, proof, root):
    """That a leaf's hash is number `index` of the `size` under this root (RFC 9162, 2.1.3.2)."""
    if index >= size:
        raise Refused("inclusion_index", "the index is not below the size")
    inner, border = path_of(index, size - 1)
    check_length(proof, inner + border)
    for level, beside in enumerate(proof):
        is_left = level < inner and index >> level & 1 == 0
        leaf = node_hash(leaf, beside) if is_left else node_hash(beside, leaf)
    if leaf != root:
        raise Refused("inclusion_root", "the proof does not lead to the root")


def check_consistency(old_size, size, old_root, root, proof):
    """That the tree of `size` leaves begins with that of `old_size` (RFC 9162, 2.1.4.2)."""
    if old_size > size:
        raise Refused("inclusion_root", "the old size is above the new one")
    if old_size in (0, size):
        check_length(proof, 0)
        if (old_size == 0 and old_root != sha256()) or (old_size == size and old_root != root):
            raise Refused("inclusion_root", "the roots differ")
        return
    level = (old_size & -old_size).bit_length() - 1
    index = old_size - 1 >> level
    inner, border = path_of(index, size - 1 >> level)
    begins = index != 0  # with the last complete subtree of the old tree; otherwise that is the whole of it
    check_length(proof, inner + border + begins)
    old = new = proof[0] if begins else old_root
    for level, beside in enumerate(proof[begins:]):
        if level < inner and index >> level & 1 == 0:
            new = node_hash(new, beside)
        else:
            old, new = node_hash(beside, old), node_hash(beside, new)
    if (old, new) != (old_root, root):
        raise Refused("inclusion_root", "the proof does not lead to the roots")


# --- proofs that a person keeps (C2SP tlog-proof)

PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class LogProof:
    """`extra` (or None), `index`, `hashes`, and the note of a checkpoint, unverified."""

    def __init__(self, text):
        malformed = Refused("proof_malformed", "the proof's own lines are not those of a tlog-proof of version 1")
        top, gap, self.checkpoint = text.partition("\n\n")
        lines = top.split("\n")
        if not gap or lines.pop(0) != PROOF_HEADER or not lines:
            raise malformed
        self.extra = None
        if lines[0].startswith("extra "):
            self.extra = bytes_of_base64(lines.pop(0)[6:])
            if self.extra is None:
                raise malformed
        if not lines or not lines[0].startswith("index "):
            raise malformed
        self.index = number_of(lines.pop(0)[6:])
        self.hashes = [bytes_of_base64(line) for line in lines]
        sound = all(hash is not None and len(hash) == 32 for hash in self.hashes)
        if self.index is None or not sound or len(self.hashes) > HASHES_MAX:
            raise malformed

    def opened(self, key, quorum, before=None):
        """The checkpoint and its cosignatures, if the log signed it and the witnesses are enough."""
        checkpoint = Checkpoint(self.checkpoint, key)
        return checkpoint, quorum.reached(checkpoint.note, before)

    def check(self, entry, checkpoint):
        check_inclusion(self.index, checkpoint.size, leaf_hash(entry), self.hashes, checkpoint.root)


# --- the files of a log (C2SP tlog-tiles)


def tile_path(kind, index, width):
    """`kind` is a level or "entries"."""
    digits = f"{index:d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    path = "/".join(["x" + group for group in groups[:-1]] + groups[-1:])
    return f"tile/{kind}/{path}" + (f".p/{width}" if width < WIDTH else "")


def tile_of_path(path):
    """Level or "entries", index and width of a path in its one spelling; None for anything else."""
    match = re.fullmatch(r"tile/(entries|[0-9]+)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]+))?", path)
    if not match:
        return None
    kind = match[1] if match[1] == "entries" else number_of(match[1])
    index, width = int(re.sub("[x/]", "", match[2])), WIDTH if match[3] is None else number_of(match[3])
    if kind is None or (kind != "entries" and kind > 63) or not width or width > WIDTH or index > U64_MAX:
        return None
    return (kind, index, width) if tile_path(kind, index, width) == path else None


def entries_of(bundle, width):
    """The entries of a bundle, which must be `width`: each stands after its length in two bytes."""
    entries, place = [], 0
    for number in range(width):
        length = int.from_bytes(bundle[place : place + 2], "big")
        if place + 2 + length > len(bundle):
            raise Refused("bundle_malformed", f"the bundle ends within entry {number} of it")
        entries.append(bundle[place + 2 : place + 2 + length])
        place += 2 + length
    if place < len(bundle):
        raise Refused("bundle_malformed", f"{len(bundle) - place} bytes follow the last entry of the bundle")
    return entries


class Folder:
    """A log's files in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def read(self, name, most):
        """The first `most` bytes, one more if it is longer; None if it is not there."""
        try:
            with open(os.path.join(self.folder, name), "rb") as file:
                return file.read(most + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as why:
            raise CannotRun(f"{name} cannot be read: {why}") from None


class Address:
    """A log's files at an address. Each is fetched once, and kept in a temporary folder until the end."""

    def __init__(self, address):
        self.address, self.kept = address.rstrip("/"), tempfile.TemporaryDirectory(prefix="koi_verify.")

    def read(self, name, most):
        place = os.path.join(self.kept.name, name.replace("/", "_"))
        if not os.path.exists(place):
            data = fetched(f"{self.address}/{name}", most)
            if data is None:
                return None
            with open(place, "wb") as file:
                file.write(data)
        with open(place, "rb") as file:
            return file.read(most + 1)


def fetched(address, most):
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.read(most + 1)
    except urllib.error.HTTPError as why:
        if why.code in (404, 410):
            return None
        raise CannotRun(f"{address} answers {why.code}") from None
    except (OSError, ValueError) as why:
        raise CannotRun(f"{address} does not answer: {why}") from None


class Tiles:
    """The tiles and bundles of a log of a certain size."""

    def __init__(self, files, size):
        self.files, self.size = files, size

    def width(self, level, index):
        return min(WIDTH, (self.size >> 8 * level) - index * WIDTH)

    def read(self, kind, index, width):
        """The bytes of a tile or a bundle. A partial one that is gone is cut from the full one."""
        most = 32 if kind != "entries" else 2 + 0xFFFF
        data = self.files.read(tile_path(kind, index, width), width * most)
        if data is None and width < WIDTH:
            data = self.files.read(tile_path(kind, index, WIDTH), WIDTH * most)
            if data is not None and kind != "entries":
                data = data[: width * 32]
            elif data is not None:
                data = data[: sum(2 + len(entry) for entry in entries_of(data, WIDTH)[:width])]
        if data is None:
            raise Refused("tile_missing", "the file is not there", file=tile_path(kind, index, width))
        return data

    def bundles(self):
        """The entries, bundle by bundle."""
        for index in range(-(-self.size // WIDTH)):
            width = self.width(0, index)
            yield index, width, entries_of(self.read("entries", index, width), width)

    def audit(self, root):
        """Builds the tree from all entries, and compares every tile with it, and the root."""
        levels = [[] for _ in range(9)]  # the hashes of the tile at the right end of each level

        def compare(level, index, hashes):
            data, file = self.read(level, index, len(hashes)), tile_path(level, index, len(hashes))
            if len(data) != 32 * len(hashes):
                raise Refused("tile_length", f"it has {len(data)} bytes, not 32 for each of {len(hashes)} hashes", file=file)
            if data != b"".join(hashes):
                raise Refused("tile_differs", "it does not belong to the entries", file=file)

        for index, _, entries in self.bundles():
            levels[0] = [leaf_hash(entry) for entry in entries]
            for level in range(8):
                if len(levels[level]) == WIDTH:
                    compare(level, index >> 8 * level, levels[level])
                    levels[level + 1].append(complete_root(levels[level]))
                    levels[level] = []
                else:
                    break
        tree = []  # the roots of complete subtrees, from the right
        for level in range(8):
            hashes = levels[level]
            if hashes:
                compare(level, self.size >> 8 * (level + 1), hashes)
            end = len(hashes)
            for power in range(8):
                if end >> power & 1:
                    tree.append(complete_root(hashes[end - (1 << power) : end]))
                    end -= 1 << power
        found = functools.reduce(lambda right, left: node_hash(left, right), tree) if tree else sha256()
        if found != root:
            raise Refused("root_differs", "the entries do not belong to the root")


# ------------------------------------------------------------------------------------------------- 4. the luck
# The beacon: rounds of drand, each with a signature on G1 of BLS12-381 (scheme bls-unchained-g1-rfc9380).

BLS_P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
BLS_ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001
BLS_TAG = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_"
SCHEME = "bls-unchained-g1-rfc9380"
FASTNET_SCHEME = "bls-unchained-on-g1"
FASTNET_HASH = "dbd506d6ef76e5f386f41c651dcb808c5bcbd75471cc4eafa3f4df7ad4e4c493"


class Chain:
    """Who signs, since when, and how often."""

    def __init__(self, public_key, genesis_s, period_s, group_hash, beacon_id):
        self.public_key, self.genesis_s, self.period_s, self.beacon_id = public_key, genesis_s, period_s, beacon_id
        identity = struct.pack(">Iq", period_s, genesis_s) + public_key + group_hash
        self.hash = sha256(identity, b"" if beacon_id == "default" else beacon_id.encode())

    def round_at(self, time_ms):
        """The first round whose time is at or after that; at least 1."""
        since_ms = max(0, time_ms - self.genesis_s * 1000)
        return -(-since_ms // (self.period_s * 1000)) + 1

    def time_s(self, number):
        """The time of a round; None for round 0 and for those after the end of time."""
        time_s = self.genesis_s + (number - 1) * self.period_s
        return time_s if number and time_s < 2**63 else None


def chain_of_info(info):
    """A chain by its info, as relays answer it; its hash is computed again."""
    if info["schemeID"] == FASTNET_SCHEME:
        raise Refused("fastnet", "fastnet does not hash as RFC 9380 has it")
    if info["schemeID"] != SCHEME:
        raise Refused("scheme", f"only {SCHEME} is accepted")
    if info["period"] == 0:
        raise Refused("period_zero", "the period is 0 seconds")
    key = bytes_of_hex(info["public_key"], 96)
    coordinates = key and (int.from_bytes(key[:48], "big") & (2**381 - 1), int.from_bytes(key[48:], "big"))
    if not key or key[0] & 0xC0 != 0x80 or max(coordinates) >= BLS_P:
        raise Refused("public_key", "the public key is not a compressed point of G2")
    group_hash = bytes_of_hex(info["groupHash"], 32)
    chain = Chain(key, info["genesis_time"], info["period"], group_hash, info["metadata"]["beaconID"])
    if chain.hash.hex() != info["hash"]:
        raise Refused("hash", f"the info hashes to {chain.hash.hex()}")
    if info["hash"] == FASTNET_HASH:
        raise Refused("fastnet", "fastnet does not hash as RFC 9380 has it")
    return chain


QUICKNET = Chain(
    bytes.fromhex(
        "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
    ),
    1_692_803_367,
    3,
    bytes.fromhex("f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e"),
    "quicknet",
)
assert QUICKNET.hash.hex() == "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971"
# Its key is known to everybody: what is drawn from it is no public draw.
LOCAL = Chain(
    bytes.fromhex(
        "8712abcde1d98aeaeee411bd08e16b183f9e0d14afbf004d09c9606235395ce5486cb471da9028bfaaabf4e1fd1b0ada"
        "058c942682afb9f558ef96167a6038937d4f5a503554ca8e6a01054c510c8eba0eb27fe1bc368600c924ee2c8ebed111"
    ),
    946_684_800,
    3,
    sha256(b"koi/local-group/v1\n"),
    "koi-local",
)
assert LOCAL.hash.hex() == "9effef0e694894a2de5afd035dbe85e1c437c0a16ef6f8ab13fad06c9a68cd54"
CHAINS = {chain.hash: chain for chain in (QUICKNET, LOCAL)}


def g1_sum(one, other):
    """Of points of y^2 = x^3 + 4; None is nothing."""
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2:
        if (y1 + y2) % BLS_P == 0:
            return None
        slope = 3 * x1 * x1 * pow(2 * y1, -1, BLS_P) % BLS_P
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, BLS_P) % BLS_P
    x = (slope * slope - x1 - x2) % BLS_P
    return x, (slope * (x1 - x) - y1) % BLS_P


def g1_check(signature):
    """That 48 bytes are a point of the group of prime order in its one encoding: a second one would be a second outcome."""
    if len(signature) != 48:
        raise Refused("signature_length", f"the signature has {len(signature)} bytes; a compressed point of G1 has 48")
    if not signature[0] & 0x80:
        raise Refused("not_compressed", "the signature is not a compressed point")
    if signature[0] & 0x40:
        raise Refused("infinity", "the signature is the point at infinity, which signs nothing")
    x = int.from_bytes(signature, "big") & (2**381 - 1)
    if x >= BLS_P:
        raise Refused("not_reduced", "the signature is a second encoding of a point")
    square = (pow(x, 3, BLS_P) + 4) % BLS_P
    y = pow(square, (BLS_P + 1) // 4, BLS_P)
    if y * y % BLS_P != square:
        raise Refused("not_on_curve", "the signature is no point of the curve")
    found, point, order = None, (x, y), BLS_ORDER
    while order:
        found = g1_sum(found, point) if order & 1 else found
        point, order = g1_sum(point, point), order >> 1
    if found is not None:
        raise Refused("outside_group", "the signature is a point of the curve, but not of the group of prime order")


def bls_checker():
    """A function that checks a signature by pairings; None without py_ecc."""
    try:
        from py_ecc.bls.hash_to_curve import hash_to_G1
        from py_ecc.bls.point_compression import decompress_G1, decompress_G2
        from py_ecc.optimized_bls12_381 import G2, pairing
    except ImportError:
        return None

    def verifies(public_key, message, signature):
        halves = int.from_bytes(public_key[:48], "big"), int.from_bytes(public_key[48:], "big")
        key, point = decompress_G2(halves), decompress_G1(int.from_bytes(signature, "big"))
        return pairing(G2, point) == pairing(key, hash_to_G1(message, BLS_TAG, hashlib.sha256))

    return verifies


BLS = bls_checker()


@functools.lru_cache(maxsize=1024)
def beacon_wrong(chain, number, signature, randomness):
    """What is wrong with a round, as (code, detail), or None. With BLS the signature itself is checked, too."""
    try:
        if number == 0:
            raise Refused("round_zero", "round 0 does not exist")
        g1_check(signature)
        if BLS and not BLS(chain.public_key, sha256(be64(number)), signature):
            raise Refused("signature_wrong", "the signature is not that of this round by this chain's key")
        if randomness is not None and sha256(signature) != randomness:
            raise Refused("randomness_wrong", "the randomness is not the SHA-256 of the signature")
    except Refused as why:
        return why.code, why.detail
    return None


# --- selection without bias


def fair(value, total):
    """value mod total, or None for a value that would favour small remainders."""
    return value % total if value < 2**256 // total * total else None


def first_fair(total, begun):
    attempt = 0
    while True:
        found = fair(int.from_bytes(sha256(begun, be32(attempt)), "big"), total)
        if found is not None:
            return found
        attempt += 1


# --- packets of a sealed stock


def pool_commitment(campaign, secret):
    return sha256(b"koi/pool/v1\n", campaign.encode(), b"\n", secret)


def pool_key(secret, chain_hash, number, randomness):
    return sha256(b"koi/pool-key/v1\n", secret, chain_hash, be64(number), randomness)


def packet_pick(key, cell, ordinal, total):
    return first_fair(total, b"koi/packet/v1\n" + key + be32(cell) + be64(ordinal))


def move_pick(key, cell, line, place, total):
    return first_fair(total, b"koi/move/v1\n" + key + be32(cell) + be64(line) + be64(place))


def take_at(left, pick):
    """Takes packet number `pick` of those that are left, in the order of the tiers, and answers its tier."""
    for tier, count in enumerate(left):
        if pick < count:
            left[tier] -= 1
            return tier
        pick -= count
    raise AssertionError("a pick is below the number of packets")


# --- draws: one winner and k reserves of n entries


def entry_leaf(draw_id, salt, external_id):
    return sha256(b"koi/entry/v1\n", draw_id.encode(), b"\n", salt, external_id.encode())


def draw_seed(rules_hash, root, entries, chain_hash, number, randomness):
    return sha256(b"koi/draw/v1\n", rules_hash, root, be64(entries), chain_hash, be64(number), randomness)


def drawn(tag, seed, entries, excluded, count, before=(), passed=None):
    """`count` indices that are neither excluded nor among `before`, each once. `excluded` ascends. `passed`, if it is a list, is told
    the excluded ones that were met, in this order."""
    if excluded and excluded[-1] >= entries:
        raise Refused("excluded_nobody", f"entry {excluded[-1]} is excluded, but there are {entries}")
    if count > entries - len(excluded) - len(before):
        raise Refused("too_few_entries", f"{count} entries are asked for, more than can be taken")
    if count > INDICES_MAX:
        raise Refused("too_many", f"{count} entries are asked for; at most {INDICES_MAX} are drawn at once")
    out, taken, found = set(excluded), set(before), []
    for number in range(2**32):
        if len(found) == count:
            return found
        index = first_fair(entries, tag + seed + be32(number))
        if index in taken:
            continue
        taken.add(index)
        if index not in out:
            found.append(index)
        elif passed is not None:
            passed.append(index)
    raise Refused("blocks_exhausted", "2^32 blocks did not find enough entries")


def draw_outcome(seed, entries, excluded, reserves, passed=None):
    return drawn(b"koi/block/v1\n", seed, entries, excluded, 1 + reserves, (), passed)


def audit_sample(seed, entries, excluded, outcome, count):
    return drawn(b"koi/audit/v1\n", seed, entries, excluded, count, outcome)


EXCLUSIONS_HEADING = "koi/exclusions/v1\n"


def exclusions_of(text):
    """The indices and reasons of a published list of exclusions; raises ValueError unless it is in its one spelling."""
    if not text.startswith(EXCLUSIONS_HEADING) or not text.endswith("\n"):
        raise ValueError("the list of exclusions does not begin with its heading or end in a newline")
    found = []
    for line in text[len(EXCLUSIONS_HEADING) :].split("\n")[:-1]:
        digits, _, reason = line.partition(" ")
        index = number_of(digits)
        if index is None or not re.fullmatch("[a-z0-9_]{1,64}", reason) or (found and index <= found[-1][0]):
            raise ValueError(f"{line!r} is no exclusion: an index above the one before, and the code of a reason")
        found.append((index, reason))
    return found


# ------------------------------------------------------------------------------------------- 5. the statements


def is_text(value):
    return type(value) is str


def is_flag(value):
    return type(value) is bool


def is_whole(value):
    return type(value) is int


def is_count(value):
    return type(value) is int and value >= 0


def is_cell(value):
    return type(value) is int and 0 <= value <= 65535


def is_revision(value):
    return type(value) is int and 0 <= value <= 2**32 - 1


def is_hash(value):
    return bytes_of_hex(value, 32) is not None


def is_instant(value):
    return instant_of(value) is not None


def is_scope(value):
    return type(value) is str and value in ("issuing", "all")


def is_counts(value):
    return type(value) is list and all(map(is_count, value))


def is_anything(_value):
    return True


def fits(members):
    """Whether a value is an object of exactly these members."""

    def check(value):
        return type(value) is dict and value.keys() == members.keys() and all(members[name](value[name]) for name in members)

    return check


is_money = fits({"currency": is_text, "value": is_whole})
is_beacon = fits({"chain": is_hash, "local": is_flag, "round": is_count})
PACKET = {"cell": is_cell, "face": is_whole, "split": is_flag}
CHANGE = {"reason": is_text}
KINDS = {
    "rules": {"beacon": is_beacon, "document": is_anything, "pool": is_hash, "revision": is_revision},
    "fund": {"amount": is_money},
    "opening": {"randomness": is_hash, "round": is_count, "signature": is_text},
    "receipt": {**PACKET, "coupon": is_text, "ordinal": is_count, "revision": is_revision},
    "put_back": {**PACKET, "ordinal": is_count},
    "sent": {**PACKET, "continues": is_flag, "count": is_count, "into": is_cell, "line": is_count},
    "received": {**PACKET, "count": is_count, "from": is_cell},
    "pause": {**CHANGE, "scope": is_scope},
    "resume": CHANGE,
    "end": CHANGE,
    "close": {"funded": is_money, "left": is_counts, "recovered": is_money, "returned": is_money, "spent": is_money},
    "reveal": {"secret": is_hash},
}
ALL = {"at": is_instant, "campaign": is_text, "kind": is_text, "v": is_whole}
SHAPES = {kind: fits({**ALL, **members}) for kind, members in KINDS.items()}
OF_A_CELL = {"receipt", "put_back", "sent", "received"}


# --- statements of draws, which stand in the same log

SKIPPED_MAX, RESERVES_MAX, WITNESSES_MAX = 1000, 1000, 16
U32_MAX = 2**32 - 1


def is_text_of(least, most):
    """A text of so many bytes without control characters."""

    def check(value):
        if type(value) is not str or re.search("[\x00-\x1f]", value):
            return False
        return least <= len(value.encode("utf-8", "surrogatepass")) <= most

    return check


def is_like(pattern):
    return lambda value: type(value) is str and re.fullmatch(pattern, value) is not None


def is_between(least, most):
    return lambda value: type(value) is int and least <= value <= most


def is_base64(least, most, step=1):
    def check(value):
        data = bytes_of_base64(value) if type(value) is str else None
        return data is not None and least <= len(data) <= most and len(data) % step == 0

    return check


def is_indices(value):
    return is_counts(value) and len(value) <= SKIPPED_MAX and len(set(value)) == len(value)


def are_witnesses(value):
    try:
        Quorum([Key(text, TYPE_WITNESS) for text in value if is_text(text)], 0)
    except ValueError:
        return False
    return all(map(is_text, value)) and len(value) <= WITNESSES_MAX


is_proof = is_base64(0, 32 * HASHES_MAX, 32)
is_code = is_like("[a-z0-9_]{1,64}")
DRAW_SAYS = {"at": is_instant, "draw": is_like("[A-Za-z0-9._-]{1,64}"), "kind": is_text, "v": is_whole}
is_draw_rules = fits(
    {
        **DRAW_SAYS,
        "beacon": fits({"chain": is_hash, "local": is_flag}),
        "claim_s": is_between(1, U32_MAX),
        "close": is_instant,
        "eligibility": is_text_of(1, 1000),
        "filter": is_code,
        "margin_s": is_between(0, U32_MAX),
        "quorum": is_count,
        "reserves": is_between(0, RESERVES_MAX),
        "silent": is_text_of(1, 1000),
        "witnesses": lambda value: type(value) is list and are_witnesses(value),
    }
)
is_draw_seal = fits(
    {
        **DRAW_SAYS,
        "entries": is_between(1, NUMBER_MAX),
        "exclusions": fits({"count": is_count, "hash": is_hash}),
        "prizes": is_count,
        "root": is_hash,
        "round": is_count,
        "rules": is_anything,
    }
)
DRAW_SHAPES = {
    "draw_rules": lambda value: is_draw_rules(value) and has_quorum(value),
    "draw_seal": is_draw_seal,
    "draw_outcome": fits(
        {**DRAW_SAYS, "reserves": is_indices, "round": is_count, "signature": is_like("[0-9a-f]{96}"), "winner": is_count}
    ),
    "draw_void": fits({**DRAW_SAYS, "reason": is_code}),
}


def has_quorum(rules):
    """Without witnesses there is none; with some, one at least must cosign."""
    witnesses = len(rules["witnesses"])
    return min(1, witnesses) <= rules["quorum"] <= witnesses


def check_draw_statement(value, kind):
    """That a statement of a draw is sound, and the rules that a seal has in it."""
    whole = [(value, kind)]
    if kind == "draw_seal":
        whole.append((value.get("rules") if type(value) is dict else None, "draw_rules"))
    for part, of in whole:
        if type(part) is not dict or type(part.get("v")) is not int or part["v"] != 1:
            raise Refused("statement_version", f"the {of} is of a version that is not known here")
    for part, of in whole:
        if part.get("kind") != of or not DRAW_SHAPES[of](part):
            raise Refused("statement_member", f"a member of the {of} is missing, unknown or wrong")


def statement_of(leaf):
    """What a leaf says. Raises Refused unless it is a statement."""
    value = canonical(leaf)
    if type(value) is not dict or type(value.get("v")) is not int or value["v"] != 1:
        raise Refused("statement_version", "it is of a version that is not known here")
    kind = value.get("kind")
    if type(kind) is str and kind in DRAW_SHAPES:
        check_draw_statement(value, kind)
        return value
    if type(kind) is not str or kind not in SHAPES:
        raise Refused("statement_member", "it is of a kind that is not known here")
    if not SHAPES[kind](value):
        raise Refused("statement_member", f"a member of the {kind} is missing, unknown or wrong")
    return value


# -------------------------------------------------------------------------------------------- 6. the campaigns


class Findings:
    """What is wrong with one campaign: the first of it are kept, all are counted."""

    def __init__(self, campaign):
        self.campaign, self.leaf, self.kept, self.count = campaign, None, [], 0

    def add(self, code, detail, **where):
        self.count += 1
        if len(self.kept) < FINDINGS_MAX:
            leaf = {} if self.leaf is None else {"leaf": self.leaf}
            where = {name: value for name, value in where.items() if value is not None}
            self.kept.append({"code": code, "campaign": self.campaign, **where, **leaf, "detail": detail})


Tier = collections.namedtuple("Tier", "face count split")


def tiers_of(document):
    """The stock of a campaign's document, which must be sound."""
    packets = document.get("packets") if type(document) is dict else None
    tiers = []
    for packet in packets if type(packets) is list else []:
        packet = packet if type(packet) is dict else {}
        tier = Tier(packet.get("face"), packet.get("count"), packet.get("split", False))
        if not is_count(tier.face) or not is_count(tier.count) or not tier.face or not tier.count or not is_flag(tier.split):
            raise ValueError("packets")
        tiers.append(tier)
    different = {(tier.face, tier.split) for tier in tiers}
    if not 1 <= len(tiers) <= TIERS_MAX or len(different) < len(tiers) or sum(tier.count for tier in tiers) > PACKETS_MAX:
        raise ValueError("packets")
    return tiers


class Outline:
    """What one campaign said of itself: the first of the two times that a log is read."""

    def __init__(self, rules):
        """Raises ValueError with the member of the document that is not valid."""
        document = rules["document"]
        self.document = document if type(document) is dict else {}
        if "id" in self.document and self.document["id"] != rules["campaign"]:
            raise ValueError("id")
        self.tiers = tiers_of(self.document)
        self.starts_at, self.ends_at = (instant_of_rfc3339(self.document.get(name)) for name in ("starts_at", "ends_at"))
        if self.starts_at is None or self.ends_at is None:
            raise ValueError("starts_at" if self.starts_at is None else "ends_at")
        currency = self.document.get("currency")
        self.currency = currency if is_text(currency) else ""
        self.rules, self.revision, self.at = rules, rules["revision"], instant_of(rules["at"])
        self.chain = CHAINS.get(bytes.fromhex(rules["beacon"]["chain"]))
        self.opening = self.reveal = None
        self.closed = False
        self.place = {(tier.face, tier.split): place for place, tier in enumerate(self.tiers)}
        self.budget = sum(tier.face * tier.count for tier in self.tiers)

    def what_stays(self):
        """What no revision may change."""
        return self.starts_at, self.ends_at, self.rules["pool"], self.rules["beacon"], self.tiers, self.currency

    def check_beacon(self, findings):
        """The round is a formula: the first at or after the later of the start minus 60 s and the rules plus 3 s."""
        beacon = self.rules["beacon"]
        if self.chain is None or beacon["local"] != (self.chain is LOCAL):
            return findings.add("chain", "its randomness is of a chain that is not known here, or marked wrongly")
        expected = self.chain.round_at(max(self.starts_at - 60_000, self.at + 3000))
        if beacon["round"] != expected:
            findings.add("round", f"its randomness is of round {beacon['round']}; by its rules it had to be {expected}")

    def check_opening(self, findings):
        opening, beacon = self.opening, self.rules["beacon"]
        if opening["round"] != beacon["round"]:
            return findings.add("round", f"its opening is of round {opening['round']}, its rules say {beacon['round']}")
        signature = bytes_of_hex(opening["signature"])
        if signature is None:
            return findings.add("randomness", "the signature of its round is not in hexadecimal")
        if self.chain is None:
            return findings.add("chain", "its randomness is of a chain that is not known here")
        wrong = beacon_wrong(self.chain, opening["round"], signature, bytes.fromhex(opening["randomness"]))
        if wrong:
            return findings.add("randomness", f"the public randomness of its opening is false: {wrong[1]}")
        # The local chain signs ahead of every clock, and says so.
        time_s = None if beacon["local"] else self.chain.time_s(opening["round"])
        at = instant_of(opening["at"])
        if at < self.at or (time_s is not None and at < time_s * 1000):
            findings.add("backwards", "its opening is said to be before its rules, or before its round")

    def has_right_secret(self):
        if not self.reveal:
            return False
        return pool_commitment(self.rules["campaign"], bytes.fromhex(self.reveal["secret"])).hex() == self.rules["pool"]

    def pool_key(self):
        chain, randomness = bytes.fromhex(self.rules["beacon"]["chain"]), bytes.fromhex(self.opening["randomness"])
        return pool_key(bytes.fromhex(self.reveal["secret"]), chain, self.opening["round"], randomness)


def outline(outlines, statement, findings):
    """Takes a statement, in the order of the log."""
    kind, campaign = statement["kind"], statement["campaign"]
    if kind == "rules":
        return outline_rules(outlines, statement, findings)
    known = outlines.get(campaign)
    if known is None:
        return findings.add("no_rules", "its rules were not stated first")
    if kind == "opening":
        if known.opening:
            findings.add("opening", "the public randomness of its opening was stated twice")
        known.opening = statement
        known.check_opening(findings)
    elif kind == "reveal":
        if not known.closed:
            findings.add("revealed_early", "its secret was revealed before it was closed")
        if known.reveal:
            findings.add("not_revealed", "its secret was revealed twice")
        known.reveal = statement
        if not known.has_right_secret():
            findings.add("secret", "the secret that was revealed is not the one that it committed to")
    elif kind == "close":
        known.closed = True


def outline_rules(outlines, rules, findings):
    try:
        stated = Outline(rules)
    except ValueError as member:
        return findings.add("document", f"its document has no valid {member}")
    known = outlines.get(rules["campaign"])
    expected = known.revision + 1 if known else 1
    if rules["revision"] != expected:
        findings.add("revision", f"revision {rules['revision']} of its rules stands where {expected} had to be")
    if known is None:
        stated.check_beacon(findings)
        outlines[rules["campaign"]] = stated
    else:
        if known.what_stays() != stated.what_stays():
            findings.add("rules_changed", "a revision changes its stock, its times or what it committed to")
        known.revision = rules["revision"]


BACK, UNKNOWN = 0x80, 0x7F  # what is kept of a claim: its tier, one that nobody can know, and whether it went back
Moving = collections.namedtuple("Moving", "line into before counts")


class Stock:
    """A campaign's packets in one cell. Without the pool's key, packets are the ones that receipts state."""

    def __init__(self, cell, left, outline, key, findings):
        self.cell, self.left, self.outline, self.key, self.findings = cell, left, outline, key, findings
        self.taken, self.unknown, self.moving, self.line = bytearray(), 0, None, 0

    def add(self, code, detail, ordinal=None):
        self.findings.add(code, detail, cell=self.cell, ordinal=ordinal)

    def total(self):
        return max(0, sum(self.left) - self.unknown)

    def take(self, ordinal, packet):
        """Draws the packet of a claim again, and compares it with its receipt."""
        issued = len(self.taken)
        if ordinal < issued:
            return self.add("twice", f"ordinal {ordinal} comes twice, or after a later one", ordinal)
        # Those that are missing took their packets all the same, as far as there are any, and not too many are missing.
        if ordinal - issued > GAP_MAX:
            return self.add("missing", f"the receipt of ordinal {issued} is missing", issued)
        for missing in range(issued, ordinal):
            self.add("missing", f"the receipt of ordinal {missing} is missing", missing)
            if self.total() == 0:
                return
            self.draw() if self.key else self.take_unknown()
        if self.total() == 0:
            return self.add("empty", f"ordinal {ordinal} took a packet of a cell that has none left", ordinal)
        if not self.key:
            return self.take_stated(ordinal, packet)
        tier = self.outline.tiers[self.draw()]
        if (tier.face, tier.split) != packet:
            self.add("face", f"ordinal {ordinal} got {words(packet)}, the stock gives it {words((tier.face, tier.split))}", ordinal)

    def draw(self):
        tier = take_at(self.left, packet_pick(self.key, self.cell, len(self.taken), self.total()))
        self.taken.append(tier)
        return tier

    def take_stated(self, ordinal, packet):
        tier = self.outline.place.get(packet)
        if tier is None:
            self.add("no_such_tier", f"the rules know no packet of {words(packet)}")
            self.take_unknown()
        elif self.left[tier] == 0:
            self.add("empty", f"ordinal {ordinal} took a packet of which the cell has none left", ordinal)
            self.take_unknown()
        else:
            self.left[tier] -= 1
            self.taken.append(tier)

    def take_unknown(self):
        self.unknown += 1
        self.taken.append(UNKNOWN)

    def put_back(self, ordinal, packet):
        kept = self.taken[ordinal] if ordinal < len(self.taken) else BACK
        if kept == UNKNOWN:
            self.unknown = max(0, self.unknown - 1)
        elif not kept & BACK and self.outline.place.get(packet) == kept:
            self.left[kept] += 1
        else:
            return self.add("put_back", f"the packet of ordinal {ordinal} went back, but is not out or is another one", ordinal)
        self.taken[ordinal] |= BACK

    def send(self, sent, tier):
        """Takes what leaves the cell; which packets had to go is looked at when the whole move is known."""
        line, count = sent["line"], sent["count"]
        if line <= self.line or line >> LINE_BITS:
            self.add("continues", f"line {line} is no line after the one before")
        self.line = max(self.line, line)
        if sent["continues"] and self.moving and self.moving.into == sent["into"]:
            self.moving.counts[tier] += count
        else:
            if sent["continues"]:
                self.add("continues", f"line {line} continues no move")
            self.settle()
            self.moving = Moving(line, sent["into"], list(self.left), [0] * len(self.left))
            self.moving.counts[tier] = count
        # One that sends more than it has is found by its draw.
        self.left[tier] = max(0, self.left[tier] - count)

    def settle(self):
        """Draws the packets of a move again whose statements are all read, and compares them."""
        if not self.moving:
            return
        line, _, before, counts = self.moving
        self.moving = None
        if not self.key:
            if sum(counts) > MOVE_MAX or any(count > had for count, had in zip(counts, before)):
                self.add("move_of_more", f"the move of line {line} took more than there was, or than a move takes")
            return
        number, total = (self.cell << LINE_BITS | line) & U64_MAX, sum(before)
        found = [0] * len(counts)
        for place in range(min(sum(counts), total, MOVE_MAX)):
            found[take_at(before, move_pick(self.key, self.cell, number, place, total - place))] += 1
        if found != counts:
            self.add("move", f"the move of line {line} took {counts} of the tiers, the stock gives it {found}")


def words(packet):
    return f"{packet[0]}{' (splits)' if packet[1] else ''}"


SEALED, OPEN, PAUSED, ENDED, CLOSED = "sealed", "open", "paused", "ended", "closed"
STEPS = {"opening": (SEALED, OPEN), "pause": (OPEN, PAUSED), "resume": (PAUSED, OPEN)}
RECEIPT_OUT_OF_ORDER = {
    SEALED: ("before_opening", "a packet was taken before the randomness of the opening was stated"),
    PAUSED: ("while_paused", "a packet was taken during a pause"),
    ENDED: ("after_end", "a packet was taken after the campaign had ended"),
    CLOSED: ("after_end", "a packet was taken after the campaign had ended"),
}


class Replay:
    """Everything of one campaign again, with what it said of itself known. After something wrong it goes on with what had to be."""

    def __init__(self, outline, findings):
        self.outline, self.findings, self.key = outline, findings, None
        self.state = self.begin()
        self.cells = {0: self.stock(0, [tier.count for tier in outline.tiers])}  # the whole stock begins there
        self.between = {}  # of each pair of cells, tier by tier: what one sent less what the other received
        self.stage, self.said_at, self.latest = SEALED, -(2**63), -(2**63)
        self.funded = self.claims = self.put_back = self.moved = 0

    def begin(self):
        """How much can be checked; with all of it, the key that packets are drawn with."""
        if not self.outline.reveal:
            if not self.outline.closed:
                return "running"
            self.findings.add("not_revealed", "it was closed, but its secret was not revealed")
            return "unrevealed"
        if not self.outline.has_right_secret():
            return "unrevealed"  # that it is another one was found
        # If its randomness never came there was nothing to draw, and a claim is wrong whatever it took.
        self.key = self.outline.pool_key() if self.outline.opening else None
        return "replayed"

    def stock(self, cell, left=None):
        return Stock(cell, left or [0] * len(self.outline.tiers), self.outline, self.key, self.findings)

    def of_cell(self, cell):
        if cell not in self.cells:
            self.cells[cell] = self.stock(cell)
        return self.cells[cell]

    def take(self, statement):
        """Takes a statement of the campaign, in the order of the log."""
        kind, at, cell = statement["kind"], instant_of(statement["at"]), statement.get("cell")
        # What the operator says is said after all before it, and nothing else is said to be before that.
        if at < (self.latest if cell is None else self.said_at):
            self.findings.add("backwards", f"it is said to have happened at {statement['at']}, before what was said before", cell=cell)
        self.latest = max(self.latest, at)
        if cell is None:
            self.said_at = at
        if kind in STEPS:
            before, after = STEPS[kind]
            if self.stage != before:
                self.findings.add("order", f"the {kind} came while it was {self.stage}")
            self.stage = after
        elif kind not in ("rules", "reveal"):
            getattr(self, "take_" + kind)(statement, at)

    def take_fund(self, fund, _at):
        value = fund["amount"]["value"]
        if value <= 0 or fund["amount"]["currency"] != self.outline.currency:
            self.findings.add("amount", "money was paid in that is none, or of another currency")
        self.funded += max(0, value)

    def take_end(self, _end, _at):
        if self.stage not in (OPEN, PAUSED):
            self.findings.add("order", f"the end came while it was {self.stage}")
        self.stage = ENDED

    def take_close(self, close, at):
        if self.stage == CLOSED or not (self.stage == ENDED or at >= self.outline.ends_at):
            self.findings.add("order", f"it was closed before its end, or twice: it was {self.stage}")
        self.stage = CLOSED
        self.settle_moves()
        self.compare_moves()
        left = self.left()
        if left != close["left"]:
            self.findings.add("left", f"{left} of the tiers are left, it says {close['left']}")
        amounts = [close[name] for name in ("funded", "returned", "spent", "recovered")]
        if any(amount["value"] < 0 or amount["currency"] != self.outline.currency for amount in amounts):
            self.findings.add("amount", "an amount of the close is below 0, or of another currency")
        funded, returned, spent, recovered = (amount["value"] for amount in amounts)
        if not funded == returned + spent == self.funded or recovered > spent or spent > self.issued(left):
            self.findings.add("money", f"{self.funded} was paid in; it says {funded}, of which {returned} returned and {spent} spent")

    def take_receipt(self, receipt, at):
        self.claims += 1
        cell = receipt["cell"]
        if self.stage != OPEN:
            self.findings.add(*RECEIPT_OUT_OF_ORDER[self.stage], cell=cell)
        if not self.outline.starts_at <= at < self.outline.ends_at:
            self.findings.add("outside_of_time", f"a packet was taken at {receipt['at']}, before the start or after the end", cell=cell)
        if self.claims == 1 and self.funded < self.outline.budget:
            self.findings.add("underfunded", f"{self.funded} was paid in of a budget of {self.outline.budget}", cell=cell)
        stock = self.of_cell(cell)
        stock.settle()
        stock.take(receipt["ordinal"], (receipt["face"], receipt["split"]))

    def check_open(self, cell):
        if self.stage in (SEALED, CLOSED):
            self.findings.add("not_open", f"a packet went back or moved while it was {self.stage}", cell=cell)

    def take_put_back(self, back, _at):
        self.check_open(back["cell"])
        self.put_back += 1
        stock = self.of_cell(back["cell"])
        stock.settle()
        stock.put_back(back["ordinal"], (back["face"], back["split"]))

    def tier_moved(self, move, other):
        """The tier of a move between its cell and another one; None if it is none."""
        self.check_open(move["cell"])
        if move["cell"] == other or not 1 <= move["count"] <= MOVE_MAX:
            return self.findings.add("no_move", "a move takes 1 to 4096 packets, to another cell", cell=move["cell"])
        if "line" in move:
            self.moved += move["count"]
        packet = (move["face"], move["split"])
        if packet not in self.outline.place:
            return self.findings.add("no_such_tier", f"the rules know no packet of {words(packet)}", cell=move["cell"])
        return self.outline.place[packet]

    def take_sent(self, sent, _at):
        tier = self.tier_moved(sent, sent["into"])
        if tier is not None:
            self.of_cell(sent["cell"]).send(sent, tier)
            self.tell_between((sent["cell"], sent["into"]), tier, sent["count"])

    def take_received(self, received, _at):
        tier = self.tier_moved(received, received["from"])
        if tier is not None:
            stock = self.of_cell(received["cell"])
            stock.settle()
            stock.left[tier] += received["count"]
            self.tell_between((received["from"], received["cell"]), tier, -received["count"])

    def tell_between(self, pair, tier, count):
        self.between.setdefault(pair, [0] * len(self.outline.tiers))[tier] += count

    def settle_moves(self):
        for _, stock in sorted(self.cells.items()):
            stock.settle()

    def compare_moves(self):
        for (giver, taker), sums in sorted(self.between.items()):
            if any(sums):
                self.findings.add("between", f"what cell {giver} sent is not what cell {taker} received", cell=giver)
        self.between = {}

    def left(self):
        return [sum(lefts) for lefts in zip(*(stock.left for stock in self.cells.values()))]

    def issued(self, left):
        return sum(max(0, tier.count - count) * tier.face for tier, count in zip(self.outline.tiers, left))

    def finish(self):
        """Compares what is left at the end of the log, and counts."""
        self.settle_moves()
        # Of a campaign that still runs, packets may be under way.
        if self.key or self.stage == CLOSED:
            self.compare_moves()
        left = self.left()
        return {
            "local": self.outline.rules["beacon"]["local"],
            "currency": self.outline.currency,
            "claims": self.claims,
            "put_back": self.put_back,
            "moved": self.moved,
            "cells": sum(1 for stock in self.cells.values() if stock.taken),
            "left": left,
            "issued": str(self.issued(left)),
        }


# --------------------------------------------------------------------------------------------------- 7. a log


class Checked:
    """What is said of one input."""

    def __init__(self, input, kind):
        self.said = {"input": input, "kind": kind, "ok": True}
        self.findings, self.count, self.caveats = [], 0, set()

    def refuse(self, finding):
        self.count += 1
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)

    def report(self):
        said = {**self.said, "ok": self.count == 0, "findings": self.findings, "findings_count": self.count}
        return {**said, "caveats": sorted(self.caveats)}


class Asked:
    """Whom a verifier believes, and what it looks for."""

    def __init__(self, key, quorum, campaigns=(), papers=(), coupons=()):
        self.key, self.quorum, self.campaigns, self.papers, self.coupons = key, quorum, set(campaigns), papers, coupons


def key_of_log(files):
    data = files.read("key", KEY_BYTES_MAX)
    if data is None:
        raise Refused("key_missing", "the log has no file `key`: give its key with --key")
    text = utf8(data)
    try:
        if text is None or not text.endswith("\n") or len(data) > KEY_BYTES_MAX:
            raise ValueError("the file `key` is not one line")
        return Key(text[:-1], TYPE_NOTE)
    except ValueError as why:
        raise Refused("key_malformed", str(why)) from None


def check_log(input, files, asked):
    checked = Checked(input, "log")
    try:
        read_log(files, asked, checked)
    except Refused as why:
        checked.refuse(why.finding())
    return checked


def read_log(files, asked, checked):
    """Stage by stage. What raises Refused ends the check; what is found later is only noted."""
    note = files.read("checkpoint", NOTE_BYTES_MAX)
    if note is None:
        raise CannotRun(f"{checked.said['input']} has no file `checkpoint`: it is no log")
    checked.said["key_from"] = "option" if asked.key else "log"
    if not asked.key:
        checked.caveats.add("key_believed")
    key = asked.key or key_of_log(files)
    checked.said["key"] = key.text
    if utf8(note) is None:
        raise Refused("note_malformed", "the checkpoint is not in UTF-8")
    checkpoint = Checkpoint(utf8(note), key)
    checked.said.update(origin=key.name, size=checkpoint.size, root=base64_of(checkpoint.root))
    checked.caveats |= {"times_believed"} if asked.quorum.needed else {"no_witnesses", "times_believed"}
    try:
        checked.said["cosigned"] = cosigned_text(asked.quorum.reached(checkpoint.note))
    except Refused as why:
        checked.refuse(why.finding())
    tiles = Tiles(files, checkpoint.size)
    tiles.audit(checkpoint.root)

    sought = Sought(asked, key, checked)
    findings, outlines, kinds, latest = {}, {}, collections.Counter(), None
    for index, leaf, tree in each_leaf(tiles, checkpoint.root):
        sought.see_tree(tree)
        try:
            statement = statement_of(leaf)
        except Refused as why:
            checked.refuse(why.finding(leaf=index))
            continue
        campaign, kind = statement.get("campaign"), statement["kind"]
        kinds[kind] += 1
        latest = max(latest or "", statement["at"])
        if kind == "receipt":
            sought.see(index, statement)
        if campaign is None:
            checked.caveats.add("draws_not_checked")
            continue
        if asked.campaigns and campaign not in asked.campaigns:
            continue
        if campaign not in findings:
            if len(findings) == CAMPAIGNS_MAX:
                raise CannotRun(f"the log is of more than {CAMPAIGNS_MAX} campaigns: choose some of them with --campaign")
            findings[campaign] = Findings(campaign)
        findings[campaign].leaf = index
        outline(outlines, statement, findings[campaign])
    checked.said["leaves"] = dict(sorted(kinds.items()))
    if latest:
        checked.said["latest"] = latest
    sought.finish(checkpoint, checked)
    for campaign in sorted(asked.campaigns - set(findings)):
        checked.refuse({"code": "campaign_absent", "campaign": campaign, "detail": "the log says nothing of it"})
    replay_all(tiles, checkpoint.root, outlines, findings, checked)


def each_leaf(tiles, root):
    """Every leaf with its index and the tree of those before it. The files may have changed since they were audited."""
    tree, index = Tree(), 0
    for _, _, entries in tiles.bundles():
        for entry in entries:
            yield index, entry, tree
            tree.append(leaf_hash(entry))
            index += 1
    if tree.root() != root:
        raise Refused("files_changed", "the log's files changed while they were read: try again")


def replay_all(tiles, root, outlines, findings, checked):
    """The second reading: everything again, with what campaigns said of themselves known."""
    replays = {}
    for campaign, known in outlines.items():
        findings[campaign].leaf = None
        replays[campaign] = Replay(known, findings[campaign])
    for index, leaf, _ in each_leaf(tiles, root) if replays else ():
        try:
            statement = statement_of(leaf)
        except Refused:
            continue  # it was noted before
        replay = replays.get(statement.get("campaign"))
        if replay:
            replay.findings.leaf = index
            replay.take(statement)
    checked.said["campaigns"] = []
    for campaign in sorted(findings, key=str.encode):
        said = {"campaign": campaign, "state": "unknown"}
        if campaign in replays:
            findings[campaign].leaf = None
            said.update(replays[campaign].finish(), state=replays[campaign].state)
            note_caveats(said, outlines[campaign], checked)
        said["findings"] = findings[campaign].count
        checked.said["campaigns"].append(said)
        checked.findings.extend(findings[campaign].kept)
        checked.count += findings[campaign].count


def note_caveats(said, known, checked):
    if said["state"] in ("running", "unrevealed"):
        checked.caveats.add(said["state"])
    if said["local"]:
        checked.caveats.add("local_randomness")
    if known.opening and not BLS:
        checked.caveats.add("signature_not_checked")


# ------------------------------------------------------------------------------------------------ 8. the papers


def receipt_of_leaf(leaf):
    statement = statement_of(leaf)
    if statement["kind"] != "receipt":
        raise Refused("receipt_kind", "its leaf is a statement, but not of a packet that was taken")
    return statement


def open_receipt(text, key):
    """What a receipt says: a note by the log's key, of two lines."""
    said = Note(text).opened(key)
    lines = said.split("\n")[:-1]
    if lines[0] != f"{key.name}/receipt":
        raise Refused("receipt_origin", "it is signed by the log, but its first line is not the log's")
    if len(lines) != 2:
        raise Refused("receipt_shape", "a receipt has two lines above its signature: whose it is, and one leaf")
    return receipt_of_leaf(lines[1].encode())


def open_coupon_proof(text, asked):
    """What a coupon's proof says, and the proof with its checkpoint and cosignatures."""
    proof = LogProof(text)
    checkpoint, cosignatures = proof.opened(asked.key, asked.quorum)
    if proof.extra is None:
        raise Refused("proof_no_leaf", "the proof does not hold the leaf that it is of")
    proof.check(proof.extra, checkpoint)
    return receipt_of_leaf(proof.extra), (proof, checkpoint, cosignatures)


def kind_of(data):
    """What a file is, by its bytes."""
    text = utf8(data)
    if text is None or len(data) > FILE_BYTES_MAX:
        return "unknown"
    if text.startswith(PROOF_HEADER + "\n"):
        return "coupon_proof"
    if text.startswith("{"):
        return "draw_proof"
    return "receipt" if text.split("\n")[0].endswith("/receipt") else "unknown"


def open_paper(data, asked):
    """What a shopper's file says, and (proof, checkpoint, cosignatures) if it is a proof."""
    if len(data) > FILE_BYTES_MAX:
        raise Refused("input_too_long", f"a file may have {FILE_BYTES_MAX} bytes")
    kind = kind_of(data)
    if kind == "receipt":
        return open_receipt(utf8(data), asked.key), None
    if kind == "coupon_proof":
        return open_coupon_proof(utf8(data), asked)
    raise Refused("input_unknown", "it is neither a receipt nor a proof: perhaps it was changed, or it is something else")


def check_paper(input, data, asked):
    checked = Checked(input, kind_of(data))
    try:
        receipt, proved = open_paper(data, asked)
    except Refused as why:
        checked.refuse(why.finding())
        return checked
    checked.said.update(origin=asked.key.name, receipt={name: receipt[name] for name in receipt if name not in ("kind", "v")})
    checked.caveats.add("face_not_drawn")
    if not proved:
        checked.caveats.add("not_in_log")
        return checked
    proof, checkpoint, cosignatures = proved
    checked.said.update(leaf=proof.index, size=checkpoint.size, root=base64_of(checkpoint.root))
    checked.said["cosigned"] = cosigned_text(cosignatures)
    if not asked.quorum.needed:
        checked.caveats.add("no_witnesses")
    return checked


class Sought:
    """Receipts, proofs and coupons that a log must have."""

    def __init__(self, asked, key, checked):
        self.all = []
        for name, data in asked.papers:
            try:
                receipt, proved = open_paper(data, Asked(key, asked.quorum))
            except Refused as why:
                checked.refuse(why.finding(file=name))
                continue
            self.all.append({"file": name, "coupon": receipt["coupon"], "receipt": receipt, "proved": proved})
        for coupon in asked.coupons:
            self.all.append({"file": None, "coupon": coupon, "receipt": None, "proved": None})
        for sought in self.all:
            sought.update(found=None, other=None, root=None)

    def see_tree(self, tree):
        """Remembers the root of the size of each proof."""
        for sought in self.all:
            if sought["proved"] and sought["proved"][1].size == tree.size:
                sought["root"] = tree.root()

    def see(self, index, said):
        for sought in self.all:
            receipt = sought["receipt"]
            place = receipt and all(receipt[name] == said[name] for name in ("campaign", "cell", "ordinal"))
            if receipt == said if receipt else sought["coupon"] == said["coupon"]:
                sought["found"] = index if sought["found"] is None else sought["found"]
            elif place or sought["coupon"] == said["coupon"]:
                sought["other"] = index if sought["other"] is None else sought["other"]

    def finish(self, checkpoint, checked):
        for sought in self.all:
            if sought["proved"] and sought["proved"][1].size == checkpoint.size:
                sought["root"] = checkpoint.root
            wrong = list(self.wrong(sought, checkpoint.size))
            if sought["found"] is not None and not wrong:
                name = {"receipt": sought["file"]} if sought["file"] else {}
                found = {**name, "coupon": sought["coupon"], "leaf": sought["found"]}
                checked.said.setdefault("receipts", []).append(found)
            receipt = sought["receipt"] or {}
            claim = {name: receipt[name] for name in ("campaign", "cell", "ordinal") if receipt}
            file = {"file": sought["file"]} if sought["file"] else {}
            for code, detail, leaf in wrong:
                where = {} if leaf is None else {"leaf": leaf}
                checked.refuse({"code": code, **claim, **where, **file, "detail": detail})

    @staticmethod
    def wrong(sought, size):
        """Everything that is wrong, as (code, detail, leaf): of a proof two things may be."""
        found, other, coupon, proved = sought["found"], sought["other"], sought["coupon"], sought["proved"]
        if found is not None:
            if proved and proved[0].index != found:
                yield "proof_index", f"the proof says that it is leaf {proved[0].index}, in the log it is {found}", found
        elif not sought["receipt"]:
            yield "coupon_missing", f"the log has no receipt of the coupon {coupon}", None
        elif other is not None:
            yield "receipt_contradicted", f"the receipt of {coupon} is not in the log; leaf {other} says something else", other
        else:
            yield "receipt_missing", f"the receipt of {coupon} was promised but is missing from the log", None
        if proved and sought["root"] is None:
            yield "log_behind", f"the log has {size} leaves; it had {proved[1].size} when it made the proof", None
        elif proved and sought["root"] != proved[1].root:
            yield "history_differs", f"the log signed two histories: its root at {proved[1].size} leaves was another one", None


# --- proofs of a draw: one file that a person keeps

DRAW_PROOF_BYTES_MAX = 65_536
is_draw_proof = fits(
    {
        "beacon": is_base64(48, 48),
        "checkpoint": is_text,
        "entry": fits(
            {"external_id": is_text_of(1, 256), "index": is_count, "proof": is_proof, "salt": is_base64(32, 32)}
        ),
        "format": is_text,
        "seal": is_anything,
        "seal_index": is_count,
        "seal_proof": is_proof,
        "skipped": is_indices,
        "winner": is_count,
    }
)


def read_draw_proof(data):
    """A proof of a draw in its one spelling. Nothing is verified yet."""
    if len(data) > DRAW_PROOF_BYTES_MAX:
        raise Refused("proof_too_long", f"a proof of a draw has at most {DRAW_PROOF_BYTES_MAX} bytes")
    try:
        proof = canonical(data)
    except Refused as why:
        raise Refused("proof_not_canonical", why.detail) from None
    if type(proof) is not dict or proof.get("format") != "koi/draw-proof/v1":
        raise Refused("proof_version", "it is of a format that is not known here")
    if not is_draw_proof(proof):
        raise Refused("proof_member", "a member of the proof is missing, unknown or wrong")
    check_draw_statement(proof["seal"], "draw_seal")
    return proof, proof["seal"], proof["seal"]["rules"]


def check_path(stage, index, size, entry, encoded, root):
    """An inclusion proof, with the codes of its stage."""
    data = bytes_of_base64(encoded)
    hashes = [data[place : place + 32] for place in range(0, len(data), 32)]
    try:
        check_inclusion(index, size, leaf_hash(entry), hashes, root)
    except Refused as why:
        raise Refused(why.code.replace("inclusion", stage), why.detail) from None


def check_draw_times(seal, rules):
    """The chain of a draw and the time of its round, if everything was said when it had to be."""
    if seal["draw"] != rules["draw"]:
        raise Refused("draw_differs", "the seal and the rules are of different draws")
    chain = CHAINS.get(bytes.fromhex(rules["beacon"]["chain"]))
    if chain is None:
        raise Refused("chain_unknown", "its randomness is of a chain that is not known here")
    if rules["beacon"]["local"] != (chain is LOCAL):
        raise Refused("chain_local", "the chain is marked wrongly as local or public")
    close = instant_of(rules["close"])
    number = chain.round_at(close + rules["margin_s"] * 1000)
    if seal["round"] != number:
        raise Refused("round_formula", f"the seal is of round {seal['round']}; by the rules it had to be {number}")
    if instant_of(rules["at"]) >= close:
        raise Refused("rules_late", "the rules were stated when entries were closed")
    if instant_of(seal["at"]) < close:
        raise Refused("sealed_early", "the seal was stated before entries were closed")
    time_s = chain.time_s(number)
    if instant_of(seal["at"]) >= time_s * 1000:
        raise Refused("sealed_late", "the seal was stated when the round was known")
    return chain, time_s


def check_exclusions(proof, seal, text):
    """The excluded indices, ascending; None if they are not given."""
    stated, skipped = seal["exclusions"], proof["skipped"]
    nothing = sha256(EXCLUSIONS_HEADING.encode()).hex()
    found = [] if stated["count"] == 0 else None
    if text is not None:
        try:
            found = [index for index, _ in exclusions_of(text)]
        except ValueError as why:
            raise Refused("exclusions_malformed", str(why)) from None
        if sha256(text.encode()).hex() != stated["hash"]:
            raise Refused("exclusions_hash", "the list of exclusions is not the one that was sealed")
    if stated["count"] == 0 and stated["hash"] != nothing:
        raise Refused("exclusions_hash", "nobody is excluded, but the hash is not that of the empty list")
    differs = found is not None and len(found) != stated["count"]
    if differs or stated["count"] > seal["entries"] or len(skipped) > stated["count"]:
        raise Refused("exclusions_count", "the number of exclusions is not the one that was sealed")
    if any(index >= seal["entries"] for index in [*(found or [])[-1:], *skipped]):
        raise Refused("excluded_nobody", "an index is excluded that is no entry's")
    return found


def check_winner(proof, seal, rules, chain, excluded):
    """The winner and the reserves, drawn again."""
    asked = 1 + rules["reserves"]
    if asked > seal["entries"] - seal["exclusions"]["count"]:
        raise Refused("too_few_entries", "there are fewer entries than winner and reserves")
    rules_hash = sha256(canonical_text(rules).encode())
    randomness = sha256(bytes_of_base64(proof["beacon"]))
    seed = draw_seed(rules_hash, bytes.fromhex(seal["root"]), seal["entries"], chain.hash, seal["round"], randomness)
    passed = []
    indices = draw_outcome(seed, seal["entries"], sorted(proof["skipped"]) if excluded is None else excluded, rules["reserves"], passed)
    if passed != proof["skipped"]:
        raise Refused("skipped_differs", f"the draw passed over {passed}, the proof says {proof['skipped']}")
    if indices[0] != proof["winner"]:
        raise Refused("winner_differs", f"the winner is entry {indices[0]}, the proof says {proof['winner']}")
    return indices


def check_draw_proof(input, data, asked, exclusions=None):
    """A person's proof in a draw; the first thing that is wrong is said."""
    checked = Checked(input, "draw_proof")
    try:
        proof, seal, rules = read_draw_proof(data)
        checkpoint = Checkpoint(proof["checkpoint"], asked.key)
        leaf = canonical_text(seal).encode()
        check_path("seal", proof["seal_index"], checkpoint.size, leaf, proof["seal_proof"], checkpoint.root)
        chain, time_s = check_draw_times(seal, rules)
        witnesses = Quorum([Key(text, TYPE_WITNESS) for text in rules["witnesses"]], rules["quorum"])
        cosignatures = witnesses.reached(checkpoint.note, time_s)
        own = asked.quorum.reached(checkpoint.note, time_s)
        wrong = beacon_wrong(chain, seal["round"], bytes_of_base64(proof["beacon"]), None)
        if wrong:
            raise Refused("beacon_signature" if wrong[0] == "signature_wrong" else "beacon_encoding", wrong[1])
        entry = proof["entry"]
        salt, root = bytes_of_base64(entry["salt"]), bytes.fromhex(seal["root"])
        opened = entry_leaf(rules["draw"], salt, entry["external_id"])
        check_path("entry", entry["index"], seal["entries"], opened, entry["proof"], root)
        excluded = check_exclusions(proof, seal, exclusions)
        winner, *reserves = check_winner(proof, seal, rules, chain, excluded)
    except Refused as why:
        checked.refuse(why.finding())
        return checked
    index = entry["index"]
    is_out = index in (proof["skipped"] if excluded is None else excluded)
    place = "winner" if index == winner else "reserve" if index in reserves else "excluded" if is_out else "none"
    checked.said.update(origin=asked.key.name, size=checkpoint.size, root=base64_of(checkpoint.root))
    checked.said["cosigned"] = cosigned_text([*cosignatures, *(one for one in own if one not in cosignatures)])
    checked.said["draw"] = {
        "draw": rules["draw"],
        "entries": seal["entries"],
        "index": index,
        "number": index + 1,
        "winner": winner,
        "reserves": reserves,
        "place": place,
        "round": seal["round"],
        "local": rules["beacon"]["local"],
    }
    caveats = {
        "local_randomness": rules["beacon"]["local"],
        "no_witnesses": not rules["quorum"],
        "exclusions_believed": excluded is None,
        "signature_not_checked": not BLS,
    }
    checked.caveats |= {caveat for caveat, holds in caveats.items() if holds}
    return checked


# --------------------------------------------------------------------------------------------- 9. the command

CAVEATS = {
    "key_believed": "the log was believed about its own key: give the one that you know with --key",
    "no_witnesses": "no witness had to cosign: the log may show another history to others (--witness, --quorum)",
    "times_believed": "when something happened only the operator says: rules that were dated back would not show",
    "local_randomness": "some randomness is of the local chain: it is not a public draw",
    "running": "a campaign is not closed yet: its packets can be drawn again once the secret is revealed",
    "unrevealed": "the packets of a closed campaign could not be drawn again",
    "not_in_log": "a receipt alone is a promise: that the log has it is checked with the log, or with a proof",
    "face_not_drawn": "that the packet is the one which the stock gave is checked with the whole log, after the close",
    "draws_not_checked": "the log has draws, which are checked with the proof that each entrant is given",
    "exclusions_believed": "that those who were passed over are excluded is believed: give the published list with --exclusions",
    "signature_not_checked": "the beacon's BLS signature was not checked itself, only its form and its hash: install py_ecc for that",
}


def in_words(checked):
    """The report of one input, for people."""
    lines = [f"{checked['input']}: {'all of it holds' if checked['ok'] else 'NOT RIGHT'} ({checked['kind'].replace('_', ' ')})"]
    if "size" in checked:
        witnesses = ", ".join(f"{one['name']} at {one['at']}" for one in checked.get("cosigned", []))
        lines.append(f"  {checked['origin']}, {checked['size']} leaves, root {checked['root']}")
        lines.append(f"  cosigned by {witnesses or 'nobody who was asked for'}")
    for one in checked.get("campaigns", []):
        lines.append(f"  campaign {one['campaign']}: {one['state']}, {one['findings']} findings")
        if "claims" in one:
            lines.append(
                f"    {one['claims']} claims, {one['put_back']} put back, {one['moved']} moved, {one['cells']} cells,"
                f" {one['left']} left, {one['issued']} {one['currency']} issued (minor units)"
            )
    if "receipt" in checked:
        said = checked["receipt"]
        lines.append(
            f"  coupon {said['coupon']}: claim {said['ordinal']} in cell {said['cell']} of {said['campaign']} took a packet of"
            f" {words((said['face'], said['split']))} at {said['at']}"
        )
    if "draw" in checked:
        said = checked["draw"]
        place = {"winner": "you won", "reserve": "you are a reserve", "excluded": "you were excluded", "none": "you did not win"}
        lines.append(f"  draw {said['draw']}, round {said['round']}: {place[said['place']]}")
        lines.append(f"  you were number {said['number']:,} of {said['entries']:,}; the winner is number {said['winner'] + 1:,}")
    if "leaf" in checked:
        lines.append(f"  it is leaf {checked['leaf']} of the log")
    for found in checked.get("receipts", []):
        lines.append(f"  the log has the receipt of {found['coupon']}: leaf {found['leaf']}")
    for finding in checked["findings"]:
        where = [f"{name} {finding[name]}" for name in ("campaign", "cell", "ordinal", "leaf", "file") if name in finding]
        lines.append(f"  - {finding['code']}: {finding['detail']}{' (' + ', '.join(where) + ')' if where else ''}")
    if checked["findings_count"] > len(checked["findings"]):
        lines.append(f"  - and {checked['findings_count'] - len(checked['findings'])} more")
    lines += [f"  note: {CAVEATS[caveat]}" for caveat in checked["caveats"]]
    return "\n".join(lines)


def opened(name):
    """A log's files, or the bytes of a file; by what is there."""
    if re.match("https?://", name):
        log = Address(name)
        if log.read("checkpoint", NOTE_BYTES_MAX) is not None:
            return log
        data = fetched(name, FILE_BYTES_MAX)
        if data is None:
            raise CannotRun(f"there is nothing at {name}, and no log")
        return data
    if os.path.isdir(name):
        return Folder(name)
    return file_of(name)


def file_of(name):
    try:
        with open(name, "rb") as file:
            return file.read(FILE_BYTES_MAX + 1)
    except OSError as why:
        raise CannotRun(f"{name} cannot be read: {why}") from None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="a log's folder or address, or a file that somebody was given")
    parser.add_argument("--key", metavar="VKEY", help="the log's key, from elsewhere than the log")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="a witness's key")
    parser.add_argument("--quorum", metavar="N", type=int, help="how many witnesses must have cosigned; all if it is not given")
    parser.add_argument("--campaign", metavar="ID", action="append", default=[], help="replays this campaign only")
    parser.add_argument("--receipt", metavar="FILE", action="append", default=[], help="a receipt or proof that the log must have")
    parser.add_argument("--coupon", metavar="ID", action="append", default=[], help="a coupon that the log must have")
    parser.add_argument("--exclusions", metavar="FILE", help="the published list of a draw's exclusions")
    parser.add_argument("--json", action="store_true", help="writes one JSON object")
    return parser.parse_args()


def asked_of(wanted):
    if wanted.quorum is not None and not (wanted.witness and wanted.quorum >= 0):
        raise CannotRun("--quorum says how many of the witnesses: give them with --witness")
    try:
        key = Key(wanted.key, TYPE_NOTE) if wanted.key else None
        witnesses = [Key(witness, TYPE_WITNESS) for witness in wanted.witness]
        quorum = Quorum(witnesses, len(witnesses) if wanted.quorum is None else wanted.quorum)
    except ValueError as why:
        raise CannotRun(str(why)) from None
    papers = [(name, file_of(name)) for name in wanted.receipt]
    return Asked(key, quorum, wanted.campaign, papers, wanted.coupon)


def run(wanted):
    """The report. Everything is opened before anything is checked."""
    asked = asked_of(wanted)
    inputs = [(name, opened(name)) for name in wanted.inputs]
    exclusions = file_of(wanted.exclusions).decode("utf-8", "replace") if wanted.exclusions else None
    logs = [files for _, files in inputs if not isinstance(files, bytes)]
    if not logs and (asked.campaigns or asked.papers or asked.coupons):
        raise CannotRun("--receipt, --coupon and --campaign are looked up in a log: give its folder or its address, too")
    # Papers are checked with the key that is given, or else with that of the first log.
    key = asked.key
    if not key and logs:
        try:
            key = key_of_log(logs[0])
        except Refused:
            pass  # it is said of the log
    checked = []
    for name, files in inputs:
        if not isinstance(files, bytes):
            checked.append(check_log(name, files, asked).report())
        elif kind_of(files) == "unknown" or key:
            by = Asked(key, asked.quorum)
            is_draw = kind_of(files) == "draw_proof"
            one = check_draw_proof(name, files, by, exclusions) if is_draw else check_paper(name, files, by)
            if not asked.key and one.said["kind"] != "unknown":
                one.caveats.add("key_believed")
            checked.append(one.report())
        else:
            raise CannotRun(f"{name} is checked with the log's key: give it with --key VKEY, or the log beside it")
    return {"ok": all(one["ok"] for one in checked), "inputs": checked}


def main():
    wanted = arguments()
    try:
        report = run(wanted)
    except CannotRun as why:
        print(f"koi_verify: {why}", file=sys.stderr)
        return 2
    print(json.dumps(report, ensure_ascii=False) if wanted.json else "\n".join(map(in_words, report["inputs"])))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
