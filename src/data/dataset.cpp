#include "lockstep/data/dataset.h"

#include <unistd.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "file_split.h"
#include "lockstep/core/digest.h"
#include "lockstep/core/error.h"
#include "lockstep/core/memory.h"
#include "lockstep/core/near.h"
#include "lockstep/data/generate.h"
#include "memory_split.h"

namespace lockstep::data {

namespace {

using io::kSplits;

// Pointers to the samples of `rows` at the given places.
void point_at(const io::Rows& rows, const io::DatasetInfo& info, std::span<const int64_t> places,
              Samples& samples) {
  for (const int64_t place : places) {
    samples.inputs.push_back(rows.inputs.data() + place * sample_bytes(info));
    if (!rows.labels.empty()) samples.labels.push_back(rows.labels[static_cast<size_t>(place)]);
    if (!rows.targets.empty()) samples.targets.push_back(rows.targets.data() + place * target_size(info));
  }
}

// Collective: whether every rank finds it in half of the memory that its host has left, `copies` times.
bool fits_in_memory(int64_t bytes, int copies, comm::Group& group) {
  const bool here = bytes <= available_memory() / 2 / std::max(copies, 1);
  const auto answers = group.gather_texts(here ? "yes" : "no");
  return std::all_of(answers.begin(), answers.end(), [](const auto& answer) { return answer == "yes"; });
}

// What a file says of itself, before any sample is read.
Dataset describe(const io::DatasetReader& reader) {
  Dataset dataset;
  dataset.name = reader.path();
  dataset.info = reader.info();
  dataset.digest = reader.stated_digest().value_or("");
  for (const std::string& split : kSplits)
    dataset.memory_bytes += reader.rows(split) * row_bytes(dataset.info);
  if (dataset.memory_bytes == 0) {
    fail(reader.path(), ": the dataset is empty; expected a split /train (datasets/README.md)");
  }
  return dataset;
}

// What the ranks of a host, which read one file for all, must agree on before.
void require_same_file(const Dataset& dataset, const io::DatasetReader& reader, comm::Group& group) {
  std::string outline = text("samples of ", dataset.shape().to_string());
  for (const std::string& split : kSplits) outline += text("\n", split, " of ", reader.rows(split));
  outline += "\ndigest " + (dataset.digest.empty() ? "not stated" : dataset.digest);
  comm::require_equal(group, "dataset", outline, "let all ranks see the same file under " + dataset.name);
}

std::unique_ptr<Split>& split_of(Dataset& dataset, std::string_view name) {
  return name == kSplits[0] ? dataset.train : name == kSplits[1] ? dataset.validation : dataset.test;
}

// Collective. The first rank of each host does `action`, which ends with the digest of the dataset.
void by_one_of_the_host(Dataset& dataset, comm::Group& group, const std::function<std::string()>& action) {
  comm::Group& host = group.host();
  std::string digest(Digest::kLength, ' ');
  comm::together(group, [&] {
    if (host.rank() == 0) digest = action();
  });
  host.broadcast(digest.data(), digest.size(), 0);
  dataset.digest = digest;
  dataset.held_by = host.size();
}

void require_stated_digest(const Dataset& dataset, const std::string& found) {
  if (dataset.digest.empty() || dataset.digest == found) return;
  fail(dataset.name, ": the file is damaged: its contents have the digest ", found, ", it states ",
       dataset.digest, "; restore it, or import it again (datasets/README.md)");
}

// Collective.
void read_into_memory(Dataset& dataset, const io::DatasetReader& reader, comm::Group& group) {
  std::vector<io::NamedRows> splits;
  comm::together(group, [&] {
    for (const std::string& name : kSplits) {
      if (!reader.has(name)) continue;
      auto split = std::make_unique<MemorySplit>(group.host(), reader.rows(name), dataset.info);
      splits.push_back({name, split->memory()});
      split_of(dataset, name) = std::move(split);
    }
  });
  by_one_of_the_host(dataset, group, [&] {
    for (const io::NamedRows& split : splits) reader.read(split.split, 0, split.rows);
    const std::string found = io::digest_of(dataset.info, splits);
    require_stated_digest(dataset, found);
    return found;
  });
}

// Collective.
void read_when_asked(Dataset& dataset, const io::DatasetReader& reader, const Shuffle& shuffle,
                     comm::Group& group) {
  dataset.memory_bytes = 0;
  comm::together(group, [&] {
    for (const std::string& name : kSplits) {
      if (!reader.has(name)) continue;
      // Only training is shuffled.
      auto split = std::make_unique<FileSplit>(reader.path(), name, name == kSplits[0] ? shuffle : Shuffle());
      dataset.memory_bytes += split->most_bytes();
      dataset.rereads = dataset.rereads || (name == kSplits[0] && shuffle.block == 0 && !split->keeps_all());
      split_of(dataset, name) = std::move(split);
    }
  });
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
  require_same_file(dataset, *reader, group);
  const bool fits = fits_in_memory(dataset.memory_bytes, ranks_on_host / group.host().size(), group);
  dataset.in_memory = options.in_memory == "yes" || (options.in_memory == "auto" && fits);
  if (dataset.in_memory) {
    read_into_memory(dataset, *reader, group);
  } else {
    read_when_asked(dataset, *reader, options.shuffle, group);
  }
  return dataset;
}

// Collective: every rank of a host makes its share of the samples.
std::unique_ptr<MemorySplit> generate_together(const SampleMaker& maker, uint64_t seed, int64_t first,
                                               int64_t count, comm::Group& group) {
  comm::Group& host = group.host();
  const auto share = [&](int rank) { return rank * count / host.size(); };
  std::unique_ptr<MemorySplit> split;
  comm::together(group, [&] { split = std::make_unique<MemorySplit>(host, count, maker.info); });
  comm::together(group, [&] {
    const int64_t begin = share(host.rank());
    const io::Rows mine = generate_rows(maker, seed, first + begin, share(host.rank() + 1) - begin);
    const io::RowsMemory& memory = split->memory();
    std::copy(mine.inputs.begin(), mine.inputs.end(), memory.inputs + begin * sample_bytes(maker.info));
    std::copy(mine.labels.begin(), mine.labels.end(), memory.labels + begin);
  });
  return split;
}

Dataset from_generator(const Options& options, comm::Group& group) {
  const SampleMaker maker = open_generator(options.dataset);
  Dataset dataset;
  dataset.name = options.dataset;
  dataset.info = maker.info;
  Digest digest;
  digest.add(std::string_view("generated"));
  std::vector<io::RowsMemory> made;
  const auto make = [&](int64_t first, int64_t count) {
    auto split = generate_together(maker, options.seed, first, count, group);
    dataset.memory_bytes += split->bytes();
    made.push_back(split->memory());
    return split;
  };
  dataset.train = make(0, options.generate_train);
  if (options.generate_test > 0) dataset.test = make(options.generate_train, options.generate_test);
  by_one_of_the_host(dataset, group, [&] {
    for (const io::RowsMemory& rows : made) {
      digest.add(rows.inputs, static_cast<uint64_t>(rows.count * sample_bytes(maker.info)));
      if (rows.labels != nullptr)
        digest.add(rows.labels, static_cast<uint64_t>(rows.count) * sizeof(int32_t));
    }
    return digest.hex();
  });
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
