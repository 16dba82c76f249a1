#!/usr/bin/env python3
"""Makes the vectors of this folder, straight from the rules, with nothing but the standard library.

    python3 verify/vectors/make.py           writes them
    python3 verify/vectors/make.py --check   says whether they are what it would write

It shares no code with any verifier, so that a verifier that agrees with the vectors agrees with the rules. What it cannot
compute, signatures over BLS12-381, it takes from where they are published: published.json has each with its source.

Numbers that may pass 2^53 - 1 (rounds, entries, indices, packets) are texts, since not every reader of JSON has them exactly.
"""

import copy
import hashlib
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).parent
PUBLISHED = json.loads((HERE / "published.json").read_text(encoding="utf-8"))


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def be32(number):
    return struct.pack(">I", number)


def be64(number):
    return struct.pack(">Q", number)


# ---------------------------------------------------------------------------------------------------- beacon

P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001

QUICKNET, WALKTHROUGH, FASTNET = (PUBLISHED["chains"][name]["info"] for name in ["quicknet", "walkthrough", "fastnet"])
ROUNDS = {(entry["chain"], int(entry["round"])): entry for entry in PUBLISHED["rounds"]}


def chain_hash(info):
    """drand/drand, common/chain/info.go."""
    return sha(
        be32(info["period"]),
        struct.pack(">q", info["genesis_time"]),
        bytes.fromhex(info["public_key"]),
        bytes.fromhex(info["groupHash"]),
        info["metadata"]["beaconID"].encode(),
    ).hex()


# --- G2, for the local chain's public key: pairs (a, b) are a + bi with i^2 = -1

G2 = (
    (
        0x024AA2B2F08F0A91260805272DC51051C6E47AD4FA403B02B4510B647AE3D1770BAC0326A805BBEFD48056C8C121BDB8,
        0x13E02B6052719F607DACD3A088274F65596BD0D09920B61AB5DA61BBDC7F5049334CF11213945D57E5AC7D055D042B7E,
    ),
    (
        0x0CE5D527727D6E118CC9CDC6DA2E351AADFD9BAA8CBDD3A76D429A695160D12C923AC9CC3BACA289E193548608B82801,
        0x0606C4A02EA734CC32ACD2B02BC28B99CB3E287E85A763AF267492AB572E99AB3F370D275CEC1DA1AAA9075FF05F79BE,
    ),
)


def times(x, y):
    return ((x[0] * y[0] - x[1] * y[1]) % P, (x[0] * y[1] + x[1] * y[0]) % P)


def minus(x, y):
    return ((x[0] - y[0]) % P, (x[1] - y[1]) % P)


def inverse(x):
    norm = pow(x[0] * x[0] + x[1] * x[1], -1, P)
    return (x[0] * norm % P, -x[1] * norm % P)


def plus(one, other):
    if one is None or other is None:
        return one or other
    if one[0] == other[0]:
        if one[1] != other[1] or one[1] == (0, 0):
            return None
        slope = times(times((3, 0), times(one[0], one[0])), inverse(times((2, 0), one[1])))
    else:
        slope = times(minus(other[1], one[1]), inverse(minus(other[0], one[0])))
    x = minus(minus(times(slope, slope), one[0]), other[0])
    return (x, minus(times(slope, minus(one[0], x)), one[1]))


def multiple(number, point):
    found = None
    while number:
        if number & 1:
            found = plus(found, point)
        point, number = plus(point, point), number >> 1
    return found


def compressed_g2(point):
    (x, xi), (y, yi) = point
    larger = (yi, y) > ((P - yi) % P, (P - y) % P)
    out = bytearray(xi.to_bytes(48, "big") + x.to_bytes(48, "big"))
    out[0] |= 0x80 | (0x20 if larger else 0)
    return bytes(out)


def randomness_of(chain, number):
    return sha(bytes.fromhex(ROUNDS[chain, number]["signature"]))


