#include "data/prepare.h"

#include <gtest/gtest.h>

#include "data/merge.h"
#include "data/ordered_work.h"
#include "data/token_file.h"
#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "support/test_data.h"
#include "text/bpe_trainer.h"
#include "util/files.h"

namespace slm {
namespace {

using testing::refusal;
using testing::scratch_dir;
using Texts = std::vector<std::string>;

// One token per byte, and <|endoftext|> as 0.
std::shared_ptr<const Tokenizer> byte_tokenizer() {
  return parse_tokenizer_json(
      BpeTrainer({.vocab_size = 257, .special_tokens = {"<|endoftext|>"}}).train_to_json(),
      "byte tokenizer");
}

class Prepare : public ::testing::Test {
 protected:
  std::filesystem::path input(const std::string& name, const std::string& text) {
    write_file_atomically(dir_ / name, text);
    return dir_ / name;
  }
  Texts documents(const std::string& suffix = "") {
    TokenFile file(dir_ / ("out/t" + suffix));
    Texts out;
    for (int64_t d = 0; d < file.documents(); ++d) {
      std::vector<int32_t> ids(size_t(file.length(d)));
      file.read(d, 0, ids);
      out.push_back(tokenizer_->decode(ids));
    }
    return out;
  }
  PrepareOptions options(std::vector<std::filesystem::path> inputs) {
    return {.inputs = std::move(inputs), .output = dir_ / "out" / "t", .workers = 3};
  }

  std::filesystem::path dir_ = scratch_dir();
  std::shared_ptr<const Tokenizer> tokenizer_ = byte_tokenizer();
};

TEST_F(Prepare, KeepsOrderOverFilesAndCounts) {
  auto o = options({input("b.jsonl", "{\"text\":\"first\"}\n{\"text\":\"\"}\n{\"text\":\"2nd\"}\n"),
                    input("a.txt", "third\n")});
  o.append_eod = true;
  PrepareCounts counts = prepare_tokens(*tokenizer_, o);
  EXPECT_EQ(documents(), (Texts{"first<|endoftext|>", "2nd<|endoftext|>", "third\n<|endoftext|>"}));
  EXPECT_EQ(counts.records, 4);
  EXPECT_EQ(counts.dropped, 1);
  EXPECT_EQ(counts.documents, 3);
  EXPECT_EQ(counts.tokens, 6 + 4 + 7);
  EXPECT_EQ(counts.input_bytes, 16 + 1 + 12 + 1 + 15 - 1 + 6);
}

TEST_F(Prepare, GivesTheSameFilesForAnyNumberOfWorkers) {
  std::string lines;
  for (int i = 0; i < 20000; ++i)
    lines += std::to_string(i) + std::string(size_t(i * 7 % 50), 'x') + "\n";
  auto o = options({input("a.txt", lines)});
  o.text_unit = TextUnit::kLine;
  o.workers = 1;
  prepare_tokens(*tokenizer_, o);
  std::string bin = read_file(dir_ / "out/t.bin"), idx = read_file(dir_ / "out/t.idx");
  EXPECT_EQ(documents().size(), 20000u);
  int64_t last = 0;
  o.workers = 8;
  prepare_tokens(*tokenizer_, o, {.progress = [&](const PrepareCounts& c) {
    EXPECT_GT(c.records, last);
    last = c.records;
  }});
  EXPECT_EQ(last, 20000);
  EXPECT_EQ(read_file(dir_ / "out/t.bin"), bin);
  EXPECT_EQ(read_file(dir_ / "out/t.idx"), idx);
}

TEST_F(Prepare, SpreadsAValidationSet) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += std::to_string(i) + "\n";
  auto o = options({input("a.txt", lines)});
  o.text_unit = TextUnit::kLine;
  o.valid_fraction = 0.1;
  PrepareCounts counts = prepare_tokens(*tokenizer_, o);
  EXPECT_EQ(counts.documents, 90);
  EXPECT_EQ(counts.valid_documents, 10);
  EXPECT_EQ(documents("_valid"),
            (Texts{"9", "19", "29", "39", "49", "59", "69", "79", "89", "99"}));
}

TEST_F(Prepare, WritesConversations) {
  auto o =
      options({input("a.json", R"([{"question":"a","answer":"b<|endoftext|>"},{"messages":[]}])")});
  o.chat = &chat_format("zephyr");
  o.append_eod = true;
  PrepareCounts counts = prepare_tokens(*tokenizer_, o);
  EXPECT_EQ(
      documents(),
      (Texts{
          "<|user|>\na<|endoftext|>\n<|assistant|>\nb<|endoftext|><|endoftext|>\n<|endoftext|>"}));
  EXPECT_EQ(counts.dropped, 1);
  TokenFile file(dir_ / "out/t");
  std::vector<int32_t> ids(size_t(file.length(0)));
  file.read(0, 0, ids);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 0), 3);  // what the answer wrote is text
}

