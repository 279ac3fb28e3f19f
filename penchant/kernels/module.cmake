# Debian's dnnl CMake package asks for OpenCL headers, so the libraries are found by name.
find_library(PENCHANT_DNNL dnnl REQUIRED)
find_library(PENCHANT_HWY hwy REQUIRED)
target_link_libraries(penchant_kernels PRIVATE ${PENCHANT_DNNL} ${PENCHANT_HWY} gomp)
if(TARGET kernels_test)
  target_link_libraries(kernels_test PRIVATE ${PENCHANT_HWY})
endif()
# Inner loops: unrolled and scheduled also where the rest is built at -O1 for quick turns.
set_source_files_properties(
  ${CMAKE_SOURCE_DIR}/penchant/kernels/adamw.cc ${CMAKE_SOURCE_DIR}/penchant/kernels/attention.cc
  ${CMAKE_SOURCE_DIR}/penchant/kernels/batch_top_k.cc ${CMAKE_SOURCE_DIR}/penchant/kernels/dropout.cc
  ${CMAKE_SOURCE_DIR}/penchant/kernels/int8_bars.cc ${CMAKE_SOURCE_DIR}/penchant/kernels/packed_attention.cc
  ${CMAKE_SOURCE_DIR}/penchant/kernels/panels.cc
  ${CMAKE_SOURCE_DIR}/penchant/kernels/rows.cc ${CMAKE_SOURCE_DIR}/penchant/kernels/softmax_rows.cc
  ${CMAKE_SOURCE_DIR}/penchant/kernels/symmetric_eigen.cc ${CMAKE_SOURCE_DIR}/penchant/kernels/vectors.cc
  PROPERTIES COMPILE_OPTIONS -O3)
