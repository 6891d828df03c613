#!/usr/bin/env bash
# netconf-up.sh: real NETCONF servers (yuma123 netconfd) behind the subsystem of real OpenSSH servers on 127.0.0.1, and
# $LAB_DIR/netconf.json, which says how to reach them. Stop them with netconf-down.sh. Parameters: LAB_DIR, LAB_PORT (lib.sh).
#
#   timer    candidate, confirmed commit, a startup configuration of its own
#   flow     the same, for a whole deployment
#   shared   candidate and confirmed commit; what runs is what starts
#   direct   no candidate: edits what runs
#   old      base 1.0 only: no chunks, no token for a confirmed commit
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

for program in sshd ssh-keygen netconfd netconf-subsystem; do
  command -v "$program" >/dev/null || die "$program is missing: run tests/lab/install.sh"
done
bash "$here/netconf-down.sh"
claim_lab_dir
trap 'status=$?; [ $status -eq 0 ] || { say "lab: start failed, see above; cleaning up"; bash "$here/netconf-down.sh"; }' EXIT
[ "$LAB_PORT" -ne 0 ] || LAB_PORT=$(free_ports 5)
password=$(random_word)
mkdir -p "$LAB_DIR"/{etc,run/sshd,home/ops}
new_key "$LAB_DIR/host" host
private_etc "$LAB_DIR/etc"
add_account "$LAB_DIR/etc" ops 61001 /bin/sh "$password" ''
chown 61001:61001 "$LAB_DIR/home/ops"

# start DIR PROGRAM…: starts a program with the accounts of the lab.
start() {
  local log=$1
  shift
  setsid unshare --mount --propagation private sh -c "
    mount --bind '$LAB_DIR/etc' /etc && mount --bind '$LAB_DIR/run' /run && mount --bind '$LAB_DIR/home' /home &&
    exec \"\$@\"" sh "$@" </dev/null >"$log" 2>&1 &
  remember $!
}

# serve NAME PORT FLAGS…: one server and its door. Its startup file must exist, else all servers share one.
serve() {
  local dir=$LAB_DIR/$1 port=$2
  shift 2
  mkdir -p "$dir"
  echo '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"/>' >"$dir/startup-cfg.xml"
  cat >"$dir/sshd.conf" <<CONF
Port $port
ListenAddress 127.0.0.1
HostKey $LAB_DIR/host
PidFile none
UsePAM no
UseDNS no
MaxStartups 100
PasswordAuthentication yes
KbdInteractiveAuthentication no
Subsystem netconf "$(command -v netconf-subsystem) --ncxserver-sockname=$port@$dir/netconf.sock"
CONF
  start "$dir/netconfd.log" env HOME="$dir" netconfd --startup="$dir/startup-cfg.xml" --startup-error=continue \
    --module=ietf-interfaces --module=iana-if-type --module=ietf-ip --module=ietf-routing \
    --module=ietf-ipv4-unicast-routing --module=ietf-system --superuser=ops --access-control=off --port="$port" \
    --ncxserver-sockname="$dir/netconf.sock" --log-level=info "$@"
  start "$dir/sshd.log" /usr/sbin/sshd -D -e -f "$dir/sshd.conf"
}
serve timer $((LAB_PORT + 1)) --target=candidate --with-startup=true
serve flow $((LAB_PORT + 2)) --target=candidate --with-startup=true
serve shared $((LAB_PORT + 3)) --target=candidate --with-startup=false
serve direct $((LAB_PORT + 4)) --target=running --with-startup=false
serve old $((LAB_PORT + 5)) --target=candidate --with-startup=false --protocols=netconf1.0

listens() { ss -Hltn "src 127.0.0.1:$1" | grep -q .; }
has_socket() { [ -S "$LAB_DIR/$1/netconf.sock" ]; }
for name in timer flow shared direct old; do
  wait_until 10 "the NETCONF server $name" has_socket $name
  chmod 666 "$LAB_DIR/$name/netconf.sock"
done
for number in 1 2 3 4 5; do wait_until 10 "the SSH server of number $number" listens $((LAB_PORT + number)); done

cat >"$LAB_DIR/netconf.json.new" <<JSON
{
  "schema": 1, "user": "ops", "password": "$password", "host_key": "$(fingerprint "$LAB_DIR/host")",
  "ports": {"timer": $((LAB_PORT + 1)), "flow": $((LAB_PORT + 2)), "shared": $((LAB_PORT + 3)),
            "direct": $((LAB_PORT + 4)), "old": $((LAB_PORT + 5))}
}
JSON
chmod 600 "$LAB_DIR/netconf.json.new"
[ "${SUDO_UID:-0}" -eq 0 ] || chown "${SUDO_UID}:${SUDO_GID:-0}" "$LAB_DIR/netconf.json.new"
mv "$LAB_DIR/netconf.json.new" "$LAB_DIR/netconf.json"
say "lab: five NETCONF servers, described in $LAB_DIR/netconf.json"
