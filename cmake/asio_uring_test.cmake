# SPDX-License-Identifier: BSL-1.0
#
# asio_uring_add_test(NAME name SOURCES file... [LABELS label...] [LIBRARIES target...]
#                     [ASIO | DROP_IN])
#
# One Boost.Test program from all sources of one folder of tests/. main.cpp holds
# BOOST_TEST_MODULE. ASIO takes the precompiled header that all programs over Asio share;
# DROP_IN compiles every source with drop_in.hpp in front. The label `threaded` marks what
# ThreadSanitizer runs.
function(asio_uring_add_test)
    cmake_parse_arguments(PARSE_ARGV 0 arg "ASIO;DROP_IN" "NAME" "SOURCES;LABELS;LIBRARIES")
    set(mains ${arg_SOURCES})
    list(FILTER mains INCLUDE REGEX "main\\.cpp$")
    if(NOT mains)
        message(FATAL_ERROR "${arg_NAME} has no main.cpp among its sources")
    endif()
    add_executable(${arg_NAME} ${arg_SOURCES})
    asio_uring_setup_test_target(${arg_NAME})
    target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBRARIES})
    if(arg_DROP_IN)
        asio_uring_drop_in(${arg_NAME})
    elseif(arg_ASIO)
        target_precompile_headers(${arg_NAME} REUSE_FROM asio_uring_test_pch)
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

# What every test program shares; the owner of the precompiled header must match.
function(asio_uring_setup_test_target target)
    asio_uring_set_warnings(${target})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(${target} PRIVATE asio_uring::asio_uring Boost::context)
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
