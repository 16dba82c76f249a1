#!/usr/bin/env python3
"""Tests of koi_verify.py: the shared vectors, and what they do not have.

    python3 verify/test_koi_verify.py
"""

import base64
import json
import pathlib
import unittest

import koi_verify as koi

VECTORS = pathlib.Path(__file__).parent / "vectors"


def vectors(name):
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def plain(text):
    return base64.b64decode(text)


def refused(check, *arguments):
    """The code of a refusal; None if there is none."""
    try:
        check(*arguments)
    except koi.Refused as why:
        return why.code
    except ValueError:
        return "value"
    return None


class Pieces(unittest.TestCase):
    def test_every_number_has_one_spelling(self):
        for text, value in [("0", 0), ("7", 7), ("18446744073709551615", 2**64 - 1)]:
            self.assertEqual(koi.number_of(text), value)
        for text in ["18446744073709551616", "", "00", "07", "+7", "-7", " 7", "7\r", "7\n", "\u0667"]:
            self.assertIsNone(koi.number_of(text), text)

    def test_base64_has_one_spelling(self):
        for data, text in [(b"", ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v")]:
            self.assertEqual(koi.bytes_of_base64(text), data)
        for text in ["Zh==", "Zg", "Zg=", "Zg===", "Zm9=", "Zm9v=", "Zm9v\n", " Zm9v", "Zm-v", "Zm_v", "Zm9vZ", "\u00e9"]:
            self.assertIsNone(koi.bytes_of_base64(text), text)

    def test_instants_have_one_spelling(self):
        for text, at in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2018-07-15T00:00:00.001Z", 1531612800001),
            ("2000-02-29T23:59:59.999Z", 951868799999),
            ("0000-01-01T00:00:00.000Z", -62167219200000),
        ]:
            self.assertEqual(koi.instant_of(text), at)
        for text in [
            "2018-07-15T00:00:00Z",
            "2018-07-15T00:00:00.0000Z",
            "2018-07-15t00:00:00.000Z",
            "2018-02-29T00:00:00.000Z",
            "1900-02-29T00:00:00.000Z",
            "2018-07-15T24:00:00.000Z",
            "2018-07-15T00:00:60.000Z",
            "9999-12-31T00:00:00.000Z",
            "2018-07-15T00:00:00.000+00:00",
            " 2018-07-15T00:00:00.000Z",
        ]:
            self.assertIsNone(koi.instant_of(text), text)
        self.assertEqual(koi.instant_of_rfc3339("2018-07-15T08:30:00.0019999+08:30"), 1531612800001)
        self.assertEqual(koi.instant_of_rfc3339("1969-12-31T23:59:59.9999Z"), 0)

    def test_json_is_canonical_or_refused(self):
        fine = ['{"a":1,"b":[]}', '"\u00e9\\u0007\\n"', '{"\U0001f600":1,"\ufb33":2}', "[" * 127 + "]" * 127, '{"a":"' + "[" * 300 + '"}']
        for text in fine:
            koi.canonical(text.encode())
        wrong = [
            '{"a":1, "b":[]}',
            '{"b":[],"a":1}',
            '{"a":1,"a":1}',
            '{"a":1,"\\u0062":[]}',
            '{"a":-0}',
            "{}\n",
            "{",
            "1.0",
            "1e3",
            "9007199254740992",
            "-9007199254740992",
            "NaN",
            "Infinity",
            '"\\ud800"',
            '"\\/"',
            '"\\u0041"',
            '{"\ufb33":2,"\U0001f600":1}',
            "[" * 128 + "]" * 128,
            "[" * 60000,
            "\ufeff{}",
            "",
        ]
        for text in wrong:
            self.assertEqual(refused(koi.canonical, text.encode()), "statement_not_canonical", text[:80])
        self.assertEqual(refused(koi.canonical, b'"\xff"'), "statement_not_canonical")

    def test_ed25519_is_strict(self):
        # RFC 8032, 7.1, test 2.
        key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
        signature = bytes.fromhex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        )
        point = koi.ed_decoded(key)
        self.assertTrue(koi.ed_verifies(key, point, b"\x72", signature))
        again = int.from_bytes(signature[32:], "little") + koi.ED_L
        other = [
            (b"\x73", signature),
            (b"\x72", signature[:32] + again.to_bytes(32, "little")),
            (b"\x72", signature[:-1]),
            (b"\x72", signature + b"\0"),
        ]
        for message, bad in other:
            self.assertFalse(koi.ed_verifies(key, point, message, bad))
        # Points of small order, and second encodings of points: 0 as p, and a sign of nothing.
        for small in ["00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f"]:
            self.assertTrue(koi.ed_is_small(koi.ed_decoded(bytes.fromhex(small))))
        for second in ["ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f", "01" + "00" * 30 + "80", "ff" * 32]:
            self.assertIsNone(koi.ed_decoded(bytes.fromhex(second)))
        # With a key of order 1, nothing is what a zero signs: the sound equation, and refused all the same.
        nothing = koi.ed_encoded(koi.ED_NOTHING)
        self.assertFalse(koi.ed_verifies(nothing, koi.ED_NOTHING, b"", nothing + bytes(32)))


