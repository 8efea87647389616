#!/bin/sh
# Install Slurm's daemons for the tests that run on a real Slurm; without them those tests are skipped.
# Does nothing where Slurm is installed, and never fails: no apt, no root or no network is no error.
set -u
if command -v slurmctld >/dev/null 2>&1 || [ -x /usr/sbin/slurmctld ]; then
    exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "apt_slurm: no Slurm, and no root or no apt-get to install it: tests of Slurm are skipped" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
packages="slurm-wlm munge slurmdbd mariadb-server"
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends $packages; } >/dev/null 2>&1; then
    echo "apt_slurm: apt-get cannot install $packages: tests of Slurm are skipped" >&2
fi
exit 0
