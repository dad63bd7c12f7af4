#!/bin/sh
# Resolves the lock files. They hold names, versions and hashes, so that an install is the same everywhere.
set -eu
cd "$(dirname "$0")/.."
tool=$(mktemp -d)
trap 'rm -rf "$tool"' EXIT
python3 -m venv "$tool"
"$tool/bin/pip" install --quiet --disable-pip-version-check uv
lock() {
  "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header "$@" pyproject.toml
}
lock --extra speech --extra codecs --group build --output-file requirements/run.lock
lock --all-extras --group dev --constraints requirements/run.lock --output-file requirements/dev.lock
lock --extra speech --extra codecs --group build --group bench --output-file requirements/bench.lock
echo uv | "$tool/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --output-file requirements/install.lock -