class OfTheLog(unittest.TestCase):
    """verify/vectors/log.json"""

    @classmethod
    def setUpClass(cls):
        cls.log = vectors("log")

    def check(self, case, check, *arguments):
        with self.subTest(case["name"]):
            self.assertEqual(refused(check, *arguments) is None, "valid" in case)

    def test_keys(self):
        for case in self.log["keys"]:
            self.check(case, koi.Key, case["key"], koi.TYPE_NOTE if case["kind"] == "note" else koi.TYPE_WITNESS)
            if "valid" in case:
                key = koi.Key(case["key"], koi.TYPE_NOTE if case["kind"] == "note" else koi.TYPE_WITNESS)
                self.assertEqual((key.id.hex(), key.name), (case["valid"]["id"], case["valid"]["name"]))

    def test_notes(self):
        for case in self.log["notes"]:
            (key,) = (koi.Key(text, koi.TYPE_NOTE) for text in case["keys"])
            self.check(case, lambda: koi.Note(case["note"]).opened(key))
            if "valid" in case:
                self.assertEqual(koi.Note(case["note"]).opened(key), case["valid"]["text"])

    def test_checkpoints(self):
        for case in self.log["checkpoints"]:
            (key,) = (koi.Key(text, koi.TYPE_NOTE) for text in case["keys"])

            def check():
                if koi.Checkpoint(case["checkpoint"], key).origin != case["origin"]:
                    raise koi.Refused("checkpoint_origin", "a log's key has the name of its origin")

            self.check(case, check)
            if "valid" in case:
                found = koi.Checkpoint(case["checkpoint"], key)
                said = {"size": found.size, "root": koi.base64_of(found.root), "extensions": found.extensions}
                self.assertEqual(said, case["valid"])

    def test_cosignatures(self):
        for case in self.log["cosignatures"]:
            quorum = koi.Quorum([koi.Key(text, koi.TYPE_WITNESS) for text in case["witnesses"]], case["needed"])
            self.check(case, lambda: quorum.reached(koi.Note(case["checkpoint"]), case["before"]))
            if "valid" in case:
                found = quorum.reached(koi.Note(case["checkpoint"]), case["before"])
                self.assertEqual([list(one) for one in found], case["valid"])

    def test_inclusion_and_consistency(self):
        for case in self.log["inclusion"]:
            proof = [plain(hash) for hash in case["proof"]]
            arguments = int(case["index"]), int(case["size"]), plain(case["leaf"]), proof, plain(case["root"])
            with self.subTest(case["name"]):
                self.assertEqual(refused(koi.check_inclusion, *arguments) is None, case.get("valid", False))
        for case in self.log["consistency"]:
            proof = [plain(hash) for hash in case["proof"]]
            roots = plain(case["old_root"]), plain(case["root"])
            arguments = int(case["old_size"]), int(case["size"]), *roots, proof
            with self.subTest(case["name"]):
                self.assertEqual(refused(koi.check_consistency, *arguments) is None, case.get("valid", False))

    def test_roots(self):
        for case in self.log["roots"]:
            tree = koi.Tree()
            numbered = map(koi.be64, range(case.get("numbered", 0)))
            for entry in map(plain, case["entries"]) if "entries" in case else numbered:
                tree.append(koi.leaf_hash(entry))
            self.assertEqual(tree.root(), plain(case["root"]), case["name"])

    def test_proofs(self):
        for case in self.log["proofs"]:
            (key,) = (koi.Key(text, koi.TYPE_NOTE) for text in case["keys"])
            quorum = koi.Quorum([koi.Key(text, koi.TYPE_WITNESS) for text in case["witnesses"]], case["needed"])

            def check():
                proof = koi.LogProof(case["proof"])
                checkpoint, _ = proof.opened(key, quorum, case["before"])
                proof.check(plain(case["entry"]), checkpoint)
                return {"index": proof.index, "size": checkpoint.size, "root": koi.base64_of(checkpoint.root)}

            self.check(case, check)
            if "valid" in case:
                self.assertEqual(check(), case["valid"])

    def test_tiles_and_bundles(self):
        for case in self.log["tile_paths"]:
            found = koi.tile_of_path(case["path"])
            valid = case.get("valid")
            self.assertEqual(found, valid and (valid["level"], valid["index"], valid["width"]), case["name"])
        for case in self.log["bundles"]:
            self.check(case, koi.entries_of, plain(case["bundle"]), case["width"])
            if "valid" in case:
                found = koi.entries_of(plain(case["bundle"]), case["width"])
                self.assertEqual(found, [plain(entry) for entry in case["valid"]])


