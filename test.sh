#!/bin/sh
# The same set-up as verify.sh, then every test: the optimised build and the one with sanitizers.
# `./test.sh release` or `./test.sh dev` runs one of the two.
set -eu
cd "$(dirname "$0")"
. cmake/setup.sh
install_packages
for preset in ${1:-release dev}; do
    build "$preset"
    ctest --preset "$preset" -j "$(nproc)"
done
