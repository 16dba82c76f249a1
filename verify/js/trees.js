// Merkle trees (RFC 6962), proofs that a person keeps (C2SP tlog-proof), and the files of a log (C2SP tlog-tiles).

import { Checkpoint } from './notes.js';
import { bytesOfBase64, equal, joined, numberOf, refuse, Refused, sha256 } from './pieces.js';

export const WIDTH = 256; // hashes of a tile, entries of a bundle
const HASHES_MAX = 64; // of a proof: no tree is higher
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export const leafHash = (entry) => sha256(LEAF, entry);
export const nodeHash = (left, right) => sha256(NODE, left, right);

/** The root over hashes whose number is a power of two. */
function completeRoot(hashes) {
  let level = hashes;
  while (level.length > 1) {
    level = Array.from({ length: level.length / 2 }, (_, place) => nodeHash(level[2 * place], level[2 * place + 1]));
  }
  return level[0];
}

/** A tree that grows: the roots of its complete subtrees, from the left, are enough. */
export class Tree {
  constructor() {
    this.size = 0;
    this.peaks = [];
  }

  append(leaf) {
    let hash = leaf;
    for (let size = this.size; size % 2 === 1; size = (size - 1) / 2) hash = nodeHash(this.peaks.pop(), hash);
    this.peaks.push(hash);
    this.size += 1;
  }

  root() {
    return this.peaks.length ? this.peaks.reduceRight((right, left) => nodeHash(left, right)) : sha256();
  }
}

const bitsOf = (number) => (number === 0n ? 0 : number.toString(2).length);
const onesOf = (number) => number.toString(2).replaceAll('0', '').length;

function checkLength(proof, needed) {
  if (proof.length !== needed) refuse('inclusion_length', `the proof has ${proof.length} hashes, it needs ${needed}`);
}

/** How many hashes of a path lie below where it leaves the right edge of the tree, and how many above. */
function pathOf(index, last) {
  const inner = bitsOf(index ^ last);
  return [inner, onesOf(index >> BigInt(inner))];
}

/** That a leaf's hash is number `index` of the `size` under this root (RFC 9162, 2.1.3.2). Both are BigInts. */
export function checkInclusion(index, size, leaf, proof, root) {
  if (index >= size) refuse('inclusion_index', 'the index is not below the size');
  const [inner, border] = pathOf(index, size - 1n);
  checkLength(proof, inner + border);
  const step = (hash, beside, level) => {
    const isLeft = level < inner && ((index >> BigInt(level)) & 1n) === 0n;
    return isLeft ? nodeHash(hash, beside) : nodeHash(beside, hash);
  };
  if (!equal(proof.reduce(step, leaf), root)) refuse('inclusion_root', 'the proof does not lead to the root');
}

/** That the tree of `size` leaves begins with that of `oldSize` (RFC 9162, 2.1.4.2). */
export function checkConsistency(oldSize, size, oldRoot, root, proof) {
  if (oldSize > size) refuse('inclusion_root', 'the old size is above the new one');
  if (oldSize === 0n || oldSize === size) {
    checkLength(proof, 0);
    const differs = oldSize === 0n ? !equal(oldRoot, sha256()) : false;
    if (differs || (oldSize === size && !equal(oldRoot, root))) refuse('inclusion_root', 'the roots differ');
    return;
  }
  const level = BigInt(bitsOf(oldSize & -oldSize) - 1);
  const index = (oldSize - 1n) >> level;
  const [inner, border] = pathOf(index, (size - 1n) >> level);
  // With the last complete subtree of the old tree; otherwise that is the whole of it.
  const begins = index === 0n ? 0 : 1;
  checkLength(proof, inner + border + begins);
  let old = begins ? proof[0] : oldRoot;
  let now = old;
  for (const [place, beside] of proof.slice(begins).entries()) {
    if (place < inner && ((index >> BigInt(place)) & 1n) === 0n) {
      now = nodeHash(now, beside);
    } else {
      [old, now] = [nodeHash(beside, old), nodeHash(beside, now)];
    }
  }
  if (!equal(old, oldRoot) || !equal(now, root)) refuse('inclusion_root', 'the proof does not lead to the roots');
}

// --- proofs

export const PROOF_HEADER = 'c2sp.org/tlog-proof@v1';

/** `extra` (or null), `index` (a BigInt), `hashes`, and the text of a checkpoint, unverified. */
export class LogProof {
  constructor(text) {
    const end = text.indexOf('\n\n');
    const lines = text.slice(0, Math.max(end, 0)).split('\n');
    const malformed = () => refuse('proof_malformed', "the proof's own lines are not those of a tlog-proof of version 1");
    if (end < 0 || lines.shift() !== PROOF_HEADER || !lines.length) malformed();
    this.checkpoint = text.slice(end + 2);
    this.extra = null;
    if (lines[0].startsWith('extra ')) {
      this.extra = bytesOfBase64(lines.shift().slice(6));
      if (this.extra === null) malformed();
    }
    if (!lines.length || !lines[0].startsWith('index ')) malformed();
    this.index = numberOf(lines.shift().slice(6));
    this.hashes = lines.map(bytesOfBase64);
    const sound = this.hashes.every((hash) => hash?.length === 32);
    if (this.index === null || !sound || this.hashes.length > HASHES_MAX) malformed();
  }

  /** The checkpoint and its cosignatures, if the log signed it and the witnesses are enough. */
  opened(key, quorum, before = null) {
    const checkpoint = new Checkpoint(this.checkpoint, key);
    return { checkpoint, cosignatures: quorum.reached(checkpoint.note, before) };
  }

