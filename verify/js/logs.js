// A whole log, stage by stage: key, checkpoint, witnesses, files, statements, campaigns.

import { Findings, outline, Replay } from './campaigns.js';
import { Checkpoint, cosignedText, Key, NOTE_BYTES_MAX, TYPE_NOTE } from './notes.js';
import { Checked, numbered, Sought } from './papers.js';
import { base64Of, CannotRun, equal, refuse, Refused, utf8 } from './pieces.js';
import { statementOf } from './statements.js';
import { leafHash, Tiles, Tree } from './trees.js';

const KEY_BYTES_MAX = 4096;
const CAMPAIGNS_MAX = 10_000;

/** The key that a log says is its own. */
export async function keyOfLog(files) {
  const bytes = await files.read('key', KEY_BYTES_MAX);
  if (!bytes) refuse('key_missing', 'the log has no file `key`: give its key');
  const text = bytes.length <= KEY_BYTES_MAX ? utf8(bytes) : null;
  if (!text?.endsWith('\n')) refuse('key_malformed', 'the file `key` is not one line');
  try {
    return new Key(text.slice(0, -1), TYPE_NOTE);
  } catch (why) {
    return refuse('key_malformed', why.message);
  }
}

/**
 * Checks a whole log.
 *
 * `files.read(name, most)` answers (a promise of) the first bytes of a file such as `checkpoint` or `tile/0/000`, one more than
 * `most` if it is longer, or null if it is not there. `asked` has a `quorum`, and as far as they are known the log's `key`, the
 * `campaigns` that are looked at, and `papers` ({name, bytes}) and `coupons` that it must have. `watch(step, done, of)` hears
 * how far the work is, and may be waited for.
 */
export async function checkLog(input, files, asked, watch = () => {}) {
  const checked = new Checked(input, 'log');
  return checked.run(() => readLog(files, asked, checked, watch));
}

async function readLog(files, asked, checked, watch) {
  const note = await files.read('checkpoint', NOTE_BYTES_MAX);
  if (!note) throw new CannotRun(`${checked.said.input} has no file \`checkpoint\`: it is no log`);
  checked.said.key_from = asked.key ? 'option' : 'log';
  if (!asked.key) checked.caveats.add('key_believed');
  const key = asked.key ?? (await keyOfLog(files));
  checked.said.key = key.text;
  const text = utf8(note);
  if (text === null) refuse('note_malformed', 'the checkpoint is not in UTF-8');
  const checkpoint = new Checkpoint(text, key);
  Object.assign(checked.said, { origin: key.name, size: numbered(checkpoint.size), root: base64Of(checkpoint.root) });
  checked.caveats.add('times_believed');
  if (!asked.quorum.needed) checked.caveats.add('no_witnesses');
  try {
    checked.said.cosigned = cosignedText(asked.quorum.reached(checkpoint.note));
  } catch (why) {
    if (!(why instanceof Refused)) throw why;
    checked.refuse(why.finding());
  }
  if (checkpoint.size > BigInt(Number.MAX_SAFE_INTEGER)) refuse('tile_missing', 'no log of this size has its files');
  const log = { tiles: new Tiles(files, Number(checkpoint.size)), root: checkpoint.root };
  const { size } = log.tiles;
  await log.tiles.audit(log.root, (done) => watch('files', done, size));

  const { outlines, findings } = await outlineAll(log, checkpoint, key, asked, checked, (done) => watch('statements', done, size));
  for (const campaign of [...(asked.campaigns ?? [])].sort()) {
    if (!findings.has(campaign)) checked.refuse({ code: 'campaign_absent', campaign, detail: 'the log says nothing of it' });
  }
  await replayAll(log, outlines, findings, checked, (done) => watch('packets', done, size));
}

/** Every leaf with its index and the tree of those before it. The files may have changed since they were audited. */
async function* eachLeaf({ tiles, root }, watch) {
  const tree = new Tree();
  for await (const { entries } of tiles.bundles()) {
    for (const leaf of entries) {
      yield { index: tree.size, leaf, tree };
      tree.append(leafHash(leaf));
    }
    await watch(tree.size);
  }
  if (!equal(tree.root(), root)) refuse('files_changed', "the log's files changed while they were read: try again");
}

/** The first reading: what is no statement, what was promised, and what campaigns said of themselves. */
async function outlineAll(log, checkpoint, key, asked, checked, watch) {
  const sought = new Sought(asked, key, checked);
  const [findings, outlines, kinds, chosen] = [new Map(), new Map(), {}, new Set(asked.campaigns ?? [])];
  let latest = '';
  for await (const { index, leaf, tree } of eachLeaf(log, watch)) {
    sought.seeTree(tree);
    let statement;
    try {
      statement = statementOf(leaf);
    } catch (why) {
      if (!(why instanceof Refused)) throw why;
      checked.refuse(why.finding({ leaf: index }));
      continue;
    }
    const { campaign, kind } = statement;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
    latest = statement.at > latest ? statement.at : latest;
    if (kind === 'receipt') sought.see(index, statement);
    if (campaign === undefined) checked.caveats.add('draws_not_checked');
    if (campaign === undefined || (chosen.size && !chosen.has(campaign))) continue;
    if (!findings.has(campaign)) {
      if (findings.size === CAMPAIGNS_MAX) throw new CannotRun(`the log is of more than ${CAMPAIGNS_MAX} campaigns: choose some of them`);
      findings.set(campaign, new Findings(campaign));
    }
    findings.get(campaign).leaf = index;
    outline(outlines, statement, findings.get(campaign));
  }
  checked.said.leaves = Object.fromEntries(Object.entries(kinds).sort());
  if (latest) checked.said.latest = latest;
  sought.finish(checkpoint, checked);
  return { outlines, findings };
}

/** Names by their bytes in UTF-8, that is by their characters. */
function byBytes(one, other) {
  const [here, there] = [[...one], [...other]];
  const place = here.findIndex((letter, at) => letter !== there[at]);
  if (place < 0) return here.length - there.length;
  return place >= there.length ? 1 : here[place].codePointAt(0) - there[place].codePointAt(0);
}

/** The second reading: everything again, with what campaigns said of themselves known. */
async function replayAll(log, outlines, findings, checked, watch) {
  const replays = new Map();
  for (const [campaign, known] of outlines) {
    findings.get(campaign).leaf = null;
    replays.set(campaign, new Replay(known, findings.get(campaign)));
  }
  if (replays.size) {
    for await (const { index, leaf } of eachLeaf(log, watch)) takeAgain(replays, index, leaf);
  }
  checked.said.campaigns = [];
  for (const campaign of [...findings.keys()].sort(byBytes)) {
    const said = { campaign, state: 'unknown' };
    const replay = replays.get(campaign);
    const found = findings.get(campaign);
    if (replay) {
      found.leaf = null;
      Object.assign(said, replay.finish(), { state: replay.state });
      if (said.state !== 'replayed') checked.caveats.add(said.state);
      if (said.local) checked.caveats.add('local_randomness');
    }
    checked.said.campaigns.push({ ...said, findings: found.count });
    checked.findings.push(...found.kept);
    checked.count += found.count;
  }
}

function takeAgain(replays, index, leaf) {
  let statement;
  try {
    statement = statementOf(leaf);
  } catch (why) {
    if (why instanceof Refused) return; // it was noted before
    throw why;
  }
  const replay = replays.get(statement.campaign);
  if (!replay) return;
  replay.findings.leaf = index;
  replay.take(statement);
}
