# JSON of release files is read with Boost.JSON, text is laid out with {fmt}; neither shows in a header.
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(fmt REQUIRED)
target_link_libraries(penchant_evaluate PRIVATE Boost::json fmt::fmt)
if(TARGET evaluate_test)
  target_link_libraries(evaluate_test PRIVATE Boost::json)
endif()
