// What this build is.
#pragma once

namespace lockstep {

inline constexpr const char* kVersion = "0.1.0";
inline constexpr const char* kCompiler = "g++ " __VERSION__;

}  // namespace lockstep
