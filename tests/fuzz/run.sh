#!/bin/sh
# tests/fuzz/run.sh [INPUTS [FOLDER]]: builds the fuzz targets with clang and feeds each INPUTS inputs (a
# million by default). Not part of the tests; ends with an error at the first finding.
set -eu
cd "$(dirname "$0")/../.."
inputs=${1:-1000000}
work=${2:-build/fuzz}
mkdir -p "$work"
python3 tests/fuzz/seeds.py "$work/seeds"
sources="sim/transformer/json_reader.cpp sim/transformer/tensor.cpp sim/transformer/safetensors.cpp
sim/transformer/rope.cpp sim/transformer/model_config.cpp"
for target in safetensors config; do
    # shellcheck disable=SC2086 # a list of files
    clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -I. \
        -isystem /usr/include/eigen3 tests/fuzz/${target}_fuzz.cpp $sources -o "$work/$target"
    mkdir -p "$work/corpus-$target"
    "$work/$target" -runs="$inputs" -max_len=4096 -artifact_prefix="$work/" -timeout=10 \
        "$work/corpus-$target" "$work/seeds/$target"
done
