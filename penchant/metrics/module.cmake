# The bootstrap's inner loop: unrolled and vectorised also where the rest is built at -O1 for quick turns.
set_source_files_properties(${CMAKE_SOURCE_DIR}/penchant/metrics/bootstrap.cc PROPERTIES COMPILE_OPTIONS -O3)
