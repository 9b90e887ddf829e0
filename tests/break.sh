#!/bin/bash
# Breaks the program in every way that a machine does, and counts what was survived: kills, full disks, little memory,
# flipped bits, two writers, a moved folder. Takes up to 15 minutes and is no part of ctest.
#   [SEED=1] [PLACES=200] PREFDYN=build/prefdyn PREFDYN_DATA=DATA tests/break.sh
# SEED draws the moments of kills; PLACES is the number of bits flipped in a kind of file.
# Survived means: the exit code of README.md, nothing half-written under its final name, and the same numbers afterwards.
# Exit code: 0 all survived, 1 not, 77 there are no data.
set -u
{ # read to its end before it runs: who edits it meanwhile does no harm
cd "$(dirname "$0")/.." || exit 2
P=$(realpath "${PREFDYN:-build/prefdyn}")
DATA=${PREFDYN_DATA:-../shared/data}
M=$DATA/checkpoints/stories260K
[ -f "$M/config.json" ] || { echo "SKIPPED: $M is absent (set PREFDYN_DATA)"; exit 77; }
M=$(realpath "$M")
DATA=$(realpath "$DATA")
W=$(mktemp -d)
trap 'mountpoint -q "$W/disk" 2>/dev/null && umount "$W/disk"; rm -rf "$W"' EXIT
RANDOM=${SEED:-1}
PLACES=${PLACES:-200}
export OMP_WAIT_POLICY=passive PREFDYN_PUBLISH_SECONDS=0.05
cd "$W" || exit 2

head -60 "$DATA/persona/openness.jsonl" > d.jsonl
for k in $(seq 200); do
    printf '{"chosen": "\\n\\nHuman: %d?\\n\\nAssistant: yes", "rejected": "\\n\\nHuman: %d?\\n\\nAssistant: no"}\n' "$k" "$k"
done > turns.jsonl
printf 'distinguishability = linspace(0.5, 4, 20)\nsamples = 200\ndimension = 32\nsteps = 300\nrecords = 3\nreplicates = 20\nclaims = T1\n' > s.ini

# Every call writes below $out; it is the same call after whatever happened. X=exec makes it the process itself.
X=
tuned="--data d.jsonl --bos --one-token --batch 8 --threads 1"
embedded="--data d.jsonl --bos --no-shared"
call() {
    case $1 in
        sweep) $X "$P" sweep s.ini --out "$out/sweep" --threads 2 ;;
        merge) $X "$P" merge want/sweep --out "$out/merged.h5" --force ;;
        finetune) $X "$P" finetune --model "$M" $tuned --lr 1e-4 --steps 40 --records 6 --save-every 2 --out "$out/run" ;;
        lora) $X "$P" finetune --model "$M" $tuned --method lora --lr 1e-3 --steps 20 --records 3 --out "$out/lora" ;;
        misalign) $X "$P" misalign --base "$M" --aligned want/run $tuned --lr 1e-4 --steps 8 --records 3 --seeds 1 \
            --out "$out/m.h5" ;;
        embed) $X "$P" embed --model "$M" $embedded --threads 1 --out "$out/e.h5" --force ;;
        cached) $X "$P" embed --model "$M" $embedded --threads 1 --cache "$out/cache" --out "$out/c.h5" --force ;;
        scaled) $X "$P" scaled --model "$M" $embedded --steps 20 --claims T1 --threads 2 --out "$out/scaled.h5" --force ;;
        simulate) $X "$P" simulate --samples 60 --dimension 4 --steps 5 --out "$out/o.h5" --force ;;
        verify) $X "$P" verify --quick --claims T1 --out "$out/v.h5" --force ;;
        falsify) $X "$P" falsify --claim T2b --budget 50 --threads 1 --out "$out/f.ini" --force ;;
        certify) $X "$P" certify --file want/o.h5 --claim T1 --out "$out/certificates.h5" --force ;;
        dialogues) $X "$P" dialogues turns.jsonl --out "$out/pairs.jsonl" --force ;;
    esac
}

# Datasets of two HDF5 files, or bytes of two others, are the same; who made them does not count.
same() {
    /usr/bin/python3 - "$1" "$2" <<'PYTHON'
import sys, h5py
def read(path):
    if not path.endswith(".h5"):
        return open(path, "rb").read()
    out = {}
    with h5py.File(path) as f:
        f.visititems(lambda n, d: out.update({n: d[()].tobytes()}) if isinstance(d, h5py.Dataset) and not n.startswith("segment") else None)
    return out
sys.exit(read(sys.argv[1]) != read(sys.argv[2]))
PYTHON
}

