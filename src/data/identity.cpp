#include "lockstep/data/identity.h"

#include <algorithm>

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"

namespace lockstep::data {

namespace {

std::string digest_of_some(const Dataset& dataset) {
  constexpr int64_t kSome = 16;
  const int64_t bytes = dataset.shape().size() * (dataset.info.type == io::Type::kUint8 ? 1 : 4);
  const int64_t targets =
      dataset.info.target_dims.empty() ? 0 : Shape::from_dims(dataset.info.target_dims).size();
  Digest digest;
  for (const auto& [name, split] : splits_of(dataset)) {
    std::vector<int64_t> indices;
    const int64_t count = std::min(kSome, split->rows());
    for (int64_t i = 0; i < count; ++i) indices.push_back(i * split->rows() / count);
    const Samples samples = split->fetch(indices);
    for (const unsigned char* input : samples.inputs) digest.add(input, static_cast<uint64_t>(bytes));
    for (const int32_t label : samples.labels) digest.add(int64_t{label});
    for (const float* target : samples.targets) {
      digest.add(target, static_cast<uint64_t>(targets) * sizeof(float));
    }
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
