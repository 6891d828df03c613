#!/usr/bin/env bash
# frr-reset.sh ROUTER…: brings routers of the lab back to the state in which frr-up.sh left them: door open, sessions and
# files of the accounts gone, configuration running and saved as at the start, daemons restarted.
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
[ $# -ge 1 ] || die "usage: frr-reset.sh ROUTER…"
become_root "$@"

inside() { bash "$here/frr-exec.sh" "$@"; }

# Runs inside the router. Addresses and routes outlive the daemon that set them, so they are flushed (186 to 197 are FRR's
# routing protocol numbers in the kernel); the management port is kept.
restart='
  pkill -KILL -u netops,admin
  pkill -KILL watchfrr
  pkill -KILL -u frr
  while pgrep -u frr >/dev/null; do sleep 0.02; done
  for port in $(ls /sys/class/net); do
    case $port in eth0) ;; lo) ip addr flush dev lo scope global ;; *) ip addr flush dev "$port" scope global; ip link set "$port" up ;; esac
  done
  for protocol in $(seq 186 197); do ip -4 route flush proto "$protocol"; ip -6 route flush proto "$protocol"; done
  ip link set eth0 up
  rm -rf /run/frr/* /tmp/* /home/netops/.[!.]* /home/admin/.[!.]* /home/netops/* /home/admin/*
  rm -f /etc/frr/*.sav
  install -o frr -g frr -m 640 "$0" /etc/frr/frr.conf
  /usr/lib/frr/frrinit.sh start >/dev/null
'
for router in "$@"; do
  bash "$here/frr-door.sh" restore "$router"
  cp "$LAB_DIR/$router/frr.conf" "$LAB_DIR/$router/run/baseline.conf"
  inside "$router" sh -c "$restart" /run/baseline.conf
done
for router in "$@"; do
  wait_until 20 "the configuration of $router" inside "$router" sh -c \
    'vtysh -c "show running-config" | grep -q "^router bgp" || ! grep -q "^router bgp" /etc/frr/frr.conf'
done
