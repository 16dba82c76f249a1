#!/usr/bin/env python3
"""Makes the folder `vendor` again from the packages of npm, and says whether it is unchanged.

    python3 verify/js/vendor.py            compares the files with vendor/SHA256SUMS; needs no network
    python3 verify/js/vendor.py --fetch    fetches the packages with npm, writes the files, and compares them

The files are those of the packages, byte for byte, but for one thing: where one package names the other, the name is
written as a path (`@noble/hashes/sha2.js` becomes `../noble-hashes/sha2.js`), since a browser knows no packages.
"""

import hashlib
import pathlib
import posixpath
import re
import subprocess
import sys
import tarfile
import tempfile

VENDOR = pathlib.Path(__file__).parent / "vendor"
SUMS = VENDOR / "SHA256SUMS"
# The package, its version, the SHA-256 of its tarball, and the files that are needed of it.
PACKAGES = [
    (
        "@noble/curves",
        "2.4.0",
        "55279c71b0201d6c0e58d0206d15825359e02a3932f326ba7b7909ac2d334aa9",
        "LICENSE bls12-381.js utils.js abstract/bls.js abstract/curve.js abstract/der.js abstract/edwards.js"
        " abstract/hash-to-curve.js abstract/modular.js abstract/tower.js abstract/weierstrass.js",
    ),
    ("@noble/hashes", "2.4.0", "e1946149b780017b2564fcc092cb01c04e1d7f20627d0296c17da8868f4436dc", "LICENSE _md.js _u64.js hmac.js sha2.js utils.js"),
]


def folder_of(package):
    return package[1:].replace("/", "-")


def with_paths(file, text):
    """The text of a file with packages' names written as paths."""

    def path(match):
        target = posixpath.join(folder_of(match[1]), match[2])
        return f"from '{posixpath.relpath(target, posixpath.dirname(file))}'"

    # Only at the beginning of a line: the others stand in examples of comments.
    return re.sub(r"(?m)(?<=^)(import [^\n]*)from '(@noble/\w+)/([\w./-]+)'", lambda m: m[1] + path([None, m[2], m[3]]), text)


def fetch():
    for package, version, sha256, files in PACKAGES:
        with tempfile.TemporaryDirectory() as place:
            packed = subprocess.run(
                ["npm", "pack", f"{package}@{version}", "--silent"], cwd=place, check=True, stdout=subprocess.PIPE, text=True
            )
            archive = pathlib.Path(place) / packed.stdout.split()[-1]
            found = hashlib.sha256(archive.read_bytes()).hexdigest()
            if found != sha256:
                sys.exit(f"{package} {version} is {found}, not {sha256}: nothing was written")
            with tarfile.open(archive) as tar:
                for file in files.split():
                    name = f"{folder_of(package)}/{file}"
                    target = VENDOR / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    text = tar.extractfile(f"package/{file}").read().decode()
                    target.write_text(with_paths(name, text), encoding="utf-8")


def sums():
    files = [path for path in VENDOR.rglob("*") if path.is_file() and path != SUMS]
    names = sorted(path.relative_to(VENDOR).as_posix() for path in files)
    return "".join(f"{hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def main():
    if "--fetch" in sys.argv:
        fetch()
        if not SUMS.exists():
            SUMS.write_text(sums(), encoding="utf-8")
    stated, found = SUMS.read_text(encoding="utf-8").splitlines(), sums().splitlines()
    differ = sorted({line.split()[1] for line in set(stated) ^ set(found)})
    if differ:
        sys.exit(f"verify/js/vendor: {', '.join(differ)}: not what SHA256SUMS says")
    print(f"verify/js/vendor: {len(found)} files are unchanged")


if __name__ == "__main__":
    main()
