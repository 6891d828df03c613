#!/usr/bin/env bash
# netconf-down.sh: stops the NETCONF servers of LAB_DIR by process id and removes the folder. Doing it twice is fine.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

stop_remembered
[ ! -e "$LAB_DIR/$LAB_MARKER" ] || rm -rf "$LAB_DIR"
