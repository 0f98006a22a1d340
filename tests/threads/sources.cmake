# What threads share outside of actors, used from several at once: in the ordinary suite,
# and under ThreadSanitizer, where nothing may link CAF and so the sources are our own.
add_executable(threads_tests
  threads/client_limits_test.cpp
  threads/counters_test.cpp
  threads/hook_thread_test.cpp
  threads/http_client_test.cpp
  threads/idempotency_cache_test.cpp
  threads/loop_gate_test.cpp
  threads/per_thread_test.cpp
  threads/tls_certificates_test.cpp
  net/tls_support.cpp)
target_link_libraries(threads_tests PRIVATE tests_support)
if(VELO_SANITIZE STREQUAL "thread")
  set(shared
    actors/hook_thread.cpp actors/random.cpp
    net/client_limits.cpp net/cors.cpp net/http.cpp net/http_address.cpp net/http_client.cpp
    net/http_writer.cpp net/idempotency_cache.cpp net/metrics.cpp net/network_list.cpp
    net/request_head.cpp net/tls_certificates.cpp net/tls_stream.cpp net/url.cpp
    net/separate/asio.cpp net/separate/asio_ssl.cpp net/separate/beast.cpp)
  list(TRANSFORM shared PREPEND ${CMAKE_SOURCE_DIR}/)
  target_sources(threads_tests PRIVATE ${shared})
  # The sanitizer knows no fences; Asio needs none where one thread runs an io_context.
  target_compile_definitions(threads_tests PRIVATE BOOST_ASIO_DISABLE_FENCED_BLOCK
    BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION)
  target_link_libraries(threads_tests PRIVATE velo::rules
    OpenSSL::SSL OpenSSL::Crypto spdlog::spdlog fmt::fmt Threads::Threads)
else()
  target_link_libraries(threads_tests PRIVATE velo::net)
endif()
catch_discover_tests(threads_tests TEST_PREFIX "threads: " PROPERTIES TIMEOUT 120)
