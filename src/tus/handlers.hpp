#pragma once

/// The verbs of `/files`, one file each. A handler is given a request whose version and caller are
/// known already and answers it whole; service.cpp adds what every answer carries.

#include <streamforge/http/message.hpp>
#include <streamforge/store/accounts.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/tus/service.hpp>

#include <functional>
#include <string>

#include "cors.hpp"
#include "ingest.hpp"
#include "ownership.hpp"
#include "protocol.hpp"

namespace sf::tus {

class Assembler;

/// What all handlers share; lives as long as the service. Constant but for `ownership`.
struct Context {
  store::Catalogue& catalogue;
  store::BlobStore& blobs;
  store::Accounts& accounts;
  ServiceOptions options;
  Policy policy;
  Cors cors;
  bool direct = false;  ///< Files are opened with O_DIRECT.
  std::function<io::Task<void>(std::string)> before_remove;
  Ownership ownership;
  Assembler* assembler = nullptr;
};

// `id` is from the path, not checked yet.
io::Task<http::Response> create(Context& context, http::Request& request, store::Principal who);
io::Task<http::Response> concatenate(Context& context, http::Request& request, store::Principal who,
                                     Creation creation);
io::Task<http::Response> append(Context& context, http::Request& request, store::Principal who,
                                std::string id);
io::Task<http::Response> inspect(Context& context, http::Request& request, store::Principal who,
                                 std::string id);
io::Task<http::Response> download(Context& context, http::Request& request, store::Principal who,
                                  std::string id);
io::Task<http::Response> remove(Context& context, http::Request& request, store::Principal who,
                                std::string id);

// --- Shared by the handlers.

/// The video that a new upload becomes.
[[nodiscard]] store::Video video_of(const store::Upload& upload, const Description& description);

[[nodiscard]] http::Response refuse(const http::Request& request, const Refusal& refusal);

/// The upload, when it exists, has not expired and `who` may continue it. kNotFound hides what is
/// another's; an expired one is 410.
io::Task<Decision<store::Upload>> find_upload(Context& context, store::Principal who,
                                              std::string id);
/// The hold for an upload, and then its record as it is now that nobody else can change it. Ask
/// `find_upload` first: a stranger's request must not end anyone's transfer.
struct Held {
  Ownership::Hold hold;
  store::Upload upload;
};
io::Task<Decision<Held>> take_upload(Context& context, store::Principal who, std::string id,
                                     std::uint32_t timeout_ms);

/// The body of a PATCH or POST into the upload, to the end: on disk, synced, in the catalogue, and
/// the upload completed when that was the last byte. Gives the offset reached, or what to answer.
io::Task<Decision<std::uint64_t>> store_body(Context& context, http::Request& request,
                                             Ownership::Hold& hold, const store::Upload& upload,
                                             Append append);
/// Removes all of an upload and its video: transcode, files, records. Missing parts are no error.
io::Task<Result<>> remove_all(Context& context, std::string id);
/// The same for an upload nobody has heard of.
io::Task<void> unmake(Context& context, std::string id);
/// What follows the last byte: the file moves to raw/, the video is queued. Idempotent. Partials
/// wait for their final.
io::Task<Result<>> finish(Context& context, store::Upload upload);

}  // namespace sf::tus