TEST_F(Prepare, LeavesNothingWhenItFails) {
  auto good = input("good.jsonl", "{\"text\":\"x\"}\n");
  auto refused = [&](PrepareOptions o) { return refusal([&] { prepare_tokens(*tokenizer_, o); }); };
  auto bad = input("bad.jsonl", "{\"text\":\"x\"}\n{\"body\":\"x\"}\n");
  EXPECT_EQ(refused(options({good, bad})), bad.string() + ":2: key \"text\" is missing");
  auto broken = input("broken.jsonl", "{\"text\":\n");
  EXPECT_EQ(refused(options({good, broken})).rfind(broken.string() + ":1: not valid JSON", 0), 0u);
  EXPECT_EQ(refused(options({good, dir_ / "none.txt"})),
            (dir_ / "none.txt").string() + ": cannot open: No such file or directory");
  EXPECT_EQ(refused(options({})), "[prepare] no input files are given");
  EXPECT_EQ(refused(options({input("empty.txt", "")})), "[prepare] the inputs hold no text");
  auto o = options({good});
  o.valid_fraction = 1;
  EXPECT_EQ(refused(o), "[prepare] the validation fraction must lie in 0..1, found 1");
  o = options({input("a.txt", "x")});
  o.chat = &chat_format("zephyr");
  EXPECT_EQ(refused(o), (dir_ / "a.txt").string() +
                            ":1: conversations are read from .json, .jsonl or .parquet files");
  EXPECT_TRUE(std::filesystem::is_empty(dir_ / "out"));
}