# Where below $out the numbers of a call lie.
file_of() {
    case $1 in
        sweep) echo swept.h5 ;;
        merge) echo merged.h5 ;;
        finetune) echo run/model.safetensors ;;
        lora) echo lora/adapter_model.safetensors ;;
        misalign) echo m.h5 ;;
        embed) echo e.h5 ;;
        cached) echo c.h5 ;;
        scaled) echo scaled.h5 ;;
        simulate) echo o.h5 ;;
        verify) echo v.h5 ;;
        falsify) echo f.ini.h5 ;; # f.ini names its place
        certify) echo certificates.h5 ;;
        dialogues) echo pairs.jsonl ;;
    esac
}

tried=0 survived=0 all_tried=0 all_survived=0
count() { # count COMMAND...: whether it succeeds is whether this was survived
    tried=$((tried + 1))
    if "$@"; then survived=$((survived + 1)); else echo "NOT survived: $what: $*" >&2; fi
}
row() {
    printf '| %-44s | %5d | %8d |\n' "$1" "$tried" "$survived"
    all_tried=$((all_tried + tried)) all_survived=$((all_survived + survived)) tried=0 survived=0
}
merged() { [ "$1" != sweep ] || "$P" merge "$out/sweep" --out "$out/swept.h5" --force > log 2>&1; }
ends_as_wanted() { # after whatever happened the same call gives what an undisturbed one gives
    call "$1" > log 2>&1 && merged "$1" || return 1
    [ -z "$(find "$out" -name '*.partial' -newer s.ini 2>/dev/null | grep -v /segments/)" ] || return 1
    same "$out/$(file_of "$1")" "want/$(file_of "$1")"
}

whole_or_absent() { # what lies under the final name is what an undisturbed call gives
    if [ "$1" = sweep ]; then
        [ ! -d "$out/sweep/segments" ] || "$P" status "$out/sweep" > log 2>&1 || grep -q "spec.ini is missing" log
        return
    fi
    [ ! -e "$out/$(file_of "$1")" ] || same "$out/$(file_of "$1")" "want/$(file_of "$1")"
}

now() { echo $(($(date +%s%N) / 1000000)); }
writing="sweep merge finetune lora misalign embed scaled simulate verify falsify certify dialogues"
"$P" certify --help | grep -q bits || writing=${writing/certify /}
out=want
mkdir want
declare -A takes # milliseconds
for c in $writing cached; do
    start=$(now)
    call $c > log 2>&1 && merged $c || { echo "$c does not run: $(tail -2 log)"; exit 1; }
    takes[$c]=$(($(now) - start))
done
echo '| what was done | tried | survived |'
echo '|---|---|---|'

# ---- kills at random moments, six of each command that are in time; then the call again
for c in sweep merge finetune misalign embed scaled; do
    out=killed-$c what="kill -9 of $c"
    mkdir "$out"
    killed=0
    for _ in $(seq 60); do
        [ "$killed" -lt 6 ] || break
        (X='exec' && call $c) > /dev/null 2>&1 &
        moment=$((RANDOM % takes[$c]))
        sleep "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000)))"
        kill -9 $! 2> /dev/null
        wait $! 2> /dev/null
        if [ $? = 137 ]; then
            killed=$((killed + 1))
            count whole_or_absent $c
        else # it was done before
            rm -rf "$out"
            mkdir "$out"
        fi
    done
    [ "$killed" = 6 ] || echo "only $killed kills of $c came in time" >&2
    count ends_as_wanted $c
done
row "killed at a random moment, then repeated"

