// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: argument structs and flags of io_uring_register.
// Thread: any. Lifetime: none.
#pragma once

#include <asio_uring/ring/abi/entries.hpp>

#include <cstddef>
#include <cstdint>

namespace asio_uring::abi {

struct files_update
{
    std::uint32_t offset;
    std::uint32_t resv; ///< for register_op::ring_fds: must be zero
    std::uint64_t fds;
};

struct rsrc_register
{
    std::uint32_t nr;
    std::uint32_t flags;
    std::uint64_t resv2;
    std::uint64_t data;
    std::uint64_t tags;
};

struct rsrc_update
{
    std::uint32_t offset;
    std::uint32_t resv;
    std::uint64_t data;
};

struct rsrc_update2
{
    std::uint32_t offset;
    std::uint32_t resv;
    std::uint64_t data;
    std::uint64_t tags;
    std::uint32_t nr;
    std::uint32_t resv2;
};

static_assert(sizeof(files_update) == 16 && sizeof(rsrc_register) == 32);
static_assert(sizeof(rsrc_update) == 16 && sizeof(rsrc_update2) == 32);

inline constexpr std::uint32_t rsrc_register_sparse = 1U << 0;    // 5.19
inline constexpr std::int32_t register_files_skip = -2;           // 5.12
inline constexpr std::uint32_t register_src_registered = 1U << 0; // 6.12, clone_buffers
inline constexpr std::uint32_t register_dst_replace = 1U << 1;    // 6.13, clone_buffers

struct probe_op
{
    std::uint8_t op;
    std::uint8_t resv;
    std::uint16_t flags;
    std::uint32_t resv2;
};

/// Followed by ops_len elements of probe_op.
struct probe
{
    std::uint8_t last_op;
    std::uint8_t ops_len;
    std::uint16_t resv;
    std::uint32_t resv2[3];
};

static_assert(sizeof(probe_op) == 8 && sizeof(probe) == 16);
inline constexpr std::uint16_t op_supported = 1U << 0;

struct restriction
{
    std::uint16_t opcode;
    union
    {
        std::uint8_t register_op;
        std::uint8_t sqe_op;
        std::uint8_t sqe_flags;
    };
    std::uint8_t resv;
    std::uint32_t resv2[3];
};

static_assert(sizeof(restriction) == 16);
inline constexpr std::uint16_t restriction_register_op = 0;
inline constexpr std::uint16_t restriction_sqe_op = 1;
inline constexpr std::uint16_t restriction_sqe_flags_allowed = 2;
inline constexpr std::uint16_t restriction_sqe_flags_required = 3;

/// Restrictions of all rings a task will make, for register_op::restrictions with -1 for
/// the descriptor (7.0). Followed by nr_res elements of restriction.
struct task_restriction
{
    std::uint16_t flags;
    std::uint16_t nr_res;
    std::uint32_t resv[3];
};

static_assert(sizeof(task_restriction) == 16);

struct clock_register
{
    std::uint32_t clockid;
    std::uint32_t resv[3];
};

struct clone_buffers
{
    std::uint32_t src_fd;
    std::uint32_t flags;
    std::uint32_t src_off;
    std::uint32_t dst_off;
    std::uint32_t nr;
    std::uint32_t pad[3];
};

static_assert(sizeof(clock_register) == 16 && sizeof(clone_buffers) == 32);

/// One entry of a provided-buffer ring. The ring's tail overlays `resv` of entry 0.
struct buf
{
    std::uint64_t addr;
    std::uint32_t len;
    std::uint16_t bid;
    std::uint16_t resv;
};

static_assert(sizeof(buf) == 16 && offsetof(buf, resv) == 14);

struct buf_reg
{
    std::uint64_t ring_addr;
    std::uint32_t ring_entries;
    std::uint16_t bgid;
    std::uint16_t flags;
    std::uint32_t min_left; ///< 7.1; zero on older kernels
    std::uint32_t resv[5];
};

struct buf_status
{
    std::uint32_t buf_group;
    std::uint32_t head;
    std::uint32_t resv[8];
};

static_assert(sizeof(buf_reg) == 40 && sizeof(buf_status) == 40);
inline constexpr std::uint16_t pbuf_ring_mmap = 1; // 6.4
inline constexpr std::uint16_t pbuf_ring_inc = 2;  // 6.12
inline constexpr std::uint32_t pbuf_ring_entries_max = 32768;

struct napi
{
    std::uint32_t busy_poll_to; ///< microseconds
    std::uint8_t prefer_busy_poll;
    std::uint8_t opcode; ///< napi_register, napi_add_id or napi_remove_id (6.13)
    std::uint8_t pad[2];
    std::uint32_t op_param; ///< a napi_tracking_* value, or the id to add or remove
    std::uint32_t resv;
};

struct sync_cancel_reg
{
    std::uint64_t addr;
    std::int32_t fd;
    std::uint32_t flags;
    kernel_timespec timeout;
    std::uint8_t opcode;
    std::uint8_t pad[7];
    std::uint64_t pad2[3];
};

struct file_index_range
{
    std::uint32_t off;
    std::uint32_t len;
    std::uint64_t resv;
};

static_assert(sizeof(napi) == 16 && sizeof(file_index_range) == 16);
static_assert(offsetof(napi, opcode) == 5 && offsetof(napi, op_param) == 8);
inline constexpr std::uint8_t napi_register = 0;  // 6.9
inline constexpr std::uint8_t napi_add_id = 1;    // 6.13
inline constexpr std::uint8_t napi_remove_id = 2; // 6.13
inline constexpr std::uint32_t napi_tracking_dynamic = 0;
inline constexpr std::uint32_t napi_tracking_static = 1;     // 6.13
inline constexpr std::uint32_t napi_tracking_inactive = 255; // 6.13
static_assert(sizeof(sync_cancel_reg) == 64 && offsetof(sync_cancel_reg, opcode) == 32);

struct region_desc
{
    std::uint64_t user_addr;
    std::uint64_t size;
    std::uint32_t flags;
    std::uint32_t id;
    std::uint64_t mmap_offset;
    std::uint64_t resv[4];
};

struct mem_region_reg
{
    std::uint64_t region_uptr;
    std::uint64_t flags;
    std::uint64_t resv[2];
};

static_assert(sizeof(region_desc) == 64 && sizeof(mem_region_reg) == 32);
inline constexpr std::uint32_t mem_region_type_user = 1;
inline constexpr std::uint64_t mem_region_reg_wait_arg = 1;

struct query_hdr
{
    std::uint64_t next_entry;
    std::uint64_t query_data;
    std::uint32_t query_op;
    std::uint32_t size;
    std::int32_t result;
    std::uint32_t resv[3];
};

/// Answer to query 0: everything a kernel of 6.18 or newer says about itself.
struct query_opcode
{
    std::uint32_t nr_request_opcodes;
    std::uint32_t nr_register_opcodes;
    std::uint64_t feature_flags;
    std::uint64_t ring_setup_flags;
    std::uint64_t enter_flags;
    std::uint64_t sqe_flags;
    std::uint32_t nr_query_opcodes;
    std::uint32_t pad;
};

/// Answer to query 1: what the kernel can do of zero-copy receive.
struct query_zcrx
{
    std::uint64_t register_flags; ///< zcrx_reg_* flags it knows
    std::uint64_t area_flags;     ///< zcrx_area_* flags it knows
    std::uint32_t nr_ctrl_opcodes;
    std::uint32_t features; ///< zcrx_feature_* flags
    std::uint32_t rq_hdr_size;
    std::uint32_t rq_hdr_alignment;
    std::uint64_t resv2;
};

/// Answer to query 2: the words in front of the completions.
struct query_scq
{
    std::uint64_t hdr_size;
    std::uint64_t hdr_alignment;
};

static_assert(sizeof(query_hdr) == 40 && sizeof(query_opcode) == 48);
static_assert(sizeof(query_zcrx) == 40 && sizeof(query_scq) == 16);

// In query_hdr::query_op.
inline constexpr std::uint32_t query_opcodes = 0;   // 6.18
inline constexpr std::uint32_t query_kind_zcrx = 1; // 6.19
inline constexpr std::uint32_t query_kind_scq = 2;  // 6.19

struct zcrx_offsets
{
    std::uint32_t head;
    std::uint32_t tail;
    std::uint32_t rqes;
    std::uint32_t resv2;
    std::uint64_t resv[2];
};

struct zcrx_ifq_reg
{
    std::uint32_t if_idx;
    std::uint32_t if_rxq;
    std::uint32_t rq_entries;
    std::uint32_t flags;
    std::uint64_t area_ptr;
    std::uint64_t region_ptr;
    zcrx_offsets offsets;
    std::uint32_t zcrx_id;
    std::uint32_t rx_buf_len;
    std::uint64_t resv[3];
};

struct zcrx_area_reg
{
    std::uint64_t addr;
    std::uint64_t len;
    std::uint64_t rq_area_token;
    std::uint32_t flags;
    std::uint32_t dmabuf_fd;
    std::uint64_t resv2[2];
};

struct zcrx_rqe
{
    std::uint64_t off;
    std::uint32_t len;
    std::uint32_t pad;
};

struct zcrx_cqe
{
    std::uint64_t off;
    std::uint64_t pad;
};

static_assert(sizeof(zcrx_ifq_reg) == 96 && sizeof(zcrx_area_reg) == 48);
static_assert(sizeof(zcrx_rqe) == 16 && sizeof(zcrx_cqe) == 16);
inline constexpr unsigned zcrx_area_shift = 48;

// In zcrx_ifq_reg::flags. To import, if_idx is the descriptor of an exported queue.
inline constexpr std::uint32_t zcrx_reg_import = 1U << 0; // 6.19
inline constexpr std::uint32_t zcrx_reg_nodev = 1U << 1;  // 7.1
// In zcrx_area_reg::flags.
inline constexpr std::uint32_t zcrx_area_dmabuf = 1U << 0; // 6.16
// In query_zcrx::features.
inline constexpr std::uint32_t zcrx_feature_rx_page_size = 1U << 0; // 7.0

/// Argument of register_op::zcrx_ctrl (6.19).
struct zcrx_ctrl
{
    std::uint32_t zcrx_id;
    std::uint32_t op;
    std::uint64_t resv[2];
    union
    {
        std::uint32_t zcrx_fd;
        std::uint64_t words[6];
    };
};

static_assert(sizeof(zcrx_ctrl) == 72 && offsetof(zcrx_ctrl, words) == 24);
inline constexpr std::uint32_t zcrx_ctrl_flush_rq = 0; // 6.19
inline constexpr std::uint32_t zcrx_ctrl_export = 1;   // 6.19

/// Argument of register_op::bpf_filter (7.0).
struct bpf_filter
{
    std::uint16_t cmd_type; ///< bpf_cmd_filter
    std::uint16_t cmd_flags;
    std::uint32_t resv;
    std::uint32_t opcode;
    std::uint32_t flags;
    std::uint32_t filter_len; ///< instructions
    std::uint8_t pdu_size;    ///< bytes of arguments the program reads; the kernel's, out
    std::uint8_t resv2[3];
    std::uint64_t filter_ptr;
    std::uint64_t resv3[5];
};

static_assert(sizeof(bpf_filter) == 72 && offsetof(bpf_filter, filter_ptr) == 24);
static_assert(offsetof(bpf_filter, pdu_size) == 20);
inline constexpr std::uint16_t bpf_cmd_filter = 1;
inline constexpr std::uint32_t bpf_filter_deny_rest = 1U << 0; // 7.0
inline constexpr std::uint32_t bpf_filter_sz_strict = 1U << 1; // 7.0

} // namespace asio_uring::abi
