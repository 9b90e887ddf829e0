#pragma once
// A Machine (see sim/lm/model/device/device_layer.hpp) on the processor: what a card would run.
// Members of a group take turns, each until it waits for the others, from the first to the last or
// from the last to the first: where they forget to wait, one of both orders shows it. Memory is
// poisoned.

#include <ucontext.h>

#include <cstring>
#include <functional>

#include "sim/lm/model/device/device_layer.hpp"

namespace prefdyn::test {

enum class Turns { kFirstToLast, kLastToFirst };

/// Members of a group, taking turns on this thread.
class Team {
  public:
    Team(int members, Turns turns, long scratch)
        : members_(static_cast<std::size_t>(members)),
          turns_(turns),
          part_(members_.size()),
          scratch_(static_cast<std::size_t>(scratch), NAN) {}

    /// Calls work(rank) for all.
    void run(const std::function<void(int)>& work) {
        work_ = &work;
        for (Member& member : members_) {
            getcontext(&member.context);
            member.context.uc_stack.ss_sp = member.stack.data();
            member.context.uc_stack.ss_size = member.stack.size();
            member.context.uc_link = &main_;
            member.done = false;
            makecontext(&member.context, reinterpret_cast<void (*)()>(enter), 0);
        }
        for (bool any = true; any;) {
            any = false;
            for (std::size_t k = 0; k < members_.size(); ++k) {
                now_ = turns_ == Turns::kFirstToLast ? k : members_.size() - 1 - k;
                if (members_[now_].done) continue;
                any = true;
                running_ = this;
                swapcontext(&main_, &members_[now_].context);
            }
        }
    }
    void wait() {
        Member& member = members_[now_];
        swapcontext(&member.context, &main_);
    }
    std::vector<double>& part() { return part_; }
    float* scratch() { return scratch_.data(); }

  private:
    struct Member {
        ucontext_t context{};
        std::vector<char> stack = std::vector<char>(std::size_t{1} << 16);
        bool done = false;
    };
    static void enter() {
        Team& team = *running_;
        const std::size_t rank = team.now_;
        (*team.work_)(static_cast<int>(rank));
        team.members_[rank].done = true;
    }
    static inline Team* running_ = nullptr;
    std::vector<Member> members_;
    Turns turns_;
    std::size_t now_ = 0;
    ucontext_t main_{};
    const std::function<void(int)>* work_ = nullptr;
    std::vector<double> part_;
    std::vector<float> scratch_;
};

/// Bytes that machines hold, now and at most.
struct HostMemory {
    static inline std::size_t now = 0, most = 0;

    template <class X>
    struct Allocator {
        using value_type = X;
        Allocator() = default;
        template <class Y>
        Allocator(const Allocator<Y>&) {}
        X* allocate(std::size_t count) {
            most = std::max(most, now += count * sizeof(X));
            return std::allocator<X>().allocate(count);
        }
        void deallocate(X* data, std::size_t count) {
            now -= count * sizeof(X);
            std::allocator<X>().deallocate(data, count);
        }
        bool operator==(const Allocator&) const = default;
    };
};

class HostMachine {
  public:
    HostMachine(int members, Turns turns) : members_(members), turns_(turns) {}

    template <class X>
    class Array {
      public:
        Array() = default;
        explicit Array(std::size_t count) : values_(count) {
            if (count > 0) std::memset(values_.data(), 0xff, count * sizeof(X));
        }
        X* data() const { return const_cast<X*>(values_.data()); }
        std::size_t size() const { return values_.size(); }
        void upload(const X* from, std::size_t count) { std::copy_n(from, count, data()); }
        void download(X* to, std::size_t count) const { std::copy_n(data(), count, to); }
        void clear() {
            if (!values_.empty()) std::memset(values_.data(), 0, values_.size() * sizeof(X));
        }

      private:
        std::vector<X, HostMemory::Allocator<X>> values_;
    };
    template <class X>
    Array<X> array(std::size_t count, const char*) {
        return Array<X>(count);
    }
    void copy(const float* from, long count, float* to) { std::copy_n(from, count, to); }

    template <class Task>
    void each(long count, const Task& task) {
        for (long i = 0; i < count; ++i) task(i);
    }

    template <class Task>
    void groups(long count, long scratch, const Task& task) {
        for (long i = 0; i < count; ++i) {
            Team team(members_, turns_, scratch);
            const auto work = [&](int rank) {
                Group group{rank, team};
                task(group, i);
            };
            if (members_ == 1)
                work(0);
            else
                team.run(work);
        }
    }
    int members() const { return members_; }

    template <class T, class Y>
    void multiply(transformer::device::Times times, long m, long n, long k, const T* a, const T* b,
                  float share, Y* y) {
        using transformer::device::Times, transformer::device::to_float;
        for (long i = 0; i < m; ++i)
            for (long j = 0; j < n; ++j) {
                double sum = 0.0;
                for (long l = 0; l < k; ++l)
                    sum += static_cast<double>(
                               to_float(times == Times::kGradient ? a[l * m + i] : a[i * k + l])) *
                           to_float(times == Times::kForward ? b[j * k + l] : b[l * n + j]);
                Y& to = y[i * n + j];
                if (share != 0.0f) sum += share * static_cast<double>(to_float(to));
                to = transformer::device::from_float<Y>(static_cast<float>(sum));
            }
    }
    void wait() {}

  private:
    struct Group {
        int place;
        Team& team;
        int rank() const { return place; }
        int size() const { return static_cast<int>(team.part().size()); }
        float* scratch() const { return team.scratch(); }
        void sync() const {
            if (size() > 1) team.wait();
        }
        double sum(double value) const {
            sync();
            team.part()[static_cast<std::size_t>(place)] = value;
            sync();
            double out = 0.0;
            for (const double each : team.part()) out += each;
            return out;
        }
    };
    int members_;
    Turns turns_;
};

}  // namespace prefdyn::test
