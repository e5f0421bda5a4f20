# Builds and runs one consumer as its owner would:
#
#   cmake -DKIND=... -DSOURCE_DIR=... -DBUILD_DIR=... -DWORK_DIR=... -DGENERATOR=...
#         -DCXX=... -P run.cmake
#
# KIND is one of
#   find_package   the built library is installed, and found as a CMake package
#   pkg_config     the same, found through pkg-config and compiled by one command
#   subdirectory   the consumer builds the library itself

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

function(build_with_cmake)
    run(
        ${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/consumers/${KIND} -B ${WORK_DIR}/build -G
        ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Debug ${ARGV}
    )
    run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
    run(${WORK_DIR}/build/consumer)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
if(KIND STREQUAL "find_package")
    install_library()
    build_with_cmake(-DCMAKE_PREFIX_PATH=${WORK_DIR}/prefix)
elseif(KIND STREQUAL "pkg_config")
    install_library()
    file(GLOB_RECURSE package ${WORK_DIR}/prefix/asio_uring.pc)
    execute_process(
        COMMAND pkg-config --cflags --libs ${package}
        OUTPUT_VARIABLE flags
        COMMAND_ERROR_IS_FATAL ANY
    )
    separate_arguments(flags UNIX_COMMAND "${flags}")
    set(main ${CMAKE_CURRENT_LIST_DIR}/pkg_config/main.cpp)
    run(${CXX} -std=c++20 ${main} ${flags} -o ${WORK_DIR}/consumer)
    run(${WORK_DIR}/consumer)
elseif(KIND STREQUAL "subdirectory")
    build_with_cmake(-DASIO_URING_SOURCE_DIR=${SOURCE_DIR})
else()
    message(FATAL_ERROR "no consumer '${KIND}'")
endif()
