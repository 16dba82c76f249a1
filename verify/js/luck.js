// Public randomness (drand), selection without bias, packets of a sealed stock, draws.

import { bls12_381 as bls } from './vendor/noble-curves/bls12-381.js';
import { be32, be64, bigOf, bytesOf, bytesOfHex, equal, hexOf, joined, numberOf, refusalOf, refuse, sha256 } from './pieces.js';

// --- the beacon: rounds with a signature each, on G1 of BLS12-381

const PRIME = bls.fields.Fp.ORDER;
const TAG = 'BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_';
const SCHEME = 'bls-unchained-g1-rfc9380';
const FASTNET_SCHEME = 'bls-unchained-on-g1';
const FASTNET_HASH = 'dbd506d6ef76e5f386f41c651dcb808c5bcbd75471cc4eafa3f4df7ad4e4c493';

/** Who signs, since when, and how often. */
export class Chain {
  constructor(publicKey, genesisS, periodS, groupHash, beaconId) {
    this.publicKey = publicKey;
    this.genesisS = BigInt(genesisS);
    this.periodS = BigInt(periodS);
    const id = beaconId === 'default' ? '' : beaconId;
    const genesis = be64(BigInt.asUintN(64, this.genesisS));
    this.hash = hexOf(sha256(be32(periodS), genesis, publicKey, groupHash, id));
  }

  /** The first round whose time is at or after that (milliseconds); at least 1. A BigInt. */
  roundAt(timeMs) {
    const since = BigInt(timeMs) - this.genesisS * 1000n;
    const period = this.periodS * 1000n;
    return since <= 0n ? 1n : (since + period - 1n) / period + 1n;
  }

  /** The time of a round in seconds, a BigInt; null for round 0 and for those after the end of time. */
  timeS(round) {
    const time = this.genesisS + (BigInt(round) - 1n) * this.periodS;
    return BigInt(round) > 0n && time < 2n ** 63n ? time : null;
  }
}

/** A chain by its info, as relays answer it; its hash is computed again. */
export function chainOfInfo(info) {
  if (info.schemeID === FASTNET_SCHEME) refuse('fastnet', 'fastnet does not hash as RFC 9380 has it');
  if (info.schemeID !== SCHEME) refuse('scheme', `only ${SCHEME} is accepted`);
  if (info.period === 0) refuse('period_zero', 'the period is 0 seconds');
  const key = bytesOfHex(info.public_key, 96);
  if (!key || !keyOf(key)) refuse('public_key', 'the public key is not a compressed point of G2 of prime order');
  const chain = new Chain(key, info.genesis_time, info.period, bytesOfHex(info.groupHash, 32), info.metadata.beaconID);
  if (chain.hash !== info.hash) refuse('hash', `the info hashes to ${chain.hash}`);
  if (info.hash === FASTNET_HASH) refuse('fastnet', 'fastnet does not hash as RFC 9380 has it');
  return chain;
}

export const QUICKNET = new Chain(
  bytesOfHex(
    '83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451' +
      '0d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a',
  ),
  1692803367,
  3,
  bytesOfHex('f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e'),
  'quicknet',
);
/** Its key is known to everybody: what is drawn from it is no public draw. */
export const LOCAL = new Chain(
  bytesOfHex(
    '8712abcde1d98aeaeee411bd08e16b183f9e0d14afbf004d09c9606235395ce5486cb471da9028bfaaabf4e1fd1b0ada' +
      '058c942682afb9f558ef96167a6038937d4f5a503554ca8e6a01054c510c8eba0eb27fe1bc368600c924ee2c8ebed111',
  ),
  946684800,
  3,
  sha256('koi/local-group/v1\n'),
  'koi-local',
);
/** By their hashes, in hexadecimal. */
export const CHAINS = new Map([QUICKNET, LOCAL].map((chain) => [chain.hash, chain]));

/** The point of a public key in its one encoding; null for anything else. */
function keyOf(bytes) {
  if ((bytes[0] & 0xc0) !== 0x80) return null;
  try {
    const point = bls.G2.Point.fromBytes(bytes);
    point.assertValidity();
    return equal(point.toBytes(true), bytes) ? point : null;
  } catch {
    return null;
  }
}

/** The point of 48 bytes that are its one encoding: a second one would be a second outcome. */
function signatureOf(bytes) {
  if (bytes.length !== 48) refuse('signature_length', `the signature has ${bytes.length} bytes; a compressed point of G1 has 48`);
  if (!(bytes[0] & 0x80)) refuse('not_compressed', 'the signature is not a compressed point');
  if (bytes[0] & 0x40) refuse('infinity', 'the signature is the point at infinity, which signs nothing');
  const x = bigOf(bytes) & (2n ** 381n - 1n);
  if (x >= PRIME) refuse('not_reduced', 'the signature is a second encoding of a point');
  const { Fp } = bls.fields;
  const square = Fp.create(x ** 3n + 4n);
  let y;
  try {
    y = Fp.sqrt(square);
  } catch {
    refuse('not_on_curve', 'the signature is no point of the curve');
  }
  const isLarger = y > (PRIME - 1n) / 2n;
  const point = bls.G1.Point.fromAffine({ x, y: isLarger === Boolean(bytes[0] & 0x20) ? y : Fp.neg(y) });
  if (!point.isTorsionFree()) refuse('outside_group', 'the signature is a point of the curve, but not of the group of prime order');
  return point;
}

