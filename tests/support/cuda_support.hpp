#pragma once
// What tests of the card share. Without a usable card they say how many cases they leave out.

#include <doctest/doctest.h>

#include "sim/cuda/device.hpp"
#include "sim/lm/model/precision.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

/// False after a message if there is no usable card for `cases` cases.
inline bool card_for(int cases) {
    static const GpuProbe probe = probe_gpu();
    if (!probe.usable) skipped(std::to_string(cases) + " cases on a card: " + probe.problem);
    return probe.usable;
}

}  // namespace prefdyn::test
