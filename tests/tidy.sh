#!/bin/sh
# The checks of .clang-tidy on sim, theory, experiments and bench; any finding fails. Developers only. Needs clang,
# clang-tidy and libomp-dev. A folder's files are parsed together (unity), since most of what a file costs is the headers
# it reads; PATTERN limits the run to the groups whose name matches, such as sim_head.
#     tests/tidy.sh [PATTERN ...]
set -eu
cd "$(dirname "$0")/.."
cmake -S . -B build-tidy -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang \
    -DCMAKE_UNITY_BUILD=ON -DPREFDYN_TOGETHER=12 -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON \
    -DCMAKE_EXPORT_COMPILE_COMMANDS=ON -DPREFDYN_CUDA=OFF -DBUILD_TESTING=OFF >/dev/null
cmake --build build-tidy --target prefdyn_build_info >/dev/null
exec run-clang-tidy -quiet -p build-tidy -j "$(nproc)" "$@"
