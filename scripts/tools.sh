#!/bin/sh
# What the tests need beside Python: Debian's Chromium, Postgres (its programs; no cluster and no service of it), Redis
# (its program, out of the package of its tools, so that no service is installed), and Prometheus and promtool out of
# Debian's package (unpacked into the virtual environment, for the same reason).
# Fetches them where that is permitted, says how elsewhere.
set -eu
bin=$1

# Without its window Chromium takes half the time of the machine; the engine is the same.
if [ -z "${SEGUE_CHROMIUM:-}" ] && ! command -v chromium-headless-shell >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium for the browser tests …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell >/dev/null
  elif ! command -v chromium >/dev/null 2>&1; then
    echo "The browser tests need Chromium. Install it (Debian: apt-get install chromium-headless-shell)," >&2
    echo "or run everything else with: make check unit" >&2
    exit 1
  fi
fi

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null 2>&1; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Postgres for the tests of shared databases …"
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
      echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
  else
    echo "Postgres is not here (Debian: apt-get install postgresql); the tests of shared databases will be left out." >&2
  fi
fi

if ! command -v redis-server >/dev/null 2>&1 && [ ! -x "$bin/redis-server" ]; then
  if ! command -v redis-check-rdb >/dev/null 2>&1 && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Redis for the tests of shared limits …"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-tools >/dev/null
  fi
  # It is one program under several names: what the tools bring as redis-check-rdb is the server, too.
  checker=$(command -v redis-check-rdb || true)
  if [ -n "$checker" ] && ln -sf "$checker" "$bin/redis-server" && "$bin/redis-server" --version >/dev/null 2>&1; then
    :
  else
    rm -f "$bin/redis-server"
    echo "Redis is not here (Debian: apt-get install redis-server; macOS: brew install redis);" >&2
    echo "the tests of shared limits will be left out." >&2
  fi
fi

if { ! command -v promtool || ! command -v prometheus; } >/dev/null 2>&1 &&
  [ ! -x "$bin/promtool" -o ! -x "$bin/prometheus" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if command -v apt-get >/dev/null 2>&1 && { (cd "$work" && apt-get download -qq prometheus >/dev/null 2>&1) ||
    { apt-get update -qq >/dev/null 2>&1 && (cd "$work" && apt-get download -qq prometheus >/dev/null 2>&1); }; }; then
    dpkg -x "$work"/prometheus_*.deb "$work/root"
    cp "$work/root/usr/bin/promtool" "$work/root/usr/bin/prometheus" "$bin/"
  else
    echo "Prometheus is not here (Debian: apt-get install prometheus); the tests of what it reads and of its alerts" >&2
    echo "will be left out." >&2
  fi
fi
