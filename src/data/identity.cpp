#include "lockstep/data/identity.h"

#include <algorithm>

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"

namespace lockstep::data {

namespace {

std::string digest_of_some(const Dataset& dataset) {
  constexpr int64_t kSome = 16;
  Digest digest;
  for (const auto& [name, split] : splits_of(dataset)) {
    std::vector<int64_t> indices;
    const int64_t count = std::min(kSome, split->rows());
    for (int64_t i = 0; i < count; ++i) indices.push_back(i * split->rows() / count);
    const io::Rows rows = rows_of(split->fetch(indices), dataset.info);
    digest.add(rows.inputs.data(), rows.inputs.size());
    digest.add(rows.labels.data(), rows.labels.size() * sizeof(int32_t));
    digest.add(rows.targets.data(), rows.targets.size() * sizeof(float));
  }
  return digest.hex();
}

}  // namespace

std::string identity_of(const Dataset& dataset) {
  std::string lines = text("samples of ", dataset.shape().to_string());
  for (const auto& [name, split] : splits_of(dataset)) lines += text("\n", name, " of ", split->rows());
  lines += dataset.digest.empty() ? "\nsome samples' digest " + digest_of_some(dataset)
                                  : "\ndigest " + dataset.digest;
  return lines;
}

}  // namespace lockstep::data