class OfTheBeacon(unittest.TestCase):
    """verify/vectors/beacon.json"""

    @classmethod
    def setUpClass(cls):
        cls.beacon = vectors("beacon")
        cls.chains = {name: koi.chain_of_info(info) for name, info in cls.beacon["chains"].items()}

    def test_the_pinned_chains_are_those(self):
        self.assertEqual(self.chains["quicknet"].hash, koi.QUICKNET.hash)
        self.assertEqual(self.chains["local"].hash, koi.LOCAL.hash)
        self.assertEqual(self.chains["local"].public_key, koi.LOCAL.public_key)

    def test_rounds_are_accepted(self):
        for case in self.beacon["accepted"]:
            chain, number, signature = self.chains[case["chain"]], int(case["round"]), bytes.fromhex(case["signature"])
            self.assertIsNone(koi.beacon_wrong(chain, number, signature, bytes.fromhex(case["randomness"])))
            self.assertEqual(chain.time_s(number), None if case["time_s"] is None else int(case["time_s"]))

    def test_rounds_are_refused(self):
        for case in self.beacon["refused"]:
            randomness = None if case["randomness"] is None else bytes.fromhex(case["randomness"])
            chain, signature = self.chains[case["chain"]], bytes.fromhex(case["signature"])
            wrong = koi.beacon_wrong(chain, int(case["round"]), signature, randomness)
            # Only who has pairings can tell whose signature a point is.
            expected = None if case["reason"] == "signature_wrong" and not koi.BLS else case["reason"]
            self.assertEqual(wrong and wrong[0], expected, case["name"])

    def test_chains_are_refused(self):
        for case in self.beacon["chains_refused"]:
            # Whether 96 bytes are a point is not looked at: the chain's hash is over them.
            no_point = case["name"] == "a key that is no point, or not of the group"
            self.assertEqual(refused(koi.chain_of_info, case["info"]), "hash" if no_point else case["reason"], case["name"])

    def test_the_round_is_a_formula(self):
        for case in self.beacon["rounds"]:
            self.assertEqual(self.chains[case["chain"]].round_at(int(case["time_ms"])), int(case["round"]))


