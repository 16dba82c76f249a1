// Campaigns: what each said of itself, and everything drawn again. Sums of money are BigInts, counts of packets are numbers.

import { beaconWrong, CHAINS, LOCAL, movePick, packetPick, poolCommitment, poolKey, takeAt } from './luck.js';
import { bytesOfHex, canonicalText, hexOf, instantOf, instantOfRfc3339 } from './pieces.js';
import { isCount, isFlag, isObject, isText } from './statements.js';

const FINDINGS_MAX = 100; // that are kept of each campaign; all are counted
const TIERS_MAX = 100;
const PACKETS_MAX = 2 ** 32 - 1;
const MOVE_MAX = 4096; // packets of one move
const GAP_MAX = 10_000; // receipts that may be missing in a row for the replay to go on behind them
const LINE_BITS = 50n;

/** What is wrong with one campaign: the first of it are kept, all are counted. */
export class Findings {
  constructor(campaign) {
    this.campaign = campaign;
    this.leaf = null;
    this.kept = [];
    this.count = 0;
  }

  add(code, detail, where = {}) {
    this.count += 1;
    if (this.kept.length >= FINDINGS_MAX) return;
    const leaf = this.leaf === null ? {} : { leaf: this.leaf };
    this.kept.push({ code, campaign: this.campaign, ...where, ...leaf, detail });
  }
}

const nameOf = (face, split) => `${face} ${split}`;
const words = (face, split) => `${face}${split ? ' (splits)' : ''}`;
const sum = (counts) => counts.reduce((all, count) => all + count, 0);

/** The stock of a campaign's document; null unless it is sound. */
function tiersOf(document) {
  if (!Array.isArray(document.packets)) return null;
  const tiers = document.packets.map((packet) => {
    const { face, count, split = false } = isObject(packet) ? packet : {};
    return { face, count, split };
  });
  const sound = ({ face, count, split }) => isCount(face) && isCount(count) && face > 0 && count > 0 && isFlag(split);
  if (!tiers.length || tiers.length > TIERS_MAX || !tiers.every(sound)) return null;
  const different = new Set(tiers.map(({ face, split }) => nameOf(face, split)));
  return different.size === tiers.length && sum(tiers.map(({ count }) => count)) <= PACKETS_MAX ? tiers : null;
}

/** What one campaign said of itself: the first of the two times that a log is read. */
class Outline {
  constructor(rules) {
    const document = isObject(rules.document) ? rules.document : {};
    this.rules = rules;
    this.revision = rules.revision;
    this.at = instantOf(rules.at);
    this.tiers = tiersOf(document);
    this.startsAt = instantOfRfc3339(document.starts_at);
    this.endsAt = instantOfRfc3339(document.ends_at);
    this.currency = isText(document.currency) ? document.currency : '';
    const isOther = Object.hasOwn(document, 'id') && document.id !== rules.campaign;
    const members = { id: !isOther, packets: this.tiers, starts_at: this.startsAt !== null, ends_at: this.endsAt !== null };
    /** The member of the document that is not valid; none, if it is sound. */
    this.wrong = Object.keys(members).find((name) => !members[name]);
    this.chain = CHAINS.get(rules.beacon.chain) ?? null;
    this.opening = null;
    this.reveal = null;
    this.closed = false;
    this.place = new Map((this.tiers ?? []).map(({ face, split }, place) => [nameOf(face, split), place]));
    this.budget = (this.tiers ?? []).reduce((all, { face, count }) => all + BigInt(face) * BigInt(count), 0n);
  }

  /** What no revision may change. */
  whatStays() {
    const { pool, beacon } = this.rules;
    return canonicalText([this.startsAt, this.endsAt, pool, beacon, this.tiers, this.currency]);
  }

  /** The round is a formula: the first at or after the later of the start minus 60 s and the rules plus 3 s. */
  checkBeacon(findings) {
    const { local, round } = this.rules.beacon;
    if (!this.chain || local !== (this.chain === LOCAL)) {
      return findings.add('chain', 'its randomness is of a chain that is not known here, or marked wrongly');
    }
    const expected = this.chain.roundAt(Math.max(this.startsAt - 60_000, this.at + 3000));
    if (BigInt(round) !== expected) {
      findings.add('round', `its randomness is of round ${round}; by its rules it had to be ${expected}`);
    }
  }

