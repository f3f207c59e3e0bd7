#include "lockstep/data/dataset.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/core/memory.h"
#include "lockstep/core/near.h"
#include "lockstep/data/generate.h"

namespace lockstep::data {

namespace {

int64_t element_bytes(io::Type type) { return type == io::Type::kUint8 ? 1 : 4; }

int64_t sample_bytes(const io::DatasetInfo& info) {
  return Shape::from_dims(info.sample_dims).size() * element_bytes(info.type);
}

int64_t target_size(const io::DatasetInfo& info) {
  return info.target_dims.empty() ? 0 : Shape::from_dims(info.target_dims).size();
}

// Pointers to the samples of `rows` at the given places.
void point_at(const io::Rows& rows, const io::DatasetInfo& info, std::span<const int64_t> places,
              Samples& samples) {
  for (const int64_t place : places) {
    samples.inputs.push_back(rows.inputs.data() + place * sample_bytes(info));
    if (!rows.labels.empty()) samples.labels.push_back(rows.labels[static_cast<size_t>(place)]);
    if (!rows.targets.empty()) samples.targets.push_back(rows.targets.data() + place * target_size(info));
  }
}

class MemorySplit : public Split {
 public:
  MemorySplit(io::Rows rows, const io::DatasetInfo& info) : rows_(std::move(rows)), info_(info) {}
  int64_t rows() const override { return rows_.count; }
  Samples fetch(std::vector<int64_t> indices) const override {
    Samples samples;
    point_at(rows_, info_, indices, samples);
    samples.indices = std::move(indices);
    return samples;
  }

 private:
  io::Rows rows_;
  io::DatasetInfo info_;
};

// Reads what is asked for, when it is asked for.
class FileSplit : public Split {
 public:
  // With a reader of its own: splits are read from several threads.
  FileSplit(const std::string& path, std::string split)
      : reader_(path), split_(std::move(split)), rows_(reader_.rows(split_)) {}
  int64_t rows() const override { return rows_; }
  Samples fetch(std::vector<int64_t> indices) const override {
    io::Rows rows;
    rows.count = static_cast<int64_t>(indices.size());
    for (const int64_t index : indices) {
      const io::Rows one = reader_.read(split_, index, 1);
      rows.inputs.insert(rows.inputs.end(), one.inputs.begin(), one.inputs.end());
      rows.labels.insert(rows.labels.end(), one.labels.begin(), one.labels.end());
      rows.targets.insert(rows.targets.end(), one.targets.begin(), one.targets.end());
    }
    return samples_of(std::move(rows), std::move(indices), reader_.info());
  }

