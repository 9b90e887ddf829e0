#!/bin/sh
# Installs what is missing, builds, runs `prefdyn verify` with the options given, draws the report.
# Exit code: 0 all as expected, 1 a claim violated or a negative control not caught, 2 bad input, 3 the machine failed or
# the report could not be drawn.
set -eu
cd "$(dirname "$0")"
. cmake/setup.sh
install_packages
build release prefdyn_cli
code=0
build/prefdyn verify --force --out results/verify.h5 "$@" || code=$?
[ "$code" -le 1 ] || exit "$code"
if PYTHONPATH=analysis /usr/bin/python3 -m prefdyn.report results/verify.h5 -o results; then
    echo "report: results/report.html"
else
    echo "the report could not be drawn; every number is in results/verify.h5" >&2
    [ "$code" = 1 ] || code=3
fi
exit "$code"
