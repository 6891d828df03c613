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
row 'three FRR routers stopped' "$(seconds tests/lab/frr-down.sh)"
