// The pieces that everything is made of: numbers, base64, hexadecimal, instants, canonical JSON (RFC 8785). Each value has exactly
// one spelling, and every other one is refused: two spellings of one meaning would be two different bytes under a signature.

import { sha256 as sha256Of } from './vendor/noble-hashes/sha2.js';

export const NUMBER_MAX = Number.MAX_SAFE_INTEGER; // of JSON: 2^53 - 1, what every reader has exactly
const U64_MAX = 2n ** 64n - 1n;
const DEPTH_MAX = 127; // of JSON: lists and objects within each other

/** Something is wrong. `code` is stable, the rest is for people. */
export class Refused extends Error {
  constructor(code, detail, where = {}) {
    super(detail);
    this.code = code;
    this.where = where;
  }

  finding(more = {}) {
    return { code: this.code, ...this.where, ...more, detail: this.message };
  }
}

/** Nothing can be said: no such file, no answer, a wrong call. */
export class CannotRun extends Error {}

export function refuse(code, detail, where) {
  throw new Refused(code, detail, where);
}

/** What is wrong, as the error that a check throws; other errors are thrown on. */
export function refusalOf(check) {
  try {
    check();
  } catch (why) {
    if (why instanceof Refused) return why;
    throw why;
  }
  return null;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export const bytesOf = (text) => encoder.encode(text);

/** The text of UTF-8; null for anything else. */
export function utf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

export function joined(...parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let place = 0;
  for (const part of parts) {
    all.set(part, place);
    place += part.length;
  }
  return all;
}

/** SHA-256 of parts; texts count as their UTF-8. */
export const sha256 = (...parts) => sha256Of(joined(...parts.map((part) => (typeof part === 'string' ? bytesOf(part) : part))));

export function equal(one, other) {
  return one.length === other.length && one.every((byte, place) => byte === other[place]);
}

/** Four big-endian bytes. */
export function be32(number) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
}

/** Eight big-endian bytes. */
export function be64(number) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(number));
  return bytes;
}

/** A decimal below 2^64 without sign or leading zeros, as a BigInt; null for anything else. */
export function numberOf(text) {
  if (!/^(?:0|[1-9][0-9]{0,19})$/.test(text)) return null;
  const number = BigInt(text);
  return number <= U64_MAX ? number : null;
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...LETTERS].map((letter, value) => [letter, value]));

export function base64Of(bytes) {
  let text = '';
  for (let place = 0; place < bytes.length; place += 3) {
    const [one, two = 0, three = 0] = bytes.subarray(place, place + 3);
    const bits = (one << 16) | (two << 8) | three;
    const left = bytes.length - place;
    text += LETTERS[bits >> 18] + LETTERS[(bits >> 12) & 63];
    text += (left > 1 ? LETTERS[(bits >> 6) & 63] : '=') + (left > 2 ? LETTERS[bits & 63] : '=');
  }
  return text;
}

/** The bytes of base64 in its one spelling (RFC 4648, 4, with padding); null for anything else. */
export function bytesOfBase64(text) {
  if (text.length % 4 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const digits = text.replace(/=+$/, '');
  const bytes = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let bits = 0;
  let place = 0;
  for (const [index, digit] of [...digits].entries()) {
    bits = ((bits << 6) | VALUES.get(digit)) & 0xffffff;
    if (index % 4 > 0) bytes[place++] = (bits >> (6 - 2 * (index % 4))) & 0xff;
  }
  return base64Of(bytes) === text ? bytes : null;
}

export const hexOf = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** The bytes of lower-case hexadecimal; null for anything else. */
export function bytesOfHex(text, length = null) {
  if (typeof text !== 'string' || text.length % 2 || !/^[0-9a-f]*$/.test(text)) return null;
  const bytes = Uint8Array.from({ length: text.length / 2 }, (_, place) => parseInt(text.slice(2 * place, 2 * place + 2), 16));
  return length === null || bytes.length === length ? bytes : null;
}

/** The big-endian number of bytes. */
export const bigOf = (bytes) => BigInt(`0x${hexOf(bytes) || '0'}`);

// --- instants: milliseconds since 1970

/** Days since 1970-01-01 of a real date of the years 0 to 9999; null for any other. */
function daysOf(year, month, day) {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const lengths = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  if (month < 1 || month > 12 || day < 1 || day > lengths[month - 1]) return null;
  const before = year - 1;
  const leaps = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400);
  return before * 365 + leaps + lengths.slice(0, month - 1).reduce((sum, days) => sum + days, 0) + day - 719163;
}

