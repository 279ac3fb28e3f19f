find_package(Boost 1.81 REQUIRED COMPONENTS json)
target_link_libraries(penchant_learn PRIVATE Boost::json)

# LibTorch lives in torch/ alone: its own library, one precompiled header for the folder.
if(PENCHANT_TRAIN)
  if(NOT Torch_DIR)
    execute_process(COMMAND ${PENCHANT_PYTHON} -c "import torch; print(torch.utils.cmake_prefix_path)"
      OUTPUT_VARIABLE torch_prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE torch_missing)
    if(torch_missing)
      message(FATAL_ERROR "PENCHANT_TRAIN needs LibTorch: `${PENCHANT_PYTHON} -m pip install torch==2.13.0`, "
        "or configure with -DPENCHANT_TRAIN=OFF")
    endif()
    list(APPEND CMAKE_PREFIX_PATH ${torch_prefix})
  endif()
  find_package(Torch REQUIRED)
  find_path(PENCHANT_GLOO_HEADERS gloo/context.h)
  if(NOT PENCHANT_GLOO_HEADERS)
    message(FATAL_ERROR "PENCHANT_TRAIN needs the headers of Gloo (docs/decisions/0018-ranks.md): `apt-get install libgloo-dev`, "
      "or configure with -DPENCHANT_TRAIN=OFF")
  endif()
  file(GLOB learn_torch_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/torch/*.cc)
  file(GLOB learn_torch_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/torch/*_test.cc)
  list(REMOVE_ITEM learn_torch_sources ${learn_torch_tests} "")
  # Two jobs at most here: a file that sees torch takes about a gigabyte.
  set_property(GLOBAL APPEND PROPERTY JOB_POOLS learn_torch_jobs=2)
  add_library(penchant_learn_torch STATIC ${learn_torch_sources})
  target_link_libraries(penchant_learn_torch PUBLIC penchant_learn PRIVATE torch)
  target_precompile_headers(penchant_learn_torch PRIVATE ${CMAKE_CURRENT_LIST_DIR}/torch/pch.h)
  set_property(TARGET penchant_learn_torch PROPERTY JOB_POOL_COMPILE learn_torch_jobs)
  if(PENCHANT_TESTS AND learn_torch_tests)
    # An OBJECT library is compiled with the same flags as the library, so it shares the header.
    add_library(learn_torch_test_objects OBJECT ${learn_torch_tests})
    target_link_libraries(learn_torch_test_objects PRIVATE penchant_learn_torch torch GTest::gmock)
    target_compile_definitions(learn_torch_test_objects PRIVATE PENCHANT_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    target_precompile_headers(learn_torch_test_objects REUSE_FROM penchant_learn_torch)
    set_property(TARGET learn_torch_test_objects PROPERTY JOB_POOL_COMPILE learn_torch_jobs)
    add_executable(learn_torch_test)
    target_link_libraries(learn_torch_test PRIVATE learn_torch_test_objects penchant_learn_torch torch
                          GTest::gmock GTest::gtest_main)
    add_test(NAME learn_torch COMMAND learn_torch_test)
    set_tests_properties(learn_torch PROPERTIES TIMEOUT 1200
      ENVIRONMENT "OMP_NUM_THREADS=1;OMP_WAIT_POLICY=passive")
  endif()
endif()