  check(entry, checkpoint) {
    checkInclusion(this.index, checkpoint.size, leafHash(entry), this.hashes, checkpoint.root);
  }
}

// --- tiles

/** `kind` is a level or "entries". */
export function tilePath(kind, index, width) {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, '0');
  const groups = padded.match(/.{3}/g);
  const path = groups.map((group, place) => (place < groups.length - 1 ? `x${group}` : group)).join('/');
  return `tile/${kind}/${path}${width < WIDTH ? `.p/${width}` : ''}`;
}

/** Kind, index (a BigInt) and width of a path in its one spelling; null for anything else. */
export function tileOfPath(path) {
  const match = /^tile\/(entries|[0-9]+)\/((?:x[0-9]{3}\/)*[0-9]{3})(?:\.p\/([0-9]+))?$/.exec(path);
  if (!match) return null;
  const level = match[1] === 'entries' ? 0n : numberOf(match[1]);
  const kind = match[1] === 'entries' ? 'entries' : Number(level);
  const index = BigInt(match[2].replace(/[x/]/g, ''));
  const width = match[3] === undefined ? WIDTH : Number(numberOf(match[3]) ?? 0n);
  if (level === null || level > 63n || width < 1 || width > WIDTH || index >= 2n ** 64n) return null;
  return tilePath(kind, index, width) === path ? { kind, index, width } : null;
}

/** The entries of a bundle, which must be `width`: each stands after its length in two bytes. */
export function entriesOf(bundle, width) {
  const entries = [];
  let place = 0;
  for (let number = 0; number < width; number++) {
    const length = place + 2 <= bundle.length ? (bundle[place] << 8) | bundle[place + 1] : Infinity;
    if (place + 2 + length > bundle.length) refuse('bundle_malformed', `the bundle ends within entry ${number} of it`);
    entries.push(bundle.subarray(place + 2, place + 2 + length));
    place += 2 + length;
  }
  if (place < bundle.length) refuse('bundle_malformed', `${bundle.length - place} bytes follow the last entry of the bundle`);
  return entries;
}

/** The tiles and bundles of a log of a certain size. `files.read(name, most)` answers bytes, or null if the file is not there. */
export class Tiles {
  constructor(files, size) {
    this.files = files;
    this.size = size;
  }

  /** The bytes of a tile or a bundle. A partial one that is gone is cut from the full one. */
  async read(kind, index, width) {
    const most = kind === 'entries' ? 2 + 0xffff : 32;
    let bytes = await this.files.read(tilePath(kind, index, width), width * most);
    if (!bytes && width < WIDTH) {
      bytes = await this.files.read(tilePath(kind, index, WIDTH), WIDTH * most);
      if (bytes) bytes = bytes.subarray(0, kind === 'entries' ? lengthOf(entriesOf(bytes, WIDTH), width) : width * 32);
    }
    if (!bytes) refuse('tile_missing', 'the file is not there', { file: tilePath(kind, index, width) });
    return bytes;
  }

  /** The entries, bundle by bundle. */
  async *bundles() {
    for (let index = 0; index * WIDTH < this.size; index++) {
      const width = Math.min(WIDTH, this.size - index * WIDTH);
      yield { index, entries: entriesOf(await this.read('entries', index, width), width) };
    }
  }

  async compare(level, index, hashes) {
    const file = tilePath(level, index, hashes.length);
    const bytes = await this.read(level, index, hashes.length);
    if (bytes.length !== 32 * hashes.length) {
      refuse('tile_length', `it has ${bytes.length} bytes, not 32 for each of ${hashes.length} hashes`, { file });
    }
    if (!equal(bytes, joined(...hashes))) refuse('tile_differs', 'it does not belong to the entries', { file });
  }

  /** Builds the tree from all entries, and compares every tile with it, and the root. */
  async audit(root, watch) {
    const levels = Array.from({ length: 9 }, () => []); // the hashes of the tile at the right end of each level
    for await (const { index, entries } of this.bundles()) {
      levels[0] = entries.map(leafHash);
      for (let level = 0; levels[level].length === WIDTH; level++) {
        await this.compare(level, Math.floor(index / WIDTH ** level), levels[level]);
        levels[level + 1].push(completeRoot(levels[level]));
        levels[level] = [];
      }
      await watch(index * WIDTH + entries.length);
    }
    const tree = []; // the roots of complete subtrees, from the right
    for (const [level, hashes] of levels.entries()) {
      if (hashes.length) await this.compare(level, Math.floor(this.size / WIDTH ** (level + 1)), hashes);
      let end = hashes.length;
      for (let power = 1; power < WIDTH; power *= 2) {
        if (end & power) {
          tree.push(completeRoot(hashes.slice(end - power, end)));
          end -= power;
        }
      }
    }
    const found = tree.length ? tree.reduce((right, left) => nodeHash(left, right)) : sha256();
    if (!equal(found, root)) refuse('root_differs', 'the entries do not belong to the root');
  }
}

function lengthOf(entries, count) {
  return entries.slice(0, count).reduce((sum, entry) => sum + 2 + entry.length, 0);
}

/** An inclusion proof of which each reason has the name of its stage. */
export function checkStage(stage, index, size, entry, hashes, root) {
  try {
    checkInclusion(BigInt(index), BigInt(size), leafHash(entry), hashes, root);
  } catch (why) {
    if (why instanceof Refused) refuse(why.code.replace('inclusion', stage), why.message);
    throw why;
  }
}
