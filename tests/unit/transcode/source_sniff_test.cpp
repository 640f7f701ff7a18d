#include "source_sniff.hpp"

#include <gtest/gtest.h>

#include <random>

namespace sf::transcode {
namespace {

using std::string_literals::operator""s;

std::string packets(std::size_t size, std::size_t count, std::size_t lead = 0) {
  std::string out(lead, '\1');
  for (std::size_t i = 0; i < count; ++i) {
    out += '\x47' + std::string(size - 1, '\2');
  }
  return out;
}

std::string kind_of(const std::string& head) {
  const auto kind = sniff(head);
  return kind ? kind->container + "/" + kind->demuxer : kind.error().message;
}

TEST(Sniff, KnownKinds) {
  EXPECT_EQ(kind_of("\0\0\0\x18"
                    "ftypisom\0\0\2\0isomiso2"s),
            "mp4/mov");
  EXPECT_EQ(kind_of("\0\0\0\x14"
                    "ftypqt  \0\0\2\0qt  "s),
            "mov/mov");
  EXPECT_EQ(kind_of("\0\0\0\x08"
                    "wide\0\0\0\x01mdat\0\0\0\0"s),
            "mov/mov");
  EXPECT_EQ(kind_of("\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm\x42"), "webm/matroska");
  EXPECT_EQ(kind_of("\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska"), "matroska/matroska");
  EXPECT_EQ(kind_of("RIFF\1\2\3\4AVI LIST"), "avi/avi");
  EXPECT_EQ(kind_of("RIFF\1\2\3\4WAVEfmt "), "wav/wav");
  EXPECT_EQ(kind_of("FLV\1\5\0\0\0\t"s), "flv/flv");
  EXPECT_EQ(kind_of("OggS\0\2"s), "ogg/ogg");
  EXPECT_EQ(kind_of("\0\0\1\xba\x44"s), "mpeg/mpeg");
  EXPECT_EQ(kind_of(packets(188, 300)), "mpegts/mpegts");
  EXPECT_EQ(kind_of(packets(188, 300, 100)), "mpegts/mpegts");
  EXPECT_EQ(kind_of(packets(192, 300, 4)), "mpegts/mpegts");
  EXPECT_EQ(kind_of("\xff\xfb\x90\x64"s + std::string(413, '\0') + "\xff\xfb\x90\x64"s +
                    std::string(413, '\0')),
            "mp3/mp3");
}

TEST(Sniff, WhatIsNotMedia) {
  EXPECT_EQ(kind_of(""), "This file is empty");
  EXPECT_EQ(kind_of("\xef\xbb\xbf#EXTM3U\n"),
            "This file is not a video: it is a playlist; upload the video itself");
  EXPECT_EQ(kind_of("v=0\r\no=- 0 0 IN IP4 10.0.0.1\r\n"),
            "This file is not a video: it is a session description; upload the video itself");
  EXPECT_EQ(kind_of("\x89PNG\r\n\x1a\n"), "This file is not a video: it is a picture");
  EXPECT_EQ(kind_of("\0\0\0\x18"
                    "ftypheic\0\0\0\0mif1"s),
            "This file is not a video: it is a picture");
  EXPECT_EQ(kind_of("<!DOCTYPE html><title>404</title>"),
            "This file is not a video: it is a web page");
  EXPECT_EQ(kind_of("#!/bin/sh\nrm -rf /\n"), "This file is not a video: it is a script");
  EXPECT_EQ(kind_of("hello"), "This file is not a video: it is text");
  EXPECT_EQ(kind_of(std::string(300, '\0')),
            "This file is not a video: it is of a kind that is not known here");
  for (const std::string& bare :
       {"\0\0\1\xb3\x16\0\xf0"s, "\0\0\0\1\x67\x42\xc0"s, "\0\0\1\x40\1\x0c"s}) {
    EXPECT_EQ(kind_of(bare),
              "This file is not a video: it is a bare stream of pictures, which does not say when "
              "they are shown; \"ffmpeg -i FILE FILE.mkv\" makes a video of it");
  }
  EXPECT_EQ(kind_of("\x1a\x45\xdf\xa3nothing we know"),
            "This file is not a video: it is an EBML file of an unknown kind");
}

// Noise must not look like media by chance: raw MPEG audio has the shortest mark, 11 bits.
TEST(Sniff, NoiseIsNotMedia) {
  std::mt19937 random(3);
  unsigned accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string head(random() % 4096, '\0');
    for (char& byte : head) byte = static_cast<char>(random());
    accepted += sniff(head) ? 1 : 0;
  }
  EXPECT_LE(accepted, 1U);
}

}  // namespace
}  // namespace sf::transcode
