velo_unit_tests(net
  # WebSocket
  net/allocation_counter.cpp
  net/fan_out_test.cpp
  net/frame_parser_test.cpp
  net/network_test.cpp
  net/outbox_test.cpp
  net/reactor_test.cpp
  net/send_batch_test.cpp
  net/websocket_admission_test.cpp
  net/websocket_fixture.cpp
  net/websocket_session_test.cpp
  # Ways in
  net/client_limits_test.cpp
  net/network_list_test.cpp
  net/request_admission_test.cpp
  net/tls_support.cpp
  net/tls_test.cpp
  # HTTP
  net/cors_test.cpp
  net/driver_lanes_test.cpp
  net/hook_message_test.cpp
  net/http_address_test.cpp
  net/http_session_test.cpp
  net/http_test.cpp
  net/idempotency_cache_test.cpp
  net/listener_test.cpp
  net/router_test.cpp
  net/url_test.cpp
  # Configuration, names, frames
  net/command_line_test.cpp
  net/config_test.cpp
  net/pusher_test.cpp
  net/request_signature_test.cpp
  net/secrets_test.cpp
  net/signature_test.cpp
  net/spelling_test.cpp
  net/units_test.cpp
)
# What a WebSocket promises it promises through TLS, too.
catch_discover_tests(net_tests TEST_SPEC "[websocket],[fan_out]" TEST_PREFIX "net over TLS: "
  PROPERTIES TIMEOUT 120 ENVIRONMENT VELO_TEST_TLS=1)
# And where the kernel has no io_uring for us. (The same text twice would be the same file.)
catch_discover_tests(net_tests TEST_SPEC "[fan_out],[websocket]" TEST_PREFIX "net without a ring: "
  PROPERTIES TIMEOUT 120 ENVIRONMENT VELO_TEST_WITHOUT_RING=1)
