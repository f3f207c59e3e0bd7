#!/usr/bin/env bash
# Installs what launch/packages.txt lists for the given purposes and is missing; says what.
# usage: launch/install_packages.sh PURPOSE...          (build, test)
set -euo pipefail
list="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/packages.txt"

missing=()
for purpose in "$@"; do
  while read -r kind name _; do
    [ "$kind" = "$purpose" ] || continue
    state=$(dpkg-query -W -f='${Status}' "$name" 2>/dev/null || echo none)
    [ "$state" = "install ok installed" ] || missing+=("$name")
  done <"$list"
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "This is no Debian. What launch/packages.txt lists has to come from elsewhere, modules for example; then build with:" >&2
  echo "  cmake -S . -B build -DLOCKSTEP_TESTS=OFF && cmake --build build --parallel --target trainer" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "Some packages are missing. Install them with this line, then run this script again:" >&2
  echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  cat "$log" >&2
  echo "install_packages.sh: apt-get failed; see above" >&2
  exit 1
fi
rm -f "$log"
