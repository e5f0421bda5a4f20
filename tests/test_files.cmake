# The sources of each test program. tests/tidy/file_lists.py writes this file.

set(test_ring_sources
    ring/main.cpp
    ring/oracle.cpp
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
)

set(test_op_sources
    op/main.cpp
    op/oracle.cpp
    op/test_image.cpp
    op/test_oracle.cpp
)

set(test_seeds_sources
    seeds/main.cpp
    seeds/test_hringas_buffers.cpp
    seeds/test_hringas_core.cpp
    seeds/test_hringas_direct.cpp
    seeds/test_hringas_files.cpp
    seeds/test_hringas_sockets.cpp
    seeds/test_io_urine.cpp
    seeds/test_io_urine_advanced.cpp
    seeds/test_kevy_uring.cpp
    seeds/test_lio_uring.cpp
    seeds/test_lio_uring_events.cpp
    seeds/test_lio_uring_files.cpp
    seeds/test_ringcore.cpp
)

set(test_service_sources
    service/main.cpp
    service/test_destroy.cpp
    service/test_event_loop.cpp
    service/test_fork.cpp
    service/test_invariants.cpp
    service/test_model.cpp
    service/test_timer_heap.cpp
)

set(test_io_sources
    io/main.cpp
    io/test_acceptor.cpp
    io/test_beast.cpp
    io/test_composed.cpp
    io/test_context.cpp
    io/test_datagram.cpp
    io/test_descriptor.cpp
    io/test_immediate.cpp
    io/test_local.cpp
    io/test_settings.cpp
    io/test_socket.cpp
    io/test_stream.cpp
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
