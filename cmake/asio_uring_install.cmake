# SPDX-License-Identifier: BSL-1.0
#
# Install rules: headers, library, CMake package, pkg-config file.

include(CMakePackageConfigHelpers)

set(asio_uring_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/asio_uring)

install(
    TARGETS asio_uring
    EXPORT asio_uringTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
    FILE_SET HEADERS
    FILE_SET header_parts
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
)
install(
    EXPORT asio_uringTargets
    NAMESPACE asio_uring::
    DESTINATION ${asio_uring_package_dir}
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
)

# The prefix is relative to the file, so an installed tree can be moved.
file(
    RELATIVE_PATH
    asio_uring_pc_prefix
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig
    ${CMAKE_INSTALL_PREFIX}
)
configure_file(cmake/asio_uring.pc.in ${PROJECT_BINARY_DIR}/asio_uring.pc @ONLY)
install(
    FILES ${PROJECT_BINARY_DIR}/asio_uring.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
)
