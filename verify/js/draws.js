// A person's proof in a draw: one file, canonical JSON, checked in one order; the first thing that is wrong is said.

import { beaconWrong, CHAINS, drawOutcome, drawSeed, entryLeaf, EXCLUSIONS_HEADING, exclusionsOf, LOCAL } from './luck.js';
import { Checkpoint, cosignedText } from './notes.js';
import { Checked, numbered } from './papers.js';
import { base64Of, bytesOf, bytesOfBase64, bytesOfHex, canonical, canonicalText, hexOf, instantOf, refuse, Refused, sha256 } from './pieces.js';
import { areIndices, checkDrawStatement, fits, isAnything, isBase64, isCount, isObject, isText, isTextOf, witnessesOf } from './statements.js';
import { checkStage } from './trees.js';

const BYTES_MAX = 65_536;
const HASHES_MAX = 64;

const isProof = isBase64(0, 32 * HASHES_MAX, 32);
const isDrawProof = fits({
  beacon: isBase64(48, 48),
  checkpoint: isText,
  entry: fits({ external_id: isTextOf(1, 256), index: isCount, proof: isProof, salt: isBase64(32, 32) }),
  format: isText,
  seal: isAnything,
  seal_index: isCount,
  seal_proof: isProof,
  skipped: areIndices,
  winner: isCount,
});

/** A proof in its one spelling. Nothing is verified yet. */
function readProof(bytes) {
  if (bytes.length > BYTES_MAX) refuse('proof_too_long', `a proof of a draw has at most ${BYTES_MAX} bytes`);
  let proof;
  try {
    proof = canonical(bytes);
  } catch (why) {
    if (!(why instanceof Refused)) throw why;
    refuse('proof_not_canonical', why.message);
  }
  if (!isObject(proof) || proof.format !== 'koi/draw-proof/v1') refuse('proof_version', 'it is of a format that is not known here');
  if (!isDrawProof(proof)) refuse('proof_member', 'a member of the proof is missing, unknown or wrong');
  checkDrawStatement(proof.seal, 'draw_seal');
  return { proof, seal: proof.seal, rules: proof.seal.rules };
}

function hashesOf(encoded) {
  const bytes = bytesOfBase64(encoded);
  return Array.from({ length: bytes.length / 32 }, (_, place) => bytes.subarray(32 * place, 32 * place + 32));
}

/** The chain of a draw and the time of its round, if everything was said when it had to be. */
function checkTimes(seal, rules) {
  if (seal.draw !== rules.draw) refuse('draw_differs', 'the seal and the rules are of different draws');
  const chain = CHAINS.get(rules.beacon.chain);
  if (!chain) refuse('chain_unknown', 'its randomness is of a chain that is not known here');
  if (rules.beacon.local !== (chain === LOCAL)) refuse('chain_local', 'the chain is marked wrongly as local or public');
  const close = instantOf(rules.close);
  const round = chain.roundAt(close + rules.margin_s * 1000);
  if (BigInt(seal.round) !== round) refuse('round_formula', `the seal is of round ${seal.round}; by the rules it had to be ${round}`);
  if (instantOf(rules.at) >= close) refuse('rules_late', 'the rules were stated when entries were closed');
  if (instantOf(seal.at) < close) refuse('sealed_early', 'the seal was stated before entries were closed');
  const time = chain.timeS(round);
  if (BigInt(instantOf(seal.at)) >= time * 1000n) refuse('sealed_late', 'the seal was stated when the round was known');
  return { chain, time };
}

/** The excluded indices (BigInts), ascending; null if they are not given. */
function checkExclusions({ skipped }, { entries, exclusions }, text) {
  let found = exclusions.count === 0 ? [] : null;
  if (text !== null) {
    try {
      found = exclusionsOf(text).map(({ index }) => index);
    } catch (why) {
      refuse('exclusions_malformed', why.message);
    }
    if (hexOf(sha256(text)) !== exclusions.hash) refuse('exclusions_hash', 'the list of exclusions is not the one that was sealed');
  }
  if (exclusions.count === 0 && exclusions.hash !== hexOf(sha256(EXCLUSIONS_HEADING))) {
    refuse('exclusions_hash', 'nobody is excluded, but the hash is not that of the empty list');
  }
  const differs = found !== null && found.length !== exclusions.count;
  if (differs || exclusions.count > entries || skipped.length > exclusions.count) {
    refuse('exclusions_count', 'the number of exclusions is not the one that was sealed');
  }
  const largest = found?.at(-1) ?? -1n;
  if (largest >= BigInt(entries) || skipped.some((index) => index >= entries)) {
    refuse('excluded_nobody', "an index is excluded that is no entry's");
  }
  return found;
}

