// The page: takes what somebody gives it, has it checked, and says in plain words what was found.

import { ofDrop, ofInput } from './dropped.js';
import { checkFile, checkLog, FILE_BYTES_MAX, filesAt, Key, keyOfLog, kindOf, Quorum, TYPE_NOTE, TYPE_WITNESS } from './js/verify.js';
import { liked, WORDS } from './words.js';

const OWN_LOG = new URL('log', document.baseURI).href;
const at = (id) => document.getElementById(id);

let language = liked([new URLSearchParams(location.search).get('lang') ?? '', ...navigator.languages]);
let shown = null; // what is shown: a report, or an error
let working = false;

const words = () => WORDS[language];

// --- what somebody trusts

const given = (id) => at(id).value.trim();

function trusted() {
  const witnesses = given('witnesses').split(/\s+/).filter(Boolean).map((text) => new Key(text, TYPE_WITNESS));
  const needed = given('quorum') === '' ? witnesses.length : Number(given('quorum'));
  const exclusions = at('exclusions').value;
  return {
    key: given('key') === '' ? null : new Key(given('key'), TYPE_NOTE),
    quorum: new Quorum(witnesses, needed),
    campaigns: given('campaigns').split(/\s+/).filter(Boolean),
    exclusions: exclusions === '' ? null : exclusions,
  };
}

// --- what is checked

/** Lets the page breathe: shows how far the work is. */
async function watch(step, done, of) {
  at('step').textContent = `${words()[step]} · ${done.toLocaleString(language)} / ${of.toLocaleString(language)}`;
  at('bar').value = of ? done / of : 1;
  await new Promise((resume) => setTimeout(resume));
}

async function checkGiven({ name, log, bytes }) {
  const asked = trusted();
  if (log) return { report: await checkLog(name, log, asked, watch) };
  const key = asked.key ?? (kindOf(bytes) === 'unknown' ? null : await keyOfLog(filesAt(OWN_LOG)));
  const report = await checkFile(name, bytes, { ...asked, key });
  if (!asked.key && key) report.caveats = ['key_believed', ...report.caveats];
  return { report, paper: { name, bytes } };
}

async function checkOwn(papers = []) {
  const report = await checkLog(OWN_LOG, filesAt(OWN_LOG), { ...trusted(), papers }, watch);
  return { report };
}

/** Runs a check, one at a time; what cannot be checked is said, too. */
async function run(check) {
  if (working) return;
  working = true;
  at('progress').hidden = false;
  at('step').textContent = words().working;
  at('bar').value = 0;
  document.querySelectorAll('main button').forEach((button) => (button.disabled = true));
  try {
    shown = await check();
  } catch (why) {
    shown = { error: why.message };
  }
  working = false;
  at('progress').hidden = true;
  document.querySelectorAll('main button').forEach((button) => (button.disabled = false));
  show();
  at('result').focus({ preventScroll: true });
  at('result').scrollIntoView({ behavior: 'smooth', block: 'start' });
}

// --- what is shown

function made(name, attributes = {}, ...inside) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...inside.filter((part) => part !== null));
  return node;
}

const list = (lines, kind = '') => made('ul', kind ? { class: kind } : {}, ...lines.map((line) => made('li', {}, line)));

/** A heading and a list, or nothing. */
const part = (title, lines, kind) => (lines.length ? [made('h3', {}, title), list(lines, kind)] : []);

function facts(pairs) {
  const rows = pairs.filter(([, value]) => value !== undefined);
  return rows.length ? made('dl', {}, ...rows.flatMap(([name, value]) => [made('dt', {}, name), made('dd', {}, String(value))])) : null;
}

function factsOf({ origin, size, root, cosigned, leaf, receipt, draw, receipts = [] }) {
  const say = words();
  const witnesses = cosigned && (cosigned.map((one) => `${one.name} (${one.at})`).join(', ') || say.nobody);
  return facts([
    ...receipts.map((found) => [say.found, `✓ ${say.found_of(found.coupon, found.leaf + 1)}`]),
    [say.coupon, receipt?.coupon],
    [say.campaign, receipt?.campaign],
    [say.face, receipt && say.face_of(receipt.face, receipt.split)],
    [say.claim, receipt && say.claim_of(receipt.ordinal + 1, receipt.cell)],
    [say.at, receipt?.at],
    [say.draw, draw?.draw],
    [say.round, draw?.round],
    [say.leaf, leaf === undefined ? undefined : say.leaf_of(leaf + 1, size)],
    [say.origin, origin && (size === undefined ? origin : `${origin}, ${size} ${say.leaves}`)],
    [say.root, root],
    [say.cosigned, witnesses],
  ]);
}

/** Minor units with their currency's usual point. */
function money(minor, currency) {
  try {
    const { maximumFractionDigits: digits } = new Intl.NumberFormat(language, { style: 'currency', currency }).resolvedOptions();
    const text = minor.padStart(digits + 1, '0');
    const whole = BigInt(text.slice(0, text.length - digits)).toLocaleString(language);
    return `${whole}${digits ? `.${text.slice(-digits)}` : ''} ${currency}`;
  } catch {
    return `${minor} ${currency ?? ''}`;
  }
}

