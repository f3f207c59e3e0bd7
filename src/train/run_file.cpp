#include "run_file.h"

#include <algorithm>
#include <cmath>

#include "lockstep/core/error.h"

namespace lockstep::train {

void write_format(io::File& file, const FileFormat& format) {
  file.set_attribute("/", "format", std::string_view(format.name));
  file.set_attribute("/", "version", format.version);
}

void require_format(const io::File& file, const FileFormat& format) {
  if (!file.has_attribute("/", "format") || file.string_attribute("/", "format") != format.name) {
    fail(file.path(), ": this HDF5 file is not ", format.what, " (its attribute 'format' is ",
         file.has_attribute("/", "format") ? "'" + file.string_attribute("/", "format") + "'" : "missing",
         "; expected '", format.name, "'); ", format.advice);
  }
  const int64_t version = file.int_attribute("/", "version");
  if (version != format.version) {
    fail(file.path(), ": this is ", format.what, " of version ", version, "; this program reads version ",
         format.version);
  }
}

void write_arena(io::File& file, const std::string& group, const ParameterLayout& layout,
                 const float* arena) {
  file.create_group(group);
  for (const ParameterInfo& p : layout.parameters()) {
    file.write(group + "/" + p.layer + "/" + p.name, io::Type::kFloat32, p.dims, arena + p.offset);
  }
}

void read_arena(const io::File& file, const std::string& group, const ParameterLayout& layout, float* arena) {
  for (const ParameterInfo& p : layout.parameters()) {
    const std::string name = group + "/" + p.layer + "/" + p.name;
    if (file.info(name).dims != p.dims) {
      fail(file.path(), ": ", name, " has another shape than /parameters/", p.layer, "/", p.name,
           "; the file is damaged");
    }
    file.read_all(name, io::Type::kFloat32, arena + p.offset);
  }
}

void add_arena(Digest& digest, const ParameterLayout& layout, std::string_view name, const float* arena) {
  digest.add(name);
  for (const ParameterInfo& p : layout.parameters()) {
    digest.add(p.layer);
    digest.add(p.name);
    digest.add(arena + p.offset, static_cast<uint64_t>(p.size) * sizeof(float));
  }
}

ParameterLayout read_layout(const io::File& file) {
  ParameterLayout layout;
  for (const std::string& layer : file.children("/parameters")) {
    for (const std::string& name : file.children("/parameters/" + layer)) {
      layout.add(layer, name, file.info("/parameters/" + layer + "/" + name).dims);
    }
  }
  return layout;
}

const ParameterInfo* first_not_finite(const ParameterLayout& layout, const float* arena) {
  for (const ParameterInfo& p : layout.parameters()) {
    const float* begin = arena + p.offset;
    if (!std::all_of(begin, begin + p.size, [](float value) { return std::isfinite(value); })) return &p;
  }
  return nullptr;
}

void write_provenance(io::File& file, const Attributes& provenance) {
  file.create_group("/provenance");
  for (const auto& [name, value] : provenance)
    file.set_attribute("/provenance", name, std::string_view(value));
}

Attributes read_provenance(const io::File& file) {
  Attributes provenance;
  for (const char* name : {"version", "host", "ranks", "threads", "dataset", "dataset_digest", "command",
                           "time", "mpi", "onednn", "instruction_set", "compiler"}) {
    if (file.has_attribute("/provenance", name)) {
      provenance.emplace_back(name, file.string_attribute("/provenance", name));
    }
  }
  return provenance;
}

}  // namespace lockstep::train
