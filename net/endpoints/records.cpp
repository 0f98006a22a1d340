// /api/collections/{c}/records: records as their collection's rules allow
// (HTTP_API.md, 'Collections and records').

#include "actors/event_body.hpp"
#include "net/endpoints/api.hpp"
#include "net/endpoints/number_parameter.hpp"
#include "net/endpoints/write_support.hpp"
#include "net/http_body.hpp"
#include "net/url.hpp"

namespace velo::net {

namespace {

using actors::identity;
using actors::write_kind;
using nlohmann::json;

constexpr std::uint32_t per_page_max = 500;
constexpr std::uint32_t page_max = 50'000;
constexpr std::uint32_t paged_rows_max = 50'000;  // held while the page is sorted out

json visible_to(const identity& who, const actors::written& w,
                const storage::collection& definition) {
  if (!w.viewable) return {{"id", w.record_id}};
  if (who.kind == actors::identity_kind::superuser) return *w.record;
  return *actors::visible(w.record, definition.hidden);
}

// -- reading -------------------------------------------------------------------

// The target of this request with one query parameter replaced.
std::string link_with(const request& r, const std::string& name, const std::string& value) {
  std::string link(r.raw_path());
  char separator = '?';
  for (const auto& [key, old] : r.query_parameters) {
    if (key == name) continue;
    link += separator + percent_encode(key) + '=' + percent_encode(old);
    separator = '&';
  }
  return link + separator + name + '=' + percent_encode(value);
}

response page_response(const request& r, const actors::list_request& wanted,
                       const actors::record_page& page) {
  json meta{{"per_page", wanted.per_page}};
  json links{{"next", nullptr}, {"prev", nullptr}};
  if (wanted.cursor) {
    meta["cursor"] = page.next_cursor ? json(*page.next_cursor) : json(nullptr);
    if (page.next_cursor) links["next"] = link_with(r, "cursor", *page.next_cursor);
  } else {
    meta["page"] = wanted.page;
    meta["total"] = page.total;
    if (std::uint64_t{wanted.page} * wanted.per_page < page.total)
      links["next"] = link_with(r, "page", std::to_string(wanted.page + 1));
    if (wanted.page > 1) links["prev"] = link_with(r, "page", std::to_string(wanted.page - 1));
  }
  return {.status = 200,
          .body = R"({"data":)" + page.records + R"(,"meta":)" + meta.dump() + R"(,"links":)" +
                  links.dump() + '}'};
}

void list(const api& a, request&& r, const respond& answer, identity who) {
  auto wanted = std::make_shared<actors::list_request>();
  const auto page = number_parameter(r, "page", 1, 1, page_max);
  if (!page) return answer(error_response(page.error()));
  const auto per_page = number_parameter(r, "per_page", 30, 1, per_page_max);
  if (!per_page) return answer(error_response(per_page.error()));
  if (!r.query("cursor") && std::uint64_t{*page} * *per_page > paged_rows_max)
    return answer(error_response(actors::invalid(
        "page", "Paging by number ends at 50,000 records; go on by cursor, which has no end.")));
  wanted->who = std::move(who);
  wanted->collection = r.param("collection");
  wanted->filter = r.query("filter").value_or("");
  wanted->sort = r.query("sort").value_or("");
  wanted->cursor = r.query("cursor");
  wanted->page = *page;
  wanted->per_page = *per_page;
  const auto& loop = *r.loop;
  a.ask(loop, a.engine().reader(), actors::list_request_ptr{wanted}, answer,
        [answer, wanted,
         r = std::make_shared<request>(std::move(r))](const actors::list_answer& found) {
          if (!found.result) return answer(error_response(found.result.error()));
          answer(page_response(*r, *wanted, **found.result));
        });
}

void view(const api& a, const request& r, const respond& answer, identity who) {
  a.ask(*r.loop, a.engine().reader(),
        actors::view_request{std::move(who), r.param("collection"), r.param("id")}, answer,
        [answer](const actors::view_answer& found) {
          if (!found.result) return answer(error_response(found.result.error()));
          answer(data_response(200, **found.result));
        });
}

// -- writing -------------------------------------------------------------------

void write(const api& a, write_kind kind, request&& r, const respond& answer, identity who) {
  // The ingest key writes changes and nothing else.
  if (who.kind == actors::identity_kind::ingest) return answer(error_response(actors::forbidden()));
  auto wanted = std::make_shared<actors::write_request>();
  actors::write_operation operation;
  operation.kind = kind;
  operation.record_id = r.param("id");
  operation.socket_id = origin_socket(r);
  if (kind != write_kind::remove) {
    auto body = json_body(r);
    if (!body) return answer(body.error());
    operation.fields = std::move(*body);
    if (const auto id = operation.fields.find("id");
        kind == write_kind::create && id != operation.fields.end()) {
      if (!id->is_string())
        return answer(error_response(actors::invalid("id", "An id is a text.")));
      operation.record_id = *id;
      if (operation.record_id.empty())
        return answer(error_response(actors::invalid("id", "An id is not empty.")));
    }
  }
  auto repeat = idempotency_of(r, who);
  if (!repeat) return answer(error_response(repeat.error()));
  wanted->repeat = std::move(*repeat);
  wanted->writer = std::move(who);
  wanted->began = r.began;
  const auto& loop = *r.loop;
  a.ask(loop, a.engine().registry(), r.param("collection"), answer,
        [&a, &loop, answer, kind, wanted,
         operation = std::move(operation)](const actors::collection_handle& found) mutable {
          if (!found.definition)
            return answer(error_response(actors::not_found("There is no such collection.")));
          operation.collection_id = found.definition->id;
          wanted->operations.push_back(std::move(operation));
          a.ask(loop, a.engine().store(), actors::write_request_ptr{wanted}, answer,
                [answer, kind, wanted,
                 definition = found.definition](const actors::write_answer_ptr& done) {
                  if (done->refused) return answer(error_response(*done->refused));
                  const auto& result = done->results.front();
                  if (!result) return answer(error_response(result.error()));
                  if (kind == write_kind::remove) return answer(no_content());
                  answer(data_response(kind == write_kind::create ? 201 : 200,
                                       visible_to(wanted->writer, *result, *definition)));
                });
        });
}

}  // namespace

void add_record_routes(router& routes, const api& a) {
  const std::string all = "/api/collections/{collection}/records";
  const std::string one = all + "/{id}";
  const auto writer = [&a](write_kind kind) {
    return a.identified([&a, kind](request&& r, const respond& answer, identity who) {
      write(a, kind, std::move(r), answer, std::move(who));
    });
  };
  routes.add("GET", all, a.identified([&a](request&& r, const respond& answer, identity who) {
    list(a, std::move(r), answer, std::move(who));
  }));
  routes.add("GET", one, a.identified([&a](request&& r, const respond& answer, identity who) {
    view(a, r, answer, std::move(who));
  }));
  routes.add("POST", all, writer(write_kind::create));
  routes.add("PATCH", one, writer(write_kind::update));
  routes.add("PUT", one, writer(write_kind::update));
  routes.add("DELETE", one, writer(write_kind::remove));
}

}  // namespace velo::net
