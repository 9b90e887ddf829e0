#!/bin/sh
# Installs what is missing, builds, runs `prefdyn verify` with the options given, draws the report.
# Exit code: 0 all as expected, 1 a claim violated or a negative control not caught, 2 bad input.
set -eu
cd "$(dirname "$0")"
. cmake/setup.sh
install_packages
build release prefdyn_cli
code=0
build/prefdyn verify --force --out results/verify.h5 "$@" || code=$?
[ "$code" -le 1 ] || exit "$code"
/usr/bin/python3 -m analysis.report results/verify.h5 -o results
echo "report: results/report.html"
exit "$code"
