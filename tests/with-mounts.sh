#!/usr/bin/env bash
# Runs a command in a mount namespace of its own; on hosts with hybrid cgroups without the cgroup2 mount that Debian's crun refuses.
exec unshare -m --propagation slave sh -c 'if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi; exec "$@"' sh "$@"
