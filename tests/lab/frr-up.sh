#!/usr/bin/env bash
# frr-up.sh [N]: starts N (default 3) real FRR routers in a ring with eBGP, each behind a real OpenSSH server, and writes
# $LAB_DIR/lab.json, which says how to reach them. Parameters: lib.sh. Stop them with frr-down.sh.
#
#   127.0.0.1:PORT ── socat ── unix socket ── socat in namespace CTL ── out-of-band bridge ── eth0 of a router, sshd:22
#   r1 swp1 ── swp2 r2 swp1 ── swp2 r3 swp1 ── swp2 r1     (link K joins K and K+1; addresses 198.18.(100+K).1 and .2)
#
# A router is a network, mount, process-id and host-name namespace of its own: /etc, /run, /home, /tmp, /var/tmp and
# /var/log/frr are private to it, so vtysh and frr-reload.py work there with their usual paths and nothing of it is left
# on this machine. Two accounts log in by password or key: `netops` (login shell vtysh) and `admin` (login shell bash).
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

count=${1:-3}
case $count in *[!0-9]* | '') die "usage: frr-up.sh [number of routers]" ;; esac
[ "$count" -ge 1 ] && [ "$count" -le 60 ] || die "1 to 60 routers, not $count"
for program in vtysh sshd socat ip ping ss; do
  command -v "$program" >/dev/null || die "$program is missing: run tests/lab/install.sh"
done