  checkOpening(findings) {
    const { opening, chain, rules } = this;
    if (opening.round !== rules.beacon.round) {
      return findings.add('round', `its opening is of round ${opening.round}, its rules say ${rules.beacon.round}`);
    }
    const signature = bytesOfHex(opening.signature);
    if (!signature) return findings.add('randomness', 'the signature of its round is not in hexadecimal');
    if (!chain) return findings.add('chain', 'its randomness is of a chain that is not known here');
    const wrong = beaconWrong(chain, opening.round, signature, bytesOfHex(opening.randomness));
    if (wrong) return findings.add('randomness', `the public randomness of its opening is false: ${wrong.message}`);
    // The local chain signs ahead of every clock, and says so.
    const time = rules.beacon.local ? null : chain.timeS(opening.round);
    const at = instantOf(opening.at);
    if (at < this.at || (time !== null && BigInt(at) < time * 1000n)) {
      findings.add('backwards', 'its opening is said to be before its rules, or before its round');
    }
  }

  hasRightSecret() {
    if (!this.reveal) return false;
    return hexOf(poolCommitment(this.rules.campaign, bytesOfHex(this.reveal.secret))) === this.rules.pool;
  }

  poolKey() {
    const { opening, reveal, rules } = this;
    return poolKey(bytesOfHex(reveal.secret), bytesOfHex(rules.beacon.chain), opening.round, bytesOfHex(opening.randomness));
  }
}

/** Takes a statement, in the order of the log; `outlines` is a Map of what campaigns said so far. */
export function outline(outlines, statement, findings) {
  if (statement.kind === 'rules') return outlineRules(outlines, statement, findings);
  const known = outlines.get(statement.campaign);
  if (!known) return findings.add('no_rules', 'its rules were not stated first');
  if (statement.kind === 'opening') {
    if (known.opening) findings.add('opening', 'the public randomness of its opening was stated twice');
    known.opening = statement;
    known.checkOpening(findings);
  } else if (statement.kind === 'reveal') {
    if (!known.closed) findings.add('revealed_early', 'its secret was revealed before it was closed');
    if (known.reveal) findings.add('not_revealed', 'its secret was revealed twice');
    known.reveal = statement;
    if (!known.hasRightSecret()) findings.add('secret', 'the secret that was revealed is not the one that it committed to');
  } else if (statement.kind === 'close') {
    known.closed = true;
  }
}

function outlineRules(outlines, rules, findings) {
  const stated = new Outline(rules);
  if (stated.wrong) return findings.add('document', `its document has no valid ${stated.wrong}`);
  const known = outlines.get(rules.campaign);
  const expected = known ? known.revision + 1 : 1;
  if (rules.revision !== expected) {
    findings.add('revision', `revision ${rules.revision} of its rules stands where ${expected} had to be`);
  }
  if (!known) {
    stated.checkBeacon(findings);
    outlines.set(rules.campaign, stated);
    return;
  }
  if (known.whatStays() !== stated.whatStays()) {
    findings.add('rules_changed', 'a revision changes its stock, its times or what it committed to');
  }
  known.revision = rules.revision;
}

// What is kept of a claim: its tier, or one that nobody can know, and whether it went back.
const BACK = 0x80;
const UNKNOWN = 0x7f;

/** A campaign's packets in one cell. Without the pool's key, packets are the ones that receipts state. */
class Stock {
  constructor(cell, left, outline, key, findings) {
    Object.assign(this, { cell, left, outline, key, findings });
    this.taken = [];
    this.unknown = 0;
    this.moving = null;
    this.line = 0;
  }

  add(code, detail, ordinal) {
    this.findings.add(code, detail, ordinal === undefined ? { cell: this.cell } : { cell: this.cell, ordinal });
  }

  total() {
    return Math.max(0, sum(this.left) - this.unknown);
  }

