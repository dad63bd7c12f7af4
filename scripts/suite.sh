#!/bin/sh
# The whole suite in three parts: what is judged by ear or by the clock runs alone, the rest side by side on two cores.
# With arguments it is plain pytest with these.
set -u
pytest=$1
shift
if [ "$#" -gt 0 ]; then
  exec "$pytest" "$@"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

echo "The page and the faults …"
"$pytest" tests/browser tests/faults
alone=$?

echo "The doors and the adapters, beside the rules and the stories …"
"$pytest" -p no:cacheprovider tests/web tests/contracts >"$log" 2>&1 &
beside=$!
"$pytest" tests/house tests/stories tests/unit
here=$?
wait "$beside"
there=$?
cat "$log"

if [ "$alone" -ne 0 ] || [ "$here" -ne 0 ] || [ "$there" -ne 0 ]; then
  echo "Not all tests passed: see above (page and faults: $alone, rules and stories: $here, doors and adapters: $there)." >&2
  exit 1
fi
