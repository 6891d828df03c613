#!/usr/bin/env bash
# ssh-up.sh: real OpenSSH servers for the tests of logins, algorithms, jump hosts and file transfer, and $LAB_DIR/ssh.json,
# which says how to reach them. Stop them with ssh-down.sh. Parameters: LAB_DIR, LAB_PREFIX, LAB_PORT (lib.sh).
#
#   open      127.0.0.1: every method; passwords and keyboard-interactive through PAM; certificates; SFTP, SCP
#   legacy    127.0.0.1: only algorithms that are no longer safe, an RSA host key that signs with SHA-1
#   signed    127.0.0.1: shows a host certificate
#   both      127.0.0.1: asks for a key and then for a password
#   edge, core, inner    in namespaces: core is reached only from edge, inner only from core; edge has a door on 127.0.0.1
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

for program in sshd ssh-keygen socat ip; do
  command -v "$program" >/dev/null || die "$program is missing: run tests/lab/install.sh"
done
bash "$here/ssh-down.sh"
claim_lab_dir
trap 'status=$?; [ $status -eq 0 ] || { say "lab: start failed, see above; cleaning up"; bash "$here/ssh-down.sh"; }' EXIT
[ "$LAB_PORT" -ne 0 ] || LAB_PORT=$(free_ports 6)
open=$((LAB_PORT + 1)) legacy=$((LAB_PORT + 2)) signed=$((LAB_PORT + 3)) both=$((LAB_PORT + 4)) edge=$((LAB_PORT + 5))
password=$(random_word) passphrase=$(random_word)
mkdir -p "$LAB_DIR"/{etc,run/sshd,home/ops,home/old,keys,files}

# the keys: of the user in every kind, of the servers, of the authorities
key() { ssh-keygen -q -t "$2" -N "${3:-}" -C "$1" -f "$LAB_DIR/keys/$1" ${4:+-b "$4"} ${5:+-m "$5"}; }
key user_ed25519 ed25519
key user_rsa rsa '' 2048
key user_rsa_pem rsa '' 2048 PEM
key user_ecdsa ecdsa '' 384
key user_locked ed25519 "$passphrase"
key user_signed ed25519
key user_signed_rsa rsa '' 2048
key user_agent ecdsa '' 256
key stranger ed25519
key user_authority ed25519
key host_authority ed25519
key host_ed25519 ed25519
key host_rsa rsa '' 2048
for name in signed edge core inner; do key "host_$name" ed25519; done
for name in user_signed user_signed_rsa; do
  ssh-keygen -q -s "$LAB_DIR/keys/user_authority" -I "ops of the lab" -n ops -V -5m:+1h "$LAB_DIR/keys/$name.pub"
done
cp "$LAB_DIR/keys/stranger" "$LAB_DIR/keys/user_expired"
cp "$LAB_DIR/keys/stranger.pub" "$LAB_DIR/keys/user_expired.pub"
ssh-keygen -q -s "$LAB_DIR/keys/user_authority" -I "old" -n ops -V 20200101:20200102 "$LAB_DIR/keys/user_expired.pub"
ssh-keygen -q -s "$LAB_DIR/keys/host_authority" -I "the signed one" -h -n 127.0.0.1 -V -5m:+1h "$LAB_DIR/keys/host_signed.pub"
for name in user_ed25519 user_rsa user_rsa_pem user_ecdsa user_locked user_agent; do cat "$LAB_DIR/keys/$name.pub"; done \
  >"$LAB_DIR/authorized_keys"

# the accounts: ops, and old, whose password must be changed
private_etc "$LAB_DIR/etc"
add_account "$LAB_DIR/etc" ops 61001 /bin/sh "$password" ''
add_account "$LAB_DIR/etc" old 61002 /bin/sh "$password" ''
sed -i '/^old:/s/:20000:/:0:/' "$LAB_DIR/etc/shadow"
cat >"$LAB_DIR/etc/pam.d/sshd" <<PAM
auth required pam_unix.so nodelay
account required pam_unix.so
password required pam_unix.so
session required pam_permit.so
PAM
chown 61001:61001 "$LAB_DIR/home/ops" "$LAB_DIR/files"

# config NAME LISTEN PORT HOST_KEY LINES…: writes the settings of one server.
config() {
  local name=$1 listen=$2 port=$3 host_key=$4
  shift 4
  {
    printf 'Port %s\nListenAddress %s\nHostKey %s\nPidFile none\n' "$port" "$listen" "$LAB_DIR/keys/$host_key"
    printf '%s\n' "AuthorizedKeysFile $LAB_DIR/authorized_keys" 'StrictModes no' 'PrintMotd no' 'LoginGraceTime 30' \
      'Subsystem sftp internal-sftp' 'MaxStartups 100' 'UseDNS no' "$@"
  } >"$LAB_DIR/$name.conf"
}
config open 127.0.0.1 "$open" host_ed25519 "HostKey $LAB_DIR/keys/host_rsa" 'UsePAM yes' 'PasswordAuthentication yes' \
  'KbdInteractiveAuthentication yes' "TrustedUserCAKeys $LAB_DIR/keys/user_authority.pub" \
  'Match User old' 'AuthenticationMethods keyboard-interactive'
