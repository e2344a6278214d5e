#include "train/report/report.h"

#include <gtest/gtest.h>

#include <sstream>

#include "support/refusal.h"
#include "support/scratch_dir.h"
#include "util/files.h"

namespace slm {
namespace {

RunHistory history_of(const std::string& lines) {
  std::istringstream in(lines);
  RunHistory history;
  history.name = "run";
  read_metrics(in, history);
  return history;
}

TEST(RunHistory, ReadsWhatARunWrites) {
  RunHistory h = history_of(
      R"({"kind":"step","step":1,"loss":4,"lr":0.1,"grad_norm":2,"tokens":8,"tokens_per_second":100,"mfu":0.5,"seconds":3,"memory_bytes":64}
{"kind":"sources","step":1,"tokens":8,"sources":[{"source":"a","tokens":6,"epochs":0.5},{"source":"b","tokens":2,"epochs":0.1}]}
{"kind":"valid","step":1,"loss":4.5,"tokens":8}
{"kind":"save","step":1,"checkpoint":"step_1","seconds":0.1}
{"kind":"step","step":2,"loss":3,"lr":0.1,"grad_norm":1,"tokens":16,"tokens_per_second":300,"seconds":1,"memory_bytes":32}
{"kind":"fault","step":2,"what":"skipped"}
{"kind":"test","step":2,"loss":3.5,"tokens":16}
)");
  EXPECT_EQ(h.loss.value, (std::vector<double>{4, 3}));
  EXPECT_EQ(h.loss.at[1].seconds, 4);  // a second process went on after three seconds
  EXPECT_EQ(h.share.value.size(), 1u);
  ASSERT_EQ(h.epochs.size(), 2u);
  EXPECT_EQ(h.epochs[0].second.value[0], 0.5);
  ASSERT_EQ(h.events.size(), 2u);
  EXPECT_EQ(h.events[0].text, "step_1");
  EXPECT_EQ(h.events[1].kind, "fault");
  EXPECT_EQ(h.memory_bytes, 64);
  EXPECT_EQ(h.skipped_lines, 0);
  RunSummary s = summarize(h);
  EXPECT_EQ(s.final_loss, 3);
  EXPECT_EQ(s.best_valid, 4.5);
  EXPECT_EQ(s.test, 3.5);
  EXPECT_EQ(s.tokens, 16);
}

TEST(RunHistory, PassesOverWhatIsBroken) {
  RunHistory h = history_of(
      "{\"kind\":\"step\",\"step\":1,\"loss\":null,\"lr\":0.1,\"tokens\":8}\n"  // not finite
      "\n"
      "{\"kind\":\"step\",\"step\":2,\"lo\n"  // torn
      "[1, 2]\n"
      "{\"kind\":\"step\",\"loss\":1}\n"  // no step
      "{\"kind\":\"sources\",\"step\":2,\"sources\":[7,{\"source\":3}]}\n"
      "{\"kind\":\"step\",\"step\":\"2\",\"loss\":1}\n"
      "{\"kind\":\"future\",\"step\":3}\n");
  EXPECT_TRUE(h.loss.empty());
  EXPECT_EQ(h.lr.value.size(), 1u);
  EXPECT_EQ(h.skipped_lines, 4);
  EXPECT_EQ(h.last.step, 3);
}

TEST(RunHistory, ADirectoryWithoutMetricsIsNamed) {
  auto directory = testing::scratch_dir();
  std::string said = testing::refusal([&] { read_run_history(directory); });
  EXPECT_NE(said.find(directory.string()), std::string::npos);
  EXPECT_NE(said.find("--save"), std::string::npos);
  write_file_atomically(directory / "metrics.jsonl", "");
  write_file_atomically(directory / "run.json", "{\"name\": \"torn");
  EXPECT_EQ(read_run_history(directory).name, directory.filename());
}

TEST(Thinning, KeepsWhatStandsOut) {
  RunCurve curve;
  for (int i = 0; i < 10000; ++i) curve.add({.step = double(i)}, i == 5003 ? 9 : i == 77 ? -9 : 1);
  RunCurve few = thinned(curve, 100);
  EXPECT_LE(few.value.size(), 100u);
  EXPECT_TRUE(std::ranges::is_sorted(few.at, {}, &RunMoment::step));
  EXPECT_EQ(std::ranges::count(few.value, 9), 1);
  EXPECT_EQ(std::ranges::count(few.value, -9), 1);
  EXPECT_EQ(thinned(few, 100).value, few.value);
}

TEST(Report, ConfigurationsAreCompared) {
  std::vector<RunHistory> runs(2);
  runs[0].facts = {{"config", {{"lr", "0.1"}, {"seed", "1"}, {"only", "a"}}}};
  runs[1].facts = {{"config", {{"lr", "0.2"}, {"seed", "1"}}}};
  auto rows = config_differences(runs);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].key, "lr");
  EXPECT_EQ(rows[0].values, (std::vector<std::string>{"0.1", "0.2"}));
  EXPECT_EQ(rows[1].values, (std::vector<std::string>{"a", ""}));
}