  /** Draws the packet of a claim again, and compares it with its receipt. */
  take({ ordinal, face, split }) {
    const issued = this.taken.length;
    if (ordinal < issued) return this.add('twice', `ordinal ${ordinal} comes twice, or after a later one`, ordinal);
    // Those that are missing took their packets all the same, as far as there are any, and not too many are missing.
    if (ordinal - issued > GAP_MAX) return this.add('missing', `the receipt of ordinal ${issued} is missing`, issued);
    for (let missing = issued; missing < ordinal; missing++) {
      this.add('missing', `the receipt of ordinal ${missing} is missing`, missing);
      if (this.total() === 0) return;
      if (this.key) this.draw();
      else this.takeUnknown();
    }
    if (this.total() === 0) return this.add('empty', `ordinal ${ordinal} took a packet of a cell that has none left`, ordinal);
    if (!this.key) return this.takeStated(ordinal, face, split);
    const tier = this.outline.tiers[this.draw()];
    if (tier.face !== face || tier.split !== split) {
      const detail = `ordinal ${ordinal} got ${words(face, split)}, the stock gives it ${words(tier.face, tier.split)}`;
      this.add('face', detail, ordinal);
    }
  }

  draw() {
    const pick = packetPick(this.key, this.cell, this.taken.length, this.total());
    const tier = takeAt(this.left, Number(pick));
    this.taken.push(tier);
    return tier;
  }

  takeStated(ordinal, face, split) {
    const tier = this.outline.place.get(nameOf(face, split));
    if (tier === undefined) {
      this.add('no_such_tier', `the rules know no packet of ${words(face, split)}`);
      this.takeUnknown();
    } else if (this.left[tier] === 0) {
      this.add('empty', `ordinal ${ordinal} took a packet of which the cell has none left`, ordinal);
      this.takeUnknown();
    } else {
      this.left[tier] -= 1;
      this.taken.push(tier);
    }
  }

  takeUnknown() {
    this.unknown += 1;
    this.taken.push(UNKNOWN);
  }

  putBack({ ordinal, face, split }) {
    const kept = this.taken[ordinal] ?? BACK;
    if (kept === UNKNOWN) {
      this.unknown = Math.max(0, this.unknown - 1);
    } else if (!(kept & BACK) && this.outline.place.get(nameOf(face, split)) === kept) {
      this.left[kept] += 1;
    } else {
      return this.add('put_back', `the packet of ordinal ${ordinal} went back, but is not out or is another one`, ordinal);
    }
    this.taken[ordinal] |= BACK;
  }

  /** Takes what leaves the cell; which packets had to go is looked at when the whole move is known. */
  send({ line, count, into, continues }, tier) {
    if (line <= this.line || line >= 2 ** Number(LINE_BITS)) this.add('continues', `line ${line} is no line after the one before`);
    this.line = Math.max(this.line, line);
    if (continues && this.moving?.into === into) {
      this.moving.counts[tier] += count;
    } else {
      if (continues) this.add('continues', `line ${line} continues no move`);
      this.settle();
      this.moving = { line, into, before: [...this.left], counts: this.left.map(() => 0) };
      this.moving.counts[tier] = count;
    }
    // One that sends more than it has is found by its draw.
    this.left[tier] = Math.max(0, this.left[tier] - count);
  }

  /** Draws the packets of a move again whose statements are all read, and compares them. */
  settle() {
    if (!this.moving) return;
    const { line, before, counts } = this.moving;
    this.moving = null;
    if (!this.key) {
      if (sum(counts) > MOVE_MAX || counts.some((count, tier) => count > before[tier])) {
        this.add('move_of_more', `the move of line ${line} took more than there was, or than a move takes`);
      }
      return;
    }
    const number = BigInt.asUintN(64, (BigInt(this.cell) << LINE_BITS) | BigInt(line));
    const total = sum(before);
    const found = counts.map(() => 0);
    for (let place = 0; place < Math.min(sum(counts), total, MOVE_MAX); place++) {
      found[takeAt(before, Number(movePick(this.key, this.cell, number, place, total - place)))] += 1;
    }
    if (String(found) !== String(counts)) {
      this.add('move', `the move of line ${line} took ${counts} of the tiers, the stock gives it ${found}`);
    }
  }
}

