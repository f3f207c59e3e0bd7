// What the words of a preparation mean.
#include "lockstep/analysis/preparation.h"
#include "lockstep/core/error.h"
#include "lockstep/core/near.h"
#include "lockstep/nn/layer_line.h"

namespace lockstep::analysis {

namespace {

constexpr double kBeyond = 1e9;  // any sensible epsilon or threshold

// Read as layers are written: a kind, numbers, name=value.
nn::LayerArguments arguments_of(const std::string& line, const std::string& origin,
                                const std::string& example) {
  return nn::LayerArguments({line, origin}, 0, {}, {"preparation", example});
}

std::string text_of(const PatchOptions& patches) {
  switch (patches.kind) {
    case PatchKind::kRandom:
      return text("random ", patches.size, " count=", patches.count);
    case PatchKind::kDense:
      return text("dense ", patches.size, " stride=", patches.stride);
    case PatchKind::kInterest:
      break;
  }
  return text("interest ", patches.size, " count=", patches.count, " threshold=", patches.threshold);
}

std::string text_of(const WhiteningOptions& whitening) {
  std::string result = text(whitening.zca ? "zca" : "pca", " epsilon=", whitening.epsilon);
  if (whitening.components > 0) result += text(" components=", whitening.components);
  if (whitening.retain > 0) result += text(" retain=", whitening.retain);
  return result;
}

}  // namespace

std::string PreparationOptions::to_string() const {
  std::string result;
  const auto add = [&](const std::string& step) { result += (result.empty() ? "" : "; ") + step; };
  if (patches) add("patches " + text_of(*patches));
  if (contrast) add(text("contrast ", *contrast));
  if (whitening) add("whiten " + text_of(*whitening));
  return result;
}

PatchOptions patch_options(const std::string& line, const std::string& origin) {
  nn::LayerArguments arguments = arguments_of(line, origin, "random 8 count=1000");
  PatchOptions options;
  const std::string& kind = arguments.type();
  const bool known = kind == "random" || kind == "dense" || kind == "interest";
  if (!known)
    arguments.complain("there is no kind '" + kind + "'; " +
                       suggestion(kind, {"random", "dense", "interest"}));
  options.size = arguments.leading_whole("size", 1);
  if (kind == "random") {
    options.count = arguments.required_whole("count", 1);
  } else if (kind == "dense") {
    options.kind = PatchKind::kDense;
    options.stride = arguments.whole("stride", 1, 1);
  } else {
    options.kind = PatchKind::kInterest;
    options.count = arguments.whole("count", 1, 50);
    options.threshold = arguments.real("threshold", 1e-4, kBeyond, options.threshold);
  }
  arguments.finish();
  return options;
}

WhiteningOptions whitening_options(const std::string& line, const std::string& origin) {
  nn::LayerArguments arguments = arguments_of(line, origin, "zca epsilon=0.1");
  WhiteningOptions options;
  const std::string& kind = arguments.type();
  if (kind != "zca" && kind != "pca")
    arguments.complain("there is no kind '" + kind + "'; " + suggestion(kind, {"zca", "pca"}));
  options.zca = kind == "zca";
  options.epsilon = arguments.real("epsilon", 0, kBeyond, 0);
  options.components = arguments.whole("components", 1, 0);
  options.retain = arguments.real("retain", 1e-3, 1, 0);
  arguments.finish();
  if (arguments.has("components") && arguments.has("retain"))
    arguments.complain("components= and retain= both say how much is kept; give one of them");
  return options;
}

}  // namespace lockstep::analysis