function checkBeacon(chain, round, bytes, randomness) {
  if (BigInt(round) === 0n) refuse('round_zero', 'round 0 does not exist');
  const signature = signatureOf(bytes);
  const key = keyOf(chain.publicKey);
  const message = bls.shortSignatures.hash(sha256(be64(round)), TAG);
  const same = bls.pairingBatch([
    { g1: signature, g2: bls.G2.Point.BASE.negate() },
    { g1: message, g2: key },
  ]);
  if (!bls.fields.Fp12.eql(same, bls.fields.Fp12.ONE)) {
    refuse('signature_wrong', "the signature is not that of this round by this chain's key");
  }
  if (randomness && !equal(sha256(bytes), randomness)) refuse('randomness_wrong', 'the randomness is not the SHA-256 of the signature');
}

const checked = new Map();

/** What is wrong with a round, as a Refused; null if nothing is. Campaigns share rounds, and a pairing takes a while. */
export function beaconWrong(chain, round, signature, randomness) {
  const name = [chain.hash, round, hexOf(signature), randomness ? hexOf(randomness) : ''].join();
  if (!checked.has(name)) {
    if (checked.size > 1000) checked.clear();
    checked.set(name, refusalOf(() => checkBeacon(chain, round, signature, randomness)));
  }
  return checked.get(name);
}

// --- selection without bias

/** value mod total, or null for a value that would favour small remainders. BigInts. */
export function fair(value, total) {
  return value < (2n ** 256n / total) * total ? value % total : null;
}

/** The number below `total` (a BigInt) that the first fair one of SHA256(begun ‖ BE32(t)), t = 0, 1, 2 …, comes to. */
export function firstFair(total, begun) {
  for (let attempt = 0; ; attempt++) {
    const found = fair(bigOf(sha256(begun, be32(attempt))), total);
    if (found !== null) return found;
  }
}

// --- packets of a sealed stock

export const poolCommitment = (campaign, secret) => sha256('koi/pool/v1\n', campaign, '\n', secret);

export const poolKey = (secret, chainHash, round, randomness) =>
  sha256('koi/pool-key/v1\n', secret, chainHash, be64(round), randomness);

const PACKET_TAG = bytesOf('koi/packet/v1\n');
const MOVE_TAG = bytesOf('koi/move/v1\n');

export const packetPick = (key, cell, ordinal, total) =>
  firstFair(BigInt(total), joined(PACKET_TAG, key, be32(cell), be64(ordinal)));

export const movePick = (key, cell, line, place, total) =>
  firstFair(BigInt(total), joined(MOVE_TAG, key, be32(cell), be64(line), be64(place)));

/** Takes packet number `pick` of those that are left (of the same type), in the order of the tiers, and answers its tier. */
export function takeAt(left, pick) {
  let rest = pick;
  for (const [tier, count] of left.entries()) {
    if (rest < count) {
      left[tier]--;
      return tier;
    }
    rest -= count;
  }
  throw new Error('a pick is below the number of packets');
}

// --- draws: one winner and k reserves of n entries. Indices are BigInts

const INDICES_MAX = 10_000_000;

export const entryLeaf = (draw, salt, externalId) => sha256('koi/entry/v1\n', draw, '\n', salt, externalId);

export const drawSeed = (rulesHash, root, entries, chainHash, round, randomness) =>
  sha256('koi/draw/v1\n', rulesHash, root, be64(entries), chainHash, be64(round), randomness);

/**
 * `count` indices that are neither excluded nor among `before`, each once. `excluded` ascends. `passed` is told the excluded ones
 * that were met, in this order.
 */
function drawn(tag, seed, entries, excluded, count, before, passed) {
  if (excluded.length && excluded.at(-1) >= entries) refuse('excluded_nobody', `entry ${excluded.at(-1)} is excluded, but there are ${entries}`);
  const gone = BigInt(excluded.length + before.length);
  if (BigInt(count) + gone > entries) refuse('too_few_entries', `${count} entries are asked for, more than can be taken`);
  if (count > INDICES_MAX) refuse('too_many', `${count} entries are asked for; at most ${INDICES_MAX} are drawn at once`);
  const [out, taken, found] = [new Set(excluded), new Set(before), []];
  for (let number = 0; found.length < count; number++) {
    if (number > 0xffffffff) refuse('blocks_exhausted', '2^32 blocks did not find enough entries');
    const index = firstFair(entries, joined(bytesOf(tag), seed, be32(number)));
    if (taken.has(index)) continue;
    taken.add(index);
    (out.has(index) ? passed : found).push(index);
  }
  return found;
}

export const drawOutcome = (seed, entries, excluded, reserves, passed = []) =>
  drawn('koi/block/v1\n', seed, entries, excluded, 1 + reserves, [], passed);

export const auditSample = (seed, entries, excluded, outcome, count) =>
  drawn('koi/audit/v1\n', seed, entries, excluded, count, outcome, []);

export const EXCLUSIONS_HEADING = 'koi/exclusions/v1\n';

/** The indices and reasons of a published list of exclusions; throws an Error unless it is in its one spelling. */
export function exclusionsOf(text) {
  if (!text.startsWith(EXCLUSIONS_HEADING) || !text.endsWith('\n')) {
    throw new Error('the list of exclusions does not begin with its heading or end in a newline');
  }
  const found = [];
  for (const line of text.slice(EXCLUSIONS_HEADING.length).split('\n').slice(0, -1)) {
    const [, digits, reason] = /^([0-9]+) ([a-z0-9_]{1,64})$/.exec(line) ?? [];
    const index = digits === undefined ? null : numberOf(digits);
    if (index === null || (found.length && index <= found.at(-1).index)) {
      throw new Error(`${JSON.stringify(line)} is no exclusion: an index above the one before, and the code of a reason`);
    }
    found.push({ index, reason });
  }
  return found;
}
