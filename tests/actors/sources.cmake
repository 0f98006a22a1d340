velo_unit_tests(actors
  actors/support/world.cpp
  actors/attachments_test.cpp
  actors/auth_test.cpp
  actors/base64url_test.cpp
  actors/channel_name_test.cpp
  actors/channel_test.cpp
  actors/channel_webhook_test.cpp
  actors/connection_test.cpp
  actors/constant_time_test.cpp
  actors/definition_test.cpp
  actors/delivery_test.cpp
  actors/engine_test.cpp
  actors/event_body_test.cpp
  actors/fan_out_messages_test.cpp
  actors/in_force_test.cpp
  actors/interned_texts_test.cpp
  actors/jwt_test.cpp
  actors/live_model_test.cpp
  actors/live_subscriptions_test.cpp
  actors/names_test.cpp
  actors/presence_test.cpp
  actors/pruner_test.cpp
  actors/random_test.cpp
  actors/reader_test.cpp
  actors/registry_test.cpp
  actors/rule_change_test.cpp
  actors/sort_order_test.cpp
  actors/store_test.cpp
  actors/subscriber_set_test.cpp
  actors/user_test.cpp
  actors/webhook_order_test.cpp
  actors/webhooks_test.cpp
  actors/write_answer_codec_test.cpp
  actors/write_judge_test.cpp)
target_precompile_headers(actors_tests PRIVATE
  <caf/actor_system.hpp> <caf/event_based_actor.hpp> <caf/send.hpp> <caf/typed_actor.hpp>
  <caf/typed_event_based_actor.hpp> <nlohmann/json.hpp> "${CMAKE_SOURCE_DIR}/tests/support/catch.hpp")
