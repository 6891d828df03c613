#!/usr/bin/env bash
# install.sh: installs what the tests with real counterparts need and this machine does not have, with apt-get. Prints what
# it does; fails loudly where it cannot. Starts no service: the lab starts its own copies in namespaces of its own.
set -euo pipefail
export PATH="/usr/sbin:/sbin:$PATH"

# what proves that a package is there (a command, or a file with a slash), and the package
needs='
cc gcc
git git
ip iproute2
iptables iptables
netconfd netconfd
/usr/share/yuma/modules/ietf/ietf-interfaces@2014-05-08.yang libyuma-base
nginx nginx
/usr/sbin/fcgiwrap fcgiwrap
nsenter util-linux
perl perl-base
pgrep procps
ping iputils-ping
python3 python3-minimal
socat socat
ssh openssh-client
sshd openssh-server
vtysh frr
/usr/lib/frr/frr-reload.py frr-pythontools
'

present() { case $1 in /*) [ -e "$1" ] ;; *) command -v "$1" >/dev/null ;; esac; }

missing() {
  local proof package
  while read -r proof package; do
    [ -z "$proof" ] || present "$proof" || echo "$package"
  done <<<"$needs"
}

packages=$(missing | tr '\n' ' ')
if [ -z "${packages// /}" ]; then
  echo "install: everything the tests need is here"
  exit 0
fi
if ! command -v apt-get >/dev/null; then
  echo "install: missing: $packages" >&2
  echo "install: there is no apt-get here; install these packages (Debian names) by hand and run it again" >&2
  exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
    echo "install: missing: $packages" >&2
    echo "install: neither root nor a sudo without a password; run as root: apt-get install --no-install-recommends $packages" >&2
    exit 1
  fi
  as_root=(sudo -n)
fi

# Packages of servers start them when they are installed; this file tells Debian's scripts not to.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
  "${as_root[@]}" chmod 755 $policy
  trap '"${as_root[@]}" rm -f $policy' EXIT
fi

apt() {
  echo "install: apt-get $*"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

# The package lists may be missing or old: fetch them only when the first try fails.
# shellcheck disable=SC2086 # a list of words on purpose
apt install -y --no-install-recommends $packages || {
  apt update
  apt install -y --no-install-recommends $packages
}

packages=$(missing | tr '\n' ' ')
if [ -n "${packages// /}" ]; then
  echo "install: still missing after the installation: $packages" >&2
  exit 1
fi
echo "install: done"
