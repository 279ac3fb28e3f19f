# Inner loops of fitting, also where the rest is built at -O1 or -O2. The distance kernel is written for
# full unrolling; it picks its instruction set at run time.
set_source_files_properties(
  ${CMAKE_SOURCE_DIR}/penchant/semantic_id/kmeans.cc
  ${CMAKE_SOURCE_DIR}/penchant/semantic_id/nearest.cc ${CMAKE_SOURCE_DIR}/penchant/semantic_id/rotation.cc
  ${CMAKE_SOURCE_DIR}/penchant/semantic_id/learned/mlp_trainer.cc
  ${CMAKE_SOURCE_DIR}/penchant/semantic_id/learned/products.cc
  TARGET_DIRECTORY penchant_semantic_id PROPERTIES COMPILE_OPTIONS -O3)
target_link_libraries(penchant_semantic_id PRIVATE Boost::json)

# The trainer of SentencePiece learns vocabularies of codes. Programs that do not train one do not load it.
find_library(SENTENCEPIECE_TRAIN_LIBRARY sentencepiece_train REQUIRED)
find_library(SENTENCEPIECE_LIBRARY sentencepiece REQUIRED)
# One item, so that nothing else is linked "as needed".
target_link_libraries(penchant_semantic_id PRIVATE
  "-Wl,--push-state,--as-needed,${SENTENCEPIECE_TRAIN_LIBRARY},${SENTENCEPIECE_LIBRARY},--pop-state")
