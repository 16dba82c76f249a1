"""What agree.py asks the verifiers about: honest receipts, proofs and logs, and what becomes of them when they are changed.

Everything is made from a seed, and signed by keys whose secrets everybody knows.
"""

import base64
import collections
import copy
import hashlib
import json

import koi_verify as koi

# ------------------------------------------------------------------------------------------ signing, for changed logs


def multiple(number, point):
    found = koi.ED_NOTHING
    for bit in bin(number)[2:]:
        found = koi.ed_double(found)
        if bit == "1":
            found = koi.ed_sum(found, point)
    return found


class Signer:
    """A key whose secret everybody knows (RFC 8032, 5.1.5 and 5.1.6)."""

    def __init__(self, name, kind, seed):
        digest = hashlib.sha512(seed).digest()
        self.scalar = (int.from_bytes(digest[:32], "little") & (2**254 - 8)) | 2**254
        self.prefix, self.key = digest[32:], koi.ed_encoded(multiple(self.scalar, koi.ED_BASE))
        typed = bytes([kind]) + self.key
        self.id = koi.sha256(name.encode(), b"\n", typed)[:4]
        self.name, self.vkey = name, f"{name}+{self.id.hex()}+{koi.base64_of(typed)}"

    def signature(self, message):
        def hashed(*parts):
            return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % koi.ED_L

        r = hashed(self.prefix, message)
        point = koi.ed_encoded(multiple(r, koi.ED_BASE))
        return point + ((r + hashed(point, self.key, message) * self.scalar) % koi.ED_L).to_bytes(32, "little")

    def line(self, data):
        return f"\u2014 {self.name} {koi.base64_of(self.id + data)}\n"

    def signed(self, text):
        return f"{text}\n{self.line(self.signature(text.encode()))}"

    def cosigned(self, note, text, time_s):
        message = f"cosignature/v1\ntime {time_s}\n{text}".encode()
        return note + self.line(koi.be64(time_s) + self.signature(message))


LOG = Signer("agree.example/log", koi.TYPE_NOTE, koi.sha256(b"the log"))
WITNESSES = [Signer(f"{name}.example", koi.TYPE_WITNESS, koi.sha256(name.encode())) for name in ("press", "rival")]


def checkpoint(size, root):
    text = f"{LOG.name}\n{size}\n{koi.base64_of(root)}\n"
    note = LOG.signed(text)
    for place, witness in enumerate(WITNESSES):
        note = witness.cosigned(note, text, 1_700_000_000 + place)
    return note


