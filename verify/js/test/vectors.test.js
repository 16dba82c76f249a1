// The shared vectors (verify/vectors), which were made without any verifier's code, and what they do not have.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { checkDrawProof } from '../draws.js';
import * as luck from '../luck.js';
import { Checkpoint, Key, Note, pointOf, Quorum, TYPE_NOTE, TYPE_WITNESS, verifies } from '../notes.js';
import * as pieces from '../pieces.js';
import * as trees from '../trees.js';

const at = (name) => new URL(`../../vectors/${name}.json`, import.meta.url);
const vectors = (name) => JSON.parse(readFileSync(at(name), 'utf8'));
const plain = (text) => new Uint8Array(Buffer.from(text, 'base64'));
const hex = (text) => new Uint8Array(Buffer.from(text, 'hex'));
const log = vectors('log');
const beacon = vectors('beacon');
const draw = vectors('draw');
const packet = vectors('packet');

/** The code of a refusal, or "error"; null if there is none. */
function refused(check) {
  try {
    check();
  } catch (why) {
    return why.code ?? 'error';
  }
  return null;
}

/** What a check answers is what a case says, or it is refused as the case says. */
function agrees(entry, check) {
  if ('valid' in entry) return check();
  assert.notEqual(refused(check), null, entry.name);
  return undefined;
}

const keys = (texts, kind) => texts.map((text) => new Key(text, kind));

test('keys', () => {
  for (const entry of log.keys) {
    const key = agrees(entry, () => new Key(entry.key, entry.kind === 'note' ? TYPE_NOTE : TYPE_WITNESS));
    if (key) assert.deepEqual({ id: pieces.hexOf(key.id), name: key.name }, entry.valid);
  }
});

test('notes and checkpoints', () => {
  for (const entry of log.notes) {
    const [key] = keys(entry.keys, TYPE_NOTE);
    const text = agrees(entry, () => new Note(entry.note).opened(key));
    if (text !== undefined) assert.equal(text, entry.valid.text);
  }
  for (const entry of log.checkpoints) {
    const [key] = keys(entry.keys, TYPE_NOTE);
    const found = agrees(entry, () => {
      const checkpoint = new Checkpoint(entry.checkpoint, key);
      assert.equal(checkpoint.origin, entry.origin);
      return checkpoint;
    });
    if (!found) continue;
    const { size, root, extensions } = found;
    assert.deepEqual({ size: Number(size), root: pieces.base64Of(root), extensions }, entry.valid);
  }
});

test('cosignatures', () => {
  for (const entry of log.cosignatures) {
    const quorum = new Quorum(keys(entry.witnesses, TYPE_WITNESS), entry.needed);
    const found = agrees(entry, () => quorum.reached(new Note(entry.checkpoint), entry.before));
    if (found) assert.deepEqual(found.map(({ name, time }) => [name, Number(time)]), entry.valid);
  }
});

test('inclusion, consistency, roots', () => {
  for (const entry of log.inclusion) {
    const { index, size, leaf, proof, root } = entry;
    const check = () => trees.checkInclusion(BigInt(index), BigInt(size), plain(leaf), proof.map(plain), plain(root));
    assert.equal(refused(check) === null, entry.valid ?? false, entry.name);
  }
  for (const entry of log.consistency) {
    const { old_size: old, size, old_root: oldRoot, root, proof } = entry;
    const check = () => trees.checkConsistency(BigInt(old), BigInt(size), plain(oldRoot), plain(root), proof.map(plain));
    assert.equal(refused(check) === null, entry.valid ?? false, entry.name);
  }
  for (const { name, entries, numbered, root } of log.roots) {
    const tree = new trees.Tree();
    const all = entries?.map(plain) ?? Array.from({ length: numbered }, (_, number) => pieces.be64(number));
    all.forEach((entry) => tree.append(trees.leafHash(entry)));
    assert.equal(pieces.base64Of(tree.root()), root, name);
  }
});

test('proofs that a person keeps', () => {
  for (const entry of log.proofs) {
    const [key] = keys(entry.keys, TYPE_NOTE);
    const quorum = new Quorum(keys(entry.witnesses, TYPE_WITNESS), entry.needed);
    const found = agrees(entry, () => {
      const proof = new trees.LogProof(entry.proof);
      const { checkpoint } = proof.opened(key, quorum, entry.before);
      proof.check(plain(entry.entry), checkpoint);
      return { index: Number(proof.index), size: Number(checkpoint.size), root: pieces.base64Of(checkpoint.root) };
    });
    if (found) assert.deepEqual(found, entry.valid);
  }
});

test('tiles and bundles', () => {
  for (const { name, path, valid } of log.tile_paths) {
    const found = trees.tileOfPath(path);
    const expected = valid ? { kind: valid.level, index: BigInt(valid.index), width: valid.width } : null;
    assert.deepEqual(found, expected, name);
  }
  for (const entry of log.bundles) {
    const found = agrees(entry, () => trees.entriesOf(plain(entry.bundle), entry.width));
    if (found) assert.deepEqual(found.map(pieces.base64Of), entry.valid);
  }
});

