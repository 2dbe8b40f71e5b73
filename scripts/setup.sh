#!/usr/bin/env bash
# Set-up: virtual environment, pinned installation, Docker engine, images. Does only what is missing,
# so that a second run costs about a second.
#
#   scripts/setup.sh              everything
#   scripts/setup.sh --only NAME  everything, but of the images only those of one target
#   scripts/setup.sh --no-engine  only the Python side, for tests that need no engine
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.venv
readonly STAMP=.setup/installed
readonly ENVIRONMENT=4 # the exit code that says: the machine is not fit

say() { printf 'setup: %s\n' "$*"; }

unfit() {
  printf 'setup: %s\n' "$*" >&2
  exit "$ENVIRONMENT"
}

# Whether packages can be installed here without asking anybody.
may_install() { [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; }

# Run a command; its last words are shown only when it fails.
quietly() {
  local log code=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null || code=$?
  if [[ $code -ne 0 ]]; then tail -n 15 "$log" >&2; fi
  rm -f "$log"
  return "$code"
}

install_packages() {
  say "installing $* (apt-get)"
  quietly apt-get update || unfit "apt-get update failed; its last words are above"
  DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "$@" ||
    unfit "apt-get could not install $*; its last words are above"
}

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if is_new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  return 1
}

make_venv() {
  local python
  if ! python=$(find_python); then
    may_install || unfit "Python 3.11 or newer is needed (PYTHON=/path/to/python3 names one)"
    install_packages python3 python3-venv
    python=$(find_python) || unfit "this system's Python is older than 3.11; install a newer one"
  fi
  if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
    :
  elif may_install; then
    install_packages python3-venv
  else
    unfit "Python's venv module is missing; on Debian or Ubuntu: apt-get install python3-venv"
  fi
  say "making $VENV with $("$python" --version)"
  rm -rf "$VENV"
  "$python" -m venv "$VENV"
}

install_python_side() {
  local wanted
  wanted=$(cat pyproject.toml constraints.txt | sha256sum)
  wanted="${wanted%% *} $PWD"
  if [[ -x $VENV/bin/chaoskit && -f $STAMP && $(<"$STAMP") == "$wanted" ]]; then
    return
  fi
  is_new_enough "$VENV/bin/python" || make_venv
  say "installing chaoskit and its pinned dependencies"
  quietly "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input \
    --constraint constraints.txt --editable '.[dev]' ||
    unfit "pip could not install the dependencies; its last words are above"
  mkdir -p "$(dirname "$STAMP")"
  printf '%s\n' "$wanted" >"$STAMP"
}

prepare_images() {
  local code=0
  "$VENV/bin/python" -m chaoskit.target.images "$@" || code=$?
  # Without a registry the base image is made with mmdebstrap; an engine that was here before set-up
  # may well have come without it.
  if [[ $code -eq $ENVIRONMENT ]] && ! command -v mmdebstrap >/dev/null && may_install; then
    install_packages mmdebstrap debian-archive-keyring
    code=0
    "$VENV/bin/python" -m chaoskit.target.images "$@" || code=$?
  fi
  return "$code"
}

install_python_side
if [[ ${1:-} != --no-engine ]]; then
  scripts/browser.sh
  scripts/engine.sh
  targets=(targets/*/compose.yaml) # the others are for clusters, which have images of their own
  if [[ ${1:-} == --only ]]; then
    targets=()
    # A name that is not there is chaoskit's to complain about: it knows what is meant.
    if [[ -f targets/${2:-}/compose.yaml ]]; then targets=("targets/$2/compose.yaml"); fi
  fi
  prepare_images "${targets[@]%/compose.yaml}"
fi