const STEPS = { opening: ['sealed', 'open'], pause: ['open', 'paused'], resume: ['paused', 'open'] };
const RECEIPT_OUT_OF_ORDER = {
  sealed: ['before_opening', 'a packet was taken before the randomness of the opening was stated'],
  paused: ['while_paused', 'a packet was taken during a pause'],
  ended: ['after_end', 'a packet was taken after the campaign had ended'],
  closed: ['after_end', 'a packet was taken after the campaign had ended'],
};

/** Everything of one campaign again, with what it said of itself known. After something wrong it goes on with what had to be. */
export class Replay {
  constructor(outline, findings) {
    this.outline = outline;
    this.findings = findings;
    this.key = null;
    this.state = this.begin();
    this.cells = new Map([[0, this.stock(0, outline.tiers.map(({ count }) => count))]]); // the whole stock begins there
    this.between = new Map(); // of each pair of cells, tier by tier: what one sent less what the other received
    this.stage = 'sealed';
    this.saidAt = -Infinity;
    this.latest = -Infinity;
    this.funded = 0n;
    this.claims = 0;
    this.putBack = 0;
    this.moved = 0;
  }

  /** How much can be checked; with all of it, the key that packets are drawn with. */
  begin() {
    const { opening, reveal, closed } = this.outline;
    if (!reveal) {
      if (!closed) return 'running';
      this.findings.add('not_revealed', 'it was closed, but its secret was not revealed');
      return 'unrevealed';
    }
    if (!this.outline.hasRightSecret()) return 'unrevealed'; // that it is another one was found
    // If its randomness never came there was nothing to draw, and a claim is wrong whatever it took.
    this.key = opening ? this.outline.poolKey() : null;
    return 'replayed';
  }

  stock(cell, left) {
    return new Stock(cell, left, this.outline, this.key, this.findings);
  }

  ofCell(cell) {
    if (!this.cells.has(cell)) this.cells.set(cell, this.stock(cell, this.outline.tiers.map(() => 0)));
    return this.cells.get(cell);
  }

  /** Takes a statement of the campaign, in the order of the log. */
  take(statement) {
    const { kind, cell } = statement;
    const at = instantOf(statement.at);
    const ofOperator = cell === undefined;
    // What the operator says is said after all before it, and nothing else is said to be before that.
    if (at < (ofOperator ? this.latest : this.saidAt)) {
      const detail = `it is said to have happened at ${statement.at}, before what was said before`;
      this.findings.add('backwards', detail, ofOperator ? {} : { cell });
    }
    this.latest = Math.max(this.latest, at);
    if (ofOperator) this.saidAt = at;
    if (Object.hasOwn(STEPS, kind)) {
      const [before, after] = STEPS[kind];
      if (this.stage !== before) this.findings.add('order', `the ${kind} came while it was ${this.stage}`);
      this.stage = after;
    } else {
      this[`take_${kind}`]?.(statement, at);
    }
  }

  take_fund({ amount }) {
    if (amount.value <= 0 || amount.currency !== this.outline.currency) {
      this.findings.add('amount', 'money was paid in that is none, or of another currency');
    }
    this.funded += BigInt(Math.max(0, amount.value));
  }

  take_end() {
    if (this.stage !== 'open' && this.stage !== 'paused') this.findings.add('order', `the end came while it was ${this.stage}`);
    this.stage = 'ended';
  }

  take_close(close, at) {
    const isOver = this.stage === 'ended' || at >= this.outline.endsAt;
    if (this.stage === 'closed' || !isOver) {
      this.findings.add('order', `it was closed before its end, or twice: it was ${this.stage}`);
    }
    this.stage = 'closed';
    this.settleMoves();
    this.compareMoves();
    const left = this.left();
    if (String(left) !== String(close.left)) this.findings.add('left', `${left} of the tiers are left, it says ${close.left}`);
    const amounts = [close.funded, close.returned, close.spent, close.recovered];
    if (amounts.some(({ value, currency }) => value < 0 || currency !== this.outline.currency)) {
      this.findings.add('amount', 'an amount of the close is below 0, or of another currency');
    }
    const [funded, returned, spent, recovered] = amounts.map(({ value }) => BigInt(value));
    const addsUp = funded === returned + spent && funded === this.funded;
    if (!addsUp || recovered > spent || spent > this.issued(left)) {
      this.findings.add('money', `${this.funded} was paid in; it says ${funded}, of which ${returned} returned and ${spent} spent`);
    }
  }

