#!/usr/bin/env bash
# frr-down.sh: stops the lab of LAB_DIR and LAB_PREFIX, by process id, and removes its namespaces and its folder.
# Doing it twice, or without a lab, is fine.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

stop_remembered
namespaces=$(ip netns list 2>/dev/null | awk -v p="$LAB_PREFIX" '
  index($1, p) == 1 && substr($1, length(p) + 1) ~ /^(ctl|r[0-9]+)$/ {print $1}')
for namespace in $namespaces; do
  for pid in $(ip netns pids "$namespace"); do kill -KILL "$pid" 2>/dev/null || true; done
done
for namespace in $namespaces; do
  for _ in $(seq 100); do
    [ -n "$(ip netns pids "$namespace")" ] || break
    sleep 0.02
  done
  ip netns delete "$namespace"
done
[ ! -e "$LAB_DIR/$LAB_MARKER" ] || rm -rf "$LAB_DIR"
