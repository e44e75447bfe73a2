#!/usr/bin/env bash
# Makes .venv with the packages of requirements.lock and lakekit itself; returns at once when that is done already.
# It must not touch anything outside .venv, and must never leave a half-made .venv that looks finished.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset PYTHONHOME PYTHONPATH
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1
venv_python=.venv/bin/python

say() { echo "$*" >&2; }

runs_well() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

version_of() { "$1" -c 'import platform; print(platform.python_version())' 2>/dev/null || echo "no Python that runs"; }

# What .venv was made from: a moved folder or another lock needs a new one.
packages_wanted() { pwd; cksum <requirements.lock; }
package_itself_wanted() { cksum <pyproject.toml; }

packages_are_there() {
    runs_well "$venv_python" && [ "$(cat .venv/.packages 2>/dev/null)" = "$(packages_wanted)" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$(version_of "$PYTHON")" = "$(version_of "$venv_python")" ]
}

find_python() {
    local candidate
    if [ -n "${PYTHON:-}" ]; then
        runs_well "$PYTHON" && echo "$PYTHON" && return
        say "PYTHON=$PYTHON is $(version_of "$PYTHON"); lakekit needs Python 3.11 or newer."
        return 1
    fi
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
        runs_well "$candidate" && echo "$candidate" && return
    done
    say "lakekit needs Python 3.11 or newer; python3 here is $(version_of python3)."
    say "Hint: install one, or name one that is not on the PATH: make demo PYTHON=/path/to/python3.12"
    return 1
}

# Debian ships Python without ensurepip: then a pip or a virtualenv that is there already must do.
make_venv() {
    "$1" -m venv --clear .venv >/dev/null 2>&1 && return
    "$1" -m venv --clear --without-pip .venv >/dev/null 2>&1 &&
        "$1" -m pip --python "$venv_python" install --quiet pip >/dev/null 2>&1 && return
    rm -rf .venv
    "$1" -m virtualenv --quiet .venv >/dev/null 2>&1 && return
    rm -rf .venv
    say "$1 cannot make a virtual environment: its modules venv and ensurepip are not installed."
    say "Hint: on Debian and Ubuntu: sudo apt-get install python3-venv; then run make again."
    return 1
}

# pip fetches uv, uv fetches the rest: a tenth of the time. Where uv finds no way out (it does not read pip's
# configuration), pip does all of it. Both refuse a file whose hash is not in the lock.
install_packages() {
    local pip=("$venv_python" -m pip install --quiet --require-hashes --no-deps)
    if "${pip[@]}" -r <(awk '/^uv==/ {on = 1} on {print} on && !/\\$/ {exit}' requirements.lock) &&
        "$venv_python" -m uv pip sync --python "$venv_python" --require-hashes requirements.lock 2>&1 |
        sed '/^ *[+~-] /d; /^ *Downloaded /d; s/^ */    /' >&2; then
        return
    fi
    say "  uv did not get through; pip now does the same, which takes about a minute longer …"
    "${pip[@]}" -r requirements.lock
}

if ! packages_are_there; then
    python=$(find_python)
    say "Setting up .venv, once: about 400 MB to download, 1.5 GB on disk; half a minute on a fast line."
    say "  making a virtual environment with Python $(version_of "$python") …"
    make_venv "$python"
    say "  installing the $(grep -c '^[a-z0-9]' requirements.lock) pinned packages of requirements.lock …"
    install_packages
    packages_wanted >.venv/.packages.new
    rm -f .venv/.package_itself
    mv .venv/.packages.new .venv/.packages
fi
if [ "$(cat .venv/.package_itself 2>/dev/null)" != "$(package_itself_wanted)" ]; then
    say "  installing lakekit itself, from this folder …"
    "$venv_python" -m pip install --quiet --no-index --no-deps --no-build-isolation --editable .
    package_itself_wanted >.venv/.package_itself.new
    mv .venv/.package_itself.new .venv/.package_itself
    say "  ready."
fi
