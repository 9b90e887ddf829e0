#pragma once
// What a card tells of itself, and what it needs of the host.

#include <cstddef>

#include "sim/lm/model/precision.hpp"

namespace prefdyn::transformer::device {

/// Bytes that can be allocated on the card.
std::size_t available_memory();

/// Multiplications and additions a second of one large product (n, n) (n, n) on random numbers.
double matrix_rate(Precision precision, long n);

/// memcpy by all threads of the host: one alone is slower than the bus.
void copy_threaded(void* to, const void* from, std::size_t bytes);

}  // namespace prefdyn::transformer::device
