#!/usr/bin/env bash
# frr-blank.sh start ROUTER CONFIG | stop ROUTER: one throw-away router with ports but without neighbours, for tests that need
# a router that was just started from a file, hundreds of times. Parameters: LAB_DIR (lib.sh).
#
# A router is a network, mount, process-id and host-name namespace: everything in it ends with its first process, so a start
# is always a first start. CONFIG is read with `vtysh -f`; what vtysh says about it is printed, and so is its exit code (2: a
# line was refused). Commands are run in it with frr-exec.sh. With LAB_PEER=1 a BGP speaker 10.255.0.2 (AS 65550) waits behind
# port swp9 for this router as 10.255.0.1 (AS 65001).
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"

daemons=${LAB_DAEMONS_BLANK:-staticd bgpd ospfd ospf6d isisd pimd bfdd pbrd}

# Starts the second speaker in a network namespace of its own.
start_peer() {
  local dir=$1
  mkdir -p /run/frr/peer /etc/frr/peer
  chown frr:frr /run/frr/peer /etc/frr/peer
  unshare --net sleep infinity &
  ip link add swp9 type veth peer name eth1
  while [ "$(readlink "/proc/$!/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
  ip link set eth1 netns $!
  ip addr add 10.255.0.1/30 dev swp9
  ip link set swp9 up
  nsenter -t $! --net sh -c 'ip link set lo up; ip addr add 10.255.0.2/30 dev eth1; ip link set eth1 up
    /usr/lib/frr/zebra -d -N peer; /usr/lib/frr/bgpd -d -N peer'
  cat >"$dir/peer.conf" <<'CONFIG'
router bgp 65550
 no bgp ebgp-requires-policy
 timers bgp 1 3
 neighbor 10.255.0.1 remote-as 65001
 neighbor 10.255.0.1 timers connect 1
CONFIG
  vtysh -N peer -f "$dir/peer.conf"
}

# Runs as the first process of the namespaces.
inside_router() {
  local dir=$1 port daemon
  mount --make-rprivate /
  mkdir -p /run/frr
  for pair in etc:/etc/frr run:/run/frr tmp:/var/tmp log:/var/log/frr; do
    mkdir -p "${pair#*:}"
    mount --bind "$dir/${pair%%:*}" "${pair#*:}"
  done
  exec >"$dir/start.log" 2>&1 </dev/null
  hostname r1
  ip link set lo up
  sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || true
  for port in 1 3; do
    ip link add "swp$port" type veth peer name "swp$((port + 1))"
    ip link set "swp$port" arp off up
    ip link set "swp$((port + 1))" arp off up
  done
  cd /
  /usr/lib/frr/zebra -d
  for daemon in $daemons; do /usr/lib/frr/"$daemon" -d & done
  wait
  [ -z "${LAB_PEER:-}" ] || start_peer "$dir"
  until [ "$(vtysh -c 'show zebra client summary' | grep -cE '^(static|bgp|ospf|ospf6|isis|pim|bfd|pbr) ')" -ge 8 ]; do sleep 0.02; done
  echo up >"$dir/ready"
  while :; do wait || true; sleep infinity & done
}

stop_router() {
  local pid started
  if [ -f "$dir/init" ] && read -r pid started <"$dir/init" && is_running "$pid" "$started"; then
    kill -KILL -- "-$pid" 2>/dev/null || true # nobody waits: the next one has namespaces and a folder of its own
  fi
}

if [ "$1" = inside ]; then
  inside_router "$2"
  exit
fi
become_root "$@"
verb=$1 router=$2
dir=$LAB_DIR/$router
case $verb in
stop) stop_router ;;
start)
  stop_router
  rm -rf "$dir"
  mkdir -p "$dir"/{etc,run,tmp,log}
  printf 'service integrated-vtysh-config\nhostname r1\n' >"$dir/etc/vtysh.conf"
  : >"$dir/etc/frr.conf"
  chown -R frr:frr "$dir/etc" "$dir/run" "$dir/log"
  mkfifo "$dir/ready"
  LAB_PEER=${LAB_PEER:-} setsid unshare --mount --net --pid --uts --fork --kill-child --mount-proc \
    bash "$here/frr-blank.sh" inside "$dir" </dev/null >/dev/null 2>&1 &
  remember $!
  echo "$! $(start_time $!)" >"$dir/init"
  read -r -t 20 _ <>"$dir/ready" || die "router $router did not start: $(cat "$dir/start.log")"
  pid=$(pgrep -P $!)
  echo "$pid $(start_time "$pid")" >"$dir/pid"
  inside "$router" vtysh -f /dev/stdin <"$3" && code=0 || code=$?
  exit "$code"
  ;;
*) die "unknown verb $verb: start or stop" ;;
esac
