#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that building, testing or the demo need and that are missing.
#
# usage: tests/setup.sh [build|demo|test|lint|bench|fuzz|coverage|valgrind|deb]...    (default: build)
set -eu

build="gcc make pkg-config libmodbus-dev libpaho-mqtt-dev libcurl4-openssl-dev libconfig-dev libsqlite3-dev
       libjansson-dev libudunits2-dev libsodium-dev libmicrohttpd-dev libssl-dev zlib1g-dev"
demo="mosquitto mosquitto-clients influxdb curl python3 python3-paho-mqtt faketime"
test="$demo libcmocka-dev victoria-metrics mbpoll python3-pymodbus python3-serial-asyncio openssl mandoc systemd socat faketime scdoc strace
      iproute2 procps"
lint="clang-format clang-tidy cppcheck clang"
bench="$demo liblua5.4-dev"
fuzz="clang libclang-rt-14-dev"
coverage="gcovr"
valgrind="$test valgrind"
deb="debhelper dpkg-dev fakeroot scdoc lintian libcmocka-dev"

wanted=$build
for group in "$@"; do
    case $group in
    build) ;;
    demo) wanted="$wanted $demo" ;;
    test) wanted="$wanted $test" ;;
    lint) wanted="$wanted $lint" ;;
    bench) wanted="$wanted $bench" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    deb) wanted="$wanted $deb" ;;
    coverage) wanted="$wanted $coverage" ;;
    valgrind) wanted="$wanted $valgrind" ;;
    *) echo "tests/setup.sh: unknown group \"$group\"" >&2; exit 64 ;;
    esac
done

missing=
for package in $wanted; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "these packages are missing and there is no sudo:$missing" >&2; exit 77; }
    as_root=sudo
fi

# Servers are wanted as programs for tests and demo, not as services of this machine: nothing is started.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    made_policy=yes
fi
cleanup() { [ -z "$made_policy" ] || $as_root rm -f $policy; }
trap cleanup EXIT
trap 'exit 130' INT TERM

echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
echo "installed"
