# What `cmake --install` puts where, and the Debian package that `cpack -G DEB` makes of it. Everything that the tool needs at run time is inside the
# executable; the cross compiler and the emulator are recommended, because `compile --measure auto` and `verify` use them when they are there.
include(GNUInstallDirs)
install(TARGETS glowworm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# The manual page and bash's completions, printed by the tool itself from its own option table.
set(glowworm_pages ${PROJECT_BINARY_DIR}/pages)
add_custom_command(OUTPUT ${glowworm_pages}/glowworm.1 ${glowworm_pages}/glowworm
  COMMAND ${CMAKE_COMMAND} -E make_directory ${glowworm_pages}
  COMMAND glowworm man-page > ${glowworm_pages}/glowworm.1
  COMMAND glowworm bash-completion > ${glowworm_pages}/glowworm
  DEPENDS glowworm)
add_custom_target(pages ALL DEPENDS ${glowworm_pages}/glowworm.1 ${glowworm_pages}/glowworm)
install(FILES ${glowworm_pages}/glowworm.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${glowworm_pages}/glowworm DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME glowworm)
set(CPACK_PACKAGE_VENDOR "the Glowworm authors")
set(CPACK_PACKAGE_CONTACT "the Glowworm authors <glowworm@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "ahead-of-time neural-network compiler for microcontrollers")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Reads ONNX and TFLite models and writes plain C99 for Cortex-M and any other microcontroller,
 verified in an interpreter, on this computer and on emulated cores.")
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "gcc-arm-none-eabi, libnewlib-arm-none-eabi, qemu-system-arm, gcc")
set(CPACK_STRIP_FILES ON)
find_program(GLOWWORM_SHLIBDEPS dpkg-shlibdeps)
if(GLOWWORM_SHLIBDEPS)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
endif()
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
