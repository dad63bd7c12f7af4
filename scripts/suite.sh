#!/bin/sh
# The whole suite in three lanes, side by side: most tests wait for sound, clocks or processes, and not for the machine.
# With arguments it is plain pytest with these.
set -u
pytest=$1
shift
if [ "$#" -gt 0 ]; then
  exec "$pytest" "$@"
fi

doors=$(mktemp)
rules=$(mktemp)
trap 'rm -f "$doors" "$rules"' EXIT

echo "The pages and the faults; beside them the doors and the adapters, and the rules and the stories …"
"$pytest" -p no:cacheprovider tests/web tests/contracts >"$doors" 2>&1 &
first=$!
"$pytest" -p no:cacheprovider tests/house tests/stories tests/unit >"$rules" 2>&1 &
second=$!
"$pytest" tests/browser tests/faults
here=$?
wait "$first"
there=$?
wait "$second"
beside=$?
echo "The doors and the adapters:"
cat "$doors"
echo "The rules and the stories:"
cat "$rules"

if [ "$here" -ne 0 ] || [ "$there" -ne 0 ] || [ "$beside" -ne 0 ]; then
  echo "Not all tests passed: see above (pages and faults: $here, doors and adapters: $there, rules and stories: $beside)." >&2
  exit 1
fi
