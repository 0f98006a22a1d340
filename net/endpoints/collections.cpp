// /api/collections: the superuser's routes to define, change and drop collections.

#include "net/endpoints/api.hpp"
#include "net/http_body.hpp"
#include "storage/collection.hpp"

namespace velo::net {

namespace {

using actors::collection_answer;

void answer_with(const respond& answer, unsigned status, const collection_answer& result) {
  if (!result.result) return answer(error_response(result.result.error()));
  answer(data_response(status, storage::to_json_value(**result.result)));
}

void list(const api& a, const request& r, const respond& answer) {
  a.ask(*r.loop, a.engine().registry(), actors::list_collections{}, answer,
        [answer](const actors::collection_list& found) {
          auto data = nlohmann::json::array();
          for (const auto& c : found.items) data.push_back(storage::to_json_value(*c));
          answer(data_response(200, data));
        });
}

void view(const api& a, const request& r, const respond& answer) {
  a.ask(*r.loop, a.engine().registry(), r.param("collection"), answer,
        [answer](const actors::collection_handle& found) {
          if (!found.definition)
            return answer(error_response(actors::not_found("There is no such collection.")));
          answer(data_response(200, storage::to_json_value(*found.definition)));
        });
}

void put(const api& a, const request& r, const respond& answer, std::string target,
         unsigned status) {
  auto body = json_body(r);
  if (!body) return answer(body.error());
  auto input = std::make_shared<actors::collection_input>();
  input->target = std::move(target);
  input->fields = std::make_shared<const nlohmann::json>(std::move(*body));
  a.ask(*r.loop, a.engine().registry(), actors::collection_input_ptr{std::move(input)}, answer,
        [answer, status](const collection_answer& result) { answer_with(answer, status, result); });
}

void drop(const api& a, const request& r, const respond& answer) {
  a.ask(*r.loop, a.engine().registry(), actors::collection_removal{r.param("collection")}, answer,
        [answer](const collection_answer& result) {
          answer(result.result ? no_content() : error_response(result.result.error()));
        });
}

}  // namespace

void add_collection_routes(router& routes, const api& a) {
  const std::string all = "/api/collections";
  const std::string one = all + "/{collection}";
  const auto add = [&](std::string_view method, const std::string& path, auto run) {
    routes.add(method, path,
               a.superuser_only([run](request&& r, const respond& answer, const actors::identity&) {
                 run(r, answer);
               }));
  };
  add("GET", all, [&a](const request& r, const respond& answer) { list(a, r, answer); });
  add("POST", all, [&a](const request& r, const respond& answer) { put(a, r, answer, {}, 201); });
  add("GET", one, [&a](const request& r, const respond& answer) { view(a, r, answer); });
  add("PATCH", one, [&a](const request& r, const respond& answer) {
    put(a, r, answer, r.param("collection"), 200);
  });
  add("DELETE", one, [&a](const request& r, const respond& answer) { drop(a, r, answer); });
}

}  // namespace velo::net
