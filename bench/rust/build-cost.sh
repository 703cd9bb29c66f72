#!/bin/sh
# Clean release build time of this crate with one backend at a time, and the
# size of the stripped shared library that results, as Markdown table rows.
# "none" is the crate without any backend: what Rust itself contributes.
# Usage: build-cost.sh [backend...]
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- none rustcrypto graviola ring aws-lc openssl

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Downloads must not count.
cargo fetch --locked --quiet

for backend; do
    features=$backend
    [ "$backend" != none ] || features=
    begin=$(date +%s.%N)
    cargo build --release --lib --locked --quiet --no-default-features \
        --features "$features" --target-dir "$scratch/target"
    end=$(date +%s.%N)

    library=$(find "$scratch/target/release" -maxdepth 1 -name '*passkeep_bench_aead.so' \
        -o -maxdepth 1 -name '*passkeep_bench_aead.dylib')
    rm -f "$scratch/wheel.zip"
    zip -9 -j -q "$scratch/wheel.zip" "$library"
    awk -v name="$backend" -v begin="$begin" -v end="$end" \
        -v size="$(wc -c <"$library")" -v zipped="$(wc -c <"$scratch/wheel.zip")" 'BEGIN {
            printf "| %s | %.1f s | %.2f MB | %.2f MB |\n", name, end - begin, size / 1e6, zipped / 1e6
        }'
    rm -rf "$scratch/target"
done
