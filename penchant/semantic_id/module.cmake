# The distance kernel is written for full unrolling; it picks its instruction set at run time.
set_source_files_properties(${CMAKE_SOURCE_DIR}/penchant/semantic_id/nearest.cc
                            TARGET_DIRECTORY penchant_semantic_id PROPERTIES COMPILE_OPTIONS -O3)
