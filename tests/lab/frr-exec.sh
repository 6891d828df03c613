#!/usr/bin/env bash
# frr-exec.sh ROUTER [--] COMMAND…: runs a command as root inside a router of the lab, for example
#   frr-exec.sh r1 -- vtysh -c 'configure terminal' -c 'ip route 203.0.113.0/24 blackhole'
#   frr-exec.sh r1 -- ping -c1 -W1 198.18.255.3
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
[ $# -ge 2 ] || die "usage: frr-exec.sh ROUTER [--] COMMAND…"
become_root "$@"

router=$1
shift
[ "$1" != -- ] || shift
inside "$router" "$@"
