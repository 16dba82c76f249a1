// Ed25519 (RFC 8032), signed notes, checkpoints, and cosignatures of witnesses (C2SP signed-note, tlog-checkpoint, tlog-cosignature).

import { edwards } from './vendor/noble-curves/abstract/edwards.js';
import { sha512 } from './vendor/noble-hashes/sha2.js';
import { bigOf, bytesOf, bytesOfBase64, equal, hexOf, joined, numberOf, refuse, secondsText, sha256 } from './pieces.js';

export const NOTE_BYTES_MAX = 1_000_000;
const SIGNATURES_MAX = 100;
export const TYPE_NOTE = 0x01;
export const TYPE_WITNESS = 0x04;

// --- Ed25519, strict: one encoding of every point and number, no points of small order, no cofactor

const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const Point = edwards({
  p: 2n ** 255n - 19n,
  n: ORDER,
  h: 8n,
  a: 2n ** 255n - 20n,
  d: 0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3n,
  Gx: 0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51an,
  Gy: 0x6666666666666666666666666666666666666666666666666666666666666658n,
});

const littleEndian = (bytes) => bigOf(Uint8Array.from(bytes).reverse());

/** The point of 32 bytes in its one encoding; null for anything else. */
export function pointOf(bytes) {
  try {
    const point = Point.fromBytes(bytes);
    return equal(point.toBytes(), bytes) ? point : null;
  } catch {
    return null;
  }
}

/** Whether 64 bytes are the signature of a message by a key, whose point is given. */
export function verifies(key, point, message, signature) {
  if (signature.length !== 64) return false;
  const [r, s] = [signature.subarray(0, 32), littleEndian(signature.subarray(32))];
  if (s >= ORDER) return false;
  const k = littleEndian(sha512(joined(r, key, message))) % ORDER;
  const found = Point.BASE.multiplyUnsafe(s).add(point.multiplyUnsafe(k).negate());
  return equal(found.toBytes(), r) && !found.isSmallOrder();
}

// --- keys: `<name>+<id>+<base64 of type and key>`

const NAME_REFUSED = /[\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]/;
const isName = (name) => name !== '' && !NAME_REFUSED.test(name);

