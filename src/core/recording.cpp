#include "lockstep/core/recording.h"

namespace lockstep {

const char* activity_name(Activity activity) {
  switch (activity) {
    case Activity::kStep:
      return "step";
    case Activity::kAwaitInput:
      return "wait for input";
    case Activity::kMicrobatch:
      return "microbatch";
    case Activity::kUnpack:
      return "unpack input";
    case Activity::kFprop:
      return "fprop";
    case Activity::kBprop:
      return "bprop";
    case Activity::kGrad:
      return "grad";
    case Activity::kLoss:
      return "loss";
    case Activity::kMergeTree:
      return "merge gradients";
    case Activity::kAwaitWork:
      return "wait for work";
    case Activity::kAgree:
      return "agree";
    case Activity::kReduction:
      return "reduction";
    case Activity::kReduce:
      return "reduce";
    case Activity::kAwaitRanks:
      return "wait for ranks";
    case Activity::kUpdate:
      return "update";
    case Activity::kCount:
      break;
  }
  return "";
}

}  // namespace lockstep
