// SPDX-License-Identifier: BSL-1.0
// Layer: ring. Purpose: a ring's table of direct descriptors (registered files).
// Thread: one at a time; on a single-issuer ring the thread the ring belongs to.
// Lifetime: owns the registration, and through it a reference to each file; the ring must
// outlive it.
#pragma once

#include <asio_uring/detail/ring/register_target.hpp>
#include <asio_uring/ring/config.hpp>
#include <asio_uring/ring/update_result.hpp>

#include <boost/system/error_code.hpp>

#include <cstdint>
#include <span>

namespace asio_uring {

class ring;

/// The table of direct descriptors of a ring: files that operations name by their slot,
/// with abi::sqe_fixed_file (see op::on_slot), and that no other part of the process can
/// name. A slot holds its own reference to the file: the plain descriptor it came from
/// may be closed.
///
/// A ring has at most one table. Besides update(), operations fill slots: those with an
/// op::direct_slot (op::accept, op::openat, op::socket, op::pipe), op::files_update and
/// op::msg_ring_fd. With abi::file_index_alloc the kernel picks a free slot of
/// alloc_range() and reports it; with no free slot such an operation ends with ENFILE.
/// op::close with a slot empties it; op::fixed_fd_install makes a plain descriptor of it
/// (6.8), and the slot keeps its own reference.
///
/// A tag other than zero comes back as the user_data of a completion {tag, 0, 0} on the
/// ring when its file has left the slot and no operation uses it any more.
///
/// @par Thread safety
/// Distinct objects: safe. Shared object: unsafe.
///
/// @par Errors
/// errc::files_registered: the ring has a table. errc::table_size_out_of_range: none, or
/// more slots than RLIMIT_NOFILE. errc::index_out_of_range: no such slot.
/// errc::tags_do_not_match: neither no tag nor one per descriptor.
/// errc::ring_in_file_table: a ring's descriptor. EBADF: a closed descriptor.
/// errc::not_open: the ring is closed.
///
/// Kernel 5.1; updates 5.5; skipping 5.12; tags 5.13; sparse 5.19; alloc_range 6.0.
/// See io_uring_register_files(3).
class ASIO_URING_DECL registered_files
{
public:
    registered_files() noexcept = default;

    /// Registers `descriptors`; -1 is an empty slot. Throws boost::system::system_error.
    registered_files(
        ring& owner,
        std::span<const int> descriptors,
        std::span<const std::uint64_t> tags = {});

    /// The same, or an empty object and the reason in `ec`.
    static registered_files
    create(ring& owner, std::span<const int> descriptors, boost::system::error_code& ec);
    static registered_files create(
        ring& owner,
        std::span<const int> descriptors,
        std::span<const std::uint64_t> tags,
        boost::system::error_code& ec);

    /// A table of `count` empty slots. Kernel 5.19.
    static registered_files sparse(ring& owner, std::uint32_t count);
    static registered_files
    sparse(ring& owner, std::uint32_t count, boost::system::error_code& ec);

    registered_files(registered_files&& other) noexcept;
    registered_files& operator=(registered_files&& other) noexcept;
    registered_files(const registered_files&) = delete;
    registered_files& operator=(const registered_files&) = delete;

    /// Unregisters, unless this is a child of fork(2): the table is the parent's.
    ~registered_files() { unregister(); }

    explicit operator bool() const noexcept { return static_cast<bool>(target_); }

    /// Slots of the table.
    std::uint32_t size() const noexcept { return size_; }

    /// Replaces the files from slot `offset` on: -1 empties a slot,
    /// abi::register_files_skip leaves it alone; neither may have a tag. A slot that
    /// fails is left empty. Kernel 5.5; with tags 5.13.
    update_result update(
        std::uint32_t offset,
        std::span<const int> descriptors,
        std::span<const std::uint64_t> tags = {}) noexcept;

    /// Puts one file into a slot, in place of what is there.
    boost::system::error_code
    set(std::uint32_t slot, int descriptor, std::uint64_t tag = 0) noexcept;

    /// Empties a slot. Operations in flight keep the file.
    boost::system::error_code clear(std::uint32_t slot) noexcept;

    /// The slots from which abi::file_index_alloc picks; all, until this is called. Slots
    /// outside stay for explicit use. Kernel 6.0.
    boost::system::error_code
    alloc_range(std::uint32_t offset, std::uint32_t count) noexcept;

    /// Gives the table up. Operations in flight keep their files.
    boost::system::error_code unregister() noexcept;

    /// Forgets the table; it stays with the ring.
    void release() noexcept;

private:
    boost::system::error_code register_in(
        ring& owner,
        std::span<const int> descriptors,
        std::span<const std::uint64_t> tags) noexcept;
    boost::system::error_code register_sparse(ring& owner, std::uint32_t count) noexcept;

    detail::register_target target_;
    std::uint32_t size_ = 0;
};

} // namespace asio_uring
