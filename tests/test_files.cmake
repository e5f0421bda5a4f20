# SPDX-License-Identifier: BSL-1.0
#
# The sources of each test program. tests/tidy/file_lists.py writes this file.

set(test_ring_sources
    ring/main.cpp
    ring/oracle.cpp
    ring/test_adopt.cpp
    ring/test_buffer_ring.cpp
    ring/test_buffer_ring_model.cpp
    ring/test_enter.cpp
    ring/test_environment.cpp
    ring/test_features.cpp
    ring/test_memory.cpp
    ring/test_multishot.cpp
    ring/test_polling.cpp
    ring/test_queues.cpp
    ring/test_registered_buffers.cpp
    ring/test_registered_files.cpp
    ring/test_registration.cpp
    ring/test_resize.cpp
    ring/test_setup.cpp
    ring/test_views.cpp
    ring/test_wait.cpp
    ring/test_wide_completions.cpp
    ring/test_workers.cpp
)

set(test_op_sources
    op/main.cpp
    op/oracle.cpp
    op/test_facts.cpp
    op/test_image.cpp
    op/test_oracle.cpp
)

set(test_bindings_sources
    bindings/main.cpp
    bindings/test_hringas_buffers.cpp
    bindings/test_hringas_core.cpp
    bindings/test_hringas_direct.cpp
    bindings/test_hringas_files.cpp
    bindings/test_hringas_sockets.cpp
    bindings/test_io_urine.cpp
    bindings/test_io_urine_advanced.cpp
    bindings/test_io_urine_images.cpp
    bindings/test_kevy_uring.cpp
    bindings/test_lio_uring.cpp
    bindings/test_lio_uring_events.cpp
    bindings/test_lio_uring_files.cpp
    bindings/test_lio_uring_lifetimes.cpp
    bindings/test_lio_uring_setup.cpp
    bindings/test_ringcore.cpp
)

set(test_loop_sources
    loop/main.cpp
    loop/test_destroy.cpp
    loop/test_event_loop.cpp
    loop/test_fork.cpp
    loop/test_invariants.cpp
    loop/test_model.cpp
    loop/test_parts.cpp
    loop/test_timer_heap.cpp
    loop/test_verdict.cpp
)

set(test_io_sources
    io/main.cpp
    io/test_acceptor.cpp
    io/test_beast.cpp
    io/test_chains_and_streams.cpp
    io/test_composed.cpp
    io/test_context.cpp
    io/test_datagram.cpp
    io/test_descriptor.cpp
    io/test_immediate.cpp
    io/test_local.cpp
    io/test_settings.cpp
    io/test_socket.cpp
    io/test_status.cpp
    io/test_stream.cpp
    io/test_submit.cpp
    io/test_time_limits.cpp
    io/test_tokens.cpp
)

set(test_fallback_sources
    fallback/main.cpp
    fallback/test_fallback.cpp
)

set(test_threads_sources
    threads/invariants_threads.cpp
    threads/main.cpp
    threads/test_executors.cpp
    threads/test_threads.cpp
)
