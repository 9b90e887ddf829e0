# Sourced by verify.sh and test.sh: installs what is missing (as root) and builds.
packages="cmake make g++ git libeigen3-dev libboost-dev libboost-program-options-dev libhdf5-dev
libnlopt-dev libnlopt-cxx-dev librandom123-dev libxxhash-dev doctest-dev nlohmann-json3-dev
libsentencepiece-dev libpcre2-dev libicu-dev libflint-dev libmpfr-dev python3 python3-h5py python3-numpy python3-matplotlib"

# Arb, which certificates need, is a package of its own until FLINT 3 holds it.
arb_package() {
    if apt-cache show libflint-arb-dev >/dev/null 2>&1; then echo libflint-arb-dev; fi
}

install_packages() {
    command -v dpkg-query >/dev/null || return 0 # another distribution: CMake will name what it misses
    missing=""
    for package in $packages $(arb_package); do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" ||
            missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing packages:$missing" >&2
        echo "install them with: apt-get install$missing" >&2
        exit 2
    fi
    echo "installing:$missing"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    case $missing in *libflint*) missing="$missing $(arb_package)" ;; esac # known only now, maybe
    # shellcheck disable=SC2086 # a list of words
    apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# Reads what make prints; on a terminal shows how far it is and how long it will take, else each quarter.
show_progress() {
    begin=$(date +%s) quarter=0
    while IFS= read -r line; do
        case $line in "["*"%]"*) ;; *) continue ;; esac
        percent=${line#"["}
        percent=$(( ${percent%%"%]"*} ))
        [ "$percent" -gt 0 ] || continue
        seconds=$(($(date +%s) - begin))
        left=$((seconds * (100 - percent) / percent))
        if [ -t 2 ]; then
            printf '\r  %3d %%, about %d s left   ' "$percent" "$left" >&2
        elif [ "$percent" -ge $((quarter + 25)) ]; then
            quarter=$((percent / 25 * 25))
            echo "  $percent % after $seconds s" >&2
        fi
    done
    if [ -t 2 ]; then printf '\r%40s\r' "" >&2; fi
}

# build PRESET [TARGET]: configures and compiles quietly, shows the log if that fails. PREFDYN_CMAKE: further
# options for CMake.
build() {
    folder=build
    [ "$1" = release ] || folder="build-$1"
    echo "building ($1)"
    mkdir -p "$folder"
    cache=$folder/CMakeCache.txt
    if [ -f "$cache" ] && ! grep -qxF -e "CMAKE_HOME_DIRECTORY:INTERNAL=$(pwd)" -e "CMAKE_HOME_DIRECTORY:INTERNAL=$(pwd -P)" "$cache"; then
        echo "  this checkout was copied or moved: configured anew"
        rm -rf "$cache" "$folder/CMakeFiles"
    fi
    log=$folder/build.log
    # shellcheck disable=SC2086 # a list of words
    if cmake --preset "$1" ${PREFDYN_CMAKE:-} >"$log" 2>&1; then
        { cmake --build "$folder" -j "$(nproc)" --target "${2:-all}" 2>&1 || echo "BUILD FAILED"; } | tee -a "$log" | show_progress
        [ "$(tail -n 1 "$log")" = "BUILD FAILED" ] || return 0
    fi
    tail -n 40 "$log" >&2
    exit 3
}
