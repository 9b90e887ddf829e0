#pragma once

namespace prefdyn {

/// Processor seconds of all threads, over their number: what a run takes when nobody else computes.
double processor_seconds();

double peak_resident_mib();
/// From here on the peak is that of what follows (where the kernel lets a process ask for it).
void forget_peak();

}  // namespace prefdyn
