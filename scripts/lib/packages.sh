# SPDX-License-Identifier: BSL-1.0
#
# The Debian packages this project needs, in one place. Sourced by the other scripts:
#
#     . "$root/scripts/lib/packages.sh"
#     ensure_packages build test
#
# Installs only what is missing, as root or through sudo, and says what it did. A second
# call costs one query of the package database.

# say: one plain line about what a script is doing.
say()
{
    printf '== %s\n' "$*"
}

# boost_package PART: the name of a Boost package. Debian 12 has 1.81 beside its default
# version, which is too old; distributions without 1.81 have a newer default.
boost_package()
{
    local part=$1
    if [ -z "${boost_version_infix+set}" ]; then
        if dpkg-query -W libboost1.81-dev >/dev/null 2>&1 ||
            apt-cache show libboost1.81-dev >/dev/null 2>&1 ||
            grep -qs '^VERSION_ID="12"' /etc/os-release; then
            boost_version_infix=1.81
        else
            boost_version_infix=
        fi
    fi
    printf 'libboost%s%s-dev\n' "${part:+-$part}" "$boost_version_infix"
}

# packages_of GROUP: the packages of one group, one per line.
packages_of()
{
    case $1 in
        build) # the library and the examples
            printf '%s\n' g++ cmake ninja-build libssl-dev
            boost_package ''
            boost_package context
            boost_package coroutine
            boost_package program-options
            ;;
        test) # the test programs and clients for them; the library uses none of it
            boost_package test
            printf '%s\n' liburing-dev openssl python3 python3-websockets
            printf '%s\n' pkg-config make util-linux
            ;;
        demo) # the HTTP server under load
            printf '%s\n' curl wrk strace
            ;;
        bench) # the benchmarks with their counters and plots
            boost_package program-options
            printf '%s\n' liburing-dev libuv1-dev python3 gnuplot-nox strace valgrind \
                linux-perf
            ;;
        programs) # what scripts/real-programs compiles, and its servers; none is started
            boost_package ''
            boost_package thread
            boost_package filesystem
            printf '%s\n' python3 openssl librestinio-dev \
                redis-tools mariadb-server-core mariadb-client-core
            ;;
        ci) # the second compiler, the formatter and another build system
            printf '%s\n' clang-19 libclang-rt-19-dev llvm-19 clang-format-14 meson
            ;;
        *)
            printf 'packages.sh: no package group "%s"\n' "$1" >&2
            return 2
            ;;
    esac
}

# missing_packages PACKAGE...: those that are not installed, one per line.
missing_packages()
{
    local installed package
    # A virtual package (pkg-config, where pkgconf replaces it) counts through Provides.
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Provides}\n' 2>/dev/null |
        sed -n 's/^installed //p' | sed 's/([^)]*)//g' | tr -s ', ' '\n\n' | sort -u)
    for package in "$@"; do
        grep -qxF -- "$package" <<<"$installed" || printf '%s\n' "$package"
    done
}

# as_root COMMAND...: runs it as root, through sudo when needed.
as_root()
{
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        printf 'Neither root nor sudo. Run this as root, then try again:\n  %s\n' "$*" >&2
        return 1
    fi
}

# apt_install PACKAGE...: refreshes the package lists only when they do not know a package.
apt_install()
{
    local log package stale=0
    for package in "$@"; do
        apt-cache show "$package" >/dev/null 2>&1 || stale=1
    done
    log=$(mktemp)
    if [ "$stale" -eq 1 ]; then
        as_root apt-get update -q >"$log" 2>&1 || cat "$log" >&2
    fi
    if ! as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@" >"$log" 2>&1; then
        # Lists older than the archive name files that are gone: refresh once, then retry.
        as_root apt-get update -q >>"$log" 2>&1
        if ! as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1; then
            tail -n 40 "$log" >&2
            rm -f "$log"
            return 1
        fi
    fi
    rm -f "$log"
}

# ensure_packages GROUP...: installs what is missing from the named groups.
ensure_packages()
{
    local group wanted=() missing=()
    if ! command -v dpkg-query >/dev/null 2>&1; then
        say "packages: no dpkg here, nothing installed; see scripts/lib/packages.sh"
        return 0
    fi
    mapfile -t wanted < <(for group in "$@"; do packages_of "$group"; done | sort -u)
    [ "${#wanted[@]}" -gt 0 ] || return 2
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [ "${#missing[@]}" -eq 0 ]; then
        say "packages ($*): all ${#wanted[@]} present"
        return 0
    fi
    say "packages ($*): installing ${missing[*]}"
    if ! apt_install "${missing[@]}"; then
        say "packages: apt-get could not install ${missing[*]}"
        return 1
    fi
    say "packages: installed"
}
