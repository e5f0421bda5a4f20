# SPDX-License-Identifier: BSL-1.0
#
# Warnings and sanitizers of this project's own targets. Not installed.

# Warnings are private to the target: a consumer keeps its own. Boost comes in as system
# headers and is silent.
function(asio_uring_set_warnings target)
    target_compile_options(
        ${target}
        PRIVATE
            -Wall
            -Wextra
            -Wpedantic
            -Wshadow
            -Wconversion
            $<$<BOOL:${ASIO_URING_WERROR}>:-Werror>
    )
    if(ASIO_URING_SANITIZE AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        # The instrumentation hides from GCC that a variable is set on every path.
        target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
endfunction()

# A sanitizer holds for everything that is linked together, so it is set for the whole
# directory that calls this.
function(asio_uring_enable_sanitizers list)
    if(NOT "${list}" STREQUAL "")
        add_compile_options(-fsanitize=${list} -fno-omit-frame-pointer)
        add_link_options(-fsanitize=${list})
        if("${list}" MATCHES "undefined")
            add_compile_options(-fno-sanitize-recover=all)
        endif()
        if("${list}" MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
            # Asio fences around its handlers; ThreadSanitizer sees the scheduler's mutex,
            # which orders the same accesses, but not the fence, and GCC says so each time.
            add_compile_options(-Wno-tsan)
        endif()
        if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
            # GCC defines it by itself; the standard library, Boost and the tests ask for it.
            if("${list}" MATCHES "address")
                add_compile_definitions(__SANITIZE_ADDRESS__)
            elseif("${list}" MATCHES "thread")
                add_compile_definitions(__SANITIZE_THREAD__)
                # As an archive the runtime leaves no place for a test's operator new.
                execute_process(
                    COMMAND
                        ${CMAKE_CXX_COMPILER}
                        -print-file-name=libclang_rt.tsan-${CMAKE_SYSTEM_PROCESSOR}.so
                    OUTPUT_VARIABLE runtime
                    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY
                )
                cmake_path(GET runtime PARENT_PATH folder)
                add_link_options(-shared-libsan LINKER:-rpath,${folder})
            endif()
        endif()
    endif()
endfunction()

# A sanitizer's finding fails the test that has it.
set(asio_uring_sanitizer_environment
    "ASAN_OPTIONS=strict_string_checks=1:check_initialization_order=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=second_deadlock_stack=1:external_symbolizer_path=/usr/bin/llvm-symbolizer-19:suppressions=${PROJECT_SOURCE_DIR}/tests/support/tsan.supp"
)
