#!/usr/bin/env bash
# Plays a few thousand generated requests against a sandbox, by its own OpenAPI document: no 5xx, no undocumented
# answer. Bounded in time; not part of ./test.
#
#   tests/schemathesis.sh [BINARY] [EXAMPLES] [SECONDS]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
binary=${1:-$here/../target/release/koi}
examples=${2:-60}
seconds=${3:-900}
work=$(mktemp -d)
server=
finish() {
  if [ -n "$server" ]; then kill "$server" || true; fi
  rm -rf "$work"
}
trap finish EXIT

venv=${KOI_SCHEMATHESIS_VENV:-$work/venv}
if [ ! -x "$venv/bin/schemathesis" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet 'schemathesis>=4,<5'
fi

"$binary" serve --sandbox --data "$work/data" --listen 127.0.0.1:0 --clock 2018-07-19T22:15:00Z \
  >"$work/out" 2>"$work/log" &
server=$!
for _ in $(seq 100); do
  url=$(sed -n 's/^listening on //p' "$work/out")
  [ -n "$url" ] && break
  sleep 0.1
done

# The scene: the first steps of the story that the document's examples tell, up to the rate.
"$venv/bin/python" "$here/schemathesis/scene.py" "$url" "$here/../crates/koi/src/http/openapi/examples.json"

cd "$here/schemathesis"
SCHEMATHESIS_HOOKS=hooks timeout "$seconds" "$venv/bin/schemathesis" run "$url/openapi.json" --phases examples,coverage,fuzzing,stateful \
  --max-examples "$examples" --continue-on-failure --suppress-health-check all --no-color
if grep -q ' ERROR ' "$work/log"; then
  grep ' ERROR ' "$work/log" | head -20
  exit 1
fi
