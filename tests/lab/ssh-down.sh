#!/usr/bin/env bash
# ssh-down.sh: stops the SSH servers of LAB_DIR by process id, removes their namespaces and the folder. Doing it twice is fine.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

stop_remembered
if [ -f "$LAB_DIR/namespaces" ]; then
  while read -r name; do
    for pid in $(ip netns pids "$name" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null || true; done
    ip netns del "$name" 2>/dev/null || true
  done <"$LAB_DIR/namespaces"
fi
[ ! -e "$LAB_DIR/$LAB_MARKER" ] || rm -rf "$LAB_DIR"
