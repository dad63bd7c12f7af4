#!/bin/sh
# The whole suite in five lanes, side by side: most tests wait for sound, clocks or processes, and not for the machine.
# Style, types and import rules are looked at beside them. With more arguments it is these rules, then plain pytest.
set -u
pytest=$1
check=$2
shift 2
if [ "$#" -gt 0 ]; then
  $check || exit 1
  exec "$pytest" "$@"
fi

# Many processes read the same code: kept bytecode saves each of them a second.
unset PYTHONDONTWRITEBYTECODE

told=$(mktemp -d)
trap 'rm -rf "$told"' EXIT
failed=""

# begin NAME FOLDER…: run the tests of these folders beside the rest; what they print is told at the end.
begin() {
  name=$1
  shift
  { "$pytest" -p no:cacheprovider "$@" >"$told/$name" 2>&1; echo "$?" >"$told/$name.code"; } &
}

echo "Browser, faults, doors, adapters and rules, side by side …"
{ $check >"$told/check" 2>&1; echo "$?" >"$told/check.code"; } &
begin faults tests/faults
begin doors tests/web
begin adapters tests/contracts
begin rules tests/house tests/unit tests/stories
"$pytest" -p no:cacheprovider tests/browser
echo "$?" >"$told/browser.code"
wait
for name in check faults doors adapters rules; do
  echo "$name:"
  cat "$told/$name"
done
for name in check browser faults doors adapters rules; do
  [ "$(cat "$told/$name.code" 2>/dev/null)" = 0 ] || failed="$failed $name"
done

if [ -n "$failed" ]; then
  echo "Not all tests passed: see above under$failed." >&2
  exit 1
fi