test('the beacon: signatures of rounds, in their one encoding', () => {
  const chains = Object.fromEntries(Object.entries(beacon.chains).map(([name, info]) => [name, luck.chainOfInfo(info)]));
  assert.equal(chains.quicknet.hash, luck.QUICKNET.hash);
  assert.equal(chains.local.hash, luck.LOCAL.hash);
  for (const entry of beacon.accepted) {
    const { chain, round, signature, randomness, time_s: time } = entry;
    assert.equal(luck.beaconWrong(chains[chain], BigInt(round), hex(signature), hex(randomness)), null, entry.round);
    assert.equal(chains[chain].timeS(round), time === null ? null : BigInt(time));
  }
  for (const entry of beacon.refused) {
    const { chain, round, signature, randomness } = entry;
    const wrong = luck.beaconWrong(chains[chain], BigInt(round), hex(signature), randomness && hex(randomness));
    assert.equal(wrong?.code, entry.reason, entry.name);
  }
  for (const entry of beacon.chains_refused) {
    assert.equal(refused(() => luck.chainOfInfo(entry.info)), entry.reason, entry.name);
  }
  for (const entry of beacon.rounds) {
    assert.equal(chains[entry.chain].roundAt(BigInt(entry.time_ms)), BigInt(entry.round));
  }
});

test('draws', () => {
  for (const { value, n, remainder } of draw.selection) {
    const rest = luck.fair(BigInt(`0x${value}`), BigInt(n));
    assert.equal(rest, remainder === null ? null : BigInt(remainder));
  }
  for (const { document, canonical, hash } of draw.rules) {
    assert.equal(pieces.canonicalText(document), canonical);
    assert.equal(pieces.hexOf(pieces.sha256(canonical)), hash);
  }
  for (const { draw_id: id, salt, external_id: person, leaf } of draw.entries) {
    assert.equal(pieces.hexOf(luck.entryLeaf(id, hex(salt), person)), leaf);
  }
  for (const { list, text, hash } of draw.exclusions) {
    assert.deepEqual(luck.exclusionsOf(text).map(({ index, reason }) => ({ index: String(index), reason })), list);
    assert.equal(pieces.hexOf(pieces.sha256(text)), hash);
  }
  for (const entry of draw.draws) {
    const [n, excluded] = [BigInt(entry.entries), entry.exclude.map(BigInt)];
    const parts = [hex(entry.rules_hash), hex(entry.root), n, hex(entry.chain_hash), BigInt(entry.round), hex(entry.randomness)];
    const seed = luck.drawSeed(...parts);
    assert.equal(pieces.hexOf(seed), entry.seed);
    const outcome = luck.drawOutcome(seed, n, excluded, entry.reserves.length);
    assert.deepEqual(outcome.map(String), [entry.winner, ...entry.reserves], entry.name);
    const sample = luck.auditSample(seed, n, excluded, outcome, entry.sample.length);
    assert.deepEqual(sample.map(String), entry.sample, entry.name);
  }
  for (const { name, reason, entries, exclude, reserves } of draw.refused) {
    const check = () => luck.drawOutcome(new Uint8Array(32), BigInt(entries), exclude.map(BigInt), Number(reserves));
    assert.equal(refused(check), reason, name);
  }
});

test("a person's proofs in a draw", { skip: !existsSync(at('draw_proof')) }, async () => {
  const file = vectors('draw_proof');
  const asked = { key: new Key(file.key, TYPE_NOTE), quorum: new Quorum([], 0) };
  const report = (text, list = null) => checkDrawProof('proof', pieces.bytesOf(text), asked, list);
  const honest = new Map(file.honest.map((entry) => [entry.name, entry]));
  for (const entry of honest.values()) {
    for (const [said, list] of [[entry.with_list, entry.list], [entry.without_list, null]]) {
      const { ok, draw: found, cosigned, caveats } = await report(entry.proof, list);
      assert.ok(ok, entry.name);
      const { draw: id, entries, index, winner, reserves, place, round, local } = said;
      assert.deepEqual(found, { draw: id, entries, index, number: index + 1, winner, reserves, place, round, local });
      assert.deepEqual(cosigned, said.cosigned.map(([name, time]) => ({ name, at: pieces.secondsText(BigInt(time)) })));
      assert.equal(caveats.includes('exclusions_believed'), said.exclusions_believed);
    }
  }
  for (const { name, proof, list, code } of file.wrong) {
    assert.deepEqual((await report(proof, list)).findings.map((finding) => finding.code), [code], name);
  }
  for (const { of, from, to, with: letters, code } of file.changed) {
    const text = [...honest.get(of).proof];
    const other = [...text.slice(0, from), letters, ...text.slice(to)].join('');
    assert.deepEqual((await report(other)).findings.map((finding) => finding.code), [code], `${of}: ${letters} at ${from}`);
  }
});

