// SPDX-License-Identifier: BSL-1.0
// Layer: test support. Purpose: a file system whose requests fail on command, so that the
// kernel itself says EIO or EDQUOT to whoever asks, a system call or a ring. Thread: one
// of its own serves the kernel; any may command it. Lifetime: ends the file system, whose
// files then fail for ever. Without the right to mount there is none.
#pragma once

#include "detached_mount.hpp"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <linux/fuse.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace asio_uring::test {

/// One directory with files in memory.
class failing_file_system
{
public:
    failing_file_system()
        : device_{::open("/dev/fuse", O_RDWR | O_CLOEXEC)},
          stop_{::eventfd(0, EFD_CLOEXEC)}
    {
        nodes_.push_back({S_IFDIR | 0755, {}, 2});
        if (device_.get() < 0)
            return;
        const std::string number = std::to_string(device_.get());
        root_ = make_mount(
            "fuse",
            {{"fd", number.c_str()},
             {"rootmode", "40000"},
             {"user_id", "0"},
             {"group_id", "0"}});
        if (root_.get() >= 0)
            server_ = std::thread([this] { serve(); });
    }
    failing_file_system(const failing_file_system&) = delete;
    failing_file_system& operator=(const failing_file_system&) = delete;
    ~failing_file_system()
    {
        root_.reset();
        const std::uint64_t one = 1;
        static_cast<void>(::write(stop_.get(), &one, sizeof one));
        if (server_.joinable())
            server_.join();
    }

    bool is_there() const { return server_.joinable(); }
    int root() const { return root_.get(); }

    /// A path for those who take no directory.
    std::string path(std::string_view name) const
    {
        return "/proc/self/fd/" + std::to_string(root_.get()) + '/' + std::string(name);
    }

    /// The requests of one kind fail from now on, behind those that may still go well.
    void fail(::fuse_opcode what, int error, int behind = 0)
    {
        const std::lock_guard lock(mutex_);
        failures_[what] = {error, behind};
    }
    void heal()
    {
        const std::lock_guard lock(mutex_);
        failures_.clear();
    }

    /// What the disk holds, whatever the kernel keeps in memory.
    void write(std::string_view name, std::string_view bytes)
    {
        const std::lock_guard lock(mutex_);
        nodes_[make_node(std::string(name), S_IFREG | 0644) - 1].bytes = bytes;
    }
    std::string read(std::string_view name)
    {
        const std::lock_guard lock(mutex_);
        const auto found = names_.find(name);
        return found == names_.end() ? "(none)" : nodes_[found->second - 1].bytes;
    }
    bool has(std::string_view name)
    {
        const std::lock_guard lock(mutex_);
        return names_.contains(name);
    }
    std::size_t names()
    {
        const std::lock_guard lock(mutex_);
        return names_.size();
    }

private:
    struct node
    {
        std::uint32_t mode;
        std::string bytes;
        std::uint32_t links;
    };

    struct failure
    {
        int error;
        int behind;
    };

    static constexpr std::size_t write_max = 64 * 1024;