# ---- a full disk
if [ "$(id -u)" = 0 ] && mkdir disk && mount -t tmpfs -o size=400k none disk 2> /dev/null; then
    fills() { # exit code 3, soon, and nothing of its final name that is not whole
        call "$1" > log 2>&1
        [ $? = 3 ] || return 1
        [ -z "$(find disk -name '*.partial')" ]
    }
    for c in $writing; do
        out=disk what="a full disk under $c"
        dd if=/dev/zero of=disk/filler bs=1k count=400 2> /dev/null # 4k is for folders
        count fills $c
        rm -rf disk/*
        umount disk && mount -t tmpfs -o size=64m none disk
        count ends_as_wanted $c
        umount disk && mount -t tmpfs -o size=400k none disk
    done
    umount disk
    row "full disk, then room"
    takes_nothing() { call simulate > /dev/full 2> log; [ $? = 3 ]; }
    out=stdout what="a full standard output"
    mkdir stdout
    count takes_nothing
    row "full standard output"
else
    echo "SKIPPED: full disks need root" >&2
fi

# ---- little memory, small files
for c in $writing; do
    for limit in "-v 150000" "-v 300000" "-f 1" "-f 40"; do
        out=limited-$c what="ulimit $limit for $c"
        rm -rf "$out"
        mkdir "$out"
        limited() {
            (ulimit $limit; call "$1") > log 2>&1
            local code=$?
            [ $code = 0 ] || [ $code = 3 ] || { [ $code = 127 ] && grep -q "cannot allocate\|shared" log; }
        }
        count limited $c
        count ends_as_wanted $c
    done
done
row "limits of memory and of file size, then none"

# ---- a flipped bit in every kind of file that is read again
flip() { # flip FILE PLACE: the PLACE-th of PLACES
    /usr/bin/python3 - "$1" "$2" "$PLACES" <<'PYTHON'
import sys
path, k, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
data = bytearray(open(path, "rb").read())
data[k * (len(data) - 1) // n] ^= 1 << (k % 7)
open(path, "wb").write(data)
PYTHON
}
out=want
flipped() { # flipped FILE TEST: one bit after the other; each is refused, or changes nothing
    cp "$1" whole
    for place in $(seq 0 $((PLACES - 1))); do
        cp whole "$1"
        flip "$1" "$place"
        count "$2"
    done
    cp whole "$1"
}
refuses_segment() { "$P" status want/sweep > log 2>&1; [ $? = 3 ] && grep -q "damaged" log; }
refuses_spec() { "$P" status want/sweep > log 2>&1; [ $? = 2 ] && grep -q "spec.ini: is damaged" log; }
embed_with() { # embed_with MODEL OUT
    local base
    [ "$1" = run ] || base="--base $M"
    "$P" embed --model "want/$1" ${base:-} $embedded --out "$2" --force > log 2>&1
}
same_model() { # refused, or what changed is no part of the model: the name of its base, blanks
    embed_with "$1" x.h5
    case $? in
        0) same x.h5 "want/of-$1.h5" ;;
        2) ;;
        *) return 1 ;;
    esac
}
same_run() { same_model run; }
same_lora() { same_model lora; }
refuses_state() { call finetune > log 2>&1; [ $? = 2 ] && grep -q "state-0.safetensors" log; }
same_rows() { # dropped and embedded again; or refused, if the file no longer looks like one of rows
    call cached > log 2>&1
    case $? in
        0) same want/c.h5 want/e.h5 ;;
        2) grep -q "holds no embedded rows" log ;;
        *) return 1 ;;
    esac
}
what="a flipped bit in a segment"
flipped "$(find want/sweep/segments -name '*.h5' | sort | head -1)" refuses_segment
what="a flipped bit in spec.ini"
flipped want/sweep/spec.ini refuses_spec
embed_with run want/of-run.h5 && embed_with lora want/of-lora.h5 || echo "a trained model is refused: $(tail -2 log)" >&2
for file in model.safetensors config.json; do
    what="a flipped bit in a model's $file"
    flipped want/run/$file same_run
done
for file in adapter_model.safetensors adapter_config.json; do
    what="a flipped bit in an adapter's $file"
    flipped want/lora/$file same_lora
done
what="a flipped bit in embedded rows"
flipped want/cache same_rows
stopped_with() { # stopped_with SIGNAL: training that leaves its first state in $out
    mkdir "$out"
    (X='exec' && call finetune) > /dev/null 2>&1 &
    for _ in $(seq 3000); do [ -f "$out/run/state-0.safetensors" ] && break; sleep 0.01; done
    kill "$1" $!
    wait $! 2> /dev/null
    [ -f "$out/run/state-0.safetensors" ]
}
out=stopped what="a flipped bit in a state"
count stopped_with -KILL
flipped stopped/run/state-0.safetensors refuses_state
row "a flipped bit in a file that is read again"

# ---- two writers of one name
for _ in 1 2 3 4 5 6 7 8 9 10; do
    out=two what="two writers"
    mkdir -p two
    both() {
        call simulate > /dev/null 2>&1 &
        local first=$!
        call simulate > /dev/null 2>&1
        local code=$?
        wait "$first" && [ $code = 0 ] && [ "$(ls two)" = o.h5 ] && same two/o.h5 want/o.h5
    }
    count both
done
row "two writers of one file"

# ---- a moved folder
out=before what="a moved folder"
count stopped_with -TERM
(X='exec' && call sweep) > /dev/null 2>&1 &
for _ in $(seq 3000); do [ -d before/sweep/segments ] && [ -n "$(ls before/sweep/segments)" ] && break; sleep 0.01; done
kill -TERM $!
wait $! 2> /dev/null
mv before after
out=after
count ends_as_wanted finetune
count ends_as_wanted sweep
row "a moved folder"

printf '| %-44s | %5d | %8d |\n' "all" "$all_tried" "$all_survived"
[ "$all_tried" = "$all_survived" ]
exit
}
