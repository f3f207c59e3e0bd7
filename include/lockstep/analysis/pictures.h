// The pictures that there are of a trained network: one table, which the report and the single pictures
// share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lockstep/analysis/image.h"
#include "lockstep/analysis/subject.h"

namespace lockstep::analysis {

// Either a drawing or an image.
struct Picture {
  std::string svg;
  std::optional<Image> image = std::nullopt;
  std::string caption;  // what it shows, with its numbers, for people; not escaped
};

struct PictureKind {
  std::string name;     // "filters"
  std::string title;    // "Filters of the first layer"
  std::string meaning;  // for help
  bool drawing;         // whether it is SVG, else an image
  // Why there is none of this subject, to follow its name and a colon; empty where there is one.
  std::string (*lacks)(const Material& material);
  // Collective; the same picture on every rank.
  Picture (*draw)(Material& material);
};

// In the order of the report.
const std::vector<PictureKind>& picture_kinds();

// The kind of this name. Usage errors where there is no such kind, with the near names, or none of this
// subject, with those that there are.
const PictureKind& picture_kind(const std::string& name, const Material& material);

}  // namespace lockstep::analysis
