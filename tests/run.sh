#!/usr/bin/env bash
# run.sh: everything `make test` does, step by step, each with its time; stops at the first step that fails. The last lines
# are cargo's own results.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
summary=''
step=''
finish() {
  local code=$?
  [ $code -eq 0 ] || printf '\nmake test: FAILED at: %s\n' "$step" >&2
  rm -f "$log"
  exit $code
}
trap finish EXIT

# run WHAT COMMAND…: one step.
run() {
  local start=$SECONDS
  step=$1
  shift
  printf '\n== %s\n' "$step"
  "$@"
  summary+=$(printf '  %-44s %4d s' "$step" $((SECONDS - start)))$'\n'
}

tests() { tests/lab/with-lab.sh cargo test --locked --no-fail-fast 2>&1 | tee "$log"; }

run 'install what is missing' tests/lab/install.sh
run 'format' cargo fmt --check
run 'lints' cargo clippy --locked --all-targets -- -D warnings
run 'build' cargo test --locked --no-run
run 'tests, with real routers and git servers' tests

if grep -q '^skipped: .*needs real counterparts' "$log"; then
  step='a test with a real counterpart was skipped although the lab is up'
  exit 1
fi
printf '\n== summary\n%s' "$summary"
[ -n "${RECONVERGE_CONFORMANCE:-}" ] || echo '  conformance data: off (RECONVERGE_CONFORMANCE is not set)'
grep '^test result' "$log"
