# SPDX-License-Identifier: BSL-1.0
#
# asio_uring_drop_in(target... [SINGLE_ISSUER] [SEPARATE_COMPILATION])
#
# Moves the stock Asio sockets, acceptors and timers of the targets onto the ring with no
# change of their source: asio_uring/drop_in.hpp is included first in every C++ file, and
# the library is linked.
#
# The header changes what Asio's own types are made of, so a program sees it everywhere or
# nowhere: name every target of the program whose sources include Asio, libraries
# included. What links a library named here sees the header as well. A program in which a
# part escaped says so when it starts, and ends.
#
# SINGLE_ISSUER promises that each io_context of the program is run by one thread for good.
# It holds for every program that the targets are linked to. Contexts then get the ring that
# ring_options with abi::setup_single_issuer asks for, unless ASIO_URING_SINGLE_ISSUER=0 is
# in the environment.
#
# SEPARATE_COMPILATION compiles the loop of the library once for each target, in a source of
# its own, instead of in each of the target's sources.
#
# A target named here may have a precompiled header, its own or another target's that is
# named as well, before or after this call. The header then is the first one in it.
function(asio_uring_drop_in)
    cmake_parse_arguments(PARSE_ARGV 0 arg "SINGLE_ISSUER;SEPARATE_COMPILATION" "" "")
    foreach(target IN LISTS arg_UNPARSED_ARGUMENTS)
        if(NOT TARGET ${target})
            message(FATAL_ERROR "asio_uring_drop_in: '${target}' is not a target")
        endif()
        get_target_property(type ${target} TYPE)
        if(type STREQUAL "INTERFACE_LIBRARY")
            message(
                FATAL_ERROR
                "asio_uring_drop_in: '${target}' has no sources of its own; name the "
                "targets that compile them"
            )
        endif()
        get_target_property(aliased ${target} ALIASED_TARGET)
        if(aliased)
            set(target ${aliased})
        endif()
        get_target_property(named ${target} ASIO_URING_DROP_IN)
        if(NOT named)
            asio_uring_add_drop_in_flags(${target})
        endif()
        if(arg_SINGLE_ISSUER)
            target_compile_definitions(
                ${target}
                PRIVATE $<$<COMPILE_LANGUAGE:CXX>:ASIO_URING_SINGLE_ISSUER=1>
            )
        endif()
        if(arg_SEPARATE_COMPILATION)
            asio_uring_separate_loop(${target})
        endif()
    endforeach()
endfunction()

function(asio_uring_separate_loop target)
    get_target_property(folder ${target} BINARY_DIR)
    set(source ${folder}/asio_uring_src_${target}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "#include <asio_uring/src.hpp>\n" @ONLY)
    set_property(TARGET ${target} APPEND PROPERTY SOURCES ${source})
    target_compile_definitions(
        ${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:ASIO_URING_SEPARATE_COMPILATION>
    )
endfunction()

# The library and the forced include, for the target and for whatever links it.
function(asio_uring_add_drop_in_flags target)
    set_property(TARGET ${target} PROPERTY ASIO_URING_DROP_IN ON)
    # target_link_libraries() takes no keyword where the target's own call has none, and
    # has to have one where that call has one.
    set_property(
        TARGET ${target}
        APPEND
        PROPERTY LINK_LIBRARIES asio_uring::asio_uring
    )
    set_property(
        TARGET ${target}
        APPEND
        PROPERTY INTERFACE_LINK_LIBRARIES asio_uring::asio_uring
    )
    target_compile_definitions(
        ${target}
        PUBLIC $<$<COMPILE_LANGUAGE:CXX>:ASIO_URING_DROP_IN=1>
    )
    # GCC takes a precompiled header for the first include of a compilation alone, and
    # CMake includes it last. So a target whose precompiled header has drop_in.hpp in it
    # does without the option.
    set(precompiled $<BOOL:$<TARGET_PROPERTY:ASIO_URING_DROP_IN_PRECOMPILED>>)
    target_compile_options(
        ${target}
        PUBLIC
            "$<$<AND:$<COMPILE_LANGUAGE:CXX>,$<NOT:${precompiled}>>:SHELL:-include asio_uring/drop_in.hpp>"
    )
    # All is known of the project's precompiled headers when its configuration ends.
    cmake_language(
        EVAL CODE
        "cmake_language(
            DEFER DIRECTORY [[${CMAKE_SOURCE_DIR}]]
            CALL asio_uring_precompile_drop_in [[${target}]]
        )"
    )
endfunction()

# Puts drop_in.hpp into the precompiled header of the target, in front of all else.
function(asio_uring_precompile_drop_in target)
    get_target_property(disabled ${target} DISABLE_PRECOMPILE_HEADERS)
    get_target_property(owner ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    if(disabled)
        return()
    endif()
    if(owner)
        # The owner's turn comes as well, where it is named.
        get_target_property(named ${owner} ASIO_URING_DROP_IN)
        if(NOT named)
            return()
        endif()
    else()
        asio_uring_find_precompiled_headers(${target} found)
        if(NOT found)
            return()
        endif()
        get_target_property(headers ${target} PRECOMPILE_HEADERS)
        if(NOT headers)
            set(headers "")
        endif()
        list(PREPEND headers "$<$<COMPILE_LANGUAGE:CXX>:<asio_uring/drop_in.hpp$<ANGLE-R>>")
        set_property(TARGET ${target} PROPERTY PRECOMPILE_HEADERS ${headers})
    endif()
    set_property(TARGET ${target} PROPERTY ASIO_URING_DROP_IN_PRECOMPILED ON)
    asio_uring_include_where_nothing_is_precompiled(${target})
endfunction()

# Whether the target, or a library that it links, brings headers to precompile.
function(asio_uring_find_precompiled_headers target out)
    set(${out} OFF PARENT_SCOPE)
    get_target_property(headers ${target} PRECOMPILE_HEADERS)
    if(headers)
        set(${out} ON PARENT_SCOPE)
        return()
    endif()
    get_target_property(libraries ${target} LINK_LIBRARIES)
    set(seen ${target})
    while(libraries)
        list(POP_FRONT libraries library)
        if(NOT TARGET "${library}" OR library IN_LIST seen)
            continue()
        endif()
        list(APPEND seen ${library})
        get_target_property(headers ${library} INTERFACE_PRECOMPILE_HEADERS)
        if(headers)
            set(${out} ON PARENT_SCOPE)
            return()
        endif()
        get_target_property(more ${library} INTERFACE_LINK_LIBRARIES)
        if(more)
            list(APPEND libraries ${more})
        endif()
    endwhile()
endfunction()

# The sources that skip the target's precompiled header.
function(asio_uring_include_where_nothing_is_precompiled target)
    set(precompiled $<BOOL:$<TARGET_PROPERTY:ASIO_URING_DROP_IN_PRECOMPILED>>)
    get_target_property(sources ${target} SOURCES)
    foreach(source IN LISTS sources)
        if(source MATCHES "\\$<")
            continue()
        endif()
        get_source_file_property(
            skips ${source} TARGET_DIRECTORY ${target} SKIP_PRECOMPILE_HEADERS
        )
        if(skips)
            # Another target of the folder may have the same source.
            set_property(
                SOURCE ${source}
                TARGET_DIRECTORY ${target}
                APPEND
                PROPERTY
                    COMPILE_OPTIONS
                    "$<$<AND:$<COMPILE_LANGUAGE:CXX>,${precompiled}>:-include;asio_uring/drop_in.hpp>"
            )
        endif()
    endforeach()
endfunction()
