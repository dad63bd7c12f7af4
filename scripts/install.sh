#!/bin/sh
# install.sh BIN LOCK: install what a lock file names, and Segue itself, into a virtual environment.
# uv does it ten times as fast as pip; where it cannot be had pip does. Either one checks every hash.
set -eu
bin=$1 lock=$2
pip="$bin/python -m pip install --quiet --disable-pip-version-check"

if $pip --require-hashes -r requirements/install.lock && UV_LINK_MODE=copy \
  "$bin/uv" pip install --quiet --python "$bin/python" --require-hashes -r "$lock"; then
  :
else
  echo "uv could not do it; pip will." >&2
  $pip --require-hashes -r "$lock"
fi
$pip --no-deps --no-build-isolation --editable .
