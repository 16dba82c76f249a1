// What a person keeps: receipts and proofs of coupons; and whether a log has what they say.

import { cosignedText, Note } from './notes.js';
import { base64Of, bytesOf, canonicalText, equal, only, refuse, Refused, utf8 } from './pieces.js';
import { statementOf } from './statements.js';
import { LogProof, PROOF_HEADER } from './trees.js';

const FINDINGS_MAX = 100; // that are kept of what belongs to no campaign
export const FILE_BYTES_MAX = 2_000_000;

/** What is said of one input. */
export class Checked {
  constructor(input, kind) {
    this.said = { input, kind, ok: true };
    this.findings = [];
    this.count = 0;
    this.caveats = new Set();
  }

  refuse(finding) {
    this.count += 1;
    if (this.findings.length < FINDINGS_MAX) this.findings.push(finding);
  }

  /** Runs a check: the first thing that is wrong ends it, and is noted. */
  async run(check) {
    try {
      await check();
    } catch (why) {
      if (!(why instanceof Refused)) throw why;
      this.refuse(why.finding());
    }
    return this.report();
  }

  report() {
    const { findings, count, caveats } = this;
    return { ...this.said, ok: count === 0, findings, findings_count: count, caveats: [...caveats].sort() };
  }
}

/** A number of a report, from a BigInt: exact, or a text. */
export const numbered = (big) => (big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : String(big));

function receiptOfLeaf(leaf) {
  const statement = statementOf(leaf);
  if (statement.kind !== 'receipt') refuse('receipt_kind', 'its leaf is a statement, but not of a packet that was taken');
  return statement;
}

/** What a receipt says: a note by the log's key, of two lines. */
function openReceipt(text, key) {
  const lines = new Note(text).opened(key).split('\n').slice(0, -1);
  if (lines[0] !== `${key.name}/receipt`) refuse('receipt_origin', "it is signed by the log, but its first line is not the log's");
  if (lines.length !== 2) refuse('receipt_shape', 'a receipt has two lines above its signature: whose it is, and one leaf');
  return { receipt: receiptOfLeaf(bytesOf(lines[1])), proved: null };
}

function openCouponProof(text, { key, quorum }) {
  const proof = new LogProof(text);
  const { checkpoint, cosignatures } = proof.opened(key, quorum);
  if (!proof.extra) refuse('proof_no_leaf', 'the proof does not hold the leaf that it is of');
  proof.check(proof.extra, checkpoint);
  return { receipt: receiptOfLeaf(proof.extra), proved: { proof, checkpoint, cosignatures } };
}

/** What a file is, by its bytes. */
export function kindOf(bytes) {
  const text = bytes.length > FILE_BYTES_MAX ? null : utf8(bytes);
  if (text === null) return 'unknown';
  if (text.startsWith(`${PROOF_HEADER}\n`)) return 'coupon_proof';
  if (text.startsWith('{')) return 'draw_proof';
  return text.split('\n', 1)[0].endsWith('/receipt') ? 'receipt' : 'unknown';
}

/** What a shopper's file says, and what it proves if it is a proof. `asked` has the log's `key` and a `quorum`. */
function openPaper(bytes, asked) {
  if (bytes.length > FILE_BYTES_MAX) refuse('input_too_long', `a file may have ${FILE_BYTES_MAX} bytes`);
  const kind = kindOf(bytes);
  if (kind === 'receipt') return openReceipt(utf8(bytes), asked.key);
  if (kind === 'coupon_proof') return openCouponProof(utf8(bytes), asked);
  return refuse('input_unknown', 'it is neither a receipt nor a proof: perhaps it was changed, or it is something else');
}

