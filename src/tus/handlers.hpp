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
#include <vector>

#include "admission.hpp"
#include "cors.hpp"
#include "ietf.hpp"
#include "ingest.hpp"
#include "ownership.hpp"
#include "protocol.hpp"
#include "quota.hpp"

namespace sf::tus {

class Assembler;
class Interim;

/// What all handlers share; lives as long as the service. Constant but for `ownership`,
/// `admission` and `quota`.
struct Context {
  store::Catalogue& catalogue;
  store::BlobStore& blobs;
  store::Accounts& accounts;
  ServiceOptions options;
  Policy policy;
  Cors cors;
  UploadIo upload_io = UploadIo::kBuffered;  ///< As resolved: not kAuto.
  std::function<io::Task<void>(std::string)> before_remove;
  Ownership ownership;
  Admission admission;
  Quota quota;
  Assembler* assembler = nullptr;
};

// `id` is from the path, not checked yet.
io::Task<http::Response> create(Context& context, http::Request& request, store::Principal who,
                                Speaker speaker);
io::Task<http::Response> concatenate(Context& context, http::Request& request, store::Principal who,
                                     Creation creation);
/// The sum, as soon as each part of an unfinished final has a length.
io::Task<std::optional<std::uint64_t>> length_of_parts(Context& context, store::Upload upload);
/// The same as `concatenate` for parts that lie in their group's file already.
io::Task<http::Response> answer_whole(Context& context, http::Request& request, Creation creation,
                                      std::vector<store::Upload> parts);
io::Task<http::Response> append(Context& context, http::Request& request, store::Principal who,
                                Speaker speaker, std::string id);
io::Task<http::Response> inspect(Context& context, http::Request& request, store::Principal who,
                                 Speaker speaker, std::string id);
io::Task<http::Response> download(Context& context, http::Request& request, store::Principal who,
                                  Speaker speaker, std::string id);
io::Task<http::Response> remove(Context& context, http::Request& request, store::Principal who,
                                Speaker speaker, std::string id);

// --- Shared by the handlers.

/// The video that a new upload becomes.
[[nodiscard]] store::Video video_of(const store::Upload& upload, const Description& description);
/// What a request brings to say who sends it; views into it.
[[nodiscard]] store::Credentials credentials_of(const http::Request& request);

/// Where clients find an upload.
[[nodiscard]] std::string location_of(const Context& context, std::string_view id);

[[nodiscard]] http::Response refuse(const http::Request& request, const Refusal& refusal);
/// The same with what the client must know of the upload to go on.
[[nodiscard]] http::Response answer_refused(const Context& context, const http::Request& request,
                                            const Speaker& speaker, const Refusal& refusal,
                                            const store::Upload& upload);
/// Says what failed in the log and what to do in the answer.
[[nodiscard]] Refusal refusal_of_disk(std::string_view what, const std::string& id,
                                      const Error& error);

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
/// Others are asked to let go of it, and have `timeout_ms`; not for one who is `gone` by then, if
/// that can be told: then it is 423, as after that time.
io::Task<Decision<Held>> take_upload(Context& context, store::Principal who, std::string id,
                                     std::uint32_t timeout_ms, std::function<bool()> gone = {});

/// The right of `account` to one more upload of `bytes`, or why it has none.
io::Task<Decision<Quota::Place>> find_place(Context& context, std::string account,
                                            std::uint64_t bytes);

/// Where a body has brought an upload.
struct Stored {
  std::uint64_t offset = 0;
  bool complete = false;
  std::string repr_digest = {};  ///< For the answer, when somebody asked.
};
[[nodiscard]] http::Response answer_stored(const Context& context, const Speaker& speaker,
                                           const store::Upload& upload, const Stored& stored);
/// The body of a PATCH or POST into the upload, to the end: on disk, synced, in the catalogue, and
/// the upload completed when that is due. Gives where it is now, or what to answer.
io::Task<Decision<Stored>> store_body(Context& context, http::Request& request,
                                      Ownership::Hold& hold, const store::Upload& upload,
                                      Append append, Interim& interim);
/// The rest of an append by whoever holds the upload.
io::Task<http::Response> append_held(Context& context, http::Request& request, Speaker speaker,
                                     Held& held, AppendWish wish, Interim& interim);
/// Makes the record of a part that names its group, and with the first one the group's file, its
/// upload and its video; gives its place. Ends whoever writes a part of the same range.
io::Task<Decision<store::Upload>> place_part(Context& context, store::Upload part,
                                             Placement placement, Description description);
/// Completes a part's whole once no byte of it is missing. Idempotent.
io::Task<Result<>> finish_whole(Context& context, std::string id);
/// Removes all of an upload and its video: transcode, files, records. Missing parts are no error.
io::Task<Result<>> remove_all(Context& context, std::string id);
/// The same for an upload nobody has heard of, or that nobody may use any more.
io::Task<void> unmake(Context& context, std::string id);
/// What follows the last byte: the file moves to raw/, the video is queued. Idempotent. Partials
/// wait for their final.
io::Task<Result<>> finish(Context& context, store::Upload upload);
/// The same for a request: asks first whether its sender still may, and whether the whole is what
/// was announced.
io::Task<Decision<Stored>> end_upload(Context& context, const http::Request& request,
                                      const Ownership::Hold& hold, store::Upload whole);

}  // namespace sf::tus
