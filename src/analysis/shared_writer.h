// Private to src/analysis: a dataset file that all ranks make and rank 0 writes.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "lockstep/comm/group.h"
#include "lockstep/io/dataset_file.h"
#include "lockstep/io/replace.h"
#include "row_map.h"

namespace lockstep::analysis {

class SharedWriter {
 public:
  // Collective. A file that cannot be written is known before anything is computed.
  SharedWriter(comm::Group& group, std::string path) : group_(group), path_(std::move(path)) {
    on_first_rank([&] { io::Replacement probe(path_); });
  }

  // Collective. `also` writes what stands beside the splits, on rank 0.
  void start(const io::DatasetInfo& info, const std::function<void(io::File& file)>& also) {
    info_ = info;
    on_first_rank([&] {
      writer_ = std::make_unique<io::DatasetWriter>(path_, info);
      also(writer_->file());
    });
  }
  // On rank 0 alone, as what map_rows() calls.
  void append(const std::string& split, const SampleSource::Block& block, const MappedRows& mapped) {
    append(split, file_rows(block, mapped, info_));
  }
  void append(const std::string& split, const io::Rows& rows) { writer_->append(split, rows); }
  io::File& file() { return writer_->file(); }
  // Collective.
  void finish() {
    on_first_rank([&] { writer_->finish(); });
  }

 private:
  void on_first_rank(const std::function<void()>& action) {
    comm::together(group_, [&] {
      if (group_.rank() == 0) action();
    });
  }

  comm::Group& group_;
  std::string path_;
  io::DatasetInfo info_;
  std::unique_ptr<io::DatasetWriter> writer_;
};

// What a dataset's file becomes where its samples are made into floats of another shape.
inline io::DatasetInfo float_info(const io::DatasetInfo& from, std::vector<int64_t> dims,
                                  const std::string& done) {
  io::DatasetInfo info = from;
  info.sample_dims = std::move(dims);
  info.type = io::Type::kFloat32;
  info.scale = 1;
  info.offset = 0;
  info.source += (info.source.empty() ? "" : "; ") + done;
  return info;
}

}  // namespace lockstep::analysis
