# SPDX-License-Identifier: BSL-1.0
#
# asio_uring_add_test(NAME name SOURCES file... [LABELS label...] [LIBRARIES target...]
#                     [ASIO | PLAIN | DROP_IN | INTERNALS | LIBRARY target])
#
# One Boost.Test program from all sources of one folder of tests/. main.cpp holds
# BOOST_TEST_MODULE. A program takes a precompiled header, with ASIO the one that all
# programs over Asio share, with PLAIN the same for those that are not optimised; DROP_IN
# compiles every source with drop_in.hpp in front, and has one of its own. INTERNALS links
# what the headers of src/ declare, which a shared library hides. LIBRARY links another build
# of the library than the project's own. The label `threaded` marks what ThreadSanitizer runs.
function(asio_uring_add_test)
    set(flags ASIO PLAIN DROP_IN INTERNALS)
    cmake_parse_arguments(
        PARSE_ARGV 0 arg "${flags}" "NAME;LIBRARY" "SOURCES;LABELS;LIBRARIES"
    )
    set(mains ${arg_SOURCES})
    list(FILTER mains INCLUDE REGEX "main\\.cpp$")
    if(NOT mains)
        message(FATAL_ERROR "${arg_NAME} has no main.cpp among its sources")
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    set(library asio_uring::asio_uring)
    if(arg_LIBRARY)
        set(library ${arg_LIBRARY})
    endif()
    if(arg_INTERNALS)
        asio_uring_add_internals()
        set(library asio_uring_internals)
    endif()
    asio_uring_setup_test_target(${arg_NAME} ${library})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBRARIES})
    if(arg_DROP_IN)
        asio_uring_drop_in(${arg_NAME})
        target_precompile_headers(${arg_NAME} PRIVATE support/asio_pch.hpp)
    else()
        set(owner asio_uring_framework_pch)
        if(arg_PLAIN)
            set(owner asio_uring_plain_pch)
            target_compile_options(${arg_NAME} PRIVATE -O0)
        elseif(arg_ASIO)
            set(owner asio_uring_test_pch)
        endif()
        target_precompile_headers(${arg_NAME} REUSE_FROM ${owner})
        # BOOST_TEST_MODULE acts only where it is defined before the framework's header.
        set_source_files_properties(${mains} PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    endif()

    asio_uring_add_test_run(NAME ${arg_NAME} PROGRAM ${arg_NAME} LABELS ${arg_LABELS})
endfunction()

# asio_uring_add_test_run(NAME name PROGRAM target [LABELS label...] [ENVIRONMENT value...])
#
# One run of a test program, with an environment of its own.
function(asio_uring_add_test_run)
    cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;PROGRAM" "LABELS;ENVIRONMENT")
    # The log says which cases ran; scripts/lib/summary.py counts them.
    set(log ${PROJECT_BINARY_DIR}/test-results/${arg_NAME}.xml)
    add_test(
        NAME ${arg_NAME}
        COMMAND ${arg_PROGRAM} --logger=HRF,test_suite,stdout:JUNIT,error,${log}
                --color_output=no
    )
    set_tests_properties(
        ${arg_NAME}
        PROPERTIES TIMEOUT 120
                   ENVIRONMENT "${asio_uring_sanitizer_environment};${arg_ENVIRONMENT}"
    )
    asio_uring_label_test(${arg_NAME} ${arg_PROGRAM} boost_test ${arg_LABELS})
endfunction()

# asio_uring_label_test(test target label...)
#
# Gives the test its labels. The target tests_LABEL builds what the tests of that label
# need.
function(asio_uring_label_test test target)
    set_tests_properties(${test} PROPERTIES LABELS "${ARGN}")
    foreach(label IN LISTS ARGN)
        if(NOT TARGET tests_${label})
            add_custom_target(tests_${label})
        endif()
        add_dependencies(tests_${label} ${target})
    endforeach()
endfunction()

# The target asio_uring_internals: the library as an archive, in which nothing is hidden.
function(asio_uring_add_internals)
    if(TARGET asio_uring_internals)
        return()
    endif()
    get_target_property(type asio_uring TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
        add_library(asio_uring_internals ALIAS asio_uring)
        return()
    endif()
    list(TRANSFORM asio_uring_sources PREPEND ${PROJECT_SOURCE_DIR}/)
    add_library(asio_uring_internals STATIC ${asio_uring_sources})
    target_include_directories(asio_uring_internals PUBLIC ${PROJECT_SOURCE_DIR}/include)
    target_compile_features(asio_uring_internals PUBLIC cxx_std_20)
    target_link_libraries(asio_uring_internals PUBLIC Boost::headers Threads::Threads)
    asio_uring_set_warnings(asio_uring_internals)
endfunction()

# What every test program shares, with the library that it links; the owner of the
# precompiled header must match.
function(asio_uring_setup_test_target target library)
    asio_uring_set_warnings(${target})
    # Nobody debugs these, and debug information is 7 % of the time to compile them.
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-g0>)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${target} PRIVATE ${library} Boost::context)
    if(ASIO_URING_TEST_RING_ALONE)
        target_compile_definitions(${target} PRIVATE ASIO_URING_TEST_RING_ALONE)
    endif()
    if(ASIO_URING_TEST_FRAMEWORK_FROM_HEADERS)
        # Asio before 1.84 also offers what only Boost.Coroutine can do.
        target_compile_definitions(
            ${target}
            PRIVATE ASIO_URING_TEST_FRAMEWORK_FROM_HEADERS BOOST_TEST_NO_MAIN
                    BOOST_TEST_ALTERNATIVE_INIT_API BOOST_ASIO_DISABLE_BOOST_COROUTINE
        )
    else()
        target_compile_definitions(
            ${target}
            PRIVATE BOOST_TEST_DYN_LINK BOOST_COROUTINES_NO_DEPRECATION_WARNING
        )
        target_link_libraries(
            ${target} PRIVATE Boost::unit_test_framework Boost::coroutine
        )
    endif()
endfunction()