const INSTANT = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{3})Z$/;
const RFC3339 =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))$/;
const INSTANT_MAX = 253402207200999; // 9999-12-30T22:00:00.999Z: it has a date in the years up to 9999 everywhere

/** Milliseconds of an instant in its one spelling, such as 2018-07-15T00:00:00.000Z; null for anything else. */
export function instantOf(text) {
  const match = typeof text === 'string' ? INSTANT.exec(text) : null;
  if (!match) return null;
  const [year, month, day, hour, minute, second, millisecond] = match.slice(1).map(Number);
  const days = daysOf(year, month, day);
  if (days === null || hour > 23 || minute > 59 || second > 59) return null;
  const instant = (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + millisecond;
  return instant <= INSTANT_MAX ? instant : null;
}

/** The same of an instant with any offset and precision, as campaign documents have them; cut to the millisecond. */
export function instantOfRfc3339(text) {
  const match = typeof text === 'string' ? RFC3339.exec(text) : null;
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number);
  const [fraction = '0', sign, offsetHours, offsetMinutes] = match.slice(7);
  const days = daysOf(year, month, day);
  if (days === null || hour > 23 || minute > 59 || second > 60) return null;
  let seconds = ((days * 24 + hour) * 60 + minute) * 60 + Math.min(second, 59);
  if (sign) {
    if (Number(offsetHours) > 23 || Number(offsetMinutes) > 59) return null;
    seconds -= (sign === '+' ? 1 : -1) * (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60;
  }
  const nanoseconds = BigInt(seconds) * 10n ** 9n + BigInt(fraction.padEnd(9, '0'));
  const instant = Number(nanoseconds / 10n ** 6n);
  return instant <= INSTANT_MAX ? instant : null;
}

/** RFC 3339 in UTC of seconds (a BigInt); plain seconds beyond the year 9999. */
export function secondsText(seconds) {
  if (seconds > BigInt(Math.floor(INSTANT_MAX / 1000))) return String(seconds);
  return new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z');
}

// --- canonical JSON: RFC 8785 for documents without fractions

function quoted(text) {
  // What is no text of Unicode has no canonical form.
  if (/\p{Surrogate}/u.test(text)) throw new SyntaxError('half of a character');
  return JSON.stringify(text);
}

/** The canonical text. Names are sorted by their UTF-16 code units, which is how JavaScript compares texts. */
export function canonicalText(value) {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new SyntaxError(`the number ${value} is not a whole one of at most 2^53 - 1`);
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const names = Object.keys(value).sort();
    return `{${names.map((name) => `${quoted(name)}:${canonicalText(value[name])}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/** Whether lists and objects of JSON are more than DEPTH_MAX within each other. */
function isDeep(text) {
  if ((text.match(/[[{]/g) ?? []).length <= DEPTH_MAX) return false;
  let depth = 0;
  let deepest = 0;
  for (const letter of text.replace(/"(?:[^"\\]|\\.)*"/gs, '')) {
    if (letter === '[' || letter === '{') deepest = Math.max(deepest, ++depth);
    if (letter === ']' || letter === '}') depth--;
  }
  return deepest > DEPTH_MAX;
}

/** Reads bytes that must be canonical JSON. */
export function canonical(bytes) {
  const text = utf8(bytes);
  if (text === null) refuse('statement_not_canonical', 'it is not in UTF-8');
  let value;
  let again = null;
  try {
    if (isDeep(text)) throw new SyntaxError('it is too deep');
    value = JSON.parse(text);
    again = canonicalText(value);
  } catch (why) {
    refuse('statement_not_canonical', `it is not canonical JSON: ${why.message}`);
  }
  if (again !== text) refuse('statement_not_canonical', 'it is JSON, but not in canonical form (RFC 8785)');
  return value;
}

/** A copy of an object with some members, in this order; those that are not there are left out. */
export const only = (object, names) => Object.fromEntries(names.filter((name) => name in object).map((name) => [name, object[name]]));
