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
  { "$pytest" -o cache_dir="$told/cache.$name" "$@" >"$told/$name" 2>&1; echo "$?" >"$told/$name.code"; } &
}

# again NAME FOLDER…: what failed while five lanes shared the machine is asked once more with the machine to itself. Both
# outcomes are told: what fails twice has failed, and what fails only in company is to be mended all the same.
again() {
  name=$1
  shift
  [ "$(cat "$told/$name.code" 2>/dev/null)" = 1 ] || return 0
  echo "$name: what failed is asked once more, alone:"
  "$pytest" -o cache_dir="$told/cache.$name" --last-failed --maxfail=1 "$@" && echo 0 >"$told/$name.code"
}

echo "Browser, faults, doors, adapters and rules, side by side …"
{ $check >"$told/check" 2>&1; echo "$?" >"$told/check.code"; } &
begin faults tests/faults
begin doors tests/web
begin adapters tests/contracts
begin rules tests/house tests/unit tests/stories
"$pytest" -o cache_dir="$told/cache.browser" tests/browser
echo "$?" >"$told/browser.code"
wait
for name in check faults doors adapters rules; do
  echo "$name:"
  cat "$told/$name"
done
again browser tests/browser
again faults tests/faults
again doors tests/web
again adapters tests/contracts
again rules tests/house tests/unit tests/stories
for name in check browser faults doors adapters rules; do
  [ "$(cat "$told/$name.code" 2>/dev/null)" = 0 ] || failed="$failed $name"
done

if [ -n "$failed" ]; then
  echo "Not all tests passed: see above under$failed." >&2
  exit 1
fi
