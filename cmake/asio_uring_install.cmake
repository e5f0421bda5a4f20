# SPDX-License-Identifier: BSL-1.0
#
# Install rules, in three components:
#
#   runtime      the shared library, if it is one
#   development  headers, archive or link name, CMake package, pkg-config files
#   tools        asio-uring-info; its rule stands in tools/
#
# Each brings the licence along.
#
# Without ASIO_URING_INSTALL the rules are there as well, and install nothing unless a
# component is named. A project whose own exported targets link the library needs a name for
# it, which only these rules give.

include(CMakePackageConfigHelpers)

set(asio_uring_excluded EXCLUDE_FROM_ALL)
if(ASIO_URING_INSTALL)
    set(asio_uring_excluded "")
endif()
set(asio_uring_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/asio_uring)

install(
    TARGETS asio_uring
    EXPORT asio_uringTargets
    RUNTIME
        DESTINATION ${CMAKE_INSTALL_BINDIR}
        COMPONENT runtime
        ${asio_uring_excluded}
    LIBRARY
        DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT runtime
        NAMELINK_COMPONENT development
        ${asio_uring_excluded}
    ARCHIVE
        DESTINATION ${CMAKE_INSTALL_LIBDIR}
        COMPONENT development
        ${asio_uring_excluded}
    FILE_SET HEADERS
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development
        ${asio_uring_excluded}
    FILE_SET detail_headers
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development
        ${asio_uring_excluded}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
)
install(
    EXPORT asio_uringTargets
    NAMESPACE asio_uring::
    DESTINATION ${asio_uring_package_dir}
    COMPONENT development
    ${asio_uring_excluded}
)

# The package of the build tree: asio_uring_DIR may name this folder.
export(
    EXPORT asio_uringTargets
    NAMESPACE asio_uring::
    FILE ${PROJECT_BINARY_DIR}/asio_uringTargets.cmake
)
configure_file(
    cmake/asio_uring_drop_in.cmake
    ${PROJECT_BINARY_DIR}/asio_uring_drop_in.cmake
    COPYONLY
)

configure_package_config_file(
    cmake/asio_uringConfig.cmake.in
    ${PROJECT_BINARY_DIR}/asio_uringConfig.cmake
    INSTALL_DESTINATION ${asio_uring_package_dir}
)
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/asio_uringConfigVersion.cmake
    COMPATIBILITY SameMinorVersion
)
install(
    FILES
        ${PROJECT_BINARY_DIR}/asio_uringConfig.cmake
        ${PROJECT_BINARY_DIR}/asio_uringConfigVersion.cmake
        ${PROJECT_SOURCE_DIR}/cmake/asio_uring_drop_in.cmake
    DESTINATION ${asio_uring_package_dir}
    COMPONENT development
    ${asio_uring_excluded}
)

# The prefix is relative to the file, so an installed tree can be moved.
file(
    RELATIVE_PATH
    asio_uring_pc_prefix
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
    ${CMAKE_INSTALL_PREFIX}
)
foreach(package IN ITEMS asio_uring asio_uring_drop_in)
    configure_file(cmake/${package}.pc.in ${PROJECT_BINARY_DIR}/${package}.pc @ONLY)
    install(
        FILES ${PROJECT_BINARY_DIR}/${package}.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development
        ${asio_uring_excluded}
    )
endforeach()

foreach(component IN ITEMS runtime development tools)
    if(component STREQUAL "tools" AND NOT ASIO_URING_BUILD_TOOLS)
        continue()
    endif()
    install(
        FILES ${PROJECT_SOURCE_DIR}/LICENSE_1_0.txt
        DESTINATION ${CMAKE_INSTALL_DOCDIR}
        COMPONENT ${component}
        ${asio_uring_excluded}
    )
endforeach()
