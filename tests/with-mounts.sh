#!/bin/sh
# Runs a command in a private mount namespace without cgroup2 beside cgroup v1 (crun refuses such hosts; see HybridCgroups).
# Usage: tests/with-mounts.sh COMMAND [ARGUMENT]...
exec unshare -m --propagation slave sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' sh "$@"
