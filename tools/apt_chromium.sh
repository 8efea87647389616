#!/bin/sh
# Install Debian's chromium for the tests that open pages in it; without it those tests are skipped.
# Does nothing where it is installed, and never fails: no apt, no root or no network is no error.
set -u
if command -v chromium >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "apt_chromium: no chromium, and no root or no apt-get to install it: tests of pages are skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
packages="chromium fonts-dejavu-core"
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null 2>&1; then
    echo "apt_chromium: apt-get cannot install $packages: tests of pages are skipped" >&2
fi
exit 0
