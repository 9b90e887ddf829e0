#!/bin/sh
# What only a card can show, in the order of what is lost least if time runs out: the tests of the kernels, the same
# verdicts as the processor's, the speeds in one table, a large sweep, and compute-sanitizer where it is installed.
#
#     tests/on_card.sh BUILD [OUT]      # a build folder with kernels; logs go to OUT, by default BUILD/on_card
#
# Compiled but not run on a card so far, of the language models: training (device_engine_test, bench --finetune);
# embedding since it implements LayerBackend in cuda_layer.cu itself, its gate, norm, softmax step and rounding to
# bfloat16 being the processor's functions (cuda_kernels_test, cuda_layer_test; bench --transformer: goal >= 0.60).
set -u
build=$1
out=${2:-$build/on_card}
mkdir -p "$out"
failed=0
kernels="*device*_test.cpp,*cuda_*_test.cpp"

step() { # NAME COMMAND...: runs it, its output in OUT/NAME.txt
    name=$1
    shift
    begin=$(date +%s)
    if "$@" >"$out/$name.txt" 2>&1; then state=ok; else state=FAILED failed=1; fi
    echo "$state  $name  $(($(date +%s) - begin)) s"
}

same_verdicts() {
    for device in cpu cuda; do
        "$build/prefdyn" verify --quick --device $device --out "$out/verify.h5" --force >"$out/verdicts-$device.txt" || return 1
    done
    diff "$out/verdicts-cpu.txt" "$out/verdicts-cuda.txt"
}

large_sweep() {
    printf '%s\n' 'samples = 200' 'dimension = 64' 'steps = 500' 'records = 2' 'claims = T1' \
        'distinguishability = linspace(0.1, 4, 10000)' 'replicates = 10' >"$out/points.ini"
    rm -rf "$out/points"
    "$build/prefdyn" sweep "$out/points.ini" --out "$out/points" --device cuda
}

"$build/prefdyn" simulate --samples 20 --dimension 2 --steps 1 --device cuda --out "$out/first.h5" --force >/dev/null || exit 2
step tests "$build/tests/prefdyn_tests" -sf="$kernels"
step verdicts same_verdicts
step bench "$build/prefdyn-bench" --many-heads --large-samples 262144 --transformer --finetune --device cuda
cat "$out/bench.txt"
step sweep_100000 large_sweep
if command -v compute-sanitizer >/dev/null; then
    for tool in memcheck racecheck; do
        step $tool compute-sanitizer --tool $tool --error-exitcode 1 "$build/tests/prefdyn_tests" -sf="$kernels"
    done
fi
exit $failed
