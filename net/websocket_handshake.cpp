#include "net/websocket_handshake.hpp"

#include "net/http.hpp"
#include "net/http_writer.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/verb.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

namespace velo::net {

namespace {

namespace http = boost::beast::http;

// RFC 6455, 1.3.
constexpr std::string_view key_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Sixteen bytes in base64.
bool is_key(std::string_view key) {
  const auto is_base64 = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return key.size() == 24 && key.ends_with("==") &&
         std::all_of(key.begin(), key.end() - 2, is_base64);
}

std::string accept_value(std::string_view key) {
  std::string text(key);
  text += key_suffix;
  std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

handshake_answer refusal(response answer, std::string_view server_name) {
  answer.headers.emplace_back("Server", std::string(server_name));
  handshake_answer refused;
  response_framing framing;
  framing.keep_alive = false;
  write_response(refused.response, answer, framing, cors(std::vector<std::string>{}));
  return refused;
}

}  // namespace

handshake_answer answer_handshake(const upgrade_request& request, std::string_view server_name) {
  using http::field;
  const auto text = [&](field name) {
    const auto value = request[name];
    return std::string_view(value.data(), value.size());
  };
  const bool upgrades = request.method() == http::verb::get && request.version() >= 11 &&
                        request.count(field::host) > 0 &&
                        http::token_list{request[field::connection]}.exists("upgrade") &&
                        http::token_list{request[field::upgrade]}.exists("websocket");
  if (!upgrades) {
    return refusal(error_response(400, "The request does not ask for a WebSocket."), server_name);
  }
  if (text(field::sec_websocket_version) != "13") {
    auto answer = error_response(426, "This server speaks version 13 of the WebSocket protocol.");
    answer.headers.emplace_back("Sec-WebSocket-Version", "13");
    return refusal(std::move(answer), server_name);
  }
  const auto key = text(field::sec_websocket_key);
  if (!is_key(key)) {
    return refusal(error_response(400, "Sec-WebSocket-Key is missing or malformed."), server_name);
  }
  handshake_answer accepted{true, "HTTP/1.1 101 Switching Protocols\r\n"};
  accepted.response += "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
  accepted.response += accept_value(key);
  accepted.response += "\r\nServer: ";
  accepted.response += server_name;
  accepted.response += "\r\n\r\n";
  return accepted;
}

}  // namespace velo::net
