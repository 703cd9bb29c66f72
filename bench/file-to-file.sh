#!/usr/bin/env bash
# Sealing and opening one file beside cp and age, in one run, on this folder's
# file system and in memory. Usage: file-to-file.sh VENV [MIB]
# passkeep and age include their start; nobody syncs.
set -euo pipefail

bin=$1/bin
size=${2:-1024}

measure() { # measure FOLDER: everything in a folder of its own
    local folder
    folder=$(mktemp -d -p "$1" passkeep-bench.XXXXXX)
    trap 'rm -rf "$folder"' RETURN
    echo "== $size MiB on $(stat -f -c %T "$folder")"
    head -c "${size}M" /dev/urandom >"$folder/plain"
    "$bin/age-keygen" -pq -o "$folder/identity" 2>/dev/null
    "$bin/age-keygen" -y "$folder/identity" >"$folder/recipient"
    "$bin/age" -R "$folder/recipient" -o "$folder/sealed" "$folder/plain"
    local to
    to=$(cat "$folder/recipient")
    hyperfine --warmup 1 --runs 7 --style basic --export-csv "$folder/table.csv" \
        --prepare "rm -f $folder/out" \
        --command-name cp "cp $folder/plain $folder/out" \
        --command-name "passkeep encrypt" \
        "$bin/passkeep encrypt --no-sync --to $to -o $folder/out $folder/plain" \
        --command-name "age encrypt" "$bin/age -r $to -o $folder/out $folder/plain" \
        --command-name "passkeep decrypt" \
        "$bin/passkeep decrypt --no-sync --identity $folder/identity -o $folder/out $folder/sealed" \
        --command-name "age decrypt" \
        "$bin/age -d -i $folder/identity -o $folder/out $folder/sealed" >/dev/null
    # Medians, and how many times the time of cp.
    awk -F, 'NR == 2 { cp = $4 }
        NR > 1 { printf "%-18s %7.3f s   %5.2f x cp\n", $1, $4, $4 / cp }' "$folder/table.csv"
}

"$bin/passkeep" --version
"$bin/age" --version
measure /dev/shm
measure "$PWD"