test('packets', () => {
  for (const { campaign, secret, commitment } of packet.commitments) {
    assert.equal(pieces.hexOf(luck.poolCommitment(campaign, hex(secret))), commitment);
  }
  for (const { secret, chain_hash: chain, round, randomness, pool_key: key } of packet.pool_keys) {
    assert.equal(pieces.hexOf(luck.poolKey(hex(secret), hex(chain), BigInt(round), hex(randomness))), key);
  }
  const key = hex(packet.picks_of);
  for (const { cell, ordinal, total, pick } of packet.picks) {
    assert.equal(String(luck.packetPick(key, cell, BigInt(ordinal), BigInt(total))), pick);
  }
  for (const { cell, line, place, total, pick } of packet.moves) {
    assert.equal(String(luck.movePick(key, cell, BigInt(line), BigInt(place), BigInt(total))), pick);
  }
  for (const { name, pool_key: pool, cell, tiers, count, faces, left } of packet.replays) {
    const stock = tiers.map((tier) => BigInt(tier.count));
    const took = Array.from({ length: Number(count) }, (_, ordinal) => {
      const total = stock.reduce((sum, packets) => sum + packets, 0n);
      return tiers[luck.takeAt(stock, luck.packetPick(hex(pool), cell, ordinal, total))].face;
    });
    assert.deepEqual([took, stock.map(String)], [faces, left], name);
  }
});

test('numbers, base64 and instants have one spelling each', () => {
  assert.equal(pieces.numberOf('18446744073709551615'), 2n ** 64n - 1n);
  for (const text of ['18446744073709551616', '', '00', '07', '+7', '-7', ' 7', '7\r', '7\n', '\u0667']) {
    assert.equal(pieces.numberOf(text), null, text);
  }
  for (const text of ['', 'Zg==', 'Zm8=', 'Zm9v', 'Zm9vYg==']) assert.deepEqual(pieces.bytesOfBase64(text), plain(text));
  for (const text of ['Zh==', 'Zg', 'Zg=', 'Zg===', 'Zm9=', 'Zm9v=', 'Zm9v\n', ' Zm9v', 'Zm-v', 'Zm_v', 'Zm9vZ', '\u00e9', '====']) {
    assert.equal(pieces.bytesOfBase64(text), null, text);
  }
  assert.equal(pieces.instantOf('2000-02-29T23:59:59.999Z'), 951868799999);
  assert.equal(pieces.instantOf('0000-01-01T00:00:00.000Z'), -62167219200000);
  for (const text of ['2018-07-15T00:00:00Z', '1900-02-29T00:00:00.000Z', '2018-07-15T24:00:00.000Z', '2018-07-15T00:00:60.000Z', '9999-12-31T00:00:00.000Z']) {
    assert.equal(pieces.instantOf(text), null, text);
  }
  assert.equal(pieces.instantOfRfc3339('2018-07-15T08:30:00.0019999+08:30'), 1531612800001);
});

test('JSON is canonical or refused', () => {
  const fine = ['{"a":1,"b":[]}', '"\u00e9\\u0007\\n"', '{"\u{1f600}":1,"\ufb33":2}', '['.repeat(127) + ']'.repeat(127), '{"__proto__":1}'];
  for (const text of fine) pieces.canonical(pieces.bytesOf(text));
  const wrong = ['{"a":1, "b":[]}', '{"b":[],"a":1}', '{"a":1,"a":1}', '{"a":1,"\\u0062":[]}', '{"a":-0}', '{}\n', '{', '1.0', '1e3', '0.5'];
  wrong.push('9007199254740992', '-9007199254740992', '9007199254740993', 'NaN', '"\\ud800"', '"\\/"', '{"\ufb33":2,"\u{1f600}":1}', '\ufeff{}', '');
  wrong.push('['.repeat(128) + ']'.repeat(128), '['.repeat(60000));
  for (const text of wrong) {
    assert.equal(refused(() => pieces.canonical(pieces.bytesOf(text))), 'statement_not_canonical', text.slice(0, 80));
  }
  assert.equal(refused(() => pieces.canonical(Uint8Array.of(0x22, 0xff, 0x22))), 'statement_not_canonical');
});

test('Ed25519 is strict', () => {
  // RFC 8032, 7.1, test 2.
  const key = hex('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c');
  const signature = hex(
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
  const message = Uint8Array.of(0x72);
  assert.ok(verifies(key, pointOf(key), message, signature));
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const s = BigInt(`0x${pieces.hexOf(signature.slice(32).reverse())}`) + order;
  const again = pieces.joined(signature.slice(0, 32), hex(s.toString(16).padStart(64, '0')).reverse());
  assert.ok(!verifies(key, pointOf(key), message, again));
  assert.ok(!verifies(key, pointOf(key), Uint8Array.of(0x73), signature));
  for (const small of ['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`]) assert.ok(pointOf(hex(small)).isSmallOrder());
  for (const second of [`ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`, `01${'00'.repeat(30)}80`, 'ff'.repeat(32)]) {
    assert.equal(pointOf(hex(second)), null, second);
  }
  const nothing = hex(`01${'00'.repeat(31)}`);
  assert.ok(!verifies(nothing, pointOf(nothing), new Uint8Array(0), pieces.joined(nothing, new Uint8Array(32))));
});
