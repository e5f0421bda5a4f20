# SPDX-License-Identifier: BSL-1.0
#
# Whole releases of Boost beside the system's, from newer Debian suites. Sourced by the
# other scripts after packages.sh:
#
#     boost_list             sets boost_releases to every release there is, as 1.88
#     boost_unpack 1.88      brings one to build/boost/1.88/tree, unless it is there
#     boost_sources 1.88     brings its examples and sources to build/boost/1.88/sources
#
# Nothing is installed: a private apt configuration with lists and cache of its own under
# build/boost/, and packages unpacked to build/boost/MAJOR.MINOR. The archive is the one
# this machine installs from. Whoever sources this stands in the root of the project.

boost_home=$PWD/build/boost
# The suites to look in; the second one moves.
boost_suites=(trixie sid)
declare -A boost_refreshed=()

# boost_archive: the address of the archive this machine's own packages come from. It is
# known only where the machine has package lists.
boost_archive()
{
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "boost: no apt-get here; newer Boost comes from Debian's archive" >&2
        return 1
    fi
    local address
    address=$(boost_debian_address)
    if [ -z "$address" ]; then
        as_root apt-get update -q >/dev/null 2>&1
        address=$(boost_debian_address)
    fi
    if [ -z "$address" ]; then
        echo "boost: apt-get knows no Debian archive" >&2
        return 1
    fi
    printf '%s\n' "$address"
}

# $(LABEL) tells the archive from its security updates.
boost_debian_address()
{
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        sed -n 's/^Debian \(.*\)/\1/p' | sort -u | head -n 1
}

# boost_apt SUITE COMMAND ARGUMENT...: an apt program that sees that suite and no other,
# and neither reads nor writes what belongs to the system.
boost_apt()
{
    local suite=$1 command=$2 home=$boost_home/suites/$1
    shift 2
    "$command" -q -o Dir::State="$home" -o Dir::State::status=/dev/null \
        -o Dir::Cache="$home/cache" -o Dir::Etc::sourcelist="$home/sources.list" \
        -o Dir::Etc::sourceparts="$home/none" -o Dir::Etc::preferences="$home/none" \
        -o Dir::Etc::preferencesparts="$home/none" -o Acquire::Languages=none \
        -o Acquire::Retries=2 -o APT::Sandbox::User= -o APT::Update::Error-Mode=any "$@"
}

# boost_refresh SUITE: fetches the suite's lists, once per script. With "-sources" behind
# its name: the lists of its source packages.
boost_refresh()
{
    local suite=$1 home=$boost_home/suites/$1 archive key log status=0 type=deb
    [ "$suite" = "${suite%-sources}" ] || type=deb-src
    [ -z "${boost_refreshed[$suite]:-}" ] || return 0
    archive=$(boost_archive) || return 1
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    [ -e "$key" ] && key="[signed-by=$key] " || key=
    mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
    printf '%s %s%s %s main\n' "$type" "$key" "$archive" "${suite%-sources}" \
        >"$home/sources.list"
    log=$(mktemp)
    boost_apt "$suite" apt-get update >"$log" 2>&1 || status=1
    if [ "$status" -eq 0 ]; then
        boost_refreshed[$suite]=1
    else
        cat "$log" >&2
        echo "boost: the suite $suite cannot be reached" >&2
    fi
    rm -f "$log"
    return "$status"
}

# boost_releases_in SUITE: its releases newer than the oldest we take, oldest first.
boost_releases_in()
{
    boost_apt "$1" apt-cache pkgnames libboost1. |
        sed -n 's/^libboost\(1\.[0-9]*\)-dev$/\1/p' | awk -F. '$2 > 81' | sort -V
}

# boost_list: sets boost_releases to all there are, oldest first.
boost_list()
{
    local suite
    for suite in "${boost_suites[@]}"; do
        boost_refresh "$suite" || return 1
    done
    mapfile -t boost_releases < <(
        for suite in "${boost_suites[@]}"; do boost_releases_in "$suite"; done | sort -uV)
    [ "${#boost_releases[@]}" -gt 0 ]
}

# boost_find RELEASE: sets boost_suite to the first suite that has it.
boost_find()
{
    for boost_suite in "${boost_suites[@]}"; do
        boost_refresh "$boost_suite" || return 1
        ! boost_releases_in "$boost_suite" | grep -qxF -- "$1" || return 0
    done
    echo "boost: none of the suites ${boost_suites[*]} has Boost $1" >&2
    return 1
}

# boost_unpack RELEASE: the release's usr/ in build/boost/RELEASE/tree.
boost_unpack()
{
    local release=$1 folder=$boost_home/$1 package packages=()
    if [ -e "$folder/complete" ]; then
        say "boost: $(cat "$folder/complete") is there already"
        return 0
    fi
    boost_find "$release" || return 1
    # All headers, and the one library that is more than headers and that fits an older
    # system: the stacks of asio::spawn. The test framework is compiled from its headers.
    packages=("libboost$release-dev" "libboost-context$release-dev")
    rm -rf "$folder/tree" "$folder/packages"
    mkdir -p "$folder/tree" "$folder/packages"
    say "boost: fetching ${packages[*]} from $boost_suite"
    if ! (cd "$folder/packages" && boost_apt "$boost_suite" apt-get download "${packages[@]}") \
        >"$folder/download.log" 2>&1; then
        cat "$folder/download.log" >&2
        echo "boost: cannot download ${packages[*]} from $boost_suite" >&2
        return 1
    fi
    for package in "$folder"/packages/*.deb; do
        dpkg-deb -x "$package" "$folder/tree" || return 1
    done
    rm -r "$folder/packages"
    sed -n "s/^#define BOOST_LIB_VERSION \"\(.*\)\"/Boost \1 of Debian $boost_suite/p" \
        "$folder/tree/usr/include/boost/version.hpp" | grep . >"$folder/complete" || return 1
    say "boost: unpacked $(cat "$folder/complete")"
}

# What boost_sources keeps of a source package of 80 MB.
boost_source_folders=('*/libs/*/example/*' '*/libs/*/src/*')

# boost_sources RELEASE: the release's examples and sources in build/boost/RELEASE/sources. The release
# may be the system's own; the suite of that comes first.
boost_sources()
{
    local release=$1 folder=$boost_home/$1 suite log
    [ ! -e "$folder/sources/complete" ] || return 0
    log=$folder/sources.log
    rm -rf "$folder/sources" "$folder/source-package"
    mkdir -p "$folder/sources" "$folder/source-package"
    for suite in $(. /etc/os-release && echo "${VERSION_CODENAME:-}") \
        "${boost_suites[@]}"; do
        boost_refresh "$suite-sources" || return 1
        ! grep -q '^Package: ' < <(boost_apt "$suite-sources" apt-cache showsrc \
            "boost$release" 2>/dev/null) || break
        suite=
    done
    if [ -z "$suite" ]; then
        echo "boost: no suite has the sources of Boost $release" >&2
        return 1
    fi
    say "boost: fetching the sources of $release from $suite"
    if ! (cd "$folder/source-package" && boost_apt "$suite-sources" \
        apt-get source --download-only "boost$release") >"$log" 2>&1 ||
        ! tar -C "$folder/sources" --strip-components=1 --wildcards \
            -xf "$folder/source-package/boost${release}_"*.orig.tar.* \
            "${boost_source_folders[@]}" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "boost: cannot fetch the sources of Boost $release" >&2
        return 1
    fi
    rm -r "$folder/source-package"
    : >"$folder/sources/complete"
}
