#!/usr/bin/env python3
"""Whether the three verifiers agree: Rust (`koi verify`), Python (koi_verify.py) and JavaScript (js/cli.js).

    python3 verify/agree.py KOI [--seed N] [--cases N] [--keep FOLDER] [--made-up COMMAND]

KOI is the program. Thousands of receipts, proofs and logs are made of honest ones by changing them, from a seed: each verifier reads
all of them in a few calls. What is changed without its signature must be refused by all three; of logs that are signed again after a
change, everything that they count and find must be the same. Exit status 1: they do not agree, and the first differences are said.

Without the package py_ecc the Python verifier cannot tell whose signature a point is: where only that is wrong it is not asked.
"""

import argparse
import concurrent.futures
import json
import pathlib
import random
import shlex
import shutil
import subprocess
import sys
import tempfile

import koi_verify as koi
from agree_cases import LOG, WITNESSES, changed_draws, changed_files, papers, signed_logs

HERE = pathlib.Path(__file__).resolve().parent
MADE_UP = "cargo run --quiet --locked -p koi-fair --example made_up_log --"
FILES_STAGE = {
    "tile_missing", "tile_length", "bundle_malformed", "root_differs", "tile_differs", "entry_differs", "files_changed",
}  # fmt: skip
COUNTED = ("campaign", "state", "claims", "put_back", "moved", "cells", "left", "issued", "findings")
DRAWN = ("entries", "index", "winner", "reserves", "place")

# ------------------------------------------------------------------------------------------------ the comparison


def essence(report):
    """What must agree of an input."""
    said = {name: report.get(name) for name in ("kind", "ok")}
    findings = {tuple(finding.get(name) for name in ("code", "campaign", "cell", "ordinal")) for finding in report["findings"]}
    if {finding[0] for finding in findings} & FILES_STAGE:
        findings = {("files",) if finding[0] in FILES_STAGE else finding for finding in findings}
    if report["kind"] == "log":
        said.update(size=str(report.get("size")), root=report.get("root"))
        said["campaigns"] = [{name: one.get(name) for name in COUNTED} for one in report.get("campaigns", [])]
    if "draw" in report:
        said["draw"] = {name: report["draw"][name] for name in DRAWN}
    many = any(one["findings"] > koi.FINDINGS_MAX for one in report.get("campaigns", []))
    said["findings"] = "many" if many or report["findings_count"] > koi.FINDINGS_MAX else sorted(findings, key=str)
    return said


def reports(command, folder, options, names):
    """What a verifier says of each input."""
    ran = subprocess.run([*command, "--json", *options, *names], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if ran.returncode not in (0, 1):
        sys.exit(f"{command[-1]} ended with {ran.returncode}:\n{ran.stderr[-2000:]}")
    return {report["input"]: report for report in json.loads(ran.stdout)["inputs"]}


def write(folder, name, data):
    files = {name: data} if isinstance(data, bytes) else {f"{name}/{file}": part for file, part in data.items()}
    for file, part in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(part)


def compare(group, cases, options, verifiers, place):
    """Runs all verifiers over all cases; answers what differs, in words."""
    folder = place / group
    folder.mkdir()
    named = {f"{number:05}": case for number, case in enumerate(cases)}
    for name, case in named.items():
        write(folder, name, case.data)
    if not named:
        print(f"{group}: there are none")
        return []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = {
            language: pool.submit(reports, command, folder, options, list(named)) for language, command in verifiers.items()
        }
        said = {language: future.result() for language, future in running.items()}
    wrong, refused = [], 0
    for name, case in named.items():
        asked = [language for language in verifiers if language != "python" or case.python]
        found = {language: essence(said[language][name]) for language in asked}
        refused += not found["rust"]["ok"]
        one = found["rust"]
        if any(other != one for other in found.values()):
            wrong.append(f"{group}/{name} ({case.name}): they differ\n" + "\n".join(f"  {language}: {essence}" for language, essence in found.items()))
        elif case.refused is not None and one["ok"] == case.refused:
            wrong.append(f"{group}/{name} ({case.name}): {'accepted' if one['ok'] else 'refused'} by all: {one}")
    print(f"{group}: {len(named)} cases, {refused} refused, {len(wrong)} wrong")
    return wrong


def made_up(command, folder, claims, seed):
    """The leaves of an honest log of three campaigns."""
    command = [*shlex.split(command), str(folder), "--claims", str(claims), "--seed", str(seed)]
    subprocess.run(command, check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
    files = koi.Folder(folder)
    size = int(files.read("checkpoint", koi.NOTE_BYTES_MAX).split(b"\n")[1])
    return [leaf for _, _, entries in koi.Tiles(files, size).bundles() for leaf in entries]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("koi", help="the program koi")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=1500, help="papers that are changed by chance; of logs a fifth of it")
    parser.add_argument("--keep", metavar="FOLDER", help="where the cases stay, to look at them")
    parser.add_argument("--made-up", metavar="COMMAND", default=MADE_UP, help="what makes an honest log")
    wanted = parser.parse_args()
    dice = random.Random(wanted.seed)
    place = pathlib.Path(wanted.keep or tempfile.mkdtemp(prefix="koi_agree."))
    place.mkdir(parents=True, exist_ok=True)
    verifiers = {
        "rust": [str(pathlib.Path(wanted.koi).resolve()), "verify"],
        "python": [sys.executable, str(HERE / "koi_verify.py")],
        "javascript": ["node", str(HERE / "js" / "cli.js")],
    }
    try:
        leaves = made_up(wanted.made_up, place / "made_up", 150, wanted.seed)
        many = made_up(wanted.made_up, place / "made_up_too", 300, wanted.seed)  # more than one tile
        witnesses = [option for witness in WITNESSES for option in ("--witness", witness.vkey)]
        key = ["--key", LOG.vkey]
        wrong = compare("papers", papers(leaves, dice, wanted.cases), [*key, *witnesses], verifiers, place)
        wrong += compare("logs", signed_logs(leaves, dice, wanted.cases // 5), [], verifiers, place)
        wrong += compare("files", changed_files(many, dice, wanted.cases // 5), witnesses, verifiers, place)
        vectors = HERE / "vectors" / "draw_proof.json"
        if vectors.exists():
            draws = json.loads(vectors.read_text(encoding="utf-8"))
            changed = changed_draws(draws, dice, wanted.cases // 5)
            wrong += compare("draws", changed, ["--key", draws["key"]], verifiers, place)
    finally:
        if not wanted.keep:
            shutil.rmtree(place, ignore_errors=True)
    if wrong:
        sys.exit("\n".join(wrong[:10]) + f"\n{len(wrong)} differences; seed {wanted.seed}")
    print(f"all verifiers agree; seed {wanted.seed}")


if __name__ == "__main__":
    main()
