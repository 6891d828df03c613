#!/usr/bin/env bash
# bench.sh: measures what docs/ states in tables, on this machine, and prints Markdown rows. BENCH_COLD=1 also builds from
# nothing in a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
row() { printf '| %s | %s |\n' "$1" "$2"; }
seconds() { # prints how long the command took; its output is kept away
  local start end
  start=$(date +%s%N)
  "$@" >/dev/null 2>&1
  end=$(date +%s%N)
  awk -v ns=$((end - start)) 'BEGIN {printf "%.1f s", ns / 1e9}'
}
cold() {
  local folder
  folder=$(mktemp -d)
  CARGO_TARGET_DIR=$folder cargo build --locked
  rm -rf "$folder"
}
program=$(realpath -m "$target/debug/reconverge")
idle_memory() { # resident memory of a service that looks at a repository without devices in reach
  local folder pid
  folder=$(mktemp -d)
  "$program" init "$folder/net" >/dev/null 2>&1
  "$program" serve --source "$folder/net" --state "$folder/state" --listen 127.0.0.1:0 >/dev/null 2>&1 &
  pid=$!
  sleep 20
  awk '/VmRSS/ {printf "%.0f MiB", $2 / 1024}' "/proc/$pid/status"
  kill "$pid"
  wait "$pid" || true
  rm -rf "$folder"
}
router() { sed -n "s/.*\"name\": \"$1\".*\"port\": \([0-9]*\).*/\1/p" "$LAB_DIR/lab.json"; }
key_of() { grep -A2 "\"name\": \"$1\"" "$LAB_DIR/lab.json" | sed -n 's/.*"host_key_fingerprint": "\([^"]*\)".*/\1/p'; }
push_to_plan() { # a change of one router, from `git push` to the stored plan
  local folder net pid start name
  folder=$(mktemp -d)
  net=$folder/net
  "$program" init --no-git "$net" >/dev/null 2>&1
  rm -r "$net"/data/device/leaf* "$net/inventory/groups/leafs.yaml" "$net/templates/arista_eos" "$net/tests"
  for name in r1 r2 r3; do
    printf '%s: {address: 127.0.0.1, port: %s, host_key: "%s", groups: [routers], labels: {site: ams}}\n' \
      "$name" "$(router $name)" "$(key_of $name)"
  done >"$net/inventory/devices.yaml"
  export GIT_AUTHOR_NAME=bench GIT_AUTHOR_EMAIL=bench@localhost GIT_COMMITTER_NAME=bench GIT_COMMITTER_EMAIL=bench@localhost
  RECONVERGE_DEVICE_PASSWORD=$(sed -n 's/.*"vtysh": .*"password": "\([^"]*\)".*/\1/p' "$LAB_DIR/lab.json")
  export RECONVERGE_DEVICE_PASSWORD
  git -C "$net" init -q -b main
  git -C "$net" add -A
  git -C "$net" commit -qm first
  git clone -q --bare "$net" "$folder/origin.git"
  git -C "$net" remote add origin "$folder/origin.git"
  "$program" serve --source "$folder/origin.git" --state "$folder/state" --listen 127.0.0.1:0 --poll 1s >"$folder/log" 2>&1 &
  pid=$!
  sleep 8
  git -C "$net" checkout -q -b change/bench
  printf 'networks: [203.0.113.0/24]\n' >>"$net/data/device/r2.yaml"
  git -C "$net" commit -qam bench
  start=$(date +%s%N)
  git -C "$net" push -q origin change/bench
  until grep -q '^planned' "$folder/log" || [ $(($(date +%s%N) - start)) -gt 60000000000 ]; do sleep 0.05; done
  awk -v ns=$(($(date +%s%N) - start)) 'BEGIN {printf "%.1f s", ns / 1e9}'
  kill "$pid"
  wait "$pid" || true
  rm -rf "$folder"
}
lab_dir=$(mktemp -d)/lab
export LAB_DIR=$lab_dir LAB_PREFIX=rvbench-
trap 'tests/lab/frr-down.sh; rmdir "$(dirname "$lab_dir")"' EXIT

printf '| measured | value |\n|---|---|\n'
row 'machine' "$(nproc) CPUs, $(awk '/MemTotal/ {printf "%.0f GiB", $2 / 1048576}' /proc/meminfo)"
[ "${BENCH_COLD:-}" != 1 ] || row 'development build from nothing' "$(seconds cold)"
touch src/main.rs
row 'development build after touching main.rs' "$(seconds cargo build --locked)"
row 'development binary' "$(du -h "$target/debug/reconverge" | cut -f1)"
row 'start of `reconverge --version`' "$(seconds "$target/debug/reconverge" --version)"
row 'three FRR routers from nothing to converged' "$(seconds tests/lab/frr-up.sh 3)"
row 'three FRR routers back to their first state' "$(seconds tests/lab/frr-reset.sh r1 r2 r3)"
port=$(sed -n 's/.*"name": "r1".*"port": \([0-9]*\).*/\1/p' "$LAB_DIR/lab.json")
row '`show running-config` over OpenSSH' "$(seconds ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no \
  -o UserKnownHostsFile=/dev/null -i "$LAB_DIR/client_key" -p "$port" netops@127.0.0.1 'show running-config')"
row 'memory of the idle service' "$(idle_memory)"
row 'from a pushed change to its plan, three FRR routers, poll 1 s' "$(push_to_plan)"
row 'three FRR routers stopped' "$(seconds tests/lab/frr-down.sh)"
