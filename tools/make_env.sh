#!/bin/sh
# Make a virtual environment with lstluigi in it: make_env.sh PYTHON DIRECTORY EXTRAS
set -eu
python=$1 venv=$2 extras=$3

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "make_env: $python is not Python 3.11 or later; say which is, e.g. make PYTHON=python3.12" >&2
    exit 1
fi
# two of lstchain's dependencies are compiled on installation
header='import os, sysconfig; open(os.path.join(sysconfig.get_path("include"), "Python.h")).close()'
if ! command -v cc >/dev/null 2>&1 || ! "$python" -c "import ensurepip; $header" 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            gcc libc6-dev python3-dev python3-venv >/dev/null
    else
        echo "make_env: a C compiler and Python's venv are needed (Debian: gcc python3-dev python3-venv)" >&2
        exit 1
    fi
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
echo "make_env: installing into $venv (lstchain with all it needs; a few minutes at first)"
"$venv/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[$extras]"
