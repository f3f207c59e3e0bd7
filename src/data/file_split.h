// A split that stays in its file: blocks of it are read when samples of theirs are asked for, and kept for a
// while.
#pragma once

#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "lockstep/core/shuffle.h"
#include "lockstep/data/dataset.h"

namespace lockstep::data {

class FileSplit : public Split {
 public:
  // With a reader of its own: splits are read from several threads. Keeps the blocks of two pools of the
  // shuffle: while one is trained on, the next one is read.
  FileSplit(const std::string& path, std::string split, const Shuffle& shuffle);

  int64_t rows() const override { return rows_; }
  Samples fetch(std::vector<int64_t> indices) const override;
  int64_t sets_ahead() const override { return pool_; }
  void look_ahead(const std::vector<int64_t>& indices) const override;
  int64_t most_bytes() const;  // of the blocks kept
  bool keeps_all() const { return rows_ <= static_cast<int64_t>(most_blocks_) * block_rows_; }

 private:
  struct Block {
    int64_t number;
    io::Rows rows;
  };
  const io::Rows& block(int64_t number) const;
  bool has(int64_t number) const { return places_.count(number) > 0; }

  io::DatasetReader reader_;
  std::string split_;
  int64_t rows_;
  int64_t block_rows_;
  int64_t pool_;  // blocks; 0: the shuffle has none
  size_t most_blocks_;
  // The last used first.
  mutable std::list<Block> blocks_;
  mutable std::unordered_map<int64_t, std::list<Block>::iterator> places_;
};

}  // namespace lockstep::data
