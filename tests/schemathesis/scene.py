"""Plays the story of the OpenAPI examples up to the rate, so that generated requests find something there."""

import json
import sys
import urllib.request

url, path = sys.argv[1:]
for number, step in enumerate(json.load(open(path, encoding="utf-8"))):
    if step["operation"] in ("get_code",) or step.get("as") is None:
        continue
    body = step.get("body")
    method = "PUT" if step["operation"].startswith("set_") else "GET"
    if step["operation"].split("_")[0] in ("create", "submit", "approve", "fund"):
        method = "POST"
    request = urllib.request.Request(url + step["path"], method=method)
    request.add_header("Authorization", f"Bearer sandbox_{step['as']}")
    request.add_header("Idempotency-Key", f"scene-{number}")
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(request, data) as answer:
        assert answer.status == step["status"], step
    if step["operation"] == "set_rate":
        break
