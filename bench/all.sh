#!/usr/bin/env bash
# Measures every suite at its full size, and writes docs/benchmarks.md anew.
# Takes about an hour, 9 GiB of memory and as much on the disk; nothing else
# should run meanwhile. Usage: all.sh VENV FOLDER (for the results)
set -euo pipefail

bin=$1/bin
results=$2
here=$(dirname "$0")
export PATH=$bin:$PATH
mkdir -p "$results"

suite() { # suite NAME [OPTION…]
    "$bin/passkeep" bench "$@" --peers --json >"$results/$1.json"
}

suite trees --size 1090MB --budget 200 --folder /dev/shm
suite growth --size 16GiB --budget 240
suite files --size 2GiB --budget 300
suite pipes --size 1GiB --budget 120
suite memory --size 512MiB --budget 180
suite digests --size 1GiB --budget 60
suite messages --budget 45
suite startup --budget 45
suite reads --budget 30
suite space --size 1GiB --budget 30
suite limits --size 512MiB --budget 90
"$bin/python" "$here/page.py" "$here/../docs" "$results"/*.json
