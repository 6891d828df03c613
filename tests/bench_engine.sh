#!/usr/bin/env bash
# bench_engine.sh: times the configuration engine, alone and beside hier_config on the same texts in the same run, and prints
# Markdown tables. hier_config is installed below the target folder.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
version=3.7.1
python=$target/bench-python
[ -x "$python/bin/python" ] || python3 -m venv "$python"
"$python/bin/pip" install --quiet --disable-pip-version-check "hier-config==$version"
pairs=$(mktemp -d)
trap 'rm -r "$pairs"' EXIT
cargo bench --locked --quiet --bench engine -- --write "$pairs"
"$python/bin/python" benches/side_by_side.py "$pairs" "$version"
echo
cargo bench --locked --quiet --bench engine
