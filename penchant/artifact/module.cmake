find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
target_link_libraries(penchant_artifact PRIVATE OpenSSL::Crypto Boost::json)
