# HTTP on Boost.Asio and Boost.Beast; both are header-only and stay out of our public headers.
set(Boost_NO_WARN_NEW_VERSIONS ON)
find_package(Boost 1.81 EXACT REQUIRED)
if(TARGET penchant_net)
  target_link_libraries(penchant_net PRIVATE Boost::headers)
  target_compile_definitions(penchant_net PRIVATE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_CONCEPTS)
  # g++ 12 takes Asio's paired operators of a coroutine frame for a mismatch.
  target_compile_options(penchant_net PRIVATE -Wno-mismatched-new-delete)
endif()