class OfDraws(unittest.TestCase):
    """verify/vectors/draw.json"""

    @classmethod
    def setUpClass(cls):
        cls.draw = vectors("draw")

    def test_selection(self):
        for case in self.draw["selection"]:
            rest = koi.fair(int(case["value"], 16), int(case["n"]))
            self.assertEqual(rest, None if case["remainder"] is None else int(case["remainder"]))

    def test_rules_and_entries(self):
        for case in self.draw["rules"]:
            text = koi.canonical_text(case["document"])
            self.assertEqual((text, koi.sha256(text.encode()).hex()), (case["canonical"], case["hash"]))
            self.assertEqual(koi.canonical(text.encode()), case["document"])
        for case in self.draw["entries"]:
            leaf = koi.entry_leaf(case["draw_id"], bytes.fromhex(case["salt"]), case["external_id"])
            self.assertEqual(leaf.hex(), case["leaf"])

    def test_exclusions(self):
        for case in self.draw["exclusions"]:
            found = koi.exclusions_of(case["text"])
            self.assertEqual(found, [(int(one["index"]), one["reason"]) for one in case["list"]])
            self.assertEqual(koi.sha256(case["text"].encode()).hex(), case["hash"])
        heading = koi.EXCLUSIONS_HEADING
        for text in ["", heading[:-1], heading + "5\n", heading + "5 a b\n", heading + "5 A\n", heading + "5 a", heading + "05 a\n"]:
            self.assertRaises(ValueError, koi.exclusions_of, text)
        self.assertRaises(ValueError, koi.exclusions_of, heading + "5 a\n5 a\n")

    def test_outcomes(self):
        for case in self.draw["draws"]:
            entries, excluded = int(case["entries"]), [int(index) for index in case["exclude"]]
            parts = [bytes.fromhex(case[name]) for name in ("rules_hash", "root", "chain_hash", "randomness")]
            seed = koi.draw_seed(parts[0], parts[1], entries, parts[2], int(case["round"]), parts[3])
            outcome = koi.draw_outcome(seed, entries, excluded, len(case["reserves"]))
            sample = koi.audit_sample(seed, entries, excluded, outcome, len(case["sample"]))
            self.assertEqual(seed.hex(), case["seed"])
            self.assertEqual(list(map(str, outcome)), [case["winner"], *case["reserves"]], case["name"])
            self.assertEqual(list(map(str, sample)), case["sample"])
        for case in self.draw["refused"]:
            excluded = [int(index) for index in case["exclude"]]
            found = refused(koi.draw_outcome, bytes(32), int(case["entries"]), excluded, int(case["reserves"]))
            self.assertEqual(found, case["reason"], case["name"])

    def test_proofs(self):
        if not (VECTORS / "draw_proof.json").exists():
            self.skipTest("the vectors of proofs are not there")
        file = vectors("draw_proof")
        asked = koi.Asked(koi.Key(file["key"], koi.TYPE_NOTE), koi.Quorum([], 0))

        def report(text, exclusions=None):
            return koi.check_draw_proof("proof", text.encode(), asked, exclusions).report()

        def check(name, text, code, exclusions=None):
            found = [finding["code"] for finding in report(text, exclusions)["findings"]]
            expected = [] if code == "beacon_signature" and not koi.BLS else [code]
            self.assertEqual(found, expected, name)

        honest = {case["name"]: case for case in file["honest"]}
        for case in honest.values():
            for said, exclusions in [(case["with_list"], case["list"]), (case["without_list"], None)]:
                found = report(case["proof"], exclusions)
                self.assertTrue(found["ok"], case["name"])
                names = ("draw", "entries", "index", "winner", "reserves", "place", "round", "local")
                self.assertEqual(found["draw"], {"number": said["index"] + 1, **{name: said[name] for name in names}})
                cosigned = [{"name": name, "at": koi.seconds_text(at)} for name, at in said["cosigned"]]
                self.assertEqual(found["cosigned"], cosigned)
                self.assertEqual("exclusions_believed" in found["caveats"], said["exclusions_believed"])
        for case in file["wrong"]:
            check(case["name"], case["proof"], case["code"], case["list"])
        for case in file["changed"]:
            text = honest[case["of"]]["proof"]
            check(case, text[: case["from"]] + case["with"] + text[case["to"] :], case["code"])


class OfPackets(unittest.TestCase):
    """verify/vectors/packet.json"""

    def test_packets(self):
        packet = vectors("packet")
        for case in packet["commitments"]:
            found = koi.pool_commitment(case["campaign"], bytes.fromhex(case["secret"]))
            self.assertEqual(found.hex(), case["commitment"])
        for case in packet["pool_keys"]:
            secret, chain, randomness = (bytes.fromhex(case[name]) for name in ("secret", "chain_hash", "randomness"))
            self.assertEqual(koi.pool_key(secret, chain, int(case["round"]), randomness).hex(), case["pool_key"])
        key = bytes.fromhex(packet["picks_of"])
        for case in packet["picks"]:
            pick = koi.packet_pick(key, case["cell"], int(case["ordinal"]), int(case["total"]))
            self.assertEqual(pick, int(case["pick"]))
        for case in packet["moves"]:
            pick = koi.move_pick(key, case["cell"], int(case["line"]), int(case["place"]), int(case["total"]))
            self.assertEqual(pick, int(case["pick"]))
        for case in packet["replays"]:
            left, faces = [int(tier["count"]) for tier in case["tiers"]], []
            for ordinal in range(int(case["count"])):
                tier = koi.take_at(left, koi.packet_pick(bytes.fromhex(case["pool_key"]), case["cell"], ordinal, sum(left)))
                faces.append(case["tiers"][tier]["face"])
            self.assertEqual((faces, list(map(str, left))), (case["faces"], case["left"]), case["name"])


if __name__ == "__main__":
    unittest.main()
