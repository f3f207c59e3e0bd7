// One page about a trained network, complete in itself: no script, nothing fetched from anywhere.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lockstep/analysis/subject.h"

namespace lockstep::analysis {

using Facts = std::vector<std::pair<std::string, std::string>>;  // name, value

// What the page says beside its pictures; plain text, escaped here.
struct ReportText {
  std::string title;
  std::string summary;
  Facts headline;             // few, shown large
  std::string configuration;  // as the user wrote it
  std::string resolved;       // with every option written out
  Facts provenance;
  std::string digest;
};

// Collective; the same page on every rank. HTML that is also well-formed XML, with every picture of
// picture_kinds() that there is of the subject. Light or dark, as the reader has it.
std::string report_page(Material& material, const ReportText& text);

}  // namespace lockstep::analysis