TEST_F(Prepare, WritesEveryFieldUnderItsOwnName) {
  auto o = options({input("a.jsonl",
                          R"({"text":"t1","title":"n1"}
{"text":null,"title":"n2"}
{"text":"t3","title":""}
{"text":"","title":null})")});
  o.fields = {"text", "title"};
  PrepareCounts counts = prepare_tokens(*tokenizer_, o);
  EXPECT_EQ(documents("_text_document"), (Texts{"t1", "t3"}));
  EXPECT_EQ(documents("_title_document"), (Texts{"n1", "n2"}));
  EXPECT_EQ(counts.documents, 4);
  EXPECT_EQ(counts.dropped, 1);
  o.fields = {"title"};
  o.document_names = true;
  o.valid_fraction = 0.5;
  prepare_tokens(*tokenizer_, o);
  EXPECT_EQ(documents("_title_document"), Texts{"n1"});
  EXPECT_EQ(documents("_valid_title_document"), Texts{"n2"});
}

TEST_F(Prepare, LabelsTheAnswersOfConversations) {
  auto o = options({input("a.json", R"([{"messages":[{"role":"user","content":"q"},
      {"role":"assistant","content":"A"},{"role":"user","content":"r"},
      {"role":"assistant","content":"B"}]}])")});
  o.chat = &chat_format("zephyr");
  o.labels = o.append_eod = true;
  prepare_tokens(*tokenizer_, o);
  TokenFile tokens(dir_ / "out/t"), labels(dir_ / "out/t_label");
  ASSERT_EQ(labels.documents(), 1);
  ASSERT_EQ(labels.length(0), tokens.length(0));
  std::vector<int32_t> ids(size_t(tokens.length(0))), marks(ids.size()), answers;
  tokens.read(0, 0, ids);
  labels.read_labels(0, 0, marks);
  for (size_t i = 0; i < ids.size(); ++i) {
    if (marks[i] == kNoLabel) continue;
    EXPECT_EQ(marks[i], ids[i]);
    answers.push_back(ids[i]);
  }
  EXPECT_EQ(tokenizer_->decode(answers), "A<|endoftext|>\nB<|endoftext|>\n<|endoftext|>");
  o.chat = nullptr;
  EXPECT_EQ(refusal([&] { prepare_tokens(*tokenizer_, o); }),
            "[prepare] only conversations have labels: choose a chat format");
}

// A process that is killed leaves finished parts and its journal, as one does that fails.
TEST_F(Prepare, GoesOnWhereItWasStopped) {
  std::string lines;
  for (int i = 0; i < 5000; ++i) lines += std::to_string(i) + "\n";
  auto o = options({input("a.txt", lines), input("b.txt", lines)});
  o.text_unit = TextUnit::kLine;
  o.valid_fraction = 0.25;
  o.part_tokens = 3000;
  prepare_tokens(*tokenizer_, o);
  std::string bin = read_file(dir_ / "out/t.bin"), idx = read_file(dir_ / "out/t_valid.idx");
  std::filesystem::remove_all(dir_ / "out");

  int stops = 0;
  int64_t continued = 0;
  for (bool done = false; !done && stops < 50;) {
    int batches = 0;
    try {
      prepare_tokens(*tokenizer_, o,
                     {.progress = [&](const PrepareCounts&) { check(++batches < 3, "stop"); },
                      .continued =
                          [&](const PrepareCounts& c) {
                            EXPECT_GT(c.records, continued);
                            continued = c.records;
                          }});
      done = true;
    } catch (const Error&) {
      ++stops;
      write_file_atomically(dir_ / "out/t.part-00009.bin.123-4.tmp", "of a killed process");
      EXPECT_FALSE(std::filesystem::exists(dir_ / "out/t.bin"));
      EXPECT_TRUE(std::filesystem::exists(dir_ / "out/t.prepare.json"));
    }
  }
  EXPECT_GE(stops, 3);
  EXPECT_TRUE(read_file(dir_ / "out/t.bin") == bin);
  EXPECT_TRUE(read_file(dir_ / "out/t_valid.idx") == idx);
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir_ / "out"))
    files += !entry.path().empty();
  EXPECT_EQ(files, 4u);  // no parts, no journal
}

TEST_F(Prepare, RefusesToGoOnWithAnotherJob) {
  std::string lines;
  for (int i = 0; i < 3000; ++i) lines += std::to_string(i) + "\n";
  auto o = options({input("a.txt", lines)});
  o.text_unit = TextUnit::kLine;
  o.part_tokens = 1000;
  EXPECT_EQ(refusal([&] {
              prepare_tokens(*tokenizer_, o,
                             {.progress = [](const PrepareCounts&) { check(false, "stop"); }});
            }),
            "stop");
  o.append_eod = true;
  std::string text = refusal([&] { prepare_tokens(*tokenizer_, o); });
  EXPECT_NE(text.find("t.prepare.json: a preparation of other inputs"), std::string::npos) << text;
  o.restart = true;
  EXPECT_EQ(prepare_tokens(*tokenizer_, o).documents, 3000);
  EXPECT_EQ(documents().size(), 3000u);
}