def levels_of(leaves):
    """The hashes of each level of tiles: those of complete subtrees of 256 times as many leaves."""
    levels = [[koi.leaf_hash(leaf) for leaf in leaves]]
    while len(levels[-1]) >= koi.WIDTH:
        below = levels[-1]
        full = range(0, len(below) // koi.WIDTH * koi.WIDTH, koi.WIDTH)
        levels.append([koi.complete_root(below[place : place + koi.WIDTH]) for place in full])
    return levels


def root_of(leaves):
    tree = koi.Tree()
    for leaf in leaves:
        tree.append(koi.leaf_hash(leaf))
    return tree.root()


def log_files(leaves):
    """All files of a log of these leaves, by their names."""
    files = {"checkpoint": checkpoint(len(leaves), root_of(leaves)).encode(), "key": f"{LOG.vkey}\n".encode()}

    def put(kind, pieces):
        for place in range(0, len(pieces), koi.WIDTH):
            part = pieces[place : place + koi.WIDTH]
            files[koi.tile_path(kind, place // koi.WIDTH, len(part))] = b"".join(part)

    for level, hashes in enumerate(levels_of(leaves)):
        put(level, hashes)
    put("entries", [len(leaf).to_bytes(2, "big") + leaf for leaf in leaves])
    return files


def inclusion(index, hashes):
    """The hashes beside the path of a leaf (RFC 9162, 2.1.3.1)."""
    if len(hashes) <= 1:
        return []
    half = 1 << (len(hashes) - 1).bit_length() - 1

    def root(part):
        tree = koi.Tree()
        for hash in part:
            tree.append(hash)
        return tree.root()

    if index < half:
        return inclusion(index, hashes[:half]) + [root(hashes[half:])]
    return inclusion(index - half, hashes[half:]) + [root(hashes[:half])]


def proof_of(leaves, index, /, **changes):
    """A coupon's proof; `changes` tells something else of it, signed all the same."""
    hashes = changes.get("hashes", inclusion(index, [koi.leaf_hash(leaf) for leaf in leaves]))
    lines = [koi.PROOF_HEADER, f"extra {koi.base64_of(changes.get('leaf', leaves[index]))}", f"index {changes.get('index', index)}"]
    lines += [koi.base64_of(hash) for hash in hashes]
    note = checkpoint(changes.get("size", len(leaves)), changes.get("root", root_of(leaves)))
    return "\n".join(lines) + "\n\n" + note


def receipt_of(leaf):
    return LOG.signed(f"{LOG.name}/receipt\n{leaf.decode()}\n")


# ------------------------------------------------------------------------------------------------ what is changed

Case = collections.namedtuple("Case", "name data refused python", defaults=(True, True))


def with_bit(data, place):
    changed = bytearray(data)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def respelled(encoded):
    """Base64 of the same bytes in another spelling: a bit that says nothing is set, or padding is missing."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bare = encoded.rstrip("=")
    spelled = [encoded + "=", encoded + "\r", bare[:-1] + "-"]
    if bare != encoded:
        spelled += [bare, bare[:-1] + letters[letters.index(bare[-1]) ^ 1] + encoded[len(bare) :]]
    return spelled


def changed_note(note):
    """A signed note, changed in all ways that are known to have fooled somebody."""
    text, _, signatures = note.rpartition("\n\n")
    lines = signatures.splitlines()
    for place, line in enumerate(lines):
        head, _, encoded = line.rpartition(" ")

        def put(*these, at=place):
            return f"{text}\n\n" + "".join(f"{one}\n" for one in [*lines[:at], *these, *lines[at + 1 :]])

        data = base64.b64decode(encoded)
        s = int.from_bytes(data[-32:], "little")
        for again in (s + koi.ED_L, s + 2 * koi.ED_L, (koi.ED_L - s) % koi.ED_L, 0):
            if again < 2**256:
                other = data[:-32] + again.to_bytes(32, "little")
                yield "another number of the signature", put(f"{head} {koi.base64_of(other)}")
        for r in (koi.ed_encoded(koi.ED_NOTHING), bytes(32), b"\xff" * 32, (koi.ED_P + 1).to_bytes(32, "little")):
            yield "another point of the signature", put(f"{head} {koi.base64_of(data[:-64] + r + data[-32:])}")
        yield "a byte less", put(f"{head} {koi.base64_of(data[:-1])}")
        yield "a byte more", put(f"{head} {koi.base64_of(data + bytes(1))}")
        yield "another id", put(f"{head} {koi.base64_of(with_bit(data, 0))}")
        yield "a line missing", put()
        yield "a line twice", put(line, line)
        yield "two spaces", put(f"{head}  {encoded}")
        yield "a hyphen for the dash", put("-" + line[1:])
        yield "a space at the end", put(f"{line} ")
        for other in respelled(encoded):
            yield "base64 spelled otherwise", put(f"{head} {other}")
    yield "no newline at the end", note[:-1]
    yield "a newline more", note + "\n"
    yield "a carriage return", note.replace("\n", "\r\n")
    yield "a mark of byte order", "\ufeff" + note
    yield "a line of text more", f"more\n{note}"
    yield "a line of text after", note.replace("\n\n", "\nmore\n\n")
    yield "a null", note.replace("\n", "\0\n", 1)


def changed_numbers(text):
    """Numbers of a text, spelled otherwise or changed by one."""
    lines = text.split("\n")
    for place, line in enumerate(lines):
        word, _, digits = line.rpartition(" ")
        if not digits.isdigit():
            continue
        for other in (f"0{digits}", f"+{digits}", f"{digits} ", f"-{digits}", str(int(digits) + 1), str(max(0, int(digits) - 1)), "18446744073709551616"):
            if other != digits:
                yield "another number", "\n".join([*lines[:place], (f"{word} " if word else "") + other, *lines[place + 1 :]])


def changed_proofs(leaves, index):
    """A proof whose log says something else, and signs it."""
    hashes = inclusion(index, [koi.leaf_hash(leaf) for leaf in leaves])
    other = leaves[(index + 1) % len(leaves)]
    size = len(leaves)
    for changes in [
        {"index": index + 1},
        {"index": index ^ 1},
        {"index": size},
        {"index": 2**64 - 1},
        {"size": size * 2},
        {"size": index + 1},
        {"size": 2**63},
        {"size": 0},
        {"root": with_bit(root_of(leaves), 7)},
        {"leaf": other},
        {"leaf": leaves[index][:-1]},
        {"leaf": leaves[index] + b" "},
        {"leaf": b"\0" + leaves[index]},
        {"leaf": b""},
        {"hashes": hashes[:-1]},
        {"hashes": hashes[1:]},
        {"hashes": hashes + hashes[-1:]},
        {"hashes": hashes[::-1]},
        {"hashes": []},
        {"hashes": hashes + [bytes(32)] * 60},
        {"hashes": [with_bit(hash, 9) if place == 2 else hash for place, hash in enumerate(hashes)]},
        # A node passed off as a leaf.
        {"leaf": koi.leaf_hash(leaves[index]) + hashes[0], "hashes": hashes[1:], "index": index // 2, "size": size // 2},
    ]:
        yield f"signed again: {', '.join(changes)}", proof_of(leaves, index, **changes)
    proof = proof_of(leaves, index)
    yield "no leaf", "\n".join(line for line in proof.split("\n") if not line.startswith("extra "))
    yield "extra data twice", proof.replace("\nindex", f"\n{proof.split(chr(10))[1]}\nindex")
    yield "another version", proof.replace("@v1", "@v2")
    yield "nothing but the header", koi.PROOF_HEADER + "\n"


def papers(leaves, dice, count):
    """Receipts and proofs: the honest ones, and what is made of them."""
    receipts = [place for place, leaf in enumerate(leaves) if b'"kind":"receipt"' in leaf]
    chosen = dice.sample(receipts, 4)
    for place in chosen:
        yield Case("an honest receipt", receipt_of(leaves[place]).encode(), False)
        yield Case("an honest proof", proof_of(leaves, place).encode(), False)
    for place in chosen[:2]:
        for note in (receipt_of(leaves[place]), proof_of(leaves, place)):
            for name, text in [*changed_note(note), *changed_numbers(note)]:
                yield Case(name, text.encode())
        for name, text in changed_proofs(leaves, place):
            yield Case(name, text.encode())
        statement = json.loads(leaves[place])
        for name, leaf in changed_leaves(statement):
            yield Case(f"signed again, {name}", receipt_of(leaf).encode())
    other = next(leaf for leaf in leaves if b'"kind":"fund"' in leaf)
    yield Case("no receipt, but signed", receipt_of(other).encode())
    yield Case("a receipt of three lines", LOG.signed(f"{LOG.name}/receipt\n{leaves[chosen[0]].decode()}\nmore\n").encode())
    yield Case("a receipt of another log", LOG.signed(f"other.example/receipt\n{leaves[chosen[0]].decode()}\n").encode())
    yield Case("a receipt by a checkpoint", checkpoint(3, bytes(32)).encode())
    for data in (b"", b"\n", b"\xff\xfe", b"/receipt", b"x/receipt\n", b"a" * 2_000_001):
        yield Case("something else", data)
    for _ in range(count):
        place = dice.choice(chosen)
        data = (receipt_of(leaves[place]) if dice.random() < 0.5 else proof_of(leaves, place)).encode()
        kind = dice.randrange(6)
        at = dice.randrange(len(data))
        if kind < 3:
            yield Case("a bit", with_bit(data, dice.randrange(8 * len(data))))
        elif kind == 3:
            yield Case("cut", data[:at])
        elif kind == 4:
            yield Case("a byte out", data[:at] + data[at + 1 :])
        else:
            yield Case("a byte in", data[:at] + bytes([dice.randrange(256)]) + data[at:])


def changed_leaves(statement):
    """A receipt's leaf that is none: each is refused even if it is signed."""

    def text(value):
        return koi.canonical_text(value).encode()

    leaf = text(statement)
    for name, other in [
        ("a space", leaf.replace(b",", b", ", 1)),
        ("another order", b'{"v":1,' + leaf[1:].replace(b',"v":1', b"")),
        ("a member twice", leaf.replace(b'"cell":', b'"cell":0,"cell":', 1)),
        ("an escape", leaf.replace(b'"kind"', b'"\\u006bind"')),
        ("a fraction", leaf.replace(b'"v":1', b'"v":1.0')),
        ("an exponent", leaf.replace(b'"v":1', b'"v":1e0')),
        ("too deep", b"[" * 200 + b"]" * 200),
        ("half a character", leaf.replace(b'"coupon":"', b'"coupon":"\\ud800')),
    ]:
        yield name, other
    for member, values in {
        "ordinal": [-1, 2**53, "7", None, True],
        "cell": [65536, -1, "0"],
        "revision": [2**32, -1],
        "face": ["888", None],
        "split": [0, "false", None],
        "v": [2, "1", None, True],
        "kind": ["recept", "fund", None],
        "at": ["2018-07-15T00:00:00Z", "2018-07-15T00:00:00.000+00:00", "2018-02-30T00:00:00.000Z", 0, "9999-12-31T23:59:59.999Z"],
        "coupon": [None, 7],
        "more": [1],
    }.items():
        for value in values:
            yield f"{member} {value}", text({**statement, member: value})
        if member in statement:
            yield f"without {member}", text({name: value for name, value in statement.items() if name != member})


# --- logs

WRONG_VALUES = [None, "", "x", -1, 0, 1, 2**31, 2**53 - 1, True, False, [], {}]


def changed_value(value, dice):
    """Something like it, or something else."""
    if dice.random() < 0.15:
        return dice.choice(WRONG_VALUES)
    if type(value) is bool:
        return not value
    if type(value) is int:
        return value + dice.choice([-1000, -1, 1, 1, 2, 4096, 10_001])
    if type(value) is list:
        other = [copy.deepcopy(one) for one in value]
        action = dice.randrange(4)
        if not other or action == 0:
            return other + [0]
        if action == 1:
            other.pop()
        elif action == 2:
            dice.shuffle(other)
        else:
            place = dice.randrange(len(other))
            other[place] = changed_value(other[place], dice)
        return other
    if type(value) is dict and value:
        other = copy.deepcopy(value)
        name = dice.choice(sorted(other))
        other[name] = changed_value(other[name], dice)
        return other
    if type(value) is str and value:
        if koi.is_instant(value):
            return f"20{dice.randrange(17, 20)}{value[4:]}" if dice.random() < 0.5 else value[:17] + f"{dice.randrange(60):02}" + value[19:]
        place = dice.randrange(len(value))
        return value[:place] + dice.choice("0123456789abcdefXYZ-") + value[place + 1 :]
    return "other"


def changed_log(leaves, dice):
    """A log with something else in it: (what was done, leaves)."""
    leaves = list(leaves)
    statements = [json.loads(leaf) for leaf in leaves]
    kinds = sorted({statement["kind"] for statement in statements})
    kind = dice.choice(kinds)
    of_kind = [place for place, statement in enumerate(statements) if statement["kind"] == kind]
    place, action = dice.choice(of_kind), dice.randrange(12)
    if action < 5:
        statement = statements[place]
        member = dice.choice(sorted(statement))
        statement[member] = changed_value(statement[member], dice)
        leaves[place] = koi.canonical_text(statement).encode()
        return f"{kind}.{member}", leaves
    if action == 5:
        del leaves[place]
        return f"{kind} missing", leaves
    if action == 6:
        leaves.insert(dice.randrange(place, len(leaves)) + 1, leaves[place])
        return f"{kind} twice", leaves
    if action == 7:
        leaf = leaves.pop(place)
        leaves.insert(dice.randrange(len(leaves) + 1), leaf)
        return f"{kind} elsewhere", leaves
    if action == 8:
        campaign = statements[place]["campaign"]
        out = {at for at in of_kind if statements[at]["campaign"] == campaign}
        return f"no {kind} at all", [leaf for at, leaf in enumerate(leaves) if at not in out]
    if action == 9:
        return "the end missing", leaves[: dice.randrange(1, len(leaves))]
    if action == 10:
        campaign = statements[place]["campaign"]
        at, reason = statements[place]["at"], "because"
        said = dice.choice([{"kind": "pause", "scope": "all"}, {"kind": "resume"}, {"kind": "end"}])
        leaves.insert(place + 1, koi.canonical_text({**said, "at": at, "campaign": campaign, "reason": reason, "v": 1}).encode())
        return f"{said['kind']} put in", leaves
    spelled = dice.choice([leaves[place] + b" ", leaves[place][:-1], b"", with_bit(leaves[place], dice.randrange(8 * len(leaves[place])))])
    leaves[place] = spelled
    return f"{kind} spelled otherwise", leaves


def rounds_of(leaves):
    """The rounds that openings are of, with their signatures."""
    statements = map(json.loads, leaves)
    return {(said["round"], said["signature"]) for said in statements if said["kind"] == "opening"}


def needs_pairing(leaves, rounds):
    """Whether somebody who cannot check BLS signatures may find less: a round's signature is not that of an honest log."""
    for leaf in leaves:
        try:
            statement = koi.statement_of(leaf)
        except koi.Refused:
            continue
        if statement["kind"] == "opening" and (statement["round"], statement["signature"]) not in rounds:
            return True
    return False


def signed_logs(leaves, dice, count):
    """Logs that are signed again after a change: only what was said is wrong, if anything is."""
    rounds = rounds_of(leaves)
    yield Case("an honest log", log_files(leaves), False)
    for place, leaf in enumerate(leaves):
        # The other sign of the round's signature, and the randomness that follows: a sound point of the group.
        statement = json.loads(leaf)
        if statement["kind"] == "opening":
            signature = with_bit(bytes.fromhex(statement["signature"]), 5)
            statement.update(signature=signature.hex(), randomness=koi.sha256(signature).hex())
            other = [*leaves[:place], koi.canonical_text(statement).encode(), *leaves[place + 1 :]]
            yield Case("the other sign of the beacon's signature", log_files(other), True, bool(koi.BLS))
    for _ in range(count):
        name, other = changed_log(leaves, dice)
        while dice.random() < 0.3:
            more, other = changed_log_again(other, dice)
            name = f"{name}, {more}"
        yield Case(name, log_files(other), None, bool(koi.BLS) or not needs_pairing(other, rounds))


def changed_log_again(leaves, dice):
    """Another change, if all of it can still be read."""
    try:
        for leaf in leaves:
            koi.statement_of(leaf)
    except koi.Refused:
        return "nothing more", leaves
    return changed_log(leaves, dice) if leaves else ("nothing more", leaves)


def changed_files(leaves, dice, count):
    """Logs of which a file is changed that nobody signed again."""
    honest = log_files(leaves)
    for _ in range(count):
        files = dict(honest)
        name = dice.choice(sorted(files))
        data = files[name]
        action = dice.randrange(6)
        if action < 3:
            files[name] = with_bit(data, dice.randrange(8 * len(data)))
        elif action == 3:
            files[name] = data[: dice.randrange(len(data))]
        elif action == 4:
            files[name] = data + bytes([dice.randrange(256)])
        elif name == "checkpoint":
            continue  # a folder without it is no log
        else:
            del files[name]
        yield Case(f"{name} {['bit', 'bit', 'bit', 'cut', 'longer', 'gone'][action]}", files)
    # A partial file that is gone is cut from the full one.
    grown = {}
    for name, data in honest.items():
        if ".p/" in name and "entries" in name:
            width = int(name.rpartition("/")[2])
            grown[name.rpartition(".p/")[0]] = data + b"\0\1x" * (koi.WIDTH - width)
        elif ".p/" in name:
            grown[name.rpartition(".p/")[0]] = data + bytes(32 * koi.WIDTH - len(data))
        else:
            grown[name] = data
    yield Case("full files in place of partial ones", grown, False)


def changed_draws(vectors, dice, count):
    """Persons' proofs in draws: those of the vectors, and what is made of them."""
    for case in vectors["honest"]:
        yield Case(case["name"], case["proof"].encode(), False)
    for case in vectors["wrong"]:
        yield Case(case["name"], case["proof"].encode(), None)  # of some it shows only with the list of exclusions
    for data in (b"{", b"{}", b'{"format":"koi/draw-proof/v1"}', b"{" + b" " * 65_536):
        yield Case("something else", data)
    honest = [case["proof"].encode() for case in vectors["honest"]]
    for _ in range(count):
        data = dice.choice(honest)
        if dice.random() < 0.5:
            yield Case("a bit", with_bit(data, dice.randrange(8 * len(data))))
            continue
        proof = json.loads(data)
        member = dice.choice(sorted(proof))
        changed = {**proof, member: changed_value(proof[member], dice)}
        other = koi.canonical_text(changed).encode()
        # Without the list of exclusions it is believed who was passed over: another one then only changes the reserves.
        refused = None if member == "skipped" else other != data
        yield Case(f"another {member}", other, refused, bool(koi.BLS) or changed["beacon"] == proof["beacon"])
