#!/usr/bin/env bash
# Runs the example and reads what it wrote: the published post, and nothing else.
set -euo pipefail
program=$1
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
timeout 60 "$program" "$directory/data" "$directory/events.ndjson"
[ "$(wc -l <"$directory/events.ndjson")" -eq 1 ]
grep -q '"action":"created".*"title":"Hello"' "$directory/events.ndjson"
grep -q '"channels":\["velo\.realtime\.' "$directory/events.ndjson"
