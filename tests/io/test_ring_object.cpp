// SPDX-License-Identifier: BSL-1.0
// A kind of object that Asio has no service for, made of ring_object and a service of its
// own underneath: what a service of files will be.
#include "../support/backend.hpp"
#include "../support/recorder.hpp"

#include <asio_uring/detail/object/ring_object.hpp>
#include <asio_uring/detail/request/descriptor.hpp>
#include <asio_uring/detail/ring/unique_fd.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace asio_uring::test {

/// Keeps a descriptor and closes it; no more than ring_object asks for.
class plain_service
    : public detail::asio_impl::execution_context_service_base<plain_service>
{
    using error_code = boost::system::error_code;

public:
    struct implementation_type
    {
        int descriptor = -1;
    };

    explicit plain_service(boost::asio::execution_context& context)
        : detail::asio_impl::execution_context_service_base<plain_service>(context)
    {}

    void shutdown() override {}
    void construct(implementation_type&) {}

    void move_construct(implementation_type& impl, implementation_type& other) noexcept
    {
        impl.descriptor = std::exchange(other.descriptor, -1);
    }

    void move_assign(
        implementation_type& impl, plain_service&, implementation_type& other) noexcept
    {
        destroy(impl);
        move_construct(impl, other);
    }

    void destroy(implementation_type& impl) noexcept
    {
        if (is_open(impl))
            ::close(std::exchange(impl.descriptor, -1));
    }

    bool is_open(const implementation_type& impl) const { return impl.descriptor != -1; }
    int native_handle(const implementation_type& impl) const { return impl.descriptor; }

    error_code close(implementation_type& impl, error_code& ec)
    {
        destroy(impl);
        return ec = error_code();
    }

    int release(implementation_type& impl, error_code&)
    {
        return std::exchange(impl.descriptor, -1);
    }

    error_code cancel(implementation_type&, error_code& ec) { return ec = error_code(); }
};

inline int& descriptor_of(plain_service::implementation_type& impl)
{
    return impl.descriptor;
}

struct plain_facts
{
    static constexpr const char* kind = "plain";
    static bool is_stream(const plain_service::implementation_type&) { return true; }
    detail::direction line_of(detail::direction way) const noexcept { return way; }
};

class object_service : public detail::ring_object<plain_service, plain_facts>
{
public:
    using ring_object::ring_object;

    static inline detail::asio_impl::service_id<object_service> id;

    void assign(implementation_type& impl, int descriptor)
    {
        enter_ring(impl, descriptor, plain_facts());
        stock(impl).descriptor = descriptor;
    }

    template <typename Buffers, typename Handler, typename Executor>
    void async_read(
        implementation_type& impl,
        const Buffers& buffers,
        Handler handler,
        const Executor& executor)
    {
        start<detail::read_request<Buffers>>(
            impl,
            {.way = detail::direction::read, .name = "async_read"},
            handler,
            executor,
            buffers,
            detail::attempt_way::nowait);
    }
};

namespace {

/// An object of the new kind at the reading end of a pipe.
struct plain_object
{
    explicit plain_object(asio_uring::io_context& io)
        : context(io), service(boost::asio::use_service<object_service>(io))
    {
        int ends[2];
        BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        writer.reset(ends[1]);
        service.construct(impl);
        service.assign(impl, ends[0]);
    }

    plain_object(const plain_object&) = delete;
    plain_object& operator=(const plain_object&) = delete;
    ~plain_object() { service.destroy(impl); }

    void write(std::string_view text)
    {
        BOOST_REQUIRE(
            ::write(writer.get(), text.data(), text.size()) == ::ssize_t(text.size()));
    }

    template <typename Buffers, typename Handler>
    void async_read(const Buffers& buffers, Handler handler)
    {
        service.async_read(impl, buffers, std::move(handler), context.get_executor());
    }

    asio_uring::io_context& context;
    object_service& service;
    object_service::implementation_type impl;
    detail::unique_fd writer;
};

} // namespace

BOOST_AUTO_TEST_SUITE(test_ring_object)

BOOST_AUTO_TEST_CASE(object_of_a_new_kind_reads_in_order)
{
    asio_uring::io_context context(1);
    if (!uses_ring<ring>())
        return;
    plain_object object(context);
    recorder log;
    std::string data(6, '.');

    object.async_read(asio::buffer(&data[0], 2), log.io("first"));
    object.async_read(
        std::array{asio::buffer(&data[2], 2), asio::buffer(&data[4], 2)},
        log.io("second"));
    object.async_read(std::array<asio::mutable_buffer, 2>(), log.io("of nothing"));
    turn(context);
    log.note("pending");
    object.write("abcdef");
    finish(context);

    BOOST_TEST(log.take() == "of nothing ok 0; pending; first ok 2; second ok 4");
    BOOST_TEST(data == "abcdef");
}

BOOST_AUTO_TEST_CASE(object_of_a_new_kind_cancels_closes_and_releases)
{
    asio_uring::io_context context(1);
    if (!uses_ring<ring>())
        return;
    plain_object object(context);
    recorder log;
    std::string data(2, '.');
    boost::system::error_code ec;

    object.async_read(asio::buffer(data), log.io("cancelled"));
    object.service.cancel(object.impl, ec);
    finish(context);
    object.async_read(asio::buffer(data), log.io("closed"));
    object.service.close(object.impl, ec);
    finish(context);
    object.async_read(asio::buffer(data), log.io("not open"));
    finish(context);

    BOOST_TEST(
        log.take() == "cancelled operation_aborted 0; closed operation_aborted 0; "
                      "not open bad_descriptor 0");

    plain_object other(context);
    other.async_read(asio::buffer(data), log.io("released"));
    const detail::unique_fd reader(other.service.release(other.impl, ec));
    other.write("xy");
    finish(context);

    BOOST_TEST(log.take() == "released operation_aborted 0");
    BOOST_TEST(::read(reader.get(), data.data(), data.size()) == 2);
    BOOST_TEST(data == "xy");
}

BOOST_AUTO_TEST_CASE(object_of_a_new_kind_moves_with_its_operations)
{
    asio_uring::io_context context(1);
    if (!uses_ring<ring>())
        return;
    plain_object source(context);
    plain_object target(context);
    recorder log;
    std::string data(2, '.');

    source.async_read(asio::buffer(data), log.io("moved"));
    target.async_read(asio::buffer(data), log.io("replaced"));
    turn(context);
    target.service.move_assign(target.impl, source.service, source.impl);
    turn(context);
    source.write("xy");
    finish(context);

    BOOST_TEST(log.take() == "replaced operation_aborted 0; moved ok 2");
    BOOST_TEST(data == "xy");
    BOOST_TEST(!source.service.is_open(source.impl));
    BOOST_TEST(target.service.is_open(target.impl));
}

BOOST_AUTO_TEST_SUITE_END()

} // namespace asio_uring::test
