// Work in a process of its own that fails, dies, or takes too much.
#include "sim/base/child.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "sim/base/cancel.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

constexpr ChildLimits kLimits = {std::size_t{256} << 20, 5.0};

std::string said(const std::function<void(Channel&)>& work, ChildLimits limits = kLimits) {
    return input_error([&] {
        in_child("some/file", limits, work, [](Channel& from) {
            char byte = 0;
            from.read(&byte, 1);
        });
    });
}

}  // namespace

TEST_CASE("what the child sends comes through whole, also what no pipe holds at once") {
    std::vector<int> got(3000000);
    in_child(
        "x", kLimits,
        [&](Channel& to) {
            std::vector<int> all(got.size());
            for (std::size_t k = 0; k < all.size(); ++k) all[k] = static_cast<int>(k * k);
            to.write(all.data(), all.size() * sizeof(int));
        },
        [&](Channel& from) { from.read(got.data(), got.size() * sizeof(int)); });
    for (std::size_t k = 0; k < got.size(); ++k) REQUIRE(got[k] == static_cast<int>(k * k));
}

TEST_CASE("failures come through with message and hint, and as what they are") {
    const auto failing = [](auto failure) {
        return [failure](Channel&) -> void { throw failure; };
    };
    CHECK(said(failing(InputError("wrong", "try this"))) == "wrong");
    try {
        in_child("x", kLimits, failing(InputError("wrong", "try this")), [](Channel&) {});
        FAIL("no failure");
    } catch (const InputError& error) {
        CHECK(error.hint() == "try this");
    }
    CHECK_THROWS_AS(in_child("x", kLimits, failing(MachineError("broken")), [](Channel&) {}),
                    MachineError);
    CHECK(said(failing(std::runtime_error("odd"))) == "odd");
}

TEST_CASE("a child that dies is bad input that names the file") {
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGKILL}) {
        CAPTURE(number);
        CHECK(contains(said([&](Channel&) { raise(number); }),
                       "some/file: reading it ended the library that reads it ("));
    }
    for (const int code : {0, 1, 2, 3, 7}) {
        CAPTURE(code);
        CHECK(contains(said([&](Channel&) { _exit(code); }), "some/file: reading it ended"));
    }
    CHECK(contains(said([](Channel&) {
                       volatile int* nowhere = nullptr;
                       *nowhere = 1;
                   }),
                   "some/file: reading it ended"));
}

TEST_CASE("memory and processor time of a child end somewhere") {
    if (!test::kSanitized)
        CHECK(contains(said([](Channel& to) {
                           std::vector<char> much(std::size_t{1} << 30, 'x');
                           to.write(much.data(), 1);
                       }),
                       "some/file: reading it takes more than 256 MiB of memory"));
    CHECK(contains(said(
                       [](Channel&) {
                           for (std::atomic<int> k = 0;; ++k) {
                           }
                       },
                       {kLimits.bytes, 1.0}),
                   "s of processor time"));
}

TEST_CASE("a stop does not wait for the child") {
    const auto begin = std::chrono::steady_clock::now();
    std::thread stopper([] {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        cancel_flag = true;
    });
    // A signal would wake the call; here a byte now and then does.
    const auto slow = [](Channel& to) {
        for (int k = 0; k < 1000; ++k) {
            to.write("x", 1);
            usleep(20000);
        }
    };
    CHECK_THROWS_AS(in_child("x", kLimits, slow,
                             [](Channel& from) {
                                 char all[1000];
                                 from.read(all, sizeof all);
                             }),
                    Interrupted);
    stopper.join();
    cancel_flag = false;
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
}
