# SPDX-License-Identifier: BSL-1.0
#
# asio_uring_drop_in(target...)
#
# Moves the stock Asio sockets, acceptors and timers of the targets onto the ring with no
# change of their source: asio_uring/drop_in.hpp is included first in every C++ file, and
# the library is linked.
#
# The header changes what Asio's own types are made of, so a program sees it everywhere or
# nowhere: name every target of the program whose sources include Asio, libraries
# included. What links a library named here sees the header as well. A program in which a
# part escaped says so when it starts, and ends.
function(asio_uring_drop_in)
    foreach(target IN LISTS ARGN)
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
        target_link_libraries(${target} PUBLIC asio_uring::asio_uring)
        target_compile_definitions(
            ${target}
            PUBLIC $<$<COMPILE_LANGUAGE:CXX>:ASIO_URING_DROP_IN=1>
        )
        target_compile_options(
            ${target}
            PUBLIC "$<$<COMPILE_LANGUAGE:CXX>:SHELL:-include asio_uring/drop_in.hpp>"
        )
    endforeach()
endfunction()
