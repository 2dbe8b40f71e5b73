# One member: its name and address are the container's own, everything else is in patroni.yml.
# A member that comes back waits for RESTART_AFTER_S, as with systemd's RestartSec: Patroni before 3.2
# with etcd's v3 API cannot give a lease up that it held before it was started again, so a crashed
# primary that is back before the lease has run out keeps the lease for as long as its repair takes.
# The variants of this target differ in what a cluster is created with: TTL, SYNCHRONOUS, FAILSAFE,
# and PAUSED, which is Patroni's maintenance mode, in which it repairs nothing.
set -eu
address=$(hostname -i | cut -d ' ' -f 1)
export PATRONI_NAME="$(hostname)"
export PATRONI_RESTAPI_CONNECT_ADDRESS="$address:8008"
export PATRONI_POSTGRESQL_CONNECT_ADDRESS="$address:5432"
sed -e "s/ttl: 5 /ttl: ${TTL:-5} /" \
    -e "s/synchronous_mode: true/synchronous_mode: ${SYNCHRONOUS:-true}/" \
    -e "s/failsafe_mode: false/failsafe_mode: ${FAILSAFE:-false}/" /srv/patroni.yml > /tmp/patroni.yml
if [ -e /var/lib/postgresql/cluster/data/PG_VERSION ]; then
    sleep "${RESTART_AFTER_S:-0}"
fi
if [ "${PAUSED:-false}" = true ]; then
    # Not before everybody is there: a cluster cannot be made in maintenance mode.
    (
        until [ "$(curl -s 127.0.0.1:8008/cluster | grep -o '"streaming"' | wc -l)" = 2 ]; do
            sleep 0.3
        done
        curl -s -X PATCH -d '{"pause": true}' 127.0.0.1:8008/config
    ) &
fi
exec python3 -m patroni /tmp/patroni.yml
