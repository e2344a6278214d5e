// A model's files, whatever their container: a directory in the Hugging Face layout, or one .gguf
// file. Parameters are read when asked for, so that a model larger than memory can be written anew.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "format/tensor_files.h"
#include "model/families/name_table.h"
#include "model/load.h"
#include "text/vocabulary_export.h"

namespace slm {

// Not thread-safe.
class Checkpoint {
 public:
  // Refuses tensors that the config does not account for, but for the buffers old ones carry.
  explicit Checkpoint(const std::filesystem::path& path);

  const ModelConfig& config() const { return config_; }
  std::shared_ptr<const Tokenizer> tokenizer() const { return tokenizer_; }  // null: there is none
  // The same as lists: those of the file, or made. Absent when there is no tokenizer; error when
  // its rules have no name in GGUF files.
  std::optional<PortableVocabulary> vocabulary() const;
  // Writes the files a tokenizer consists of: copies, or made from the lists.
  void write_tokenizer(const std::filesystem::path& directory) const;
  const std::vector<int32_t>& stop_ids() const { return stop_ids_; }
  const std::vector<ParameterSpec>& parameters() const { return parameters_; }

  // Of a parameter by its index, without reading it.
  DType stored_type(size_t parameter) const;
  // A parameter in the type stored, a view into the files where their layout allows. Of a tensor
  // that holds several, the others are kept until they are asked for in turn. Memory that reading
  // earlier ones has filled is given back.
  Tensor load(size_t parameter);
  // Gives back memory that reading parameters has filled; they stay valid and are read anew.
  void release_pages() const { files_.release_pages(); }

 private:
  void open_directory(const std::filesystem::path& directory);
  void open_gguf_file(const std::filesystem::path& path);
  void index(const StoredNames& names);
  void refuse_unexpected(const std::string& head) const;

  std::filesystem::path path_;
  std::string origin_;
  ModelConfig config_;
  TensorFiles files_;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<PortableVocabulary> lists_;  // of a file that holds the tokenizer as lists
  std::vector<int32_t> stop_ids_;
  std::vector<ParameterSpec> parameters_;
  std::vector<StoredGroup> groups_;
  std::vector<size_t> group_of_;  // parameter -> group
  std::unordered_map<size_t, Tensor> kept_;
};

}  // namespace slm
