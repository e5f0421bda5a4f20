// Layer: ring. Purpose: names and first kernels of opcodes and flags, for people.
// Thread: any. Lifetime: static. Private to the compiled part of the library.
#ifndef ASIO_URING_SRC_RING_NAMES_HPP
#define ASIO_URING_SRC_RING_NAMES_HPP

#include <asio_uring/ring/abi.hpp>

#include <array>
#include <cstdint>

namespace asio_uring::detail {

struct opcode_info
{
    const char* name;
    const char* first_kernel;
};

struct flag_info
{
    std::uint32_t flag;
    const char* name;
    const char* first_kernel;
};

/// Indexed by abi::opcode.
inline constexpr std::array<opcode_info, abi::opcode_count> opcode_table{{
    {"nop", "5.1"},
    {"readv", "5.1"},
    {"writev", "5.1"},
    {"fsync", "5.1"},
    {"read_fixed", "5.1"},
    {"write_fixed", "5.1"},
    {"poll_add", "5.1"},
    {"poll_remove", "5.1"},
    {"sync_file_range", "5.2"},
    {"sendmsg", "5.3"},
    {"recvmsg", "5.3"},
    {"timeout", "5.4"},
    {"timeout_remove", "5.5"},
    {"accept", "5.5"},
    {"async_cancel", "5.5"},
    {"link_timeout", "5.5"},
    {"connect", "5.5"},
    {"fallocate", "5.6"},
    {"openat", "5.6"},
    {"close", "5.6"},
    {"files_update", "5.6"},
    {"statx", "5.6"},
    {"read", "5.6"},
    {"write", "5.6"},
    {"fadvise", "5.6"},
    {"madvise", "5.6"},
    {"send", "5.6"},
    {"recv", "5.6"},
    {"openat2", "5.6"},
    {"epoll_ctl", "5.6"},
    {"splice", "5.7"},
    {"provide_buffers", "5.7"},
    {"remove_buffers", "5.7"},
    {"tee", "5.8"},
    {"shutdown", "5.11"},
    {"renameat", "5.11"},
    {"unlinkat", "5.11"},
    {"mkdirat", "5.15"},
    {"symlinkat", "5.15"},
    {"linkat", "5.15"},
    {"msg_ring", "5.18"},
    {"fsetxattr", "5.19"},
    {"setxattr", "5.19"},
    {"fgetxattr", "5.19"},
    {"getxattr", "5.19"},
    {"socket", "5.19"},
    {"uring_cmd", "5.19"},
    {"send_zc", "6.0"},
    {"sendmsg_zc", "6.1"},
    {"read_multishot", "6.7"},
    {"waitid", "6.7"},
    {"futex_wait", "6.7"},
    {"futex_wake", "6.7"},
    {"futex_waitv", "6.7"},
    {"fixed_fd_install", "6.8"},
    {"ftruncate", "6.9"},
    {"bind", "6.11"},
    {"listen", "6.11"},
    {"recv_zc", "6.15"},
    {"epoll_wait", "6.15"},
    {"readv_fixed", "6.15"},
    {"writev_fixed", "6.15"},
    {"pipe", "6.16"},
    {"nop128", "6.19"},
    {"uring_cmd128", "6.19"},
}};

/// Indexed by abi::register_op.
inline constexpr std::array<opcode_info, 38> register_table{{
    {"buffers", "5.1"},
    {"unregister_buffers", "5.1"},
    {"files", "5.1"},
    {"unregister_files", "5.1"},
    {"eventfd", "5.2"},
    {"unregister_eventfd", "5.2"},
    {"files_update", "5.5"},
    {"eventfd_async", "5.6"},
    {"probe", "5.6"},
    {"personality", "5.6"},
    {"unregister_personality", "5.6"},
    {"restrictions", "5.10"},
    {"enable_rings", "5.10"},
    {"files2", "5.13"},
    {"files_update2", "5.13"},
    {"buffers2", "5.13"},
    {"buffers_update", "5.13"},
    {"iowq_aff", "5.14"},
    {"unregister_iowq_aff", "5.14"},
    {"iowq_max_workers", "5.15"},
    {"ring_fds", "5.18"},
    {"unregister_ring_fds", "5.18"},
    {"pbuf_ring", "5.19"},
    {"unregister_pbuf_ring", "5.19"},
    {"sync_cancel", "6.0"},
    {"file_alloc_range", "6.0"},
    {"pbuf_status", "6.8"},
    {"napi", "6.9"},
    {"unregister_napi", "6.9"},
    {"clock", "6.12"},
    {"clone_buffers", "6.12"},
    {"send_msg_ring", "6.13"},
    {"zcrx_ifq", "6.15"},
    {"resize_rings", "6.13"},
    {"mem_region", "6.13"},
    {"query", "6.18"},
    {"zcrx_ctrl", "6.19"},
    {"bpf_filter", "7.0"},
}};

inline constexpr std::array<flag_info, 8> enter_flag_table{{
    {abi::enter_getevents, "getevents", "5.1"},
    {abi::enter_sq_wakeup, "sq_wakeup", "5.1"},
    {abi::enter_sq_wait, "sq_wait", "5.10"},
    {abi::enter_ext_arg, "ext_arg", "5.11"},
    {abi::enter_registered_ring, "registered_ring", "5.18"},
    {abi::enter_abs_timer, "abs_timer", "6.12"},
    {abi::enter_ext_arg_reg, "ext_arg_reg", "6.13"},
    {abi::enter_no_iowait, "no_iowait", "6.15"},
}};

inline constexpr std::array<flag_info, 18> feature_table{{
    {abi::feat_single_mmap, "single_mmap", "5.4"},
    {abi::feat_nodrop, "nodrop", "5.5"},
    {abi::feat_submit_stable, "submit_stable", "5.5"},
    {abi::feat_rw_cur_pos, "rw_cur_pos", "5.6"},
    {abi::feat_cur_personality, "cur_personality", "5.6"},
    {abi::feat_fast_poll, "fast_poll", "5.7"},
    {abi::feat_poll_32bits, "poll_32bits", "5.9"},
    {abi::feat_sqpoll_nonfixed, "sqpoll_nonfixed", "5.11"},
    {abi::feat_ext_arg, "ext_arg", "5.11"},
    {abi::feat_native_workers, "native_workers", "5.12"},
    {abi::feat_rsrc_tags, "rsrc_tags", "5.13"},
    {abi::feat_cqe_skip, "cqe_skip", "5.17"},
    {abi::feat_linked_file, "linked_file", "5.18"},
    {abi::feat_reg_reg_ring, "reg_reg_ring", "6.3"},
    {abi::feat_recvsend_bundle, "recvsend_bundle", "6.10"},
    {abi::feat_min_timeout, "min_timeout", "6.12"},
    {abi::feat_rw_attr, "rw_attr", "6.14"},
    {abi::feat_no_iowait, "no_iowait", "6.15"},
}};

} // namespace asio_uring::detail

#endif // ASIO_URING_SRC_RING_NAMES_HPP
