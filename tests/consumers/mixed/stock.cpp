// SPDX-License-Identifier: BSL-1.0
// The part that was forgotten: an object of every kind that drop_in.hpp moves.

#include <boost/asio/basic_datagram_socket.hpp>
#include <boost/asio/basic_raw_socket.hpp>
#include <boost/asio/deadline_timer.hpp>
#include <boost/asio/generic/datagram_protocol.hpp>
#include <boost/asio/generic/raw_protocol.hpp>
#include <boost/asio/generic/seq_packet_protocol.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/icmp.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/local/datagram_protocol.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/system_timer.hpp>
#include <boost/version.hpp>

#if BOOST_VERSION >= 108200
#    include <boost/asio/local/seq_packet_protocol.hpp>
#endif

bool use_stock()
{
    namespace asio = boost::asio;
    asio::io_context context;
    asio::ip::tcp::socket tcp{context};
    asio::ip::udp::socket udp{context};
    asio::ip::icmp::socket icmp{context};
    asio::local::stream_protocol::socket local_stream{context};
    asio::local::datagram_protocol::socket local_datagram{context};
    asio::generic::stream_protocol::socket stream{context};
    asio::generic::datagram_protocol::socket datagram{context};
    asio::generic::raw_protocol::socket raw{context};
    asio::generic::seq_packet_protocol::socket seq_packet{context};
    asio::steady_timer steady{context};
    asio::system_timer system{context};
    asio::deadline_timer deadline{context};
    asio::posix::stream_descriptor descriptor{context};
#if BOOST_VERSION >= 108200
    asio::local::seq_packet_protocol::socket local_seq_packet{context};
#endif
    return !tcp.is_open();
}
