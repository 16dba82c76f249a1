// What a leaf of the log may say: one JSON object in canonical form, of exactly the members of its kind.

import { Key, Quorum, TYPE_WITNESS } from './notes.js';
import { bytesOf, bytesOfBase64, bytesOfHex, canonical, instantOf, refuse } from './pieces.js';

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

// --- statements of draws, which stand in the same log

const SKIPPED_MAX = 1000;
const RESERVES_MAX = 1000;
const WITNESSES_MAX = 16;
const U32_MAX = 2 ** 32 - 1;

export const isTextOf = (least, most) => (value) => {
  const length = isText(value) && !/[\u0000-\u001f]/.test(value) ? bytesOf(value).length : -1;
  return length >= least && length <= most;
};
const isLike = (pattern) => (value) => isText(value) && pattern.test(value);
export const isBase64 = (least, most, step = 1) => (value) => {
  const length = isText(value) ? (bytesOfBase64(value)?.length ?? -1) : -1;
  return length >= least && length <= most && length % step === 0;
};
export const areIndices = (value) => isCounts(value) && value.length <= SKIPPED_MAX && new Set(value).size === value.length;
const isCode = isLike(/^[a-z0-9_]{1,64}$/);

export const witnessesOf = (texts, needed) => new Quorum(texts.map((text) => new Key(text, TYPE_WITNESS)), needed);

function areWitnesses(value) {
  if (!Array.isArray(value) || value.length > WITNESSES_MAX || !value.every(isText)) return false;
  try {
    return Boolean(witnessesOf(value, 0));
  } catch {
    return false;
  }
}

const DRAW_SAYS = { at: isInstant, draw: isLike(/^[A-Za-z0-9._-]{1,64}$/), kind: isText, v: isCount };
const DRAW_SHAPES = {
  draw_rules: fits({
    ...DRAW_SAYS,
    beacon: fits({ chain: isHash, local: isFlag }),
    claim_s: isBetween(1, U32_MAX),
    close: isInstant,
    eligibility: isTextOf(1, 1000),
    filter: isCode,
    margin_s: isBetween(0, U32_MAX),
    quorum: isCount,
    reserves: isBetween(0, RESERVES_MAX),
    silent: isTextOf(1, 1000),
    witnesses: areWitnesses,
  }),
  draw_seal: fits({
    ...DRAW_SAYS,
    entries: isBetween(1, Number.MAX_SAFE_INTEGER),
    exclusions: fits({ count: isCount, hash: isHash }),
    prizes: isCount,
    root: isHash,
    round: isCount,
    rules: isAnything,
  }),
  draw_outcome: fits({
    ...DRAW_SAYS,
    reserves: areIndices,
    round: isCount,
    signature: isLike(/^[0-9a-f]{96}$/),
    winner: isCount,
  }),
  draw_void: fits({ ...DRAW_SAYS, reason: isCode }),
};

/** Without witnesses there is no quorum; with some, one at least must cosign. */
const hasQuorum = ({ kind, witnesses, quorum }) =>
  kind !== 'draw_rules' || (quorum <= witnesses.length && quorum >= Math.min(1, witnesses.length));

/** That a statement of a draw is sound, and the rules that a seal has in it. */
export function checkDrawStatement(value, kind) {
  const whole = kind === 'draw_seal' ? [[value, kind], [value?.rules, 'draw_rules']] : [[value, kind]];
  for (const [part, of] of whole) {
    if (!isObject(part) || part.v !== 1) refuse('statement_version', `the ${of} is of a version that is not known here`);
  }
  for (const [part, of] of whole) {
    const sound = part.kind === of && DRAW_SHAPES[of](part) && hasQuorum(part);
    if (!sound) refuse('statement_member', `a member of the ${of} is missing, unknown or wrong`);
  }
}

/** What a leaf says. Throws Refused unless it is a statement. */
export function statementOf(leaf) {
  const value = canonical(leaf);
  if (!isObject(value) || value.v !== 1) refuse('statement_version', 'it is of a version that is not known here');
  if (Object.hasOwn(DRAW_SHAPES, value.kind)) {
    checkDrawStatement(value, value.kind);
    return value;
  }
  const shape = SHAPES.get(value.kind);
  if (!shape) refuse('statement_member', 'it is of a kind that is not known here');
  if (!shape(value)) refuse('statement_member', `a member of the ${value.kind} is missing, unknown or wrong`);
  return value;
}
