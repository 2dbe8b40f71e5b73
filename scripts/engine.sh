#!/usr/bin/env bash
# A Docker engine that answers: the one that is there, or the distribution's own, installed and
# started. Exit code 4 and an instruction where that is not ours to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly LOG=/var/log/dockerd.log
readonly WAIT_S=60
readonly ENVIRONMENT=4 # the exit code that says: the machine is not fit

say() { printf 'engine: %s\n' "$*"; }

unfit() {
  printf 'engine: %s\n' "$@" >&2
  exit "$ENVIRONMENT"
}

# Asked the way chaoskit itself will ask.
answers() {
  .venv/bin/python -c 'import docker; docker.from_env(timeout=10).ping()' 2>/dev/null
}

install_engine() {
  if ! command -v apt-get >/dev/null; then
    unfit "no Docker engine answers, and this is not Debian or Ubuntu." \
      "Install Docker Engine 20.10 or newer (https://docs.docker.com/engine/install/) and try again."
  fi
  say "installing docker.io and mmdebstrap (apt-get)"
  local log
  log=$(mktemp)
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y \
    --no-install-recommends docker.io mmdebstrap debian-archive-keyring; } >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    unfit "apt-get could not install docker.io; its last words are above"
  fi
  rm -f "$log"
}

start_engine() {
  if [[ -d /run/systemd/system ]]; then
    say "starting docker.service"
    systemctl start docker || unfit "docker.service does not start; see: journalctl -u docker"
    return
  fi
  if pidof dockerd >/dev/null; then
    say "dockerd runs and does not answer yet"
    return
  fi
  say "starting dockerd, log in $LOG"
  # In a session of its own: it must outlive this script, and no Ctrl-C may reach it.
  setsid --fork dockerd >>"$LOG" 2>&1 </dev/null
}

give_up() {
  if [[ -r $LOG ]]; then grep -v level=info "$LOG" | tail -n 8 >&2 || true; fi
  unfit "$1; its log is $LOG (with systemd: journalctl -u docker)."
}

await_engine() {
  local deadline=$((SECONDS + WAIT_S)) seen_dead=0
  until answers; do
    # Several times, because a process that is just starting may not be seen yet.
    if pidof dockerd >/dev/null; then seen_dead=0; else seen_dead=$((seen_dead + 1)); fi
    ((seen_dead < 5)) || give_up "dockerd ended instead of answering"
    ((SECONDS < deadline)) || give_up "the Docker engine did not answer within $WAIT_S s"
    sleep 0.3
  done
}

if answers; then
  exit 0
fi
if [[ -n ${DOCKER_HOST:-} ]]; then
  unfit "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST." \
    "Start it, or unset DOCKER_HOST to use the one of this machine."
fi
if [[ $EUID -ne 0 ]]; then
  unfit "no Docker engine answers at the default socket, or $(id -un) may not use it." \
    "Start Docker, or join its group (usermod -aG docker $(id -un), then log in again)," \
    "or, on Debian or Ubuntu, run this set-up once as root: it installs and starts one."
fi
command -v dockerd >/dev/null || install_engine
start_engine
await_engine
say "Docker $(dockerd --version | sed 's/.*version \([^,]*\),.*/\1/') answers"
