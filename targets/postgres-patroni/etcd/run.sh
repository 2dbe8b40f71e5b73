# One member of etcd; ETCD_NAME and ETCD_INITIAL_CLUSTER come from the Compose file.
# A member that comes back finds its data and does not look at the initial cluster again.
exec etcd \
    --data-dir /var/lib/etcd/data \
    --listen-client-urls http://0.0.0.0:2379 --advertise-client-urls "http://$ETCD_NAME:2379" \
    --listen-peer-urls http://0.0.0.0:2380 --initial-advertise-peer-urls "http://$ETCD_NAME:2380" \
    --heartbeat-interval 100 --election-timeout 1000 \
    --auto-compaction-mode periodic --auto-compaction-retention 1h --logger zap
