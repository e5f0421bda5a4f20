// SPDX-License-Identifier: BSL-1.0
// The two queues and the operations over memory of any origin. Its object file is looked
// at: it may need nothing of the C library but what compilers generate by themselves.
#include <asio_uring/op.hpp>
#include <asio_uring/ring/completion_queue.hpp>
#include <asio_uring/ring/submission_queue.hpp>

namespace asio_uring {

bool test_push(submission_queue& queue, const char* text, std::uint32_t size)
{
    abi::sqe* entry = queue.try_claim();
    if (entry == nullptr)
        return false;
    op::write{.fd = 1, .data = text, .size = size}.prepare(*entry);
    return queue.publish() != 0;
}

std::int64_t test_reap(completion_queue& queue)
{
    std::int64_t sum = 0;
    queue.for_each([&sum](const abi::cqe& entry) { sum += entry.res; });
    return sum;
}

} // namespace asio_uring
