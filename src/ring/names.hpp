// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: everything a kernel may offer: name, first kernel, and how to
// find out. Thread: any. Lifetime: static. Private to the compiled part of the library.
#pragma once

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

/// A register call, and how to try it on a ring: with what count, and with an argument
/// that cannot be read or with none.
struct register_info
{
    const char* name;
    const char* first_kernel;
    unsigned count;
    enum class argument : std::uint8_t
    {
        none,
        unreadable
    } argument;
};

/// What tells that a kernel has a flag which cannot be asked for by itself.
enum class sign : std::uint8_t
{
    version,       ///< nothing but the kernel's version
    opcode,        ///< the operation that came with it
    register_call, ///< the register call that came with it
    setup_flag,    ///< the setup flag that came with it
    feature,       ///< the feature bit that means it
};

/// A flag of one operation, of one registration, or of a completion.
struct part_info
{
    const char* group;
    const char* name;
    const char* first_kernel;
    sign by = sign::version;
    std::uint32_t value = 0; ///< of the opcode, register call, setup flag or feature bit
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

inline constexpr auto no_argument = register_info::argument::none;
inline constexpr auto unreadable = register_info::argument::unreadable;

/// Indexed by abi::register_op.
inline constexpr std::array<register_info, 38> register_table{{
    {"buffers", "5.1", 1, unreadable},
    {"unregister_buffers", "5.1", 0, no_argument},
    {"files", "5.1", 1, unreadable},
    {"unregister_files", "5.1", 0, no_argument},
    {"eventfd", "5.2", 1, unreadable},
    {"unregister_eventfd", "5.2", 0, no_argument},
    {"files_update", "5.5", 1, unreadable},
    {"eventfd_async", "5.6", 1, unreadable},
    {"probe", "5.6", 1, unreadable},
    {"personality", "5.6", 0, no_argument},
    {"unregister_personality", "5.6", 0, no_argument},
    {"restrictions", "5.10", 1, unreadable},
    {"enable_rings", "5.10", 0, no_argument},
    {"files2", "5.13", 32, unreadable},
    {"files_update2", "5.13", 32, unreadable},
    {"buffers2", "5.13", 32, unreadable},
    {"buffers_update", "5.13", 32, unreadable},
    {"iowq_aff", "5.14", 8, unreadable},
    {"unregister_iowq_aff", "5.14", 0, no_argument},
    {"iowq_max_workers", "5.15", 2, unreadable},
    {"ring_fds", "5.18", 1, unreadable},
    {"unregister_ring_fds", "5.18", 1, unreadable},
    {"pbuf_ring", "5.19", 1, unreadable},
    {"unregister_pbuf_ring", "5.19", 1, unreadable},
    {"sync_cancel", "6.0", 1, unreadable},
    {"file_alloc_range", "6.0", 0, unreadable},
    {"pbuf_status", "6.8", 1, unreadable},
    {"napi", "6.9", 1, unreadable},
    {"unregister_napi", "6.9", 1, unreadable},
    {"clock", "6.12", 0, unreadable},
    {"clone_buffers", "6.12", 1, unreadable},
    {"send_msg_ring", "6.13", 1, unreadable},
    {"zcrx_ifq", "6.15", 1, unreadable},
    {"resize_rings", "6.13", 1, unreadable},
    {"mem_region", "6.13", 1, unreadable},
    {"query", "6.18", 0, unreadable},
    {"zcrx_ctrl", "6.19", 0, unreadable},
    {"bpf_filter", "7.0", 1, unreadable},
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

inline constexpr std::array<flag_info, 7> sqe_flag_table{{
    {abi::sqe_fixed_file, "fixed_file", "5.1"},
    {abi::sqe_io_drain, "io_drain", "5.2"},
    {abi::sqe_io_link, "io_link", "5.3"},
    {abi::sqe_io_hardlink, "io_hardlink", "5.5"},
    {abi::sqe_async, "async", "5.6"},
    {abi::sqe_buffer_select, "buffer_select", "5.7"},
    {abi::sqe_cqe_skip_success, "cqe_skip_success", "5.17"},
}};

constexpr part_info
with(abi::opcode code, const char* group, const char* name, const char* first) noexcept
{
    return {group, name, first, sign::opcode, static_cast<std::uint32_t>(code)};
}

constexpr part_info with(
    abi::register_op code,
    const char* group,
    const char* name,
    const char* first) noexcept
{
    return {group, name, first, sign::register_call, static_cast<std::uint32_t>(code)};
}

inline constexpr part_info part_table[] = {
    {"completion flags", "f_buffer", "5.7", sign::feature, abi::feat_fast_poll},
    {"completion flags", "f_more", "5.13"},
    {"completion flags", "f_sock_nonempty", "5.19"},
    with(abi::opcode::send_zc, "completion flags", "f_notif", "6.0"),
    {"completion flags", "f_buf_more", "6.12"},
    {"completion flags", "f_skip", "6.18", sign::setup_flag, abi::setup_cqe_mixed},
    {"completion flags", "f_32", "6.18", sign::setup_flag, abi::setup_cqe_mixed},
    {"completion flags", "f_tstamp_hw", "6.17"},

    {"timeout flags", "timeout_abs", "5.5"},
    {"timeout flags", "timeout_update", "5.11"},
    {"timeout flags", "timeout_boottime", "5.15"},
    {"timeout flags", "timeout_realtime", "5.15"},
    {"timeout flags", "link_timeout_update", "5.15"},
    {"timeout flags", "timeout_etime_success", "5.16"},
    {"timeout flags", "timeout_multishot", "6.4"},
    {"timeout flags", "timeout_immediate_arg", "7.1"},

    {"cancel flags", "async_cancel_all", "5.19"},
    {"cancel flags", "async_cancel_fd", "5.19"},
    {"cancel flags", "async_cancel_any", "5.19"},
    {"cancel flags", "async_cancel_fd_fixed", "6.0"},
    {"cancel flags", "async_cancel_userdata", "6.6"},
    {"cancel flags", "async_cancel_op", "6.6"},

    {"poll flags", "poll_add_multi", "5.13"},
    {"poll flags", "poll_update_events", "5.13"},
    {"poll flags", "poll_update_user_data", "5.13"},
    {"poll flags", "poll_add_level", "6.0"},

    {"send and receive flags", "recvsend_poll_first", "5.19"},
    {"send and receive flags", "recv_multishot", "6.0"},
    with(abi::opcode::send_zc, "send and receive flags", "recvsend_fixed_buf", "6.0"),
    {"send and receive flags", "send_zc_report_usage", "6.2"},
    {"send and receive flags",
     "recvsend_bundle",
     "6.10",
     sign::feature,
     abi::feat_recvsend_bundle},
    {"send and receive flags", "send_vectorized", "6.17"},

    {"accept flags", "accept_multishot", "5.19"},
    {"accept flags", "accept_dontwait", "6.10"},
    {"accept flags", "accept_poll_first", "6.10"},

    with(abi::opcode::msg_ring, "ring message commands and flags", "msg_data", "5.18"),
    {"ring message commands and flags", "msg_send_fd", "6.0"},
    {"ring message commands and flags", "msg_ring_cqe_skip", "6.0"},
    {"ring message commands and flags", "msg_ring_flags_pass", "6.3"},

    {"nop flags", "nop_inject_result", "6.10"},
    {"nop flags", "nop_file", "6.13"},
    {"nop flags", "nop_fixed_file", "6.13"},
    {"nop flags", "nop_fixed_buffer", "6.13"},
    {"nop flags", "nop_tw", "6.17"},
    {"nop flags", "nop_cqe32", "6.18"},

    with(
        abi::opcode::fixed_fd_install,
        "other operation flags",
        "fixed_fd_no_cloexec",
        "6.8"),
    with(abi::opcode::uring_cmd, "other operation flags", "uring_cmd_fixed", "5.19"),
    {"other operation flags",
     "rw_attr_flag_pi",
     "6.14",
     sign::feature,
     abi::feat_rw_attr},
    {"other operation flags", "file_index_alloc", "5.19"},

    {"socket commands", "siocinq", "6.6"},
    {"socket commands", "siocoutq", "6.6"},
    {"socket commands", "getsockopt", "6.7"},
    {"socket commands", "setsockopt", "6.7"},
    {"socket commands", "tx_timestamp", "6.17"},
    {"socket commands", "getsockname", "6.19"},

    {"registration flags", "pbuf_ring_mmap", "6.4"},
    {"registration flags", "pbuf_ring_inc", "6.12"},
    {"registration flags", "pbuf_ring_min_left", "7.1"},
    {"registration flags", "rsrc_register_sparse", "5.19"},
    {"registration flags", "register_files_skip", "5.12"},
    with(
        abi::register_op::clone_buffers,
        "registration flags",
        "register_src_registered",
        "6.12"),
    {"registration flags", "register_dst_replace", "6.13"},
    with(
        abi::register_op::mem_region,
        "registration flags",
        "mem_region_type_user",
        "6.13"),
    with(
        abi::register_op::mem_region,
        "registration flags",
        "mem_region_reg_wait_arg",
        "6.13"),
    {"registration flags",
     "register_use_registered_ring",
     "6.3",
     sign::feature,
     abi::feat_reg_reg_ring},
};

} // namespace asio_uring::detail
