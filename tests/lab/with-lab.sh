#!/usr/bin/env bash
# with-lab.sh COMMAND…: starts three FRR routers, the git and the NETCONF servers, runs the command with RECONVERGE_LAB=1, the
# descriptions in RECONVERGE_FRR_LAB, RECONVERGE_GIT_LAB and RECONVERGE_NETCONF_LAB and a folder in RECONVERGE_FRR_JUDGE, stops everything and ends with the
# exit code of the command.
# Each checkout has a lab of its own, so that two of them do not meet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -ge 1 ] || {
  echo "usage: with-lab.sh COMMAND…" >&2
  exit 1
}
id=$(cksum <<<"$here" | cut -d' ' -f1 | awk '{printf "%04x", $1 % 65536}')
lab=${TMPDIR:-/tmp}/reconverge-lab-$id
export LAB_PREFIX=rv$id-

down() {
  LAB_DIR=$lab-netconf bash "$here/netconf-down.sh" || true
  LAB_DIR=$lab-git bash "$here/git-down.sh" || true
  LAB_DIR=$lab-frr bash "$here/frr-down.sh" || true
}
trap down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$1" = --down ]; then exit 0; fi

LAB_DIR=$lab-frr bash "$here/frr-up.sh" 3
LAB_DIR=$lab-git bash "$here/git-up.sh"
LAB_DIR=$lab-netconf bash "$here/netconf-up.sh"
export RECONVERGE_LAB=1 RECONVERGE_FRR_LAB=$lab-frr/lab.json RECONVERGE_GIT_LAB=$lab-git/git.json
export RECONVERGE_NETCONF_LAB=$lab-netconf/netconf.json
export RECONVERGE_FRR_JUDGE=$lab-judge # where throw-away routers live; what they judged as missed stays there
env -u LAB_PREFIX "$@"
