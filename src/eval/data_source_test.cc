#include "eval/data_source.h"

#include <gtest/gtest.h>

#include "eval/task_list.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;

class DataFiles : public ::testing::Test {
 protected:
  std::vector<Document> read(const std::string& task, Split split, const std::string& name,
                             const std::string& text, std::string place = {}) {
    write_file_atomically(dir_ / name, text);
    if (place.empty()) place = dir_.string();
    const std::string places[] = {place};
    return RowSource(places).documents(find_tasks(task)[0], split);
  }
  std::filesystem::path dir_ = scratch_dir();
};

constexpr const char* kArc =
    R"({"id": "x", "question": {"stem": "Q", "choices": [{"text": "a", "label": "1"}, )"
    R"({"text": "b", "label": "2"}, {"text": "c", "label": "3"}]}, "answerKey": "3"})";

TEST_F(DataFiles, ReleaseFilesOfArc) {
  auto documents = read("arc_easy", Split::kTest, "ARC-Easy-Test.jsonl", kArc);
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].text, "Question: Q\nAnswer:");
  EXPECT_EQ(documents[0].target, " c");
}

// The folder of a configuration, as it is in a dataset's repository.
TEST_F(DataFiles, FoldersOfConfigurations) {
  EXPECT_EQ(read("arc_easy", Split::kTrain, "ARC-Easy/train.jsonl", kArc).size(), 1u);
}

TEST_F(DataFiles, LabelsInAFileBeside) {
  write_file_atomically(dir_ / "valid-labels.lst", "1\n0\n");
  std::string row = R"({"goal": "g", "sol1": "a", "sol2": "b "})";
  auto documents = read("piqa", Split::kValidation, "valid.jsonl", row + "\n" + row + "\n",
                        "piqa=" + dir_.string());
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].target, " b ");
  EXPECT_EQ(documents[1].gold, 0);
  write_file_atomically(dir_ / "valid-labels.lst", "1\n");
  EXPECT_EQ(refusal([&] {
              read("piqa", Split::kValidation, "valid.jsonl", row + "\n" + row + "\n",
                   "piqa=" + dir_.string());
            }),
            (dir_ / "valid-labels.lst").string() + ": 1 labels for 2 rows");
}

TEST_F(DataFiles, MmluTables) {
  auto documents = read("hendrycksTest-anatomy", Split::kTest, "test/anatomy_test.csv",
                        "\"What, \"\"then\"\"\nnow? \",w,x,y,z,C\n");
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].text, "What, \"then\"\nnow?\nA. w\nB. x\nC. y\nD. z\nAnswer:");
  EXPECT_EQ(documents[0].target, " C");
}

TEST_F(DataFiles, OneFileForManySubjects) {
  std::string rows =
      R"({"question": "q", "subject": "anatomy", "choices": ["1", "2", "3", "4"], "answer": 1})"
      "\n"
      R"({"question": "r", "subject": "virology", "choices": ["1", "2", "3", "4"], "answer": 1})"
      "\n";
  EXPECT_EQ(read("hendrycksTest-virology@0", Split::kTest, "mmlu_test.jsonl", rows)[0].text,
            "Question: r\nChoices:\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:");
}

TEST_F(DataFiles, TruthfulqaInItsReleaseOrder) {
  auto documents = read("truthfulqa_mc", Split::kValidation, "data/v0/mc_task.json",
                        R"([{"question": "q", "mc1_targets": {"z": 1, "a": 0}, "mc2_targets": )"
                        R"({"z": 1, "m": 1, "a": 0}}])");
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].choices, (std::vector<std::string>{"z", "a", "z", "m", "a"}));
  EXPECT_EQ(documents[0].labels, (std::vector<int64_t>{1, 1, 0}));
}

TEST_F(DataFiles, AnyTextFileHasAPerplexity) {
  std::string file = (dir_ / "book.txt").string();
  auto documents = read("wikitext", Split::kTest, "book.txt", "two words\n", file);
  ASSERT_EQ(documents.size(), 1u);
  EXPECT_EQ(documents[0].text, "two words\n");
}

TEST_F(DataFiles, AFileOfAnyNameForOneTask) {
  std::string place = "arc_easy:train=" + (dir_ / "mine.jsonl").string();
  EXPECT_EQ(read("arc_easy", Split::kTrain, "mine.jsonl", kArc, place).size(), 1u);
  EXPECT_EQ(
      refusal([&] { read("arc_easy", Split::kTest, "mine.jsonl", kArc, place); }),
      "arc_easy: no file for its test split in " + (dir_ / "mine.jsonl").string() +
          ". It is the test split of ai2_arc, configuration ARC-Easy: save it there as "
          "arc_easy_test.jsonl (or .json, .parquet; .jsonl.gz, .jsonl.zst), rows like "
          "{\"question\": \"Which …?\", \"choices\": {\"text\": [\"iron\", \"ice\"], \"label\": "
          "[\"A\", \"B\"]}, \"answerKey\": \"A\"} The release file ARC-Easy-Test.jsonl is read "
          "too. A file of any name: --data arc_easy:test=FILE");
}

TEST_F(DataFiles, PlacesThatAreNotThere) {
  const std::string gone[] = {"arc_easy=" + (dir_ / "gone").string()};
  EXPECT_EQ(refusal([&] { RowSource source(gone); }),
            "--data " + gone[0] + ": " + (dir_ / "gone").string() + " does not exist");
  const std::string split[] = {"arc_easy:final=" + dir_.string()};
  EXPECT_EQ(refusal([&] { RowSource source(split); }),
            "--data " + split[0] + ": a split is train, validation, test or dev");
}

}  // namespace
}  // namespace slm
