#!/usr/bin/env bash
# frr-router.sh NAME DIR: the first process of one router, started by frr-up.sh inside the router's namespaces. It puts the
# private folders in place, starts FRR with its own init script and then waits on the SSH server, reaping every orphan.
set -eu
name=$1 dir=$2

hostname "$name"
mount --make-rprivate /
for pair in etc:/etc home:/home log:/var/log/frr run:/run tmp:/var/tmp tmp:/tmp; do
  mkdir -p "${pair#*:}"
  mount --bind "$dir/${pair%%:*}" "${pair#*:}"
done
umask 022
cd /
/usr/lib/frr/frrinit.sh start
/usr/sbin/sshd -D -e &
while :; do wait || true; done