  take_receipt(receipt, at) {
    const { cell } = receipt;
    this.claims += 1;
    if (this.stage !== 'open') this.findings.add(...RECEIPT_OUT_OF_ORDER[this.stage], { cell });
    if (at < this.outline.startsAt || at >= this.outline.endsAt) {
      this.findings.add('outside_of_time', `a packet was taken at ${receipt.at}, before the start or after the end`, { cell });
    }
    if (this.claims === 1 && this.funded < this.outline.budget) {
      this.findings.add('underfunded', `${this.funded} was paid in of a budget of ${this.outline.budget}`, { cell });
    }
    const stock = this.ofCell(cell);
    stock.settle();
    stock.take(receipt);
  }

  checkOpen(cell) {
    if (this.stage !== 'sealed' && this.stage !== 'closed') return;
    this.findings.add('not_open', `a packet went back or moved while it was ${this.stage}`, { cell });
  }

  take_put_back(back) {
    this.checkOpen(back.cell);
    this.putBack += 1;
    const stock = this.ofCell(back.cell);
    stock.settle();
    stock.putBack(back);
  }

  /** The tier of a move between its cell and another one; null if it is none. */
  tierMoved({ cell, count, face, split, kind }, other) {
    this.checkOpen(cell);
    if (cell === other || count < 1 || count > MOVE_MAX) {
      this.findings.add('no_move', 'a move takes 1 to 4096 packets, to another cell', { cell });
      return null;
    }
    if (kind === 'sent') this.moved += count;
    const tier = this.outline.place.get(nameOf(face, split));
    if (tier === undefined) this.findings.add('no_such_tier', `the rules know no packet of ${words(face, split)}`, { cell });
    return tier ?? null;
  }

  take_sent(sent) {
    const tier = this.tierMoved(sent, sent.into);
    if (tier === null) return;
    this.ofCell(sent.cell).send(sent, tier);
    this.tellBetween(sent.cell, sent.into, tier, sent.count);
  }

  take_received(received) {
    const tier = this.tierMoved(received, received.from);
    if (tier === null) return;
    const stock = this.ofCell(received.cell);
    stock.settle();
    stock.left[tier] += received.count;
    this.tellBetween(received.from, received.cell, tier, -received.count);
  }

  tellBetween(giver, taker, tier, count) {
    const pair = giver * 65536 + taker;
    if (!this.between.has(pair)) this.between.set(pair, this.outline.tiers.map(() => 0));
    this.between.get(pair)[tier] += count;
  }

  settleMoves() {
    for (const cell of [...this.cells.keys()].sort((one, other) => one - other)) this.cells.get(cell).settle();
  }

  compareMoves() {
    for (const pair of [...this.between.keys()].sort((one, other) => one - other)) {
      const [giver, taker] = [Math.floor(pair / 65536), pair % 65536];
      if (this.between.get(pair).some((count) => count !== 0)) {
        this.findings.add('between', `what cell ${giver} sent is not what cell ${taker} received`, { cell: giver });
      }
    }
    this.between.clear();
  }

  left() {
    const stocks = [...this.cells.values()];
    return this.outline.tiers.map((_, tier) => sum(stocks.map((stock) => stock.left[tier])));
  }

  issued(left) {
    const worth = ({ count, face }, tier) => BigInt(Math.max(0, count - left[tier])) * BigInt(face);
    return this.outline.tiers.map(worth).reduce((all, part) => all + part, 0n);
  }

  /** Compares what is left at the end of the log, and counts. */
  finish() {
    this.settleMoves();
    // Of a campaign that still runs, packets may be under way.
    if (this.key || this.stage === 'closed') this.compareMoves();
    const left = this.left();
    return {
      local: this.outline.rules.beacon.local,
      currency: this.outline.currency,
      claims: this.claims,
      put_back: this.putBack,
      moved: this.moved,
      cells: [...this.cells.values()].filter((stock) => stock.taken.length).length,
      left,
      issued: String(this.issued(left)),
    };
  }
}