 private:
  io::DatasetReader reader_;
  std::string split_;
  int64_t rows_;
};

// Collective: whether every rank finds it in half of the memory that its host has left, shared among the
// ranks there.
bool fits_in_memory(int64_t bytes, int ranks_on_host, comm::Group& group) {
  const bool here = bytes <= available_memory() / 2 / std::max(ranks_on_host, 1);
  const auto answers = group.gather_texts(here ? "yes" : "no");
  return std::all_of(answers.begin(), answers.end(), [](const auto& answer) { return answer == "yes"; });
}

// What a file says of itself, before any sample is read.
Dataset describe(const io::DatasetReader& reader) {
  Dataset dataset;
  dataset.name = reader.path();
  dataset.info = reader.info();
  dataset.digest = reader.stated_digest().value_or("");
  const int64_t row_bytes = sample_bytes(dataset.info) + 4 * target_size(dataset.info) + 4;
  for (const char* split : {"train", "validation", "test"})
    dataset.memory_bytes += reader.rows(split) * row_bytes;
  if (dataset.memory_bytes == 0) {
    fail(reader.path(), ": the dataset is empty; expected a split /train (datasets/README.md)");
  }
  return dataset;
}

std::unique_ptr<Split> open_split(const io::DatasetReader& reader, const std::string& name, bool in_memory) {
  if (!reader.has(name)) return nullptr;
  if (!in_memory) return std::make_unique<FileSplit>(reader.path(), name);
  return std::make_unique<MemorySplit>(reader.read(name, 0, reader.rows(name)), reader.info());
}

void require_stated_digest(const Dataset& dataset, const std::string& found) {
  if (dataset.digest.empty() || dataset.digest == found) return;
  fail(dataset.name, ": the file is damaged: its contents have the digest ", found, ", it states ",
       dataset.digest, "; restore it, or import it again (datasets/README.md)");
}

[[noreturn]] void fail_missing(const std::string& name) {
  std::vector<std::string> names;
  for (const Generator& generator : generators()) names.push_back(generator.name);
  fail(name,
       ": cannot be opened: No such file or directory; expected an HDF5 dataset (datasets/README.md says how "
       "to ",
       "get one) or a generator: ", suggestion(name, names));
}

Dataset from_file(const Options& options, comm::Group& group, int ranks_on_host) {
  std::unique_ptr<io::DatasetReader> reader;
  Dataset dataset;
  comm::together(group, [&] {
    if (access(options.dataset.c_str(), F_OK) != 0) fail_missing(options.dataset);
    reader = std::make_unique<io::DatasetReader>(options.dataset);
    dataset = describe(*reader);
  });
  const bool fits = fits_in_memory(dataset.memory_bytes, ranks_on_host, group);
  dataset.in_memory = options.in_memory == "yes" || (options.in_memory == "auto" && fits);
  comm::together(group, [&] {
    if (dataset.in_memory) {
      const std::string found = reader->compute_digest();
      require_stated_digest(dataset, found);
      dataset.digest = found;
    } else {
      dataset.memory_bytes = 0;
    }
    dataset.train = open_split(*reader, "train", dataset.in_memory);
    dataset.validation = open_split(*reader, "validation", dataset.in_memory);
    dataset.test = open_split(*reader, "test", dataset.in_memory);
  });
  return dataset;
}

// Collective: every rank makes its share of the samples, and all get all of them.
io::Rows generate_together(const SampleMaker& maker, uint64_t seed, int64_t first, int64_t count,
                           comm::Group& group) {
  const auto share = [&](int rank) { return rank * count / group.size(); };
  const int64_t begin = share(group.rank());
  io::Rows mine;
  comm::together(group,
                 [&] { mine = generate_rows(maker, seed, first + begin, share(group.rank() + 1) - begin); });
  const int64_t bytes = sample_bytes(maker.info);
  std::vector<uint64_t> input_bytes;
  std::vector<uint64_t> label_bytes;
  for (int r = 0; r < group.size(); ++r) {
    const uint64_t samples = static_cast<uint64_t>(share(r + 1) - share(r));
    input_bytes.push_back(samples * static_cast<uint64_t>(bytes));
    label_bytes.push_back(samples * sizeof(int32_t));
  }
  io::Rows all;
  all.count = count;
  all.inputs.resize(static_cast<size_t>(count * bytes));
  all.labels.resize(static_cast<size_t>(count));
  group.allgather(mine.inputs.data(), input_bytes, all.inputs.data());
  group.allgather(mine.labels.data(), label_bytes, all.labels.data());
  return all;
}

Dataset from_generator(const Options& options, comm::Group& group) {
  const SampleMaker maker = open_generator(options.dataset);
  Dataset dataset;
  dataset.name = options.dataset;
  dataset.info = maker.info;
  Digest digest;
  digest.add(std::string_view("generated"));
  const auto make = [&](int64_t first, int64_t count) {
    io::Rows rows = generate_together(maker, options.seed, first, count, group);
    digest.add(rows.inputs.data(), rows.inputs.size());
    digest.add(rows.labels.data(), rows.labels.size() * sizeof(int32_t));
    dataset.memory_bytes += static_cast<int64_t>(rows.inputs.size() + rows.labels.size() * sizeof(int32_t));
    return std::make_unique<MemorySplit>(std::move(rows), dataset.info);
  };
  dataset.train = make(0, options.generate_train);
  if (options.generate_test > 0) dataset.test = make(options.generate_train, options.generate_test);
  dataset.digest = digest.hex();
  return dataset;
}

}  // namespace

io::Rows rows_of(const Samples& samples, const io::DatasetInfo& info) {
  io::Rows rows;
  rows.count = static_cast<int64_t>(samples.inputs.size());
  for (const unsigned char* input : samples.inputs)
    rows.inputs.insert(rows.inputs.end(), input, input + sample_bytes(info));
  rows.labels = samples.labels;
  for (const float* target : samples.targets)
    rows.targets.insert(rows.targets.end(), target, target + target_size(info));
  return rows;
}

Samples samples_of(io::Rows rows, std::vector<int64_t> indices, const io::DatasetInfo& info) {
  Samples samples;
  samples.rows = std::move(rows);
  std::vector<int64_t> places(static_cast<size_t>(samples.rows.count));
  std::iota(places.begin(), places.end(), 0);
  point_at(samples.rows, info, places, samples);
  samples.indices = std::move(indices);
  return samples;
}

std::vector<NamedSplit> splits_of(const Dataset& dataset) {
  std::vector<NamedSplit> splits;
  for (const auto& [name, split] :
       {std::pair{"train", dataset.train.get()}, std::pair{"validation", dataset.validation.get()},
        std::pair{"test", dataset.test.get()}}) {
    if (split != nullptr) splits.push_back({name, split});
  }
  return splits;
}

Dataset open_dataset(const Options& options, comm::Group& group, int ranks_on_host) {
  if (is_generator(options.dataset)) return from_generator(options, group);
  return from_file(options, group, ranks_on_host);
}

}  // namespace lockstep::data