/** Checks a receipt or a coupon's proof by the log's key. */
export async function checkPaper(input, bytes, asked) {
  const checked = new Checked(input, kindOf(bytes));
  return checked.run(() => {
    const { receipt, proved } = openPaper(bytes, asked);
    checked.caveats.add('face_not_drawn');
    checked.said.origin = asked.key.name;
    const { kind, v, ...said } = receipt;
    checked.said.receipt = said;
    if (!proved) return checked.caveats.add('not_in_log');
    const { proof, checkpoint, cosignatures } = proved;
    Object.assign(checked.said, { leaf: numbered(proof.index), size: numbered(checkpoint.size), root: base64Of(checkpoint.root) });
    checked.said.cosigned = cosignedText(cosignatures);
    if (!asked.quorum.needed) checked.caveats.add('no_witnesses');
  });
}

/** Receipts, proofs and coupons that a log must have. */
export class Sought {
  constructor(asked, key, checked) {
    this.all = [];
    for (const { name, bytes } of asked.papers ?? []) {
      try {
        this.all.push({ file: name, ...openPaper(bytes, { key, quorum: asked.quorum }) });
      } catch (why) {
        if (!(why instanceof Refused)) throw why;
        checked.refuse(why.finding({ file: name }));
      }
    }
    this.all.push(...(asked.coupons ?? []).map((coupon) => ({ file: null, coupon, receipt: null, proved: null })));
    for (const sought of this.all) {
      sought.coupon ??= sought.receipt.coupon;
      Object.assign(sought, { text: sought.receipt && canonicalText(sought.receipt), found: null, other: null, root: null });
    }
  }

  /** Remembers the root of the size of each proof. */
  seeTree(tree) {
    for (const sought of this.all) {
      if (sought.proved?.checkpoint.size === BigInt(tree.size)) sought.root = tree.root();
    }
  }

  see(index, said) {
    for (const sought of this.all) {
      const { receipt, coupon } = sought;
      const samePlace = receipt && ['campaign', 'cell', 'ordinal'].every((name) => receipt[name] === said[name]);
      const isIt = receipt ? samePlace && coupon === said.coupon && sought.text === canonicalText(said) : coupon === said.coupon;
      if (isIt) sought.found ??= index;
      else if (samePlace || coupon === said.coupon) sought.other ??= index;
    }
  }

  finish(checkpoint, checked) {
    for (const sought of this.all) {
      if (sought.proved?.checkpoint.size === checkpoint.size) sought.root = checkpoint.root;
      const wrong = wrongWith(sought, checkpoint.size);
      if (sought.found !== null && !wrong.length) {
        checked.said.receipts ??= [];
        checked.said.receipts.push({ ...(sought.file && { receipt: sought.file }), coupon: sought.coupon, leaf: sought.found });
      }
      const claim = sought.receipt ? only(sought.receipt, ['campaign', 'cell', 'ordinal']) : {};
      for (const { code, detail, leaf } of wrong) {
        checked.refuse({ code, ...claim, ...(leaf !== undefined && { leaf }), ...(sought.file && { file: sought.file }), detail });
      }
    }
  }
}

/** Everything that is wrong: of a proof two things may be. */
function wrongWith({ found, other, coupon, receipt, proved, root }, size) {
  const wrong = [];
  if (found !== null) {
    if (proved && proved.proof.index !== BigInt(found)) {
      const detail = `the proof says that it is leaf ${proved.proof.index}, in the log it is ${found}`;
      wrong.push({ code: 'proof_index', detail, leaf: found });
    }
  } else if (!receipt) {
    wrong.push({ code: 'coupon_missing', detail: `the log has no receipt of the coupon ${coupon}` });
  } else if (other !== null) {
    const detail = `the receipt of ${coupon} is not in the log; leaf ${other} says something else`;
    wrong.push({ code: 'receipt_contradicted', detail, leaf: other });
  } else {
    wrong.push({ code: 'receipt_missing', detail: `the receipt of ${coupon} was promised but is missing from the log` });
  }
  if (proved && !root) {
    const detail = `the log has ${size} leaves; it had ${proved.checkpoint.size} when it made the proof`;
    wrong.push({ code: 'log_behind', detail });
  } else if (proved && !equal(root, proved.checkpoint.root)) {
    const detail = `the log signed two histories: its root at ${proved.checkpoint.size} leaves was another one`;
    wrong.push({ code: 'history_differs', detail });
  }
  return wrong;
}
