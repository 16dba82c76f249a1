// Checks what a Koi server published, in a browser or in Node, from the public files alone. Written from docs/fairness.md and the
// formats that it names; it shares no code with Koi. What is wrong is never an exception but a finding with a stable code.
//
//   checkLog        a whole log: checkpoint, witnesses, every file and statement, every campaign drawn again
//   checkPaper      a receipt, or the proof that the log has it
//   checkDrawProof  a person's proof in a draw

export { checkDrawProof } from './draws.js';
export { checkLog, keyOfLog } from './logs.js';
export { Key, Quorum, TYPE_NOTE, TYPE_WITNESS } from './notes.js';
export { checkPaper, FILE_BYTES_MAX, kindOf } from './papers.js';
export { CannotRun, Refused } from './pieces.js';

import { checkDrawProof } from './draws.js';
import { checkPaper, kindOf } from './papers.js';

/** Checks a file that somebody was given, whichever it is. `asked` has the log's `key`, a `quorum`, and maybe `exclusions`. */
export async function checkFile(input, bytes, asked) {
  if (kindOf(bytes) === 'draw_proof') return checkDrawProof(input, bytes, asked, asked.exclusions ?? null);
  return checkPaper(input, bytes, asked);
}

/** The files of a log below an address, each as the server has it now. */
export function filesAt(address, ask = fetch) {
  const base = address.replace(/\/+$/, '');
  return {
    async read(name) {
      const answer = await ask(`${base}/${name}`, { redirect: 'error' });
      if (answer.status === 404 || answer.status === 410) return null;
      if (!answer.ok) throw new Error(`${base}/${name} answers ${answer.status}`);
      return new Uint8Array(await answer.arrayBuffer());
    },
  };
}
