#!/usr/bin/env bash
# record-frr-facts.sh [TOPIC…]: types the cases of tests/platforms/frr/facts/cases into a real router, one after the other,
# and writes down what it answers and what `show running-config` prints. Needs a lab (frr-up.sh) with the daemons below;
# leaves router r1 of it with an almost empty configuration. Default: every topic.
#   LAB_DAEMONS='bgpd ospfd ospf6d isisd pimd bfdd ripd ripngd eigrpd pbrd ldpd vrrpd babeld nhrpd' frr-up.sh 2
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lab/lib.sh
. "$here/lib.sh"
become_root "$@"

facts=$here/../platforms/frr/facts
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf 'frr defaults traditional\nhostname r1\nservice integrated-vtysh-config\n!\n' >"$LAB_DIR/r1/frr.conf"

# A wide terminal, because readline repeats a letter in the echo where it wraps a line.
vtysh() { inside r1 env COLUMNS=1000 vtysh "$@"; }
daemons() { inside r1 sh -c 'cd /run/frr && for f in *.pid; do echo "${f%.pid}"; done' | sort; }
alive() { inside r1 sh -c 'cd /run/frr && for f in *.pid; do kill -0 $(cat "$f") && echo "${f%.pid}"; done' 2>/dev/null | sort; }

# Prints the running configuration without the lines that are the same everywhere.
running() {
  vtysh -c 'show running-config' | sed '1,/^Current configuration:/d' |
    grep -vx -e 'frr version .*' -e 'frr defaults traditional' -e 'hostname r1' -e 'service integrated-vtysh-config' -e end |
    sed '1{/^!$/d}' | sed '1{/^!$/d}'
}

# Types the lines of a file in configuration mode and prints the dialogue, prompts included.
dialogue() {
  { echo 'configure terminal'; cat "$1"; printf 'end\nexit\n'; } | vtysh 2>&1 |
    sed '1,/^r1# configure terminal/d' | sed 's/\r//g; s/[[:space:]]*$//; /^[^ ]*# exit$/d; /^r1[^ ]*#$/d' | cat -s
}

died() {
  local gone
  gone=$(comm -23 <(daemons) <(alive) | tr '\n' ' ')
  [ -z "$gone" ] || echo "(daemons that died: $gone)"
}

# run_case FILE: FILE holds `== title`, lines to type, then `-- title` and lines to type, any number of times.
run_case() {
  csplit -s -z -f "$work/part." -n 3 "$1" '/^-- /' '{*}'
  local part changes
  for part in "$work"/part.*; do
    bash "$here/frr-reset.sh" r1
    if [ "$part" = "$work/part.000" ]; then
      head -1 "$part"
      sed 1d "$part" >"$work/typed"
      echo '[dialogue]'
      dialogue "$work/typed"
      echo '[running]'
      running | tee "$work/running"
    else
      dialogue "$work/typed" >/dev/null
      running >"$work/before"
      head -1 "$part"
      echo '[dialogue]'
      sed 1d "$part" >"$work/change"
      dialogue "$work/change"
      echo '[running, what changed]'
      changes=$(running | diff --old-line-format='-%L' --new-line-format='+%L' --unchanged-line-format='' "$work/before" - || true)
      echo "${changes:-(nothing)}"
      cmp -s "$work/before" "$work/running" || echo '(the same lines typed again printed something else)'
    fi
    died
    echo
  done
  rm -f "$work"/part.*
}

topics=("$@")
[ $# -gt 0 ] || mapfile -t topics < <(cd "$facts/cases" && ls | sed 's/\.txt$//')
for topic in "${topics[@]}"; do
  {
    echo "# Recorded from FRR $(vtysh -c 'show version' | sed -n '1s/FRRouting \([^ ]*\).*/\1/p'), by record-frr-facts.sh from cases/$topic.txt. Do not edit."
    echo
    csplit -s -z -f "$work/case." -n 3 "$facts/cases/$topic.txt" '/^== /' '{*}'
    for one in "$work"/case.*; do run_case "$one"; done
    rm -f "$work"/case.*
  } >"$facts/$topic.txt.new"
  mv "$facts/$topic.txt.new" "$facts/$topic.txt"
  say "recorded $topic"
done
