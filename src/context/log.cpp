// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/detail/context/log.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace asio_uring {

namespace {

// A copy per call, so that a handler may replace itself and runs under no lock of ours.
class handler_slot
{
public:
    std::shared_ptr<log_handler> exchange(std::shared_ptr<log_handler> handler)
    {
        const std::lock_guard lock{mutex_};
        return std::exchange(handler_, std::move(handler));
    }

    std::shared_ptr<log_handler> get()
    {
        const std::lock_guard lock{mutex_};
        return handler_;
    }

private:
    std::mutex mutex_;
    std::shared_ptr<log_handler> handler_; // guarded by mutex_
};

// Never destroyed: a context may be made by the destructor of another static object. Made
// without the heap, whose failure would be one of the context.
handler_slot& slot() noexcept
{
    alignas(handler_slot) static std::byte memory[sizeof(handler_slot)];
    static auto* const instance = new (memory) handler_slot;
    return *instance;
}

bool environment_wants_log() noexcept
{
    static const bool wanted = [] {
        const char* value = ::secure_getenv("ASIO_URING_LOG");
        return value != nullptr && *value != '\0' && std::strcmp(value, "0") != 0;
    }();
    return wanted;
}

} // namespace

log_handler set_log_handler(log_handler handler)
{
    const auto before = slot().exchange(
        handler ? std::make_shared<log_handler>(std::move(handler)) : nullptr);
    return before ? *before : log_handler();
}

void detail::log(const context_status& status) noexcept
{
    if (const auto handler = slot().get())
        (*handler)(status);
    else if (environment_wants_log())
        std::fprintf(stderr, "asio_uring: %s\n", status.text.c_str());
}

} // namespace asio_uring
