// Asio's TLS, compiled once instead of in every file that includes it.
#include <boost/asio/ssl/impl/src.hpp>
