#!/bin/sh
# Installs the npm packages of tests/conformance, as its package-lock.json names them, when that file has changed.
set -eu
cd "$(dirname "$0")/../tests/conformance"
wanted=$(cksum < package-lock.json)
if [ "$(cat node_modules/made-for 2>/dev/null)" != "$wanted" ]; then
    npm ci --fetch-retries=5 --silent --no-audit --no-fund --ignore-scripts </dev/null
    echo "$wanted" > node_modules/made-for
fi
