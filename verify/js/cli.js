#!/usr/bin/env node
// The same calls, reports and exit statuses as `koi verify`:
//
//   node verify/js/cli.js [--json] [--key VKEY] [--witness VKEY]... [--quorum N] [--campaign ID]... [--receipt FILE]...
//                         [--coupon ID]... [--exclusions FILE] INPUT...

import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { CannotRun, checkFile, checkLog, FILE_BYTES_MAX, filesAt, Key, keyOfLog, kindOf, Quorum, Refused, TYPE_NOTE, TYPE_WITNESS } from './verify.js';

const many = { type: 'string', multiple: true, default: [] };
const OPTIONS = {
  key: { type: 'string' },
  witness: many,
  quorum: { type: 'string' },
  campaign: many,
  receipt: many,
  coupon: many,
  exclusions: { type: 'string' },
  json: { type: 'boolean', default: false },
};

/** A log's files in a folder. */
function filesIn(folder) {
  return {
    async read(name, most) {
      let file;
      try {
        file = await open(join(folder, name));
      } catch (why) {
        if (why.code === 'ENOENT' || why.code === 'ENOTDIR') return null;
        throw new CannotRun(`${name} cannot be read: ${why.message}`);
      }
      try {
        const { size } = await file.stat();
        const bytes = new Uint8Array(Math.min(size, most + 1));
        const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
        return bytes.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    },
  };
}

async function opened(name) {
  if (/^https?:\/\//.test(name)) {
    const files = filesAt(name);
    if (await files.read('checkpoint')) return { files };
    const answer = await fetch(name);
    if (!answer.ok) throw new CannotRun(`there is nothing at ${name}, and no log`);
    return { bytes: new Uint8Array(await answer.arrayBuffer()) };
  }
  return (await stat(name)).isDirectory() ? { files: filesIn(name) } : { bytes: await fileOf(name) };
}

async function fileOf(name) {
  const bytes = new Uint8Array(await readFile(name));
  return bytes.subarray(0, FILE_BYTES_MAX + 1);
}

function quorumOf({ witness, quorum }) {
  if (quorum !== undefined && !(witness.length && /^[0-9]+$/.test(quorum))) {
    throw new CannotRun('--quorum says how many of the witnesses: give them with --witness');
  }
  const keys = witness.map((text) => new Key(text, TYPE_WITNESS));
  return new Quorum(keys, quorum === undefined ? keys.length : Number(quorum));
}

async function run(wanted, names) {
  const quorum = quorumOf(wanted);
  const inputs = await Promise.all(names.map(async (name) => ({ name, ...(await opened(name)) })));
  const papers = await Promise.all(wanted.receipt.map(async (name) => ({ name, bytes: await fileOf(name) })));
  const log = inputs.find(({ files }) => files);
  if (!log && (wanted.campaign.length || papers.length || wanted.coupon.length)) {
    throw new CannotRun('--receipt, --coupon and --campaign are looked up in a log: give its folder or its address, too');
  }
  const given = wanted.key === undefined ? null : new Key(wanted.key, TYPE_NOTE);
  // Papers are checked with the key that is given, or else with that of the first log.
  const key = given ?? (log ? await keyOfLog(log.files).catch(said) : null);
  const exclusions = wanted.exclusions === undefined ? null : new TextDecoder().decode(await fileOf(wanted.exclusions));
  const checked = [];
  for (const { name, files, bytes } of inputs) {
    if (files) {
      checked.push(await checkLog(name, files, { key: given, quorum, campaigns: wanted.campaign, papers, coupons: wanted.coupon }));
    } else if (key || kindOf(bytes) === 'unknown') {
      checked.push(await checkFile(name, bytes, { key, quorum, exclusions }));
    } else {
      throw new CannotRun(`${name} is checked with the log's key: give it with --key VKEY, or the log beside it`);
    }
  }
  return { ok: checked.every(({ ok }) => ok), inputs: checked };
}

/** That a log has no key is said when it is checked. */
function said(why) {
  if (why instanceof Refused) return null;
  throw why;
}

function inWords({ input, kind, ok, campaigns = [], findings, findings_count: count, caveats }) {
  const of = ({ campaign, state, claims = 0 }) => `  campaign ${campaign}: ${state}, ${claims} claims`;
  const wrong = ({ code, detail }) => `  - ${code}: ${detail}`;
  const more = count > findings.length ? [`  - and ${count - findings.length} more`] : [];
  const head = `${input}: ${ok ? 'all of it holds' : 'NOT RIGHT'} (${kind.replace('_', ' ')})`;
  return [head, ...campaigns.map(of), ...findings.map(wrong), ...more, `  caveats: ${caveats.join(', ') || 'none'}`].join('\n');
}

try {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  if (!positionals.length) throw new CannotRun('give a log\'s folder or address, or a file that somebody was given');
  const report = await run(values, positionals);
  console.log(values.json ? JSON.stringify(report) : report.inputs.map(inWords).join('\n'));
  process.exitCode = report.ok ? 0 : 1;
} catch (why) {
  console.error(`koi verify (js): ${why.message}`);
  process.exitCode = 2;
}
