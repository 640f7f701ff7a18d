# What tools/run and tools/test share: packages, Node.js, the web app, the binary. To be sourced;
# each step looks first and does nothing when there is nothing to do.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
logs=$root/build/logs
mkdir -p "$logs"

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# quietly NAME COMMAND…: its output goes to build/logs/NAME.log, the end of it here if it fails.
quietly() {
  local log=$logs/$1.log
  shift
  "$@" >"$log" 2>&1 </dev/null && return 0
  tail -n 40 "$log" >&2
  die "failed: $* (all of it: $log)"
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    DEBIAN_FRONTEND=noninteractive "$@"
  elif command -v sudo >/dev/null; then
    sudo DEBIAN_FRONTEND=noninteractive "$@"
  else
    die "packages are missing and neither root nor sudo is at hand; as root: $*"
  fi
}

# The packages of tools/packages of the kinds given that are not installed.
missing_packages() {
  local kinds=" $* " kind names name
  local installed
  installed=" $(dpkg-query --show --showformat '${db:Status-Abbrev}${Package}\n' |
    sed -n 's/^ii //p' | tr '\n' ' ') "
  while read -r kind names; do
    [[ $kind == '#'* || $kinds != *" $kind "* ]] && continue
    for name in ${names//|/ }; do
      [[ $installed == *" $name "* ]] && continue 2
    done
    printf '%s\n' "$names"
  done <"$root/tools/packages"
}

# The first of a|b|c that apt can install.
choose_package() {
  local name
  for name in ${1//|/ }; do
    if apt-cache show "$name" >/dev/null 2>&1; then
      printf '%s\n' "$name"
      return
    fi
  done
  printf '%s\n' "${1%%|*}"
}

# install_packages KIND…: nothing is asked of apt when nothing is missing.
install_packages() {
  command -v dpkg-query >/dev/null || die "this needs Debian 12 or 13 (dpkg-query is not here)"
  local missing chosen=() names
  missing=$(missing_packages "$@")
  [ -z "$missing" ] && return 0
  say "Installing from Debian: $(tr '\n' ' ' <<<"$missing")"
  quietly apt-update as_root apt-get update
  for names in $missing; do chosen+=("$(choose_package "$names")"); done
  quietly apt-install as_root apt-get install --yes --no-install-recommends "${chosen[@]}"
}

node_is_new_enough() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
             process.exit(major >= 23 || (major === 22 && minor >= 12) ||
                          (major === 20 && minor >= 19) ? 0 : 1)'
}

# Node.js for Vite (20.19 or 22.12 on). Debian 12 has 18: then 22 comes from npm into build/node.
ensure_node() {
  [ -d "$root/build/node/node_modules/.bin" ] && PATH=$root/build/node/node_modules/.bin:$PATH
  node_is_new_enough && return 0
  if ! command -v npm >/dev/null; then
    say "Installing from Debian: nodejs npm"
    quietly apt-update as_root apt-get update
    quietly apt-node as_root apt-get install --yes --no-install-recommends nodejs npm
    node_is_new_enough && return 0
  fi
  say "Installing Node.js 22 from npm into build/node (this Debian has $(node --version))"
  quietly node npm install --prefix "$root/build/node" --no-save --no-audit --no-fund node@22 npm@10
  PATH=$root/build/node/node_modules/.bin:$PATH
  hash -r
  node_is_new_enough || die "Node.js from npm does not start; see $logs/node.log"
}

# One line for the state of some files: names, sizes and times.
state_of() { find "$@" -type f -printf '%p %s %T@\n' | LC_ALL=C sort | sha256sum; }

# done_already NAME STATE: the step NAME has been done for STATE. mark_done says so.
done_already() { [ "$(cat "$root/build/$1.done" 2>/dev/null)" = "$2" ]; }
mark_done() { printf '%s\n' "$2" >"$root/build/$1.done"; }

# web/node_modules as package-lock.json has it.
install_web() {
  local state
  state=$(sha256sum <"$root/web/package-lock.json")
  [ -d "$root/web/node_modules" ] && done_already web-install "$state" && return 0
  ensure_node
  say "Installing the web app's packages from npm"
  quietly npm-ci npm --prefix "$root/web" ci --no-audit --no-fund
  mark_done web-install "$state"
}

web_state() {
  state_of "$root/web" -path "$root/web/node_modules" -prune -o -path "$root/web/dist" -prune -o \
    -path "$root/web/e2e" -prune -o -path "$root/web/test-results" -prune -o
}

# web/dist, the built web app.
build_web() {
  local state
  state=$(web_state)
  [ -f "$root/web/dist/index.html" ] && done_already web "$state" && return 0
  ensure_node
  install_web
  say "Building the web app"
  quietly web-build npm --prefix "$root/web" run build
  mark_done web "$(web_state)"
}

# configure PRESET CACHE-ENTRY…: only when the build folder is new or an entry changes; Ninja does
# it by itself when a CMake file changes.
configure() {
  local preset=$1 cache=$root/build/$1/CMakeCache.txt entry
  shift
  if [ -f "$cache" ] && [ -f "$root/build/$preset/build.ninja" ]; then
    local stale=
    for entry in "$@"; do
      local name=${entry%%=*} value=${entry#*=}
      grep --quiet "^${name#-D}:[A-Z]*=$value\$" "$cache" || stale=1
    done
    [ -z "$stale" ] && return 0
  fi
  (cd "$root" && quietly "cmake-$preset" cmake --preset "$preset" "$@")
}

# Reads Ninja's output: says that there is something to build once there is, counts on a terminal.
show_progress() {
  local line started=
  while IFS= read -r line; do
    [[ $line =~ ^\[([1-9][0-9]*/[0-9]+)\]\ (.*) && ${BASH_REMATCH[2]} != Re-* ]] || continue
    [ -n "$started" ] || say "Building ($1)"
    started=1
    [ -t 2 ] && printf '\r    %s ' "${BASH_REMATCH[1]}" >&2
  done
  if [ -n "$started" ] && [ -t 2 ]; then printf '\n' >&2; fi
}

# build PRESET TARGET…: all that Ninja says is in build/logs.
build() {
  local preset=$1 log=$logs/build-$1.log
  shift
  ninja -C "$root/build/$preset" -j "$(nproc)" "$@" 2>&1 | tee "$log" | show_progress "$preset" &&
    return 0
  grep --extended-regexp --after-context=20 'FAILED|error' "$log" | head -n 60 >&2
  die "the build failed (all of it: $log)"
}
