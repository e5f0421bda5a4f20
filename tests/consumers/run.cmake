# SPDX-License-Identifier: BSL-1.0
#
# Builds and runs one consumer as its owner would:
#
#   cmake -DKIND=... -DSOURCE_DIR=... -DBUILD_DIR=... -DWORK_DIR=... -DGENERATOR=...
#         -DCXX=... -DPYTHON=... -P run.cmake
#
# KIND is one of
#   find_package   the built library is installed, and found as a CMake package
#   pkg_config     the same, found through pkg-config, by the commands, the Makefile and the
#                  Meson file that the documentation shows
#   subdirectory   the consumer builds the library itself
#   signature      the drop-in call beside each signature of target_link_libraries, and in
#                  another folder than the target
#   precompiled    GCC reads the precompiled header of a moved program, which runs
#   exported       the consumer builds the library itself, has a package of its own, and a
#                  program uses that: from the build tree, and installed
#   mixed          programs in which only a part saw drop_in.hpp say so and do not run
#   snippets       each CMake snippet of the documentation is configured
#   plain          no consumer: a configuration with no preset and no option is the library
#                  and its tool, and wants neither liburing nor OpenSSL nor Boost.Test
#   components     no consumer: what each component of the installation holds
#   shared         the plain build as a shared library, installed and moved: its tool starts,
#                  and so does an installed consumer

function(run)
    execute_process(COMMAND ${ARGV} RESULT_VARIABLE result)
    if(NOT result EQUAL 0)
        list(JOIN ARGV " " command)
        message(FATAL_ERROR "failed (${result}): ${command}")
    endif()
endfunction()

# Moved after the installation: an installed tree may hold no absolute path.
function(install_library)
    run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/installed)
    file(RENAME ${WORK_DIR}/installed ${WORK_DIR}/prefix)
endfunction()

