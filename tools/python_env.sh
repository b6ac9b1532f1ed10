#!/bin/sh
# Makes .venv with the locked packages of requirements/$1.txt and the project itself; does nothing when nothing changed.
# Each thing that can be missing is told in one sentence with what to do.
set -eu
lock="requirements/$1.txt"

fail() {
    echo "sharedbook: $1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

[ -w . ] || fail "this folder is read-only ($PWD); copy it to a place where you may write, and start again there."

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    new_enough "$python" && break
    python=
done
[ -n "$python" ] || fail "Python 3.11 or newer is needed, and ${PYTHON:-python3} here is \
$("${PYTHON:-python3}" --version 2>/dev/null || echo missing); install it (Debian 12: apt install python3), \
or name one: make PYTHON=/path/to/python3."
"$python" -c 'import ensurepip, venv' 2>/dev/null || fail "$python has no venv module; run: apt install python3-venv."

# an environment made in another place, by another Python or only in part is made anew
maker="$PWD $("$python" -c 'import sys; print(sys.executable, sys.version)')"
if [ "$(cat .venv/made-by 2>/dev/null)" != "$maker" ]; then
    "$python" -m venv --clear .venv || fail "no environment could be made in $PWD/.venv; the lines above say why."
    echo "$maker" > .venv/made-by
fi

stamp=".venv/made-for-$1"
wanted=$(cat pyproject.toml "$lock" | cksum)
[ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || exit 0

echo "Installing $(grep -c == "$lock") Python packages into .venv ..."
pip=".venv/bin/python -m pip --disable-pip-version-check"
$pip install -qq --requirement "$lock" &&
    $pip install -qq --no-deps --no-build-isolation --editable . ||
    fail "the packages could not be installed; the lines above say why (no network?). Run the same command again."
echo "$wanted" > "$stamp"