function campaignsOf(campaigns) {
  const say = words();
  const cells = (one) => [
    [say.campaign, one.campaign],
    [say.state, say.states[one.state]],
    [say.claims, one.claims],
    [say.put_back, one.put_back],
    [say.moved, one.moved],
    [say.issued, one.issued === undefined ? undefined : money(one.issued, one.currency)],
    [say.count, one.findings],
  ];
  const kind = (place) => (place > 1 ? { class: 'number' } : {});
  // The heading stands beside each value, too: a narrow screen shows rows one below the other.
  const cell = ([name, value], place) => made('td', { ...kind(place), 'data-name': name }, String(value ?? ''));
  const heads = cells({}).map(([name], place) => made('th', { scope: 'col', ...kind(place) }, name));
  const rows = campaigns.map((one) => made('tr', {}, ...cells(one).map(cell)));
  return made('table', {}, made('thead', {}, made('tr', {}, ...heads)), made('tbody', {}, ...rows));
}

function findingText(finding) {
  const say = words();
  const where = Object.keys(say.where).filter((name) => name in finding).map((name) => `${say.where[name]} ${finding[name]}`);
  const text = say.codes[finding.code] ? `${say.codes[finding.code]}` : finding.detail;
  return made('span', {}, text, where.length ? ` (${where.join(', ')}) ` : ' ', made('code', {}, finding.code));
}

/** What was checked, what that proves, and what nothing of it could: never more than the caveats leave of it. */
function shownBy({ kind, caveats, campaigns = [] }) {
  const { checked, proves, replayed, drawn, never = [] } = words().kinds[kind];
  const isPublic = !caveats.includes('local_randomness');
  if (kind === 'draw_proof') return { checked, proves: isPublic && !caveats.includes('no_witnesses') ? proves : [], never };
  if (!campaigns.some(({ state }) => state === 'replayed')) return { checked, proves, never };
  return { checked: [...checked, replayed], proves: isPublic ? [...proves, drawn] : proves, never };
}

function reported({ report, paper }) {
  const say = words();
  const { ok, kind, findings, findings_count: count, caveats, campaigns, draw } = report;
  const head = draw ? `${say.drew(draw)} ${say.places[draw.place]}` : ok ? say.right[kind] : say.wrong;
  const wrong = findings.map(findingText);
  if (count > findings.length) wrong.push(say.and_more(count - findings.length));
  const lookUp = made('button', { type: 'button', class: 'quiet' }, say.look_up);
  lookUp.addEventListener('click', () => run(() => checkOwn([paper])));
  const { checked, proves, never } = shownBy(report);
  return made(
    'article',
    {},
    made('p', { class: `verdict ${ok ? 'right' : 'wrong'}` }, `${ok ? '✓' : '✗'} ${head}`),
    ...part(say.findings, wrong),
    factsOf(report),
    campaigns?.length ? campaignsOf(campaigns) : null,
    ...(ok ? [...part(say.checked, checked), ...part(say.proves, proves)] : []),
    ...part(say.not_proves, [...caveats.map((caveat) => say.caveats[caveat] ?? caveat), ...never], 'notes'),
    ok && paper && kind !== 'draw_proof' ? made('div', { class: 'row' }, lookUp) : null,
    made('details', {}, made('summary', {}, say.report), made('pre', {}, JSON.stringify(report, null, 1))),
  );
}

function show() {
  document.documentElement.lang = language;
  document.title = words().title;
  document.querySelectorAll('[data-word]').forEach((node) => (node.textContent = words()[node.dataset.word]));
  document.querySelectorAll('[data-language]').forEach((node) => node.setAttribute('aria-pressed', String(node.dataset.language === language)));
  if (!shown) return;
  const { error } = shown;
  const node = error === undefined ? reported(shown) : made('article', {}, made('p', { class: 'verdict wrong' }, words().failed), made('p', {}, error));
  at('result').replaceChildren(node);
}

// --- what somebody does

function take(chosen) {
  run(async () => {
    const what = await chosen;
    if (!what) throw new Error(words().nothing);
    return checkGiven(what);
  });
}

for (const id of ['file', 'folder']) {
  at(id).addEventListener('change', () => {
    take(ofInput(at(id), FILE_BYTES_MAX));
    at(id).value = '';
  });
}
at('check_text').addEventListener('click', () => {
  const text = at('text').value;
  const bytes = new TextEncoder().encode(text);
  take(Promise.resolve(text.trim() ? { name: 'text', bytes: withNewline(bytes) } : null));
});
at('check_own').addEventListener('click', () => run(() => checkOwn()));
document.querySelectorAll('[data-language]').forEach((node) => {
  node.addEventListener('click', () => {
    language = node.dataset.language;
    show();
  });
});
const drop = at('drop');
for (const name of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', name.startsWith('drago') || name === 'dragenter');
    if (name === 'drop') take(ofDrop(event.dataTransfer, FILE_BYTES_MAX));
  });
}

/** A pasted note often lost its last newline on the way: with it, it is what was copied. JSON has none at its end. */
function withNewline(bytes) {
  const isNote = bytes.length && bytes[0] !== 0x7b;
  return isNote && bytes.at(-1) !== 0x0a ? Uint8Array.from([...bytes, 0x0a]) : bytes;
}

show();
