// Open MPI forgets the settings of modules that it did not choose, so those whose settings MPI's tool
// interface still has after MPI_Init are in use.
#include "mpi_transport.h"

#include <mpi.h>

#include <set>
#include <string_view>

namespace lockstep::comm {

namespace {

class ToolInterface {
 public:
  ToolInterface() {
    // Open MPI 4.1 takes the level asked for here for that of all of MPI, so it is asked for what it has.
    int level = MPI_THREAD_SINGLE;
    MPI_Query_thread(&level);
    open_ = MPI_T_init_thread(level, &level) == MPI_SUCCESS;
  }
  ~ToolInterface() {
    if (open_) MPI_T_finalize();
  }
  ToolInterface(const ToolInterface&) = delete;
  ToolInterface& operator=(const ToolInterface&) = delete;

  // Of all groups of settings.
  std::set<std::string> categories() const {
    std::set<std::string> names;
    int count = 0;
    if (!open_ || MPI_T_category_get_num(&count) != MPI_SUCCESS) return names;
    for (int i = 0; i < count; ++i) {
      char name[256];
      int length = sizeof name;
      int no_description = 0;
      int settings = 0;
      int counters = 0;
      int inside = 0;
      if (MPI_T_category_get_info(i, name, &length, nullptr, &no_description, &settings, &counters,
                                  &inside) == MPI_SUCCESS) {
        names.insert(name);
      }
    }
    return names;
  }

 private:
  bool open_ = false;
};

// "vader, tcp" of "opal_btl_vader", "opal_btl_tcp": the modules of a framework, less those that carry nothing
// to other ranks.
std::string modules(const std::set<std::string>& categories, std::string_view framework) {
  std::string list;
  for (const std::string& name : categories) {
    if (!name.starts_with(framework)) continue;
    const std::string module = name.substr(framework.size());
    if (module == "base" || module == "self" || module == "v" || module == "monitoring") continue;
    list += (list.empty() ? "" : ", ") + module;
  }
  return list;
}

}  // namespace

std::string mpi_transport() {
  const auto categories = ToolInterface().categories();
  const std::string engine = modules(categories, "ompi_pml_");
  if (engine.empty()) return "unknown";
  const std::string links = engine == "ob1" ? modules(categories, "opal_btl_") : "";
  return links.empty() ? engine : engine + " over " + links;
}

}  // namespace lockstep::comm
