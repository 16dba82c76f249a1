// What a leaf of the log may say: one JSON object in canonical form, of exactly the members of its kind.

import { bytesOfHex, canonical, instantOf, refuse } from './pieces.js';

export const isText = (value) => typeof value === 'string';
export const isFlag = (value) => typeof value === 'boolean';
export const isWhole = (value) => typeof value === 'number';
export const isBetween = (least, most) => (value) => typeof value === 'number' && value >= least && value <= most;
export const isCount = isBetween(0, Number.MAX_SAFE_INTEGER);
const isCell = isBetween(0, 65535);
const isRevision = isBetween(0, 2 ** 32 - 1);
export const isHash = (value) => bytesOfHex(value, 32) !== null;
export const isInstant = (value) => instantOf(value) !== null;
const isScope = (value) => value === 'issuing' || value === 'all';
export const isCounts = (value) => Array.isArray(value) && value.every(isCount);
export const isAnything = () => true;
export const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/** Whether a value is an object of exactly these members. */
export function fits(members) {
  const names = Object.keys(members);
  return (value) =>
    isObject(value) &&
    Object.keys(value).length === names.length &&
    names.every((name) => Object.hasOwn(value, name) && members[name](value[name]));
}

const isMoney = fits({ currency: isText, value: isWhole });
const isBeacon = fits({ chain: isHash, local: isFlag, round: isCount });
const ALL = { at: isInstant, campaign: isText, kind: isText, v: isWhole };
const PACKET = { cell: isCell, face: isWhole, split: isFlag };
const CHANGE = { reason: isText };
const MEMBERS = {
  rules: { beacon: isBeacon, document: isAnything, pool: isHash, revision: isRevision },
  fund: { amount: isMoney },
  opening: { randomness: isHash, round: isCount, signature: isText },
  receipt: { ...PACKET, coupon: isText, ordinal: isCount, revision: isRevision },
  put_back: { ...PACKET, ordinal: isCount },
  sent: { ...PACKET, continues: isFlag, count: isCount, into: isCell, line: isCount },
  received: { ...PACKET, count: isCount, from: isCell },
  pause: { ...CHANGE, scope: isScope },
  resume: CHANGE,
  end: CHANGE,
  close: { funded: isMoney, left: isCounts, recovered: isMoney, returned: isMoney, spent: isMoney },
  reveal: { secret: isHash },
};
const SHAPES = new Map(Object.entries(MEMBERS).map(([kind, members]) => [kind, fits({ ...ALL, ...members })]));

/** What a leaf says. Throws Refused unless it is a statement. */
export function statementOf(leaf) {
  const value = canonical(leaf);
  if (!isObject(value) || value.v !== 1) refuse('statement_version', 'it is of a version that is not known here');
  const shape = SHAPES.get(value.kind);
  if (!shape) refuse('statement_member', 'it is of a kind that is not known here');
  if (!shape(value)) refuse('statement_member', `a member of the ${value.kind} is missing, unknown or wrong`);
  return value;
}