    void serve()
    {
        std::vector<char> room(write_max + 4096);
        for (;;) {
            ::pollfd ready[] = {{device_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            ::poll(ready, 2, -1);
            if (ready[1].revents != 0)
                return device_.reset(); // what waits for an answer ends
            const auto size = ::read(device_.get(), room.data(), room.size());
            if (size < static_cast<ssize_t>(sizeof(::fuse_in_header)))
                continue;
            ::fuse_in_header head{};
            std::memcpy(&head, room.data(), sizeof head);
            const std::string_view rest(
                room.data() + sizeof head, static_cast<std::size_t>(size) - sizeof head);
            const std::lock_guard lock(mutex_);
            reply_.clear();
            int error = scripted(head.opcode);
            if (error == 0)
                error = carry_out(head, rest);
            if (head.opcode != FUSE_FORGET && head.opcode != FUSE_BATCH_FORGET)
                answer(head, error);
        }
    }

    void answer(const ::fuse_in_header& to, int error)
    {
        if (error != 0)
            reply_.clear();
        ::fuse_out_header head{};
        head.len = static_cast<std::uint32_t>(sizeof head + reply_.size());
        head.error = -error;
        head.unique = to.unique;
        const ::iovec parts[] = {{&head, sizeof head}, {reply_.data(), reply_.size()}};
        static_cast<void>(::writev(device_.get(), parts, reply_.empty() ? 1 : 2));
    }

    int scripted(std::uint32_t opcode)
    {
        const auto found = failures_.find(opcode);
        if (found == failures_.end() || found->second.behind-- > 0)
            return 0;
        found->second.behind = 0;
        return found->second.error;
    }

    template <typename Part>
    void put(const Part& part)
    {
        reply_.append(reinterpret_cast<const char*>(&part), sizeof part);
    }
    template <typename Part>
    static Part take(std::string_view& rest)
    {
        Part part{};
        std::memcpy(&part, rest.data(), sizeof part);
        rest.remove_prefix(sizeof part);
        return part;
    }
    static std::string take_name(std::string_view& rest)
    {
        std::string name(rest.data());
        rest.remove_prefix(name.size() + 1);
        return name;
    }

    int carry_out(const ::fuse_in_header& head, std::string_view rest)
    {
        node& at = nodes_[head.nodeid == 0 ? 0 : head.nodeid - 1];
        switch (head.opcode) {
        case FUSE_INIT:
            return put_init();
        case FUSE_LOOKUP:
            return put_entry(take_name(rest));
        case FUSE_GETATTR:
            return put_attributes(head.nodeid);
        case FUSE_SETATTR: {
            const auto wanted = take<::fuse_setattr_in>(rest);
            if ((wanted.valid & FATTR_SIZE) != 0)
                at.bytes.resize(wanted.size);
            if ((wanted.valid & FATTR_MODE) != 0)
                at.mode = wanted.mode;
            return put_attributes(head.nodeid);
        }
        case FUSE_CREATE: {
            const auto how = take<::fuse_create_in>(rest);
            const std::string name = take_name(rest);
            make_node(name, how.mode);
            put_entry(name);
            put(::fuse_open_out{});
            return 0;
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR:
            put(::fuse_open_out{});
            return 0;
        case FUSE_READ: {
            const auto how = take<::fuse_read_in>(rest);
            if (how.offset < at.bytes.size())
                reply_ = at.bytes.substr(how.offset, how.size);
            return 0;
        }
        case FUSE_WRITE: {
            const auto how = take<::fuse_write_in>(rest);
            if (at.bytes.size() < how.offset + how.size)
                at.bytes.resize(how.offset + how.size);
            at.bytes.replace(how.offset, how.size, rest.substr(0, how.size));
            put(::fuse_write_out{how.size, 0});
            return 0;
        }
        case FUSE_UNLINK:
            return names_.erase(take_name(rest)) != 0 ? 0 : ENOENT;
        case FUSE_RENAME:
            take<::fuse_rename_in>(rest);
            return rename(rest);
        case FUSE_RENAME2:
            take<::fuse_rename2_in>(rest);
            return rename(rest);
        case FUSE_READDIR:
        case FUSE_FLUSH:
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR:
        case FUSE_FSYNC:
        case FUSE_FSYNCDIR:
            return 0;
        default:
            return ENOSYS;
        }
    }

    int put_init()
    {
        ::fuse_init_out out{};
        out.major = FUSE_KERNEL_VERSION;
        out.minor = 31; // the oldest with all that is used here
        out.max_readahead = write_max;
        out.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES;
        out.max_pages = write_max / 4096;
        out.max_write = write_max;
        out.time_gran = 1;
        put(out);
        return 0;
    }

    // No name and no attribute is kept by the kernel: each use asks.
    int put_entry(const std::string& name)
    {
        const auto found = names_.find(name);
        if (found == names_.end())
            return ENOENT;
        ::fuse_entry_out out{};
        out.nodeid = found->second;
        out.attr = attributes(found->second);
        put(out);
        return 0;
    }
    int put_attributes(std::uint64_t id)
    {
        ::fuse_attr_out out{};
        out.attr = attributes(id);
        put(out);
        return 0;
    }
    ::fuse_attr attributes(std::uint64_t id) const
    {
        const node& at = nodes_[id - 1];
        ::fuse_attr out{};
        out.ino = id;
        out.size = at.bytes.size();
        out.blocks = (at.bytes.size() + 511) / 512;
        out.mode = at.mode;
        out.nlink = at.links;
        out.blksize = 4096;
        return out;
    }

    std::uint64_t make_node(const std::string& name, std::uint32_t mode)
    {
        nodes_.push_back({mode, {}, 1});
        return names_[name] = nodes_.size();
    }

    int rename(std::string_view rest)
    {
        const std::string from = take_name(rest);
        const auto found = names_.find(from);
        if (found == names_.end())
            return ENOENT;
        const std::uint64_t id = found->second;
        names_.erase(found);
        names_[take_name(rest)] = id;
        return 0;
    }

    std::mutex mutex_;
    std::map<std::uint32_t, failure> failures_;
    std::map<std::string, std::uint64_t, std::less<>> names_;
    std::deque<node> nodes_; // the first is the directory
    std::string reply_;
    unique_fd device_;
    unique_fd stop_;
    unique_fd root_;
    std::thread server_;
};

} // namespace asio_uring::test