TEST_F(Prepare, WritesShardsThatMergeToTheWhole) {
  std::string lines;
  for (int i = 0; i < 4000; ++i) lines += std::to_string(i) + "\n";
  auto o = options({input("a.txt", lines)});
  o.text_unit = TextUnit::kLine;
  prepare_tokens(*tokenizer_, o);
  std::string bin = read_file(dir_ / "out/t.bin"), idx = read_file(dir_ / "out/t.idx");
  std::filesystem::remove_all(dir_ / "out");
  o.shard_tokens = 4000;
  prepare_tokens(*tokenizer_, o);
  std::vector<std::filesystem::path> shards;
  for (int i = 0; std::filesystem::exists(dir_ / format("out/t-{:05}.idx", i)); ++i)
    shards.push_back(dir_ / format("out/t-{:05}", i));
  EXPECT_GE(shards.size(), 3u);
  int64_t copied = 0;
  merge_token_files(shards, dir_ / "out/all", [&](int64_t done, int64_t) { copied = done; });
  EXPECT_EQ(copied, int64_t(bin.size()));
  EXPECT_TRUE(read_file(dir_ / "out/all.bin") == bin);
  EXPECT_TRUE(read_file(dir_ / "out/all.idx") == idx);
  TokenFileWriter other(dir_ / "other", TokenType::kI32);
  other.commit();
  EXPECT_EQ(
      refusal([&] {
        merge_token_files(std::vector{shards[0], dir_ / "other"}, dir_ / "none");
      }),
      (dir_ / "other").string() + ": ids as i32, but those before it as u16; prepare both alike");
}

TEST_F(Prepare, ReadsPatternsAndParquet) {
  input("x1.txt", "one");
  input("x2.txt", "two");
  auto o = options({dir_ / "x*.txt", testing::fixture("parquet/snappy_v1.parquet")});
  o.fields = {"label"};
  prepare_tokens(*tokenizer_, o);
  Texts all = documents();
  ASSERT_EQ(all.size(), 2u + 24u);
  EXPECT_EQ(all[1], "two");
  EXPECT_TRUE(all[2] == "A" || all[2] == "B" || all[2] == "C");
  EXPECT_EQ(refusal([&] { expand_inputs({dir_ / "y*.txt"}); }),
            (dir_ / "y*.txt").string() + ": no files match this pattern");
}

TEST(WorkInOrder, WritesInOrderWhateverFinishesFirst) {
  for (int workers : {1, 2, 7}) {
    int next = 0;
    std::vector<int> written;
    work_in_order<int, int>(
        workers, [&](int& in) { return (in = next++) < 500; },
        [](int in) {
          if (in % 13 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          return in * 2;
        },
        [&](int out) { written.push_back(out); });
    ASSERT_EQ(written.size(), 500u);
    for (int i = 0; i < 500; ++i) EXPECT_EQ(written[size_t(i)], 2 * i);
  }
}

TEST(WorkInOrder, WritesNothingTwiceOrAfterAnError) {
  for (int round = 0; round < 20; ++round) {
    int next = 0;
    std::vector<int> written;
    EXPECT_EQ(refusal([&] {
                work_in_order<int, int>(
                    8, [&](int& in) { return (in = next++) < 500; }, [](int in) { return in; },
                    [&](const int& out) {
                      written.push_back(out);
                      check(out != 100, "stop");
                    });
              }),
              "stop");
    EXPECT_EQ(written.size(), 101u);
  }
}

TEST(WorkInOrder, RethrowsFromEveryStage) {
  for (const char* stage : {"read", "work", "write"}) {
    for (int workers : {1, 4}) {
      int next = 0, written = 0;
      auto at = [&](const char* here, int i) {
        check(stage != std::string(here) || i < 100, "{} {}", here, i);
      };
      std::string text = refusal([&] {
        work_in_order<int, int>(
            workers,
            [&](int& in) {
              at("read", in = next++);
              return in < 1000;
            },
            [&](int in) {
              at("work", in);
              return in;
            },
            [&](int out) {
              at("write", out);
              ++written;
            });
      });
      EXPECT_EQ(text.rfind(stage, 0), 0u) << text;
      EXPECT_LE(written, 100);
    }
  }
}

}  // namespace
}  // namespace slm
