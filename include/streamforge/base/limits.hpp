#pragma once

/// Every limit that has no setting, in one place, with its unit; relations are checked below.

#include <cstddef>
#include <cstdint>

namespace sf::limits {

inline constexpr std::size_t kKiB = 1024;
inline constexpr std::size_t kMiB = 1024 * kKiB;
inline constexpr std::size_t kGiB = 1024 * kMiB;

// io
inline constexpr unsigned kRingEntries = 1024;               ///< Submission queue of one reactor.
inline constexpr unsigned kRecvBuffers = 256;                ///< Provided buffers of one reactor.
inline constexpr std::size_t kRecvBufferBytes = 16 * kKiB;   ///< Size of each.
inline constexpr std::size_t kStagingBufferBytes = kMiB;     ///< One ingest buffer.
inline constexpr std::size_t kStagingPoolBytes = 64 * kMiB;  ///< Ingest pool of one reactor.
inline constexpr unsigned kIoWqWorkersMax = 8;               ///< Kernel worker threads of one ring.
inline constexpr unsigned kOffloadThreads = 4;               ///< Threads for calls that block.
inline constexpr unsigned kFilePoolThreads = 4;  ///< Of an epoll reactor, for its files.
inline constexpr unsigned kFileBuffers = 16;     ///< Per reactor, for sending files.
inline constexpr std::size_t kFileBufferBytes = 256 * kKiB;  ///< Size of each.
inline constexpr std::size_t kSendStepBytes = 2 * kMiB;      ///< Of a file, in one call.
inline constexpr std::size_t kTurnSendBytes = 16 * kMiB;  ///< Of files, in one turn of a reactor.
/// What a byte counts in that when it is read and encrypted rather than handed over.
inline constexpr std::size_t kTouchedByteWeight = 4;
inline constexpr unsigned kRecvQueueMax = 8;     ///< Unread chunks before a receive is paused.
inline constexpr unsigned kAcceptRetryMs = 100;  ///< Pause when descriptors have run out.
inline constexpr unsigned kTurnStallMs = 5;      ///< A turn that uses more CPU is counted.
inline constexpr std::size_t kDirectIoAlignment = 4096;

// net
inline constexpr int kListenBacklog = 4096;
inline constexpr unsigned kTurnedAwayMax = 64;  ///< Of a listener, being told; more: just closed.
inline constexpr unsigned kLingerMs = 1'000;    ///< Reading on after our last answer.
inline constexpr std::size_t kLingerBytesMax = 16 * kMiB;        ///< Likewise.
inline constexpr std::size_t kTlsHandshakeBytesMax = 64 * kKiB;  ///< From the peer; over it: ended.
/// In the kernel for one TLS connection, beyond what is on its way. Half of it would do as well on
/// a quiet line; a quarter was seen to cost a sixth.
inline constexpr int kSocketUnsentBytesMax = 1024 * 1024;
inline constexpr std::size_t kTlsUnsentBytesMax =
    64 * kKiB;                                            ///< Answers to a peer that only talks.
inline constexpr unsigned kTlsTicketMs = 12 * 3'600'000;  ///< Keys of session tickets are renewed.
inline constexpr unsigned kTlsCertificatesMax = 256;

/// Handshakes that took less are a near peer's: this machine, a rack, a house's cable; rarely
/// Wi-Fi.
inline constexpr unsigned kNearPeerUs = 1'000;

// http
inline constexpr std::size_t kRequestTargetBytesMax = 8 * kKiB;  ///< Over it: 414.
inline constexpr std::size_t kHeaderBlockBytesMax = 32 * kKiB;   ///< Over it: 431.
inline constexpr unsigned kHeaderCountMax = 100;                 ///< Over it: 431.
inline constexpr std::size_t kJsonBodyBytesMax = kMiB;           ///< API bodies; over it: 413.
inline constexpr unsigned kRangesMax = 16;                       ///< More in one request: 200.
inline constexpr unsigned kPipelineDepthMax = 64;
inline constexpr unsigned kQuickAnswersMax = 8192;       ///< Answers one reactor may keep.
inline constexpr unsigned kAccessLogDelayMs = 200;       ///< What a line may wait for others.
inline constexpr unsigned kHeadTimeoutMs = 10'000;       ///< First byte of a head to its last.
inline constexpr unsigned kIdleTimeoutMs = 75'000;       ///< Between requests.
inline constexpr unsigned kBodyStallTimeoutMs = 60'000;  ///< No byte of a body for this long.
inline constexpr unsigned kSendStallTimeoutMs = 60'000;  ///< Peer takes no byte for this long.
inline constexpr unsigned kDrainTimeoutMs = 10'000;      ///< SIGTERM to the end.
inline constexpr unsigned kHttp2StreamsMax = 100;        ///< Requests of one connection at a time.
inline constexpr unsigned kHttp2HandlersMax = 128;  ///< Those that were cancelled and still run
                                                    ///< count here; more are refused.
inline constexpr unsigned kHttp2WindowBytes = 2 * kMiB;  ///< Unread body bytes of a connection.
inline constexpr unsigned kHttp2BodyWindowBytes = kMiB;  ///< Of a body that is being read.
inline constexpr unsigned kHttp2CancelsMax = 200;        ///< RST_STREAM in a row; over it: ended.
inline constexpr unsigned kHttp2CancelsPerSecond = 50;   ///< How fast that is forgotten.
inline constexpr unsigned kHttp2AcksMax = 64;            ///< Unsent answers to PING and SETTINGS.
inline constexpr unsigned kHttp2ContinuationsMax = 8;    ///< Frames of one header block beside it.

// tus
inline constexpr std::size_t kMetadataBytesMax = 8 * kKiB;
inline constexpr unsigned kGroupPartsMax = 256;  ///< Parts written into one whole; over it: 400.
inline constexpr std::size_t kGroupNameBytesMax = 128;
inline constexpr std::size_t kCheckpointBytes = 16 * kMiB;
inline constexpr unsigned kCheckpointMs = 500;
inline constexpr unsigned kTakeoverWaitMs = 30'000;  ///< PATCH, DELETE for an earlier PATCH to end.
inline constexpr unsigned kHeadTakeoverWaitMs = 2'000;  ///< HEAD likewise; then 423.

// store
inline constexpr unsigned kPageItemsMax = 100;
inline constexpr unsigned kEventBacklog = 1024;      ///< Events kept for Last-Event-ID.
inline constexpr unsigned kEventQueueMax = 1024;     ///< Unread events of one subscription.
inline constexpr unsigned kWishesMax = 16'384;       ///< Viewers that wait for a segment, in total.
inline constexpr unsigned kCommitGroupMax = 256;     ///< State changes that share one log sync.
inline constexpr unsigned kVideoCacheItems = 1024;   ///< Of about 3 KiB each.
inline constexpr unsigned kScanRecordsMax = 20'000;  ///< Records that one page of a list may read.
inline constexpr unsigned kPathDepthMax = 8;         ///< Folders below processed/{id}.
inline constexpr unsigned kLoginFailuresMax = 10;    ///< For a name or an address in the window.
inline constexpr unsigned kLoginWindowMs = 15 * 60'000;
inline constexpr unsigned kLoginSubjectsMax = 16'384;  ///< Names and addresses that are counted.
inline constexpr unsigned kPasswordQueueMax = 32;  ///< Password hashes waiting; each takes 64 MiB.
inline constexpr std::size_t kTitleBytesMax = 512;
inline constexpr std::size_t kDescriptionBytesMax = 16 * kKiB;

// transcode
inline constexpr unsigned kTaskAttemptsMax = 3;
inline constexpr unsigned kWorkerSilenceMs = 30'000;  ///< No event for this long: hung.
inline constexpr unsigned kSegmentWaitMs =
    9'000;  ///< A viewer's wait for a segment, under hls.js's 10 s.
inline constexpr unsigned kFileWaitMs =
    50'000;  ///< For a whole file to be joined, under the minute that proxies wait.
inline constexpr std::size_t kVideoLogBytesMax = 256 * kKiB;
inline constexpr std::uint64_t kSourcePixelsMax = 8192ull * 8192ull;
inline constexpr unsigned kSourceStreamsMax = 64;
inline constexpr unsigned kSubtitleCuesMax = 50'000;             ///< Of a track; over it: left out.
inline constexpr std::size_t kSubtitleCueBytesMax = 4 * kKiB;    ///< Over it: that cue is left out.
inline constexpr std::size_t kSubtitleTrackBytesMax = 8 * kMiB;  ///< Of all its segments; likewise.
inline constexpr std::size_t kSubtitlesBytesMax = 64 * kMiB;     ///< Of all tracks of a video.

static_assert(kStagingBufferBytes % kDirectIoAlignment == 0);
static_assert(kStagingPoolBytes % kStagingBufferBytes == 0);
static_assert(kCheckpointBytes % kStagingBufferBytes == 0);
static_assert(kRequestTargetBytesMax < kHeaderBlockBytesMax);
static_assert(kSubtitleTrackBytesMax <= kSubtitlesBytesMax);

}  // namespace sf::limits
