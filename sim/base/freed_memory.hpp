#pragma once

namespace prefdyn {

/// From here on the process keeps memory it frees, in pieces of up to 32 MiB: a layer makes and
/// frees its intermediate results, and the system need not zero them each time.
void keep_freed_memory();

}  // namespace prefdyn
