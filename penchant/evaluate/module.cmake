# JSON of release files is read with Boost.JSON, text is laid out with {fmt}; neither shows in a header.
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt REQUIRED)
target_link_libraries(penchant_evaluate PRIVATE Boost::json fmt::fmt)
if(TARGET evaluate_test)
  target_link_libraries(evaluate_test PRIVATE Boost::json)
endif()
# Inner loops of fitting, also where the rest is built at -O1 or -O2.
set_source_files_properties(
  ${CMAKE_SOURCE_DIR}/penchant/evaluate/baselines/bpr.cc ${CMAKE_SOURCE_DIR}/penchant/evaluate/baselines/ease.cc
  ${CMAKE_SOURCE_DIR}/penchant/evaluate/baselines/least_squares.cc
  PROPERTIES COMPILE_OPTIONS -O3)
if(TARGET evaluation_bench)
  target_compile_definitions(evaluation_bench PRIVATE PENCHANT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
endif()
