#include "codec.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/json.hpp>

#include <type_traits>

#include "fields.hpp"
#include "names.hpp"

namespace sf::store {
namespace {

constexpr const auto& table_of(VideoStatus) { return kVideoStatusNames; }
constexpr const auto& table_of(Visibility) { return kVisibilityNames; }
constexpr const auto& table_of(JobState) { return kJobStateNames; }
constexpr const auto& table_of(Role) { return kRoleNames; }

/// Writes the fields of one object, whose braces are the caller's.
class FieldWriter {
 public:
  explicit FieldWriter(json::Writer& out) : out_(out) {}

  template <class T>
  void operator()(std::string_view name, const T& value) {
    out_.key(name);
    write(value);
  }

 private:
  template <class T>
  void write(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      out_.value(name_of(value));
    } else if constexpr (std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) {
      out_.value(value);
    } else {
      out_.begin_object();
      visit_fields(value, *this);
      out_.end_object();
    }
  }
  template <class T>
  void write(const std::optional<T>& value) {
    if (value) {
      write(*value);
    } else {
      out_.null();
    }
  }
  template <class T>
  void write(const std::vector<T>& values) {
    out_.begin_array();
    for (const T& value : values) write(value);
    out_.end_array();
  }

  json::Writer& out_;
};

/// Reads the fields of one object; the first fault stays in `fault`, naming the field.
class FieldReader {
 public:
  FieldReader(const json::Value& object, std::string& fault) : object_(object), fault_(fault) {}

  template <class T>
  void operator()(std::string_view name, T& into) {
    const json::Value* value = object_.find(name);
    if (value == nullptr || value->is_null()) return;
    if (!read(*value, into) && fault_.empty()) fault_ = name;
  }

 private:
  template <class T, class U>
  static bool take(const std::optional<U>& value, T& into) {
    if (!value) return false;
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      if (!std::in_range<T>(*value)) return false;
    }
    into = static_cast<T>(*value);
    return true;
  }
  static bool read(const json::Value& value, bool& into) { return take(value.as_bool(), into); }
  static bool read(const json::Value& value, std::string& into) {
    return take(value.as_string(), into);
  }
  template <std::unsigned_integral T>
  static bool read(const json::Value& value, T& into) {
    return take(value.as_uint(), into);
  }
  static bool read(const json::Value& value, std::int64_t& into) {
    return take(value.as_int(), into);
  }
  template <class T>
    requires std::is_enum_v<T>
  static bool read(const json::Value& value, T& into) {
    const auto word = value.as_string();
    return word && take(table_of(T{}).find(*word), into);
  }
  template <class T>
  bool read(const json::Value& value, std::optional<T>& into) {
    return read(value, into.emplace());
  }
  template <class T>
  bool read(const json::Value& value, std::vector<T>& into) {
    if (!value.is_array()) return false;
    into.clear();
    into.reserve(value.array().size());
    for (const json::Value& item : value.array()) {
      if (!read(item, into.emplace_back())) return false;
    }
    return true;
  }
  template <class T>
    requires std::is_class_v<T>
  bool read(const json::Value& value, T& into) {
    if (!value.is_object()) return false;
    visit_fields(into, FieldReader(value, fault_));
    return fault_.empty();
  }

  const json::Value& object_;
  std::string& fault_;
};

}  // namespace

template <class Record>
std::string encode(const Record& record) {
  json::Writer out;
  out.begin_object().field("v", kSchema);
  visit_fields(record, FieldWriter(out));
  out.end_object();
  return std::move(out).take();
}

template <class Record>
Result<Record> decode(std::string_view text) {
  auto value = json::parse(text);
  if (!value || !value->is_object()) {
    return fail(ErrorCode::kCorrupt, "a stored record is not a JSON object");
  }
  const auto schema = value->uint_at("v", 0);
  if (schema > kSchema) {
    return fail(ErrorCode::kUnsupported, concat("a stored record has schema ", schema,
                                                ", this program knows up to ", kSchema));
  }
  Record record;
  std::string fault;
  visit_fields(record, FieldReader(*value, fault));
  if (!fault.empty()) {
    return fail(ErrorCode::kCorrupt, concat("a stored record's field \"", fault, "\" is not read"));
  }
  return record;
}

#define SF_STORE_CODEC(Record)                \
  template std::string encode(const Record&); \
  template Result<Record> decode<Record>(std::string_view)
SF_STORE_CODEC(Video);
SF_STORE_CODEC(Upload);
SF_STORE_CODEC(Segment);
SF_STORE_CODEC(Job);
SF_STORE_CODEC(User);
SF_STORE_CODEC(Token);
SF_STORE_CODEC(Session);
#undef SF_STORE_CODEC

}  // namespace sf::store
