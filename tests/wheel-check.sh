#!/usr/bin/env bash
# Installs the built wheel into a bare virtual environment, with no Rust on the
# PATH, and makes a round trip with it. Usage: wheel-check.sh PYTHON DIST
set -euo pipefail

python=$(command -v "$1")
wheel=$(ls -t "$2"/passkeep-*.whl | head -n 1)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$python" -m venv "$folder/venv"
export PATH="$folder/venv/bin:/usr/bin:/bin"
if command -v cargo rustc; then
    echo "Rust is on the PATH; this would prove nothing" >&2
    exit 1
fi
pip install --quiet --disable-pip-version-check "$wheel"
ls -l "$wheel"
passkeep --version

export PASSKEEP_STATE_DIR="$folder/state" PASSKEEP_KEYRING="$folder/keyring.json"
mkdir "$folder/tree"
head -c 5000000 /dev/urandom >"$folder/tree/data"
passkeep init --no-passkey --recovery-key-out "$folder/recovery.txt"
passkeep backup "$folder/tree" -o "$folder/backup.tar.age"
passkeep restore "$folder/backup.tar.age" -C "$folder/restored" \
    --recovery-key-file "$folder/recovery.txt"
cmp "$folder/tree/data" "$folder/restored/tree/data"
echo "the wheel works"
