#!/usr/bin/env bash
# frr-reset.sh ROUTER…: brings routers of the lab back to the state in which frr-up.sh left them: door open, sessions and
# files of the accounts gone, configuration running and saved as at the start, daemons restarted, network converged (so name
# every router whose configuration may have changed).
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
[ $# -ge 1 ] || die "usage: frr-reset.sh ROUTER…"
become_root "$@"

# Runs inside the router. Addresses and routes outlive the daemon that set them, so they are flushed (11 is
# zebra's protocol number in the kernel; a route goes with its next hop, a discard route has none); the management port is kept.
restart='
  [ -e /run/baseline.conf ] || exit 1 # this is not a router: touch nothing
  pkill -KILL -u netops,admin
  pkill -KILL watchfrr
  pkill -KILL -u frr
  while pgrep -u frr >/dev/null; do sleep 0.02; done
  for port in $(ls /sys/class/net); do
    case $port in eth0) ;; lo) ip addr flush dev lo scope global ;; *) ip addr flush dev "$port" scope global; ip link set "$port" up ;; esac
  done
  ip nexthop flush proto 11 >/dev/null
  for family in 4 6; do
    ip -$family route show table all | grep -E "^(blackhole|unreachable|prohibit) .*proto [^k]" | while read -r type prefix rest; do
      ip -$family route del "$type" "$prefix" $(echo "$rest" | grep -oE "(metric|table) [^ ]+")
    done
  done
  ip link set eth0 up
  sysctl -qw net.ipv4.ip_forward=1
  sysctl -qw net.ipv6.conf.all.forwarding=1 2>/dev/null
  rm -rf /run/frr/* /tmp/* /home/netops/.[!.]* /home/admin/.[!.]* /home/netops/* /home/admin/*
  rm -f /etc/frr/*.sav
  install -o frr -g frr -m 640 "$0" /etc/frr/frr.conf
  /usr/lib/frr/frrinit.sh start >/dev/null
'
# Restarts one router; the next one does not wait for it.
reset() {
  bash "$here/frr-door.sh" restore "$1"
  cp "$LAB_DIR/$1/frr.conf" "$LAB_DIR/$1/run/baseline.conf"
  inside "$1" sh -c "$restart" /run/baseline.conf || die "router $1 did not start again"
}

# Tells whether a router is still as at the start; then it need not be restarted.
pristine() {
  local dir=$LAB_DIR/$1 port
  read -r port _ <"$dir/door"
  cmp -s "$dir/frr.conf" "$dir/etc/frr/frr.conf" && inside "$1" vtysh -c 'show running-config' | cmp -s - "$dir/running.conf" &&
    ss -Hltn "src 127.0.0.1:$port" | grep -q . && ! inside "$1" iptables -S | grep -q DROP &&
    ! inside "$1" pgrep -u netops,admin >/dev/null && [ -z "$(find "$dir/home" "$dir/tmp" -path "$dir/tmp/frr" -prune -o -type f -print -quit)" ]
}

answers() { inside "$1" vtysh -c 'show running-config' | grep -qx end; }

jobs=()
for router in "$@"; do
  ! pristine "$router" || continue
  reset "$router" &
  jobs+=($!)
done
for job in ${jobs[@]+"${jobs[@]}"}; do wait "$job" || exit 1; done
for router in "$@"; do
  wait_until 20 "the configuration of $router" answers "$router"
  wait_until 30 "convergence of $router" converged "$router"
done
