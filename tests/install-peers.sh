#!/usr/bin/env bash
# Installs what the tests meet passkeep with: a real browser, other age
# implementations, what checks pages, a counter of instructions and an older CPU. Usage: install-peers.sh VENV
set -euo pipefail

venv=$1
age_version=v1.3.2
npm_age_version=0.3.1
axe_version=4.14.1

need() { # need COMMAND PACKAGE: installs a Debian package where a command is missing
    command -v "$1" >/dev/null && return
    echo "installing $2"
    if [ -z "${apt_updated:-}" ]; then
        $sudo apt-get update -qq
        apt_updated=1
    fi
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$2" >/dev/null
}

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

need chromium chromium
need chromedriver chromium-driver
need hyperfine hyperfine
need zstd zstd
need b3sum b3sum
need go golang-go
need npm npm
need valgrind valgrind
need qemu-x86_64 qemu-user
need fido2-token fido2-tools # and libfido2

# Debian's age knows no hybrid recipients yet.
if ! "$venv/bin/age" --version 2>/dev/null | grep -qx "$age_version"; then
    echo "installing age $age_version"
    GOBIN="$venv/bin" go install "filippo.io/age/cmd/age@$age_version" "filippo.io/age/cmd/age-keygen@$age_version"
fi

for package in "age-encryption@$npm_age_version" "axe-core@$axe_version"; do
    [ -d "$venv/npm/node_modules/${package%@*}" ] && continue
    echo "installing $package"
    mkdir -p "$venv/npm"
    npm install --silent --no-audit --no-fund --no-package-lock --prefix "$venv/npm" "$package"
done
