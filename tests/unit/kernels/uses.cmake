# The kernel tests compare with the interpreter, draw random networks and share the harness.
list(APPEND uses gw_interp gw_kernels)
if(NOT TARGET gw_kernel_harness)
  add_library(gw_kernel_harness STATIC ${CMAKE_CURRENT_SOURCE_DIR}/support/kernel_harness.cpp
    ${CMAKE_CURRENT_SOURCE_DIR}/support/kernel_harness_core.cpp)
  target_link_libraries(gw_kernel_harness PUBLIC gw_kernels gw_interp gw_test_support)
endif()
list(APPEND uses gw_kernel_harness)
list(APPEND uses gw_passes)
set(full_parts 6)  # a quarter of an hour in one
