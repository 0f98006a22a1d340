velo_unit_tests(rules
  rules/decide_test.cpp
  rules/equality_test.cpp
  rules/explain_test.cpp
  rules/folding_test.cpp
  rules/index_cliffs_test.cpp
  rules/index_learning_test.cpp
  rules/json_test.cpp
  rules/like_test.cpp
  rules/limits_test.cpp
  rules/membership_test.cpp
  rules/mentions_test.cpp
  rules/normal_form_test.cpp
  rules/number_test.cpp
  rules/older_defects_test.cpp
  rules/ordering_test.cpp
  rules/parser_test.cpp
  rules/predicate_index_test.cpp
  rules/property_test.cpp
  rules/syntax_error_test.cpp
  rules/time_text_test.cpp
  rules/utf8_test.cpp
  rules/vectors_test.cpp)
target_compile_definitions(rules_tests PRIVATE
  VELO_RULES_VECTORS="${CMAKE_CURRENT_SOURCE_DIR}/rules/vectors/filters.json")
target_precompile_headers(rules_tests PRIVATE <nlohmann/json.hpp>)
if(NOT VELO_SANITIZE)
  add_test(NAME "rules: breaking the predicate index is noticed"
    COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/rules/index_mutations.sh
      ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR} ${CMAKE_CXX_COMPILER})
  set_tests_properties("rules: breaking the predicate index is noticed" PROPERTIES TIMEOUT 1200)
endif()
