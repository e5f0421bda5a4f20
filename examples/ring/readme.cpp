// SPDX-License-Identifier: BSL-1.0

#include <asio_uring/ring_layer.hpp>

namespace op = asio_uring::op;

int main()
{
    asio_uring::ring ring{{.entries = 8}};
    const op::write hello{.fd = 1, .data = "hello from the ring\n", .size = 20};
    if (!ring.try_push(hello, 1) || ring.submit_and_wait(1).ec)
        return 1;
    int written = 0;
    ring.for_each_completion(
        [&](const asio_uring::abi::cqe& entry) { written = entry.res; });
    return written == 20 ? 0 : 1;
}
