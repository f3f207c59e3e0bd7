#include "autoencoder_session.h"

#include <algorithm>

#include "lockstep/comm/agreed_error.h"
#include "lockstep/core/error.h"

namespace lockstep::app {

AutoencoderSession::AutoencoderSession(const Context& context, const std::string& path,
                                       const std::string& dataset)
    : ModelSession(context, path, dataset) {
  comm::together(context.group, [&] {
    if (model().classifies()) {
      fail_usage(path, ": the network is no autoencoder: it was trained to give labels (loss ",
                 options().loss, "); this needs one that was trained to give its input");
    }
    reconstruction_.emplace(network(), parameters(), sigmoid_on_top(), team());
  });
}

analysis::Energy AutoencoderSession::energy(analysis::Point start) {
  return {network(),       train::network_settings(options()), parameters(), sigmoid_on_top(), team(),
          std::move(start)};
}

std::vector<analysis::Point> AutoencoderSession::points(const std::string& name, int64_t first,
                                                        int64_t count) {
  const analysis::Rows rows =
      analysis::inputs_of(team(), split(name), unpacker(), reconstruction_->width(), first, count);
  std::vector<analysis::Point> points;
  for (int64_t r = 0; r < count; ++r) points.emplace_back(rows.row(r).begin(), rows.row(r).end());
  return points;
}

analysis::Statistics AutoencoderSession::statistics(const std::string& name) {
  const data::Split& samples = split(name);
  const int64_t width = reconstruction_->width();
  return analysis::statistics_of(
      team(), samples.rows(), width, [&](int64_t first, int64_t count, float* out) {
        const analysis::Rows rows = analysis::inputs_of(team(), samples, unpacker(), width, first, count);
        std::copy(rows.values.begin(), rows.values.end(), out);
      });
}

}  // namespace lockstep::app
