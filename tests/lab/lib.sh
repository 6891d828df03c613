# shellcheck shell=bash
# What every lab script shares: parameters, root, remembered processes, private system folders. Sourced, never run.
#
# Parameters, all by environment, so that several labs can stand side by side:
#   LAB_DIR      folder that holds everything a lab writes (default: reconverge-lab in the temporary folder)
#   LAB_PREFIX   start of the names of the network namespaces (default: rcv-)
#   LAB_PORT     first door on 127.0.0.1 minus one; 0 picks a free block (default: 0)
#   LAB_OOB      first three bytes of the out-of-band network (default: 198.18.0)
#   LAB_DAEMONS  routing daemons besides zebra and staticd (default: bgpd ospfd bfdd)
set -euo pipefail

LAB_DIR=${LAB_DIR:-${TMPDIR:-/tmp}/reconverge-lab}
LAB_PREFIX=${LAB_PREFIX:-rcv-}
LAB_PORT=${LAB_PORT:-0}
LAB_OOB=${LAB_OOB:-198.18.0}
LAB_DAEMONS=${LAB_DAEMONS:-bgpd ospfd bfdd}
LAB_MARKER=.reconverge-lab # a folder without it is not ours and is never removed
export LC_ALL=C PATH="/usr/sbin:/sbin:$PATH"

say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}

# Runs the calling script again as root when it is not root already.
become_root() {
  [ "$(id -u)" -ne 0 ] || return 0
  command -v sudo >/dev/null || die "needs root (network namespaces), and there is no sudo: run it as root"
  sudo -n true 2>/dev/null || die "needs root (network namespaces), and sudo asks for a password: run it as root"
  exec sudo -n env LAB_DIR="$LAB_DIR" LAB_PREFIX="$LAB_PREFIX" LAB_PORT="$LAB_PORT" LAB_OOB="$LAB_OOB" \
    LAB_DAEMONS="$LAB_DAEMONS" bash "$0" "$@"
}

