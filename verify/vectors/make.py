#!/usr/bin/env python3
"""Makes the vectors of this folder, straight from the rules, with nothing but the standard library.

    python3 verify/vectors/make.py

It shares no code with any verifier, so that a verifier that agrees with the vectors agrees with the rules. What it cannot
compute, signatures over BLS12-381, it takes from where they are published; each has its source beside it.

Numbers that may pass 2^53 - 1 (rounds, entries, indices, packets) are texts, since not every reader of JSON has them exactly.
"""

import copy
import hashlib
import json
import pathlib
import struct

HERE = pathlib.Path(__file__).parent


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def be32(number):
    return struct.pack(">I", number)


def be64(number):
    return struct.pack(">Q", number)


# ---------------------------------------------------------------------------------------------------- beacon

P = 0x1A0111EA397FE69A4B1BA7B6434BACD764774B84F38512BF6730D2A0F6B0F6241EABFFFEB153FFFFB9FEFFFFFFFFAAAB
ORDER = 0x73EDA753299D7D483339D80809A1D80553BDA402FFFE5BFEFFFFFFFF00000001

# https://api.drand.sh/52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971/info
QUICKNET = {
    "public_key": "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
    "0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",
    "period": 3,
    "genesis_time": 1692803367,
    "hash": "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    "groupHash": "f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
    "schemeID": "bls-unchained-g1-rfc9380",
    "metadata": {"beaconID": "quicknet"},
}
# drand/drand-client, test/beacon-verification.test.ts
WALKTHROUGH = {
    "public_key": "81d320f220ee9c79e60e19dedc838c31e3ab919b15481e9feb52f643628c4f6a13fdc52129493875a818109d767272ca"
    "0541cbcdcea9335f2870d781b39b845ba8cbd44fdfe4967781cf72ca5917fc9398bcf97ca0548ed5a709016c4b1ff0f3",
    "period": 3,
    "genesis_time": 1687506816,
    "hash": "af8b6fc95693b058a3a59efe586eb31c2c352fe00cf40c62a427d87c34f7a235",
    "groupHash": "02d678e93908888871b70e3f015b396a8c082bc1493ae5479f8743cb5d972b54",
    "schemeID": "bls-unchained-g1-rfc9380",
    "metadata": {"beaconID": "walkthrough"},
}
# thibmeu/tlock-rs, README.md; the chain has ended
FASTNET = {
    "public_key": "a0b862a7527fee3a731bcb59280ab6abd62d5c0b6ea03dc4ddf6612fdfc9d01f01c31542541771903475eb1ec6615f8d"
    "0df0b8b6dce385811d6dcf8cbefb8759e5e616a3dfd054c928940766d9a5b9db91e3b697e5d70a975181e007f87fca5e",
    "period": 3,
    "genesis_time": 1677685200,
    "hash": "dbd506d6ef76e5f386f41c651dcb808c5bcbd75471cc4eafa3f4df7ad4e4c493",
    "groupHash": "a81e9d63f614ccdb144b8ff79fbd4d5a2d22055c0bfe4ee9a8092003dab1c6c0",
    "schemeID": "bls-unchained-on-g1",
    "metadata": {"beaconID": "fastnet"},
}

