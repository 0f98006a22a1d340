#!/usr/bin/env bash
# Who may include whom (ARCHITECTURE.md): rules <- storage <- actors <- net <-
# main.cpp; an arrow never points back, and each library stays in its folder.
# Usage: includes_test.sh [ROOT]. Prints each line that breaks a rule.
set -euo pipefail
cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../..}"

broken=0
# forbid WHY PATTERN PATH...: no file of PATH may include what PATTERN matches.
forbid() {
  local why=$1 pattern=$2 found status=0
  shift 2
  found=$(grep -rnE --include='*.hpp' --include='*.cpp' --include='*.h' --include='*.ipp' \
    "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$@") || status=$?
  [ "$status" -le 1 ] || exit 2 # grep could not read: a folder is missing
  [ -z "$found" ] || { printf '%s:\n%s\n' "$why" "$found"; broken=1; }
}

# ours FOLDERS: a pattern for headers of these folders, from the root or from beside.
ours() { echo "(\.\./)*($1)/"; }

forbid "rules/ includes only rules/" "$(ours 'storage|actors|net|bench|tests')" rules
forbid "storage/ includes rules/ and storage/" "$(ours 'actors|net|bench|tests')" storage
forbid "actors/ knows no net/" "$(ours 'net|bench|tests')" actors
forbid "net/ knows no bench/, no tests/" "$(ours 'bench|tests')" net
forbid "main.cpp knows no bench/, no tests/" "$(ours 'bench|tests')" main.cpp

forbid "CAF stays out of rules/ and storage/" 'caf/' rules storage
forbid "sockets are net/'s" 'boost/(asio|beast)|sys/socket\.h|netinet/|arpa/inet\.h' \
  rules storage actors main.cpp
forbid "LMDB is storage/'s" 'lmdb(\+\+)?\.h' rules actors net main.cpp
mapfile -t storage_headers < <(find storage -name '*.hpp' -o -name '*.h' -o -name '*.ipp')
forbid "LMDB in storage/*.cpp only, no header shows it" 'lmdb(\+\+)?\.h' "${storage_headers[@]}" /dev/null
forbid "headers are included from the root" '\.\.?/' rules storage actors net main.cpp

[ "$broken" -eq 0 ] || exit 1
echo "include arrows: none points back"