def local_chain():
    secret = bytearray(sha(b"koi/local-secret/v1\n"))
    secret[0] &= 0x3F
    info = {
        "public_key": compressed_g2(multiple(int.from_bytes(secret, "big"), G2)).hex(),
        "period": 3,
        "genesis_time": 946684800,
        "hash": "",
        "groupHash": sha(b"koi/local-group/v1\n").hex(),
        "schemeID": "bls-unchained-g1-rfc9380",
        "metadata": {"beaconID": "koi-local"},
    }
    info["hash"] = chain_hash(info)
    return info


# --- G1, for encodings that must be refused: points of y^2 = x^3 + 4, as pairs with no imaginary part


def on_curve(x):
    square = (pow(x, 3, P) + 4) % P
    y = pow(square, (P + 1) // 4, P)
    return ((x, 0), (y, 0)) if y * y % P == square else None


def first_x(wanted):
    return next(x for x in range(1, 1000) if wanted(on_curve(x)))


def g1(x, flags=0x80):
    out = bytearray(x.to_bytes(48, "big"))
    out[0] |= flags
    return out.hex()


def changed(signature, **bits):
    out = bytearray.fromhex(signature)
    out[0] = (out[0] | bits.get("on", 0)) & ~bits.get("off", 0)
    out[0] ^= bits.get("flip", 0)
    return out.hex()


def beacon_vectors():
    chains = {"quicknet": QUICKNET, "walkthrough": WALKTHROUGH, "local": local_chain()}
    for info in [*chains.values(), FASTNET]:
        assert chain_hash(info) == info["hash"]
    accepted = []
    for (chain, number), published in ROUNDS.items():
        if chain not in chains:
            continue
        randomness = sha(bytes.fromhex(published["signature"])).hex()
        assert published["randomness"] in (None, randomness)
        time_s = chains[chain]["genesis_time"] + (number - 1) * chains[chain]["period"]
        accepted.append({**published, "randomness": randomness, "time_s": str(time_s) if time_s < 2**63 else None})

    genuine = next(entry for entry in accepted if entry["round"] == "1000")
    low = next(entry for entry in accepted if entry["round"] == "30000000")
    local = next(entry for entry in accepted if entry["chain"] == "local")
    x_of_low = int(low["signature"], 16) & (2**381 - 1)
    assert x_of_low + P < 2**381
    outside = first_x(lambda point: point and multiple(ORDER, point) is not None)
    nowhere = first_x(lambda point: point is None)

    def refused(name, reason, chain="quicknet", number="1000", signature=genuine["signature"], randomness=None):
        return {"name": name, "reason": reason, "chain": chain, "round": number, "signature": signature, "randomness": randomness}

    sig = genuine["signature"]
    refusals = [
        refused("round 0", "round_zero", number="0"),
        refused("47 bytes", "signature_length", signature=sig[:-2]),
        refused("49 bytes", "signature_length", signature=sig + "00"),
        refused("no bytes", "signature_length", signature=""),
        refused("uncompressed", "signature_length", signature=changed(sig, off=0xE0) + "00" * 48),
        refused("the flag of compressed points is not set", "not_compressed", signature=changed(sig, off=0x80)),
        refused("infinity", "infinity", signature="c0" + "00" * 47),
        refused("infinity, with the flag of the sign", "infinity", signature="e0" + "00" * 47),
        refused("the flag of infinity beside a coordinate", "infinity", signature=changed(sig, on=0x40)),
        refused("x + p in place of x", "not_reduced", number="30000000", signature=g1(x_of_low + P, int(low["signature"][:2], 16) & 0xE0)),
        refused("p in place of 0", "not_reduced", signature=g1(P)),
        refused("all bits but the flags", "not_reduced", signature=g1(2**381 - 1)),
        refused("x of no point", "not_on_curve", signature=g1(nowhere)),
        refused("a point outside the group of prime order", "outside_group", signature=g1(outside)),
        refused("the same with the other sign", "outside_group", signature=g1(outside, 0xA0)),
        refused("the point (0, 2) of order 3", "outside_group", signature=g1(0)),
        refused("the other sign", "signature_wrong", signature=changed(sig, flip=0x20)),
        refused("the generator of the group", "signature_wrong", signature=PUBLISHED["generator_of_g1"]["point"]),
        refused("the signature of another round", "signature_wrong", number="1001"),
        refused("the signature of fastnet's round of that number", "signature_wrong", signature=ROUNDS["fastnet", 1000]["signature"]),
        refused("the local chain's signature", "signature_wrong", number="1", signature=local["signature"]),
        refused("quicknet's signature for the local chain", "signature_wrong", chain="local"),
        refused("randomness with one bit changed", "randomness_wrong", randomness=changed(genuine["randomness"], flip=1)),
    ]

    def info_refused(name, reason, base=QUICKNET, **changes):
        info = copy.deepcopy(base)
        info.update(changes)
        return {"name": name, "reason": reason, "info": info}

    key = QUICKNET["public_key"]
    relabelled = copy.deepcopy(FASTNET)
    relabelled["schemeID"] = "bls-unchained-g1-rfc9380"
    infos = [
        info_refused("fastnet", "fastnet", FASTNET),
        info_refused("fastnet, with the name of the other scheme, which is not in the hash", "fastnet", relabelled),
        info_refused("another scheme", "scheme", schemeID="pedersen-bls-chained"),
        info_refused("no time between rounds", "period_zero", period=0),
        info_refused("a key of 95 bytes", "public_key", public_key=key[:-2]),
        info_refused("a key that is not compressed", "public_key", public_key=changed(key, off=0x80)),
        info_refused("infinity as key", "public_key", public_key="c0" + "00" * 95),
        info_refused("a key with a coordinate of p", "public_key", public_key=g1(P) + "00" * 48),
        info_refused("a key that is no point, or not of the group", "public_key", public_key=key[:-2] + "5b"),
        info_refused("another period", "hash", period=30),
        info_refused("another first round", "hash", genesis_time=1692803366),
        info_refused("another group", "hash", groupHash=FASTNET["groupHash"]),
        info_refused("another name", "hash", metadata={"beaconID": "quicknet-t"}),
        info_refused("the other sign of the key", "hash", public_key=changed(key, flip=0x20)),
        info_refused("another hash", "hash", hash=FASTNET["hash"]),
    ]

    rounds = []
    for chain, info in chains.items():
        genesis, period = info["genesis_time"] * 1000, info["period"] * 1000
        for time in [-(2**63), 0, genesis - 1, genesis, genesis + 1, genesis + period, genesis + period + 1, 1794326400000, 2**63 - 1]:
            rounds.append({"chain": chain, "time_ms": str(time), "round": str(max(0, -((genesis - time) // period)) + 1)})
    return {"chains": chains, "accepted": accepted, "refused": refusals, "chains_refused": infos, "rounds": rounds}


# ------------------------------------------------------------------------------------------------- selection


def fair(value, n):
    """value mod n, or None for a value that would favour small remainders."""
    return value % n if value < 2**256 // n * n else None


def first_fair(n, begun):
    t = 0
    while True:
        found = fair(int.from_bytes(sha(begun, be32(t)), "big"), n)
        if found is not None:
            return found
        t += 1


def selection_vectors():
    found = []
    for n in [1, 2, 3, 7, 10, 1000, 3000000, 2**32 + 1, 2**63, 2**63 + 3, 2**64 - 1]:
        limit = 2**256 // n * n
        for value in {0, 1, n - 1, n, limit - 1, min(limit, 2**256 - 1), 2**256 - 1, 2**255 + 12345}:
            rest = fair(value, n)
            found.append({"value": value.to_bytes(32, "big").hex(), "n": str(n), "remainder": None if rest is None else str(rest)})
    return sorted(found, key=lambda entry: (int(entry["n"]), entry["value"]))


# ------------------------------------------------------------------------------------------------------ draw


def canonical(document):
    """RFC 8785 for documents of ASCII names and whole numbers, which is what Python's own writer makes of them."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def drawn(tag, seed, n, skipped, count):
    skipped, found, j = set(skipped), [], 0
    while len(found) < count:
        index = first_fair(n, tag + seed + be32(j))
        if index not in skipped:
            skipped.add(index)
            found.append(index)
        j += 1
    return found


def draw(name, rules_hash, root, n, chain, number, randomness, exclude, reserves, sample):
    parts = [bytes.fromhex(part) for part in (rules_hash, root, chain, randomness)]
    seed = sha(b"koi/draw/v1\n", parts[0], parts[1], be64(n), parts[2], be64(number), parts[3])
    indices = drawn(b"koi/block/v1\n", seed, n, exclude, 1 + reserves)
    return {
        "name": name,
        "rules_hash": rules_hash,
        "root": root,
        "entries": str(n),
        "chain_hash": chain,
        "round": str(number),
        "randomness": randomness,
        "exclude": [str(index) for index in exclude],
        "seed": seed.hex(),
        "winner": str(indices[0]),
        "reserves": [str(index) for index in indices[1:]],
        "sample": [str(index) for index in drawn(b"koi/audit/v1\n", seed, n, [*exclude, *indices], sample)],
    }


def entry(draw_id, salt, external_id):
    leaf = sha(b"koi/entry/v1\n", draw_id.encode(), b"\n", salt, external_id.encode())
    return {"draw_id": draw_id, "salt": salt.hex(), "external_id": external_id, "leaf": leaf.hex()}


def draw_vectors():
    documents = [
        {"type": "koi/draw-rules/v1", "draw": "spring", "reserves": 3, "closes_at": "2026-11-11T20:00:00Z"},
        {"b": [1, -1, 0, 9007199254740991, True, False, None, {}], "a": "\u00e9\u6982\u7387\n\t\"\\/\u0007\u007f", "aa": {"z": "", "y": []}},
        {},
    ]
    rules = [{"document": document, "canonical": canonical(document), "hash": sha(canonical(document).encode()).hex()} for document in documents]
    lists = [[], [(0, "employee")], [(17, "employee"), (4711, "double_entry"), (2**64 - 1, "a" * 64)]]
    exclusions = []
    for of in lists:
        text = "koi/exclusions/v1\n" + "".join(f"{index} {reason}\n" for index, reason in of)
        exclusions.append({
            "list": [{"index": str(index), "reason": reason} for index, reason in of],
            "text": text,
            "hash": sha(text.encode()).hex(),
        })
    rules_hash, root = rules[0]["hash"], sha(b"the root of some log").hex()
    quicknet = (QUICKNET["hash"], 1000, randomness_of("quicknet", 1000).hex())
    later = (QUICKNET["hash"], 1005, randomness_of("quicknet", 1005).hex())
    local = (local_chain()["hash"], 283996800, randomness_of("local", 283996800).hex())
    draws = [
        draw("three million entries", rules_hash, root, 3_000_000, *quicknet, [], 3, 10),
        draw("the same by another round", rules_hash, root, 3_000_000, *later, [], 3, 10),
        draw("one entry", rules_hash, root, 1, *quicknet, [], 0, 0),
        draw("two entries, and all of them are drawn", rules_hash, root, 2, *quicknet, [], 1, 0),
        draw("a small draw with exclusions, where nearly everybody is drawn", rules_hash, root, 20, *local, [0, 3, 4, 19], 9, 6),
        draw("300,000,000 entries by local randomness", rules_hash, root, 300_000_000, *local, [7, 299_999_999], 20, 50),
        draw("as many entries as can be counted", rules_hash, root, 2**64 - 1, *quicknet, [0], 5, 5),
        draw("2^63 entries", rules_hash, root, 2**63, *quicknet, [], 5, 5),
    ]
    # The winner and the first reserve of the first draw, excluded: everybody moves up.
    gone = sorted([int(draws[0]["winner"]), int(draws[0]["reserves"][0])])
    draws.append(draw("the first with its two first excluded", rules_hash, root, 3_000_000, *quicknet, gone, 3, 10))

    def refused(name, reason, n, exclude, reserves):
        return {"name": name, "reason": reason, "entries": str(n), "exclude": [str(index) for index in exclude], "reserves": str(reserves)}

    refusals = [
        refused("no entries", "too_few_entries", 0, [], 0),
        refused("more reserves than entries", "too_few_entries", 10, [], 10),
        refused("everybody is excluded", "too_few_entries", 3, [0, 1, 2], 0),
        refused("more than are left by the exclusions", "too_few_entries", 10, [1, 5], 8),
        refused("an excluded index that is no entry's", "excluded_nobody", 10, [10], 0),
        refused("more than are drawn at once", "too_many", 2**63, [], 10_000_000),
    ]
    salt = sha(b"somebody's salt")
    entries = [entry("spring", salt, "person-1"), entry("spring", bytes(32), ""), entry("d_7Q2M", salt, "\u738b-1"), entry("", salt, "a\nb")]
    return {"selection": selection_vectors(), "rules": rules, "entries": entries, "exclusions": exclusions, "draws": draws, "refused": refusals}


# ---------------------------------------------------------------------------------------------------- packet


def replay(name, key, cell, tiers, count):
    left, faces = [number for _, number in tiers], []
    for ordinal in range(count):
        rest = first_fair(sum(left), b"koi/packet/v1\n" + key + be32(cell) + be64(ordinal))
        place = 0
        while rest >= left[place]:
            rest, place = rest - left[place], place + 1
        left[place] -= 1
        faces.append(tiers[place][0])
    return {
        "name": name,
        "pool_key": key.hex(),
        "cell": cell,
        "tiers": [{"face": str(face), "count": str(number)} for face, number in tiers],
        "count": str(count),
        "faces": [str(face) for face in faces],
        "left": [str(number) for number in left],
    }


def packet_vectors():
    secret = sha(b"a pool's secret")
    commitments = [
        {"campaign": campaign, "secret": secret.hex(), "commitment": sha(b"koi/pool/v1\n", campaign.encode(), b"\n", secret).hex()}
        for campaign in ["spring", "d-11-11"]
    ]
    keys, replays = [], []
    for name, chain, number in [("quicknet", QUICKNET["hash"], 1000), ("local", local_chain()["hash"], 283996800)]:
        randomness = randomness_of(name, number)
        key = sha(b"koi/pool-key/v1\n", secret, bytes.fromhex(chain), be64(number), randomness)
        keys.append({"secret": secret.hex(), "chain_hash": chain, "round": str(number), "randomness": randomness.hex(), "pool_key": key.hex()})
        tiers = [(288800, 1), (8800, 3), (888, 16)]
        replays += [
            replay("the whole stock", key, 0, tiers, 20),
            replay("half of it, in another cell", key, 1023, tiers, 10),
            replay("nothing", key, 0, tiers, 0),
            replay("a large stock", key, 2**32 - 1, [(100, 2**40), (10, 0), (1, 2**41 + 7)], 50),
        ]
    picks, moves = [], []
    for cell, ordinal, total in [(0, 0, 100_000), (1, 7, 100_000), (1023, 2**32, 2**63 + 3), (5, 2**64 - 1, 97), (0, 0, 1)]:
        picks.append({"cell": cell, "ordinal": str(ordinal), "total": str(total), "pick": str(first_fair(total, b"koi/packet/v1\n" + key + be32(cell) + be64(ordinal)))})
        for place in [0, 4095]:
            pick = first_fair(total, b"koi/move/v1\n" + key + be32(cell) + be64(ordinal) + be64(place))
            moves.append({"cell": cell, "line": str(ordinal), "place": str(place), "total": str(total), "pick": str(pick)})
    refusals = [
        {"name": "more claims than packets", "reason": "too_few_packets", "tiers": [{"face": "1", "count": "2"}], "count": "3"},
        {"name": "no packets", "reason": "too_few_packets", "tiers": [], "count": "1"},
        {"name": "more packets than there are numbers", "reason": "too_large", "tiers": [{"face": "1", "count": str(2**64 - 1)}, {"face": "2", "count": "1"}], "count": "1"},
    ]
    return {"commitments": commitments, "pool_keys": keys, "picks": picks, "moves": moves, "picks_of": key.hex(), "replays": replays, "refused": refusals}


def main():
    wrong = []
    for file, vectors in [("beacon", beacon_vectors()), ("draw", draw_vectors()), ("packet", packet_vectors())]:
        about = {"about": f"Made by make.py from the rules of verifiable luck, without any verifier's code: the {file}."}
        text = json.dumps({**about, **vectors}, indent=1, ensure_ascii=False) + "\n"
        path = HERE / f"{file}.json"
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            wrong.append(path.name)
    if wrong:
        sys.exit(f"{', '.join(wrong)}: not what make.py writes")


main()