PUBLISHED = "the crate drand 0.4.0 (sagikazarmark/drand-rs), tests/data/quicknet-{}-v1.json, as api.drand.sh served it"
SIGNED = "signed by @noble/curves 2.4.0 with the local chain's secret key"
# chain, round, signature, randomness where the source has it, source
SIGNATURES = [
    ("quicknet", 1, "b55e7cb2d5c613ee0b2e28d6750aabbb78c39dcc96bd9d38c2c2e12198df95571de8e8e402a0cc48871c7089a2b3af4b", "1466a6cd24e327188770752f6134001c64d6efcc590ccc26b721611ad96f165a", PUBLISHED),
    ("quicknet", 1000, "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39", "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd", PUBLISHED),
    ("quicknet", 1005, "b896a4e9ebdb143601d1cdb39aa9357ef27b48d7d3c1c614e14110243850a9ea21fd96e016a5b64c2a2960d1c73abad8", "f9cf57940dfd9b61e980576f5f9c095d8596208d337a924bf06c1ab04a3796fa", PUBLISHED),
    ("quicknet", 1010, "8bea13e7e5f9c9c51cd061ecf09b33fb1cfc23e7bd947c669e16fb56a15c090908c69a19750d659a12ee3c25692792bd", "70b604d40183d07425c86176196a94decd915d5fc1e35841eb25032e6c406c7e", PUBLISHED),
    ("quicknet", 1012, "af176bfcdd76db41f832282db70e135dcb94deb21c29103ea10a0145cb271eb157ae4bdb33be0ea593e3ed0fb164673c", "e66f9bc889657e76d70a49e8f7bff3ae4a807e0ee4bc35b3f1e835162c108a3c", PUBLISHED),
    ("quicknet", 1020, "a2954ec8148428ea29c24477bff6e7a58459d3a546d429950ab9ae8b0b7d4297b60a87322b1964407c71440362011248", "2fb65482b8bb669be0f791624f6f9febb3234063254275908744a76039b2d3b7", PUBLISHED),
    ("quicknet", 30000000, "81d2fc112b91932d9e4074a46b88c4dc78149b859660e0673c0bb9bd0caefdc9cc194e83de980441355b8ef44cc7a355", "24fdbb00b10a967c392b5b708967011e996689994a2bf1c5573c3e372c2e844d", PUBLISHED),
    ("quicknet", 657413, "b713718a38ae728dfd477991af2822e08d2f305e47718cef9f7848ce4050e7be41076862b98fad56e91a6b85b89cd97b", "fc1873a13f3545aeade8401532ef5519920652eee6b0d2b19ca12643b87b3587", "the Python package drand-verify, README"),
    ("quicknet", 12040883, "929906c959032ab363c9f26570d215d66f5c06cb0c44fe508c12bb5839f04ec895bb6868e5b9ff13ab289bdb5266b394", None, "drand/tlock, tlock_test.go, TestDecryptText"),
    ("walkthrough", 38, "95c93585c513ebbcb4777ff15599b3140e5ec0295faa0e483f3deadd88fa6d43f0d3703e3a4ce106e8fd6c6987f32126", "b2fc21325a24904a6a9e81a6c63f65f6cec3f0b2400df3f4a56b214770e9ccca", "drand/drand-client, test/beacon-verification.test.ts"),
    ("local", 1, "a9a8838a6b4efbd6e1ad10e12a76d5a87742dff41b07bf75a34d9169434844d932df47565bb47a78e88d5bbc4cff9207", None, SIGNED),
    ("local", 2, "8bedda02c1e8e3b6f808a6cbfa139fe3e02f5afd1fa3019fb5f840bb060925c35ad12951cd6a568b2f3f652d167a50af", None, SIGNED),
    ("local", 1000, "847b043d4d2def95e037124c2776c8f23313cca959c8a4f1930dc3bafa1c3057de7bc1060add8903713752a4b42a45ef", None, SIGNED),
    ("local", 283996800, "8be5eac831f6d6162b82f21632216d6e238433415dbec9e234f76b2e398db3f0c486ffb1303c160d87561b2fe3d2a94c", None, SIGNED),
    ("local", 2**64 - 1, "84eb649a5ac81d9654bda34779e470e1ce2aa60f42dbe42af27ee8272499cfec15efbc4c5c0164f40ded61d6039fb5bc", None, SIGNED),
]
# thibmeu/tlock-rs, tlock/src/lib.rs
FASTNET_1000 = "b09eacd45767c4d58306b98901ad0d6086e2663766f3a4ec71d00cf26f0f49eaf248abc7151c60cf419c4e8b37e80412"
# The generator of G1 (RFC 9380, 8.8.1 names the curve; zkcrypto's bls12_381 the point).
GENERATOR = "97f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb"


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
    for chain, number, signature, published, source in SIGNATURES:
        randomness = sha(bytes.fromhex(signature)).hex()
        assert published in (None, randomness)
        time_s = chains[chain]["genesis_time"] + (number - 1) * chains[chain]["period"]
        accepted.append({
            "source": source.format(number),
            "chain": chain,
            "round": str(number),
            "signature": signature,
            "randomness": randomness,
            "time_s": str(time_s) if time_s < 2**63 else None,
        })

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
        refused("the generator of the group", "signature_wrong", signature=GENERATOR),
        refused("the signature of another round", "signature_wrong", number="1001"),
        refused("the signature of fastnet's round of that number", "signature_wrong", signature=FASTNET_1000),
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
    quicknet = (QUICKNET["hash"], 1000, SIGNATURES[1][3])
    local = (local_chain()["hash"], 283996800, sha(bytes.fromhex(SIGNATURES[13][2])).hex())
    draws = [
        draw("three million entries", rules_hash, root, 3_000_000, *quicknet, [], 3, 10),
        draw("the same by another round", rules_hash, root, 3_000_000, QUICKNET["hash"], 1005, SIGNATURES[2][3], [], 3, 10),
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
    for chain, number, signature in [(QUICKNET["hash"], 1000, SIGNATURES[1][2]), (local_chain()["hash"], 283996800, SIGNATURES[13][2])]:
        randomness = sha(bytes.fromhex(signature))
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


for file, vectors in [("beacon", beacon_vectors()), ("draw", draw_vectors()), ("packet", packet_vectors())]:
    about = {"about": f"Made by make.py from the rules of verifiable luck, without any verifier's code: the {file}."}
    text = json.dumps({**about, **vectors}, indent=1, ensure_ascii=False)
    (HERE / f"{file}.json").write_text(text + "\n", encoding="utf-8")
