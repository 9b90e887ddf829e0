#!/bin/sh
# The same set-up as verify.sh, then every test on the optimised build; `./test.sh dev` runs them on the
# build with address and undefined-behaviour sanitizers, `./test.sh "release dev"` on both.
set -eu
cd "$(dirname "$0")"
. cmake/setup.sh
install_packages
code=0
for preset in ${1:-release}; do
    build "$preset"
    ctest --preset "$preset" -j "$(nproc)" || code=1
done
exit "$code"