function(configure_with_cmake)
    run(
        ${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/consumers/${KIND} -B ${WORK_DIR}/build -G
        ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Debug ${ARGV}
    )
endfunction()

function(build_with_cmake)
    configure_with_cmake(${ARGV})
    run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
endfunction()

# expect_precompiled(target count): so many compilations of the target take a precompiled
# header, and the program runs. GCC says with -H what it took. Clang always takes what CMake
# hands to it.
function(expect_precompiled target expected)
    execute_process(
        COMMAND ${CMAKE_COMMAND} --build ${WORK_DIR}/build --target ${target}
        OUTPUT_VARIABLE output
        ERROR_VARIABLE output
        COMMAND_ERROR_IS_FATAL ANY
    )
    string(REGEX MATCHALL "\n! [^\n]*cmake_pch.hxx.gch" taken "${output}")
    list(LENGTH taken count)
    if(gcc AND NOT count EQUAL expected)
        message(FATAL_ERROR "${target}: ${count} precompiled headers taken, not ${expected}")
    endif()
    run(${WORK_DIR}/build/${target})
endfunction()

function(check_precompiled_headers)
    execute_process(COMMAND ${CXX} --version OUTPUT_VARIABLE version)
    set(gcc ON)
    if(version MATCHES "clang")
        set(gcc OFF)
    endif()
    expect_precompiled(before 2)
    expect_precompiled(after 2)
    expect_precompiled(brought 2)
    expect_precompiled(reused 2)
    expect_precompiled(linked 0)
    expect_precompiled(disabled 0)
endfunction()

# configure_user_of_exported_package(folder [argument...])
function(configure_user_of_exported_package folder)
    run(
        ${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/consumers/exported/user -B ${folder} -G
        ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Debug ${ARGN}
    )
endfunction()

# use_exported_package(folder [argument...])
function(use_exported_package folder)
    configure_user_of_exported_package(${folder} ${ARGN})
    run(${CMAKE_COMMAND} --build ${folder})
    run(${folder}/user)
endfunction()

function(check_exported_package)
    use_exported_package(
        ${WORK_DIR}/user -Dexported_DIR=${WORK_DIR}/build
        -Dasio_uring_DIR=${WORK_DIR}/build/asio_uring
    )
    run(${CMAKE_COMMAND} --install ${WORK_DIR}/build --prefix ${WORK_DIR}/prefix)
    if(EXISTS ${WORK_DIR}/prefix/include)
        message(FATAL_ERROR "the library was installed with a project that did not ask")
    endif()
    run(
        ${CMAKE_COMMAND} --install ${WORK_DIR}/build --prefix ${WORK_DIR}/prefix
        --component development
    )
    use_exported_package(
        ${WORK_DIR}/user_of_prefix -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
    )
    # The package finds the library that the user builds already.
    configure_user_of_exported_package(
        ${WORK_DIR}/user_of_both -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
        -DASIO_URING_SOURCE_DIR=${SOURCE_DIR}
    )
endfunction()

# Lets pkg-config find the packages of the moved installation.
function(find_pkg_config_files)
    file(GLOB_RECURSE package ${WORK_DIR}/prefix/asio_uring.pc)
    cmake_path(GET package PARENT_PATH folder)
    set(ENV{PKG_CONFIG_PATH} ${folder})
endfunction()

# follow(document language file program... [COMMAND command...])
#
# Carries out what a document says in one language: its blocks go to the file, the command
# builds what they name, and each program runs. The folder holds two sources: my_server.cpp
# names objects of the library, stock_server.cpp has to be moved.
function(follow document language file)
    cmake_parse_arguments(PARSE_ARGV 3 arg "" "" "COMMAND")
    set(folder ${WORK_DIR}/${language})
    set(programs ${SOURCE_DIR}/tests/consumers)
    configure_file(${programs}/pkg_config/main.cpp ${folder}/my_server.cpp COPYONLY)
    configure_file(${programs}/drop_in.cpp ${folder}/stock_server.cpp COPYONLY)
    execute_process(
        COMMAND
            ${PYTHON} -B ${SOURCE_DIR}/tests/tidy/snippets.py print ${document}
            ${language}
        OUTPUT_FILE ${folder}/${file}
        COMMAND_ERROR_IS_FATAL ANY
    )
    execute_process(
        COMMAND ${arg_COMMAND}
        WORKING_DIRECTORY ${folder}
        COMMAND_ERROR_IS_FATAL ANY
    )
    foreach(program IN LISTS arg_UNPARSED_ARGUMENTS)
        run(${folder}/${program})
        file(REMOVE ${folder}/${program})
    endforeach()
endfunction()

function(follow_the_documents)
    find_pkg_config_files()
    set(ENV{CXX} ${CXX})
    follow(README.md sh build.sh my_server COMMAND sh -e build.sh)
    follow(docs/install.md sh build.sh my_server stock_server COMMAND sh -e build.sh)
    follow(docs/install.md make Makefile stock_server COMMAND make)
    find_program(meson meson)
    if(meson)
        follow(
            docs/install.md meson meson.build build/stock_server
            COMMAND sh -c "${meson} setup build && ${meson} compile -C build"
        )
    endif()
endfunction()

# A whole program runs; a mixed one ends before main() and names what gave it away.
function(run_program name)
    execute_process(
        COMMAND ${WORK_DIR}/build/${name}
        RESULT_VARIABLE result
        OUTPUT_VARIABLE output
        ERROR_VARIABLE error
        TIMEOUT 20
    )
    if(NOT ARGN)
        if(NOT result EQUAL 0 OR NOT output STREQUAL "ok\n")
            message(FATAL_ERROR "${name} (${result}): ${output}${error}")
        endif()
        return()
    endif()
    if(result EQUAL 0 OR NOT output STREQUAL "" OR NOT error MATCHES "asio_uring_drop_in")
        message(FATAL_ERROR "${name} was not refused (${result}): ${output}${error}")
    endif()
    foreach(kind IN LISTS ARGN)
        if(NOT error MATCHES "without drop_in.hpp: [^\n]*${kind}")
            message(FATAL_ERROR "${name}: no '${kind}' in: ${error}")
        endif()
    endforeach()
endfunction()

# The linker names what was called with an object of the other kind.
function(expect_no_link name)
    execute_process(
        COMMAND ${CMAKE_COMMAND} --build ${WORK_DIR}/build --target ${name}
        RESULT_VARIABLE result
        OUTPUT_VARIABLE output
        ERROR_VARIABLE output
    )
    if(result EQUAL 0)
        message(FATAL_ERROR "${name} links")
    endif()
    foreach(function IN LISTS ARGN)
        if(NOT output MATCHES "${function}\\(.*asio_uring")
            message(FATAL_ERROR "${name}: no '${function}' in: ${output}")
        endif()
    endforeach()
endfunction()

function(run_mixed_programs)
    expect_no_link(border borrow keep stop)
    set(kinds
        TCP
        UDP
        ICMP
        "local stream"
        "local datagram"
        "generic stream"
        "generic datagram"
        "generic raw"
        "generic seqpacket"
        "descriptor or pipe"
        "steady timer"
        "system timer"
        "deadline timer"
    )
    run_program(all_moved)
    run_program(all_stock)
    run_program(reached)
    run_program(mixed_objects ${kinds})
    run_program(mixed_no_rtti ${kinds})
    run_program(mixed_static_library ${kinds})
    run_program(mixed_shared_library ${kinds})
    run_program(mixed_shared_drop_in ${kinds})
endfunction()

# What the file of a compilation in ${WORK_DIR}/build is below the root, for all of them.
function(compiled_files out)
    file(READ ${WORK_DIR}/build/compile_commands.json commands)
    string(JSON count LENGTH "${commands}")
    math(EXPR last "${count} - 1")
    set(files "")
    foreach(index RANGE ${last})
        string(JSON file GET "${commands}" ${index} file)
        string(JSON command GET "${commands}" ${index} command)
        if(command MATCHES "-Werror")
            message(FATAL_ERROR "a warning stops a user: ${command}")
        endif()
        if(NOT command MATCHES "-O[23]")
            message(FATAL_ERROR "not optimised: ${command}")
        endif()
        file(RELATIVE_PATH file ${SOURCE_DIR} ${file})
        list(APPEND files ${file})
    endforeach()
    set(${out} ${files} PARENT_SCOPE)
endfunction()

# configure_plain(folder [argument...])
function(configure_plain folder)
    run(
        ${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${folder} -G ${GENERATOR}
        -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
        -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON -DCMAKE_DISABLE_FIND_PACKAGE_Python3=ON
        ${ARGN}
    )
endfunction()

function(check_plain_configuration)
    configure_plain(${WORK_DIR}/build)
    compiled_files(files)
    set(others ${files})
    list(FILTER others EXCLUDE REGEX "^(src|tools)/")
    if(NOT files OR others)
        message(FATAL_ERROR "a plain build compiles (${files}), of that (${others})")
    endif()
    set(cache ${WORK_DIR}/build/CMakeCache.txt)
    file(STRINGS ${cache} found REGEX "LIBURING|unit_test|OPENSSL_")
    if(found)
        message(FATAL_ERROR "a plain configuration looked for ${found}")
    endif()
endfunction()

function(configure_snippets)
    set(script ${SOURCE_DIR}/tests/tidy/snippets.py)
    run(${PYTHON} -B ${script} cmake ${WORK_DIR}/snippets)
    file(GLOB projects ${WORK_DIR}/snippets/*)
    if(NOT projects)
        message(FATAL_ERROR "the documentation has no CMake snippet")
    endif()
    foreach(project IN LISTS projects)
        run(
            ${CMAKE_COMMAND} -S ${project} -B ${project}/build -G ${GENERATOR}
            -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix
        )
    endforeach()
endfunction()

# installed_files(out [argument...]): what an installation of ${BUILD_DIR} with these
# arguments puts below its prefix.
function(installed_files out)
    file(REMOVE_RECURSE ${WORK_DIR}/part)
    run(${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${WORK_DIR}/part ${ARGN})
    file(GLOB_RECURSE files RELATIVE ${WORK_DIR}/part ${WORK_DIR}/part/*)
    list(SORT files)
    set(${out} ${files} PARENT_SCOPE)
endfunction()

# expect_component(name pattern...): the component's files are the licence and files that
# match a pattern, and each pattern has a file. They are removed from `remaining`.
function(expect_component name)
    installed_files(files --component ${name})
    list(REMOVE_ITEM remaining ${files})
    set(remaining ${remaining} PARENT_SCOPE)
    foreach(pattern IN ITEMS "/doc/.*/LICENSE_1_0\\.txt$" LISTS ARGN)
        set(matching ${files})
        list(FILTER matching INCLUDE REGEX "${pattern}")
        if(NOT matching)
            message(FATAL_ERROR "component ${name} has no ${pattern}: ${files}")
        endif()
        list(REMOVE_ITEM files ${matching})
    endforeach()
    if(files)
        message(FATAL_ERROR "component ${name} should not hold ${files}")
    endif()
endfunction()

function(check_components)
    installed_files(remaining)
    file(GLOB shared ${BUILD_DIR}/libasio_uring.so)
    if(shared)
        expect_component(runtime "/libasio_uring\\.so\\.[0-9.]+$")
        set(library "/libasio_uring\\.so$")
    else()
        expect_component(runtime)
        set(library "/libasio_uring\\.a$")
    endif()
    expect_component(
        development "^include/asio_uring/.*\\.hpp$" ${library}
        "/cmake/asio_uring/asio_uring[A-Za-z_-]*\\.cmake$"
        "/pkgconfig/asio_uring(_drop_in)?\\.pc$"
    )
    if(EXISTS ${BUILD_DIR}/tools)
        expect_component(tools "^bin/asio-uring-info$")
    endif()
    if(remaining)
        message(FATAL_ERROR "in no component: ${remaining}")
    endif()
endfunction()

# Run as whoever installed them would: from another folder, with no variable set.
function(check_shared_library)
    set(BUILD_DIR ${WORK_DIR}/library)
    configure_plain(${BUILD_DIR} -DBUILD_SHARED_LIBS=ON)
    run(${CMAKE_COMMAND} --build ${BUILD_DIR})
    check_components()
    run(${PYTHON} -B ${SOURCE_DIR}/tests/tidy/exports.py ${BUILD_DIR}/libasio_uring.so)
    install_library()
    run(${WORK_DIR}/prefix/bin/asio-uring-info --version)
    build_with_cmake(-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
    run(${CMAKE_COMMAND} --install ${WORK_DIR}/build --prefix ${WORK_DIR}/consumer)
    run(${WORK_DIR}/consumer/bin/consumer)
    find_program(pkg_config pkg-config)
    if(pkg_config)
        # The last command of the document names the folder of the library.
        find_pkg_config_files()
        follow(docs/install.md sh build.sh my_server COMMAND sh -e build.sh)
    endif()
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
if(KIND STREQUAL "find_package")
    install_library()
    build_with_cmake(-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
    run(${WORK_DIR}/build/consumer)
elseif(KIND STREQUAL "pkg_config")
    install_library()
    follow_the_documents()
elseif(KIND STREQUAL "subdirectory")
    build_with_cmake(-DASIO_URING_SOURCE_DIR=${SOURCE_DIR})
    run(${WORK_DIR}/build/consumer)
elseif(KIND STREQUAL "signature")
    install_library()
    build_with_cmake(-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
    foreach(program IN ITEMS app/consumer signature signatureprivate signaturepublic)
        run(${WORK_DIR}/build/${program})
    endforeach()
elseif(KIND STREQUAL "precompiled")
    install_library()
    configure_with_cmake(-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
    check_precompiled_headers()
elseif(KIND STREQUAL "exported")
    build_with_cmake(-DASIO_URING_SOURCE_DIR=${SOURCE_DIR})
    check_exported_package()
elseif(KIND STREQUAL "mixed")
    install_library()
    build_with_cmake(-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
    run_mixed_programs()
elseif(KIND STREQUAL "plain")
    check_plain_configuration()
elseif(KIND STREQUAL "snippets")
    install_library()
    configure_snippets()
elseif(KIND STREQUAL "components")
    check_components()
elseif(KIND STREQUAL "shared")
    check_shared_library()
else()
    message(FATAL_ERROR "no consumer '${KIND}'")
endif()
