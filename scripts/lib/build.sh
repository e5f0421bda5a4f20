# SPDX-License-Identifier: BSL-1.0
#
# Configure and build one preset. Sourced by the other scripts after packages.sh:
#
#     configure_preset release
#     build_preset release [TARGET...]
#
# Output goes to build/PRESET/{configure,build}.log; on failure the errors are printed.
# The caller stands in the root of the project.

configure_preset()
{
    local preset=$1 log=build/$1/configure.log arguments=()
    shift
    mkdir -p "build/$preset"
    # The presets name Ninja; without it, Make does.
    command -v ninja >/dev/null 2>&1 || arguments+=(-G 'Unix Makefiles')
    say "configure: preset $preset into build/$preset"
    if ! cmake --preset "$preset" "${arguments[@]}" "$@" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        return 1
    fi
}

build_preset()
{
    local preset=$1 log=build/$1/build.log started=$SECONDS arguments=()
    shift
    [ $# -eq 0 ] || arguments=(--target "$@")
    say "build: preset $preset${*:+, targets $*}"
    # Ninja's 0 and Make's k both mean: build what can be built, then list all that failed.
    local keep_going=(-k)
    [ ! -f "build/$preset/build.ninja" ] || keep_going=(-k 0)
    if ! cmake --build "build/$preset" -j "$(nproc)" "${arguments[@]}" \
        -- "${keep_going[@]}" >"$log" 2>&1; then
        # The first line of each error; templates make the rest long.
        grep -E '^FAILED: |error: |undefined reference|ninja: error|Error [0-9]' "$log" |
            awk '!seen[$0]++' | cut -c 1-300 | head -n 60 >&2
        say "build: failed after $((SECONDS - started)) s; all of it is in $log"
        return 1
    fi
    say "build: took $((SECONDS - started)) s"
}
