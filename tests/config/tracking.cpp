// SPDX-License-Identifier: BSL-1.0
// Handler tracking writes of the ring's objects what it writes of Asio's own: the same
// lines in the same order, from creation over cancellation to the call.

#include <asio_uring/asio_uring.hpp>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/connect_pipe.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/wait_traits.hpp>
#include <boost/asio/writable_pipe.hpp>

#include <chrono>
#include <iostream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include <sys/mman.h>

#include <unistd.h>

namespace {

namespace asio = boost::asio;
using boost::system::error_code;

void ignore_size(error_code, std::size_t) {}
void ignore(error_code) {}

void finish(asio::io_context& context)
{
    context.restart();
    context.run_for(std::chrono::seconds(10));
}

template <typename Executor>
void use_sockets(asio::io_context& context)
{
    using local = asio::local::stream_protocol;
    asio::basic_stream_socket<local, Executor> near(context);
    asio::basic_stream_socket<local, Executor> far(context);
    char data[4];
    asio::local::connect_pair(near, far);
    near.async_receive(asio::buffer(data), ignore_size);
    near.async_wait(asio::socket_base::wait_read, ignore);
    near.cancel();
    finish(context);
    far.async_send(asio::buffer("data", 4), ignore_size);
    finish(context);
    near.async_receive(asio::buffer(data), ignore_size);
    finish(context);
    near.async_receive(asio::buffer(data), ignore_size);
    near.close();
    finish(context);
}

template <typename Executor>
void use_pipes(asio::io_context& context)
{
    asio::basic_readable_pipe<Executor> reader(context);
    asio::basic_writable_pipe<Executor> writer(context);
    char data[4];
    asio::connect_pipe(reader, writer);
    reader.async_read_some(asio::buffer(data), ignore_size);
    reader.async_read_some(asio::buffer(data), ignore_size);
    reader.cancel();
    finish(context);
    writer.cancel();
    writer.async_write_some(asio::buffer("data", 4), ignore_size);
    finish(context);
    reader.async_read_some(asio::buffer(data), ignore_size);
    finish(context);
    ::close(writer.release());
    reader.async_read_some(asio::buffer(data), ignore_size);
    finish(context);
}

template <typename Executor>
void use_descriptors(asio::io_context& context)
{
    using descriptor = asio::posix::basic_stream_descriptor<Executor>;
    int ends[2] = {-1, -1};
    if (::pipe(ends) != 0)
        return;
    descriptor reader(context, ends[0]);
    descriptor writer(context, ends[1]);
    char data[4];
    reader.async_wait(descriptor::wait_read, ignore);
    reader.async_read_some(asio::buffer(data), ignore_size);
    reader.cancel();
    finish(context);
    writer.async_wait(descriptor::wait_write, ignore);
    finish(context);
    reader.async_read_some(asio::buffer(data), ignore_size);
    reader.close();
    finish(context);
}

template <typename Executor>
void use_timers(asio::io_context& context)
{
    using clock = std::chrono::steady_clock;
    asio::basic_waitable_timer<clock, asio::wait_traits<clock>, Executor> timer(context);
    timer.expires_after(std::chrono::hours(1));
    timer.async_wait(ignore);
    timer.async_wait(ignore);
    timer.cancel_one();
    // The second wait ends with its timer, and no run would see its end.
    context.restart();
    context.run_one_for(std::chrono::seconds(10));
}

/// What is written to the standard error output meanwhile.
template <typename Function>
std::string error_output(Function function)
{
    const int file = ::memfd_create("tracking", MFD_CLOEXEC);
    const int terminal = ::dup(STDERR_FILENO);
    ::dup2(file, STDERR_FILENO);
    function();
    ::dup2(terminal, STDERR_FILENO);
    ::close(terminal);
    std::string text(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
    const ::ssize_t size = ::pread(file, text.data(), text.size(), 0);
    ::close(file);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
}

/// Gives every name the number of its first appearance.
class numbers
{
public:
    std::string of(const std::string& name)
    {
        return std::to_string(known_.emplace(name, known_.size()).first->second);
    }

private:
    std::map<std::string, std::size_t> known_;
};

/// The lines without times and addresses, and without the system calls made beneath.
std::string essence(const std::string& text)
{
    static const std::regex line("@asio\\|[0-9.]+\\|([0-9]*)([^0-9|]?)([0-9]*)\\|"
                                 "([^@]*)(?:@([0-9a-fx]+))?(.*)");
    std::istringstream input(text);
    std::string result;
    numbers handlers;
    numbers objects;
    std::smatch part;
    for (std::string each; std::getline(input, each);) {
        if (!std::regex_match(each, part, line))
            return "unknown line: " + each;
        if (part[2] == ".")
            continue;
        result += handlers.of(part[1]) + part[2].str() + handlers.of(part[3]) + ' ' +
                  part[4].str() + objects.of(part[5]) + part[6].str() + '\n';
    }
    return result;
}

// One kind of object at a time: an address is taken again by the next.
std::string transcript_of(void (*use)(asio::io_context&))
{
    return essence(error_output([use] {
        asio_uring::io_context context(1);
        use(context);
    }));
}

template <typename Executor>
std::string transcript()
{
    return transcript_of(use_sockets<Executor>) + transcript_of(use_pipes<Executor>) +
           transcript_of(use_descriptors<Executor>) + transcript_of(use_timers<Executor>);
}

} // namespace

int main()
{
    const std::string stock = transcript<asio::io_context::executor_type>();
    const std::string ring = transcript<asio_uring::executor>();
    const bool passed = stock == ring && stock.find("descriptor") != std::string::npos;
    if (!passed)
        std::cerr << "Asio:\n" << stock << "\nring:\n" << ring << '\n';
    std::cerr << (passed ? "passed" : "failed") << std::endl;
    return passed ? 0 : 1;
}
