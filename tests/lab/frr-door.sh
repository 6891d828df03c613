#!/usr/bin/env bash
# frr-door.sh VERB ROUTER [PORT ADDRESS]: the way from 127.0.0.1 to the SSH server of a router.
#   open     listen on the port (PORT and ADDRESS only the first time)
#   close    stop listening and end the sessions: connections are refused
#   silence  drop every packet on the router's management port: the connection is accepted and nothing ever comes
#   restore  undo close and silence
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
[ $# -ge 2 ] || die "usage: frr-door.sh open|close|silence|restore ROUTER"
become_root "$@"

verb=$1 router=$2
dir=$LAB_DIR/$router
[ -d "$dir" ] || die "there is no router $router in $LAB_DIR"
[ $# -lt 4 ] || printf '%s %s\n' "$3" "$4" >"$dir/door"
read -r port address <"$dir/door"

listens() { ss -Hltn "src 127.0.0.1:$port" | grep -q .; }
is_shut() { ! listens; }
has_socket() { [ -S "$dir/door.sock" ]; }

open_door() {
  local pid
  setsid ip netns exec "${LAB_PREFIX}ctl" socat "UNIX-LISTEN:$dir/door.sock,fork,unlink-early" \
    "TCP:$address:22,connect-timeout=5,nodelay" </dev/null >/dev/null 2>&1 &
  pid=$!
  remember "$pid"
  echo "$pid $(start_time "$pid")" >"$dir/door.pids"
  setsid socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork,backlog=128,nodelay" "UNIX-CONNECT:$dir/door.sock" \
    </dev/null >/dev/null 2>&1 &
  pid=$!
  remember "$pid"
  echo "$pid $(start_time "$pid")" >>"$dir/door.pids"
  wait_until 5 "the socket of $router" has_socket
  wait_until 5 "the door of $router on port $port" listens
  is_running "$pid" "$(start_time "$pid")" || die "port $port is taken"
}

close_door() {
  local pid started
  while read -r pid started; do
    is_running "$pid" "$started" && kill -KILL -- "-$pid" 2>/dev/null || true
  done <"$dir/door.pids"
  : >"$dir/door.pids"
  wait_until 5 "the end of the door of $router" is_shut
}

# rules ADD-OR-DELETE: the two rules of silence.
rules() {
  inside "$router" iptables "$1" INPUT -i eth0 -j DROP
  inside "$router" iptables "$1" OUTPUT -o eth0 -j DROP
}

case $verb in
open) open_door ;;
close) close_door ;;
silence) rules -I ;;
restore)
  while rules -D 2>/dev/null; do :; done
  listens || open_door
  ;;
*) die "unknown verb $verb: open, close, silence or restore" ;;
esac
