#!/bin/sh
# The whole suite in three parts: what is judged by ear runs alone, the rest side by side on two cores.
# With arguments it is plain pytest with these.
set -u
pytest=$1
shift
if [ "$#" -gt 0 ]; then
  exec "$pytest" "$@"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "The pages …"
"$pytest" tests/browser
alone=$?

echo "The doors and the faults, beside the rules, the stories and the adapters …"
"$pytest" -p no:cacheprovider tests/faults tests/web >"$log" 2>&1 &
beside=$!
"$pytest" tests/house tests/stories tests/unit tests/contracts
here=$?
wait "$beside"
there=$?
cat "$log"

if [ "$alone" -ne 0 ] || [ "$here" -ne 0 ] || [ "$there" -ne 0 ]; then
  echo "Not all tests passed: see above (pages: $alone, rules, stories and adapters: $here, doors and faults: $there)." >&2
  exit 1
fi