TEST(Report, WhatRunsSayIsOnlyText) {
  const std::string attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
  RunHistory run = history_of(R"({"kind":"step","step":1,"loss":2,"lr":1,"tokens":4})");
  run.name = attack;
  run.facts = {{"config", {{attack, attack}}}, {"machine", attack}};
  run.events = {{{}, "fault", attack}, {{}, "note", attack}, {{}, "save", attack}};
  run.epochs = {{attack, run.loss}};
  std::vector<RunHistory> runs{run, RunHistory{.name = "other"}};
  std::string page = report_page(runs);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  // Nothing is loaded from anywhere.
  for (const char* out : {"src=\"", "href", "@import", "url(http", "fetch("})
    EXPECT_EQ(page.find(out), std::string::npos) << out;
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(Report, RefreshesItselfOnlyWhenWatched) {
  std::vector<RunHistory> runs{RunHistory{.name = "a"}};
  EXPECT_EQ(report_page(runs).find("http-equiv=\"refresh\""), std::string::npos);
  EXPECT_NE(report_page(runs, 30).find("http-equiv=\"refresh\" content=\"30\""), std::string::npos);
}

TEST(Report, CsvHasARowPerLine) {
  RunHistory run =
      history_of(R"({"kind":"step","step":1,"loss":null,"lr":0.5,"tokens":4,"seconds":1}
{"kind":"step","step":2,"loss":2,"lr":0.25,"grad_norm":3,"tokens":8,"seconds":2}
{"kind":"valid","step":2,"loss":2.5,"tokens":8})");
  run.name = "=a \"b\"";
  EXPECT_EQ(report_csv(std::vector{run}),
            "run,kind,step,tokens,seconds,loss,lr,grad_norm,tokens_per_second,mfu\n"
            "\"'=a \"\"b\"\"\",step,1,4,1.000,,0.5,,,\n"
            "\"'=a \"\"b\"\"\",step,2,8,2.000,2,0.25,3,,\n"
            "\"'=a \"\"b\"\"\",valid,2,8,2.000,2.5,,,,\n");
}

TEST(Report, JsonHasTheWholeCurves) {
  RunHistory run = history_of(R"({"kind":"step","step":1,"loss":2,"lr":1,"tokens":4,"seconds":1})");
  Json report = report_json(std::vector{run});
  EXPECT_EQ(report[0]["loss"]["value"], Json::array({2.0}));
  EXPECT_EQ(report[0]["loss"]["tokens"], Json::array({4}));
  EXPECT_EQ(report[0]["summary"]["final_loss"], 2.0);
  EXPECT_FALSE(report[0]["summary"].contains("best_valid"));
}

}  // namespace
}  // namespace slm
