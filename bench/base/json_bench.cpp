// Records and API bodies are JSON: what one costs to read and to write.

#include <streamforge/base/id.hpp>
#include <streamforge/base/json.hpp>

#include <benchmark/benchmark.h>

namespace {

/// About as large as a video in the API: four renditions, a source, strings.
std::string video_text(std::string_view id) {
  sf::json::Writer writer;
  writer.begin_object()
      .field("id", id)
      .field("title", "A walk along the river, \"in the morning\"")
      .field("status", "processing")
      .field("progress", 0.375)
      .key("renditions")
      .begin_array();
  for (const int height : {1080, 720, 480, 360}) {
    writer.begin_object()
        .field("height", height)
        .field("mode", "encode")
        .field("segments_done", 17)
        .field("bytes", std::uint64_t{123'456'789})
        .end_object();
  }
  writer.end_array().end_object();
  return std::move(writer).take();
}

void write_video(benchmark::State& state) {
  const std::string id = sf::make_id();
  std::size_t bytes = 0;
  for (auto _ : state) bytes += video_text(id).size();
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}
BENCHMARK(write_video);

void parse_video(benchmark::State& state) {
  const std::string text = video_text(sf::make_id());
  for (auto _ : state) benchmark::DoNotOptimize(sf::json::parse(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_video);

}  // namespace

BENCHMARK_MAIN();