config legacy 127.0.0.1 "$legacy" host_rsa 'UsePAM no' 'PasswordAuthentication yes' \
  'KexAlgorithms diffie-hellman-group1-sha1,diffie-hellman-group14-sha1' 'HostKeyAlgorithms ssh-rsa' \
  'Ciphers aes128-cbc,3des-cbc' 'MACs hmac-sha1' 'PubkeyAcceptedAlgorithms ssh-rsa' 'RequiredRSASize 1024'
config signed 127.0.0.1 "$signed" host_signed "HostCertificate $LAB_DIR/keys/host_signed-cert.pub" 'UsePAM no'
config both 127.0.0.1 "$both" host_ed25519 'UsePAM no' 'AuthenticationMethods publickey,password'
config edge 127.0.0.1 22 host_edge 'UsePAM no' 'PasswordAuthentication no' 'KbdInteractiveAuthentication no' \
  'AllowTcpForwarding local' 'PermitOpen 198.18.61.2:22'
config core 198.18.61.2 22 host_core 'UsePAM no' 'PubkeyAuthentication no' 'AllowTcpForwarding local'
config inner 198.18.62.2 22 host_inner 'UsePAM yes' 'KbdInteractiveAuthentication yes' 'PasswordAuthentication no'

# serve NAME [IP-NETNS-EXEC…]: starts a server in a mount namespace with the accounts of the lab.
serve() {
  local name=$1
  shift
  setsid "$@" unshare --mount --propagation private sh -c "
    mount --bind '$LAB_DIR/etc' /etc && mount --bind '$LAB_DIR/run' /run && mount --bind '$LAB_DIR/home' /home &&
    exec /usr/sbin/sshd -D -e -f '$LAB_DIR/$name.conf'" </dev/null >"$LAB_DIR/$name.log" 2>&1 &
  remember $!
  echo "$!" >"$LAB_DIR/$name.pid"
}
namespace() {
  ip netns add "$LAB_PREFIX$1"
  echo "$LAB_PREFIX$1" >>"$LAB_DIR/namespaces"
  ip -n "$LAB_PREFIX$1" link set lo up
}
# cable LEFT RIGHT NET: joins two namespaces; the left one is NET.1, the right one NET.2.
cable() {
  ip link add "$LAB_PREFIX$2" netns "$LAB_PREFIX$1" type veth peer name up0 netns "$LAB_PREFIX$2"
  ip -n "$LAB_PREFIX$1" addr add "$3.1/24" dev "$LAB_PREFIX$2"
  ip -n "$LAB_PREFIX$2" addr add "$3.2/24" dev up0
  ip -n "$LAB_PREFIX$1" link set "$LAB_PREFIX$2" up
  ip -n "$LAB_PREFIX$2" link set up0 up
}
for name in edge core inner; do namespace $name; done
cable edge core 198.18.61
cable core inner 198.18.62
for name in open legacy signed both; do serve $name; done
for name in edge core inner; do serve $name ip netns exec "$LAB_PREFIX$name"; done
setsid ip netns exec "${LAB_PREFIX}edge" socat "UNIX-LISTEN:$LAB_DIR/edge.sock,fork,unlink-early" TCP:127.0.0.1:22,nodelay \
  </dev/null >/dev/null 2>&1 &
remember $!
setsid socat "TCP-LISTEN:$edge,bind=127.0.0.1,reuseaddr,fork,nodelay" "UNIX-CONNECT:$LAB_DIR/edge.sock" \
  </dev/null >/dev/null 2>&1 &
remember $!

listens() { ss -Hltn "src 127.0.0.1:$1" | grep -q .; }
listens_in() { ip netns exec "$LAB_PREFIX$1" ss -Hltn 'sport = 22' | grep -q .; }
has_socket() { [ -S "$LAB_DIR/edge.sock" ]; }
wait_until 5 "the door of edge" has_socket
for port in $open $legacy $signed $both $edge; do wait_until 10 "the SSH server on port $port" listens "$port"; done
for name in edge core inner; do wait_until 10 "the SSH server $name" listens_in $name; done

print_of() { fingerprint "$LAB_DIR/keys/$1.pub"; }
cat >"$LAB_DIR/ssh.json.new" <<JSON
{
  "schema": 1, "dir": "$LAB_DIR", "user": "ops", "expired_user": "old", "password": "$password", "passphrase": "$passphrase",
  "keys": "$LAB_DIR/keys", "files": "$LAB_DIR/files", "host_authority": "$(print_of host_authority)",
  "ports": {"open": $open, "legacy": $legacy, "signed": $signed, "both": $both, "edge": $edge},
  "host_keys": {"open": "$(print_of host_ed25519)", "legacy": "$(print_of host_rsa)", "signed": "$(print_of host_signed)",
                "both": "$(print_of host_ed25519)", "edge": "$(print_of host_edge)", "core": "$(print_of host_core)",
                "inner": "$(print_of host_inner)"},
  "addresses": {"core": "198.18.61.2", "inner": "198.18.62.2"}
}
JSON
chmod 600 "$LAB_DIR/ssh.json.new"
[ "${SUDO_UID:-0}" -eq 0 ] || chown -R "${SUDO_UID}:${SUDO_GID:-0}" "$LAB_DIR/keys" "$LAB_DIR/ssh.json.new"
mv "$LAB_DIR/ssh.json.new" "$LAB_DIR/ssh.json"
say "lab: seven SSH servers, described in $LAB_DIR/ssh.json"
