#!/usr/bin/env bash
# What the browser tests need: Debian's Chromium with its driver, and axe-core. Does only what is
# missing. A machine where they cannot be installed is fit all the same: those tests are skipped there
# and say so, and fail where CI is set.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

readonly AXE_WHEEL=axe-playwright-python==0.1.8 # carries axe-core 4.12; nothing else of it is used
readonly AXE=.setup/axe

say() { printf 'setup: %s\n' "$*"; }

if ! { command -v chromium && command -v chromedriver; } >/dev/null; then
  if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null; then
    say "installing chromium (apt-get), for the tests of the report"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      chromium chromium-driver; } >/dev/null 2>&1 </dev/null ||
      say "chromium could not be installed: the browser tests will not run"
  else
    say "no chromium and chromedriver here: the browser tests will not run"
  fi
fi

if [[ ! -f $AXE/axe_playwright_python/axe.min.js ]]; then
  say "installing axe-core, for the tests of the report"
  .venv/bin/python -m pip install --disable-pip-version-check --no-input --quiet --no-deps --retries 1 \
    --upgrade --target "$AXE" "$AXE_WHEEL" >/dev/null 2>&1 ||
    say "axe-core could not be installed: the tests of accessibility will not run"
fi
exit 0
