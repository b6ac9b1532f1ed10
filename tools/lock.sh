#!/bin/sh
# Writes requirements/run.txt and requirements/test.txt: the newest versions that pyproject.toml allows, installed
# together in a fresh environment. Names and versions only: no address of a registry, so any mirror serves them.
set -eu
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python="$scratch/bin/python"
"${PYTHON:-python3}" -m venv "$scratch"

freeze() {
    echo "# Made by \`make lock\` from pyproject.toml; do not edit."
    # pip itself comes with the environment; a package from a local folder is named by its version all the same
    "$python" -m pip freeze --exclude sharedbook --exclude pip --exclude setuptools | sed 's/ @ .*//'
}

install() {
    "$python" -m pip --disable-pip-version-check install -qq "$@"
}

install hatchling ".[postgres]"
freeze > requirements/run.txt
install --constraint requirements/run.txt ".[test]"
freeze > requirements/test.txt
