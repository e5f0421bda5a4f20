// SPDX-License-Identifier: BSL-1.0
// A model of what Asio promises about operations: each one that was started ends exactly
// once, later, in the order of its direction, with its bytes accounted for, and aborted
// only where the program asked for it.
#pragma once

#include "drive.hpp"
#include "recorder.hpp"

#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace asio_uring::test::model {

/// One operation, from its start to its end.
struct operation
{
    std::uint64_t number;
    const char* kind;
    bool may_abort = false; ///< the program asked for its end
    bool ended = false;
};

using operation_ptr = std::shared_ptr<operation>;

/// What holds whatever the operation is.
class ledger
{
public:
    operation_ptr started(const char* kind)
    {
        pending_.emplace(++started_, kind);
        return std::make_shared<operation>(operation{started_, kind});
    }

    void ended(operation& op, const boost::system::error_code& ec)
    {
        require(!op.ended, op, ec, "ended twice");
        op.ended = true;
        pending_.erase(op.number);
        require(loop_scope::inside(), op, ec, "ended inside a call of the program");
        if (ec == boost::asio::error::operation_aborted)
            require(op.may_abort, op, ec, "aborted though nobody asked");
    }

    /// The operation's handler was destroyed with its context.
    void forget_pending() { pending_.clear(); }

    std::uint64_t started() const { return started_; }

    /// The operations that have not ended, for a message.
    std::string pending() const
    {
        std::string list;
        for (const auto& [number, kind] : pending_)
            list += ' ' + std::string(kind) + ' ' + std::to_string(number);
        return list;
    }

    static void require(
        bool holds,
        const operation& op,
        const boost::system::error_code& ec,
        std::string_view what)
    {
        if (!holds)
            BOOST_FAIL(op.kind << ' ' << op.number << ' ' << what << ": " << text(ec));
    }

private:
    std::uint64_t started_ = 0;
    std::map<std::uint64_t, const char*> pending_;
};

/// The operations of one direction of one object.
class direction_order
{
public:
    void started(const operation_ptr& op) { operations_.push_back(op); }

    /// A success overtakes nothing but what the program asked to end.
    void succeeded(const operation& op)
    {
        while (!operations_.empty() && operations_.front()->ended &&
               operations_.front().get() != &op)
            operations_.pop_front();
        for (const operation_ptr& earlier : operations_) {
            if (earlier.get() == &op)
                return;
            ledger::require(
                earlier->ended || earlier->may_abort, op, {}, "overtook an earlier one");
        }
    }

    void allow_abort()
    {
        for (const operation_ptr& op : operations_)
            op->may_abort = true;
    }

    bool contains(const operation& op) const
    {
        return std::any_of(
            operations_.begin(), operations_.end(), [&](const operation_ptr& each) {
                return each.get() == &op;
            });
    }

    void clear() { operations_.clear(); }

private:
    std::deque<operation_ptr> operations_;
};

/// The bytes on their way from one end to the other.
class byte_stream
{
public:
    void sent(std::string_view bytes) { sent_ += bytes; }
    void received(std::string_view bytes) { received_ += bytes; }

    /// REQUIRES: no write is pending. Everything received was sent, in that order.
    void check()
    {
        const bool in_order =
            received_.size() <= sent_.size() &&
            std::equal(received_.begin(), received_.end(), sent_.begin());
        if (!in_order)
            BOOST_FAIL(
                "bytes were lost, made up or moved: "
                << received_.size() << " received of " << sent_.size() << " sent");
        sent_.erase(0, received_.size());
        received_.clear();
    }

    bool empty() const { return sent_.size() == received_.size(); }

    void clear()
    {
        sent_.clear();
        received_.clear();
    }

private:
    std::string sent_;
    std::string received_;
};

} // namespace asio_uring::test::model
