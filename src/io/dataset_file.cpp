#include "lockstep/io/dataset_file.h"

#include <algorithm>
#include <cmath>

#include "dataset_content.h"
#include "lockstep/core/error.h"
#include "lockstep/io/replace.h"

namespace lockstep::io {

DatasetReader::DatasetReader(const std::string& path) : file_(File::open(path)), info_(read_info(file_)) {}

bool DatasetReader::has(const std::string& split) const { return file_.exists("/" + split + "/inputs"); }

int64_t DatasetReader::rows(const std::string& split) const {
  return has(split) ? file_.info("/" + split + "/inputs").dims[0] : 0;
}

Rows DatasetReader::read(const std::string& split, int64_t first, int64_t count) const {
  // Before memory is taken for them: a wrong count would be reported as memory that is not there.
  require_rows_of(split, first, count);
  Rows rows;
  rows.count = count;
  rows.inputs.resize(static_cast<size_t>(count * sample_bytes(info_)));
  if (info_.classes > 0) rows.labels.resize(static_cast<size_t>(count));
  rows.targets.resize(static_cast<size_t>(count * target_size(info_)));
  read(split, first, {count, rows.inputs.data(), rows.labels.data(), rows.targets.data()});
  return rows;
}

void DatasetReader::read(const std::string& split, int64_t first, const RowsMemory& into) const {
  require_rows_of(split, first, into.count);
  read_rows(file_, info_, split, first, into);
  check_rows(path(), info_, split, first, into);
}

void DatasetReader::require_rows_of(const std::string& split, int64_t first, int64_t count) const {
  if (!has(split)) fail(path(), ": has no split /", split, "; it holds ", list_children(file_));
  require_rows(file_, split, first, count);
}

std::optional<std::string> DatasetReader::stated_digest() const {
  if (!file_.has_attribute("/", "digest")) return std::nullopt;
  return file_.string_attribute("/", "digest");
}

std::string DatasetReader::compute_digest() const { return content_digest(file_, info_); }

// The file is declared behind the replacement: it has to be closed before its name goes away.
struct DatasetWriter::Impl {
  Impl(const std::string& path, const DatasetInfo& what)
      : target(path), info(what), replacement(path), file(File::create(replacement.path())) {}

  std::string target;
  DatasetInfo info;
  Replacement replacement;
  File file;
};

namespace {

void check_info(const std::string& path, const DatasetInfo& info) {
  const auto positive = [](int64_t dim) { return dim > 0; };
  const bool shapes = (info.sample_dims.size() == 1 || info.sample_dims.size() == 3) &&
                      std::all_of(info.sample_dims.begin(), info.sample_dims.end(), positive) &&
                      std::all_of(info.target_dims.begin(), info.target_dims.end(), positive);
  if (!shapes) {
    fail(path, ": a dataset cannot have samples of shape ", dims_text(info.sample_dims),
         " and targets of shape ", dims_text(info.target_dims), "; expected [C, H, W] or [D], all above 0");
  }
  if (info.type != Type::kUint8 && info.type != Type::kFloat32) {
    fail(path, ": a dataset cannot have inputs of type ", type_name(info.type),
         "; expected uint8 or float32");
  }
  if (info.classes < 0 || info.classes > kMaxClasses)
    fail(path, ": a dataset cannot have ", info.classes, " classes");
  if (!std::isfinite(info.scale) || info.scale == 0 || !std::isfinite(info.offset)) {
    fail(path, ": a dataset cannot have scale ", info.scale, " and offset ", info.offset,
         "; expected finite numbers, scale not 0");
  }
}

void create_split(File& file, const DatasetInfo& info, const std::string& group) {
  file.create_rows(group + "/inputs", info.type, info.sample_dims);
  file.set_attribute(group + "/inputs", "scale", info.scale);
  file.set_attribute(group + "/inputs", "offset", info.offset);
  if (info.classes > 0) file.create_rows(group + "/labels", Type::kInt32, {});
  if (!info.target_dims.empty()) file.create_rows(group + "/targets", Type::kFloat32, info.target_dims);
}

}  // namespace

DatasetWriter::DatasetWriter(const std::string& path, const DatasetInfo& info) {
  check_info(path, info);
  impl_ = std::make_unique<Impl>(path, info);
  File& file = impl_->file;
  file.set_attribute("/", "format", std::string_view(kDatasetFormat));
  file.set_attribute("/", "version", kDatasetVersion);
  file.set_attribute("/", "classes", info.classes);
  file.set_attribute("/", "source", std::string_view(info.source));
}

DatasetWriter::~DatasetWriter() = default;

void DatasetWriter::append(const std::string& split, const Rows& rows) {
  if (std::find(kSplits.begin(), kSplits.end(), split) == kSplits.end()) {
    fail(impl_->target, ": a dataset has no split \"", split, "\"; expected train, validation or test");
  }
  File& file = impl_->file;
  const std::string group = "/" + split;
  const bool started = file.exists(group);
  check_sizes(impl_->target, impl_->info, split, rows);
  check_rows(impl_->target, impl_->info, split, started ? file.info(group + "/inputs").dims[0] : 0, rows);
  if (rows.count == 0) return;
  if (!started) create_split(file, impl_->info, group);
  file.append(group + "/inputs", rows.count, rows.inputs.data());
  if (!rows.labels.empty()) file.append(group + "/labels", rows.count, rows.labels.data());
  if (!rows.targets.empty()) file.append(group + "/targets", rows.count, rows.targets.data());
}

File& DatasetWriter::file() { return impl_->file; }

void DatasetWriter::finish() {
  if (impl_->file.children("/").empty()) fail(impl_->target, ": a dataset without samples cannot be written");
  impl_->file.set_attribute("/", "digest", std::string_view(content_digest(impl_->file, impl_->info)));
  impl_->file.close();
  impl_->replacement.commit();
}

}  // namespace lockstep::io
