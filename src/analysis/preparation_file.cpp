#include "preparation_file.h"

#include <algorithm>

#include "lockstep/core/error.h"

namespace lockstep::analysis {

namespace {

const std::string kGroup = "/preparation";
const std::string kPatches = kGroup + "/patches";
const std::string kContrast = kGroup + "/contrast";
const std::string kWhitening = kGroup + "/whitening";

std::string contrast_name(const std::string& split, const char* what) {
  return kContrast + "/" + split + "/" + what;
}

const char* kind_of(const PatchOptions& patches) {
  return patches.kind == PatchKind::kRandom  ? "random"
         : patches.kind == PatchKind::kDense ? "dense"
                                             : "interest";
}

void write_patches(io::File& file, const PatchOptions& patches, uint64_t seed, const Shape& picture) {
  file.create_group(kPatches);
  file.set_attribute(kPatches, "kind", std::string_view(kind_of(patches)));
  file.set_attribute(kPatches, "size", patches.size);
  file.set_attribute(kPatches, "channels", picture.channels);
  file.set_attribute(kPatches, "height", picture.height);
  file.set_attribute(kPatches, "width", picture.width);
  if (patches.kind != PatchKind::kDense) file.set_attribute(kPatches, "count", patches.count);
  if (patches.kind == PatchKind::kRandom) file.set_attribute(kPatches, "seed", static_cast<int64_t>(seed));
  if (patches.kind == PatchKind::kDense) file.set_attribute(kPatches, "stride", patches.stride);
  if (patches.kind == PatchKind::kInterest) file.set_attribute(kPatches, "threshold", patches.threshold);
}

void write_whitening(io::File& file, const Whitening& whitening) {
  const auto write = [&](const char* name, const std::vector<int64_t>& dims,
                         const std::vector<double>& values) {
    file.write(kWhitening + "/" + name, io::Type::kFloat64, dims, values.data());
  };
  const WhiteningOptions& options = whitening.options();
  file.create_group(kWhitening);
  file.set_attribute(kWhitening, "method", std::string_view(options.zca ? "zca" : "pca"));
  file.set_attribute(kWhitening, "epsilon", options.epsilon);
  write("mean", {whitening.inputs()}, whitening.mean());
  write("eigenvalues", {whitening.inputs()}, whitening.eigenvalues());
  write("eigenvectors", {whitening.components(), whitening.inputs()}, whitening.eigenvectors());
  write("transform", {whitening.outputs(), whitening.inputs()}, whitening.transform());
  write("inverse", {whitening.inputs(), whitening.outputs()}, whitening.inverse());
}

std::vector<double> read_numbers(const io::File& file, const std::string& name,
                                 const std::vector<int64_t>& dims) {
  const io::ArrayInfo info = file.info(name);
  if (info.dims != dims) {
    std::string expected;
    for (const int64_t dim : dims) expected += (expected.empty() ? "" : "x") + std::to_string(dim);
    fail(file.path(), ": ", name, " does not have the shape ", expected,
         " of what stands beside it; prepare the dataset again");
  }
  int64_t count = 1;
  for (const int64_t dim : dims) count *= dim;
  std::vector<double> values(static_cast<size_t>(count));
  file.read_all(name, io::Type::kFloat64, values.data());
  return values;
}

Whitening read_whitening(const io::File& file, int64_t width) {
  WhiteningOptions options;
  const std::string method = file.string_attribute(kWhitening, "method");
  if (method != "zca" && method != "pca") {
    fail(file.path(), ": the attribute `method` of ", kWhitening, " is \"", method,
         "\"; expected zca or pca");
  }
  options.zca = method == "zca";
  options.epsilon = file.float_attribute(kWhitening, "epsilon");
  const auto dims = file.info(kWhitening + "/eigenvectors").dims;
  const int64_t components = dims.empty() ? 0 : dims[0];
  if (components < 1 || components > width) {
    fail(file.path(), ": ", kWhitening, "/eigenvectors has ", components, " rows; expected 1 to ", width,
         ", the values of a sample before whitening");
  }
  return {options, read_numbers(file, kWhitening + "/mean", {width}),
          read_numbers(file, kWhitening + "/eigenvalues", {width}),
          read_numbers(file, kWhitening + "/eigenvectors", {components, width})};
}

}  // namespace

void write_preparation(io::File& file, const PreparationOptions& options, const std::vector<int64_t>& dims,
                       const std::string& dataset_digest, const Shape& picture,
                       const std::optional<Whitening>& whitening) {
  file.create_group(kGroup);
  file.set_attribute(kGroup, "steps", std::string_view(options.to_string()));
  file.set_attribute(kGroup, "dataset_digest", std::string_view(dataset_digest));
  file.write(kGroup + "/sample_dims", io::Type::kInt64, {static_cast<int64_t>(dims.size())}, dims.data());
  if (options.patches) write_patches(file, *options.patches, options.seed, picture);
  if (options.contrast) {
    file.create_group(kContrast);
    file.set_attribute(kContrast, "constant", *options.contrast);
  }
  if (whitening) write_whitening(file, *whitening);
}

void write_places(io::File& file, const std::string& split, const PatchPlaces& places) {
  std::vector<int32_t> numbers;
  for (int64_t i = 0; i < places.count(); ++i) {
    const PatchPlace place = places[i];
    numbers.insert(numbers.end(), {static_cast<int32_t>(place.picture), place.y, place.x});
  }
  file.write(kPatches + "/places/" + split, io::Type::kInt32, {places.count(), 3}, numbers.data());
}

void append_contrast(io::File& file, const std::string& split, const std::vector<float>& mean,
                     const std::vector<float>& deviation) {
  const auto append = [&](const char* what, const std::vector<float>& values) {
    const std::string name = contrast_name(split, what);
    if (!file.exists(name)) file.create_rows(name, io::Type::kFloat32, {});
    file.append(name, static_cast<int64_t>(values.size()), values.data());
  };
  append("mean", mean);
  append("deviation", deviation);
}

Inverse read_inverse(const io::File& file) {
  if (!file.exists(kGroup)) {
    fail_usage(file.path(), ": has no ", kGroup,
               ", so there is nothing to invert by; expected a file that 'trainer prepare' wrote");
  }
  Inverse inverse;
  const std::string name = kGroup + "/sample_dims";
  const auto dims = file.info(name).dims;
  inverse.sample_dims.resize(dims.size() == 1 ? static_cast<size_t>(dims[0]) : 0);
  if (inverse.sample_dims.size() != 1 && inverse.sample_dims.size() != 3)
    fail(file.path(), ": ", name, " does not hold 1 or 3 numbers; prepare the dataset again");
  file.read_all(name, io::Type::kInt64, inverse.sample_dims.data());
  inverse.has_contrast = file.exists(kContrast);
  if (file.exists(kWhitening))
    inverse.whitening = read_whitening(file, Shape::from_dims(inverse.sample_dims).size());
  return inverse;
}

Contrast read_contrast(const io::File& file, const std::string& split, int64_t first, int64_t count) {
  Contrast contrast{std::vector<float>(static_cast<size_t>(count)),
                    std::vector<float>(static_cast<size_t>(count))};
  file.read_rows(contrast_name(split, "mean"), first, count, io::Type::kFloat32, contrast.mean.data());
  file.read_rows(contrast_name(split, "deviation"), first, count, io::Type::kFloat32,
                 contrast.deviation.data());
  return contrast;
}

int64_t contrast_rows(const io::File& file, const std::string& split) {
  const auto rows = [&](const char* what) {
    const std::string name = contrast_name(split, what);
    return file.exists(name) ? file.info(name).dims.at(0) : 0;
  };
  return std::min(rows("mean"), rows("deviation"));
}

}  // namespace lockstep::analysis