/** The winner and the reserves, drawn again. */
function checkWinner(proof, seal, rules, chain, excluded) {
  if (1 + rules.reserves > seal.entries - seal.exclusions.count) {
    refuse('too_few_entries', 'there are fewer entries than winner and reserves');
  }
  const rulesHash = sha256(canonicalText(rules));
  const randomness = sha256(bytesOfBase64(proof.beacon));
  const seed = drawSeed(rulesHash, bytesOfHex(seal.root), seal.entries, bytesOfHex(chain.hash), seal.round, randomness);
  const skipped = proof.skipped.map(BigInt).sort((one, other) => (one < other ? -1 : 1));
  const passed = [];
  const indices = drawOutcome(seed, BigInt(seal.entries), excluded ?? skipped, rules.reserves, passed);
  if (String(passed) !== String(proof.skipped)) {
    refuse('skipped_differs', `the draw passed over ${passed}, the proof says ${proof.skipped}`);
  }
  if (indices[0] !== BigInt(proof.winner)) refuse('winner_differs', `the winner is entry ${indices[0]}, the proof says ${proof.winner}`);
  return indices.map(Number);
}

function placeOf(index, winner, reserves, out) {
  if (index === winner) return 'winner';
  if (reserves.includes(index)) return 'reserve';
  return out.has(index) ? 'excluded' : 'none';
}

/** Checks a person's proof in a draw; `exclusions` is the text of the published list, or null. */
export async function checkDrawProof(input, bytes, asked, exclusions = null) {
  const checked = new Checked(input, 'draw_proof');
  return checked.run(() => {
    const { proof, seal, rules } = readProof(bytes);
    const checkpoint = new Checkpoint(proof.checkpoint, asked.key);
    const leaf = bytesOf(canonicalText(seal));
    checkStage('seal', proof.seal_index, checkpoint.size, leaf, hashesOf(proof.seal_proof), checkpoint.root);
    const { chain, time } = checkTimes(seal, rules);
    const cosignatures = witnessesOf(rules.witnesses, rules.quorum).reached(checkpoint.note, time);
    const own = asked.quorum.reached(checkpoint.note, time);
    const wrong = beaconWrong(chain, seal.round, bytesOfBase64(proof.beacon), null);
    if (wrong) refuse(wrong.code === 'signature_wrong' ? 'beacon_signature' : 'beacon_encoding', wrong.message);
    const { entry } = proof;
    const opened = entryLeaf(rules.draw, bytesOfBase64(entry.salt), entry.external_id);
    checkStage('entry', entry.index, seal.entries, opened, hashesOf(entry.proof), bytesOfHex(seal.root));
    const excluded = checkExclusions(proof, seal, exclusions);
    const [winner, ...reserves] = checkWinner(proof, seal, rules, chain, excluded);

    const names = new Set(cosignatures.map(({ name }) => name));
    Object.assign(checked.said, { origin: asked.key.name, size: numbered(checkpoint.size), root: base64Of(checkpoint.root) });
    checked.said.cosigned = cosignedText([...cosignatures, ...own.filter(({ name }) => !names.has(name))]);
    checked.said.draw = {
      draw: rules.draw,
      entries: seal.entries,
      index: entry.index,
      number: entry.index + 1,
      winner,
      reserves,
      place: placeOf(entry.index, winner, reserves, new Set(excluded?.map(Number) ?? proof.skipped)),
      round: seal.round,
      local: rules.beacon.local,
    };
    if (rules.beacon.local) checked.caveats.add('local_randomness');
    if (!rules.quorum) checked.caveats.add('no_witnesses');
    if (!excluded) checked.caveats.add('exclusions_believed');
  });
}