# Makes LAB_DIR, or refuses a folder that holds somebody else's files.
claim_lab_dir() {
  case $LAB_DIR in /*) ;; *) die "LAB_DIR must be an absolute path: $LAB_DIR" ;; esac
  [ ${#LAB_DIR} -le 80 ] || die "LAB_DIR is too long for a socket path (80 bytes at most): $LAB_DIR"
  if [ -d "$LAB_DIR" ] && [ ! -e "$LAB_DIR/$LAB_MARKER" ] && [ -n "$(ls -A "$LAB_DIR")" ]; then
    die "$LAB_DIR exists and is not a lab: choose another LAB_DIR"
  fi
  mkdir -p "$LAB_DIR"
  chmod 755 "$LAB_DIR"
  : >"$LAB_DIR/$LAB_MARKER"
  : >"$LAB_DIR/pids"
}

# Prints when a process started, so that a reused process id is never mistaken for ours.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# remember PID: it is ours to stop. It must lead its own process group (started with setsid).
remember() { printf '%s %s\n' "$1" "$(start_time "$1")" >>"$LAB_DIR/pids"; }

is_running() { [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; }

# Kills every remembered process group and waits until the leaders are gone.
stop_remembered() {
  local pid started
  [ -f "$LAB_DIR/pids" ] || return 0
  while read -r pid started; do
    is_running "$pid" "$started" && kill -KILL -- "-$pid" 2>/dev/null
  done <"$LAB_DIR/pids" || true
  while read -r pid started; do
    for _ in $(seq 100); do
      is_running "$pid" "$started" || break
      sleep 0.02
    done
  done <"$LAB_DIR/pids"
  : >"$LAB_DIR/pids"
}

# wait_until SECONDS WHAT COMMAND…: polls ten times a second.
wait_until() {
  local tries=$(($1 * 10)) what=$2
  shift 2
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "$what did not happen in time"
    sleep 0.1
  done
}

# free_ports COUNT: prints a number B such that B+1 … B+COUNT are free on 127.0.0.1.
free_ports() {
  local used base port
  used=$(ss -Hltn | awk '{sub(/.*:/, "", $4); print $4}' | sort -u)
  for _ in $(seq 50); do
    base=$((20000 + (RANDOM % 1000) * 10))
    for port in $(seq $((base + 1)) $((base + $1))); do
      grep -qx "$port" <<<"$used" && continue 2
    done
    echo "$base"
    return
  done
  die "no free block of $1 ports on 127.0.0.1"
}

random_word() { od -An -tx1 -N12 /dev/urandom | tr -d ' \n'; }

# new_key FILE COMMENT: an ed25519 key without a passphrase.
new_key() {
  rm -f "$1" "$1.pub"
  ssh-keygen -q -t ed25519 -N '' -C "$2" -f "$1"
}

fingerprint() { ssh-keygen -lf "$1" | cut -d' ' -f2; }

# private_etc DIR: the part of /etc that programs need, with user files that may be changed freely. No password of this
# machine is copied: every account of it stays locked in there.
private_etc() {
  local name
  mkdir -p "$1"
  for name in alternatives bash.bashrc debian_version default environment group hosts iproute2 ld.so.cache ld.so.conf \
    ld.so.conf.d localtime login.defs nsswitch.conf os-release pam.d passwd profile protocols security services \
    terminfo; do
    [ ! -e "/etc/$name" ] || cp -a "/etc/$name" "$1/"
  done
  : >"$1/shadow"
  chown root:shadow "$1/shadow"
  chmod 640 "$1/shadow"
  mkdir -p "$1/ssh"
}

# add_account ETC NAME ID SHELL PASSWORD GROUPS: one account in a private /etc; a password of '*' allows keys only.
add_account() {
  local etc=$1 name=$2 id=$3 shell=$4 password=$5 group
  [ "$password" = '*' ] || password=$(PASSWORD=$password perl -e 'print crypt($ENV{PASSWORD}, "\$6\$reconverge\$")')
  # a machine that has an account of this name keeps it to itself
  sed -i "/^$name:/d" "$etc/passwd" "$etc/group"
  printf '%s:x:%s:%s::/home/%s:%s\n' "$name" "$id" "$id" "$name" "$shell" >>"$etc/passwd"
  printf '%s:x:%s:\n' "$name" "$id" >>"$etc/group"
  printf '%s:%s:20000:0:99999:7:::\n' "$name" "$password" >>"$etc/shadow"
  for group in $6; do
    grep -q "^$group:" "$etc/group" || die "there is no group $group: is the package frr installed?"
    sed -i "s/^\($group:.*:\)\$/\1$name/; t; s/^\($group:.*:.*\)\$/\1,$name/" "$etc/group"
  done
}

# inside ROUTER COMMAND…: runs it as root in the namespaces of a router. The start time proves that the process is ours.
inside() {
  local pid started
  read -r pid started 2>/dev/null <"$LAB_DIR/$1/pid" || die "there is no router $1 in $LAB_DIR"
  is_running "$pid" "$started" || die "router $1 of $LAB_DIR has stopped"
  shift
  nsenter -t "$pid" --mount --uts --net --pid -- "$@"
}

# converged ROUTER: tells whether every BGP session of its first configuration is up and every other loopback answers.
converged() {
  local want other
  want=$(grep -c ' remote-as ' "$LAB_DIR/$1/frr.conf") || return 0
  [ "$(inside "$1" vtysh -c 'show bgp summary json' | grep -c '"state":"Established"')" -eq "$want" ] || return 1
  for other in "$LAB_DIR"/r*/pid; do
    other=$(basename "$(dirname "$other")")
    [ "$other" = "$1" ] || inside "$1" ping -q -c1 -W0.2 -I "198.18.255.${1#r}" "198.18.255.${other#r}" || return 1
  done
}