/** Splits at the first place where a separator stands. */
function split(text, separator) {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** A name, a type and an Ed25519 key. Throws an Error unless it is a sound key of this type. */
export class Key {
  constructor(text, kind) {
    const [name, rest] = split(text, '+');
    const [id, encoded] = split(rest, '+');
    const typed = bytesOfBase64(encoded);
    if (!isName(name) || !/^[0-9a-f]{8}$/.test(id) || !typed || !typed.length) {
      throw new Error('a key is a name, an id and base64 with + between them');
    }
    this.text = text;
    this.name = name;
    this.bytes = typed.subarray(1);
    this.id = sha256(name, '\n', typed).subarray(0, 4);
    if (hexOf(this.id) !== id) throw new Error('the id of the key is not that of its name and bytes');
    if (typed[0] !== kind) throw new Error(`the key is of type ${typed[0]}, not ${kind}: logs sign notes, witnesses cosign`);
    this.point = this.bytes.length === 32 ? pointOf(this.bytes) : null;
    if (!this.point || this.point.isSmallOrder()) throw new Error('the key is not a sound Ed25519 key');
  }

  verifies(message, signature) {
    return verifies(this.bytes, this.point, message, signature);
  }
}

// --- notes

function signatureOf(line) {
  const [dash, rest] = split(line, ' ');
  const [name, encoded] = split(rest, ' ');
  const bytes = bytesOfBase64(encoded);
  if (dash !== '\u2014' || !isName(name) || !bytes || bytes.length < 5) {
    refuse('note_malformed', 'a line under the text is not a signature');
  }
  return { name, id: bytes.subarray(0, 4), bytes: bytes.subarray(4) };
}

/** A text, and the signatures under it. Nothing is verified yet. */
export class Note {
  constructor(note) {
    if (bytesOf(note).length > NOTE_BYTES_MAX) refuse('note_malformed', 'the note is too long');
    if (/[\u0000-\u0009\u000b-\u001f]/.test(note)) refuse('note_malformed', 'the note has a control character');
    if (!note.endsWith('\n')) refuse('note_malformed', 'the note does not end in a newline');
    // The text may have empty lines, the signatures may not: the last one separates them.
    const end = note.lastIndexOf('\n\n');
    const lines = note.slice(end + 2).split('\n').slice(0, -1);
    if (end < 0 || !lines.length) refuse('note_malformed', 'no empty line separates the text from the signatures');
    if (lines.length > SIGNATURES_MAX) refuse('note_malformed', 'the note has too many signatures');
    this.text = note.slice(0, end + 1);
    this.signatures = lines.map(signatureOf);
  }

  /** What stands under the name and id of a key. */
  of(key) {
    return this.signatures.filter(({ name, id }) => name === key.name && equal(id, key.id)).map(({ bytes }) => bytes);
  }

  /** The text, if the key signed it once and rightly. */
  opened(key) {
    const found = this.of(key);
    if (!found.length) refuse('signature_missing', `${key.name} did not sign it`);
    if (found.length > 1) refuse('signed_twice', `${key.name} signed it twice`);
    if (!key.verifies(bytesOf(this.text), found[0])) refuse('signature_wrong', `the signature of ${key.name} is not right`);
    return this.text;
  }
}

/** How large a log is, and its root; by the log of this key. `size` is a BigInt. */
export class Checkpoint {
  constructor(note, key) {
    this.note = new Note(note);
    const signers = new Set(this.note.signatures.map(({ name, id }) => `${name} ${hexOf(id)}`));
    if (signers.size < this.note.signatures.length) refuse('signed_twice', 'two signatures of the checkpoint are of the same key');
    const lines = this.note.text.split('\n').slice(0, -1);
    if (lines.length < 3 || lines.includes('')) {
      refuse('checkpoint_malformed', 'a checkpoint has an origin, a size and a root, and no empty line');
    }
    this.origin = lines[0];
    this.size = numberOf(lines[1]);
    this.root = bytesOfBase64(lines[2]);
    this.extensions = lines.slice(3);
    if (this.size === null || this.root?.length !== 32) {
      refuse('checkpoint_malformed', 'the size or the root is not in its one spelling');
    }
    if (this.size === 0n && !equal(this.root, sha256())) {
      refuse('checkpoint_malformed', 'the root of an empty log is not the hash of nothing');
    }
    if (this.origin !== key.name) refuse('checkpoint_origin', `it is the checkpoint of ${this.origin}, not of ${key.name}`);
    this.note.opened(key);
  }
}

/** Named witnesses, and how many of them must have cosigned. Throws an Error if they cannot make a quorum. */
export class Quorum {
  constructor(witnesses, needed) {
    if (needed > witnesses.length) throw new Error(`${needed} witnesses are needed of ${witnesses.length}`);
    const names = new Set(witnesses.map((key) => key.name));
    const keys = new Set(witnesses.map((key) => hexOf(key.bytes)));
    if (Math.min(names.size, keys.size) < witnesses.length) throw new Error('a witness is named twice: it would count for two');
    this.witnesses = witnesses;
    this.needed = needed;
  }

  /** Who cosigned, each with its time in seconds (a BigInt); with `before`, only those earlier than that. */
  reached(note, before = null) {
    const found = [];
    for (const key of this.witnesses) {
      const cosignatures = note.of(key);
      if (!cosignatures.length) continue;
      const wrong = () => refuse('cosignature_wrong', `the cosignature of ${key.name} is not right`);
      if (cosignatures.length > 1 || cosignatures[0].length < 8) wrong();
      const time = bigOf(cosignatures[0].subarray(0, 8));
      if (time < 1n || time >= 2n ** 63n) refuse('cosignature_time', `the cosignature of ${key.name} has no time`);
      const message = bytesOf(`cosignature/v1\ntime ${time}\n${note.text}`);
      if (!key.verifies(message, cosignatures[0].subarray(8))) wrong();
      found.push({ name: key.name, time });
    }
    if (found.length < this.needed) {
      refuse('quorum_too_few', `${found.length} of the witnesses cosigned, ${this.needed} are needed`);
    }
    const inTime = found.filter(({ time }) => before === null || time < BigInt(before));
    if (inTime.length < this.needed) {
      refuse('quorum_too_late', `${inTime.length} witnesses cosigned early enough, ${this.needed} are needed`);
    }
    return inTime;
  }
}

export const cosignedText = (cosignatures) => cosignatures.map(({ name, time }) => ({ name, at: secondsText(time) }));