ctl=${LAB_PREFIX}ctl
bash "$here/frr-down.sh"
claim_lab_dir
trap 'status=$?; [ $status -eq 0 ] || { say "lab: start failed, see above; cleaning up"; bash "$here/frr-down.sh"; }' EXIT
[ "$LAB_PORT" -ne 0 ] || LAB_PORT=$(free_ports "$count")
password=$(random_word)
new_key "$LAB_DIR/client_key" lab-client
[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$LAB_DIR" "$LAB_DIR"/client_key*

next_of() { echo $(($1 % count + 1)); }
prev_of() { echo $((($1 + count - 2) % count + 1)); }
# A ring of two has one link only, a ring of one has none.
has_link() { [ "$count" -gt 2 ] || { [ "$count" -eq 2 ] && [ "$1" -eq 1 ]; }; }

links() {
  local i ns
  ip netns add "$ctl"
  ip -n "$ctl" link set lo up
  ip -n "$ctl" link add oob0 type bridge
  ip -n "$ctl" link set oob0 up
  ip -n "$ctl" addr add "$LAB_OOB.254/24" dev oob0
  for i in $(seq "$count"); do
    ns=${LAB_PREFIX}r$i
    ip netns add "$ns"
    ip -n "$ns" link set lo up
    ip netns exec "$ns" sysctl -qw net.ipv4.ip_forward=1
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.forwarding=1 2>/dev/null || true
    ip -n "$ctl" link add "oob$i" type veth peer name eth0 netns "$ns"
    ip -n "$ctl" link set "oob$i" master oob0 up
    ip -n "$ns" link set eth0 up
    ip -n "$ns" addr add "$LAB_OOB.$i/24" dev eth0
  done
  for i in $(seq "$count"); do
    has_link "$i" || continue
    ip -n "${LAB_PREFIX}r$i" link add swp1 type veth peer name swp2 netns "${LAB_PREFIX}r$(next_of "$i")"
    ip -n "${LAB_PREFIX}r$i" link set swp1 up
    ip -n "${LAB_PREFIX}r$(next_of "$i")" link set swp2 up
  done
}

# neighbors I: lines of `interface own-address peer-address peer-number`.
neighbors() {
  local next prev
  next=$(next_of "$1") prev=$(prev_of "$1")
  ! has_link "$1" || echo "swp1 198.18.$((100 + $1)).1 198.18.$((100 + $1)).2 $next"
  ! has_link "$prev" || echo "swp2 198.18.$((100 + prev)).2 198.18.$((100 + prev)).1 $prev"
}

frr_conf() {
  local i=$1 port own peer k
  printf 'frr defaults traditional\nhostname r%s\nservice integrated-vtysh-config\n!\n' "$i"
  printf 'interface lo\n ip address 198.18.255.%s/32\nexit\n!\n' "$i"
  while read -r port own peer k; do
    printf 'interface %s\n description to r%s\n ip address %s/30\nexit\n!\n' "$port" "$k" "$own"
  done < <(neighbors "$i")
  printf 'router bgp %s\n bgp router-id 198.18.255.%s\n no bgp ebgp-requires-policy\n timers bgp 1 3\n' $((65000 + i)) "$i"
  while read -r port own peer k; do
    printf ' neighbor %s remote-as %s\n neighbor %s description r%s\n' "$peer" $((65000 + k)) "$peer" "$k"
    printf ' neighbor %s timers connect 1\n' "$peer"
  done < <(neighbors "$i")
  printf ' !\n address-family ipv4 unicast\n  network 198.18.255.%s/32\n exit-address-family\nexit\n!\n' "$i"
}

# The folders of one router, before anything runs in it.
furnish() {
  local i=$1 dir=$LAB_DIR/r$1 daemon
  mkdir -p "$dir"/{run/sshd,run/frr,home/netops,home/admin,tmp,log}
  cp -a "$LAB_DIR/etc" "$dir/etc"
  frr_conf "$i" >"$dir/frr.conf"
  cp "$dir/frr.conf" "$dir/etc/frr/frr.conf"
  printf 'service integrated-vtysh-config\nhostname r%s\n' "$i" >"$dir/etc/frr/vtysh.conf"
  {
    for daemon in $LAB_DAEMONS; do echo "$daemon=yes"; done
    printf 'vtysh_enable=yes\nfrr_global_options="--log file:/var/log/frr/frr.log --log-level informational"\n'
  } >"$dir/etc/frr/daemons"
  echo "r$i" >"$dir/etc/hostname"
  cp "$LAB_DIR/sshd_config" "$dir/etc/ssh/sshd_config"
  new_key "$dir/etc/ssh/ssh_host_ed25519_key" "r$i"
  : >"$dir/log/frr.log"
  chown -R frr:frr "$dir/etc/frr" "$dir/run/frr" "$dir/log"
  chgrp frrvty "$dir/etc/frr" "$dir/etc/frr"/* "$dir/log"
  chmod 2775 "$dir/etc/frr" "$dir/log"
  chmod 640 "$dir/etc/frr"/*
  chmod 755 "$dir/run"
  chmod 775 "$dir/run/frr"
  chmod 1777 "$dir/tmp"
  chown 30001:30001 "$dir/home/netops"
  chown 30002:30002 "$dir/home/admin"
}

# What all routers have in common.
furnish_common() {
  local etc=$LAB_DIR/etc
  private_etc "$etc"
  add_account "$etc" netops 30001 /usr/bin/vtysh "$password" frrvty
  add_account "$etc" admin 30002 /bin/bash "$password" "frrvty frr"
  mkdir -p "$etc/frr" "$etc/ssh/keys"
  cp "$LAB_DIR/client_key.pub" "$etc/ssh/keys/netops"
  cp "$LAB_DIR/client_key.pub" "$etc/ssh/keys/admin"
  cat >"$LAB_DIR/sshd_config" <<'CONFIG'
Port 22
HostKey /etc/ssh/ssh_host_ed25519_key
AuthorizedKeysFile /etc/ssh/keys/%u
AllowUsers netops admin
PasswordAuthentication yes
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PrintMotd no
PrintLastLog no
MaxSessions 20
MaxStartups 50:30:100
LogLevel VERBOSE
Subsystem sftp internal-sftp
CONFIG
}

power_on() {
  local i=$1 dir=$LAB_DIR/r$1 pid
  setsid ip netns exec "${LAB_PREFIX}r$i" unshare --uts --pid --fork --kill-child --mount-proc \
    bash "$here/frr-router.sh" "r$i" "$dir" </dev/null >"$dir/init.log" 2>&1 &
  pid=$!
  remember "$pid"
  wait_until 5 "the first process of r$i" pgrep -P "$pid"
  pid=$(pgrep -P "$pid")
  echo "$pid $(start_time "$pid")" >"$dir/pid"
}

router_json() {
  local i=$1 dir=$LAB_DIR/r$1 port own peer k comma=''
  printf '    {"name": "r%s", "address": "127.0.0.1", "port": %s, "oob_address": "%s.%s", "namespace": "%sr%s", "pid": %s,\n' \
    "$i" $((LAB_PORT + i)) "$LAB_OOB" "$i" "$LAB_PREFIX" "$i" "$(cut -d' ' -f1 "$dir/pid")"
  printf '     "host_key": "%s",\n' "$(cut -d' ' -f1,2 "$dir/etc/ssh/ssh_host_ed25519_key.pub")"
  printf '     "host_key_fingerprint": "%s",\n' "$(fingerprint "$dir/etc/ssh/ssh_host_ed25519_key.pub")"
  printf '     "as": %s, "router_id": "198.18.255.%s", "prefixes": ["198.18.255.%s/32"], "frr_conf": "%s/frr.conf",\n' \
    $((65000 + i)) "$i" "$i" "$dir"
  printf '     "neighbors": ['
  while read -r port own peer k; do
    printf '%s{"router": "r%s", "as": %s, "address": "%s", "local_address": "%s", "interface": "%s"}' \
      "$comma" "$k" $((65000 + k)) "$peer" "$own" "$port"
    comma=', '
  done < <(neighbors "$i")
  printf ']}'
}

lab_json() {
  local i
  printf '{\n  "schema": 1,\n  "dir": "%s",\n  "scripts": "%s",\n  "prefix": "%s",\n' \
    "$LAB_DIR" "$here" "$LAB_PREFIX"
  printf '  "frr_version": "%s",\n' "$(/usr/lib/frr/zebra -v | awk 'NR == 1 {print $3}')"
  printf '  "accounts": {\n'
  printf '    "vtysh": {"user": "netops", "password": "%s", "key": "%s/client_key"},\n' "$password" "$LAB_DIR"
  printf '    "shell": {"user": "admin", "password": "%s", "key": "%s/client_key"}\n  },\n  "routers": [\n' \
    "$password" "$LAB_DIR"
  for i in $(seq "$count"); do
    router_json "$i"
    [ "$i" -eq "$count" ] || printf ','
    printf '\n'
  done
  printf '  ]\n}\n'
}

answers() { bash -c "exec 3<>/dev/tcp/127.0.0.1/$((LAB_PORT + $1)); IFS= read -r -t 1 line <&3; case \$line in SSH-*) ;; *) exit 1 ;; esac"; }

links
furnish_common
for i in $(seq "$count"); do
  furnish "$i"
  power_on "$i"
  bash "$here/frr-door.sh" open "r$i" "$((LAB_PORT + i))" "$LAB_OOB.$i"
done
for i in $(seq "$count"); do
  wait_until 20 "the SSH banner of r$i" answers "$i"
  wait_until 30 "convergence of r$i" converged "r$i"
  inside "r$i" vtysh -c 'show running-config' >"$LAB_DIR/r$i/running.conf"
done
lab_json >"$LAB_DIR/lab.json.new"
mv "$LAB_DIR/lab.json.new" "$LAB_DIR/lab.json"
[ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$LAB_DIR/lab.json"
chmod 600 "$LAB_DIR/lab.json"
say "lab: $count routers up, described in $LAB_DIR/lab.json"
