#!/bin/sh
# The browser tests need Debian's Chromium. Installs it where that is permitted, and says how where it is not.
set -eu
if [ -n "${SEGUE_CHROMIUM:-}" ] || command -v chromium >/dev/null 2>&1; then
  exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing Chromium for the browser tests …"
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  exit 0
fi
echo "The browser tests need Chromium. Install it (Debian: apt-get install chromium)," >&2
echo "or run everything else with: make check unit" >&2
exit 1
