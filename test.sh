#!/bin/sh
# The same set-up as verify.sh, then every test, on the optimised build and on the one with address and
# undefined-behaviour sanitizers; `./test.sh release` or `./test.sh dev` takes one of them.
set -eu
cd "$(dirname "$0")"
. cmake/setup.sh
install_packages
code=0
for preset in ${1:-release dev}; do
    build "$preset"
    ctest --preset "$preset" -j "$(nproc)" || code=1
done
exit "$code"
