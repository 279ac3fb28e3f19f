find_package(ICU REQUIRED COMPONENTS uc)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
target_link_libraries(penchant_text PRIVATE ICU::uc Boost::json)
